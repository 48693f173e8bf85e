/* SPDX-License-Identifier: MIT */
/* Work queues: where and how often a work runs, what a flush waits for, periodic works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/hotplug.h"
#include "runtime/sim/sim.h"

static void boot(const char *backend, unsigned int nr_cpus)
{
	struct machine_options opt = {
		.backend = backend, .nr_cpus = nr_cpus, .nr_nodes = 1, .seed = 1,
		.lockstat = "off",
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
}

static u32 runs, ran_on;		/* atomic */

static void count_run(struct work_struct *work)
{
	(void)work;
	BUG_ON(in_interrupt() || irqs_disabled() || preempt_count());
	WRITE_ONCE(ran_on, smp_processor_id());
	fetch_add(&runs, 1);
}

static struct work_struct work = WORK_INIT(count_run);

/* ---- once ---- */

static void queue_elsewhere(void *arg)
{
	(void)arg;
	for (unsigned int i = 1; i <= 100; i++) {
		BUG_ON(!schedule_work_on(1, &work));
		flush_work(&work);
		BUG_ON(READ_ONCE(runs) != i || READ_ONCE(ran_on) != 1);
	}
}

static void queue_here(void *arg)
{
	(void)arg;
	BUG_ON(!schedule_work_on(0, &work));
	BUG_ON(schedule_work_on(0, &work));		/* it waits already */
	BUG_ON(READ_ONCE(runs) != 100);			/* never in the middle of something */
	cond_resched();
	BUG_ON(READ_ONCE(runs) != 101);
	cond_resched();
	BUG_ON(READ_ONCE(runs) != 101);
	BUG_ON(!schedule_work_on(0, &work));
	flush_work(&work);				/* runs it, as nobody else would */
	BUG_ON(READ_ONCE(runs) != 102);
	flush_work(&work);
	BUG_ON(!schedule_work_on(0, &work));		/* left to the idle CPU */
}

static void is_flushed(void *arg)
{
	(void)arg;
	flush_work(&work);
	BUG_ON(READ_ONCE(runs) != 103);
}

static void test_once(void **state)
{
	static const char *const backends[] = { "threads", "sim" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(backends); i++) {
		boot(backends[i], 2);
		runs = 0;
		cpu_run(0, queue_elsewhere, NULL);
		cpu_run(0, queue_here, NULL);
		cpu_run(1, is_flushed, NULL);
		assert_int_equal(runs, 103);
		machine_shutdown();
	}
}

/* ---- a work inside a work ---- */

static void resched_inside(struct work_struct *outer);
static struct work_struct outer_work = WORK_INIT(resched_inside);

static void resched_inside(struct work_struct *outer)
{
	(void)outer;
	BUG_ON(!schedule_work_on(0, &work));
	cond_resched();
	BUG_ON(READ_ONCE(runs));		/* works do not nest */
}

static void nest(void *arg)
{
	(void)arg;
	(void)schedule_work_on(0, &outer_work);
	flush_work(&work);
	flush_work(&outer_work);
	flush_work(&work);
}

static void test_no_nesting(void **state)
{
	(void)state;
	boot("threads", 1);
	runs = 0;
	cpu_run(0, nest, NULL);
	assert_int_equal(runs, 1);
	machine_shutdown();
}

/* ---- a CPU that goes down ---- */

static void queue_at_the_last_moment(unsigned int cpu)
{
	if (cpu == 1)
		BUG_ON(!schedule_work_on(1, &work));
}

static const struct cpuhp_notifier notifier = {
	.name = "test", .offline = queue_at_the_last_moment,
};

static void flush_it(void *arg)
{
	(void)arg;
	flush_work(&work);
}

static void test_hotplug(void **state)
{
	struct machine_options opt = { .nr_cpus = 2, .nr_nodes = 1, .seed = 1 };

	(void)state;
	runs = 0;
	assert_int_equal(machine_boot(&opt), 0);
	cpuhp_register(&notifier);
	assert_int_equal(machine_start_cpus(), 0);
	assert_int_equal(cpu_down(1), 0);
	cpu_run(0, flush_it, NULL);
	assert_int_equal(runs, 1);
	assert_int_equal(ran_on, 0);		/* the heir */
	assert_int_equal(cpu_up(1), 0);
	machine_shutdown();
}

/* ---- periodic ---- */

#define INTERVAL_NS	(2 * NSEC_PER_MSEC)

static struct periodic_work periodic = { .work = WORK_INIT(count_run) };
static u64 started_ns;

static void start(void *arg)
{
	u64 interval = *(u64 *)arg;

	started_ns = clock_ns();
	BUG_ON(periodic_work_start(&periodic, 0, interval));
}

/* A task that goes on for long while the work comes several times in between. */
static void run_until_five(void *arg)
{
	u64 interval = *(u64 *)arg;

	while (READ_ONCE(runs) < 5)
		cond_resched();
	BUG_ON(clock_ns() - started_ns < 5 * interval);
}

static void stop(void *arg)
{
	u32 before;

	(void)arg;
	periodic_work_stop(&periodic);
	before = READ_ONCE(runs);
	for (u64 end = clock_ns() + 3 * INTERVAL_NS; clock_ns() < end;)
		cond_resched();
	BUG_ON(READ_ONCE(runs) != before);
	periodic_work_stop(&periodic);		/* a second time does nothing */
}

static void test_periodic(void **state)
{
	u64 interval = INTERVAL_NS;

	(void)state;
	boot("threads", 2);
	runs = 0;
	cpu_run(0, start, &interval);
	cpu_run(0, run_until_five, &interval);
	while (READ_ONCE(runs) < 8)		/* and while it idles */
		cpu_run(1, flush_it, NULL);
	cpu_run(1, stop, NULL);
	machine_shutdown();
}

static void slower_then_faster(void *arg)
{
	const u64 interval = INTERVAL_NS;

	(void)arg;
	BUG_ON(periodic_work_start(&periodic, 0, 3600 * NSEC_PER_SEC));
	periodic_work_set_interval(&periodic, interval);
	started_ns = clock_ns();
	while (READ_ONCE(runs) < 3)
		cond_resched();
	BUG_ON(clock_ns() - started_ns < 2 * interval);
	periodic_work_stop(&periodic);
}

static void test_interval(void **state)
{
	(void)state;
	boot("threads", 1);
	runs = 0;
	cpu_run(0, slower_then_faster, NULL);
	machine_shutdown();
}

/* By the simulated clock: a seed repeats even the number of steps. */
static void test_simulated(void **state)
{
	struct sim_options opt = { .seed = 7, .policy = SIM_RANDOM, .param = 20 };
	u64 interval = 100 * NSEC_PER_USEC, hash = 0;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct sim_stats stats;

		boot("sim", 2);
		runs = 0;
		cpu_run(0, start, &interval);
		sim_begin(&opt);
		cpu_run(0, run_until_five, &interval);
		stats = sim_end();
		cpu_run(0, stop, NULL);
		machine_shutdown();
		if (i)
			assert_int_equal(stats.hash, hash);
		hash = stats.hash;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_no_nesting),
		cmocka_unit_test(test_hotplug),
		cmocka_unit_test(test_periodic),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_simulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
