/* SPDX-License-Identifier: MIT */
/*
 * Bringing up physical memory.
 *
 * What.  A plan (layout.c) becomes a machine in the kernel's order: memblock learns what is RAM
 * and what is taken; the page array and the pageblock table are made; nodes and zones get their
 * numbers; everything that memblock still calls free is handed to the buddy system in the largest
 * aligned blocks; watermarks and reserves follow from what each zone got; zonelists last.
 *
 * Where the page array lives.  In the kernel it lies in the frames it describes, which makes it
 * both memory and memory's cost.  Here the array is host memory of its own: a frame of the arena
 * could be a HIGHMEM frame without an address, and a hole in the arena would need a hole in the
 * array.  The cost is kept: memblock reserves as many frames on each node as the node's part of
 * the array fills (64 bytes a page, named "memmap"), and these frames are never touched.
 * no_memmap leaves the reservation out.  Recorded zones never make one: their managed pages say
 * already what the real kernel kept.
 *
 * Laziness.  Arena, page array and pageblock table are mapped, not filled.  A zeroed struct page
 * is a valid "never used" page, so booting touches one struct page per free block (a 1024th at
 * best) and no frame at all.
 *
 * States.  Down, booting, up.  An error while booting goes back to down.
 *
 * Invariants.
 *	I1  Each zone: managed = pages handed over = NR_FREE_PAGES after boot.
 *	I2  A recorded zone: managed is the recorded number.
 *	I3  No handed-over block crosses a zone, a memory region or a reservation.
 *
 * Locking.  None: the host thread works before the first CPU starts.
 *
 * Context.  Host thread.
 *
 * Failure.  Every step is undone in reverse; the caller gets one sentence.
 *
 * Costs.  16 GiB: about 15 ms, mostly first touches of the page array; 4 KiB of host memory per
 * 4 MiB block handed over.
 *
 * See also.  mm/mm_init.c and mm/memblock.c in Linux; tests/unit/test_boot.c.
 */
#include "mm/page/boot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mm/page/buddy.h"
#include "mm/page/memblock.h"
#include "mm/page/page_alloc.h"
#include "mm/page/page_alloc.h"
#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "mm/page/watermark.h"
#include "mm/page/zonelist.h"
#include "runtime/cpu.h"

struct page *mem_map;
unsigned long max_pfn;
char *direct_map;
struct zone zones[MAX_NR_ZONES_TOTAL];
unsigned int nr_zones;
pg_data_t node_data[MAX_NUMNODES];
unsigned int nr_node_ids;
struct pageblock *pageblocks;

struct mm_boot_info mm_boot_info;
struct layout mm_layout;

/* The options of the last boot, for mm_reset(); zones point into mm_layout. */
static struct mm_options booted;

/* Whole largest blocks, so that a block's buddy always has a struct page. */
static unsigned long nr_map_pages(void)
{
	return align_up(max_pfn, MAX_ORDER_NR_PAGES);
}

static size_t memmap_bytes(void)
{
	return nr_map_pages() * sizeof(struct page);
}

static size_t pageblocks_bytes(void)
{
	return (nr_map_pages() / pageblock_nr_pages + 1) * sizeof(struct pageblock);
}

/* ---- memblock ---- */

/* The plan's memory, each range with its node. */
static int add_memory(const struct layout *layout)
{
	unsigned long start, end;
	int code = 0;

	for (unsigned int i = 0; i < layout->e820.nr && !code; i++) {
		if (!e820_usable_pfns(&layout->e820, i, &start, &end))
			continue;
		code = memblock_add((u64)start << PAGE_SHIFT, (u64)(end - start) << PAGE_SHIFT);
	}
	for (unsigned int i = 0; i < layout->nr_zones && !code; i++) {
		const struct zone_spec *z = &layout->zones[i];

		code = memblock_set_node((u64)z->start_pfn << PAGE_SHIFT,
					 (u64)z->spanned << PAGE_SHIFT, z->node);
	}
	return code;
}

static int add_reserves(const struct layout *layout)
{
	int code = 0;

	for (unsigned int i = 0; i < layout->nr_reserves && !code; i++) {
		const struct layout_reserve *r = &layout->reserves[i];

		code = memblock_reserve((u64)r->start_pfn << PAGE_SHIFT,
					(u64)(r->end_pfn - r->start_pfn) << PAGE_SHIFT);
	}
	return code;
}

/* Reserves the frames that the page array would fill; see the head of the file. */
static int reserve_memmap(struct layout *layout, struct mm_error *err)
{
	const struct layout_class *class = layout_class(layout);

	memblock_set_current_limit(class->lowmem_end ? class->lowmem_end :
				   (u64)max_pfn << PAGE_SHIFT);
	for (unsigned int nid = 0; nid < layout->nr_nodes; nid++) {
		u64 bytes = align_up(layout->nodes[nid].present * sizeof(struct page), PAGE_SIZE);
		u64 phys = memblock_phys_alloc_try_nid(bytes, PAGE_SIZE, (int)nid);

		if (!phys)
			return mm_error(err, -EINVAL,
					"mem: no room for the page array of node %u (%lluM below "
					"%s); give less memory or layout x86_64", nid,
					(unsigned long long)(bytes >> 20),
					class->lowmem_end ? "896M" : "the end of memory");
		layout->reserves[layout->nr_reserves++] = (struct layout_reserve) {
			"memmap", (unsigned long)(phys >> PAGE_SHIFT),
			(unsigned long)((phys + bytes) >> PAGE_SHIFT),
		};
	}
	return 0;
}

static int setup_memblock(const struct mm_options *opt, struct layout *layout,
			  struct mm_error *err)
{
	int code;

	memblock_reset();
	code = add_memory(layout);
	if (!code)
		code = add_reserves(layout);
	if (code)
		return mm_error(err, code, "e820: more ranges than memblock can hold");
	memblock_allow_resize();
	if (!layout->replayed && !opt->no_memmap)
		code = reserve_memmap(layout, err);
	if (!code)
		mm_boot_info.reserved_bytes = memblock_reserved_size();
	return code;
}

/* ---- nodes and zones ---- */

static const char *zone_name(const struct layout *layout, enum zone_type type)
{
	const struct layout_class *class = layout_class(layout);

	for (unsigned int i = 0; i < class->nr_columns; i++)
		if (class->columns[i].type == type && class->columns[i].filled)
			return class->columns[i].name;
	return "HighMem";
}

static void setup_nodes(const struct layout *layout)
{
	nr_node_ids = layout->nr_nodes;
	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		const struct layout_node *node = &layout->nodes[nid];

		node_data[nid] = (pg_data_t) {
			.node_id = (int)nid,
			.node_start_pfn = node->start_pfn,
			.node_present_pages = node->present,
			.node_spanned_pages = node->end_pfn - node->start_pfn,
		};
	}
}

static void setup_zone(struct zone *zone, const struct zone_spec *spec, const char *name)
{
	unsigned long end = spec->start_pfn + spec->spanned;

	memset(zone, 0, sizeof(*zone));
	zone->name = name;
	zone->node = (u8)spec->node;
	zone->type = (u8)spec->type;
	zone->id = (u8)(zone - zones);
	zone->zone_start_pfn = spec->start_pfn;
	zone->spanned_pages = spec->spanned;
	zone->present_pages = spec->present;
	NODE_DATA(spec->node)->node_zones[spec->type] = zone;
	for (unsigned long pfn = spec->start_pfn & ~(pageblock_nr_pages - 1); pfn < end;
	     pfn += pageblock_nr_pages)
		pageblocks[pfn >> pageblock_order] = (struct pageblock) {
			MIGRATE_MOVABLE, zone->id
		};
	zone_init_free_lists(zone);
}

static void setup_zones(const struct layout *layout)
{
	for (unsigned int i = 0; i < layout->nr_zones; i++)
		setup_zone(&zones[i], &layout->zones[i],
			   zone_name(layout, layout->zones[i].type));
	nr_zones = layout->nr_zones;
}

static void destroy_zones(void)
{
	struct zone *zone;

	for_each_zone(zone)
		zone_destroy_free_lists(zone);
	nr_zones = 0;
	nr_node_ids = 0;
}

/* ---- the hand-over ---- */

/* Hands [start, end), which lies in one zone, to the buddy in the largest aligned blocks. */
static void free_pfn_range(struct zone *zone, unsigned long start, unsigned long end)
{
	while (start < end) {
		unsigned int align = start ? (unsigned int)__builtin_ctzl(start) : MAX_PAGE_ORDER;
		unsigned int order = min(align, (unsigned int)MAX_PAGE_ORDER);

		order = min(order, ilog2(end - start));
		__free_pages_core(start, order);
		zone->managed_pages += 1UL << order;
		start += 1UL << order;
	}
}

/* Everything that memblock calls free; a region may hold several zones. */
static void memblock_free_all(void)
{
	struct memblock_span span;
	struct zone *zone;
	u64 i;

	for_each_free_mem_range(i, NUMA_NO_NODE, &span) {
		unsigned long start = (unsigned long)((span.start + PAGE_SIZE - 1) >> PAGE_SHIFT);
		unsigned long end = (unsigned long)(span.end >> PAGE_SHIFT);

		for_each_zone(zone) {
			unsigned long s = max(start, zone->zone_start_pfn);
			unsigned long e = min(end, zone_end_pfn(zone));

			free_pfn_range(zone, s, e);
		}
	}
	memblock_retire();
}

static void apply_recorded_zones(const struct layout *layout)
{
	for (unsigned int i = 0; i < layout->nr_zones; i++) {
		const struct zone_spec *spec = &layout->zones[i];

		BUG_ON(layout->replayed && zones[i].managed_pages != spec->managed);
		for (unsigned int mark = 0; mark < NR_WMARK && spec->have_wmark; mark++)
			zones[i].watermark[mark] = spec->wmark[mark];
	}
}

/* ---- watermarks, zonelists, page lists ---- */

static unsigned long lowmem_managed(unsigned int *populated)
{
	unsigned long pages = 0;
	struct zone *zone;

	*populated = 0;
	for_each_zone(zone)
		if (zone->type != ZONE_HIGHMEM) {
			pages += zone->managed_pages;
			(*populated)++;
		}
	return pages;
}

static int setup_watermarks(const struct mm_options *opt, struct mm_error *err)
{
	unsigned int populated;
	unsigned long lowmem = lowmem_managed(&populated);

	if (opt->min_free_kbytes > lowmem << (PAGE_SHIFT - 10) >> 1)
		return mm_error(err, -EINVAL,
				"min-free-kbytes: %lu is more than half of %lu kB; give less",
				opt->min_free_kbytes, lowmem << (PAGE_SHIFT - 10));
	setup_min_free_kbytes(opt->min_free_kbytes);
	if (opt->thp_min_free && !opt->min_free_kbytes) {
		unsigned long *kbytes = &watermark_tunables.min_free_kbytes;

		*kbytes = max(*kbytes, calc_thp_min_free_kbytes(populated, lowmem));
	}
	setup_per_zone_wmarks();
	setup_per_zone_lowmem_reserve();
	return 0;
}

static int setup_pcp(const struct mm_options *opt, struct mm_error *err)
{
	int code = setup_per_cpu_pageset();

	if (code)
		return mm_error(err, code, "cpus: per-CPU memory is too small for %u zones",
				nr_zones);
	if (opt->pcp_policy && pcp_set_policy(NULL, opt->pcp_policy)) {
		free_per_cpu_pageset();
		return mm_error(err, -EINVAL,
				"pcp: policy \"%.40s\" is unknown; choose none, fixed, linux-6.1, "
				"linux-6.12, linux-6.18 or linux-7.2", opt->pcp_policy);
	}
	/* layout_build() has checked the fraction. */
	code = set_percpu_pagelist_high_fraction(opt->high_fraction);
	BUG_ON(code);
	return 0;
}

static void setup_zonelists(const struct layout *layout)
{
	struct node_order_input in = { .nr_nodes = layout->nr_nodes };

	memcpy(in.distance, layout->distance, sizeof(in.distance));
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpus[cpu].node >= 0 && cpus[cpu].node < MAX_NUMNODES)
			in.cpus_on_node[cpus[cpu].node]++;
	build_all_zonelists(&in);
}

/* ---- the whole ---- */

/*
 * The hand-over touches one host page of the page array per largest block.  Beyond half of the
 * host's memory that would not end in an error but in the host's OOM killer.
 */
static int check_host_memory(struct mm_error *err)
{
	u64 host = (u64)sysconf(_SC_PHYS_PAGES) * (u64)sysconf(_SC_PAGESIZE);
	u64 touched = (u64)max_pfn / MAX_ORDER_NR_PAGES * PAGE_SIZE;

	if (touched <= host / 2)
		return 0;
	return mm_error(err, -ENOMEM,
			"mem: %luG need %lluM of page array in host memory, which has %lluM; "
			"give less memory", max_pfn >> (30 - PAGE_SHIFT),
			(unsigned long long)(touched >> 20), (unsigned long long)(host >> 20));
}

static int map_memory(struct mm_error *err)
{
	int code = check_host_memory(err);

	if (code)
		return code;
	code = hostmem_arena_create(&mm_boot_info.arena, (size_t)max_pfn << PAGE_SHIFT);

	if (code)
		return mm_error(err, code,
				"mem: the host refuses an arena of %luM (%s); give less memory",
				max_pfn >> (20 - PAGE_SHIFT), strerror(-code));
	direct_map = mm_boot_info.arena.base;
	mem_map = hostmem_alloc(memmap_bytes());
	pageblocks = hostmem_alloc(pageblocks_bytes());
	if (!mem_map || !pageblocks)
		return mm_error(err, -ENOMEM,
				"mem: the host refuses %luM for the page array; give less memory",
				(unsigned long)(memmap_bytes() >> 20));
	return 0;
}

static void unmap_memory(void)
{
	hostmem_free(pageblocks, pageblocks_bytes());
	hostmem_free(mem_map, memmap_bytes());
	hostmem_arena_destroy(&mm_boot_info.arena);
	pageblocks = NULL;
	mem_map = NULL;
	direct_map = NULL;
	max_pfn = 0;
}

int mm_boot(const struct mm_options *opt, struct mm_error *err)
{
	u64 start = clock_ns();
	int code = layout_build(opt, &mm_layout, err);

	if (code)
		return code;
	mm_boot_info = (struct mm_boot_info) { .boot_ns = 0 };
	watermark_tunables_reset();
	page_alloc_reset();
	max_pfn = mm_layout.max_pfn;
	code = map_memory(err);
	if (code)
		goto unmap;
	code = setup_memblock(opt, &mm_layout, err);
	if (code)
		goto unmap;
	setup_nodes(&mm_layout);
	setup_zones(&mm_layout);
	code = setup_pcp(opt, err);
	if (code)
		goto zones;
	memblock_free_all();
	code = setup_watermarks(opt, err);
	if (code)
		goto pcp;
	apply_recorded_zones(&mm_layout);
	refresh_zone_stat_thresholds(nr_cpu_ids);
	zone_pcp_update_all(0);
	setup_zonelists(&mm_layout);
	booted = *opt;
	booted.zones = mm_layout.zones;
	mm_boot_info.boot_ns = clock_ns() - start;
	mm_boot_info.memmap_bytes = memmap_bytes();
	mm_boot_info.memmap_resident = hostmem_resident(mem_map, memmap_bytes());
	return 0;
pcp:
	free_per_cpu_pageset();
zones:
	destroy_zones();
unmap:
	unmap_memory();
	return code;
}

void mm_shutdown(void)
{
	if (!mem_map)
		return;
	free_per_cpu_pageset();
	destroy_zones();
	unmap_memory();
}

int mm_reset(struct mm_error *err)
{
	struct zone_spec specs[MAX_NR_ZONES_TOTAL];
	struct mm_options opt = booted;

	memcpy(specs, mm_layout.zones, sizeof(specs));
	opt.zones = specs;
	mm_shutdown();
	return mm_boot(&opt, err);
}
