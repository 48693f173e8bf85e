/* SPDX-License-Identifier: MIT */
/* The SIM back end: determinism, what its policies find, snapshots, and its own oracles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/ipi.h"
#include "runtime/mutex.h"
#include "runtime/owner_lock.h"
#include "runtime/rcu.h"

#define SEED	0x5eedULL

static const struct lock_class test_class = {
	.name = "test", .rank = RANK_NONE, .no_lockdep = true,	/* the deadlock is to happen */
};

static spinlock_t lock_a, lock_b;
static struct mutex mutex;
static struct owner_lock owner;
static u64 shared, shared_by_mutex;

#define DEKKER_ROUNDS 20

static u32 flag[DEKKER_ROUNDS][2], inside[DEKKER_ROUNDS][2];

static void init_locks(void *arg)
{
	(void)arg;
	spin_lock_init(&lock_a, &test_class, "a");
	spin_lock_init(&lock_b, &test_class, "b");
	mutex_init(&mutex, &test_class, "m");
	owner_lock_init(&owner, &test_class, "o");
}

static void boot(unsigned int nr_cpus)
{
	struct machine_options opt = {
		.backend = "sim", .nr_cpus = nr_cpus, .nr_nodes = 1, .seed = SEED,
		.lockstat = "off",
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run(0, init_locks, NULL);
}

static struct sim_stats schedule(u64 seed, enum sim_policy policy, unsigned int param,
				 void (*fn)(void *arg))
{
	struct sim_options opt = {
		.seed = seed, .policy = policy, .param = param, .expected_steps = 300,
		.step_limit = 1000000,
	};
	struct sim_stats stats;

	shared = shared_by_mutex = 0;
	sim_begin(&opt);
	cpu_run_all(fn, NULL);
	stats = sim_end();
	return stats;
}

/* ---- workloads ---- */

static void count_under_locks(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		unsigned long flags;

		spin_lock_irqsave(&lock_a, flags);
		shared++;
		spin_unlock_irqrestore(&lock_a, flags);
		mutex_lock(&mutex);
		shared_by_mutex++;
		mutex_unlock(&mutex);
	}
}

static void lose_updates(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		u64 seen = READ_ONCE(shared);

		sim_point(SIM_ATOMIC, &shared);
		WRITE_ONCE(shared, seen + 1);
	}
}

static void nop_call(void *info)
{
	(void)info;
}

static void everything(void *arg)
{
	count_under_locks(arg);
	on_each_cpu(nop_call, NULL, true);
	if (smp_processor_id() == 0)
		synchronize_rcu();
	if (smp_processor_id() == 1) {
		preempt_disable();
		if (owner_trylock(&owner))
			owner_unlock(&owner);
		preempt_enable();
	} else {
		owner_lock_remote(&owner);
		owner_unlock_remote(&owner);
	}
	if (smp_processor_id() == 2)
		rcu_barrier();
}

/* ---- tests ---- */

static void test_same_seed_same_interleaving(void **state)
{
	(void)state;
	boot(3);
	for (int policy = SIM_RANDOM; policy <= SIM_DELAY; policy++) {
		struct sim_stats a = schedule(7, (enum sim_policy)policy, 3, everything);
		struct sim_stats b = schedule(7, (enum sim_policy)policy, 3, everything);
		struct sim_stats c = schedule(8, (enum sim_policy)policy, 3, everything);

		assert_int_equal(a.hash, b.hash);
		assert_int_equal(a.steps, b.steps);
		assert_int_not_equal(a.hash, c.hash);
		assert_true(a.steps > 100);
	}
	machine_shutdown();
}

static void test_locks_exclude_under_every_policy(void **state)
{
	(void)state;
	boot(3);
	for (u64 seed = 0; seed < 200; seed++) {
		schedule(seed, (enum sim_policy)(seed % 3), 1 + (unsigned int)seed % 5,
			 count_under_locks);
		assert_int_equal(shared, 30);
		assert_int_equal(shared_by_mutex, 30);
	}
	machine_shutdown();
}

static void test_random_walk_loses_unlocked_updates(void **state)
{
	unsigned int lost = 0;

	(void)state;
	boot(3);
	for (u64 seed = 0; seed < 50; seed++) {
		schedule(seed, SIM_RANDOM, 1, lose_updates);
		lost += shared < 30;
	}
	assert_int_equal(lost, 50);
	machine_shutdown();
}

static void test_recorded_switches_replay(void **state)
{
	static struct sim_switch record[4096];
	struct sim_options opt = {
		.seed = 3, .policy = SIM_RANDOM, .param = 4,
		.record = record, .record_max = ARRAY_SIZE(record),
	};
	struct sim_stats original, again;

	(void)state;
	boot(3);
	sim_begin(&opt);
	cpu_run_all(everything, NULL);
	original = sim_end();
	assert_in_range(original.nr_recorded, 1, ARRAY_SIZE(record));

	opt.policy = SIM_REPLAY;
	opt.replay = record;
	opt.nr_replay = original.nr_recorded;
	opt.record = NULL;
	sim_begin(&opt);
	cpu_run_all(everything, NULL);
	again = sim_end();
	assert_int_equal(again.hash, original.hash);
	machine_shutdown();
}

static void test_snapshot_restores_static_data_and_tables(void **state)
{
	struct sim_stats first, again;

	(void)state;
	boot(3);
	schedule(1, SIM_RANDOM, 2, everything);
	if (sim_snapshot_take() != 0) {
		machine_shutdown();
		skip();
	}
	first = schedule(9, SIM_RANDOM, 2, everything);
	assert_int_equal(shared, 30);
	schedule(10, SIM_PCT, 3, everything);
	sim_snapshot_restore();
	assert_int_equal(cpus[0].work_seq, cpus[0].work_done);
	again = schedule(9, SIM_RANDOM, 2, everything);
	assert_int_equal(first.hash, again.hash);
	sim_snapshot_drop();
	machine_shutdown();
}

/* Runs fn in a child; returns what it printed on stderr and how it died. */
static int run_in_child(void (*fn)(void), char *out, size_t size)
{
	int fds[2], status;
	ssize_t n, len = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 2);
		close(fds[0]);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - 1 - (size_t)len)) > 0)
		len += n;
	out[len] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

static void abba(void *arg) __context_unsafe("takes locks by a run-time choice")
{
	bool swap = smp_processor_id() & 1;

	(void)arg;
	for (int i = 0; i < 5; i++) {
		spin_lock(swap ? &lock_b : &lock_a);
		spin_lock(swap ? &lock_a : &lock_b);
		shared++;
		spin_unlock(swap ? &lock_a : &lock_b);
		spin_unlock(swap ? &lock_b : &lock_a);
	}
}

static void explore_abba(void)
{
	boot(2);
	for (u64 seed = 0; seed < 100; seed++)
		schedule(seed, SIM_RANDOM, 2, abba);
}

static bool never_true(void *arg)
{
	(void)arg;
	sim_point(SIM_ATOMIC, NULL);
	return false;
}

static void spin_for_ever(void *arg)
{
	(void)arg;
	while (!never_true(NULL))
		;
}

static void explore_livelock(void)
{
	boot(2);
	schedule(1, SIM_RANDOM, 2, spin_for_ever);
}

static void test_deadlock_and_livelock_are_reported(void **state)
{
	char out[8192];

	(void)state;
	assert_true(WIFSIGNALED(run_in_child(explore_abba, out, sizeof(out))));
	assert_non_null(strstr(out, "deadlock"));
	assert_true(WIFSIGNALED(run_in_child(explore_livelock, out, sizeof(out))));
	assert_non_null(strstr(out, "livelock"));
}

/*
 * Two CPUs announce themselves and look for the other, many times over: with a barrier between, at
 * most one of them finds nobody.
 */
static bool use_barrier;

static void dekker(void *arg)
{
	unsigned int me = smp_processor_id();

	(void)arg;
	for (int i = 0; i < DEKKER_ROUNDS; i++) {
		dekker_store(flag[i][me], 1);
		if (use_barrier)
			smp_mb();
		inside[i][me] = dekker_load(flag[i][1 - me]) == 0;
	}
}

static unsigned int both_inside(bool barrier_on)
{
	unsigned int both = 0;

	boot(2);
	use_barrier = barrier_on;
	for (u64 seed = 0; seed < 500; seed++) {
		struct sim_options opt = {
			.seed = seed, .policy = SIM_RANDOM, .param = 2, .store_buffer = true,
		};

		memset(flag, 0, sizeof(flag));
		sim_begin(&opt);
		cpu_run_all(dekker, NULL);
		sim_end();
		for (int i = 0; i < DEKKER_ROUNDS; i++)
			both += inside[i][0] && inside[i][1];
	}
	machine_shutdown();
	return both;
}

static void test_store_buffer_shows_a_missing_barrier(void **state)
{
	(void)state;
#if !KMEMLAB_EXPLORE
	skip();
#endif
	assert_int_equal(both_inside(true), 0);
	assert_true(both_inside(false) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_seed_same_interleaving),
		cmocka_unit_test(test_locks_exclude_under_every_policy),
		cmocka_unit_test(test_random_walk_loses_unlocked_updates),
		cmocka_unit_test(test_recorded_switches_replay),
		cmocka_unit_test(test_snapshot_restores_static_data_and_tables),
		cmocka_unit_test(test_deadlock_and_livelock_are_reported),
		cmocka_unit_test(test_store_buffer_shows_a_missing_barrier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
