/* SPDX-License-Identifier: MIT */
/* Timing faults: each kind really happens, is counted, follows its seed, and ends when told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/hotplug.h"
#include "runtime/inject.h"
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "runtime/owner_lock.h"

#define CALLS	20u
#define PAIRS	30u
#define STORM	7u
#define VECTOR	IRQ_FIRST_DEVICE

static const char *const backends[] = { "threads", "sim" };

static void boot_with(const char *backend, unsigned int nr_cpus, const char *lockstat)
{
	const struct machine_options opt = {
		.nr_cpus = nr_cpus, .nr_nodes = 1, .seed = 1, .backend = backend,
		.lockstat = lockstat,
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
}

static void boot(const char *backend, unsigned int nr_cpus)
{
	boot_with(backend, nr_cpus, "default");
}

static void inject(const char *text, u64 seed)
{
	struct inject_options opt;
	char err[256];

	assert_int_equal(inject_parse(text, &opt, err, sizeof(err)), 0);
	assert_int_equal(inject_start(&opt, seed), 0);
}

/* ---- options ---- */

static void test_text(void **state)
{
	static const struct {
		const char *text, *same;
	} good[] = {
		{ "ipi-delay=20", "ipi-delay=20/8" },
		{ "lock-delay=5/7", "lock-delay=5/7" },
		{ "lock-hold=250@zone->lock[Normal]", "lock-hold=250@zone->lock[Normal]" },
		{ "lock-hold=0@a,ipi-delay=1/1", "ipi-delay=1/1,lock-hold=0@a" },
		{ "irq-storm=10000/1000000000,ipi-delay=1/1",
		  "ipi-delay=1/1,irq-storm=10000/1000000000" },
	};
	static const char *const bad[] = {
		"", "ipi-delay", "ipi-delay=", "ipi-delay=0", "ipi-delay=10001", "ipi-delay=1/0",
		"ipi-delay=1/", "ipi-delay=-1", "ipi-delay=1x", "ipi-delay=1/2/3", "delay=1",
		"ipi-delay=1,", ",ipi-delay=1", "irq-storm=99999999999999999999",
		"lock-delay=1/1000000001", "lock-hold=5", "lock-hold=5@", "lock-hold=@a",
		"lock-hold=1000001@a", "lock-hold=00@a", "lock-hold=-1@a",
	};
	struct inject_options opt;
	char buf[INJECT_TEXT_MAX], err[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(inject_parse(good[i].text, &opt, err, sizeof(err)), 0);
		assert_true(inject_wanted(&opt));
		assert_string_equal(inject_text(&opt, buf, sizeof(buf)), good[i].same);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err[0] = '\0';
		assert_true(inject_parse(bad[i], &opt, err, sizeof(err)) < 0);
		assert_non_null(strstr(err, "is none of ipi-delay=US[/N]"));
	}
	assert_string_equal(inject_text(&(struct inject_options){ 0 }, buf, sizeof(buf)), "");
}

/* ---- calls that come late ---- */

static u64 trips_ns;

static void nothing(void *info)
{
	(void)info;
}

static void call_and_wait(void *arg)
{
	u64 start = clock_ns();

	(void)arg;
	for (unsigned int i = 0; i < CALLS; i++)
		assert_int_equal(smp_call_function_single(1, nothing, NULL, true), 0);
	trips_ns = clock_ns() - start;
}

static void test_ipi_delay(void **state)
{
	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(backends); b++) {
		struct inject_stats s;

		boot(backends[b], 2);
		inject("ipi-delay=200/1", 1);
		cpu_run(0, call_and_wait, NULL);
		s = inject_stats(INJECT_IPI_DELAY);
		assert_int_equal(s.candidates, CALLS);
		assert_int_equal(s.injected, CALLS);
		/* Half of 200 us on average; with 20 draws the sum is far from both ends. */
		assert_in_range(s.amount, CALLS * 30000ull, CALLS * 170000ull);
		assert_true(trips_ns >= s.amount);

		inject_stop();
		cpu_run(0, call_and_wait, NULL);
		assert_int_equal(inject_stats(INJECT_IPI_DELAY).candidates, CALLS);
		machine_shutdown();
	}
}

/* While a call is on its way its target goes on with its own work. */
static u32 called;			/* atomic */
static u64 turns_before_call;

static void note_call(void *info)
{
	(void)info;
	WRITE_ONCE(called, 1);
}

static void send_one(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 0) {
		assert_int_equal(smp_call_function_single(1, note_call, NULL, true), 0);
		return;
	}
	while (!READ_ONCE(cpus[1].irq_pending) && !READ_ONCE(called))
		cond_resched();
	for (turns_before_call = 0; !READ_ONCE(called); turns_before_call++)
		cond_resched();
}

static void test_target_goes_on(void **state)
{
	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(backends); b++) {
		boot(backends[b], 2);
		called = 0;
		inject("ipi-delay=10000/1", 3);
		cpu_run_all(send_one, NULL);
		assert_true(called);
		assert_true(turns_before_call > 0);
		inject_stop();
		machine_shutdown();
	}
}

static void take_down_and_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(smp_call_function_single(1, note_call, NULL, true), 0);
		assert_int_equal(smp_call_function_single(1, note_call, NULL, false), 0);
		assert_int_equal(cpu_down(1), 0);
		assert_int_equal(cpu_up(1), 0);
	}
}

/* I3: no CPU leaves with a call unanswered, however late it comes. */
static void test_late_calls_and_hotplug(void **state)
{
	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(backends); b++) {
		boot(backends[b], 3);
		inject("ipi-delay=500/1", 1);
		cpu_run(0, take_down_and_up, NULL);
		assert_true(inject_stats(INJECT_IPI_DELAY).injected > 0);
		inject_stop();
		machine_shutdown();
	}
}

/* ---- locks that are kept ---- */

static const struct lock_class spin_class = { .name = "inject.spin", .rank = RANK_RUNTIME };
static const struct lock_class sleep_class = { .name = "inject.mutex", .rank = RANK_NONE };
static const struct lock_class pcp_class = { .name = "inject.owner", .rank = RANK_NONE };
static spinlock_t spin;
static struct mutex mutex;
static struct rw_semaphore sem;
static struct owner_lock owner;
static u64 locks_ns;

static void take_locks(void *arg)
{
	u64 start = clock_ns();

	(void)arg;
	for (unsigned int i = 0; i < PAIRS; i++) {
		spin_lock(&spin);
		spin_unlock(&spin);
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		down_write(&sem);
		up_write(&sem);
	}
	locks_ns = clock_ns() - start;
}

static void init_locks(void *arg)
{
	(void)arg;
	spin_lock_init(&spin, &spin_class, NULL);
	mutex_init(&mutex, &sleep_class, NULL);
	init_rwsem(&sem, &sleep_class, NULL);
	owner_lock_init(&owner, &pcp_class, NULL);
}

static void test_lock_delay(void **state)
{
	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(backends); b++) {
		struct inject_stats s;

		boot(backends[b], 2);
		cpu_run(0, init_locks, NULL);
		inject("lock-delay=40/1", 1);
		cpu_run(0, take_locks, NULL);
		s = inject_stats(INJECT_LOCK_DELAY);
		assert_int_equal(s.candidates, s.injected);
		assert_true(s.injected >= 3 * PAIRS);
		assert_in_range(s.amount, s.injected * 10000, s.injected * 30000);
		assert_true(locks_ns >= s.amount);

		inject_stop();
		cpu_run(0, take_locks, NULL);
		assert_int_equal(inject_stats(INJECT_LOCK_DELAY).injected, s.injected);
		machine_shutdown();
	}
}

/* Only the lock of that name is kept longer: by name, by its first words, not by part of a word. */
static void test_lock_hold(void **state)
{
	static const struct {
		const char *text;
		bool hits;
	} cases[] = {
		{ "lock-hold=3000@inject.mutex", true }, { "lock-hold=3000@inject", true },
		{ "lock-hold=3000@injec", false }, { "lock-hold=3000@inject.mutex.2", false },
		{ "lock-hold=0@inject.mutex", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		struct inject_stats s;
		const char *text = cases[i / 2].text;

		boot(backends[i % 2], 2);
		cpu_run(0, init_locks, NULL);
		inject(text, 1);
		cpu_run(0, take_locks, NULL);
		s = inject_stats(INJECT_LOCK_HOLD);
		/* The mutex and the semaphore at least, each PAIRS times. */
		assert_int_equal(s.candidates, cases[i / 2].hits ? s.candidates : 0);
		assert_true(!cases[i / 2].hits || s.candidates >= 2 * PAIRS);
		assert_int_equal(s.injected, strstr(text, "=0@") ? 0 : s.candidates);
		assert_int_equal(s.amount, 3000 * s.injected);
		assert_true(locks_ns >= s.amount);
		inject_stop();
		machine_shutdown();
	}
}

static u64 owner_failed;
static u32 drained;			/* atomic */

/* CPU 1 takes the lock of CPU 0 now and then; what is done under it takes no time. */
static void owner_and_drain(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 1) {
		for (int i = 0; i < 20; i++) {
			owner_lock_remote(&owner);
			owner_unlock_remote(&owner);
		}
		WRITE_ONCE(drained, 1);
		return;
	}
	while (!READ_ONCE(drained)) {
		preempt_disable();
		if (owner_trylock(&owner))
			owner_unlock(&owner);
		else
			owner_failed++;
		preempt_enable();
	}
}

static void test_owner_is_shut_out(void **state)
{
	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(backends); b++) {
		boot(backends[b], 2);
		cpu_run(0, init_locks, NULL);
		inject("lock-delay=2000/1", 1);
		owner_failed = drained = 0;
		cpu_run_all(owner_and_drain, NULL);
		assert_true(owner_failed > 100);
		inject_stop();
		machine_shutdown();
	}
}

/* The recorder goes on counting while its fast path is hidden. */
static void test_recorder_goes_on(void **state)
{
	u64 acquired = 0;

	(void)state;
	boot("threads", 1);
	cpu_run(0, init_locks, NULL);
	inject("lock-delay=1/1000", 1);
	cpu_run(0, take_locks, NULL);
	for (unsigned int i = 0; i < LOCKSTAT_ROWS; i++)
		if (cpus[0].recorder->rows[i].class == spin.meta.class)
			acquired += cpus[0].recorder->rows[i].acquired;
	assert_int_equal(acquired, PAIRS);
	machine_shutdown();
}

/* ---- storms ---- */

static unsigned int handled;

static void count_interrupt(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	owner_inc(handled);
}

static void raise_one(void *arg)
{
	(void)arg;
	owner_write(handled, 0);
	irq_raise(&cpus[0], VECTOR);
	/* One each: the storm leaves the task room between its interrupts. */
	for (unsigned int i = 1; i <= STORM + 1; i++) {
		irq_safepoint();
		assert_int_equal(owner_read(handled), i);
	}
	for (unsigned int i = 0; i < 10; i++)
		irq_safepoint();
	assert_int_equal(owner_read(handled), STORM + 1);
}

static void test_storm(void **state)
{
	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(backends); b++) {
		struct inject_stats s;

		boot(backends[b], 1);
		assert_int_equal(irq_vector_register(VECTOR, "test", count_interrupt, NULL), 0);
		inject("irq-storm=7/1", 1);
		for (int i = 0; i < 4; i++)
			cpu_run(0, raise_one, NULL);
		s = inject_stats(INJECT_IRQ_STORM);
		assert_int_equal(s.candidates, 4);
		assert_int_equal(s.injected, 4);
		assert_int_equal(s.amount, 4 * STORM);
		inject_stop();
		irq_vector_unregister(VECTOR);
		machine_shutdown();
	}
}

/* ---- the seed decides ---- */

static void mixed_load(void *arg)
{
	unsigned int other = (smp_processor_id() + 1) % nr_cpu_ids;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		spin_lock(&spin);
		spin_unlock(&spin);
		assert_int_equal(smp_call_function_single(other, nothing, NULL, i % 2), 0);
		irq_raise(&cpus[other], VECTOR);
	}
}

static u64 schedule(u64 seed)
{
	const struct sim_options opt = {
		.seed = 7, .policy = SIM_RANDOM, .param = 4, .step_limit = 10000000,
	};
	u64 hash;

	inject_seed(seed);
	sim_begin(&opt);
	cpu_run_all(mixed_load, NULL);
	hash = sim_end().hash;
	cpu_run_all(nothing, NULL);	/* orders the host behind all interrupts */
	return hash;
}

static void test_seed_decides(void **state)
{
	u64 hash;

	(void)state;
	/* Without lock_stat, whose samples look at the clock. */
	boot_with("sim", 3, "off");
	assert_int_equal(irq_vector_register(VECTOR, "test", count_interrupt, NULL), 0);
	cpu_run(0, init_locks, NULL);
	inject("ipi-delay=3/4,lock-delay=2/5,irq-storm=4/6", 1);
	hash = schedule(1);
	/* A lock-hold has nothing to draw. */
	for (int i = 0; i < INJECT_LOCK_HOLD; i++) {
		struct inject_stats s = inject_stats((enum inject_kind)i);

		assert_true(s.injected > 0 && s.injected < s.candidates);
	}
	assert_true(schedule(2) != hash);
	assert_true(schedule(1) == hash);
	inject_stop();
	irq_vector_unregister(VECTOR);
	machine_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_ipi_delay),
		cmocka_unit_test(test_target_goes_on),
		cmocka_unit_test(test_late_calls_and_hotplug),
		cmocka_unit_test(test_lock_delay),
		cmocka_unit_test(test_lock_hold),
		cmocka_unit_test(test_owner_is_shut_out),
		cmocka_unit_test(test_recorder_goes_on),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_seed_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
