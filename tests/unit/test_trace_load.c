/* SPDX-License-Identifier: MIT */
/* test_trace_load.c - each text format, and every fact that a reader of kernel traces must know. */
#include "tests/unit/test_trace_data.h"

#include "stress/replay/trace_load.h"

#define ALLOC "mm_page_alloc: page=00000000e60f5803 pfn=0x10 order=0 migratetype=1 " \
	"gfp_flags=GFP_KERNEL\n"
#define FREE "mm_page_free: page=00000000e60f5803 pfn=0x10 order=0\n"

static void load_text(const char *text, struct trace *t)
{
	struct trace_error err = { "" };

	if (trace_load_mem(text, strlen(text), "t.txt", t, &err) < 0)
		fail_msg("%s", err.text);
}

static void load_file(const char *name, struct trace *t)
{
	struct trace_error err = { "" };

	if (trace_load(data_path(name), t, &err) < 0)
		fail_msg("%s", err.text);
}

static const char *comm_of(const struct trace *t, uint64_t i)
{
	return trace_strings_get(&t->strings, t->tasks[t->events[i].task].comm);
}

static int pid_of(const struct trace *t, uint64_t i)
{
	return t->tasks[t->events[i].task].pid;
}

static void check_ftrace_pages(const struct trace *t)
{
	const struct trace_event *ev = t->events;
	const struct trace_extfrag_event *frag = &t->extfrag[ev[5].side];

	assert_int_equal(ev[0].type, TRACE_PAGE_ALLOC);
	assert_int_equal(ev[0].time_ns, 1581864819000ull);
	/* page= is a hash here: pfn is the key. */
	assert_int_equal(ev[0].pfn, 0x231170);
	assert_int_equal(ev[0].order, 1);
	assert_int_equal(ev[0].migratetype, 2);
	assert_int_equal(ev[0].cpu, 1);
	assert_int_equal(ev[0].gfp, __GFP_RECLAIMABLE | __GFP_IO | __GFP_FS | __GFP_NOWARN |
			 __GFP_NORETRY | __GFP_COMP | __GFP_NOMEMALLOC);
	assert_int_equal(ev[1].flags, TRACE_F_IRQS_OFF | TRACE_F_HARDIRQ |
			 1 << TRACE_F_DEPTH_SHIFT);
	assert_int_equal(trace_preempt_depth(&ev[2]), 2);
	assert_int_equal(ev[2].flags & 15, TRACE_F_SOFTIRQ);
	/* pfn=0x0 is a failed allocation. */
	assert_true(trace_alloc_failed(&ev[2]));
	assert_false(trace_alloc_failed(&ev[0]));
	assert_true(ev[3].flags & TRACE_F_PERCPU_REFILL);
	assert_false(ev[4].flags & TRACE_F_PERCPU_REFILL);
	assert_int_equal(ev[5].type, TRACE_PAGE_EXTFRAG);
	assert_int_equal(ev[5].order, 2);
	assert_int_equal(frag->fallback_order, 10);
	assert_int_equal(frag->block_order, 9);
	assert_int_equal(frag->alloc_migratetype, 2);
	assert_int_equal(frag->fallback_migratetype, 1);
	assert_false(frag->fragmenting);
	assert_true(frag->change_ownership);
	/* A free carries no migrate type; the batched one repeats it with order 0. */
	assert_int_equal(ev[6].migratetype, TRACE_MIGRATETYPE_NONE);
	assert_int_equal(ev[7].type, TRACE_PAGE_FREE_BATCHED);
	assert_int_equal(ev[7].order, 0);
	assert_int_equal(ev[8].type, TRACE_PAGE_PCPU_DRAIN);
	assert_int_equal(ev[8].migratetype, 1);
}

static void check_ftrace_sides(const struct trace *t)
{
	const struct trace_event *ev = t->events;
	const struct trace_slab_event *slab = t->slab;

	assert_int_equal(t->tlb[ev[9].side].pages, -1);
	assert_int_equal(t->tlb[ev[9].side].reason, 0);
	assert_int_equal(t->contention[ev[10].side].flags, TRACE_LCB_SPIN | TRACE_LCB_READ);
	assert_int_equal(t->contention[ev[10].side].lock, 0x3fa3e8cc);
	assert_int_equal(t->contention[ev[11].side].ret, -4);
	assert_int_equal(t->nr_slab, 5);
	assert_string_equal(trace_strings_get(&t->strings, slab[0].call_site),
			    "ext4_find+0x24/0x1f0 [ext4]");
	assert_int_equal(slab[0].bytes_req, 24);
	assert_int_equal(slab[0].bytes_alloc, 32);
	assert_int_equal(slab[0].gfp, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(slab[0].node, TRACE_NODE_NONE);
	assert_int_equal(slab[1].ptr, slab[0].ptr);
	assert_int_equal(slab[1].call_site, slab[0].call_site);
	assert_string_equal(trace_strings_get(&t->strings, slab[2].cache), "names_cache");
	assert_int_equal(slab[2].node, 1);
	assert_true(slab[2].accounted);
	/* No name= before 6.18. */
	assert_int_equal(slab[3].cache, TRACE_STR_EMPTY);
	assert_int_equal(slab[3].bytes_req, 4096);
	assert_int_equal(slab[4].cache, slab[2].cache);
}

static void check_ftrace(const struct trace *t)
{
	assert_int_equal(t->format, TRACE_FORMAT_FTRACE);
	assert_int_equal(t->nr_events, 17);
	assert_true(t->has_irq_flags);
	check_ftrace_pages(t);
	check_ftrace_sides(t);
	assert_string_equal(comm_of(t, 1), "kworker/u8:2-e");
	assert_int_equal(pid_of(t, 1), 77);
	assert_string_equal(comm_of(t, 2), "my prog-1");
	assert_int_equal(pid_of(t, 2), 123);
	assert_string_equal(comm_of(t, 6), "<idle>");
	assert_int_equal(t->nr_tasks, 4);
	/* Losses: the mark stands before event 10, the header counts the overrun. */
	assert_int_equal(t->nr_lost, 1);
	assert_int_equal(t->lost[0].at, 10);
	assert_int_equal(t->lost[0].cpu, 1);
	assert_int_equal(t->lost_events, 123);
	assert_int_equal(t->cpus[1].lost, 123);
	assert_int_equal(t->overrun_events, 123);
	/* Unknown events are skipped and counted by name. */
	assert_int_equal(t->nr_unknown, 3);
	assert_int_equal(t->unknown.nr, 3);
	assert_string_equal(trace_strings_get(&t->unknown, 1), "rss_stat");
	assert_int_equal(t->unknown.v[1].uses, 2);
	assert_int_equal(t->nr_cpus, 4);
	assert_int_equal(t->cpus[1].nr_events, 14);
	assert_int_equal(t->cpus[1].first_ns, 1581864819000ull);
	assert_int_equal(t->cpus[1].last_ns, 1581893642000ull);
	assert_int_equal(t->nr_by_type[TRACE_PAGE_ALLOC], 3);
	assert_int_equal(t->nr_lines, 33);
}

static void test_ftrace(void **state)
{
	static const char *const names[] = {
		"ftrace.txt", "ftrace.txt.xz", "ftrace.txt.gz", "ftrace.txt.zst",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct trace t;

		load_file(names[i], &t);
		check_ftrace(&t);
		trace_destroy(&t);
	}
}

/* Four context characters, a tgid column, decimal pfn, kmalloc without node, (null) pointers. */
static void test_old_ftrace(void **state)
{
	struct trace t;

	(void)state;
	load_file("ftrace-old.txt", &t);
	assert_int_equal(t.nr_events, 5);
	assert_int_equal(t.events[0].pfn, 1396736);
	assert_string_equal(comm_of(&t, 0), "bash");
	assert_int_equal(pid_of(&t, 0), 1977);
	assert_int_equal(t.nr_tasks, 1);
	assert_int_equal(t.events[1].flags, TRACE_F_IRQS_OFF | TRACE_F_HARDIRQ |
			 1 << TRACE_F_DEPTH_SHIFT);
	assert_int_equal(t.events[1].type, TRACE_KMALLOC);
	assert_int_equal(t.slab[0].node, TRACE_NODE_NONE);
	assert_int_equal(t.events[2].type, TRACE_CACHE_ALLOC);
	assert_int_equal(t.slab[1].node, 0);
	assert_int_equal(t.slab[2].cache, TRACE_STR_EMPTY);
	assert_int_equal(t.slab[3].ptr, 0);
	trace_destroy(&t);
}

static void test_trace_cmd(void **state)
{
	struct trace t;

	(void)state;
	load_file("trace-cmd.txt", &t);
	assert_int_equal(t.format, TRACE_FORMAT_TRACE_CMD);
	assert_false(t.has_irq_flags);
	assert_int_equal(t.nr_events, 3);
	assert_int_equal(t.nr_cpus, 4);
	assert_int_equal(t.events[0].pfn, 0x17fb0b);
	assert_int_equal(t.events[1].time_ns, 1197366090123ull);
	assert_int_equal(t.lost_events, 17);
	assert_int_equal(t.lost[0].cpu, 2);
	assert_int_equal(t.nr_unknown, 1);
	assert_string_equal(comm_of(&t, 2), "t:2 x");
	assert_int_equal(t.tlb[0].pages, 7);
	assert_int_equal(t.tlb[0].reason, 3);
	trace_destroy(&t);
}

static void test_perf(void **state)
{
	struct trace t;

	(void)state;
	load_file("perf.txt", &t);
	assert_int_equal(t.format, TRACE_FORMAT_PERF);
	assert_false(t.has_irq_flags);
	assert_int_equal(t.nr_events, 6);
	assert_int_equal(t.events[0].pfn, 0x17fb0b);
	assert_int_equal(t.events[0].type, TRACE_PAGE_ZONE_LOCKED);
	assert_string_equal(comm_of(&t, 2), "my prog-1");
	assert_int_equal(pid_of(&t, 2), 26248);
	assert_int_equal(t.events[2].time_ns, 1545974455123ull);
	assert_string_equal(comm_of(&t, 3), ":-1");
	assert_int_equal(pid_of(&t, 3), -1);
	assert_int_equal(t.events[3].type, TRACE_PAGE_FREE);
	assert_int_equal(t.lost_events, 42);
	assert_int_equal(t.contention[0].lock, 0xffff9f0b80a1e8ccull);
	assert_int_equal(t.contention[0].flags, TRACE_LCB_WRITE);
	assert_int_equal(t.slab[0].ptr, 0xffff9f0b80a1e8c0ull);
	assert_int_equal(t.nr_unknown, 0);
	trace_destroy(&t);
}

/* Names that try to look like columns; the left part is 16 wide, as the kernel pads it. */
static void test_task_names(void **state)
{
	static const struct { const char *line, *comm; int pid; } cases[] = {
		{ "x-1 [0] 1.5: y:z-42      [003] .....     1.000001: " FREE,
		  "x-1 [0] 1.5: y:z", 42 },
		{ "       a [007] b-42      [003] .....     1.000001: " FREE, "a [007] b", 42 },
		{ "             -7--42      [003] .....     1.000001: " FREE, "-7-", 42 },
		{ "            ((x)-42      [003] .....     1.000001: " FREE, "((x)", 42 },
		{ "           <...>-42      [003] .....     1.000001: " FREE, "<...>", 42 },
		{ "my prog-1-123 [003] ..... 1.000001: " FREE, "my prog-1", 123 },
		{ "bash-42 [003] 1.000001: " FREE, "bash", 42 },
		{ "a b 42 [003] 1.000001: kmem:" FREE, "a b", 42 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace t;

		load_text(cases[i].line, &t);
		assert_int_equal(t.nr_events, 1);
		assert_string_equal(comm_of(&t, 0), cases[i].comm);
		assert_int_equal(pid_of(&t, 0), cases[i].pid);
		assert_int_equal(t.events[0].cpu, 3);
		trace_destroy(&t);
	}
}

static void test_line_ends(void **state)
{
	struct trace t;

	(void)state;
	load_text("t-1 [000] 1.000001: mm_page_free: page=0 pfn=0x10 order=3\r\n"
		  "\r\n"
		  "t-1 [000] 1.000001: mm_page_free: page=0 pfn=0x10 order=3\r\n"
		  "t-1 [000] 1.000002: mm_page_free: page=0 pfn=0x20 order=2", &t);
	assert_int_equal(t.nr_events, 3);
	assert_int_equal(t.events[0].order, 3);
	assert_int_equal(t.events[2].order, 2);
	assert_int_equal(t.truncated_line, 0);
	trace_destroy(&t);
	load_text("t-1 [000] 1.000001: " FREE "t-1 [000] 1.000002: mm_page_free: page=00", &t);
	assert_int_equal(t.nr_events, 1);
	assert_int_equal(t.truncated_line, 2);
	trace_destroy(&t);
}

/* Equal times are in order; another CPU may be earlier, which is counted. */
static void test_times(void **state)
{
	struct trace t;

	(void)state;
	load_text("t-1 [000] 1.000005: " FREE "t-1 [001] 1.000005: " FREE
		  "t-1 [000] 1.000005: " FREE "t-1 [001] 1.000005: " FREE
		  "t-1 [002] 1.000004: " FREE, &t);
	assert_int_equal(t.nr_events, 5);
	assert_int_equal(t.nr_inversions, 1);
	trace_destroy(&t);
	load_text("t-1 [000] 1.5: " FREE "t-1 [000] 1.50000001: " FREE, &t);
	assert_int_equal(t.events[0].time_ns, 1500000000ull);
	assert_int_equal(t.events[1].time_ns, 1500000010ull);
	trace_destroy(&t);
}

static void test_free_only_and_failed(void **state)
{
	struct trace t;

	(void)state;
	/* A free without an allocation is normal: the page is older than the trace. */
	load_text("t-1 [000] 1.000005: " FREE, &t);
	assert_int_equal(t.events[0].type, TRACE_PAGE_FREE);
	trace_destroy(&t);
	load_text("t-1 [000] 1.5: mm_page_alloc: page=(nil) pfn=0xffffffffffffffff order=9 "
		  "migratetype=1 gfp_flags=GFP_TRANSHUGE\n", &t);
	assert_true(trace_alloc_failed(&t.events[0]));
	trace_destroy(&t);
}

static void test_gfp_of_other_kernels(void **state)
{
	struct trace t;

	(void)state;
	load_text("t-1 [000] 1.5: mm_page_alloc: page=0 pfn=0x5 order=0 migratetype=1 "
		  "gfp_flags=GFP_KERNEL|__GFP_FUTURE\n"
		  "t-1 [000] 1.6: mm_page_alloc: page=0 pfn=0x6 order=0 migratetype=1 "
		  "gfp_flags=none\n", &t);
	assert_int_equal(t.events[0].gfp, GFP_KERNEL);
	assert_int_equal(t.events[1].gfp, 0);
	assert_int_equal(t.nr_unknown_gfp, 1);
	trace_destroy(&t);
}

static void test_lost_without_number(void **state)
{
	struct trace t;

	(void)state;
	load_text("t-1 [000] 1.5: " FREE "CPU:7 [LOST EVENTS]\n" "t-1 [000] 1.6: " ALLOC, &t);
	assert_int_equal(t.nr_lost, 1);
	assert_int_equal(t.lost[0].count, 0);
	assert_int_equal(t.lost[0].at, 1);
	assert_int_equal(t.nr_cpus, 8);
	assert_int_equal(t.cpus[7].gaps, 1);
	trace_destroy(&t);
}

/* More tasks and strings than the first tables hold, met twice each. */
static void test_many_tasks(void **state)
{
	enum { TASKS = 5000 };
	char *text = malloc(2u * TASKS * 100), *p = text;
	struct trace t;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 2 * TASKS; i++)
		p += sprintf(p, "task%d-%d [000] %d.5: " FREE, i % TASKS, i % TASKS + 1, i);
	load_text(text, &t);
	assert_int_equal(t.nr_tasks, TASKS);
	assert_int_equal(t.nr_events, 2 * TASKS);
	for (uint64_t i = 0; i < TASKS; i++) {
		assert_int_equal(t.events[i].task, t.events[i + TASKS].task);
		assert_int_equal(pid_of(&t, i), i + 1);
	}
	trace_destroy(&t);
	free(text);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(trace_type_name(TRACE_PAGE_EXTFRAG), "mm_page_alloc_extfrag");
	assert_string_equal(trace_type_name(TRACE_NR_TYPES), "unknown");
	for (int i = 0; i < TRACE_NR_TYPES; i++)
		assert_true(strlen(trace_type_name((enum trace_type)i)) > 4);
	assert_string_equal(trace_format_name(TRACE_FORMAT_PERF), "perf script");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ftrace),
		cmocka_unit_test(test_old_ftrace),
		cmocka_unit_test(test_trace_cmd),
		cmocka_unit_test(test_perf),
		cmocka_unit_test(test_task_names),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_free_only_and_failed),
		cmocka_unit_test(test_gfp_of_other_kernels),
		cmocka_unit_test(test_lost_without_number),
		cmocka_unit_test(test_many_tasks),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
