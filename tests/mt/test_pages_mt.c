/* SPDX-License-Identifier: MIT */
/*
 * The page allocator under real concurrency.
 *
 * CPUs allocate and free all orders and types, hand blocks to one another, take interrupts that
 * allocate, drain each other's lists, and change the lists' sizes meanwhile.  Every block carries
 * a stamp of its owner in struct page and in the frame: a block in two hands shows as a foreign
 * stamp at its free.  At the end every page is accounted for.  KMEMLAB_SEED replays the streams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/machine.h"
#include "mm/page/page_alloc.h"
#include "mm/page/page_check.h"
#include "mm/page/pageblock.h"
#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "runtime/irq.h"

#define TEST_CPUS	6
#define SLOTS		64		/* where CPUs leave blocks for others */
#define HELD		256
#define ROUNDS		30000
#define VECTOR		IRQ_FIRST_DEVICE

static struct page *slots[SLOTS];	/* atomic exchange */
static u64 nr_handed, nr_irq_allocs;	/* atomic */
static bool use_drains, use_tuning;

struct worker {
	struct rand_state rand;
	struct page *held[HELD];
	unsigned int nr;
};

static u64 read_seed(void)
{
	const char *text = getenv("KMEMLAB_SEED");
	u64 seed = text ? strtoull(text, NULL, 0) : 20261123;

	printf("seed %llu\n", (unsigned long long)seed);
	return seed;
}

/* Marks a block as this CPU's, in the struct page and in the frame. */
static void stamp(struct page *page, unsigned int order)
{
	u64 *first = page_address(page);
	u64 *last = (u64 *)page_address(page + (1UL << order) - 1) + PAGE_SIZE / sizeof(u64) - 1;

	page->private = page_to_pfn(page) ^ 0x5a5a;
	*first = page->private;
	*last = page->private;
}

static void check_stamp(const struct page *page, unsigned int order)
{
	const u64 *first = page_address(page);
	const u64 *last = (u64 *)page_address(page + (1UL << order) - 1) +
			  PAGE_SIZE / sizeof(u64) - 1;

	BUG_ON(page->order != order);
	BUG_ON(page->private != (page_to_pfn(page) ^ 0x5a5a));
	BUG_ON(*first != page->private);
	BUG_ON(*last != page->private);
}

static void release(struct page *page)
{
	unsigned int order = page->order;

	check_stamp(page, order);
	*(u64 *)page_address(page) = 0;
	page->private = 0;
	__free_pages(page, order);
}

static void allocate(struct worker *w)
{
	static const gfp_t flags[] = {
		GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE, GFP_ATOMIC,
		GFP_NOWAIT, GFP_KERNEL | __GFP_COLD, GFP_DMA, GFP_KERNEL | __GFP_COMP,
	};
	gfp_t gfp = flags[rand_below(&w->rand, ARRAY_SIZE(flags))] | __GFP_NOWARN;
	unsigned int order = rand_below(&w->rand, 4) ? 0 : rand_below(&w->rand, 5);
	struct page *page;

	if (rand_one_in(&w->rand, 200))
		order = HPAGE_PMD_ORDER;
	page = alloc_pages(gfp, order);
	if (!page)
		return;
	BUG_ON(page_count(page) != 1);
	BUG_ON(page->private != 0);
	stamp(page, order);
	w->held[w->nr++] = page;
}

/* Leaves a block where another CPU will find it, and frees the one that lay there. */
static void hand_over(struct worker *w)
{
	struct page **slot = &slots[rand_below(&w->rand, SLOTS)];
	struct page *page = xchg(slot, w->held[--w->nr]);

	if (page) {
		fetch_add_relaxed(&nr_handed, 1);
		release(page);
	}
}

static void disturb(struct worker *w)
{
	unsigned int cpu = rand_below(&w->rand, nr_cpu_ids);
	struct zone *zone = &zones[rand_below(&w->rand, nr_zones)];

	switch (rand_below(&w->rand, 6)) {
	case 0:
		irq_raise(&cpus[cpu], VECTOR);
		break;
	case 1:
		if (use_drains)
			drain_all_pages(rand_one_in(&w->rand, 4) ? zone : NULL);
		break;
	case 2:
		vmstat_update_cpu();
		break;
	case 3:
		if (use_tuning)
			BUG_ON(pcp_set_tunable(zone, "batch", 1 + rand_below(&w->rand, 100)));
		break;
	case 4:
		drain_local_pages(zone);
		break;
	default:
		BUG_ON(zone_page_state(zone, NR_FREE_PAGES) > zone->managed_pages + 1000);
		break;
	}
}

static void work(void *arg)
{
	struct worker *w = (struct worker *)arg + smp_processor_id();

	for (unsigned int i = 0; i < ROUNDS; i++) {
		u32 what = rand_below(&w->rand, 100);

		if (what < 50 && w->nr < HELD)
			allocate(w);
		else if (what < 90 && w->nr)
			release(w->held[--w->nr]);
		else if (what < 98 && w->nr)
			hand_over(w);
		else
			disturb(w);
	}
	while (w->nr)
		release(w->held[--w->nr]);
}

/*
 * Takes what is still pending, then orders it before the end of this work: the host thread looks
 * at everything afterwards.
 */
static void settle(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		local_irq_disable();
		local_irq_enable();
	}
}

/* In hard interrupt context, in the middle of anything. */
static void device_interrupt(unsigned int vec, void *arg)
{
	struct page *pages[8];
	unsigned int nr = 0;

	(void)vec;
	(void)arg;
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[nr] = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, i % 3);
		if (pages[nr])
			stamp(pages[nr++], i % 3);
	}
	fetch_add_relaxed(&nr_irq_allocs, nr);
	while (nr)
		release(pages[--nr]);
}

static void empty_slots(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (slots[i])
			release(slots[i]);
		slots[i] = NULL;
	}
}

static void check_all(void)
{
	struct page_check_result result = page_alloc_check(true, 0);
	u64 allocated = 0;

	if (!result.ok)
		fail_msg("%s", result.text);
	for (int i = PGALLOC_DMA; i <= PGALLOC_HIGH; i++)
		allocated += vm_event_sum((enum vm_event_item)i);
	assert_int_equal(allocated, vm_event_sum(PGFREE));
	assert_int_equal(warnings_seen(), 0);
}

static void drain_everything(void *arg)
{
	(void)arg;
	drain_all_pages(NULL);
}

static void run(const struct kmemlab_options *opt)
{
	static struct worker workers[TEST_CPUS];
	struct mm_error err;
	struct zone *zone;

	if (kmemlab_boot(opt, &err))
		fail_msg("%s", err.text);
	assert_int_equal(irq_vector_register(VECTOR, "test device", device_interrupt, NULL), 0);
	for (unsigned int i = 0; i < TEST_CPUS; i++)
		rand_init(&workers[i].rand, opt->cpu.seed, i);
	nr_handed = nr_irq_allocs = 0;
	cpu_run_all(work, workers);
	cpu_run_all(settle, NULL);
	cpu_run(0, empty_slots, NULL);
	check_all();
	assert_true(nr_handed > 0);
	assert_true(nr_irq_allocs > 0);

	/* After a drain nothing is listed. */
	cpu_run(1, drain_everything, NULL);
	check_all();
	for_each_zone(zone)
		assert_int_equal(zone_page_state_exact(zone, NR_FREE_PAGES),
				 zone->managed_pages);
	irq_vector_unregister(VECTOR);
	kmemlab_shutdown();
}

static struct kmemlab_options options(void)
{
	return (struct kmemlab_options){
		.cpu = { .nr_cpus = TEST_CPUS, .seed = read_seed() },
		.mm = { .mem_bytes = 96ULL << 20 },
	};
}

static void test_default_lists(void **state)
{
	struct kmemlab_options opt = options();

	(void)state;
	use_drains = use_tuning = false;
	run(&opt);
}

static void test_drains_and_tuning(void **state)
{
	struct kmemlab_options opt = options();

	(void)state;
	use_drains = use_tuning = true;
	run(&opt);
}

static void test_tight_memory(void **state)
{
	struct kmemlab_options opt = options();

	(void)state;
	/* Every path of failure: watermarks, fallback between types, drains by reclaimers. */
	use_drains = true;
	use_tuning = false;
	opt.mm.mem_bytes = 20ULL << 20;
	run(&opt);
}

static void test_two_nodes(void **state)
{
	struct kmemlab_options opt = options();

	(void)state;
	use_drains = use_tuning = true;
	opt.mm.nr_nodes = 2;
	opt.mm.mem_bytes = 128ULL << 20;
	run(&opt);
}

static void test_no_lists(void **state)
{
	struct kmemlab_options opt = options();

	(void)state;
	use_drains = use_tuning = false;
	opt.mm.pcp_policy = "none";
	run(&opt);
}

static void test_batched_spills(void **state)
{
	struct kmemlab_options opt = options();

	(void)state;
	use_drains = true;
	use_tuning = true;
	opt.mm.pcp_policy = "linux-7.2";
	run(&opt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_lists),
		cmocka_unit_test(test_drains_and_tuning),
		cmocka_unit_test(test_tight_memory),
		cmocka_unit_test(test_two_nodes),
		cmocka_unit_test(test_no_lists),
		cmocka_unit_test(test_batched_spills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
