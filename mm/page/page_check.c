/* SPDX-License-Identifier: MIT */
/*
 * Oracles of the page allocator.
 *
 * What.  Two views of the same frames must agree: the lists (what the allocator believes) and the
 * page array (what each frame says of itself).  zone_check() looks at the first, the census at
 * the second, page_alloc_check() at both and at the counters.
 *
 * Invariants checked: I1 to I6 of buddy.c, I1 and I2 of pcp.c, I3 of page_alloc.c.
 *
 * Locking.  None: the machine is quiescent.  Context.  Host thread or a CPU while no other works.
 * Failure.  The first thing found wrong is described in the result.
 */
#include "mm/page/page_check.h"

#include <stdarg.h>

#include "mm/page/buddy.h"
#include "mm/page/pageblock.h"
#include "mm/page/pcp.h"

#define CHECK_OK	((struct page_check_result){ .ok = true })

__printf(1, 2) static struct page_check_result check_failed(const char *fmt, ...)
{
	struct page_check_result result = { .ok = false };
	va_list args;

	va_start(args, fmt);
	vsnprintf(result.text, sizeof(result.text), fmt, args);
	va_end(args);
	return result;
}

static const char *where_name(u32 flags)
{
	switch (flags & PG_WHERE) {
	case 0:
		return "nowhere";
	case PG_buddy:
		return "free";
	case PG_pcp:
		return "listed";
	case PG_allocated:
		return "allocated";
	case PG_reserved:
		return "reserved";
	default:
		return "in two places";
	}
}

const char *page_describe(const struct page *page, char *buf, size_t size)
{
	u32 flags = READ_ONCE(page->flags);

	snprintf(buf, size, "pfn %#lx: %s, flags %#x, order %u, type %s, refcount %d, mapcount %d, "
		 "generation %u, last cpu %u, owner %u", page_to_pfn(page), where_name(flags),
		 flags, page->order, migratetype_name(page->migratetype), page_count(page),
		 READ_ONCE(page->_mapcount), page->generation, page->last_cpu, page->owner);
	return buf;
}

void bad_page(const struct page *page, const char *what)
{
	char buf[256];

	panic("bad page: %s (%s)", what, page_describe(page, buf, sizeof(buf)));
}

/* ---- the lists ---- */

/* The free block that @page should have merged with, or NULL. */
static const struct page *unmerged_buddy(const struct zone *zone, const struct page *page,
					 unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), buddy_pfn = pfn ^ (1UL << order);
	const struct page *buddy = page + ((long)buddy_pfn - (long)pfn);

	/* From pageblock_order on, types that did not mix once may have changed since. */
	if (order >= pageblock_order || buddy_pfn - zone->zone_start_pfn >= zone->spanned_pages)
		return NULL;
	return (buddy->flags & PG_buddy) && buddy->order == order ? buddy : NULL;
}

/* The texts are made only when something is wrong: the checks run millions of times. */
static struct page_check_result block_failed(const struct zone *zone, const struct page *page,
					     const char *what)
{
	char buf[256];

	return check_failed("zone %s: %s: %s", zone->name, what,
			    page_describe(page, buf, sizeof(buf)));
}

static struct page_check_result check_block(const struct zone *zone, const struct page *page,
					    unsigned int order, unsigned int mt)
{
	unsigned long pfn = page_to_pfn(page);
	const struct page *buddy;
	char buf[256];

	if (page->state != PG_buddy || page->order != order || page->migratetype != mt)
		return check_failed("zone %s: order %u %s list holds %s", zone->name, order,
				    migratetype_name(mt), page_describe(page, buf, sizeof(buf)));
	if (pfn & ((1UL << order) - 1))
		return block_failed(zone, page, "misaligned free block");
	if (pfn < zone->zone_start_pfn || pfn + (1UL << order) > zone_end_pfn(zone) ||
	    page_zone(page) != zone)
		return block_failed(zone, page, "free block of elsewhere");
	if (order < pageblock_order && get_pageblock_migratetype(page) != mt)
		return check_failed("zone %s: free block in a pageblock of type %s: %s", zone->name,
				    migratetype_name(get_pageblock_migratetype(page)),
				    page_describe(page, buf, sizeof(buf)));
	buddy = unmerged_buddy(zone, page, order);
	if (buddy)
		return check_failed("zone %s: buddies not merged at order %u: pfn %#lx and %#lx",
				    zone->name, order, pfn, page_to_pfn(buddy));
	return CHECK_OK;
}

/* Walks one list; adds its blocks to *@nr. */
static struct page_check_result check_list(const struct zone *zone, unsigned int order,
					   unsigned int mt, unsigned long *nr)
{
	const struct list_head *head = &zone->free_area[order].free_list[mt];
	bool marked = zone->free_orders[mt] >> order & 1;

	if (marked == list_empty(head))
		return check_failed("zone %s: free_orders bit %u of type %s is %d, the list "
				    "says %d", zone->name, order, migratetype_name(mt), marked,
				    !marked);
	for (const struct list_head *pos = head->next; pos != head; pos = pos->next) {
		const struct page *page = list_entry(pos, const struct page, lru);
		struct page_check_result result = check_block(zone, page, order, mt);

		if (!result.ok)
			return result;
		/* Also ends the walk of a list that never returns to its head. */
		if (pos->next->prev != pos || ++*nr > zone->free_area[order].nr_free)
			return check_failed("zone %s: order %u list of type %s is broken near "
					    "pfn %#lx", zone->name, order, migratetype_name(mt),
					    page_to_pfn(page));
	}
	return CHECK_OK;
}

struct page_check_result zone_check(const struct zone *zone)
{
	unsigned long pages[MIGRATE_TYPES] = { 0 }, all = 0;
	s64 counted = zone_page_state_exact(zone, NR_FREE_PAGES);

	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
		unsigned long nr = 0;

		for (unsigned int mt = 0; mt < MIGRATE_TYPES; mt++) {
			unsigned long before = nr;
			struct page_check_result result = check_list(zone, order, mt, &nr);

			if (!result.ok)
				return result;
			pages[mt] += (nr - before) << order;
		}
		if (nr != zone->free_area[order].nr_free)
			return check_failed("zone %s: nr_free of order %u is %lu, the lists "
					    "hold %lu", zone->name, order,
					    zone->free_area[order].nr_free, nr);
		all += nr << order;
	}
	if (counted != (s64)(all - pages[MIGRATE_ISOLATE]))
		return check_failed("zone %s: NR_FREE_PAGES is %lld, the lists hold %lu",
				    zone->name, (long long)counted, all - pages[MIGRATE_ISOLATE]);
	if (zone->nr_free_highatomic != pages[MIGRATE_HIGHATOMIC])
		return check_failed("zone %s: nr_free_highatomic is %lu, the lists hold %lu",
				    zone->name, zone->nr_free_highatomic,
				    pages[MIGRATE_HIGHATOMIC]);
	return CHECK_OK;
}

bool zone_is_valid(const struct zone *zone)
{
	struct page_check_result result = zone_check(zone);

	if (!result.ok)
		fprintf(stderr, "%s\n", result.text);
	return result.ok;
}

/* ---- the page array ---- */

/* Adds a block of @nr frames to the census by what its head says. */
static void census_add(struct page_census *census, const struct page *head, unsigned long nr)
{
	switch (head->flags & PG_WHERE) {
	case PG_buddy:
		census->free += nr;
		if (head->migratetype == MIGRATE_ISOLATE)
			census->free_isolated += nr;
		break;
	case PG_pcp:
		census->pcp += nr;
		break;
	default:
		census->allocated += nr;
		break;
	}
}

static struct page_check_result check_tails(const struct zone *zone, const struct page *head)
{
	char block[256], inner[256];

	for (unsigned long i = 1; i < 1UL << head->order; i++)
		if (head[i].flags & PG_WHERE)
			return check_failed("zone %s: %s lies inside %s", zone->name,
					    page_describe(&head[i], inner, 100),
					    page_describe(head, block, 100));
	return CHECK_OK;
}

/* Takes the block at @pfn into the census; *@nr is its size. */
static struct page_check_result census_block(const struct zone *zone, unsigned long pfn, bool deep,
					     struct page_census *census, unsigned long *nr)
{
	const struct page *page = pfn_to_page(pfn);
	u32 where = page->flags & PG_WHERE;

	*nr = 1;
	if (!where || where == PG_reserved) {
		census->none++;
		return CHECK_OK;
	}
	if (where & (where - 1))
		return block_failed(zone, page, "a frame in two places");
	*nr = 1UL << page->order;
	if (page->order > MAX_PAGE_ORDER || pfn & (*nr - 1) || pfn + *nr > zone_end_pfn(zone))
		return block_failed(zone, page, "impossible block");
	census_add(census, page, *nr);
	return deep ? check_tails(zone, page) : CHECK_OK;
}

struct page_check_result page_census_take(const struct zone *zone, bool deep,
					  struct page_census *census)
{
	unsigned long nr;

	*census = (struct page_census){ 0 };
	for (unsigned long pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone); pfn += nr) {
		struct page_check_result result;

		nr = 1;
		/* A zone may span memory that belongs to another one. */
		if (page_zone(pfn_to_page(pfn)) != zone)
			continue;
		result = census_block(zone, pfn, deep, census, &nr);
		if (!result.ok)
			return result;
	}
	return CHECK_OK;
}

/* ---- both ---- */

static struct page_check_result check_pcp(const struct zone *zone, unsigned long *pages)
{
	unsigned int cpu;

	*pages = 0;
	if (!zone->pageset)
		return CHECK_OK;
	for_each_possible_cpu(cpu) {
		const struct pagelist *pl = &remote_zone_pcp(zone, cpu)->pl;

		if (!pagelist_is_valid(pl))
			return check_failed("zone %s: page list of cpu %u is damaged (count %d)",
					    zone->name, cpu, pl->count);
		*pages += (unsigned long)pl->count;
	}
	return CHECK_OK;
}

static struct page_check_result check_zone_all(const struct zone *zone, bool deep,
					       unsigned long *allocated)
{
	struct page_check_result result = zone_check(zone);
	struct page_census census;
	unsigned long listed;
	s64 free_pages;

	if (result.ok)
		result = check_pcp(zone, &listed);
	if (result.ok)
		result = page_census_take(zone, deep, &census);
	if (!result.ok)
		return result;
	free_pages = zone_page_state_exact(zone, NR_FREE_PAGES);
	if (census.free - census.free_isolated != (unsigned long)free_pages)
		return check_failed("zone %s: %lu pages say they are free, NR_FREE_PAGES is %lld",
				    zone->name, census.free - census.free_isolated,
				    (long long)free_pages);
	if (census.pcp != listed)
		return check_failed("zone %s: %lu pages say they are listed, the CPUs count %lu",
				    zone->name, census.pcp, listed);
	if (census.free + census.pcp + census.allocated != zone->managed_pages)
		return check_failed("zone %s: free %lu + listed %lu + allocated %lu = %lu, "
				    "managed %lu", zone->name, census.free, census.pcp,
				    census.allocated, census.free + census.pcp + census.allocated,
				    zone->managed_pages);
	*allocated += census.allocated;
	return CHECK_OK;
}

struct page_check_result page_alloc_check(bool deep, long allocated)
{
	unsigned long found = 0;
	struct zone *zone;

	for_each_zone(zone) {
		struct page_check_result result = check_zone_all(zone, deep, &found);

		if (!result.ok)
			return result;
	}
	if (allocated >= 0 && found != (unsigned long)allocated)
		return check_failed("%lu pages are allocated, %ld should be", found, allocated);
	return CHECK_OK;
}
