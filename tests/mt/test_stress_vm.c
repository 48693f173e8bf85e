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

#include "stress/workloads/fault_load.h"
#include "stress/workloads/fork_load.h"
#include "stress/workloads/mixed_load.h"
#include "stress/workloads/shootdown_load.h"
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

/*
 * With --ops and one CPU what the workload did is a function of the options.  When tables and
 * areas are really freed depends on grace periods, and with that the counters below it.
 */
static char *exact_counters(const struct workload *wl, u64 seed)
{
	struct stress_options opt = options(1, seed);
	struct stress_run run;
	char *text;

	execute(&run, wl, &opt);
	assert_int_equal(run.failures, 0);
	text = json_dumps(json_object_get(json_object_get(run.result, "exact"), "workload"),
			  JSON_SORT_KEYS);
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

static void test_fork_cow(void **state)
{
	struct stress_options opt = options(8, 11);

	(void)state;
	run_clean(&workload_fork_cow, &opt);
	opt = options(4, 12);
	opt.mem_bytes = 16 << 20;
	opt.irq_rate = 5000;
	opt.vma_locks = false;
	run_clean(&workload_fork_cow, &opt);
	opt = options(3, 13);
	opt.layout = "x86_32";
	opt.mem_bytes = 1024 << 20;
	opt.tasks = 40;
	opt.pages = 16;
	run_clean(&workload_fork_cow, &opt);
	check_exact(&workload_fork_cow);
}

static void test_shootdown(void **state)
{
	struct stress_options opt = options(8, 21);

	(void)state;
	opt.ops = OPS / 4;
	run_clean(&workload_shootdown, &opt);
	opt.mode = "checked";
	opt.vma_locks = false;
	run_clean(&workload_shootdown, &opt);
	opt = options(64, 22);
	opt.ops = OPS / 50;
	opt.mem_bytes = 128 << 20;
	run_clean(&workload_shootdown, &opt);
	check_exact(&workload_shootdown);
}

static void test_fault(void **state)
{
	(void)state;
	for (unsigned int i = 0; workload_fault.modes[i]; i++) {
		struct stress_options opt = options(4, 30 + i);

		opt.mode = workload_fault.modes[i];
		opt.ops = OPS / 4;
		opt.tasks = 1 + i % 2;
		opt.vma_locks = i % 3 != 2;
		run_clean(&workload_fault, &opt);
	}
	check_exact(&workload_fault);
}

static void test_mixed(void **state)
{
	struct stress_options opt = options(8, 41);

	(void)state;
	opt.irq_rate = 5000;
	run_clean(&workload_mixed, &opt);
	opt = options(2, 42);
	opt.mem_bytes = 32 << 20;
	opt.irq_rate = 20000;
	run_clean(&workload_mixed, &opt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmalloc),
		cmocka_unit_test(test_fork_cow),
		cmocka_unit_test(test_shootdown),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
