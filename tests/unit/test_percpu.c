/* SPDX-License-Identifier: MIT */
/* Per-CPU variables and the allocator behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "percpu/percpu.h"

#define CPUS		4
#define DYNAMIC		(16 * 1024)
#define UNIT		16

/* Both are only touched by the test thread. */
static DEFINE_PER_CPU(u32, counter) = 7;
static DEFINE_PER_CPU_ALIGNED(u64, aligned) = 0x1234;

static void pose_as(unsigned int cpu)
{
	current_cpu = &cpus[cpu];
}

static size_t used(void)
{
	size_t bytes, total;

	percpu_usage(&bytes, &total);
	assert_int_equal(total, DYNAMIC);
	return bytes;
}

/* Every CPU starts with the initial value, and changes only its own copy. */
static void test_static(void **state)
{
	(void)state;
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		pose_as(cpu);
		assert_int_equal(this_cpu_read(counter), 7);
		this_cpu_add(counter, cpu);
		assert_int_equal(this_cpu_add_return(counter, 1), 8 + cpu);
		assert_int_equal(this_cpu_read(aligned), 0x1234);
		assert_int_equal((uintptr_t)this_cpu_ptr(&aligned) % CACHE_LINE, 0);
	}
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(per_cpu(counter, cpu), 8 + cpu);
		per_cpu(counter, cpu) = 7;
	}
	pose_as(1);
	get_cpu_var(counter) = 9;
	assert_int_equal(preempt_count(), PREEMPT_OFFSET);
	put_cpu_var(counter);
	assert_int_equal(preempt_count(), 0);
	this_cpu_inc(counter);
	this_cpu_dec(counter);
	this_cpu_sub(counter, 1);
	assert_int_equal(this_cpu_read(counter), 8);
	this_cpu_write(counter, 7);
	assert_int_equal(per_cpu(counter, 1), 7);
	assert_int_equal(counter, 7);
}

/* No two CPUs' copies share a page, let alone a cache line. */
static void test_separation(void **state)
{
	(void)state;
	for (unsigned int cpu = 1; cpu < CPUS; cpu++) {
		uintptr_t a = (uintptr_t)per_cpu_ptr(&counter, cpu - 1);
		uintptr_t b = (uintptr_t)per_cpu_ptr(&counter, cpu);

		assert_true(b > a && b - a >= 4096 && (b - a) % 4096 == 0);
	}
}

static void test_alloc(void **state)
{
	u64 *a, *b;

	(void)state;
	assert_int_equal(used(), 0);
	a = alloc_percpu(u64);
	b = alloc_percpu(u64);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(used(), 2 * UNIT);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(*per_cpu_ptr(a, cpu), 0);
		*per_cpu_ptr(a, cpu) = cpu + 1;
		*per_cpu_ptr(b, cpu) = ~0ull;
	}
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		pose_as(cpu);
		assert_int_equal(*this_cpu_ptr(a), cpu + 1);
	}
	free_percpu(a);
	free_percpu(NULL);
	assert_int_equal(used(), UNIT);
	/* First fit: the freed place again, and zeroed again. */
	assert_ptr_equal(alloc_percpu(u64), a);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(*per_cpu_ptr(a, cpu), 0);
		assert_true(*per_cpu_ptr(b, cpu) == ~0ull);
	}
	free_percpu(a);
	free_percpu(b);
	assert_int_equal(used(), 0);
}

static void test_alignment(void **state)
{
	(void)state;
	for (size_t align = 1; align <= 4096; align *= 2) {
		char *small = __alloc_percpu(1, 1);
		char *p = __alloc_percpu(100, align);

		assert_non_null(small);
		assert_non_null(p);
		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal((uintptr_t)per_cpu_ptr(p, cpu) % align, 0);
		free_percpu(p);
		free_percpu(small);
	}
	assert_int_equal(used(), 0);
}

static void test_exhaustion(void **state)
{
	char *all, *p[DYNAMIC / UNIT];

	(void)state;
	assert_null(__alloc_percpu(DYNAMIC + 1, 1));
	assert_null(__alloc_percpu(SIZE_MAX - 100, 1));
	all = __alloc_percpu(DYNAMIC, 1);
	assert_non_null(all);
	assert_null(__alloc_percpu(1, 1));
	free_percpu(all);

	for (unsigned int i = 0; i < DYNAMIC / UNIT; i++)
		assert_non_null(p[i] = __alloc_percpu(UNIT, 1));
	assert_null(__alloc_percpu(1, 1));
	/* Every other place is free: two units in a row are not to be had. */
	for (unsigned int i = 0; i < DYNAMIC / UNIT; i += 2)
		free_percpu(p[i]);
	assert_int_equal(used(), DYNAMIC / 2);
	assert_null(__alloc_percpu(UNIT + 1, 1));
	assert_ptr_equal(__alloc_percpu(UNIT, 1), p[0]);
	/* A third neighbour makes room for three. */
	free_percpu(p[101]);
	assert_ptr_equal(__alloc_percpu(3 * UNIT, 1), p[100]);
	free_percpu(p[100]);
	free_percpu(p[0]);
	for (unsigned int i = 1; i < DYNAMIC / UNIT; i += 2)
		if (i != 101)
			free_percpu(p[i]);
	assert_int_equal(used(), 0);
}

/*
 * Against a byte map: no two allocations overlap, contents survive, free gives exactly back.
 */
static void test_random(void **state)
{
	const u64 seed = 42;
	struct {
		unsigned char *p;
		size_t size;
	} live[64] = { 0 };
	struct rand_state rng;
	size_t sum = 0;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	rand_init(&rng, seed, 0);
	for (int i = 0; i < 20000; i++) {
		u32 slot = rand_below(&rng, ARRAY_SIZE(live));
		unsigned int cpu = rand_below(&rng, CPUS);
		unsigned char *p = live[slot].p;

		if (p) {
			for (size_t at = 0; at < live[slot].size; at++)
				assert_int_equal(per_cpu_ptr(p, cpu)[at], slot + cpu + 1);
			free_percpu(p);
			sum -= align_up(live[slot].size, UNIT);
			live[slot].p = NULL;
		} else {
			size_t size = 1 + rand_below(&rng, 600);

			p = __alloc_percpu(size, 1ul << rand_below(&rng, 9));
			if (!p)
				continue;
			for (unsigned int c = 0; c < CPUS; c++) {
				assert_int_equal(per_cpu_ptr(p, c)[size - 1], 0);
				memset(per_cpu_ptr(p, c), (int)(slot + c + 1), size);
			}
			live[slot].p = p;
			live[slot].size = size;
			sum += align_up(size, UNIT);
		}
		assert_int_equal(used(), sum);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(live); i++)
		free_percpu(live[i].p);
	assert_int_equal(used(), 0);
}

/* A second machine gets fresh copies. */
static int setup_machine(void **state)
{
	struct machine_options opt = { .nr_cpus = CPUS, .nr_nodes = 1, .no_pin = true };

	(void)state;
	if (machine_boot(&opt) || percpu_boot(DYNAMIC))
		return -1;
	/* The tests play every CPU in turn on their own thread. */
	pose_as(0);
	return 0;
}

static int teardown_machine(void **state)
{
	(void)state;
	current_cpu = NULL;
	percpu_shutdown();
	machine_shutdown();
	return 0;
}

static void test_reboot(void **state)
{
	this_cpu_write(counter, 99);
	assert_int_equal(teardown_machine(state), 0);
	assert_int_equal(setup_machine(state), 0);
	assert_int_equal(this_cpu_read(counter), 7);
	assert_int_equal(used(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_separation),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_reboot),
	};

	return cmocka_run_group_tests(tests, setup_machine, teardown_machine);
}
