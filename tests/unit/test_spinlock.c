/* SPDX-License-Identifier: MIT */
/* test_spinlock.c - one CPU and every algorithm: states, nesting, masking, preemption, bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/spinlock.h"

static const struct lock_class test_class = { .same_rank_ok = true, .name = "spinlock under test" };
#define NESTED		16

static spinlock_t lock, many[NESTED];

static void on_one_cpu(const char *algorithm, void (*fn)(void *arg))
{
	const struct machine_options opt = {
		.nr_cpus = 1, .nr_nodes = 1, .seed = 1, .spinlock = algorithm,
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run(0, fn, NULL);
	machine_shutdown();
}

static void for_every_algorithm(void (*fn)(void *arg))
{
	for (int alg = 0; alg < NR_SPIN; alg++)
		on_one_cpu(spin_algorithm_name((enum spin_algorithm)alg), fn);
}

static void states(void *arg)
	__context_unsafe("the analysis does not see through the assertions")
{
	int preempt = preempt_count();

	(void)arg;
	spin_lock_init(&lock, &test_class, NULL);
	assert_false(spin_is_locked(&lock));
	for (int round = 0; round < 3; round++) {
		spin_lock(&lock);
		assert_true(spin_is_locked(&lock));
		assert_int_equal(preempt_count(), preempt + PREEMPT_OFFSET);
		assert_false(spin_trylock(&lock));
		assert_int_equal(preempt_count(), preempt + PREEMPT_OFFSET);
		spin_unlock(&lock);
		assert_false(spin_is_locked(&lock));
		assert_int_equal(preempt_count(), preempt);
		assert_true(spin_trylock(&lock));
		assert_true(spin_is_locked(&lock));
		spin_unlock(&lock);
	}
	spin_lock_destroy(&lock);
}

static void test_states(void **state)
{
	(void)state;
	for_every_algorithm(states);
}

static void masking(void *arg)
	__context_unsafe("the analysis does not see through the assertions")
{
	unsigned long outer, inner;

	(void)arg;
	spin_lock_init(&lock, &test_class, NULL);
	spin_lock_irqsave(&lock, outer);
	assert_true(irqs_disabled());
	assert_false(spin_trylock_irqsave(&lock, inner));
	assert_true(irqs_disabled());
	spin_unlock_irqrestore(&lock, outer);
	assert_false(irqs_disabled());

	local_irq_save(outer);
	spin_lock_irqsave(&lock, inner);
	spin_unlock_irqrestore(&lock, inner);
	assert_true(irqs_disabled());		/* as it was found */
	local_irq_restore(outer);
	assert_false(irqs_disabled());

	spin_lock_irq(&lock);
	assert_true(irqs_disabled());
	spin_unlock_irq(&lock);
	assert_false(irqs_disabled());

	spin_lock_bh(&lock);
	assert_true(in_softirq());
	assert_false(in_serving_softirq());
	spin_unlock_bh(&lock);
	assert_false(in_softirq());
	spin_lock_destroy(&lock);
}

static void test_masking(void **state)
{
	(void)state;
	for_every_algorithm(masking);
}

/* Many at once, released first-in first-out: not the order of a stack. */
static void nesting(void *arg)
	__context_unsafe("the analysis does not see through the assertions")
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		spin_lock_init(&many[i], &test_class, NULL);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(many); i++)
			spin_lock(&many[i]);
		for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
			assert_true(spin_is_locked(&many[i]));
			spin_unlock(&many[i]);
			assert_false(spin_is_locked(&many[i]));
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		spin_lock_destroy(&many[i]);
}

static void test_nesting(void **state)
{
	(void)state;
	for_every_algorithm(nesting);
}

static u64 handled;		/* read and written with interrupts masked */

static void handler(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	/* The interrupted CPU holds no lock: it was taken after the release. */
	assert_false(spin_is_locked(&lock));
	handled++;
}

static void interrupt_after_release(void *arg)
{
	unsigned long flags;

	(void)arg;
	spin_lock_init(&lock, &test_class, NULL);
	spin_lock_irqsave(&lock, flags);
	irq_raise(this_cpu(), IRQ_FIRST_DEVICE);
	irq_safepoint();
	assert_int_equal(handled, 0);
	spin_unlock_irqrestore(&lock, flags);
	local_irq_save(flags);
	assert_int_equal(handled, 1);
	local_irq_restore(flags);
	spin_lock_destroy(&lock);
}

static void test_release_delivers_what_was_masked(void **state)
{
	(void)state;
	handled = 0;
	assert_int_equal(irq_vector_register(IRQ_FIRST_DEVICE, "test", handler, NULL), 0);
	on_one_cpu(NULL, interrupt_after_release);
	irq_vector_unregister(IRQ_FIRST_DEVICE);
}

static void test_names(void **state)
{
	(void)state;
	for (int alg = 0; alg < NR_SPIN; alg++)
		assert_int_equal(spin_algorithm_by_name(
				spin_algorithm_name((enum spin_algorithm)alg)), alg);
	assert_int_equal(spin_algorithm_by_name("fut"), -EINVAL);
	assert_int_equal(spin_algorithm_by_name(""), -EINVAL);
	assert_true(spin_algorithm_is_fifo(SPIN_MCS));
	assert_true(spin_algorithm_is_fifo(SPIN_TICKET));
	assert_false(spin_algorithm_is_fifo(SPIN_FUTEX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_masking),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_release_delivers_what_was_masked),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
