/* SPDX-License-Identifier: MIT */
/*
 * The workloads of virtual memory through the harness: clean on few and many CPUs, with little
 * memory, and exact when they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stress/workloads/vmalloc_load.h"

/* Fewer operations where each costs ten times as much. */
#if KMEMLAB_DEBUG
#define OPS	1500
#else
#define OPS	10000
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
	printf("stress-%s: seed %llu, %u CPUs\n", wl->name, (unsigned long long)opt->seed,
	       opt->cpus);
	if (stress_execute(run, &err))
		fail_msg("%s", err.text);
}

static void run_clean(const struct workload *wl, const struct stress_options *opt)
{
	struct stress_run run;

	execute(&run, wl, opt);
	assert_int_equal(run.failures, 0);
	assert_int_equal(run.ops.sum, opt->ops * opt->cpus);
	stress_run_free(&run);
}

/* With --ops and one CPU all exact counters are a function of the options. */
static char *exact_counters(const struct workload *wl, u64 seed)
{
	struct stress_options opt = options(1, seed);
	struct stress_run run;
	char *text;

	execute(&run, wl, &opt);
	assert_int_equal(run.failures, 0);
	text = json_dumps(json_object_get(run.result, "exact"), JSON_SORT_KEYS);
	stress_run_free(&run);
	assert_non_null(text);
	return text;
}

static void check_exact(const struct workload *wl)
{
	char *a = exact_counters(wl, 77), *b = exact_counters(wl, 77), *c = exact_counters(wl, 78);

	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
}

static void test_vmalloc(void **state)
{
	struct stress_options opt = options(8, 1);

	(void)state;
	opt.irq_rate = 2000;
	run_clean(&workload_vmalloc, &opt);
	opt = options(16, 2);
	opt.mem_bytes = 16 << 20;
	opt.ops = OPS / 4;
	run_clean(&workload_vmalloc, &opt);
	opt = options(3, 3);
	opt.layout = "x86_32";		/* with HighMem, where frames have no other address */
	opt.mem_bytes = 1024 << 20;
	run_clean(&workload_vmalloc, &opt);
	check_exact(&workload_vmalloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmalloc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
