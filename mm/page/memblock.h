/* SPDX-License-Identifier: MIT */
/*
 * memblock: physical memory before there is a page allocator (include/linux/memblock.h).
 *
 * Two sorted arrays of regions: what is memory, and what of it is reserved; free is the
 * difference.  Used by one host thread from the memory map until memblock_free_all() has handed
 * the free rest to the buddy system; every later use is a BUG.  Addresses and sizes are bytes of
 * simulated physical memory.
 */
#ifndef MM_PAGE_MEMBLOCK_H
#define MM_PAGE_MEMBLOCK_H

#include <stdio.h>

#include "runtime/lib/types.h"

/* Regions per array before it first grows; then it doubles, out of memblock's own memory. */
#define INIT_MEMBLOCK_REGIONS	128

#define NUMA_NO_NODE		(-1)

/* Upper limits for the allocation functions. */
#define MEMBLOCK_ALLOC_ACCESSIBLE	0ULL	/* up to memblock_set_current_limit() */
#define MEMBLOCK_ALLOC_ANYWHERE		(~0ULL)

enum memblock_flags {
	MEMBLOCK_NONE		= 0,
	MEMBLOCK_HOTPLUG	= 1u << 0,	/* may be taken away: used last */
	MEMBLOCK_NOMAP		= 1u << 2,	/* memory, but never handed to the allocator */
};

struct memblock_region {
	u64 base, size;
	u32 flags;			/* enum memblock_flags */
	int nid;			/* NUMA_NO_NODE when unknown */
};

struct memblock_type {
	const char *name;
	unsigned long cnt, max;		/* regions used, room in the array */
	u64 total_size;
	struct memblock_region *regions;	/* sorted, disjoint, no mergeable neighbours */
	u64 array_phys;			/* where a grown array lies; 0 while it is the static one */
};

struct memblock {
	bool bottom_up;			/* allocation direction; default: from the top */
	bool can_resize;
	bool retired;
	u64 current_limit;
	struct memblock_type memory, reserved;
};

extern struct memblock memblock;

/* Forgets everything: before a boot, also the next one.  Host thread. */
void memblock_reset(void);

/*
 * Lets the arrays grow.  From here on direct_map must be the host address of physical address 0
 * for all memory below the current limit.
 */
void memblock_allow_resize(void);

/* No allocation above @limit bytes unless the caller asks for more. */
void memblock_set_current_limit(u64 limit);
void memblock_set_bottom_up(bool enable);

/*
 * Add memory, or reserve some.  Overlaps are fine: what is there keeps its node and flags.
 * Neighbours with equal node and flags merge.  0, or -ENOMEM when an array cannot grow, or
 * -EINVAL for a range that wraps around.
 */
__must_check int memblock_add_node(u64 base, u64 size, int nid, u32 flags);
__must_check int memblock_add(u64 base, u64 size);
__must_check int memblock_reserve(u64 base, u64 size);

/* Take memory away, or free a reservation; parts that are not there are ignored. */
__must_check int memblock_remove(u64 base, u64 size);
__must_check int memblock_phys_free(u64 base, u64 size);

/* Sets the node, or sets and clears flags, of memory within the range; splits at the borders. */
__must_check int memblock_set_node(u64 base, u64 size, int nid);
__must_check int memblock_mark_nomap(u64 base, u64 size);
__must_check int memblock_mark_hotplug(u64 base, u64 size);
__must_check int memblock_clear_hotplug(u64 base, u64 size);

/* Shrinks each memory region to multiples of @align (a power of two); empty ones go away. */
__must_check int memblock_trim_memory(u64 align);

/* Splits @type at both ends of the range; [*start_rgn, *end_rgn) then lie exactly inside it. */
__must_check int memblock_isolate_range(struct memblock_type *type, const u64 range[2],
					unsigned long *start_rgn, unsigned long *end_rgn);

/* What an allocation wants. */
struct memblock_request {
	u64 size, align;		/* bytes; align is a power of two, 0 = a cache line */
	u64 min, max;			/* within [min, max); max may be a MEMBLOCK_ALLOC_* value */
	int nid;			/* preferred node or NUMA_NO_NODE */
	bool exact_nid;			/* no other node */
};

/*
 * Finds and reserves memory: from the top of the range unless bottom_up; first on the preferred
 * node, then anywhere, then below min.  Returns the address, or 0 when there is none: address 0
 * is never handed out.
 */
u64 memblock_alloc_range_nid(const struct memblock_request *req);

/* The same in the kernel's simpler forms. */
u64 memblock_phys_alloc_range(u64 size, u64 align, u64 start, u64 end);
u64 memblock_phys_alloc_try_nid(u64 size, u64 align, int nid);
u64 memblock_phys_alloc(u64 size, u64 align);

/* Only finds: the caller reserves.  0 when there is no room. */
u64 memblock_find_in_range(u64 start, u64 end, u64 size, u64 align);

u64 memblock_phys_mem_size(void);
u64 memblock_reserved_size(void);
u64 memblock_start_of_DRAM(void);
u64 memblock_end_of_DRAM(void);
bool memblock_is_memory(u64 addr);
bool memblock_is_reserved(u64 addr);
bool memblock_is_region_reserved(u64 base, u64 size);
/* The node of the memory at @addr; NUMA_NO_NODE where there is none. */
int memblock_search_nid(u64 addr);

struct memblock_span {
	u64 start, end;
	int nid;
	u32 flags;			/* of the region it lies in */
};

/*
 * Steps: *@i is the cursor, 0 at the start; false at the end.  The lists must not change in
 * between.  nid filters unless it is NUMA_NO_NODE; NOMAP memory is skipped.
 */
bool __next_mem_range(u64 *i, int nid, struct memblock_span *span);
bool __next_reserved_mem_range(u64 *i, struct memblock_span *span);
bool __next_free_mem_range(u64 *i, int nid, struct memblock_span *span);
/* From the top; the cursor starts at MEMBLOCK_REV_START. */
bool __next_free_mem_range_rev(u64 *i, int nid, struct memblock_span *span);
#define MEMBLOCK_REV_START	(~0ULL)

#define for_each_mem_range(i, nid, span) \
	for ((i) = 0; __next_mem_range(&(i), (nid), (span));)
#define for_each_reserved_mem_range(i, span) \
	for ((i) = 0; __next_reserved_mem_range(&(i), (span));)
#define for_each_free_mem_range(i, nid, span) \
	for ((i) = 0; __next_free_mem_range(&(i), (nid), (span));)
#define for_each_free_mem_range_reverse(i, nid, span) \
	for ((i) = MEMBLOCK_REV_START; __next_free_mem_range_rev(&(i), (nid), (span));)

/* Both arrays as text, one region a line. */
void memblock_dump_all(FILE *out);

/* Sorted, disjoint, merged, sizes add up.  For VM_CHECK and tests. */
bool memblock_is_valid(void);

/* The end of memblock: after this every use but memblock_reset() is a BUG. */
void memblock_retire(void);

#endif /* MM_PAGE_MEMBLOCK_H */
