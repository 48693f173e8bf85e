/* SPDX-License-Identifier: MIT */
/* Fault injection: each attribute, their order, and the systematic walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cpu.h"
#include "runtime/fault_inject.h"

#define SEED	0xfa17ULL

static struct fault_attr attr = FAULT_ATTR("test");

static unsigned int failures(unsigned int calls, s64 size)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < calls; i++)
		n += should_fail(&attr, size);
	return n;
}

static void arm(struct fault_options opt)
{
	opt.enabled = true;
	fault_attr_set(&attr, &opt);
}

static int setup(void **state)
{
	const struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .seed = SEED,
					     .no_pin = true };

	(void)state;
	print_message("seed %#llx\n", SEED);
	if (machine_boot(&opt))
		return -1;
	current_cpu = &cpus[0];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	current_cpu = NULL;
	machine_shutdown();
	return 0;
}

static void test_off_counts_nothing(void **state)
{
	static const struct fault_options off;

	(void)state;
	fault_attr_set(&attr, &off);
	assert_int_equal(failures(100, 1), 0);
	assert_int_equal(attr.candidates, 0);
}

static void test_probability(void **state)
{
	unsigned int n;

	(void)state;
	arm((struct fault_options){ .probability = 100, .times = -1 });
	assert_int_equal(failures(50, 1), 50);
	arm((struct fault_options){ .probability = 0, .times = -1 });
	assert_int_equal(failures(50, 1), 0);
	arm((struct fault_options){ .probability = 25, .times = -1 });
	n = failures(10000, 1);
	assert_in_range(n, 2200, 2800);
	assert_int_equal(attr.injected, n);		/* I1 */
	assert_int_equal(attr.candidates, 10000);
}

static void test_times_bound_the_failures(void **state)
{
	(void)state;
	arm((struct fault_options){ .probability = 100, .times = 7 });
	assert_int_equal(failures(100, 1), 7);		/* I2 */
	arm((struct fault_options){ .probability = 100, .times = 0 });
	assert_int_equal(failures(100, 1), 0);
}

static void test_interval(void **state)
{
	(void)state;
	arm((struct fault_options){ .probability = 100, .times = -1, .interval = 4 });
	assert_int_equal(failures(3, 1), 0);
	assert_true(should_fail(&attr, 1));
	assert_int_equal(failures(96, 1), 24);
}

static void test_space_passes_first(void **state)
{
	(void)state;
	arm((struct fault_options){ .probability = 100, .times = -1, .space = 10 });
	assert_int_equal(failures(3, 4), 0);		/* 4 + 4 + 4 >= 10 */
	assert_int_equal(failures(5, 4), 5);
}

static void test_fail_nth_hits_one(void **state)
{
	(void)state;
	arm((struct fault_options){ .fail_nth = 5, .space = 100 });
	assert_int_equal(failures(4, 1), 0);
	assert_true(should_fail(&attr, 1));
	assert_int_equal(failures(100, 1), 0);
}

static void test_same_seed_same_choice(void **state)
{
	bool first[200];

	(void)state;
	arm((struct fault_options){ .probability = 30, .times = -1 });
	rand_init(&cpus[0].rand, SEED, 0);
	for (int i = 0; i < 200; i++)
		first[i] = should_fail(&attr, 1);
	rand_init(&cpus[0].rand, SEED, 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(should_fail(&attr, 1), first[i]);
}

static void test_walk_visits_every_candidate_once(void **state)
{
	unsigned int hit[6] = { 0 }, turns = 0;

	(void)state;
	for (u64 n = 1; fault_nth_arm(&attr, n); n++) {
		turns++;
		for (unsigned int i = 0; i < 6; i++)
			hit[i] += should_fail(&attr, 1);
	}
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(hit[i], 1);
	assert_int_equal(turns, 7);
	assert_false(should_fail(&attr, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_counts_nothing),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_times_bound_the_failures),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_space_passes_first),
		cmocka_unit_test(test_fail_nth_hits_one),
		cmocka_unit_test(test_same_seed_same_choice),
		cmocka_unit_test(test_walk_visits_every_candidate_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
