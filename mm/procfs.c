/* SPDX-License-Identifier: MIT */
/* The /proc texts: the table of files, buddyinfo, pagetypeinfo and iomem. */
#include "mm/procfs.h"

#include <errno.h>
#include <string.h>

#include "mm/page/boot.h"
#include "mm/page/pageblock.h"

#define MAX_PROC_FILES	32

struct proc_file {
	const char *name;
	void (*show)(FILE *out);
};

/* Written at boot only. */
static struct proc_file files[MAX_PROC_FILES] = {
	{ "buddyinfo", proc_show_buddyinfo },
	{ "iomem", proc_show_iomem },
	{ "meminfo", proc_show_meminfo },
	{ "pagetypeinfo", proc_show_pagetypeinfo },
	{ "vmstat", proc_show_vmstat },
	{ "zoneinfo", proc_show_zoneinfo },
};

static struct proc_file *find_file(const char *name)
{
	for (unsigned int i = 0; i < MAX_PROC_FILES && files[i].name; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

const char *proc_name(unsigned int i)
{
	return i < MAX_PROC_FILES ? files[i].name : NULL;
}

void proc_register(const char *name, void (*show)(FILE *out))
{
	struct proc_file *file = find_file(name);
	unsigned int i = 0;

	if (file) {
		file->show = show;
		return;
	}
	while (i < MAX_PROC_FILES && files[i].name)
		i++;
	BUG_ON(i == MAX_PROC_FILES);
	files[i] = (struct proc_file) { name, show };
}

int proc_show(const char *name, FILE *out)
{
	const struct proc_file *file = find_file(name);

	if (!file)
		return -ENOENT;
	file->show(out);
	return ferror(out) ? -EIO : 0;
}

/* ---- buddyinfo ---- */

static void read_nr_free(struct zone *zone, unsigned long nr_free[NR_PAGE_ORDERS])
{
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		nr_free[order] = READ_ONCE(zone->free_area[order].nr_free);
}

void proc_show_buddyinfo(FILE *out)
{
	unsigned long nr_free[NR_PAGE_ORDERS], flags;
	struct zone *zone;

	for_each_zone(zone) {
		/* All orders of one moment; the host thread sees a machine that stands still. */
		if (this_cpu()) {
			spin_lock_irqsave(&zone->lock, flags);
			read_nr_free(zone, nr_free);
			spin_unlock_irqrestore(&zone->lock, flags);
		} else {
			read_nr_free(zone, nr_free);
		}
		fprintf(out, "Node %d, zone %8s ", zone->node, zone->name);
		for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
			fprintf(out, "%6lu ", nr_free[order]);
		fputc('\n', out);
	}
}

/* ---- pagetypeinfo ---- */

/* A list is counted under the lock, so the count has a bound; beyond it ">" stands before it. */
#define FREE_COUNT_MAX	100000UL

static unsigned long count_list(const struct list_head *head)
{
	const struct list_head *pos;
	unsigned long count = 0;

	list_for_each(pos, head)
		if (++count >= FREE_COUNT_MAX)
			break;
	return count;
}

static unsigned long count_free_blocks(struct zone *zone, unsigned int order, unsigned int mt)
{
	const struct list_head *head = &zone->free_area[order].free_list[mt];
	unsigned long count, flags;

	if (!this_cpu())
		return count_list(head);
	spin_lock_irqsave(&zone->lock, flags);
	count = count_list(head);
	spin_unlock_irqrestore(&zone->lock, flags);
	return count;
}

static void show_free_counts(FILE *out)
{
	struct zone *zone;

	fprintf(out, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		fprintf(out, "%6u ", order);
	fputc('\n', out);
	for_each_zone(zone)
		for (unsigned int mt = 0; mt < MIGRATE_TYPES; mt++) {
			fprintf(out, "Node %4d, zone %8s, type %12s ", zone->node, zone->name,
				migratetype_name(mt));
			for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
				unsigned long count = count_free_blocks(zone, order, mt);

				fprintf(out, "%s%6lu ", count >= FREE_COUNT_MAX ? ">" : "", count);
			}
			fputc('\n', out);
		}
}

/* Pageblocks with memory in them, by type.  Racy like the kernel's: no lock. */
static void count_pageblocks(const struct zone *zone, unsigned long counts[MIGRATE_TYPES])
{
	unsigned long end = zone_end_pfn(zone);

	memset(counts, 0, MIGRATE_TYPES * sizeof(counts[0]));
	for (unsigned long pfn = zone->zone_start_pfn; pfn < end;) {
		unsigned long next = (pfn | (pageblock_nr_pages - 1)) + 1;

		if (e820_usable_pages(&mm_layout.e820, pfn, min(next, end)))
			counts[get_pageblock_migratetype(pfn_to_page(pfn))]++;
		pfn = next;
	}
}

void proc_show_pagetypeinfo(FILE *out)
{
	unsigned long counts[MIGRATE_TYPES];
	struct zone *zone;

	fprintf(out, "Page block order: %d\n", pageblock_order);
	fprintf(out, "Pages per block:  %lu\n\n", pageblock_nr_pages);
	show_free_counts(out);
	fprintf(out, "\n%-23s", "Number of blocks type ");
	for (unsigned int mt = 0; mt < MIGRATE_TYPES; mt++)
		fprintf(out, "%12s ", migratetype_name(mt));
	fputc('\n', out);
	for_each_zone(zone) {
		count_pageblocks(zone, counts);
		fprintf(out, "Node %d, zone %8s ", zone->node, zone->name);
		for (unsigned int mt = 0; mt < MIGRATE_TYPES; mt++)
			fprintf(out, "%12lu ", counts[mt]);
		fputc('\n', out);
	}
}

/* ---- iomem ---- */

static void show_resource(FILE *out, const char *indent, const struct e820_entry *range,
			  const char *name)
{
	fprintf(out, "%s%08llx-%08llx : %s\n", indent, (unsigned long long)range->start,
		(unsigned long long)range->end - 1, name);
}

/* The reservations inside one range of RAM, by address. */
static void show_reserves(FILE *out, const struct e820_entry *ram)
{
	u64 at = ram->start;

	for (;;) {
		const struct layout_reserve *next = NULL;
		struct e820_entry range;

		for (unsigned int i = 0; i < mm_layout.nr_reserves; i++) {
			const struct layout_reserve *r = &mm_layout.reserves[i];
			u64 start = (u64)r->start_pfn << PAGE_SHIFT;

			if (start >= at && start < ram->end &&
			    (!next || r->start_pfn < next->start_pfn))
				next = r;
		}
		if (!next)
			return;
		range.start = (u64)next->start_pfn << PAGE_SHIFT;
		range.end = min((u64)next->end_pfn << PAGE_SHIFT, ram->end);
		show_resource(out, "  ", &range, next->name);
		at = range.end;
	}
}

void proc_show_iomem(FILE *out)
{
	for (unsigned int i = 0; i < mm_layout.e820.nr; i++) {
		const struct e820_entry *entry = &mm_layout.e820.entries[i];

		show_resource(out, "", entry, e820_type_name(entry->type));
		if (entry->type == E820_USABLE)
			show_reserves(out, entry);
	}
}
