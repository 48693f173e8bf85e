/* SPDX-License-Identifier: MIT */
/*
 * memblock: physical memory before there is a page allocator.
 *
 * What.  At boot somebody must hand out memory for the page array before the page array exists.
 * memblock does it with two sorted arrays of regions, *memory* (what the memory map says is
 * there) and *reserved* (what is taken).  Free memory is memory minus reserved and is never
 * stored: it is computed while walking.
 *
 *	memory    |---- node 0 ----|---- node 1 ----|      |-- node 1 --|
 *	reserved     |===|              |==========|           |==|
 *	free      |--|   |---------|----|          |--|    |---|  |-----|
 *
 * States.  Empty; fixed (the static arrays are all there is); resizable (an array that is full
 * doubles into memory that memblock allocates from itself); retired (everything was handed over).
 *
 * Invariants.
 *	I1  In each array regions are sorted by address, disjoint and not empty.
 *	I2  Neighbours that touch differ in node or flags (otherwise they would be one region).
 *	I3  total_size is the sum of the sizes.
 *	I4  cnt <= max, and a grown array's own memory is in *reserved*.
 *
 * Locking.  None: one host thread, before the CPUs start.
 *
 * Context.  Host thread at boot.  After memblock_retire() only memblock_reset().
 *
 * Failure.  -ENOMEM when an array is full and cannot grow, with both arrays unchanged but for
 * splits that the next merge undoes; 0 from the allocation functions.
 *
 * Costs.  A search is a binary search in both arrays per step; insertion moves the tail of an
 * array.  A machine has tens of regions.
 *
 * See also.  mm/memblock.c in Linux; tests/model/test_memblock_model.c checks I1-I4 and every
 * answer against a bitmap.
 */
#include "mm/page/memblock_impl.h"

#include <errno.h>
#include <string.h>

#include "mm/page/page.h"

static struct memblock_region memory_init_regions[INIT_MEMBLOCK_REGIONS];
static struct memblock_region reserved_init_regions[INIT_MEMBLOCK_REGIONS];

struct memblock memblock = {
	.current_limit = MEMBLOCK_ALLOC_ANYWHERE,
	.memory = { "memory", 0, INIT_MEMBLOCK_REGIONS, 0, memory_init_regions, 0 },
	.reserved = { "reserved", 0, INIT_MEMBLOCK_REGIONS, 0, reserved_init_regions, 0 },
};

void memblock_reset(void)
{
	memblock = (struct memblock) {
		.current_limit = MEMBLOCK_ALLOC_ANYWHERE,
		.memory = { "memory", 0, INIT_MEMBLOCK_REGIONS, 0, memory_init_regions, 0 },
		.reserved = { "reserved", 0, INIT_MEMBLOCK_REGIONS, 0, reserved_init_regions, 0 },
	};
}

void memblock_allow_resize(void)
{
	check_not_retired();
	memblock.can_resize = true;
}

void memblock_set_current_limit(u64 limit)
{
	check_not_retired();
	memblock.current_limit = limit;
}

void memblock_set_bottom_up(bool enable)
{
	check_not_retired();
	memblock.bottom_up = enable;
}

static void insert_region(struct memblock_type *type, unsigned long idx,
			  const struct memblock_region *rgn)
{
	struct memblock_region *at = &type->regions[idx];

	VM_BUG_ON(type->cnt >= type->max);
	memmove(at + 1, at, (type->cnt - idx) * sizeof(*at));
	*at = *rgn;
	type->cnt++;
	type->total_size += rgn->size;
}

static void remove_region(struct memblock_type *type, unsigned long idx)
{
	struct memblock_region *at = &type->regions[idx];

	type->total_size -= at->size;
	type->cnt--;
	memmove(at, at + 1, (type->cnt - idx) * sizeof(*at));
}

/* Restores I2. */
static void merge_regions(struct memblock_type *type)
{
	unsigned long out = 0;

	for (unsigned long i = 1; i < type->cnt; i++) {
		struct memblock_region *prev = &type->regions[out], *rgn = &type->regions[i];

		if (region_end(prev) == rgn->base && prev->nid == rgn->nid &&
		    prev->flags == rgn->flags)
			prev->size += rgn->size;
		else
			type->regions[++out] = *rgn;
	}
	if (type->cnt)
		type->cnt = out + 1;
}

/*
 * Doubles @type's array.  The reservation that is just being made ([avoid, avoid_end)) is not in
 * the array yet, so the new array must be told to stay out of it.
 */
static int double_array(struct memblock_type *type, u64 avoid, u64 avoid_end)
{
	u64 old_phys = type->array_phys, old_bytes = type->max * sizeof(*type->regions);
	u64 bytes = 2 * old_bytes, phys;
	struct memblock_region *regions;
	int err;

	if (!memblock.can_resize || !direct_map)
		return -ENOMEM;
	phys = memblock_find_in_range(avoid_end, memblock.current_limit, bytes, PAGE_SIZE);
	if (!phys)
		phys = memblock_find_in_range(0, min(avoid, memblock.current_limit), bytes,
					      PAGE_SIZE);
	if (!phys)
		return -ENOMEM;
	regions = (struct memblock_region *)(direct_map + phys);
	memcpy(regions, type->regions, type->cnt * sizeof(*regions));
	type->regions = regions;
	type->max *= 2;
	type->array_phys = phys;
	/* Cannot recurse for long: each array that overflows here doubles first. */
	err = memblock_reserve(phys, bytes);
	if (!err && old_phys)
		err = memblock_phys_free(old_phys, old_bytes);
	return err;
}

/* Makes room for @more regions. */
static int ensure_room(struct memblock_type *type, unsigned long more, u64 avoid, u64 avoid_end)
{
	while (type->cnt + more > type->max) {
		int err = double_array(type, avoid, avoid_end);

		if (err)
			return err;
	}
	return 0;
}

/*
 * Walks the parts of @new that no region covers: counts them, and with @insert makes them
 * regions.  Returns their number.
 */
static unsigned long fill_gaps(struct memblock_type *type, const struct memblock_region *new,
			       bool insert)
{
	u64 at = new->base, end = region_end(new);
	unsigned long idx = first_ending_above(type, at), gaps = 0;

	while (at < end) {
		bool last = idx >= type->cnt || type->regions[idx].base >= end;
		u64 gap_end = last ? end : type->regions[idx].base;

		if (gap_end > at) {
			struct memblock_region rgn = *new;

			gaps++;
			rgn.base = at;
			rgn.size = gap_end - at;
			if (insert)
				insert_region(type, idx++, &rgn);
		}
		if (last)
			break;
		at = region_end(&type->regions[idx++]);
	}
	return gaps;
}

static int add_range(struct memblock_type *type, const struct memblock_region *new)
{
	unsigned long gaps;

	check_not_retired();
	if (!new->size)
		return 0;
	if (region_end(new) < new->base)
		return -EINVAL;
	/* Growing the array of reservations adds a reservation, so count again after it. */
	while (type->cnt + (gaps = fill_gaps(type, new, false)) > type->max) {
		int err = ensure_room(type, gaps, new->base, region_end(new));

		if (err)
			return err;
	}
	fill_gaps(type, new, true);
	merge_regions(type);
	VM_CHECK(memblock_is_valid());
	return 0;
}

int memblock_add_node(u64 base, u64 size, int nid, u32 flags)
{
	struct memblock_region rgn = { base, size, flags, nid };

	return add_range(&memblock.memory, &rgn);
}

int memblock_add(u64 base, u64 size)
{
	return memblock_add_node(base, size, NUMA_NO_NODE, MEMBLOCK_NONE);
}

int memblock_reserve(u64 base, u64 size)
{
	struct memblock_region rgn = { base, size, MEMBLOCK_NONE, NUMA_NO_NODE };

	return add_range(&memblock.reserved, &rgn);
}

/* Splits the region that @addr lies strictly inside, if any. */
static void split_at(struct memblock_type *type, u64 addr)
{
	unsigned long idx = first_ending_above(type, addr);
	struct memblock_region tail;

	if (idx == type->cnt || type->regions[idx].base >= addr)
		return;
	tail = type->regions[idx];
	tail.size = region_end(&tail) - addr;
	tail.base = addr;
	type->regions[idx].size -= tail.size;
	type->total_size -= tail.size;
	insert_region(type, idx + 1, &tail);
}

int memblock_isolate_range(struct memblock_type *type, const u64 range[2],
			   unsigned long *start_rgn, unsigned long *end_rgn)
{
	int err;

	check_not_retired();
	*start_rgn = *end_rgn = 0;
	if (range[1] <= range[0])
		return 0;
	err = ensure_room(type, 2, range[0], range[1]);
	if (err)
		return err;
	split_at(type, range[0]);
	split_at(type, range[1]);
	*start_rgn = first_ending_above(type, range[0]);
	*end_rgn = count_starting_below(type, range[1]);
	return 0;
}

static int remove_range(struct memblock_type *type, u64 base, u64 size)
{
	/* A range that wraps ends at the top of the address space. */
	u64 range[2] = { base, base + size < base ? ~0ULL : base + size };
	unsigned long start, end;
	int err = memblock_isolate_range(type, range, &start, &end);

	if (err)
		return err;
	while (end > start)
		remove_region(type, --end);
	VM_CHECK(memblock_is_valid());
	return 0;
}

int memblock_remove(u64 base, u64 size)
{
	return remove_range(&memblock.memory, base, size);
}

int memblock_phys_free(u64 base, u64 size)
{
	return remove_range(&memblock.reserved, base, size);
}

int memblock_set_node(u64 base, u64 size, int nid)
{
	u64 range[2] = { base, base + size };
	unsigned long start, end;
	int err = memblock_isolate_range(&memblock.memory, range, &start, &end);

	if (err)
		return err;
	for (; start < end; start++)
		memblock.memory.regions[start].nid = nid;
	merge_regions(&memblock.memory);
	return 0;
}

static int change_flags(u64 base, u64 size, u32 set, u32 clear)
{
	u64 range[2] = { base, base + size };
	unsigned long start, end;
	int err = memblock_isolate_range(&memblock.memory, range, &start, &end);

	if (err)
		return err;
	for (; start < end; start++) {
		struct memblock_region *rgn = &memblock.memory.regions[start];

		rgn->flags = (rgn->flags & ~clear) | set;
	}
	merge_regions(&memblock.memory);
	return 0;
}

int memblock_mark_nomap(u64 base, u64 size)
{
	return change_flags(base, size, MEMBLOCK_NOMAP, 0);
}

int memblock_mark_hotplug(u64 base, u64 size)
{
	return change_flags(base, size, MEMBLOCK_HOTPLUG, 0);
}

int memblock_clear_hotplug(u64 base, u64 size)
{
	return change_flags(base, size, 0, MEMBLOCK_HOTPLUG);
}

int memblock_trim_memory(u64 align)
{
	struct memblock_type *type = &memblock.memory;
	unsigned long i = 0;

	check_not_retired();
	if (!align || (align & (align - 1)))
		return -EINVAL;
	while (i < type->cnt) {
		struct memblock_region *rgn = &type->regions[i];
		u64 start = (rgn->base + align - 1) & ~(align - 1);
		u64 end = region_end(rgn) & ~(align - 1);

		if (start >= end) {
			remove_region(type, i);
			continue;
		}
		type->total_size -= rgn->size - (end - start);
		rgn->base = start;
		rgn->size = end - start;
		i++;
	}
	return 0;
}

static bool type_is_valid(const struct memblock_type *type)
{
	u64 total = 0;

	if (type->cnt > type->max)
		return false;
	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *rgn = &type->regions[i], *prev = rgn - 1;

		if (!rgn->size || region_end(rgn) < rgn->base)
			return false;
		total += rgn->size;
		if (i == 0)
			continue;
		if (region_end(prev) > rgn->base)
			return false;
		if (region_end(prev) == rgn->base && prev->nid == rgn->nid &&
		    prev->flags == rgn->flags)
			return false;
	}
	return total == type->total_size;
}

bool memblock_is_valid(void)
{
	return type_is_valid(&memblock.memory) && type_is_valid(&memblock.reserved);
}

void memblock_retire(void)
{
	check_not_retired();
	memblock.retired = true;
}
