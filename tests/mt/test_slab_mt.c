/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator on several CPUs: objects freed where they were not allocated, interrupt
 * handlers that use the same caches, and shrink, resize, policy changes, create and destroy
 * meanwhile.
 *
 * Theorem checked: an object has one owner.  Each live object carries a tag that its owner wrote
 * and nobody else may change; the tsan build checks the accesses as well.
 */
#include "tests/unit/slab_test.h"

#include "mm/slab/slab.h"
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "runtime/lib/rand.h"
#include "runtime/rcu.h"

#define CPUS		4
#define WINDOW		256		/* objects each CPU holds */
#define IRQ_WINDOW	32
#define SLAB_IRQ	(IRQ_FIRST_DEVICE + 3)

#ifdef KMEMLAB_TSAN
#define NR_STEPS	3000
#else
#define NR_STEPS	40000
#endif

static struct kmem_cache *cache;
static const char *policy;

/* A box where CPUs leave objects for one another. */
static struct {
	spinlock_t lock __cacheline_aligned;
	void *objs[64];			/* (lock) */
	unsigned int nr;		/* (lock) */
} boxes[CPUS];

static const struct lock_class box_class = { .name = "box", .rank = RANK_NONE };

/* What an interrupt handler holds on to; its CPU's hardirq context only. */
static struct irq_window {
	void *objs[IRQ_WINDOW];
	unsigned int at;
	u64 handled;
} __cacheline_aligned irq_windows[CPUS];

/* The owner's mark: plain accesses, so that two owners are a reported race. */
static void own(void *obj, u64 tag)
{
	*(u64 *)obj = tag ^ (u64)(uintptr_t)obj;
}

static void disown(void *obj, u64 tag)
{
	EXPECT(*(u64 *)obj == (tag ^ (u64)(uintptr_t)obj));
	*(u64 *)obj = 0;
}

static void slab_interrupt(unsigned int vec, void *arg)
{
	struct irq_window *w = &irq_windows[smp_processor_id()];
	void **slot = &w->objs[w->at++ % IRQ_WINDOW];

	(void)vec;
	(void)arg;
	w->handled++;
	if (*slot) {
		disown(*slot, 0x1111);
		kmem_cache_free(cache, *slot);
	}
	*slot = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (*slot)
		own(*slot, 0x1111);
}

/* Leaves an object in another CPU's box, or frees it when that is full. */
static void pass_on(void *obj, unsigned int to)
{
	bool left = false;

	spin_lock(&boxes[to].lock);
	if (boxes[to].nr < ARRAY_SIZE(boxes[to].objs)) {
		boxes[to].objs[boxes[to].nr++] = obj;
		left = true;
	}
	spin_unlock(&boxes[to].lock);
	if (!left) {
		disown(obj, 0x2222);
		kmem_cache_free(cache, obj);
	}
}

static void empty_box(unsigned int me)
{
	void *objs[64];
	unsigned int nr;

	spin_lock(&boxes[me].lock);
	nr = boxes[me].nr;
	memcpy(objs, boxes[me].objs, nr * sizeof(objs[0]));
	boxes[me].nr = 0;
	spin_unlock(&boxes[me].lock);
	for (unsigned int i = 0; i < nr; i++) {
		disown(objs[i], 0x2222);
		kmem_cache_free(cache, objs[i]);
	}
}

static void do_rare(struct rand_state *r)
{
	struct objcache_tunables tun;
	struct kmem_cache *s;
	void *obj;

	switch (rand_below(r, 6)) {
	case 0:
		kmem_cache_shrink(cache);
		break;
	case 1:
		slab_update_all();
		break;
	case 2:
	case 3:
		objcache_tunables_preset(&tun, (enum objcache_policy)
					 rand_below(r, NR_OBJCACHE_POLICIES));
		if (rand_below(r, 2))
			EXPECT(objcache_tunable_set(&tun, "rounds", 1 + rand_below(r, 30)) == 0);
		kmem_cache_configure(cache, &tun);
		break;
	default:
		s = kmem_cache_create("short-lived", 64, 0, SLAB_TYPESAFE_BY_RCU, NULL);
		obj = kmem_cache_alloc(s, GFP_KERNEL);
		own(obj, 0x3333);
		disown(obj, 0x3333);
		kmem_cache_free(s, obj);
		EXPECT(kmem_cache_destroy(s) == 0);
	}
}

static void churn(void *arg)
{
	unsigned int me = smp_processor_id();
	static void *windows[CPUS][WINDOW];
	void **window = windows[me];
	struct rand_state r;

	(void)arg;
	rand_init(&r, SLAB_TEST_SEED, me);
	memset(window, 0, sizeof(windows[me]));
	for (unsigned int step = 0; step < NR_STEPS; step++) {
		void **slot = &window[rand_below(&r, WINDOW)];

		if (*slot && rand_below(&r, 3) == 0) {
			disown(*slot, me);
			own(*slot, 0x2222);
			pass_on(*slot, rand_below(&r, CPUS));
		} else if (*slot) {
			disown(*slot, me);
			kmem_cache_free(cache, *slot);
		}
		*slot = kmem_cache_alloc(cache, GFP_KERNEL);
		EXPECT(*slot);
		own(*slot, me);
		if (step % 64 == 0)
			empty_box(me);
		if (step % 16 == 0)
			irq_raise(&cpus[rand_below(&r, CPUS)], SLAB_IRQ);
		if (step % 997 == me)
			do_rare(&r);
		irq_safepoint();
		/* No read-side section is open here: others may wait for a grace period. */
		if (step % 32 == 0)
			rcu_quiescent();
	}
	for (unsigned int i = 0; i < WINDOW; i++)
		if (window[i]) {
			disown(window[i], me);
			kmem_cache_free(cache, window[i]);
		}
}

/* Empties the handler's window where the handler itself could run: with interrupts masked. */
static void empty_irq_window(void *arg)
{
	struct irq_window *w = &irq_windows[smp_processor_id()];

	(void)arg;
	for (unsigned int i = 0; i < IRQ_WINDOW; i++) {
		if (w->objs[i]) {
			disown(w->objs[i], 0x1111);
			kmem_cache_free(cache, w->objs[i]);
		}
		w->objs[i] = NULL;
	}
}

static void no_operation(void *arg)
{
	(void)arg;
}

static void set_up(void *arg)
{
	struct slab_options opt = { .policy = policy };

	(void)arg;
	EXPECT(slab_boot(&opt, NULL) == 0);
	cache = kmem_cache_create("contended", 96, 0, 0, NULL);
	for (unsigned int i = 0; i < CPUS; i++)
		spin_lock_init(&boxes[i].lock, &box_class, NULL);
	memset(irq_windows, 0, sizeof(irq_windows));
	EXPECT(irq_vector_register(SLAB_IRQ, "slab user", slab_interrupt, NULL) == 0);
}

static u64 handled;
static struct kmem_cache_stats end_stats;

static void tear_down(void *arg)
{
	(void)arg;
	/*
	 * Function calls are the first vector that a CPU handles: after one round of them the
	 * device interrupts that came with it are still to come, after two they are over.
	 */
	on_each_cpu(no_operation, NULL, true);
	on_each_cpu(empty_irq_window, NULL, true);
	for (unsigned int i = 0; i < CPUS; i++)
		empty_box(i);
	irq_vector_unregister(SLAB_IRQ);
	kmem_cache_stats(cache, &end_stats);
	handled = 0;
	for (unsigned int i = 0; i < CPUS; i++)
		handled += irq_windows[i].handled;
	EXPECT(kmem_cache_is_valid(cache));
	EXPECT(kmem_cache_destroy(cache) == 0);
	EXPECT(slab_shutdown() == 0);
}

static void run(const char *name, unsigned int nr_nodes)
{
	struct kmemlab_options opt = {
		.cpu = { .nr_cpus = CPUS, .seed = SLAB_TEST_SEED, .no_pin = true },
		.mm = { .mem_bytes = 128ULL << 20, .nr_nodes = nr_nodes },
	};
	struct page_check_result result;

	print_message("seed %#llx, policy %s, %u nodes\n", (unsigned long long)SLAB_TEST_SEED,
		      name, nr_nodes);
	policy = name;
	assert_int_equal(kmemlab_boot(&opt, NULL), 0);
	cpu_run(0, set_up, NULL);
	cpu_run_all(churn, NULL);
	cpu_run(0, tear_down, NULL);
	result = page_alloc_check(true, 0);
	if (!result.ok)
		fail_msg("%s", result.text);
	kmemlab_shutdown();
	/* Each step allocates once; handlers and bulk come on top. */
	assert_true(end_stats.cpu.stats.alloc_hits + end_stats.cpu.stats.alloc_misses >=
		    (u64)CPUS * NR_STEPS);
	assert_int_equal(end_stats.live_objects, 0);
	assert_true(handled > 0);
}

static void test_magazines(void **state)
{
	(void)state;
	run("magazines", 1);
}

static void test_bonwick(void **state)
{
	(void)state;
	run("bonwick", 1);
}

static void test_sheaves_on_two_nodes(void **state)
{
	(void)state;
	run("sheaves", 2);
}

static void test_none(void **state)
{
	(void)state;
	run("none", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_magazines),
		cmocka_unit_test(test_bonwick),
		cmocka_unit_test(test_sheaves_on_two_nodes),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
