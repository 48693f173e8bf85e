/* SPDX-License-Identifier: MIT */
/* The /proc texts of counters: zoneinfo, vmstat and meminfo. */
#include "mm/page/boot.h"
#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "mm/page/watermark.h"
#include "mm/procfs.h"
#include "runtime/cpu.h"

/* Counters that the kernel shows per zone, in its order. */
static const enum zone_stat_item zone_rows[] = {
	NR_FREE_PAGES, NR_ZONE_INACTIVE_ANON, NR_ZONE_ACTIVE_ANON, NR_ZONE_INACTIVE_FILE,
	NR_ZONE_ACTIVE_FILE, NR_ZONE_UNEVICTABLE,
};

/* Counters that the kernel keeps per node, under the names it has for them, in its order. */
static const struct {
	const char *name;
	enum zone_stat_item item;
} node_rows[] = {
	{ "nr_inactive_anon", NR_ZONE_INACTIVE_ANON },
	{ "nr_active_anon", NR_ZONE_ACTIVE_ANON },
	{ "nr_inactive_file", NR_ZONE_INACTIVE_FILE },
	{ "nr_active_file", NR_ZONE_ACTIVE_FILE },
	{ "nr_unevictable", NR_ZONE_UNEVICTABLE },
	{ "nr_slab_reclaimable", NR_SLAB_RECLAIMABLE },
	{ "nr_slab_unreclaimable", NR_SLAB_UNRECLAIMABLE },
	{ "nr_anon_pages", NR_ANON_MAPPED },
	{ "nr_mapped", NR_FILE_MAPPED },
	{ "nr_file_pages", NR_FILE_PAGES },
	{ "nr_dirty", NR_FILE_DIRTY },
	{ "nr_writeback", NR_WRITEBACK },
	{ "nr_kernel_stack", NR_KERNEL_STACK_KB },
	{ "nr_page_table_pages", NR_PAGETABLE },
	{ "nr_swapcached", NR_SWAPCACHE },
};

/* ---- zoneinfo ---- */

static void show_node_stats(FILE *out, int nid)
{
	fputs("\n  per-node stats", out);
	for (size_t i = 0; i < ARRAY_SIZE(node_rows); i++)
		fprintf(out, "\n      %-12s %lu", node_rows[i].name,
			node_page_state(nid, node_rows[i].item));
}

/* What a zone shows whether it has memory or not. */
struct zone_sizes {
	unsigned long free, boost, wmark[NR_WMARK], spanned, present, managed;
};

static void show_zone_sizes(FILE *out, const struct zone_sizes *size)
{
	fprintf(out,
		"\n  pages free     %lu"
		"\n        boost    %lu"
		"\n        min      %lu"
		"\n        low      %lu"
		"\n        high     %lu"
		"\n        promo    %lu"
		"\n        spanned  %lu"
		"\n        present  %lu"
		"\n        managed  %lu"
		"\n        cma      %lu",
		size->free, size->boost, size->wmark[WMARK_MIN] + size->boost,
		size->wmark[WMARK_LOW] + size->boost, size->wmark[WMARK_HIGH] + size->boost,
		size->wmark[WMARK_PROMO] + size->boost, size->spanned, size->present, size->managed,
		0UL);
}

static void show_protection(FILE *out, const struct layout_class *class, const struct zone *zone)
{
	for (unsigned int i = 0; i < class->nr_columns; i++) {
		enum zone_type type = class->columns[i].type;

		fprintf(out, "%s%lu", i ? ", " : "\n        protection: (",
			zone ? READ_ONCE(zone->lowmem_reserve[type]) : 0UL);
	}
	fputc(')', out);
}

/* A zone without memory, as the kernel computes its marks: 32 for highmem and movable ones. */
static void show_empty_zone(FILE *out, const struct layout_class *class, unsigned int column)
{
	const struct zone_column *col = &class->columns[column];
	bool device = !col->filled && column > 0 && !class->columns[column - 1].filled;
	struct zone_sizes size = { .free = 0 };
	struct wmark_input in = { .highmem = col->type == ZONE_HIGHMEM };

	if (!device)
		calc_zone_wmarks(&in, size.wmark);
	show_zone_sizes(out, &size);
	show_protection(out, class, NULL);
	fputc('\n', out);
}

static void show_pagesets(FILE *out, const struct zone *zone)
{
	unsigned int cpu;

	fputs("\n  pagesets", out);
	for_each_online_cpu(cpu) {
		const struct pagelist *pl = &remote_zone_pcp(zone, cpu)->pl;

		fprintf(out,
			"\n    cpu: %u"
			"\n              count:    %d"
			"\n              high:     %d"
			"\n              batch:    %d"
			"\n              high_min: %d"
			"\n              high_max: %d"
			"\n  vm stats threshold: %d",
			cpu, READ_ONCE(pl->count), READ_ONCE(pl->high), READ_ONCE(pl->batch),
			READ_ONCE(pl->high_min), READ_ONCE(pl->high_max),
			READ_ONCE(per_cpu_ptr(zone->zonestat, cpu)->stat_threshold));
	}
}

static void show_populated_zone(FILE *out, const struct layout_class *class,
				const struct zone *zone)
{
	struct zone_sizes size = {
		.free = zone_page_state(zone, NR_FREE_PAGES),
		.boost = READ_ONCE(zone->watermark_boost),
		.spanned = zone->spanned_pages,
		.present = zone->present_pages,
		.managed = READ_ONCE(zone->managed_pages),
	};

	for (unsigned int i = 0; i < NR_WMARK; i++)
		size.wmark[i] = READ_ONCE(zone->watermark[i]);
	show_zone_sizes(out, &size);
	show_protection(out, class, zone);
	for (size_t i = 0; i < ARRAY_SIZE(zone_rows); i++)
		fprintf(out, "\n      %-12s %lu", zone_stat_name(zone_rows[i]),
			zone_page_state(zone, zone_rows[i]));
	show_pagesets(out, zone);
	fprintf(out, "\n  node_unreclaimable:  %u\n  start_pfn:           %lu\n", 0u,
		zone->zone_start_pfn);
}

void proc_show_zoneinfo(FILE *out)
{
	const struct layout_class *class = layout_class(&mm_layout);

	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		bool first = true;

		for (unsigned int i = 0; i < class->nr_columns; i++) {
			const struct zone_column *col = &class->columns[i];
			const struct zone *zone = col->filled ?
				NODE_DATA(nid)->node_zones[col->type] : NULL;

			fprintf(out, "Node %u, zone %8s", nid, col->name);
			if (!zone) {
				show_empty_zone(out, class, i);
				continue;
			}
			if (first)
				show_node_stats(out, (int)nid);
			first = false;
			show_populated_zone(out, class, zone);
		}
	}
}

/* ---- vmstat ---- */

void proc_show_vmstat(FILE *out)
{
	u64 events[NR_VM_EVENT_ITEMS];

	for (size_t i = 0; i < ARRAY_SIZE(zone_rows); i++)
		fprintf(out, "%s %lu\n", zone_stat_name(zone_rows[i]),
			global_zone_page_state(zone_rows[i]));
	for (size_t i = 0; i < ARRAY_SIZE(node_rows); i++)
		fprintf(out, "%s %lu\n", node_rows[i].name,
			global_zone_page_state(node_rows[i].item));
	all_vm_events(events);
	for (unsigned int i = 0; i < NR_VM_EVENT_ITEMS; i++)
		fprintf(out, "%s %llu\n", vm_event_name((enum vm_event_item)i),
			(unsigned long long)events[i]);
}

/* ---- meminfo ---- */

static void show_kb(FILE *out, const char *name, unsigned long kb)
{
	fprintf(out, "%-16s%8lu kB\n", name, kb);
}

static void show_pages(FILE *out, const char *name, unsigned long pages)
{
	show_kb(out, name, pages << (PAGE_SHIFT - 10));
}

static unsigned long global(enum zone_stat_item item)
{
	return global_zone_page_state(item);
}

/* Pages that no ordinary allocation may use: each zone's high mark and greatest reserve. */
static unsigned long total_reserve(void)
{
	const struct zone *zone;
	unsigned long total = 0;

	for_each_zone(zone) {
		unsigned long most = 0;

		for (unsigned int i = zone->type; i < MAX_NR_ZONES; i++)
			most = max(most, READ_ONCE(zone->lowmem_reserve[i]));
		most += high_wmark_pages(zone);
		total += min(most, READ_ONCE(zone->managed_pages));
	}
	return total;
}

/* The kernel's guess of what can be had without swapping (mm/show_mem.c). */
static unsigned long mem_available(void)
{
	unsigned long cache = global(NR_ZONE_ACTIVE_FILE) + global(NR_ZONE_INACTIVE_FILE);
	unsigned long slab = global(NR_SLAB_RECLAIMABLE);
	long available = (long)(global(NR_FREE_PAGES) - total_reserve());
	unsigned long low = 0;
	const struct zone *zone;

	for_each_zone(zone)
		low += READ_ONCE(zone->watermark[WMARK_LOW]);
	/* Some of both is in use or would be needed again at once. */
	available += (long)(cache - min(cache / 2, low));
	available += (long)(slab - min(slab / 2, low));
	return available < 0 ? 0 : (unsigned long)available;
}

static void show_highmem(FILE *out)
{
	unsigned long total = 0, high = 0, high_free = 0;
	const struct zone *zone;

	for_each_zone(zone) {
		total += READ_ONCE(zone->managed_pages);
		if (zone->type == ZONE_HIGHMEM) {
			high += READ_ONCE(zone->managed_pages);
			high_free += zone_page_state(zone, NR_FREE_PAGES);
		}
	}
	show_pages(out, "HighTotal:", high);
	show_pages(out, "HighFree:", high_free);
	show_pages(out, "LowTotal:", total - high);
	show_pages(out, "LowFree:", global(NR_FREE_PAGES) - high_free);
}

void proc_show_meminfo(FILE *out)
{
	unsigned long anon[2] = { global(NR_ZONE_INACTIVE_ANON), global(NR_ZONE_ACTIVE_ANON) };
	unsigned long file[2] = { global(NR_ZONE_INACTIVE_FILE), global(NR_ZONE_ACTIVE_FILE) };
	unsigned long slab[2] = { global(NR_SLAB_RECLAIMABLE), global(NR_SLAB_UNRECLAIMABLE) };
	unsigned long cached = global(NR_FILE_PAGES), swap_cached = global(NR_SWAPCACHE);
	const struct zone *zone;
	unsigned long total = 0;

	for_each_zone(zone)
		total += READ_ONCE(zone->managed_pages);
	show_pages(out, "MemTotal:", total);
	show_pages(out, "MemFree:", global(NR_FREE_PAGES));
	show_pages(out, "MemAvailable:", mem_available());
	/* The page cache of block devices: there are none. */
	show_pages(out, "Buffers:", 0);
	show_pages(out, "Cached:", cached - min(cached, swap_cached));
	show_pages(out, "SwapCached:", swap_cached);
	show_pages(out, "Active:", anon[1] + file[1]);
	show_pages(out, "Inactive:", anon[0] + file[0]);
	show_pages(out, "Active(anon):", anon[1]);
	show_pages(out, "Inactive(anon):", anon[0]);
	show_pages(out, "Active(file):", file[1]);
	show_pages(out, "Inactive(file):", file[0]);
	show_pages(out, "Unevictable:", global(NR_ZONE_UNEVICTABLE));
	if (mm_layout.kind == LAYOUT_X86_32)
		show_highmem(out);
	show_pages(out, "Dirty:", global(NR_FILE_DIRTY));
	show_pages(out, "Writeback:", global(NR_WRITEBACK));
	show_pages(out, "AnonPages:", global(NR_ANON_MAPPED));
	show_pages(out, "Mapped:", global(NR_FILE_MAPPED));
	show_pages(out, "KReclaimable:", slab[0]);
	show_pages(out, "Slab:", slab[0] + slab[1]);
	show_pages(out, "SReclaimable:", slab[0]);
	show_pages(out, "SUnreclaim:", slab[1]);
	show_kb(out, "KernelStack:", global(NR_KERNEL_STACK_KB));
	show_pages(out, "PageTables:", global(NR_PAGETABLE));
}
