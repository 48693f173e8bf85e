/* SPDX-License-Identifier: MIT */
/* Booting memory: sizes, conservation, laziness, recorded zones, refusals that leave nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mm/machine.h"
#include "mm/page/boot.h"
#include "mm/page/buddy.h"
#include "mm/page/memblock.h"
#include "mm/page/page_alloc.h"
#include "mm/page/page_check.h"
#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "mm/page/watermark.h"

#define MIB(n)	((u64)(n) << 20)
#define GIB(n)	((u64)(n) << 30)

static struct mm_error err;

static struct kmemlab_options options(u64 mem_bytes)
{
	return (struct kmemlab_options) {
		.cpu = { .nr_cpus = 2, .seed = 1 }, .mm = { .mem_bytes = mem_bytes },
	};
}

static void boot(const struct kmemlab_options *opt)
{
	int code = kmemlab_boot(opt, &err);

	if (code)
		fail_msg("boot: %d %s", code, err.text);
}

/* Every managed page is free, every zone in order, and the lists agree. */
static void check_all_free(void)
{
	struct page_check_result result = page_alloc_check(false, 0);
	const struct zone *zone;

	if (!result.ok)
		fail_msg("%s", result.text);
	for_each_zone(zone) {
		assert_int_equal(zone_page_state_snapshot(zone, NR_FREE_PAGES),
				 zone->managed_pages);
		assert_true(zone->managed_pages <= zone->present_pages);
		assert_true(zone->present_pages <= zone->spanned_pages);
		assert_true(zone->watermark[WMARK_MIN] <= zone->watermark[WMARK_LOW]);
	}
}

/* 16 GiB: within a second, and at most 2 % of the memory is resident on the host. */
static void test_16g_is_quick_and_lazy(void **state)
{
	struct kmemlab_options opt = options(GIB(16));
	const struct mm_boot_info *info = &mm_boot_info;
	size_t arena;

	(void)state;
	boot(&opt);
	arena = hostmem_resident(info->arena.base, info->arena.bytes);
	print_message("16 GiB: boot %.1f ms; resident: arena %zu kB, page array %llu of %llu kB\n",
		      (double)info->boot_ns / 1e6, arena >> 10,
		      (unsigned long long)info->memmap_resident >> 10,
		      (unsigned long long)info->memmap_bytes >> 10);
	assert_true(arena + info->memmap_resident <= GIB(16) / 50);
	/* The sanitizers' shadow memory is not what the bound is about. */
	if (strcmp(KMEMLAB_BUILD, "release") == 0 || strcmp(KMEMLAB_BUILD, "dev") == 0)
		assert_true(info->boot_ns <= 1000000000ULL);
	/* The page array of the memory below and above the hole, and the first MiB. */
	assert_in_range(info->reserved_bytes, MIB(256), MIB(258));
	check_all_free();
	kmemlab_shutdown();
}

static void test_largest_blocks(void **state)
{
	struct kmemlab_options opt = options(MIB(64));

	(void)state;
	opt.mm.no_memmap = true;
	boot(&opt);
	/* DMA from 1 MiB: 1, 2, then 4 MiB blocks; the rest is only 4 MiB blocks. */
	assert_int_equal(zones[0].free_area[8].nr_free, 1);
	assert_int_equal(zones[0].free_area[9].nr_free, 1);
	assert_int_equal(zones[0].free_area[10].nr_free, 3);
	assert_int_equal(zones[1].free_area[10].nr_free, 12);
	assert_int_equal(zones[1].free_area[9].nr_free, 0);
	check_all_free();
	kmemlab_shutdown();
}

static void test_nodes_and_zonelists(void **state)
{
	struct kmemlab_options opt = options(GIB(8));
	const struct zonelist *list;

	(void)state;
	opt.mm.nr_nodes = 2;
	boot(&opt);
	assert_int_equal(nr_node_ids, 2);
	assert_int_equal(cpus[0].node, 0);
	assert_int_equal(cpus[1].node, 1);
	list = &NODE_DATA(1)->node_zonelists;
	assert_int_equal(list->refs[0].zone->node, 1);
	assert_int_equal(list->refs[0].type, ZONE_NORMAL);
	assert_int_equal(list->refs[list->nr - 1].zone->node, 0);
	assert_int_equal(list->refs[list->nr - 1].type, ZONE_DMA);
	for (unsigned long pfn = 4096; pfn < max_pfn; pfn += 77777)
		if (layout_pfn_to_nid(&mm_layout, pfn) >= 0)
			assert_int_equal(page_to_nid(pfn_to_page(pfn)),
					 layout_pfn_to_nid(&mm_layout, pfn));
	check_all_free();
	kmemlab_shutdown();
}

static void test_x86_32(void **state)
{
	struct kmemlab_options opt = options(GIB(2));

	(void)state;
	opt.mm.layout = "x86_32";
	boot(&opt);
	assert_int_equal(nr_zones, 3);
	assert_string_equal(zones[2].name, "HighMem");
	/* The page array had to lie in low memory: HIGHMEM is whole. */
	assert_int_equal(zones[2].managed_pages, zones[2].present_pages);
	assert_int_equal(zones[1].present_pages - zones[1].managed_pages, (GIB(2) - MIB(1) +
			 158 * PAGE_SIZE) / PAGE_SIZE * 64 / PAGE_SIZE + 1);
	check_all_free();
	kmemlab_shutdown();
}

/* A 24 GiB machine as recorded: same borders, managed pages, marks and page-list windows. */
static const struct zone_spec recorded[] = {
	{ .type = ZONE_DMA, .start_pfn = 1, .spanned = 4095, .present = 3998, .managed = 3840,
	  .have_wmark = true, .wmark = { 25, 31, 37, 43 } },
	{ .type = ZONE_DMA32, .start_pfn = 4096, .spanned = 1044480, .present = 782336,
	  .managed = 772917, .have_wmark = true, .wmark = { 5195, 6493, 7791, 9089 } },
	{ .type = ZONE_NORMAL, .start_pfn = 1048576, .spanned = 5505024, .present = 5505024,
	  .managed = 1736704, .have_wmark = true, .wmark = { 11674, 14592, 17510, 20428 } },
};

static void test_recorded_machine(void **state)
{
	static const int window[3][3] = {
		{ 1, 15, 240 }, { 63, 3246, 48307 }, { 63, 7296, 108544 },
	};
	static const int threshold[3] = { 4, 24, 28 };
	struct kmemlab_options opt = options(0);

	(void)state;
	opt.mm.zones = recorded;
	opt.mm.nr_zones = 3;
	opt.mm.min_free_kbytes = 67584;
	boot(&opt);
	assert_int_equal(max_pfn, 6553600);
	for (unsigned int i = 0; i < 3; i++) {
		const struct pagelist *pl = &remote_zone_pcp(&zones[i], 1)->pl;

		assert_int_equal(zones[i].zone_start_pfn, recorded[i].start_pfn);
		assert_int_equal(zones[i].spanned_pages, recorded[i].spanned);
		assert_int_equal(zones[i].present_pages, recorded[i].present);
		assert_int_equal(zones[i].managed_pages, recorded[i].managed);
		for (unsigned int w = 0; w < NR_WMARK; w++)
			assert_int_equal(zones[i].watermark[w], recorded[i].wmark[w]);
		assert_int_equal(pl->batch, window[i][0]);
		assert_int_equal(pl->high_min, window[i][1]);
		assert_int_equal(pl->high_max, window[i][2]);
		assert_int_equal(per_cpu_ptr(zones[i].zonestat, 0)->stat_threshold, threshold[i]);
	}
	check_all_free();
	kmemlab_shutdown();
}

/* Pages of every zone can be had, are where they should be, and come back. */
static void alloc_some(void *arg)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_KERNEL | __GFP_DMA, GFP_ATOMIC,
				      GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_DMA32 };
	unsigned int *got = arg;

	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		for (size_t i = 0; i < ARRAY_SIZE(gfps); i++) {
			struct page *page = alloc_pages(gfps[i], order);

			if (!page)
				continue;
			(*got)++;
			if (i == 1)
				BUG_ON(page_zone(page)->type != ZONE_DMA);
			__free_pages(page, order);
		}
}

static void test_memory_is_usable(void **state)
{
	struct kmemlab_options opt = options(MIB(256));
	unsigned int got = 0;

	(void)state;
	boot(&opt);
	cpu_run(1, alloc_some, &got);
	/* Everything but the largest blocks of the small DMA zone. */
	assert_true(got >= 5 * NR_PAGE_ORDERS - 2);
	machine_stop_cpus();
	check_all_free();
	kmemlab_shutdown();
}

static void keep_page(void *arg)
{
	(void)arg;
	BUG_ON(!alloc_pages(GFP_KERNEL, 3));
}

static void test_reset_forgets(void **state)
{
	struct kmemlab_options opt = options(MIB(64));
	unsigned long managed;

	(void)state;
	boot(&opt);
	managed = zones[1].managed_pages;
	cpu_run(0, keep_page, NULL);
	machine_stop_cpus();
	assert_int_equal(mm_reset(&err), 0);
	assert_int_equal(zones[1].managed_pages, managed);
	check_all_free();
	kmemlab_shutdown();
}

static void test_refusals_leave_nothing(void **state)
{
	static const struct { struct mm_options mm; const char *says; } t[] = {
		{ { .mem_bytes = 0 }, "mem:" },
		{ { .mem_bytes = MIB(64), .pcp_policy = "linux-2.4" }, "pcp:" },
		{ { .mem_bytes = MIB(64), .min_free_kbytes = 40000 }, "min-free-kbytes:" },
		{ { .mem_bytes = MIB(64), .high_fraction = 3 }, "high-fraction:" },
		{ { .mem_bytes = GIB(64), .layout = "x86_32" }, "of node 0 (1023M below 896M)" },
		{ { .mem_bytes = MM_MEM_MAX }, "give less memory" },
	};
	struct kmemlab_options opt = options(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		opt.mm = t[i].mm;
		err.text[0] = 0;
		assert_true(kmemlab_boot(&opt, &err) < 0);
		if (!strstr(err.text, t[i].says))
			fail_msg("case %zu says \"%s\", not \"%s\"", i, err.text, t[i].says);
		assert_null(mem_map);
		assert_null(pageblocks);
		assert_null(direct_map);
		assert_null(cpus);
		assert_int_equal(nr_zones, 0);
	}
	/* And the machine is none the worse. */
	opt.mm = (struct mm_options) { .mem_bytes = MIB(64), .pcp_policy = "none" };
	boot(&opt);
	check_all_free();
	kmemlab_shutdown();
	opt.cpu.nr_cpus = 0;
	assert_int_equal(kmemlab_boot(&opt, &err), -22);
	assert_non_null(strstr(err.text, "cpus:"));
}

static void test_thp_raises_min_free(void **state)
{
	struct kmemlab_options opt = options(GIB(24));

	(void)state;
	opt.mm.thp_min_free = true;
	boot(&opt);
	assert_int_equal(watermark_tunables.min_free_kbytes, 67584);
	kmemlab_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_16g_is_quick_and_lazy),
		cmocka_unit_test(test_largest_blocks),
		cmocka_unit_test(test_nodes_and_zonelists),
		cmocka_unit_test(test_x86_32),
		cmocka_unit_test(test_recorded_machine),
		cmocka_unit_test(test_memory_is_usable),
		cmocka_unit_test(test_reset_forgets),
		cmocka_unit_test(test_refusals_leave_nothing),
		cmocka_unit_test(test_thp_raises_min_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
