/* SPDX-License-Identifier: MIT */
/*
 * The plan of physical memory: from options to nodes, zones and reservations, before anything is
 * allocated.  Pure: layout_build() touches nothing but its result.
 */
#ifndef MM_PAGE_LAYOUT_H
#define MM_PAGE_LAYOUT_H

#include "mm/page/e820.h"

#define LOCAL_DISTANCE	10
#define REMOTE_DISTANCE	20

enum layout_kind { LAYOUT_X86_64, LAYOUT_X86_32, NR_LAYOUTS };

/*
 * A zone as the kernel's reports name it.  A report also shows zones that this machine never
 * fills (Movable, Device); type is then the zone whose reserves it shares, and filled is false.
 */
struct zone_column {
	const char *name;
	enum zone_type type;
	bool filled;
};

#define MAX_ZONE_COLUMNS	5

/* What differs between the architectures. */
struct layout_class {
	const char *name;			/* as in the option */
	u64 zone_end[MAX_NR_ZONES];		/* bytes; a zone begins where the last one ends */
	u64 mem_max;				/* bytes that the architecture can address */
	u64 lowmem_end;				/* boot allocations stay below; 0 = no limit */
	unsigned int nr_columns;
	struct zone_column columns[MAX_ZONE_COLUMNS];
};

extern const struct layout_class layout_classes[NR_LAYOUTS];

/* Memory that never reaches the allocator, and what /proc/iomem calls it. */
struct layout_reserve {
	const char *name;
	unsigned long start_pfn, end_pfn;
};

#define MAX_LAYOUT_RESERVES	(2 * MAX_NR_ZONES_TOTAL + 2)

struct layout_node {
	unsigned long start_pfn, end_pfn;	/* from its first to its last page of memory */
	unsigned long present;			/* pages */
};

struct layout {
	enum layout_kind kind;
	bool replayed;				/* zones were given, not derived */
	struct e820_map e820;
	unsigned int nr_nodes;
	struct layout_node nodes[MAX_NUMNODES];
	u8 distance[MAX_NUMNODES][MAX_NUMNODES];
	unsigned int nr_zones;
	struct zone_spec zones[MAX_NR_ZONES_TOTAL];	/* by node, then by type */
	unsigned int nr_reserves;
	struct layout_reserve reserves[MAX_LAYOUT_RESERVES];
	unsigned long max_pfn;			/* first pfn beyond memory */
};

/*
 * Plans the memory of @opt.  0, or -EINVAL with the option and the remedy in @err.  Host thread.
 * @layout is large: not on a small stack.
 */
__must_check int layout_build(const struct mm_options *opt, struct layout *layout,
			      struct mm_error *err);

/* The node that owns @pfn by its borders; -1 beyond all nodes. */
int layout_pfn_to_nid(const struct layout *layout, unsigned long pfn);

static inline const struct layout_class *layout_class(const struct layout *layout)
{
	return &layout_classes[layout->kind];
}

#endif /* MM_PAGE_LAYOUT_H */
