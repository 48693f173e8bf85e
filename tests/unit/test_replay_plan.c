/* SPDX-License-Identifier: MIT */
/* Tests of the replay plan: commits, types, hidden operations, start state, bad input. */
#include "stress/replay/replay_plan.h"
#include "tests/unit/test_replay_data.h"

static void batched_free_is_one_put_at_the_batch(void **state)
{
	struct sample s;
	struct replay_plan plan;

	(void)state;
	sample_init(&s, 0);
	add(&s, TRACE_PAGE_ALLOC, 0, 1);
	add(&s, TRACE_PAGE_ALLOC, 0, 2)->order = 2;
	add(&s, TRACE_PAGE_FREE, 0, 1);
	add(&s, TRACE_PAGE_FREE, 0, 2)->order = 2;
	add(&s, TRACE_PAGE_FREE_BATCHED, 1, 2);
	plan_sample(&s, &plan);

	/* Page 1 at its free, page 2 at the batched event: that CPU, the free's order. */
	assert_int_equal(plan.nr_ops, 4);
	assert_int_equal(plan.ops[2].event, 2);
	assert_int_equal(plan.ops[3].event, 4);
	assert_int_equal(plan.ops[3].kind, REPLAY_PUT);
	assert_int_equal(plan.ops[3].cpu, 1);
	assert_int_equal(plan.ops[3].order, 2);
	/* Each put empties the slot of its take. */
	assert_int_equal(plan.ops[2].slot, plan.ops[0].slot);
	assert_int_equal(plan.ops[3].slot, plan.ops[1].slot);
	assert_int_equal(plan.counts.standins, 0);
	replay_plan_destroy(&plan);
}

static void free_takes_its_type_from_the_pageblock(void **state)
{
	struct sample s;
	struct replay_plan plan;

	(void)state;
	sample_init(&s, 0);
	add(&s, TRACE_PAGE_FREE, 0, 1);			/* the block's type comes later */
	add(&s, TRACE_PAGE_FREE, 0, 513);		/* nothing ever tells */
	add(&s, TRACE_PAGE_ZONE_LOCKED, 0, 2)->migratetype = MIGRATE_RECLAIMABLE;
	add(&s, TRACE_PAGE_PCPU_DRAIN, 0, 3)->migratetype = MIGRATE_UNMOVABLE;
	add(&s, TRACE_PAGE_FREE, 0, 4);
	plan_sample(&s, &plan);

	assert_int_equal(plan.nr_ops, 3);
	assert_int_equal(plan.ops[0].mt, MIGRATE_RECLAIMABLE);
	assert_int_equal(plan.ops[1].mt, MIGRATE_UNMOVABLE);
	assert_int_equal(plan.ops[2].mt, MIGRATE_UNMOVABLE);
	/* All three are freed without an allocation. */
	assert_int_equal(plan.nr_standins, 3);
	replay_plan_destroy(&plan);
}

/* A list holds 1, 2, 3 (3 on top); 2 and 1 come out and 3 never does: 3 was taken unseen. */
static void page_above_the_taken_one_was_taken_unseen(void **state)
{
	struct sample s;
	struct replay_plan plan;

	(void)state;
	sample_init(&s, 3);
	add(&s, TRACE_PAGE_FREE_BATCHED, 0, 9);		/* no announcement: nothing happens */
	for (u32 page = 1; page <= 3; page++)
		add(&s, TRACE_PAGE_ALLOC, 0, page);
	for (u32 page = 1; page <= 3; page++)
		add(&s, TRACE_PAGE_FREE, 0, page);
	add(&s, TRACE_PAGE_ALLOC, 0, 2);
	add(&s, TRACE_PAGE_ALLOC, 0, 1);
	plan_sample(&s, &plan);

	assert_int_equal(plan.counts.bulk_takes, 1);
	assert_int_equal(plan.ops[6].kind, REPLAY_BULK_TAKE);
	assert_int_equal(plan.ops[6].event, 7);
	assert_true(plan.ops[6].hidden);
	replay_plan_destroy(&plan);
}

/* A page is allocated twice in a row: a put between went unseen. */
static void page_allocated_twice_was_put_unseen(void **state)
{
	struct sample s;
	struct replay_plan plan;

	(void)state;
	sample_init(&s, 3);
	add(&s, TRACE_PAGE_ALLOC, 0, 1);
	add(&s, TRACE_PAGE_ALLOC, 0, 1);
	plan_sample(&s, &plan);

	assert_int_equal(plan.counts.hidden_puts, 1);
	assert_int_equal(plan.nr_ops, 3);
	assert_int_equal(plan.ops[1].kind, REPLAY_PUT);
	assert_int_equal(plan.ops[1].slot, plan.ops[0].slot);
	replay_plan_destroy(&plan);
}

/* Freed, then found in the buddy by a refill, and never drained: the free went past the list. */
static void free_in_an_interrupt_went_to_the_buddy(void **state)
{
	struct sample s;
	struct replay_plan plan;

	(void)state;
	sample_init(&s, 0);
	add(&s, TRACE_PAGE_ALLOC, 0, 1);
	add(&s, TRACE_PAGE_FREE, 0, 1)->flags = TRACE_F_SOFTIRQ;
	add(&s, TRACE_PAGE_ZONE_LOCKED, 1, 1);
	add(&s, TRACE_PAGE_ZONE_LOCKED, 1, 2);
	add(&s, TRACE_PAGE_ALLOC, 1, 1);
	plan_sample(&s, &plan);

	assert_int_equal(plan.counts.direct_puts, 1);
	assert_int_equal(plan.ops[1].kind, REPLAY_DIRECT_PUT);
	/* Two blocks in one go are a refill of the other CPU's list. */
	assert_int_equal(plan.nr_transfers, 1);
	assert_int_equal(plan.transfers[0].pages, 2);
	assert_false(plan.transfers[0].drain);
	replay_plan_destroy(&plan);
}

static void start_is_what_was_taken_before_the_first_refill(void **state)
{
	struct sample s;
	struct replay_plan plan;
	const struct replay_start *start;

	(void)state;
	sample_init(&s, 20);
	for (u32 page = 1; page <= 5; page++)
		add(&s, TRACE_PAGE_ALLOC, 0, page);
	add(&s, TRACE_PAGE_ZONE_LOCKED, 0, 10);
	add(&s, TRACE_PAGE_ZONE_LOCKED, 0, 11);
	add(&s, TRACE_PAGE_ALLOC, 0, 10);
	add(&s, TRACE_PAGE_ALLOC, 1, 30)->migratetype = MIGRATE_UNMOVABLE;
	plan_sample(&s, &plan);

	start = replay_start(&plan, 0, 0);
	assert_true(start->known & 1u << MIGRATE_MOVABLE);
	assert_int_equal(start->blocks[MIGRATE_MOVABLE], 5);
	/* zoneinfo counts 15 more: on the next list of order 0 that nothing is known of. */
	assert_int_equal(start->blocks[MIGRATE_UNMOVABLE], 15);
	assert_int_equal(start->surplus, 15);
	/* The other CPU took one unmovable page; all else is movable, as far as is known. */
	start = replay_start(&plan, 1, 0);
	assert_int_equal(start->blocks[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(start->blocks[MIGRATE_MOVABLE], 19);
	replay_plan_destroy(&plan);
}

static void worker_drain_gives_the_ticks_their_phase(void **state)
{
	struct sample s;
	struct replay_plan plan;

	(void)state;
	sample_init(&s, 20);
	add(&s, TRACE_PAGE_ALLOC, 0, 1);
	s.now += 1500000000ull;
	/* Preemption depth 2, not in an interrupt. */
	add(&s, TRACE_PAGE_PCPU_DRAIN, 0, 2)->flags = TRACE_F_IRQS_OFF | 2u << TRACE_F_DEPTH_SHIFT;
	s.now += 1500000000ull;
	add(&s, TRACE_PAGE_ALLOC, 0, 3);
	plan_sample(&s, &plan);

	/* One second before and after on both CPUs, and the one that is seen. */
	assert_true(plan.transfers[0].worker);
	assert_int_equal(plan.nr_ticks, 6);
	assert_false(plan.ticks[0].seen);
	assert_int_equal(plan.ticks[2].time_ns, s.events[1].time_ns);
	assert_true(plan.ticks[2].seen);
	assert_int_equal(plan.ticks[4].time_ns - plan.ticks[2].time_ns, 1000000000);
	replay_plan_destroy(&plan);
}

static void input_that_cannot_be_replayed_is_refused(void **state)
{
	struct sample s;
	struct replay_plan plan;
	struct trace_error err;

	(void)state;
	sample_init(&s, 0);
	add(&s, TRACE_TLB_FLUSH, 0, 1);
	assert_int_equal(replay_plan_make(&plan, &s.trace, &s.state, "sample", &err), -EINVAL);
	assert_non_null(strstr(err.text, "no page events"));

	sample_init(&s, 0);
	add(&s, TRACE_PAGE_ALLOC, 0, ZONE_PAGES);
	assert_int_equal(replay_plan_make(&plan, &s.trace, &s.state, "sample", &err), -EINVAL);
	assert_non_null(strstr(err.text, "is in no zone"));

	sample_init(&s, 0);
	s.state.has_zoneinfo = false;
	assert_int_equal(replay_plan_make(&plan, &s.trace, &s.state, "sample", &err), -EINVAL);
	assert_non_null(strstr(err.text, "zoneinfo.before"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batched_free_is_one_put_at_the_batch),
		cmocka_unit_test(free_takes_its_type_from_the_pageblock),
		cmocka_unit_test(page_above_the_taken_one_was_taken_unseen),
		cmocka_unit_test(page_allocated_twice_was_put_unseen),
		cmocka_unit_test(free_in_an_interrupt_went_to_the_buddy),
		cmocka_unit_test(start_is_what_was_taken_before_the_first_refill),
		cmocka_unit_test(worker_drain_gives_the_ticks_their_phase),
		cmocka_unit_test(input_that_cannot_be_replayed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
