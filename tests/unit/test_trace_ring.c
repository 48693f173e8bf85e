/* SPDX-License-Identifier: MIT */
/* Event rings: order, overwriting, calls matched by their numbers, nothing recorded when off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/ipi.h"
#include "runtime/lockstat.h"
#include "runtime/trace.h"

#define CALLS	5

static int setup(void **state)
{
	const struct machine_options opt = { .nr_cpus = 2, .nr_nodes = 1, .seed = 1 };

	(void)state;
	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	trace_stop();
	trace_free();
	machine_shutdown();
	return 0;
}

/* @arg: how many spans. */
static void add_spans(void *arg)
{
	for (u32 i = 0; i < *(u32 *)arg; i++)
		trace_end(trace_begin(), TRACE_PCP_REFILL, 1, i, 0);
}

static const struct trace_event *event(const struct trace_ring *r, u64 i)
{
	return &r->events[i & r->mask];
}

static void test_off_records_nothing(void **state)
{
	u32 nr = 3;

	(void)state;
	cpu_run(0, add_spans, &nr);
	assert_null(trace_ring_of(0));
	/* A thread that is no CPU has no ring either. */
	assert_true(trace_begin() == 0);
}

static void test_events_in_order(void **state)
{
	const struct trace_ring *r;
	u32 nr = 10;

	(void)state;
	assert_int_equal(trace_start(16), 0);
	cpu_run(1, add_spans, &nr);
	trace_stop();
	r = trace_ring_of(1);
	assert_int_equal(r->nr, nr);
	for (u32 i = 0; i < nr; i++) {
		assert_int_equal(event(r, i)->kind, TRACE_PCP_REFILL);
		assert_int_equal(event(r, i)->a, 1);
		assert_int_equal(event(r, i)->b, i);
		if (i)
			assert_true(event(r, i)->start >= event(r, i - 1)->start);
	}
	assert_int_equal(trace_ring_of(0)->nr, 0);
	/* After the end nothing is added. */
	cpu_run(1, add_spans, &nr);
	assert_int_equal(r->nr, nr);
}

static void test_oldest_give_way(void **state)
{
	const struct trace_ring *r;
	u32 nr = 100;

	(void)state;
	/* 20 become 32. */
	assert_int_equal(trace_start(20), 0);
	cpu_run(0, add_spans, &nr);
	trace_stop();
	r = trace_ring_of(0);
	assert_int_equal(r->mask, 31);
	assert_int_equal(r->nr, nr);
	for (u64 i = r->nr - 32; i < r->nr; i++)
		assert_int_equal(event(r, i)->b, i);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void call_other(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(smp_call_function_single(1, nothing, NULL, true), 0);
	smp_call_function(nothing, NULL, true);
}

/* How many events of @kind about CPU @a; asserts that they are numbered 0, 1, 2, ... */
static u32 count_numbered(const struct trace_ring *r, enum trace_kind kind, u32 a)
{
	u32 nr = 0;

	for (u64 i = 0; i < r->nr; i++)
		if (event(r, i)->kind == kind) {
			assert_int_equal(event(r, i)->a, a);
			assert_int_equal(event(r, i)->b, nr);
			nr++;
		}
	return nr;
}

static void test_calls_are_matched(void **state)
{
	u32 spans = 0;

	(void)state;
	assert_int_equal(trace_start(256), 0);
	cpu_run(0, call_other, NULL);
	trace_stop();
	assert_int_equal(count_numbered(trace_ring_of(0), TRACE_IPI_SEND, 1), CALLS + 1);
	assert_int_equal(count_numbered(trace_ring_of(0), TRACE_IPI_ACK, 1), CALLS + 1);
	assert_int_equal(count_numbered(trace_ring_of(1), TRACE_IPI_RUN, 0), CALLS + 1);
	for (u64 i = 0; i < trace_ring_of(0)->nr; i++)
		spans += event(trace_ring_of(0), i)->kind == TRACE_IPI_CALL;
	assert_int_equal(spans, CALLS + 1);
}

static void test_target_lies_between_send_and_ack(void **state)
{
	const struct trace_ring *from, *to;
	const struct trace_event *sent = NULL, *acked = NULL, *ran = NULL;

	(void)state;
	assert_int_equal(trace_start(256), 0);
	cpu_run(0, call_other, NULL);
	trace_stop();
	from = trace_ring_of(0);
	to = trace_ring_of(1);
	for (u64 i = 0; i < from->nr; i++)
		if (event(from, i)->b == 2 && event(from, i)->kind == TRACE_IPI_SEND)
			sent = event(from, i);
		else if (event(from, i)->b == 2 && event(from, i)->kind == TRACE_IPI_ACK)
			acked = event(from, i);
	for (u64 i = 0; i < to->nr; i++)
		if (event(to, i)->b == 2 && event(to, i)->kind == TRACE_IPI_RUN)
			ran = event(to, i);
	assert_non_null(sent);
	assert_non_null(acked);
	assert_non_null(ran);
	assert_true(sent->start <= acked->start);
	assert_true(ran->start <= acked->start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_off_records_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oldest_give_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_calls_are_matched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_target_lies_between_send_and_ack, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
