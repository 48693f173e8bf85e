/* SPDX-License-Identifier: MIT */
/*
 * The runtime under real concurrency: mutual exclusion by every lock, cross-CPU calls, grace
 * periods, interrupts against their mask.  Each test checks a count that only correct
 * synchronisation can give; the tsan build checks the accesses as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/ipi.h"
#include "runtime/mutex.h"
#include "runtime/owner_lock.h"
#include "runtime/rcu.h"

#define TEST_CPUS	8
#define SEED		0x6b6d656dULL

static const struct lock_class test_class = { .name = "test", .rank = RANK_NONE };

static void boot(unsigned int nr_cpus, const char *alg)
{
	struct machine_options opt = {
		.nr_cpus = nr_cpus, .nr_nodes = 1, .seed = SEED, .spinlock = alg,
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
}

/* ---- exclusion ---- */

#define ROUNDS	20000

static spinlock_t lock;
static struct mutex mutex;
static struct rw_semaphore sem;
static struct owner_lock owner;
static u64 shared[2];		/* plain: only the lock under test makes it right */

static void add_under_spinlock(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long flags;

		spin_lock_irqsave(&lock, flags);
		shared[0]++;
		spin_unlock_irqrestore(&lock, flags);
	}
}

static void init_spinlock(void *arg)
{
	(void)arg;
	spin_lock_init(&lock, &test_class, "spin");
}

static void spinlocks_exclude(const char *alg, unsigned int nr_cpus)
{
	boot(nr_cpus, alg);
	shared[0] = 0;
	cpu_run(0, init_spinlock, NULL);
	cpu_run_all(add_under_spinlock, NULL);
	assert_int_equal(shared[0], (u64)ROUNDS * nr_cpus);
	machine_shutdown();
}

static void test_spinlock_futex(void **state)
{
	(void)state;
	spinlocks_exclude("futex", TEST_CPUS);
}

static void test_spinlock_fas(void **state)
{
	(void)state;
	spinlocks_exclude("fas", TEST_CPUS);
}

static void test_spinlock_pthread(void **state)
{
	(void)state;
	spinlocks_exclude("pthread", TEST_CPUS);
}

static void test_spinlock_ticket(void **state)
{
	(void)state;
	spinlocks_exclude("ticket", 2);
}

static void test_spinlock_mcs(void **state)
{
	(void)state;
	spinlocks_exclude("mcs", 2);
}

static void test_fifo_lock_is_refused_when_oversubscribed(void **state)
{
	struct machine_options opt = { .nr_cpus = NR_CPUS, .nr_nodes = 1, .spinlock = "mcs" };

	(void)state;
	assert_true(machine_boot(&opt) < 0);
}

static void add_under_mutex(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 10; i++) {
		mutex_lock(&mutex);
		shared[0]++;
		mutex_unlock(&mutex);
	}
}

static void read_write_sem(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 10; i++) {
		if (i % 4) {
			down_read(&sem);
			assert_int_equal(shared[0], shared[1]);
			up_read(&sem);
		} else {
			down_write(&sem);
			shared[0]++;
			shared[1]++;
			up_write(&sem);
		}
	}
}

static void init_sleeping_locks(void *arg)
{
	(void)arg;
	mutex_init(&mutex, &test_class, "mutex");
	init_rwsem(&sem, &test_class, "rwsem");
	owner_lock_init(&owner, &test_class, "owner");
}

static void test_mutex_and_rwsem(void **state)
{
	(void)state;
	boot(TEST_CPUS, NULL);
	cpu_run(0, init_sleeping_locks, NULL);
	shared[0] = shared[1] = 0;
	cpu_run_all(add_under_mutex, NULL);
	assert_int_equal(shared[0], (u64)ROUNDS / 10 * TEST_CPUS);
	shared[0] = 0;
	cpu_run_all(read_write_sem, NULL);
	assert_int_equal(shared[0], (u64)ROUNDS / 40 * TEST_CPUS);
	assert_int_equal(shared[0], shared[1]);
	machine_shutdown();
}

static u64 owner_failed;

static void owner_or_remote(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 0) {
		for (int i = 0; i < 10 * ROUNDS; i++) {
			preempt_disable();
			if (owner_trylock(&owner)) {
				shared[0]++;
				owner_unlock(&owner);
			} else {
				owner_failed++;
			}
			preempt_enable();
		}
	} else {
		for (int i = 0; i < 100; i++) {
			owner_lock_remote(&owner);
			shared[0]++;
			owner_unlock_remote(&owner);
		}
	}
}

static void test_owner_lock_excludes(void **state)
{
	(void)state;
	boot(4, NULL);
	cpu_run(0, init_sleeping_locks, NULL);
	shared[0] = owner_failed = 0;
	cpu_run_all(owner_or_remote, NULL);
	assert_int_equal(shared[0] + owner_failed, 10ULL * ROUNDS + 3 * 100);
	assert_int_equal(owner.nr_owner, 10ULL * ROUNDS - owner_failed);
	machine_shutdown();
}

/* ---- cross-CPU calls ---- */

static u64 calls[NR_CPUS];

static void count_call(void *info)
{
	(void)info;
	calls[smp_processor_id()]++;	/* own CPU, interrupts masked */
}

static void call_everybody(void *arg)
{
	(void)arg;
	for (int i = 0; i < 50; i++) {
		on_each_cpu(count_call, NULL, true);
		smp_call_function(count_call, NULL, false);
	}
	on_each_cpu(count_call, NULL, true);
}

static void drain_calls(void *arg)
{
	(void)arg;
	irq_safepoint();
}

static void test_calls_reach_every_cpu_exactly_once(void **state)
{
	(void)state;
	boot(TEST_CPUS, NULL);
	cpu_run_all(call_everybody, NULL);
	for (unsigned int i = 0; i < TEST_CPUS; i++)
		cpu_run(i, drain_calls, NULL);
	for (unsigned int i = 0; i < TEST_CPUS; i++) {
		assert_int_equal(calls[i], 51 * TEST_CPUS + 50 * (TEST_CPUS - 1));
		calls[i] = 0;
	}
	machine_shutdown();
}

/* ---- interrupts and their mask ---- */

static u64 masked_counter[NR_CPUS];

static void device_handler(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	masked_counter[smp_processor_id()] += 2;
}

static void touch_masked(void *arg)
{
	unsigned int me = smp_processor_id();
	u64 mine = 0;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long flags;

		local_irq_save(flags);
		masked_counter[me]++;
		mine++;
		local_irq_restore(flags);
		if (i % 16 == 0)
			irq_raise(&cpus[(me + 1) % nr_cpu_ids], IRQ_FIRST_DEVICE);
	}
	(void)mine;
}

static void test_mask_keeps_handlers_out(void **state)
{
	u64 irqs = 0, sum = 0;

	(void)state;
	boot(TEST_CPUS, NULL);
	assert_int_equal(irq_vector_register(IRQ_FIRST_DEVICE, "test", device_handler, NULL), 0);
	cpu_run_all(touch_masked, NULL);
	for (unsigned int i = 0; i < TEST_CPUS; i++)
		cpu_run(i, drain_calls, NULL);
	for (unsigned int i = 0; i < TEST_CPUS; i++) {
		irqs += cpus[i].nr_irqs[IRQ_FIRST_DEVICE];
		sum += masked_counter[i];
	}
	assert_true(irqs > 0);
	assert_int_equal(sum, (u64)ROUNDS * TEST_CPUS + 2 * irqs);
	irq_vector_unregister(IRQ_FIRST_DEVICE);
	machine_shutdown();
}

/* ---- RCU ---- */

struct published {
	struct rcu_head rcu;
	u64 a, b;
};

static struct published *slot;
static u32 freed;

static void free_published(struct rcu_head *head)
{
	struct published *p = container_of(head, struct published, rcu);

	p->a = p->b = 0;
	free(p);
	fetch_add(&freed, 1);
}

static void publish_or_read(void *arg)
{
	(void)arg;
	for (u64 i = 0; i < 300; i++) {
		if (smp_processor_id() == 0) {
			struct published *p = malloc(sizeof(*p)), *old = slot;

			p->a = p->b = i;
			rcu_assign_pointer(slot, p);
			if (i % 8 == 0)
				synchronize_rcu();
			if (old)
				call_rcu(&old->rcu, free_published);
		} else {
			for (int k = 0; k < 50; k++) {
				struct published *p;

				rcu_read_lock();
				p = rcu_dereference(slot);
				if (p)
					assert_int_equal(p->a, p->b);
				rcu_read_unlock();
			}
			rcu_quiescent();
		}
	}
	if (smp_processor_id() == 0)
		rcu_barrier();
}

static void test_rcu(void **state)
{
	(void)state;
	boot(4, NULL);
	slot = NULL;
	freed = 0;
	cpu_run_all(publish_or_read, NULL);
	assert_int_equal(freed, 299);
	free(slot);
	machine_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spinlock_futex),
		cmocka_unit_test(test_spinlock_fas),
		cmocka_unit_test(test_spinlock_pthread),
		cmocka_unit_test(test_spinlock_ticket),
		cmocka_unit_test(test_spinlock_mcs),
		cmocka_unit_test(test_fifo_lock_is_refused_when_oversubscribed),
		cmocka_unit_test(test_mutex_and_rwsem),
		cmocka_unit_test(test_owner_lock_excludes),
		cmocka_unit_test(test_calls_reach_every_cpu_exactly_once),
		cmocka_unit_test(test_mask_keeps_handlers_out),
		cmocka_unit_test(test_rcu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
