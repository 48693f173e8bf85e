/* SPDX-License-Identifier: MIT */
/*
 * Atomic allocation on running CPUs: interrupts in the middle of a refill and of a spill, a pool
 * that keeps a full machine going, page lists of CPUs that go down, and stress-irq-atomic's
 * workload in every mode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/mempool.h"
#include "mm/page/page_check.h"
#include "mm/page/pcp.h"
#include "mm/page/trace_kmem.h"
#include "runtime/hotplug.h"
#include "stress/workloads/irq_atomic.h"

#define VECTOR		IRQ_FIRST_DEVICE
#define TEST_CPUS	4u

static void boot(unsigned int nr_cpus)
{
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = nr_cpus, .seed = 1 }, .mm = { .mem_bytes = 64ULL << 20 },
	};
	struct mm_error err;

	if (kmemlab_boot(&opt, &err))
		fail_msg("%s", err.text);
}

static void shutdown_clean(void)
{
	struct page_check_result result = page_alloc_check(true, 0);

	if (!result.ok)
		fail_msg("%s", result.text);
	assert_int_equal(warnings_seen(), 0);
	kmemlab_shutdown();
}

/* ---- an interrupt inside the page list's own transfers ---- */

static unsigned int nr_handled;
static bool raise_now;

static struct pagelist *this_list(void)
{
	return &this_zone_pcp(NODE_DATA(0)->node_zones[ZONE_DMA32])->pl;
}

/* The list's owner is inside, whose zone lock was just released: past the list, to the buddy. */
static void hit_handler(unsigned int vec, void *arg)
{
	struct pagelist *pl = this_list();
	u64 failed = pl->lock.nr_failed;
	int count = READ_ONCE(pl->count);
	struct page *page;

	(void)vec;
	(void)arg;
	nr_handled++;
	BUG_ON(READ_ONCE(pl->lock.held) != 1);
	for (unsigned int order = 0; order <= 3; order++) {
		page = alloc_pages(GFP_ATOMIC, order);
		BUG_ON(!page || page->order != order);
		__free_pages(page, order);
	}
	/* One try each for the fast pass, and one for the free; the list is as it was. */
	BUG_ON(pl->lock.nr_failed != failed + 8);
	BUG_ON(READ_ONCE(pl->count) != count);
}

static void raise_here(void)
{
	if (!raise_now)
		return;
	raise_now = false;
	/* Masked here: it comes when the zone lock is released, still under the list's lock. */
	BUG_ON(!irqs_disabled());
	irq_raise(this_cpu(), VECTOR);
}

static void on_refill(const struct page *page, unsigned int order, int mt, bool refill)
{
	(void)page;
	(void)order;
	(void)mt;
	if (refill)
		raise_here();
}

static void on_spill(const struct page *page, unsigned int order, int mt)
{
	(void)page;
	(void)order;
	(void)mt;
	raise_here();
}

static void refill_with_interrupt(void *arg)
{
	struct page *page;

	(void)arg;
	raise_now = true;
	/* Movable: such blocks are there from the start, and the tracer sees no others. */
	page = alloc_page(GFP_HIGHUSER_MOVABLE);
	BUG_ON(!page || raise_now);
	__free_page(page);
}

static void spill_with_interrupt(void *arg)
{
	struct page *page = alloc_page(GFP_HIGHUSER_MOVABLE);

	(void)arg;
	BUG_ON(!page);
	/* A list that keeps nothing spills with the next free. */
	BUG_ON(pcp_set_policy(NULL, "none"));
	raise_now = true;
	__free_page(page);
	BUG_ON(raise_now);
	BUG_ON(this_list()->count != 0);
}

static void test_interrupt_inside_a_transfer(void **state)
{
	const struct kmem_tracer tracer = {
		.page_alloc_zone_locked = on_refill, .page_pcpu_drain = on_spill,
	};

	(void)state;
	boot(2);
	assert_int_equal(irq_vector_register(VECTOR, "test device", hit_handler, NULL), 0);
	nr_handled = 0;
	kmem_tracer_set(&tracer);
	cpu_run(1, refill_with_interrupt, NULL);
	assert_int_equal(nr_handled, 1);
	cpu_run(1, spill_with_interrupt, NULL);
	assert_int_equal(nr_handled, 2);
	kmem_tracer_set(NULL);
	irq_vector_unregister(VECTOR);
	shutdown_clean();
}

/* ---- a pool on a full machine ---- */

#define POOL_MIN	3
#define POOL_ROUNDS	2000

static mempool_t *pool;
static struct page *hog;		/* all pages, chained by page->private */
static struct llist_head under_way[TEST_CPUS];
static u64 nr_done;			/* atomic */

/* Completes requests: each gives its page back to the pool. */
static void complete_handler(unsigned int vec, void *arg)
{
	struct llist_node *node = llist_del_all(&under_way[smp_processor_id()]), *next;

	(void)vec;
	(void)arg;
	for (; node; node = next) {
		struct list_head *entry = (void *)node;
		struct page *page = list_entry(entry, struct page, lru);

		next = node->next;
		BUG_ON(page->index != page_to_pfn(page));
		page->index = 0;
		mempool_free(page, pool);
		fetch_add_relaxed(&nr_done, 1);
	}
}

static void make_pool_and_fill_machine(void *arg)
{
	struct page *page;

	(void)arg;
	pool = mempool_create_page_pool(POOL_MIN, 1);
	BUG_ON(!pool);
	while ((page = alloc_page(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN))) {
		page->private = (uintptr_t)hog;
		hog = page;
	}
}

static void free_everything(void *arg)
{
	(void)arg;
	BUG_ON(pool->curr_nr != POOL_MIN);
	mempool_destroy(pool);
	while (hog) {
		struct page *page = hog;

		hog = (struct page *)page->private;
		page->private = 0;
		__free_page(page);
	}
}

/* Each request has a page of the pool and is completed by an interrupt of another CPU. */
static void submit_requests(void *arg)
{
	unsigned int cpu = smp_processor_id();

	(void)arg;
	for (unsigned int i = 0; i < POOL_ROUNDS; i++) {
		struct page *page = mempool_alloc(pool, i % 2 ? GFP_NOIO : GFP_KERNEL);
		unsigned int to = (cpu + i) % nr_cpu_ids;

		BUG_ON(!page);
		BUG_ON(page->index != 0);
		page->index = page_to_pfn(page);
		(void)llist_add((struct llist_node *)(void *)&page->lru, &under_way[to]);
		irq_raise(&cpus[to], VECTOR);
	}
}

static void settle(void *arg)
{
	(void)arg;
	irq_safepoint();
}

static void test_pool_keeps_a_full_machine_going(void **state)
{
	(void)state;
	boot(TEST_CPUS);
	assert_int_equal(irq_vector_register(VECTOR, "completion", complete_handler, NULL), 0);
	hog = NULL;
	nr_done = 0;
	cpu_run(0, make_pool_and_fill_machine, NULL);
	cpu_run_all(submit_requests, NULL);
	cpu_run_all(settle, NULL);
	assert_int_equal(nr_done, TEST_CPUS * POOL_ROUNDS);
	assert_int_equal(pool->nr_from_reserve, TEST_CPUS * POOL_ROUNDS);
	printf("%llu of %llu allocations waited\n", (unsigned long long)pool->nr_waited,
	       (unsigned long long)pool->nr_from_reserve);
	assert_true(pool->nr_waited > 0);
	cpu_run(0, free_everything, NULL);
	irq_vector_unregister(VECTOR);
	shutdown_clean();
}

/* The size changes while the pool is in use. */
static void resize_pool(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 300; i++)
		BUG_ON(mempool_resize(pool, 1 + i * 7 % 40));
	BUG_ON(mempool_resize(pool, POOL_MIN));
}

static void use_or_resize(void *arg)
{
	if (smp_processor_id() == 0)
		resize_pool(arg);
	else
		submit_requests(arg);
}

static void make_pool(void *arg)
{
	(void)arg;
	pool = mempool_create_page_pool(POOL_MIN, 1);
	BUG_ON(!pool);
}

static void test_pool_resized_in_use(void **state)
{
	(void)state;
	boot(TEST_CPUS);
	assert_int_equal(irq_vector_register(VECTOR, "completion", complete_handler, NULL), 0);
	hog = NULL;
	nr_done = 0;
	cpu_run(0, make_pool, NULL);
	cpu_run_all(use_or_resize, NULL);
	cpu_run_all(settle, NULL);
	assert_int_equal(nr_done, (TEST_CPUS - 1) * POOL_ROUNDS);
	cpu_run(0, free_everything, NULL);
	irq_vector_unregister(VECTOR);
	shutdown_clean();
}

/* ---- CPUs that go down ---- */

static u32 churn_stop;			/* relaxed */

/* Leaves pages on the list of the CPU that it hits. */
static void churn_handler(unsigned int vec, void *arg)
{
	struct page *page = alloc_page(GFP_ATOMIC);

	(void)vec;
	(void)arg;
	if (page)
		__free_page(page);
}

static void churn(void *arg)
{
	unsigned int i = 0;

	(void)arg;
	while (!READ_ONCE(churn_stop)) {
		struct page *page = alloc_page(GFP_KERNEL);

		BUG_ON(!page);
		__free_page(page);
		if (i++ % 16 == 0)
			irq_raise(&cpus[i / 16 % nr_cpu_ids], VECTOR);
		cond_resched();
	}
}

static void test_a_cpu_that_is_down_keeps_no_page(void **state)
{
	const struct zone *zone;

	(void)state;
	boot(TEST_CPUS);
	assert_int_equal(irq_vector_register(VECTOR, "churn", churn_handler, NULL), 0);
	WRITE_ONCE(churn_stop, 0);
	cpu_start_all(churn, NULL);
	for (unsigned int i = 0; i < 100; i++) {
		unsigned int cpu = i % TEST_CPUS;

		assert_int_equal(cpu_down(cpu), 0);
		for_each_zone(zone)
			assert_int_equal(READ_ONCE(remote_zone_pcp(zone, cpu)->pl.count), 0);
		assert_int_equal(cpu_up(cpu), 0);
	}
	WRITE_ONCE(churn_stop, 1);
	cpu_wait_all();
	cpu_run_all(settle, NULL);
	irq_vector_unregister(VECTOR);
	shutdown_clean();
}

/* ---- the workload ---- */

/* Fewer operations where each costs ten times as much. */
#if KMEMLAB_DEBUG
#define OPS	60000
#else
#define OPS	300000
#endif

static struct stress_options options(unsigned int nr_cpus, u64 seed)
{
	struct stress_options opt;

	stress_options_default(&opt);
	opt.cpus = nr_cpus;
	opt.seed = seed;
	opt.ops = OPS;
	opt.seconds = 0;
	opt.mem_bytes = 32 << 20;
	opt.irq_rate = 20000;
	opt.irq_order = 3;
	opt.quiet = true;
	return opt;
}

static void execute(struct stress_run *run, const struct stress_options *opt)
{
	struct mm_error err = { "" };

	*run = (struct stress_run){ .wl = &workload_irq_atomic, .opt = opt, .program = "test" };
	printf("seed %llu, %u CPUs\n", (unsigned long long)opt->seed, opt->cpus);
	if (stress_execute(run, &err))
		fail_msg("%s", err.text);
	assert_int_equal(run->failures, 0);
}

static u64 number(const json_t *obj, const char *path)
{
	char name[64];

	for (;;) {
		const char *dot = strchr(path, '.');

		snprintf(name, sizeof(name), "%.*s",
			 dot ? (int)(dot - path) : (int)strlen(path), path);
		obj = json_object_get(obj, name);
		assert_non_null(obj);
		if (!dot)
			return (u64)json_integer_value(obj);
		path = dot + 1;
	}
}

static void test_workload_in_every_mode(void **state)
{
	static const struct { const char *irq; unsigned int hz, hotplug; } modes[] = {
		{ "safepoint", 0, 0 }, { "signal", 0, 0 }, { "safepoint", 500, 100 },
		{ "signal", 500, 100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct stress_options opt = options(4, 100 + i);
		struct stress_run run;

		opt.irq = tsan_delays_signals() ? "safepoint" : modes[i].irq;
		opt.hz = modes[i].hz;
		opt.hotplug = modes[i].hotplug;
		opt.irqs_off = true;
		execute(&run, &opt);
		assert_int_equal(run.ops.sum, 4ULL * OPS);
		assert_true(number(run.result, "exact.workload.hardirq.runs") > 100);
		assert_true(number(run.result, "exact.workload.softirq.allocs") > 100);
		assert_true(number(run.result, "exact.workload.hardirq.hit_page_list_owner") > 0);
		assert_true(number(run.result, "exact.workload.tasks.cycles") > 0);
		assert_true(number(run.result, "sampled.irqs_off.longest_ns") > 0);
		if (modes[i].hotplug)
			assert_true(number(run.result, "exact.cpus_taken_down") > 0);
		stress_run_free(&run);
	}
}

/* Alone on the machine it is a function of its options, the depth of the reserve included. */
static char *one_cpu(u64 seed)
{
	struct stress_options opt = options(1, seed);
	struct stress_run run;
	json_t *both;
	char *text;

	execute(&run, &opt);
	both = json_pack("[O, O]", json_object_get(run.result, "exact"),
			 json_object_get(json_object_get(run.result, "sampled"), "workload"));
	assert_non_null(both);
	text = json_dumps(both, JSON_SORT_KEYS);
	json_decref(both);
	stress_run_free(&run);
	assert_non_null(text);
	return text;
}

static void test_same_seed_same_run(void **state)
{
	char *a = one_cpu(5), *b = one_cpu(5), *c = one_cpu(6);

	(void)state;
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
}

/* ---- the series of samples ---- */

static void test_samples_thin_out(void **state)
{
	struct irq_atomic_depth *d = calloc(1, sizeof(*d));
	struct irq_atomic_depth_sum sum;

	(void)state;
	assert_non_null(d);
	boot(1);
	irq_atomic_depth_init(d, 10);
	for (u64 now = 1000; now < 1000 + 5000 * 10; now++)
		irq_atomic_depth_look(d, now);
	assert_in_range(d->nr, IRQ_ATOMIC_SAMPLES / 2, IRQ_ATOMIC_SAMPLES);
	assert_int_equal(d->interval, 160);
	for (unsigned int i = 1; i < d->nr; i++)
		assert_in_range(d->sample[i].at - d->sample[i - 1].at, 80, 160);
	irq_atomic_depth_sum(d, &sum);
	assert_true(sum.min > 0);
	assert_int_equal(sum.min, sum.max);
	assert_int_equal(sum.median, sum.min);
	shutdown_clean();
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupt_inside_a_transfer),
		cmocka_unit_test(test_pool_keeps_a_full_machine_going),
		cmocka_unit_test(test_pool_resized_in_use),
		cmocka_unit_test(test_a_cpu_that_is_down_keeps_no_page),
		cmocka_unit_test(test_workload_in_every_mode),
		cmocka_unit_test(test_same_seed_same_run),
		cmocka_unit_test(test_samples_thin_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
