/* SPDX-License-Identifier: MIT */
/* Batched counters: the error bound, folding, sums and comparisons. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/counter.h"

#define CPUS	4

static struct percpu_counter fbc;

static void pose_as(unsigned int cpu)
{
	current_cpu = &cpus[cpu];
}

static void test_init(void **state)
{
	(void)state;
	assert_int_equal(percpu_counter_init(&fbc, -5), 0);
	assert_int_equal(percpu_counter_read(&fbc), -5);
	assert_int_equal(percpu_counter_read_positive(&fbc), 0);
	assert_int_equal(percpu_counter_sum(&fbc), -5);
	assert_int_equal(percpu_counter_sum_positive(&fbc), 0);
	percpu_counter_inc(&fbc);
	percpu_counter_set(&fbc, 1ll << 40);
	assert_true(percpu_counter_sum(&fbc) == 1ll << 40);
	assert_true(percpu_counter_read_positive(&fbc) == 1ll << 40);
	percpu_counter_destroy(&fbc);
	percpu_counter_destroy(&fbc);
	assert_null(fbc.counters);
}

static void test_no_memory(void **state)
{
	size_t in_use, total;
	void *all;

	(void)state;
	percpu_usage(&in_use, &total);
	all = __alloc_percpu(total - in_use, 1);
	assert_non_null(all);
	assert_int_equal(percpu_counter_init(&fbc, 0), -ENOMEM);
	free_percpu(all);
}

/* A CPU keeps back up to batch - 1 either way, and folds all of it at the batch. */
static void test_fold(void **state)
{
	(void)state;
	assert_int_equal(percpu_counter_init(&fbc, 0), 0);
	for (int sign = -1; sign <= 1; sign += 2) {
		percpu_counter_set(&fbc, 0);
		for (int i = 0; i < 9; i++)
			percpu_counter_add_batch(&fbc, sign, 10);
		assert_int_equal(percpu_counter_read(&fbc), 0);
		assert_int_equal(percpu_counter_sum(&fbc), sign * 9);
		percpu_counter_add_batch(&fbc, sign, 10);
		assert_int_equal(percpu_counter_read(&fbc), sign * 10);
		percpu_counter_add_batch(&fbc, sign * 1000000000000ll, 10);
		assert_true(percpu_counter_read(&fbc) == sign * 1000000000010ll);
	}
	percpu_counter_destroy(&fbc);
}

static void test_default_batch(void **state)
{
	(void)state;
	assert_int_equal(percpu_counter_batch(), 32);
	assert_int_equal(percpu_counter_init(&fbc, 0), 0);
	for (int i = 0; i < 31; i++)
		percpu_counter_inc(&fbc);
	assert_int_equal(percpu_counter_read(&fbc), 0);
	percpu_counter_inc(&fbc);
	assert_int_equal(percpu_counter_read(&fbc), 32);
	percpu_counter_dec(&fbc);
	assert_int_equal(percpu_counter_sum(&fbc), 31);
	percpu_counter_destroy(&fbc);
}

/* The theorem of the header: |read - true| <= CPUs * (batch - 1); and the bound is reached. */
static void test_bound(void **state)
{
	const s64 bound = CPUS * (32 - 1);
	const u64 seed = 7;
	struct rand_state rng;
	s64 value = 0;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	rand_init(&rng, seed, 0);
	assert_int_equal(percpu_counter_init(&fbc, 0), 0);
	for (int i = 0; i < 100000; i++) {
		s64 amount = (s64)rand_below(&rng, 41) - 20;
		s64 error;

		pose_as(rand_below(&rng, CPUS));
		percpu_counter_add(&fbc, amount);
		value += amount;
		error = percpu_counter_read(&fbc) - value;
		assert_true(error <= bound && error >= -bound);
		if (i % 16 == 0)
			assert_true(percpu_counter_sum(&fbc) == value);
	}
	percpu_counter_set(&fbc, 0);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		pose_as(cpu);
		percpu_counter_add(&fbc, 31);
	}
	assert_int_equal(percpu_counter_read(&fbc), 0);
	assert_int_equal(percpu_counter_sum(&fbc), bound);
	/* The host thread may sum while the CPUs are idle. */
	current_cpu = NULL;
	assert_int_equal(percpu_counter_sum(&fbc), bound);
	pose_as(0);
	percpu_counter_destroy(&fbc);
}

static void test_compare(void **state)
{
	(void)state;
	assert_int_equal(percpu_counter_init(&fbc, 1000), 0);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		pose_as(cpu);
		percpu_counter_add(&fbc, 25);
	}
	/* Far away: no sum needed. */
	assert_int_equal(percpu_counter_compare(&fbc, 100), 1);
	assert_int_equal(percpu_counter_compare(&fbc, 2000), -1);
	/* Within the bound: exact all the same. */
	assert_int_equal(percpu_counter_compare(&fbc, 1099), 1);
	assert_int_equal(percpu_counter_compare(&fbc, 1100), 0);
	assert_int_equal(percpu_counter_compare(&fbc, 1101), -1);
	assert_int_equal(__percpu_counter_compare(&fbc, 999, 0), 1);
	percpu_counter_destroy(&fbc);
}

/* Real CPUs: every one adds, nothing is lost. */
#define ADDS	100000

static void add_many(void *arg)
{
	for (int i = 0; i < ADDS; i++)
		percpu_counter_add(arg, i % 3 ? 2 : -1);
}

static void test_cpus(void **state)
{
	s64 per_cpu_sum = 0;

	(void)state;
	for (int i = 0; i < ADDS; i++)
		per_cpu_sum += i % 3 ? 2 : -1;
	current_cpu = NULL;
	assert_int_equal(percpu_counter_init(&fbc, 0), 0);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run_all(add_many, &fbc);
	assert_true(percpu_counter_sum(&fbc) == CPUS * per_cpu_sum);
	percpu_counter_destroy(&fbc);
}

static int setup_machine(void **state)
{
	struct machine_options opt = { .nr_cpus = CPUS, .nr_nodes = 1, .no_pin = true };

	(void)state;
	if (machine_boot(&opt) || percpu_boot(1 << 14))
		return -1;
	/* All tests but the last play the CPUs on their own thread. */
	pose_as(0);
	return 0;
}

static int teardown_machine(void **state)
{
	(void)state;
	current_cpu = NULL;
	machine_shutdown();
	percpu_shutdown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_default_batch),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_cpus),
	};

	return cmocka_run_group_tests(tests, setup_machine, teardown_machine);
}
