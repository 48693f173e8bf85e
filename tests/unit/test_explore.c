/* SPDX-License-Identifier: MIT */
/* The explorer: determinism, campaigns and shards, failures, replay, shrinking, merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/preempt.h"
#include "stress/explore/result.h"
#include "stress/explore/switches.h"

/* ---- a scenario with a bug that needs one preemption at the right place ---- */

static u32 value;
static u32 done[EXPLORE_MAX_CPUS];	/* by each CPU: updates made */

static void buggy_setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	value = 0;
	memset(done, 0, sizeof(done));
}

static void buggy_run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 seen;

		sim_point(SIM_ACCESS, &value);
		seen = READ_ONCE(value);
		if (c->op == 3)			/* only here: the others have no window */
			sim_point(SIM_ACCESS, &value);
		WRITE_ONCE(value, seen + 1);
		done[c->id]++;
	}
}

static void buggy_check(unsigned int nr_cpus)
{
	u32 expected = 0;

	for (unsigned int i = 0; i < nr_cpus; i++)
		expected += done[i];
	if (value != expected)
		panic("lost update: %u of %u", value, expected);
}

static const struct scenario buggy = {
	.name = "test-buggy", .doc = "loses an update", .cpus = 3, .ops = 30,
	.setup = buggy_setup, .run = buggy_run, .check = buggy_check,
};

EXPLORE_SCENARIO(buggy);

static struct explore_options options(const char *name, u64 first, u64 last)
{
	struct explore_options opt = {
		.policy = { .portfolio = true }, .first = first, .last = last,
		.shard = 1, .nr_shards = 1,
		.config = { .scenario = scenario_find(name), .check_every = 256 },
	};

	assert_non_null(opt.config.scenario);
	opt.config.cpus = opt.config.scenario->cpus;
	opt.config.irq_one_in = opt.config.scenario->irq_one_in;
	explore_config_set_ops(&opt.config, opt.config.scenario->ops);
	return opt;
}

static struct explore_result campaign(struct explore_options opt)
{
	struct explore_result result;
	char err[256];

	if (explore_campaign(&opt, &result, err, sizeof(err)))
		fail_msg("%s", err);
	return result;
}

/* ---- determinism ---- */

static u64 digest_of(struct explore_options opt)
{
	struct explore_result r = campaign(opt);
	u64 digest = r.sums.digest;

	for (u32 i = 0; i < r.nr_failures; i++)
		print_message("%s\n", r.failures[i].text);
	assert_int_equal(r.nr_failed, 0);
	assert_true(r.complete);
	assert_int_equal(r.sums.schedules, opt.last - opt.first + 1);
	explore_result_free(&r);
	return digest;
}

/* Each seed alone, in a fresh process, gives the hash it gives after all the others. */
static void test_seed_decides_whatever_ran_before(void **state)
{
	static const char *const names[] = { "pages-drain", "pages-irq", "rcu", "ipi" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		u64 all = digest_of(options(names[i], 1, 24)), sum = 0;

		for (u64 seed = 24; seed >= 1; seed--)
			sum += digest_of(options(names[i], seed, seed));
		assert_int_equal(sum, all);
		assert_int_not_equal(all, digest_of(options(names[i], 2, 25)));
	}
}

static void test_every_scenario_is_clean(void **state)
{
	size_t nr;
	const struct scenario *const *list = scenarios(&nr);

	(void)state;
	assert_true(nr >= 10);
	for (size_t i = 0; i < nr; i++) {
		struct explore_options opt;

		if (list[i] == &buggy)
			continue;
		print_message("%s, seeds 1-40\n", list[i]->name);
		opt = options(list[i]->name, 1, 40);
		opt.config.store_buffer = SIM_STORE_BUFFER;
		digest_of(opt);
	}
}

static void test_shards_split_the_seeds(void **state)
{
	u64 all = digest_of(options("owner-lock", 10, 109)), sum = 0, schedules = 0;

	(void)state;
	for (unsigned int i = 1; i <= 7; i++) {
		struct explore_options opt = options("owner-lock", 10, 109);
		struct explore_result r;

		opt.shard = i;
		opt.nr_shards = 7;
		r = campaign(opt);
		sum += r.sums.digest;
		schedules += r.sums.schedules;
		explore_result_free(&r);
	}
	assert_int_equal(schedules, 100);
	assert_int_equal(sum, all);
}

/* ---- failures ---- */

static struct explore_failure *first_failure(struct explore_result *r)
{
	assert_int_equal(r->nr_failures, 1);
	assert_non_null(strstr(r->failures[0].title, "lost update"));
	return &r->failures[0];
}

static void test_exploration_goes_on_after_a_failure(void **state)
{
	struct explore_result r = campaign(options("test-buggy", 1, 200));
	struct explore_failure *f = first_failure(&r);

	(void)state;
	assert_true(r.complete);
	assert_true(r.nr_failed > 10 && r.nr_failed < 200);
	assert_int_equal(r.nr_failed + r.sums.schedules, 200);
	assert_int_equal(f->count, r.nr_failed);
	explore_result_free(&r);
}

static void test_repro_command_repeats_it(void **state)
{
	struct explore_options opt = options("test-buggy", 1, 200), again;
	struct explore_result r, s;
	char *repro;

	(void)state;
	opt.stop_on_failure = true;
	r = campaign(opt);
	assert_int_equal(r.nr_failed, 1);
	repro = explore_failure_repro(first_failure(&r));
	assert_non_null(strstr(repro, "kmemlab explore test-buggy --cpus 3 --ops 30 --seeds "));
	again = options("test-buggy", r.failures[0].schedule.seed, r.failures[0].schedule.seed);
	s = campaign(again);
	assert_int_equal(first_failure(&s)->hash, r.failures[0].hash);
	assert_string_equal(s.failures[0].title, r.failures[0].title);
	free(repro);
	explore_result_free(&r);
	explore_result_free(&s);
}

static void test_replay_gives_the_same_hash(void **state)
{
	struct explore_result r = campaign(options("test-buggy", 1, 50));
	struct explore_failure again, *f = first_failure(&r);

	(void)state;
	assert_true(f->nr_switches > 0);
	assert_int_equal(explore_replay(f, &again), 1);
	assert_int_equal(again.hash, f->hash);
	assert_string_equal(again.title, f->title);
	explore_failure_free(&again);
	f->nr_switches = 0;			/* without preemption nothing is lost */
	assert_int_equal(explore_replay(f, &again), 0);
	explore_result_free(&r);
}

/* One CPU is left in its window: two or three switches at most, on two CPUs. */
static void test_shrink_leaves_the_switches_that_matter(void **state)
{
	struct explore_result r;
	struct explore_failure *f;
	char *text, *before, *after;
	size_t size;
	FILE *out;

	(void)state;
	r = campaign(options("test-buggy", 1, 50));
	f = first_failure(&r);
	before = explore_failure_repro(f);
	explore_shrink(f, 20.0);
	assert_true(f->shrunk);
	after = explore_failure_repro(f);
	assert_string_equal(before, after);
	free(before);
	free(after);
	assert_in_range(f->nr_switches, 1, 6);
	out = open_memstream(&text, &size);
	explore_print_switches(f, 0, out);
	fclose(out);
	print_message("%s", text);
	assert_non_null(strstr(text, "cpu 0"));
	assert_non_null(strstr(text, "fails: "));
	free(text);
	explore_result_free(&r);
}

/* ---- results ---- */

static json_t *shard_json(unsigned int i, unsigned int n)
{
	struct explore_options opt = options("test-buggy", 1, 120);
	struct explore_result r;
	json_t *json;

	opt.shard = i;
	opt.nr_shards = n;
	r = campaign(opt);
	json = explore_result_json(&r);
	explore_result_free(&r);
	return json;
}

static void test_merged_shards_equal_the_whole(void **state)
{
	static const char *const same[] = { "schedules", "failed", "steps", "switches", "digest" };
	json_t *whole = shard_json(1, 1), *sum = shard_json(2, 3), *a = shard_json(1, 3),
	       *b = shard_json(3, 3), *f, *g;
	struct report_error err;

	(void)state;
	assert_int_equal(explore_json_merge(sum, a, "a", &err), 0);
	assert_int_equal(explore_json_merge(sum, b, "b", &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		assert_true(json_equal(json_object_get(json_object_get(sum, "sums"), same[i]),
				       json_object_get(json_object_get(whole, "sums"), same[i])));
	f = json_array_get(json_object_get(sum, "failures"), 0);
	g = json_array_get(json_object_get(whole, "failures"), 0);
	assert_true(json_equal(json_object_get(f, "seed"), json_object_get(g, "seed")));
	assert_true(json_equal(json_object_get(f, "count"), json_object_get(g, "count")));
	/* Nothing twice. */
	assert_int_not_equal(explore_json_merge(sum, a, "a", &err), 0);
	assert_non_null(strstr(err.text, "overlap"));
	json_decref(whole);
	json_decref(sum);
	json_decref(a);
	json_decref(b);
}

static void test_failures_survive_a_file(void **state)
{
	json_t *json = shard_json(1, 1);
	struct explore_failure *failures, again;
	struct report_error err;
	u32 nr;

	(void)state;
	assert_int_equal(explore_json_failures(json, "x", &failures, &nr, &err), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(explore_replay(&failures[0], &again), 1);
	assert_int_equal(again.hash, failures[0].hash);
	explore_failure_free(&again);
	explore_failure_free(&failures[0]);
	free(failures);
	json_decref(json);
}

static void test_policy_texts(void **state)
{
	static const char *const good[] = { "portfolio", "random:7", "pct:4", "delay:50",
					    "serial" };
	static const char *const bad[] = { "", "rand", "pct:0", "pct:99", "random:x", "replay",
					   "portfolio:2", "random:" };
	struct explore_policy p;
	char buf[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(explore_policy_parse(good[i], &p), 0);
		assert_string_equal(explore_policy_text(&p, buf, sizeof(buf)), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(explore_policy_parse(bad[i], &p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_texts),
		cmocka_unit_test(test_seed_decides_whatever_ran_before),
		cmocka_unit_test(test_every_scenario_is_clean),
		cmocka_unit_test(test_shards_split_the_seeds),
		cmocka_unit_test(test_exploration_goes_on_after_a_failure),
		cmocka_unit_test(test_repro_command_repeats_it),
		cmocka_unit_test(test_replay_gives_the_same_hash),
		cmocka_unit_test(test_shrink_leaves_the_switches_that_matter),
		cmocka_unit_test(test_merged_shards_equal_the_whole),
		cmocka_unit_test(test_failures_survive_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
