/* SPDX-License-Identifier: MIT */
/*
 * stress-pages' workload through the harness: clean under every policy, lock and layout, exact
 * when it should be, and a finding when something is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/page_alloc.h"
#include "mm/page/pcp.h"
#include "stress/workloads/pages_load.h"

/* Fewer operations where each costs ten times as much. */
#if KMEMLAB_DEBUG
#define OPS	20000
#else
#define OPS	100000
#endif

static struct stress_options options(unsigned int nr_cpus, u64 seed)
{
	struct stress_options opt;

	stress_options_default(&opt);
	opt.cpus = nr_cpus;
	opt.seed = seed;
	opt.ops = OPS;
	opt.seconds = 0;
	opt.mem_bytes = 64 << 20;
	opt.quiet = true;
	return opt;
}

/* Runs @wl; the caller frees @run. */
static void execute(struct stress_run *run, const struct workload *wl,
		    const struct stress_options *opt)
{
	struct mm_error err = { "" };

	*run = (struct stress_run){ .wl = wl, .opt = opt, .program = "test" };
	printf("seed %llu, %u CPUs\n", (unsigned long long)opt->seed, opt->cpus);
	if (stress_execute(run, &err))
		fail_msg("%s", err.text);
}

static void run_clean(const struct stress_options *opt)
{
	struct stress_run run;

	execute(&run, &workload_pages, opt);
	assert_int_equal(run.failures, 0);
	assert_int_equal(run.ops.sum, opt->ops * opt->cpus);
	assert_int_equal(run.ops.min, run.ops.max);
	stress_run_free(&run);
}

static void test_many_cpus(void **state)
{
	struct stress_options opt = options(8, 1);

	(void)state;
	run_clean(&opt);
	opt = options(3, 2);
	opt.irq_rate = 5000;
	run_clean(&opt);
}

static void test_policies(void **state)
{
	static const char *const policies[] = {
		"none", "fixed", "linux-6.1", "linux-6.12", "linux-6.18", "linux-7.2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct stress_options opt = options(4, 10 + i);

		opt.pcp = policies[i];
		opt.ops = OPS / 4;
		run_clean(&opt);
	}
}

static void test_sizes(void **state)
{
	struct stress_options opt = options(4, 20);

	(void)state;
	opt.pcp_batch = 1;
	opt.pcp_high = 1;
	run_clean(&opt);
	opt.pcp_batch = 63;
	opt.pcp_high = 5000;
	opt.pcp_scale_max = 6;
	run_clean(&opt);
}

static void test_layouts(void **state)
{
	struct stress_options opt = options(4, 30);

	(void)state;
	opt.nodes = 2;
	run_clean(&opt);
	opt = options(4, 31);
	opt.layout = "x86_32";
	opt.mem_bytes = 1024 << 20;	/* with HighMem */
	run_clean(&opt);
}

static void test_locks(void **state)
{
	static const char *const locks[] = { "futex", "fas", "pthread" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		struct stress_options opt = options(4, 40 + i);

		opt.lock = locks[i];
		opt.lockstat = i ? "all" : "off";
		opt.ops = OPS / 4;
		run_clean(&opt);
	}
}

/* With --ops and one CPU all exact counters are a function of the options. */
static char *exact_counters(u64 seed, unsigned int irq_rate)
{
	struct stress_options opt = options(1, seed);
	struct stress_run run;
	char *text;

	opt.irq_rate = irq_rate;
	execute(&run, &workload_pages, &opt);
	assert_int_equal(run.failures, 0);
	text = json_dumps(json_object_get(run.result, "exact"), JSON_SORT_KEYS);
	stress_run_free(&run);
	assert_non_null(text);
	return text;
}

static void test_same_seed_same_counters(void **state)
{
	(void)state;
	for (unsigned int irq_rate = 0; irq_rate <= 5000; irq_rate += 5000) {
		char *a = exact_counters(77, irq_rate), *b = exact_counters(77, irq_rate);
		char *c = exact_counters(78, irq_rate);

		assert_string_equal(a, b);
		assert_string_not_equal(a, c);
		free(a);
		free(b);
		free(c);
	}
}

/* The result has what a reader of any version looks for. */
static void test_result(void **state)
{
	struct stress_options opt = options(2, 50);
	const json_t *header, *events;
	struct stress_run run;

	(void)state;
	opt.quiet = false;
	execute(&run, &workload_pages, &opt);
	assert_string_equal(json_string_value(json_object_get(run.result, "schema")),
			    "kmemlab-result/1");
	header = json_object_get(run.result, "header");
	assert_int_equal(json_integer_value(json_object_get(header, "seed")), 50);
	assert_int_equal(json_integer_value(json_object_get(header, "cpus")), 2);
	assert_string_equal(json_string_value(json_object_get(header, "spinlock")), "futex");
	assert_true(json_real_value(json_object_get(json_object_get(header, "recorder"),
						    "lock_pair_with_ns")) > 0);
	events = json_object_get(json_object_get(run.result, "exact"), "vm_events");
	assert_true(json_integer_value(json_object_get(events, "pgfree")) > 0);
	assert_true(json_is_object(json_object_get(run.result, "locks")));
	assert_int_equal(json_integer_value(json_object_get(run.result, "findings")), 0);
	assert_non_null(strstr(run.summary, "zone->lock[DMA32]"));
	stress_run_free(&run);
}

/* ---- the harness notices ---- */

static void leak_step(struct stress_cpu *c)
{
	struct page *page = c->ops == 5 ? alloc_page(GFP_KERNEL) : NULL;

	/* Told to nobody: only the census can find it. */
	if (page)
		page->owner = 1;
}

static void forget_step(struct stress_cpu *c)
{
	struct page *page = c->ops == 5 ? alloc_page(GFP_KERNEL) : NULL;

	if (page)
		(void)oracle_alloc(page, GFP_KERNEL, 0, c->ops);
}

static void warn_step(struct stress_cpu *c)
{
	WARN_ON_ONCE(c->ops == 7);
}

static void no_finish(struct stress_cpu *c)
{
	(void)c;
}

static unsigned int failures_of(void (*step)(struct stress_cpu *c))
{
	const struct workload wl = { .name = "bad", .step = step, .finish = no_finish };
	struct stress_options opt = options(1, 60);
	struct stress_run run;
	unsigned int failures;

	opt.ops = 10;
	execute(&run, &wl, &opt);
	failures = run.failures;
	stress_run_free(&run);
	return failures;
}

static void test_findings(void **state)
{
	(void)state;
	/* Held by nobody in all three censuses, and missing in the zone at the end. */
	assert_int_equal(failures_of(leak_step), 4);
	/* The oracle knows of it, so the censuses with it agree. */
	assert_true(failures_of(forget_step) >= 2);
	assert_int_equal(failures_of(warn_step), 1);
	assert_int_equal(failures_of(no_finish), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_same_seed_same_counters),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
