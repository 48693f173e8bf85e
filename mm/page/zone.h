/* SPDX-License-Identifier: MIT */
/*
 * Zones, nodes, pageblocks and zonelists (include/linux/mmzone.h).
 *
 * Lock order: pcp->lock (one CPU's page list of one zone) -> zone->lock.  With zone->lock held
 * nothing may sleep, wait for another CPU, or take a pcp lock.  zone->lock is taken with
 * interrupts masked, always: interrupt handlers allocate.
 *
 * Field keys: (Z) zone->lock to write; (B) set at boot or with the machine quiescent; (A) atomic.
 */
#ifndef MM_PAGE_ZONE_H
#define MM_PAGE_ZONE_H

#include "mm/page/page.h"
#include "percpu/percpu.h"
#include "runtime/spinlock.h"

struct pagelist;

#define MAX_NUMNODES	8

enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_HIGHMEM, MAX_NR_ZONES };

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES,		/* the types with per-CPU lists end here */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES
};

enum zone_watermarks { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, NR_WMARK };

/*
 * Zone counters in pages (stacks: KiB), batched per CPU, see mm/page/vmstat.h.  The kernel keeps
 * those from NR_ANON_MAPPED on per node; a node's value is the sum over its zones.
 */
enum zone_stat_item {
	NR_FREE_PAGES,
	NR_ZONE_INACTIVE_ANON,
	NR_ZONE_ACTIVE_ANON,
	NR_ZONE_INACTIVE_FILE,
	NR_ZONE_ACTIVE_FILE,
	NR_ZONE_UNEVICTABLE,
	NR_ANON_MAPPED,
	NR_FILE_MAPPED,
	NR_FILE_PAGES,
	NR_FILE_DIRTY,
	NR_WRITEBACK,
	NR_SLAB_RECLAIMABLE,
	NR_SLAB_UNRECLAIMABLE,
	NR_KERNEL_STACK_KB,
	NR_PAGETABLE,
	NR_SWAPCACHE,
	NR_VM_ZONE_STAT_ITEMS
};

/* zone->flags bits (A): hints, read without lock. */
enum zone_flags {
	ZONE_BELOW_HIGH		= 1u << 0,	/* an allocation found free pages below high */
	ZONE_RECLAIM_ACTIVE	= 1u << 1,	/* kswapd is balancing this zone */
	ZONE_BOOSTED_WATERMARK	= 1u << 2,	/* wake kswapd: watermark_boost was raised */
};

struct free_area {
	struct list_head free_list[MIGRATE_TYPES];
	unsigned long nr_free;		/* blocks on all lists of this order; read racily */
};

/* One CPU's share of a zone's counters; that CPU writes, reports read. */
struct per_cpu_zonestat {
	s8 stat_threshold;
	s8 vm_stat_diff[NR_VM_ZONE_STAT_ITEMS];
};

struct zone {
	/* Read by every allocation, written at boot or on reconfiguration (B). */
	const char *name;		/* "DMA", "DMA32", "Normal", "HighMem" */
	unsigned long watermark[NR_WMARK];	/* pages, without boost; written under zone->lock */
	unsigned long watermark_boost;	/* (Z) read racily */
	unsigned long lowmem_reserve[MAX_NR_ZONES];	/* pages */
	struct pagelist *pageset;	/* per-CPU: use per_cpu_ptr()/this_cpu_ptr() */
	struct per_cpu_zonestat *zonestat;	/* per-CPU */
	unsigned long zone_start_pfn;
	unsigned long spanned_pages, present_pages, managed_pages;
	u8 node, type;			/* type: enum zone_type */
	u8 id;				/* index in zones[] */
	u16 fast_flags;			/* ALLOC_NOFRAGMENT: rather a lower zone than mixed types */
	u32 flags;			/* (A) enum zone_flags */

	/* The buddy system (Z). */
	spinlock_t lock __cacheline_aligned;	/* rank RANK_ZONE; any context, irqs masked */
	/*
	 * Bit o of free_orders[t]: free_area[o].free_list[t] is not empty.  Read racily by the
	 * watermark test for order > 0, which therefore never looks at a list without the lock.
	 */
	u16 free_orders[MIGRATE_TYPES];
	unsigned long nr_reserved_highatomic;	/* pages in HIGHATOMIC pageblocks */
	struct free_area free_area[NR_PAGE_ORDERS];

	/* The zone's counters (A); each CPU adds its batch now and then. */
	s64 vm_stat[NR_VM_ZONE_STAT_ITEMS] __cacheline_aligned;
	unsigned long nr_free_highatomic;	/* (Z) read racily */
} __cacheline_aligned;

/* What the pages of one 2 MiB block have in common. */
struct pageblock {
	u8 migratetype;			/* (Z) read racily; enum migratetype */
	u8 zone;			/* (B) index in zones[] */
};

#define MAX_NR_ZONES_TOTAL	(MAX_NR_ZONES * MAX_NUMNODES)

struct zoneref {
	struct zone *zone;
	u8 type;
};

/*
 * The zones an allocation may use, in order of preference: all zones of the nearest node from
 * high to low, then the next node's (node order, mm/page_alloc.c: build_zonelists).
 */
struct zonelist {
	unsigned int nr;
	struct zoneref refs[MAX_NR_ZONES_TOTAL];
};

typedef struct pglist_data {
	int node_id;
	unsigned long node_start_pfn, node_present_pages, node_spanned_pages;
	struct zone *node_zones[MAX_NR_ZONES];	/* NULL where the node has no such memory */
	struct zonelist node_zonelists;		/* with fallback to other nodes */
	struct zonelist thisnode_zonelists;	/* __GFP_THISNODE */
	unsigned int nr_kswapd_wakeups;		/* (A) */
} pg_data_t;

extern struct zone zones[MAX_NR_ZONES_TOTAL];
extern unsigned int nr_zones;
extern pg_data_t node_data[MAX_NUMNODES];
extern unsigned int nr_node_ids;
extern struct pageblock *pageblocks;		/* [max_pfn / pageblock_nr_pages + 1] */

#define NODE_DATA(nid)	(&node_data[nid])
#define for_each_zone(z) for ((z) = zones; (z) < zones + nr_zones; (z)++)

static inline struct pageblock *page_pageblock(const struct page *page)
{
	return &pageblocks[page_to_pfn(page) >> pageblock_order];
}

static inline struct zone *page_zone(const struct page *page)
{
	return &zones[page_pageblock(page)->zone];
}

static inline int page_to_nid(const struct page *page)
{
	return page_zone(page)->node;
}

/* Racy by nature unless zone->lock is held. */
static inline enum migratetype get_pageblock_migratetype(const struct page *page)
{
	return (enum migratetype)READ_ONCE(page_pageblock(page)->migratetype);
}

static inline unsigned long zone_end_pfn(const struct zone *zone)
{
	return zone->zone_start_pfn + zone->spanned_pages;
}

extern const struct lock_class zone_lock_class;

#endif /* MM_PAGE_ZONE_H */
