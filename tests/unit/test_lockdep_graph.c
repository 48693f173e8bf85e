/* SPDX-License-Identifier: MIT */
/* lockdep's learned graph: orders of unranked locks, the irq rules, ranks against the document. */
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

#define VECTOR	IRQ_FIRST_DEVICE

static const struct lock_class plain_class = { .name = "plain" };
static spinlock_t a, b, c;
static struct mutex mutex;

static void init_locks(void *arg)
{
	(void)arg;
	spin_lock_init(&a, &plain_class, "a");
	spin_lock_init(&b, &plain_class, "b");
	spin_lock_init(&c, &plain_class, "c");
	mutex_init(&mutex, &plain_class, "m");
}

static void machine_run(void (*fn)(void *arg))
{
	const struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .seed = 1 };

	if (machine_boot(&opt))
		exit(3);
	init_locks(NULL);
	if (machine_start_cpus())
		exit(3);
	cpu_run(0, fn, NULL);
	machine_stop_cpus();
	/* ThreadSanitizer remembers orders too, and the next machine has other ones. */
	spin_lock_destroy(&a);
	spin_lock_destroy(&b);
	spin_lock_destroy(&c);
	mutex_destroy(&mutex);
	machine_shutdown();
}

/* Runs @fn in a child, which must abort and say every one of @words (NULL ends them). */
static void expect_death(void (*fn)(void *arg), const char *const *words)
{
	char text[8192];

	child_must_die(machine_run, fn, text, sizeof(text));
	for (; *words; words++) {
		if (!strstr(text, *words))
			print_error("expected \"%s\", got:\n%s\n", *words, text);
		assert_non_null(strstr(text, *words));
	}
}

#define DIES(fn, ...)	expect_death(fn, (const char *const[]){ __VA_ARGS__, NULL })

static void pair(spinlock_t *outer, spinlock_t *inner) __context_unsafe("order is the test")
{
	spin_lock(outer);
	spin_lock(inner);
	spin_unlock(inner);
	spin_unlock(outer);
}

/* ---- orders ---- */

static void chain_of_three(void *arg)
{
	(void)arg;
	pair(&a, &b);
	pair(&b, &c);
	pair(&c, &a);
}

static void test_cycle_names_every_link(void **state)
{
	(void)state;
	DIES(chain_of_three, "possible deadlock", "plain[c] -> plain[a]", "plain[a] -> plain[b]",
	     "plain[b] -> plain[c]", "tests/unit/test_lockdep_graph.c:", "in pair()");
}

static void orders_that_agree(void *arg) __context_unsafe("order is the test")
{
	struct lockdep_stats before, after;

	(void)arg;
	pair(&a, &b);
	pair(&b, &c);
	before = lockdep_stats();
	pair(&a, &c);
	after = lockdep_stats();
	assert_int_equal(after.edges, before.edges + 1);
	for (int i = 0; i < 100; i++)
		pair(&a, &c);
	assert_int_equal(lockdep_stats().edges, after.edges);	/* known: one bit test */
	/* A trylock cannot block, so it teaches no order. */
	spin_lock(&c);
	assert_true(spin_trylock(&a));
	spin_unlock(&a);
	spin_unlock(&c);
	pair(&a, &c);
	assert_int_equal(lockdep_stats().edges, after.edges);
	assert_false(lockdep_stats().full);
}

static void test_orders_are_learned_once(void **state)
{
	(void)state;
	machine_run(orders_that_agree);
}

static void under_a_trylock(void *arg) __context_unsafe("order is the test")
{
	(void)arg;
	pair(&b, &a);
	if (spin_trylock(&a)) {
		spin_lock(&b);
		spin_unlock(&b);
		spin_unlock(&a);
	}
}

static void test_what_is_taken_under_a_trylock_counts(void **state)
{
	(void)state;
	DIES(under_a_trylock, "possible deadlock", "plain[a] -> plain[b]");
}

static void machine_forgets(void *arg)
{
	(void)arg;
	pair(&b, &a);
}

static void test_a_new_machine_knows_nothing(void **state)
{
	(void)state;
	machine_run(machine_forgets);
	machine_run(orders_that_agree);
}

/* ---- irq rules ---- */

static spinlock_t *in_handler;

static void lock_in_handler(unsigned int vec, void *arg) __context_unsafe("a run-time choice")
{
	(void)vec;
	(void)arg;
	spin_lock(in_handler);
	spin_unlock(in_handler);
}

static void interrupt(spinlock_t *lock)
{
	in_handler = lock;
	if (irq_vector_register(VECTOR, "test", lock_in_handler, NULL))
		exit(3);
	irq_raise(this_cpu(), VECTOR);
	irq_safepoint();
	local_irq_disable();
	irq_vector_unregister(VECTOR);
	local_irq_enable();
}

static void hardirq_and_irqs_on(void *arg)
{
	(void)arg;
	interrupt(&a);
	spin_lock(&a);
	spin_unlock(&a);
}

static void test_inconsistent_hardirq_state(void **state)
{
	(void)state;
	DIES(hardirq_and_irqs_on, "inconsistent lock state",
	     "plain[a] waited for in a hardirq, taken at tests/unit/test_lockdep_graph.c:",
	     "in lock_in_handler()", "plain[a] held with hardirqs on", "in hardirq_and_irqs_on()");
}

/* a is used by the handler; a -> b; b -> c; c is held with interrupts on. */
static void inversion_over_a_chain(void *arg) __context_unsafe("order is the test")
{
	unsigned long flags;

	(void)arg;
	interrupt(&a);
	local_irq_save(flags);
	pair(&a, &b);
	pair(&b, &c);
	local_irq_restore(flags);
	spin_lock(&c);
	spin_unlock(&c);
}

static void test_transitive_inversion(void **state)
{
	(void)state;
	DIES(inversion_over_a_chain, "hardirq-safe -> hardirq-unsafe lock order",
	     "plain[a] waited for in a hardirq", "plain[c] held with hardirqs on",
	     "plain[a] -> plain[b]", "plain[b] -> plain[c]");
}

/* The same facts, the order last. */
static void inversion_by_an_order(void *arg) __context_unsafe("order is the test")
{
	unsigned long flags;

	(void)arg;
	interrupt(&a);
	spin_lock(&b);
	spin_unlock(&b);
	local_irq_save(flags);
	pair(&a, &b);
	local_irq_restore(flags);
}

static void test_inversion_found_at_the_order(void **state)
{
	(void)state;
	DIES(inversion_by_an_order, "hardirq-safe -> hardirq-unsafe", "plain[a] -> plain[b]");
}

static void lock_in_softirq(void) __context_unsafe("a run-time choice")
{
	spin_lock(&b);
	spin_unlock(&b);
}

static void softirq_and_softirqs_on(void *arg)
{
	(void)arg;
	open_softirq(SOFTIRQ_NET, "NET_RX", lock_in_softirq);
	raise_softirq(SOFTIRQ_NET);
	irq_safepoint();
	spin_lock(&b);
	spin_unlock(&b);
}

static void test_inconsistent_softirq_state(void **state)
{
	(void)state;
	DIES(softirq_and_softirqs_on, "inconsistent lock state",
	     "plain[b] waited for in a softirq", "plain[b] held with softirqs on");
}

static void masked_everywhere(void *arg) __context_unsafe("order is the test")
{
	unsigned long flags;

	(void)arg;
	interrupt(&a);
	spin_lock_irqsave(&a, flags);
	spin_lock(&b);
	spin_unlock(&b);
	spin_unlock_irqrestore(&a, flags);
	/* From the softirq with hardirqs on: fine for a lock that no hardirq takes. */
	open_softirq(SOFTIRQ_NET, "NET_RX", lock_in_softirq);
	spin_lock_bh(&c);
	spin_unlock_bh(&c);
	/* A handler that only tries cannot wait for what it interrupted. */
	spin_lock(&c);
	spin_unlock(&c);
}

static void test_correct_masking_is_silent(void **state)
{
	(void)state;
	machine_run(masked_everywhere);
	assert_int_equal(warnings_seen(), 0);
}

/* ---- might_sleep() and masks ---- */

static void sleep_masked(void *arg)
{
	(void)arg;
	local_irq_disable();
	might_sleep();
	panic("the end");
}

static void sleep_under_spinlock(void *arg) __context_unsafe("sleeps under it on purpose")
{
	(void)arg;
	spin_lock(&a);
	mutex_lock(&mutex);
	panic("the end");
}

static void handler_opens_the_mask(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	local_irq_enable();
}

static void bad_handler(void *arg)
{
	(void)arg;
	if (irq_vector_register(VECTOR, "test", handler_opens_the_mask, NULL))
		exit(3);
	irq_raise(this_cpu(), VECTOR);
	irq_safepoint();
}

static void handler_keeps_a_lock(unsigned int vec, void *arg) __context_unsafe("leaks on purpose")
{
	(void)vec;
	(void)arg;
	preempt_disable();
}

static void leaking_handler(void *arg)
{
	(void)arg;
	if (irq_vector_register(VECTOR, "leaky", handler_keeps_a_lock, NULL))
		exit(3);
	irq_raise(this_cpu(), VECTOR);
	irq_safepoint();
}

static void test_might_sleep_names_both_sites(void **state)
{
	(void)state;
	DIES(sleep_masked, "in atomic context: interrupts were masked at "
	     "tests/unit/test_lockdep_graph.c:", "in sleep_masked()");
	DIES(sleep_under_spinlock, "in atomic context: preemption was disabled at "
	     "tests/unit/test_lockdep_graph.c:", "in sleep_under_spinlock()");
}

static void test_handlers_keep_their_context(void **state)
{
	(void)state;
	DIES(bad_handler, "BUG: irq_context() == CTX_HARDIRQ");
	DIES(leaking_handler, "interrupt handler \"leaky\" left preempt_count");
}

#endif /* KMEMLAB_DEBUG */

/* ---- ranks equal the document ---- */

#define RANK(r)	{ r, #r }

static const struct {
	enum lock_rank rank;
	const char *name;
} ranks[] = {
	RANK(RANK_CPU_HOTPLUG), RANK(RANK_MMAP), RANK(RANK_VMA), RANK(RANK_ANON_VMA),
	RANK(RANK_PAGE_TABLE), RANK(RANK_LRU), RANK(RANK_SWAP), RANK(RANK_SLAB_LIST),
	RANK(RANK_DEPOT), RANK(RANK_NODE_LIST), RANK(RANK_VMAP), RANK(RANK_PCP_DRAIN),
	RANK(RANK_PCP), RANK(RANK_ZONE), RANK(RANK_RUNTIME),
};

static void test_ranks_equal_the_document(void **state)
{
	const char *root = getenv("KMEMLAB_SOURCE");
	char path[512], line[256];
	unsigned int found = 0;
	FILE *f;

	(void)state;
	assert_int_equal(ARRAY_SIZE(ranks), NR_LOCK_RANKS - 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(ranks); i++)
		assert_int_equal(ranks[i].rank, i + 1);
	if (!root)
		skip();
	snprintf(path, sizeof(path), "%s/docs/locking.md", root);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned int nr;
		char name[64];

		if (sscanf(line, "| %u | `%63[A-Z_]`", &nr, name) != 2)
			continue;
		assert_in_range(nr, 1, ARRAY_SIZE(ranks));
		assert_string_equal(name, ranks[nr - 1].name);
		assert_int_equal(nr, ++found);
	}
	fclose(f);
	assert_int_equal(found, ARRAY_SIZE(ranks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks_equal_the_document),
#if KMEMLAB_DEBUG
		/* The deaths first: a child is forked while this process has one thread. */
		cmocka_unit_test(test_cycle_names_every_link),
		cmocka_unit_test(test_what_is_taken_under_a_trylock_counts),
		cmocka_unit_test(test_inconsistent_hardirq_state),
		cmocka_unit_test(test_transitive_inversion),
		cmocka_unit_test(test_inversion_found_at_the_order),
		cmocka_unit_test(test_inconsistent_softirq_state),
		cmocka_unit_test(test_might_sleep_names_both_sites),
		cmocka_unit_test(test_handlers_keep_their_context),
		cmocka_unit_test(test_orders_are_learned_once),
		cmocka_unit_test(test_a_new_machine_knows_nothing),
		cmocka_unit_test(test_correct_masking_is_silent),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
