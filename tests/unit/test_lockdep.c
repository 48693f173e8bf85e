/* SPDX-License-Identifier: MIT */
/* test_lockdep.c - lock order: what is allowed passes, each violation stops the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ipi.h"
#include "runtime/mutex.h"
#include "tests/support/child.h"

#if KMEMLAB_DEBUG
static const struct lock_class outer_class = { .name = "outer", .rank = RANK_DEPOT };
static const struct lock_class inner_class = { .name = "inner", .rank = RANK_ZONE };
static const struct lock_class twins_class = {
	.name = "twins", .rank = RANK_PAGE_TABLE, .same_rank_ok = true,
};
static spinlock_t outer, inner, inner2, twin[2];
static struct mutex mutex;
static const struct lock_class mutex_class = { .name = "mutex", .rank = RANK_MMAP };

static void init_locks(void *arg)
{
	(void)arg;
	spin_lock_init(&outer, &outer_class, NULL);
	spin_lock_init(&inner, &inner_class, NULL);
	spin_lock_init(&inner2, &inner_class, "second");
	spin_lock_init(&twin[0], &twins_class, NULL);
	spin_lock_init(&twin[1], &twins_class, NULL);
	mutex_init(&mutex, &mutex_class, NULL);
}

/* A machine of one CPU that runs @fn; in the tests of violations it does not come back. */
static void machine_run(void (*fn)(void *arg))
{
	const struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .seed = 1 };

	if (machine_boot(&opt) || machine_start_cpus())
		exit(3);
	cpu_run(0, init_locks, NULL);
	cpu_run(0, fn, NULL);
	machine_shutdown();
}

/* Runs @fn in a child of its own, which must abort and say @words on standard error. */
static void expect_death(void (*fn)(void *arg), const char *words)
{
	char text[8192];

	child_must_die(machine_run, fn, text, sizeof(text));
	if (!strstr(text, words))
		print_error("expected \"%s\", got:\n%s\n", words, text);
	assert_non_null(strstr(text, words));
}

static void in_order(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	mutex_lock(&mutex);
	spin_lock(&outer);
	spin_lock(&inner);
	lockdep_assert_held(&inner.meta);
	assert_true(lockdep_is_held(&mutex.meta));
	/* Released in any order. */
	spin_unlock(&outer);
	assert_false(lockdep_is_held(&outer.meta));
	spin_unlock(&inner);
	mutex_unlock(&mutex);
	spin_lock(&twin[0]);
	spin_lock(&twin[1]);
	spin_unlock(&twin[0]);
	spin_unlock(&twin[1]);
	/* A trylock cannot block: any order is allowed. */
	spin_lock(&inner);
	assert_true(spin_trylock(&outer));
	spin_unlock(&outer);
	spin_unlock(&inner);
	assert_int_equal(this_cpu()->lockdep->depth, 0);
}

static void test_order_and_trylock_are_allowed(void **state)
{
	(void)state;
	machine_run(in_order);
	assert_int_equal(warnings_seen(), 0);
}

static void inverted(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	spin_lock(&inner);
	spin_lock(&outer);
}

static void test_inversion_dies_and_names_both_sites(void **state)
{
	(void)state;
	expect_death(inverted, "lock order: outer taken at tests/unit/test_lockdep.c:");
	expect_death(inverted, "under inner taken at tests/unit/test_lockdep.c:");
}

static void same_rank(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	spin_lock(&inner);
	spin_lock(&inner2);
}

static void test_same_rank_dies(void **state)
{
	(void)state;
	expect_death(same_rank, "lock order: inner[second] taken");
}

static void twice(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	spin_lock(&outer);
	spin_lock(&outer);
}

static void test_taking_a_held_lock_dies(void **state)
{
	(void)state;
	expect_death(twice, "outer taken at");
	expect_death(twice, "is already held");
}

static void release_free_lock(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	spin_unlock(&outer);
}

static void test_release_of_a_free_lock_dies(void **state)
{
	(void)state;
	expect_death(release_free_lock, "outer released by a CPU that does not hold it");
}

static void not_held(void *arg)
{
	(void)arg;
	spin_lock_assert_held(&outer);
}

static void test_assert_held_dies(void **state)
{
	(void)state;
	expect_death(not_held, "lockdep_is_held");
}

static void ipi_under_spinlock(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	spin_lock(&outer);
	lockdep_assert_no_spinlock();
}

static void test_waiting_under_a_spinlock_dies(void **state)
{
	(void)state;
	expect_death(ipi_under_spinlock, "waiting for another CPU under outer taken at");
}

static void sleep_under_spinlock(void *arg) __context_unsafe("breaks the rules on purpose")
{
	(void)arg;
	spin_lock(&twin[0]);
	might_sleep();
	spin_unlock(&twin[0]);
	if (warnings_seen() == 1)
		panic("the warning was counted");
}

static void test_sleeping_under_a_spinlock_warns(void **state)
{
	(void)state;
	expect_death(sleep_under_spinlock, "a call that may sleep in atomic context");
	expect_death(sleep_under_spinlock, "the warning was counted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* The deaths come first: a child is forked while this process has one thread. */
		cmocka_unit_test(test_inversion_dies_and_names_both_sites),
		cmocka_unit_test(test_same_rank_dies),
		cmocka_unit_test(test_taking_a_held_lock_dies),
		cmocka_unit_test(test_release_of_a_free_lock_dies),
		cmocka_unit_test(test_assert_held_dies),
		cmocka_unit_test(test_waiting_under_a_spinlock_dies),
		cmocka_unit_test(test_sleeping_under_a_spinlock_warns),
		cmocka_unit_test(test_order_and_trylock_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
static void test_release_builds_have_no_lockdep(void **state)
{
	static const struct lock_class class = { .name = "any", .rank = RANK_ZONE };
	struct lock_meta meta;

	(void)state;
	/* The checks must compile to nothing that looks at the lock or at the CPU. */
	lock_meta_init(&meta, &class, NULL);
	lockdep_acquire(&meta, NULL, false);
	lockdep_assert_held(&meta);
	lockdep_release(&meta);
	assert_null(this_cpu());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release_builds_have_no_lockdep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
