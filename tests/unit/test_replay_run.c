/* SPDX-License-Identifier: MIT */
/* Tests of the replay itself, most of them with the bundled recording of a real kernel. */
#include "tests/unit/test_replay_data.h"

#include "stress/replay/replay_bundle.h"
#include "stress/replay/replay_score.h"

static const struct replay_options as_recorded = { .setting = REPLAY_SETTING_RECORDED, .seed = 1 };
static struct replay_bundle bundle;

static int open_bundle(void **state)
{
	struct trace_error err;

	(void)state;
	if (!replay_bundle_open(&bundle, bundled_trace(), &as_recorded, &err))
		return 0;
	print_error("%s\n", err.text);
	return -1;
}

static int close_bundle(void **state)
{
	(void)state;
	replay_bundle_close(&bundle);
	return 0;
}

static struct replay_outcome run_with(const struct replay_plan *plan,
				      const struct replay_options *opt)
{
	struct replay_outcome out;
	struct mm_error err;

	if (replay_run(plan, opt, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

static double off(u64 ours, u64 kernel)
{
	double diff = (double)ours - (double)kernel;

	return (diff < 0 ? -diff : diff) / (double)kernel;
}

static void real_trace_is_followed(void **state)
{
	struct replay_outcome out = run_with(&bundle.plan, &as_recorded);
	const struct replay_counts *c = &bundle.plan.counts;
	struct replay_score score;

	(void)state;
	replay_score(&bundle.plan, &out, &score);
	assert_int_equal(c->refilled, 19429);
	assert_int_equal(c->drained, 20242);
	assert_int_equal(score.refills.kernel_pages, c->refilled);
	assert_int_equal(score.refills.pages, out.refilled);
	assert_int_equal(score.drains.pages, out.drained);
	assert_true(off(out.refilled, c->refilled) < 0.10);
	assert_true(off(out.drained, c->drained) < 0.20);
	assert_true(score_f1(&score.all, SCORE_NEAR) >= 0.90);
	assert_true(score.same_matrix);
	assert_int_equal(out.failed, 0);
	assert_int_equal(out.fallbacks, 0);
	assert_int_equal(out.irq_takes, c->irq_takes);
	/* What the trace leaves open: no list was found other than it must be. */
	assert_int_equal(c->drift, 0);
	replay_score_free(&score);
	replay_outcome_free(&out);
}

static void two_runs_are_equal(void **state)
{
	struct replay_outcome a = run_with(&bundle.plan, &as_recorded);
	struct replay_outcome b = run_with(&bundle.plan, &as_recorded);

	(void)state;
	assert_int_equal(a.nr_transfers, b.nr_transfers);
	for (u32 i = 0; i < a.nr_transfers; i++) {
		assert_int_equal(a.transfers[i].event, b.transfers[i].event);
		assert_int_equal(a.transfers[i].ordinal, b.transfers[i].ordinal);
		assert_int_equal(a.transfers[i].pages, b.transfers[i].pages);
		assert_int_equal(a.transfers[i].list, b.transfers[i].list);
	}
	assert_int_equal(a.zone_locks, b.zone_locks);
	assert_int_equal(a.stranded_max, b.stranded_max);
	assert_true(a.stranded_mean == b.stranded_mean);
	replay_outcome_free(&a);
	replay_outcome_free(&b);
}

/* Each list transfer and each operation past the lists takes the zone's lock once. */
static void zone_lock_count_is_explained(void **state)
{
	struct replay_outcome out = run_with(&bundle.plan, &as_recorded);
	u64 past = 0;

	(void)state;
	for (u32 i = 0; i < bundle.plan.nr_ops; i++)
		past += bundle.plan.ops[i].kind >= REPLAY_BUDDY_TAKE;
	assert_int_equal(out.worker_drained, 0);
	assert_int_equal(out.zone_locks, out.refills + out.drains + past);
	replay_outcome_free(&out);
}

static void without_lists_every_operation_takes_the_lock(void **state)
{
	struct replay_options none = as_recorded;
	struct replay_outcome out;

	(void)state;
	none.setting.policy = "none";
	out = run_with(&bundle.plan, &none);
	assert_false(out.as_recorded);
	assert_int_equal(out.zone_locks, bundle.plan.nr_ops);
	assert_int_equal(out.stranded_max, 0);
	replay_outcome_free(&out);
}

static void smaller_lists_strand_less_and_move_more(void **state)
{
	struct replay_options small = as_recorded;
	struct replay_outcome a = run_with(&bundle.plan, &as_recorded), b;

	(void)state;
	small.setting = (struct replay_setting){ "fixed", 31, 186, REPLAY_NONE, REPLAY_NONE,
						  REPLAY_NONE };
	b = run_with(&bundle.plan, &small);
	assert_true(b.refilled > a.refilled);
	assert_true(b.zone_locks > a.zone_locks);
	/* Two CPUs, high and the largest block above it. */
	assert_in_range(b.stranded_max, 1, 2 * (186 + 512));
	assert_int_equal(b.failed, 0);
	replay_outcome_free(&a);
	replay_outcome_free(&b);
}

static void concurrent_run_does_the_same_operations(void **state)
{
	struct replay_options opt = as_recorded;
	struct replay_outcome out;

	(void)state;
	opt.mode = REPLAY_CONCURRENT;
	for (int i = 0; i < 3; i++) {
		/* replay_run() panics when a page is lost. */
		out = run_with(&bundle.plan, &opt);
		assert_int_equal(out.ops, bundle.plan.nr_ops);
		assert_int_equal(out.failed, 0);
		assert_memory_equal(out.takes_by, bundle.plan.counts.takes_by,
				    sizeof(out.takes_by));
		replay_outcome_free(&out);
	}
}

/* A ping-pong: CPU 0 allocates, CPU 1 frees, many times over. */
static void a_free_waits_for_its_allocation(void **state)
{
	struct replay_options opt = as_recorded;
	struct replay_outcome out;
	struct replay_plan plan;
	static struct sample s;

	(void)state;
	sample_init(&s, 0);
	for (u32 i = 0; i < MAX_TEST_EVENTS / 2; i++) {
		add(&s, TRACE_PAGE_ALLOC, 0, 1);
		add(&s, TRACE_PAGE_FREE, 1, 1);
	}
	plan_sample(&s, &plan);
	opt.mode = REPLAY_CONCURRENT;
	out = run_with(&plan, &opt);
	assert_int_equal(out.ops, MAX_TEST_EVENTS);
	assert_int_equal(out.failed, 0);
	replay_outcome_free(&out);
	replay_plan_destroy(&plan);
}

static void wrong_lock_is_refused(void **state)
{
	struct replay_options opt = as_recorded;
	struct replay_outcome out;
	struct mm_error err;

	(void)state;
	opt.lock = "no such lock";
	assert_int_equal(replay_run(&bundle.plan, &opt, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no such lock"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_trace_is_followed),
		cmocka_unit_test(two_runs_are_equal),
		cmocka_unit_test(zone_lock_count_is_explained),
		cmocka_unit_test(without_lists_every_operation_takes_the_lock),
		cmocka_unit_test(smaller_lists_strand_less_and_move_more),
		cmocka_unit_test(concurrent_run_does_the_same_operations),
		cmocka_unit_test(a_free_waits_for_its_allocation),
		cmocka_unit_test(wrong_lock_is_refused),
	};

	return cmocka_run_group_tests(tests, open_bundle, close_bundle);
}
