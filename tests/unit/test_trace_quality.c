/* SPDX-License-Identifier: MIT */
/* test_trace_quality.c - free-only pages, bulk allocations, losses, and the grade made of them. */
#include "tests/unit/test_trace_data.h"

#include "stress/replay/trace_load.h"
#include "stress/replay/trace_quality.h"

#define ALLOC(pfn, order) "t-1 [000] 1.5: mm_page_alloc: page=0 pfn=" pfn " order=" order \
	" migratetype=1 gfp_flags=GFP_KERNEL\n"
#define FREE(pfn, order) "t-1 [000] 1.5: mm_page_free: page=0 pfn=" pfn " order=" order "\n"
#define BATCHED(pfn) "t-1 [000] 1.5: mm_page_free_batched: page=0 pfn=" pfn " order=0\n"
#define TAKE(pfn) "t-1 [000] 1.5: mm_page_alloc_zone_locked: page=0 pfn=" pfn \
	" order=0 migratetype=1 percpu_refill=1\n"
#define DRAIN(pfn) "t-1 [000] 1.5: mm_page_pcpu_drain: page=0 pfn=" pfn " order=0 migratetype=1\n"

static struct trace_quality measure(const char *text, bool start_state)
{
	struct trace_error err = { "" };
	struct trace_quality q;
	struct trace t;

	if (trace_load_mem(text, strlen(text), "t", &t, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(trace_quality_measure(&t, start_state, &q), 0);
	trace_destroy(&t);
	return q;
}

static void test_pages(void **state)
{
	struct trace_quality q;

	(void)state;
	/* A batched free repeats the free before it and counts nothing. */
	q = measure(ALLOC("0x10", "0") FREE("0x10", "0") BATCHED("0x10"), true);
	assert_int_equal(q.nr_allocs, 1);
	assert_int_equal(q.nr_frees, 1);
	assert_int_equal(q.nr_free_only, 0);
	assert_int_equal(q.nr_never_freed, 0);
	/* Older than the trace. */
	q = measure(FREE("0x10", "0"), true);
	assert_int_equal(q.nr_free_only, 1);
	/* Never freed: pages, not blocks; the block crosses a chunk border. */
	q = measure(ALLOC("0x7ffe", "2"), true);
	assert_int_equal(q.nr_never_freed, 4);
	/* A block may be freed in parts. */
	q = measure(ALLOC("0x20", "1") FREE("0x20", "0") FREE("0x21", "0"), true);
	assert_int_equal(q.nr_free_only, 0);
	assert_int_equal(q.nr_never_freed, 0);
	/* Bulk allocation: a refill, no mm_page_alloc, a free; then out of the list again. */
	q = measure(TAKE("0x30") FREE("0x30", "0") FREE("0x30", "0"), true);
	assert_int_equal(q.nr_bulk_frees, 2);
	assert_int_equal(q.nr_free_only, 0);
	/* Drained to the buddy system: a later free needs an allocation first. */
	q = measure(TAKE("0x30") DRAIN("0x30") FREE("0x30", "0"), true);
	assert_int_equal(q.nr_free_only, 1);
	/* Handed out twice: the free between is missing. */
	q = measure(ALLOC("0x10", "0") ALLOC("0x10", "0"), true);
	assert_int_equal(q.nr_double_allocs, 1);
	assert_int_equal(q.grade, 'D');
	q = measure(ALLOC("0x0", "9"), true);
	assert_int_equal(q.nr_failed, 1);
	assert_int_equal(q.nr_allocs, 0);
}

/* Pages spread over more chunks than the first table holds keep their bits. */
static void test_many_chunks(void **state)
{
	enum { PAGES = 500 };
	char *text = malloc((size_t)PAGES * 200), *p = text;
	struct trace_quality q;

	(void)state;
	assert_non_null(text);
	for (unsigned long i = 1; i <= PAGES; i++)
		p += sprintf(p, "t-1 [000] 1.5: mm_page_alloc: page=0 pfn=0x%lx order=0 "
			     "migratetype=0 gfp_flags=GFP_KERNEL\n", i << 20);
	for (unsigned long i = 1; i < PAGES; i++)
		p += sprintf(p, "t-1 [000] 1.5: mm_page_free: page=0 pfn=0x%lx order=0\n", i << 20);
	q = measure(text, true);
	assert_int_equal(q.nr_free_only, 0);
	assert_int_equal(q.nr_never_freed, 1);
	free(text);
}

static void test_grades(void **state)
{
	static const char many[] = ALLOC("0x10", "0") FREE("0x10", "0");
	char text[128 * sizeof(many)] = "";
	struct trace_quality q;

	(void)state;
	assert_int_equal(measure(many, true).grade, 'A');
	assert_int_equal(measure(many, false).grade, 'B');
	assert_int_equal(measure(ALLOC("0x10", "0") "t-1 [000] 1.5: mm_pa", true).grade, 'B');
	assert_int_equal(measure(ALLOC("0x10", "0") "CPU:0 [LOST 1 EVENTS]\n", true).grade, 'D');
	for (int i = 0; i < 100; i++)
		strcat(text, many);
	strcat(text, "CPU:0 [LOST 2 EVENTS]\n");
	assert_int_equal(measure(text, true).grade, 'C');
	strcat(text, "CPU:0 [LOST 1 EVENTS]\n");
	assert_int_equal(measure(text, true).grade, 'D');
	assert_int_equal(measure("# entries-in-buffer/entries-written: 2/9 #P:1\n"
				 ALLOC("0x10", "0"), true).grade, 'D');
	/* An unknown number of lost events cannot be small. */
	assert_int_equal(measure(ALLOC("0x10", "0") "CPU:0 [LOST EVENTS]\n", true).grade, 'D');
	q = measure("t-1 [000] 2.5: kfree: call_site=f ptr=1\n"
		    "t-1 [001] 2.0: kfree: call_site=f ptr=2\n", true);
	assert_int_equal(q.grade, 'A');
	assert_int_equal(q.duration_ns, 500000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_many_chunks),
		cmocka_unit_test(test_grades),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
