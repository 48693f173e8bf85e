/* SPDX-License-Identifier: MIT */
/*
 * The host kernel as the model of virtual memory: random programs of system calls and accesses run
 * as real processes and on the simulated machine; everything a process can see must be equal.
 *
 * usage: model_vm_host_model [PROGRAMS [SEED]]       default 300 programs from seed 1
 *
 * What is compared, and what cannot be equal and is normalised: tests/model/vm_trace.c.  A program
 * that differs is shrunk, operation by operation, and printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/machine.h"
#include "tests/model/vm_program.h"

/*
 * ThreadSanitizer keeps the signals of the host's processes back, and there is nothing in this test
 * for it: one CPU runs one program.
 */
#ifdef KMEMLAB_TSAN
#define LEFT_OUT	true
#else
#define LEFT_OUT	false
#endif

static unsigned int nr_programs = 300;
static u64 first_seed = 1;
static struct vm_trace host, sim;
static char difference[600];

static void on_cpu_run(void *arg)
{
	vm_sim_run(arg, &sim);
}

/* The first operation that differs, or -1. */
static int run_both(struct vm_program *p)
{
	vm_host_run(p, &host);
	cpu_run(0, on_cpu_run, p);
	return vm_trace_compare(p, &host, &sim, difference, sizeof(difference));
}

/* @p without @nr operations from @from on. */
static struct vm_program without(const struct vm_program *p, unsigned int from, unsigned int nr)
{
	struct vm_program q = *p;

	memmove(&q.op[from], &q.op[from + nr], (p->nr - from - nr) * sizeof(q.op[0]));
	q.nr -= nr;
	return q;
}

/* Leaves out what the difference does not need: large pieces first, single operations last. */
static void shrink(struct vm_program *p, int at)
{
	unsigned int piece;

	p->nr = (unsigned int)at + 1;
	for (piece = p->nr / 2; piece; piece /= 2)
		for (unsigned int from = 0; from + piece < p->nr;) {
			struct vm_program q = without(p, from, piece);

			at = run_both(&q);
			if (at < 0) {
				from += piece;
				continue;
			}
			q.nr = (unsigned int)at + 1;
			*p = q;
		}
}

static void report(struct vm_program *p, int at)
{
	shrink(p, at);
	at = run_both(p);
	vm_program_print(p, stdout);
	fail_msg("seed %llu: operation %d differs: %s", (unsigned long long)p->seed, at,
		 at < 0 ? "not again" : difference);
}

static void test_programs(void **state)
{
	static struct vm_program p;

	(void)state;
	if (LEFT_OUT)
		skip();
	printf("%u programs from seed %llu\n", nr_programs, (unsigned long long)first_seed);
	for (unsigned int i = 0; i < nr_programs; i++) {
		int at;

		vm_program_make(&p, first_seed + i);
		at = run_both(&p);
		if (at >= 0)
			report(&p, at);
	}
}

/* ---- the machine ---- */

static int boot(void **state)
{
	static const struct vm_options vm;
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 1, .seed = 1 },
		.mm = { .mem_bytes = 64 << 20 },
		.vm = &vm,
	};
	struct mm_error err;

	(void)state;
	if (LEFT_OUT)
		return 0;
	/* The process that forks must be the one without threads. */
	vm_host_start();
	return kmemlab_boot(&opt, &err);
}

static int down(void **state)
{
	(void)state;
	if (LEFT_OUT)
		return 0;
	assert_int_equal(nr_mm_structs(), 0);
	kmemlab_shutdown();
	vm_host_stop();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
	};

	if (argc > 1)
		nr_programs = (unsigned int)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	if (argc > 3 || !nr_programs) {
		fprintf(stderr, "usage: model_vm_host_model [PROGRAMS [SEED]]\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, boot, down);
}
