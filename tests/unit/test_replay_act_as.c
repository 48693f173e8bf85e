/* SPDX-License-Identifier: MIT */
/* Tests of one thread that acts as each CPU in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "percpu/percpu.h"
#include "runtime/act_as.h"
#include "runtime/spinlock.h"

/* Task context of the owner CPU. */
static DEFINE_PER_CPU(u64, turns);

static const struct lock_class test_class = { .name = "act-as test" };

static void boot(unsigned int nr_cpus)
{
	const struct machine_options opt = { .nr_cpus = nr_cpus, .nr_nodes = 1, .seed = 1 };

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(percpu_boot(4096), 0);
}

static void shutdown(void)
{
	percpu_shutdown();
	machine_shutdown();
}

static void each_cpu_has_its_own_data(void **state)
{
	(void)state;
	boot(4);
	act_as_begin();
	assert_int_equal(num_online_cpus(), 4);
	for (unsigned int turn = 0; turn < 10; turn++)
		for (unsigned int cpu = 0; cpu < 4; cpu++) {
			act_as(cpu);
			assert_int_equal(smp_processor_id(), cpu);
			this_cpu_add(turns, cpu + 1);
		}
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		assert_int_equal(per_cpu(turns, cpu), 10 * (cpu + 1));
	act_as_end();
	assert_null(this_cpu());
	assert_int_equal(num_online_cpus(), 0);
	shutdown();
}

/* Acquisitions of @class that CPU @cpu recorded. */
static u64 acquired(unsigned int cpu, u16 class)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < LOCKSTAT_ROWS; i++)
		if (cpus[cpu].lockstat->rows[i].used && cpus[cpu].lockstat->rows[i].class == class)
			sum += cpus[cpu].lockstat->rows[i].acquired;
	return sum;
}

static void locks_count_for_the_cpu_acted_as(void **state)
{
	spinlock_t lock;

	(void)state;
	boot(2);
	spin_lock_init(&lock, &test_class, "it");
	act_as_begin();
	for (unsigned int i = 0; i < 30; i++) {
		act_as(i % 3 == 0);
		spin_lock(&lock);
		spin_unlock(&lock);
	}
	assert_int_equal(acquired(0, lock.meta.class), 20);
	assert_int_equal(acquired(1, lock.meta.class), 10);
	act_as_end();
	spin_lock_destroy(&lock);
	shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cpu_has_its_own_data),
		cmocka_unit_test(locks_count_for_the_cpu_acted_as),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
