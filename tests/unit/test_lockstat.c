/* SPDX-License-Identifier: MIT */
/* test_lockstat.c - the recorder: exact counts, known contention, sampling, histogram steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "runtime/mutex.h"

#define HOLD_NS		(2 * NSEC_PER_MSEC)
/* A shared host may keep a CPU off its core for long; above this a time is wrong, not slow. */
#define ABSURD_NS	(20 * NSEC_PER_SEC)

static const struct lock_class test_class = { .name = "test" };
static spinlock_t lock;
static struct mutex mutex;
static struct rw_semaphore sem;

static void init_locks(void *arg)
{
	(void)arg;
	spin_lock_init(&lock, &test_class, "spin");
	mutex_init(&mutex, &test_class, "mutex");
	init_rwsem(&sem, &test_class, "rwsem");
}

static void boot(unsigned int nr_cpus, const char *mode)
{
	const struct machine_options opt = {
		.nr_cpus = nr_cpus, .nr_nodes = 1, .seed = 1, .lockstat = mode,
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run(0, init_locks, NULL);
}

static void add_time(struct lockstat_time *to, const struct lockstat_time *t)
{
	if (!t->nr)
		return;
	to->min = !to->nr || t->min < to->min ? t->min : to->min;
	to->max = max(to->max, t->max);
	to->sum += t->sum;
	to->nr += t->nr;
}

/* One class and mode over all CPUs and sites. */
static struct lockstat_row sum_of(u16 class, u8 mode)
{
	struct lockstat_row sum = { 0 };

	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		for (u32 i = 0; i < LOCKSTAT_ROWS; i++) {
			const struct lockstat_row *row = &cpus[cpu].lockstat->rows[i];

			if (!row->used || row->class != class || row->mode != mode)
				continue;
			sum.acquired += row->acquired;
			sum.contended += row->contended;
			sum.bounces += row->bounces;
			sum.contended_bounces += row->contended_bounces;
			sum.trylock_failed += row->trylock_failed;
			sum.spun += row->spun;
			sum.slept += row->slept;
			sum.queue_max = max(sum.queue_max, row->queue_max);
			add_time(&sum.wait, &row->wait);
			add_time(&sum.hold, &row->hold);
			add_time(&sum.hold_contended, &row->hold_contended);
		}
	return sum;
}

/* ---- histogram steps ---- */

static void test_buckets_are_monotone_and_inverse(void **state)
{
	unsigned int last = 0;

	(void)state;
	for (unsigned int b = 0; b < LOCKSTAT_BUCKETS; b++) {
		u64 floor = lockstat_bucket_floor(b);

		if (b)
			assert_true(floor >= lockstat_bucket_floor(b - 1));
		if (b >= 4 && b < 8) {
			assert_int_equal(floor, 4);	/* never used */
			continue;
		}
		assert_int_equal(lockstat_bucket(floor), b);
		if (floor)
			assert_true(lockstat_bucket(floor - 1) < b);
	}
	for (u64 ns = 0; ns < 100000; ns++) {
		unsigned int b = lockstat_bucket(ns);

		assert_true(b >= last);
		last = b;
		assert_true(lockstat_bucket_floor(b) <= ns);
		/* A step is at most a quarter of its floor wide. */
		assert_true((ns - lockstat_bucket_floor(b)) * 4 <= lockstat_bucket_floor(b));
	}
	assert_int_equal(lockstat_bucket(UINT64_MAX), LOCKSTAT_BUCKETS - 1);
	assert_int_equal(lockstat_bucket(1ULL << 63), LOCKSTAT_BUCKETS - 4);
}

/* ---- exact counts ---- */

#define PAIRS	12345

static void lock_pairs(void *arg)
{
	(void)arg;
	for (int i = 0; i < PAIRS; i++) {
		spin_lock(&lock);
		spin_unlock(&lock);
	}
}

static void test_acquisitions_are_exact(void **state)
{
	struct lockstat_row sum;

	(void)state;
	boot(1, "default");
	cpu_run(0, lock_pairs, NULL);
	cpu_run(0, lock_pairs, NULL);
	sum = sum_of(lock.meta.class, 0);
	assert_int_equal(sum.acquired, 2 * PAIRS);
	assert_int_equal(sum.contended, 0);
	assert_int_equal(sum.bounces, 0);	/* the first owner took it from nobody */
	assert_int_equal(sum.wait.nr, 0);
	assert_int_equal(sum.hold_contended.nr, 0);
	/* 1 in 64 on average; eight standard deviations of the uniform distance either way. */
	assert_in_range(sum.hold.nr, 2 * PAIRS / LOCKSTAT_HOLD_SAMPLE - 100,
			2 * PAIRS / LOCKSTAT_HOLD_SAMPLE + 100);
	assert_int_equal(cpus[0].lockstat->overflow, 0);
	assert_int_equal(cpus[0].lockstat->nr_deferred, 0);
	lockstat_reset();
	assert_int_equal(sum_of(lock.meta.class, 0).acquired, 0);
	machine_shutdown();
}

static void test_all_mode_times_every_hold(void **state)
{
	struct lockstat_row sum;

	(void)state;
	boot(1, "all");
	cpu_run(0, lock_pairs, NULL);
	sum = sum_of(lock.meta.class, 0);
	assert_int_equal(sum.hold.nr, PAIRS);
	assert_true(sum.hold.min <= sum.hold.max && sum.hold.max <= sum.hold.sum);
	machine_shutdown();
}

static void test_off_mode_records_nothing(void **state)
{
	(void)state;
	boot(1, "off");
	cpu_run(0, lock_pairs, NULL);
	assert_null(cpus[0].lockstat);
	machine_shutdown();
}

static spinlock_t other;

static void two_locks_in_turn(void *arg)
{
	spin_lock_init(&other, &test_class, "other");
	(void)arg;
	for (int i = 0; i < PAIRS; i++) {
		spin_lock(&lock);
		spin_unlock(&lock);
		spin_lock(&other);
		spin_unlock(&other);
	}
}

/* Two locks in turn: a fixed even distance between samples would only ever meet one of them. */
static void test_sampling_meets_every_lock_of_a_loop(void **state)
{
	(void)state;
	boot(1, "default");
	cpu_run(0, two_locks_in_turn, NULL);
	assert_in_range(sum_of(lock.meta.class, 0).hold.nr, PAIRS / 64 / 2, PAIRS / 64 * 2);
	assert_in_range(sum_of(other.meta.class, 0).hold.nr, PAIRS / 64 / 2, PAIRS / 64 * 2);
	machine_shutdown();
}

static void lock_once(void *arg)
{
	(void)arg;
	spin_lock(&lock);
	spin_unlock(&lock);
}

static void test_bounces_are_exact(void **state)
{
	struct lockstat_row sum;

	(void)state;
	boot(2, NULL);
	for (unsigned int i = 0; i < 10; i++) {
		cpu_run(i % 2, lock_once, NULL);
		cpu_run(i % 2, lock_once, NULL);
	}
	sum = sum_of(lock.meta.class, 0);
	assert_int_equal(sum.acquired, 20);
	assert_int_equal(sum.bounces, 9);
	assert_int_equal(sum.contended_bounces, 0);
	machine_shutdown();
}

static void try_held_locks(void *arg)
{
	(void)arg;
	spin_lock(&lock);
	assert_false(spin_trylock(&lock));
	assert_false(spin_trylock(&lock));
	spin_unlock(&lock);
	down_write(&sem);
	assert_false(down_read_trylock(&sem));
	assert_false(down_write_trylock(&sem));
	up_write(&sem);
	down_read(&sem);
	assert_false(down_write_trylock(&sem));
	up_read(&sem);
	mutex_lock(&mutex);
	assert_false(mutex_trylock(&mutex));
	mutex_unlock(&mutex);
}

static void test_failed_trylocks_are_counted_by_mode(void **state)
{
	(void)state;
	boot(1, NULL);
	cpu_run(0, try_held_locks, NULL);
	assert_int_equal(sum_of(lock.meta.class, 0).trylock_failed, 2);
	assert_int_equal(sum_of(sem.meta.class, 0).trylock_failed, 2);
	assert_int_equal(sum_of(sem.meta.class, 1).trylock_failed, 1);
	assert_int_equal(sum_of(sem.meta.class, 1).acquired, 1);
	assert_int_equal(sum_of(mutex.meta.class, 0).trylock_failed, 1);
	assert_int_equal(sum_of(mutex.meta.class, 0).acquired, 1);
	machine_shutdown();
}

/* ---- known contention ---- */

static struct lock_meta *contended_meta;
static u32 holder_inside;

/* Holds until every other CPU waits, and then two milliseconds more. */
static void hold_while_others_wait(void)
{
	u64 end;

	smp_store_release(&holder_inside, 1);
	while (READ_ONCE(contended_meta->nr_waiters) < nr_cpu_ids - 1)
		cpu_pause();
	end = clock_ns() + HOLD_NS;
	while (clock_ns() < end)
		cpu_pause();
}

static void wait_for_holder(void)
{
	while (!smp_load_acquire(&holder_inside))
		cpu_pause();
}

static void contend_spinlock(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 0) {
		spin_lock(&lock);
		hold_while_others_wait();
		spin_unlock(&lock);
	} else {
		wait_for_holder();
		spin_lock(&lock);
		spin_unlock(&lock);
	}
}

static void contend_mutex(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 0) {
		mutex_lock(&mutex);
		hold_while_others_wait();
		mutex_unlock(&mutex);
	} else {
		wait_for_holder();
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
	}
}

static void contend_readers(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 0) {
		down_write(&sem);
		hold_while_others_wait();
		up_write(&sem);
	} else {
		wait_for_holder();
		down_read(&sem);
		up_read(&sem);
	}
}

static void contend(void (*fn)(void *arg), struct lock_meta *meta)
{
	contended_meta = meta;
	holder_inside = 0;
	cpu_run_all(fn, NULL);
}

/* The waits of both waiters are behind the holder's site, and every hold was timed. */
static void check_pairs(u16 class, const char *function)
{
	u64 contended = 0, wait = 0;

	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		for (u32 i = 0; i < LOCKSTAT_PAIRS; i++) {
			const struct lockstat_pair *p = &cpus[cpu].lockstat->pairs[i];
			const struct lock_site *sites = __start_kmem_lock_sites;

			if (!p->used || p->class != class)
				continue;
			assert_int_not_equal(cpu, 0);
			assert_int_equal(p->ctx, CTX_TASK);
			assert_string_equal(sites[p->waiter].func, function);
			assert_string_equal(sites[p->holder].func, function);
			assert_true(sites[p->waiter].line > sites[p->holder].line);
			contended += p->contended;
			wait += p->wait.sum;
		}
	assert_int_equal(contended, 2);
	assert_in_range(wait, 2 * HOLD_NS, ABSURD_NS);
}

static void check_exclusive_contention(u16 class)
{
	struct lockstat_row sum = sum_of(class, 0);

	assert_int_equal(sum.acquired, 3);
	assert_int_equal(sum.contended, 2);
	assert_int_equal(sum.spun + sum.slept, 2);
	assert_int_equal(sum.bounces, 2);
	assert_int_equal(sum.contended_bounces, 2);
	assert_int_equal(sum.queue_max, 2);
	assert_int_equal(sum.wait.nr, 2);
	assert_in_range(sum.wait.min, HOLD_NS, ABSURD_NS);
	assert_in_range(sum.wait.max, sum.wait.min, ABSURD_NS);
	assert_int_equal(sum.hold.nr, 1);		/* the holder's, in mode "all" */
	assert_in_range(sum.hold.min, HOLD_NS, ABSURD_NS);
	assert_int_equal(sum.hold_contended.nr, 2);
}

static void test_spinlock_contention(void **state)
{
	u64 in_hist = 0;

	(void)state;
	boot(3, "all");
	contend(contend_spinlock, &lock.meta);
	check_exclusive_contention(lock.meta.class);
	check_pairs(lock.meta.class, "contend_spinlock");
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const struct lockstat_hist *h = &cpus[cpu].lockstat->hist[lock.meta.class];

		assert_int_equal(cpus[cpu].lockstat->nr_deferred, 0);
		for (u32 b = lockstat_bucket(HOLD_NS); b < LOCKSTAT_BUCKETS; b++)
			in_hist += h->wait[b];
	}
	assert_int_equal(in_hist, 2);
	assert_int_equal(lock.meta.nr_waiters, 0);
	machine_shutdown();
}

static void test_mutex_contention(void **state)
{
	(void)state;
	boot(3, "all");
	contend(contend_mutex, &mutex.meta);
	check_exclusive_contention(mutex.meta.class);
	check_pairs(mutex.meta.class, "contend_mutex");
	machine_shutdown();
}

static void test_readers_wait_for_a_writer(void **state)
{
	struct lockstat_row readers;

	(void)state;
	boot(3, "all");
	contend(contend_readers, &sem.meta);
	readers = sum_of(sem.meta.class, 1);
	assert_int_equal(readers.acquired, 2);
	assert_int_equal(readers.contended, 2);
	assert_in_range(readers.wait.min, HOLD_NS, ABSURD_NS);
	assert_int_equal(readers.hold.nr + readers.hold_contended.nr, 0);
	assert_int_equal(sum_of(sem.meta.class, 0).acquired, 1);
	assert_in_range(sum_of(sem.meta.class, 0).hold.min, HOLD_NS, ABSURD_NS);
	check_pairs(sem.meta.class, "contend_readers");
	machine_shutdown();
}

/* ---- the recorder itself ---- */

static void measure(void *arg)
{
	*(struct lockstat_cost *)arg = lockstat_measure_cost();
}

static void test_cost_is_measured_and_leaves_no_trace(void **state)
{
	struct lockstat_cost cost;
	u64 acquired = 0;

	(void)state;
	boot(1, NULL);
	cpu_run(0, measure, &cost);
	print_message("recorder: %.1f ns with, %.1f ns without\n", cost.with_ns, cost.without_ns);
	assert_true(cost.with_ns > 0 && cost.without_ns > 0);
	assert_true(cost.with_ns < 1e6);
	for (u32 i = 0; i < LOCKSTAT_ROWS; i++)
		acquired += cpus[0].lockstat->rows[i].acquired;
	assert_int_equal(acquired, 0);
	machine_shutdown();
}

static void test_classes_beyond_the_limit_keep_their_rank(void **state)
{
	static const struct lock_class a = { .name = "many-a", .rank = RANK_ZONE };
	static const struct lock_class b = { .name = "many-b", .rank = RANK_DEPOT };
	char name[32];
	u16 last_a = 0, last_b;

	(void)state;
	for (int i = 0; i < LOCKSTAT_CLASSES + 20; i++) {
		snprintf(name, sizeof(name), "%d", i);
		last_a = lockstat_class(&a, name);
	}
	last_b = lockstat_class(&b, "1");
	assert_int_equal(lockstat_class(&a, "0"), lockstat_class(&a, "0"));
	assert_string_equal(lockstat_class_name(lockstat_class(&a, "0")), "many-a[0]");
	assert_string_equal(lockstat_class_name(last_a), "many-a[(others)]");
	assert_string_equal(lockstat_class_name(last_b), "many-b[(others)]");
	assert_int_equal(lockstat_class_of(last_a)->rank, RANK_ZONE);
	assert_int_equal(lockstat_class_of(last_b)->rank, RANK_DEPOT);
	assert_true(lockstat_nr_classes() < LOCKSTAT_CLASSES);
}

static void fill_rows(void *arg)
{
	struct lockstat_cpu *ls = this_cpu()->lockstat;
	u64 *counted = arg;

	for (u32 i = 0; i < LOCKSTAT_ROWS + 5; i++) {
		struct lockstat_row *row = lockstat_row_lookup(ls, (u16)(i % 200), i / 200, 1);

		owner_inc(row->acquired);
	}
	for (u32 i = 0; i < LOCKSTAT_ROWS; i++)
		*counted = max(*counted, ls->rows[i].acquired);
}

static void test_full_table_spoils_no_row(void **state)
{
	u64 most = 0;

	(void)state;
	boot(1, NULL);
	lockstat_reset();
	cpu_run(0, fill_rows, &most);
	assert_int_equal(cpus[0].lockstat->overflow, 5);
	assert_int_equal(most, 1);
	machine_shutdown();
}

static void test_modes_by_name(void **state)
{
	(void)state;
	assert_int_equal(lockstat_mode_by_name("off"), LOCKSTAT_OFF);
	assert_int_equal(lockstat_mode_by_name("default"), LOCKSTAT_DEFAULT);
	assert_int_equal(lockstat_mode_by_name("all"), LOCKSTAT_ALL);
	assert_true(lockstat_mode_by_name("") < 0);
	assert_true(lockstat_mode_by_name("ALL") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_are_monotone_and_inverse),
		cmocka_unit_test(test_acquisitions_are_exact),
		cmocka_unit_test(test_all_mode_times_every_hold),
		cmocka_unit_test(test_off_mode_records_nothing),
		cmocka_unit_test(test_sampling_meets_every_lock_of_a_loop),
		cmocka_unit_test(test_bounces_are_exact),
		cmocka_unit_test(test_failed_trylocks_are_counted_by_mode),
		cmocka_unit_test(test_spinlock_contention),
		cmocka_unit_test(test_mutex_contention),
		cmocka_unit_test(test_readers_wait_for_a_writer),
		cmocka_unit_test(test_cost_is_measured_and_leaves_no_trace),
		cmocka_unit_test(test_full_table_spoils_no_row),
		cmocka_unit_test(test_modes_by_name),
		/* Last: it fills the registry for good. */
		cmocka_unit_test(test_classes_beyond_the_limit_keep_their_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
