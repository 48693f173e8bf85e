/* SPDX-License-Identifier: MIT */
/*
 * memblock: walking free memory, allocating from it, and questions.  The theory, the invariants
 * and the locking are at the head of memblock.c.
 *
 * A walk's cursor is an address, not a pair of indices: everything below it (above it, for the
 * reverse walk) has been seen.  Each step finds its place by binary search, so a walk survives
 * changes behind the cursor.
 */
#include "mm/page/memblock_impl.h"

#include "mm/page/page.h"

bool __next_mem_range(u64 *i, int nid, struct memblock_span *span)
{
	const struct memblock_type *type = &memblock.memory;

	check_not_retired();
	for (unsigned long idx = first_ending_above(type, *i); idx < type->cnt; idx++) {
		const struct memblock_region *rgn = &type->regions[idx];

		if ((rgn->flags & MEMBLOCK_NOMAP) || (nid != NUMA_NO_NODE && rgn->nid != nid))
			continue;
		*span = (struct memblock_span) {
			rgn->base, region_end(rgn), rgn->nid, rgn->flags
		};
		*i = span->end;
		return true;
	}
	return false;
}

bool __next_reserved_mem_range(u64 *i, struct memblock_span *span)
{
	const struct memblock_type *type = &memblock.reserved;
	unsigned long idx = first_ending_above(type, *i);

	check_not_retired();
	if (idx == type->cnt)
		return false;
	*span = (struct memblock_span) {
		type->regions[idx].base, region_end(&type->regions[idx]),
		type->regions[idx].nid, type->regions[idx].flags
	};
	*i = span->end;
	return true;
}

/* Shrinks @span, a piece of one memory region, to its first part that is not reserved. */
static bool first_free_part(struct memblock_span *span)
{
	const struct memblock_type *type = &memblock.reserved;

	for (unsigned long idx = first_ending_above(type, span->start); idx < type->cnt; idx++) {
		const struct memblock_region *rgn = &type->regions[idx];

		if (rgn->base > span->start) {
			span->end = min(span->end, rgn->base);
			return true;
		}
		span->start = region_end(rgn);
		if (span->start >= span->end)
			return false;
	}
	return span->start < span->end;
}

/* The same for its last part. */
static bool last_free_part(struct memblock_span *span)
{
	const struct memblock_type *type = &memblock.reserved;

	for (unsigned long nr = count_starting_below(type, span->end); nr > 0; nr--) {
		const struct memblock_region *rgn = &type->regions[nr - 1];

		if (region_end(rgn) < span->end) {
			span->start = max(span->start, region_end(rgn));
			return true;
		}
		span->end = rgn->base;
		if (span->start >= span->end)
			return false;
	}
	return span->start < span->end;
}

/* The cursor is the address up to which everything has been seen. */
bool __next_free_mem_range(u64 *i, int nid, struct memblock_span *span)
{
	u64 at = *i;

	while (__next_mem_range(&at, nid, span)) {
		span->start = max(span->start, *i);
		if (first_free_part(span)) {
			*i = span->end;
			return true;
		}
	}
	return false;
}

bool __next_free_mem_range_rev(u64 *i, int nid, struct memblock_span *span)
{
	const struct memblock_type *type = &memblock.memory;

	check_not_retired();
	for (unsigned long nr = count_starting_below(type, *i); nr > 0; nr--) {
		const struct memblock_region *rgn = &type->regions[nr - 1];

		if ((rgn->flags & MEMBLOCK_NOMAP) || (nid != NUMA_NO_NODE && rgn->nid != nid))
			continue;
		*span = (struct memblock_span) {
			rgn->base, min(region_end(rgn), *i), rgn->nid, rgn->flags
		};
		if (last_free_part(span)) {
			*i = span->start;
			return true;
		}
	}
	return false;
}

/* Where @req fits into @span: the lowest or the highest address; 0 when it does not fit. */
static u64 place_in_span(const struct memblock_request *req, const struct memblock_span *span)
{
	u64 start = max(span->start, req->min), end = min(span->end, req->max), addr;

	if (end <= start || end - start < req->size)
		return 0;
	if (memblock.bottom_up)
		addr = (start + req->align - 1) & ~(req->align - 1);
	else
		addr = (end - req->size) & ~(req->align - 1);
	return addr >= start && addr + req->size <= end ? addr : 0;
}

static u64 search_spans(const struct memblock_request *req, bool hotplug_ok)
{
	struct memblock_span span;
	u64 addr = 0, i = memblock.bottom_up ? req->min : req->max;

	while (!addr && (memblock.bottom_up ? __next_free_mem_range(&i, req->nid, &span) :
					      __next_free_mem_range_rev(&i, req->nid, &span)))
		if (hotplug_ok || !(span.flags & MEMBLOCK_HOTPLUG))
			addr = place_in_span(req, &span);
	return addr;
}

static u64 find_in_range_node(const struct memblock_request *req)
{
	struct memblock_request r = *req;
	u64 addr;

	if (r.max == MEMBLOCK_ALLOC_ACCESSIBLE)
		r.max = memblock.current_limit;
	if (!r.align)
		r.align = CACHE_LINE;
	/* The first page stays free of allocations: 0 means failure. */
	r.min = max(r.min, (u64)PAGE_SIZE);
	if (!r.size || r.max <= r.min)
		return 0;
	addr = search_spans(&r, false);
	return addr ? addr : search_spans(&r, true);
}

u64 memblock_find_in_range(u64 start, u64 end, u64 size, u64 align)
{
	struct memblock_request req = { size, align, start, end, NUMA_NO_NODE, false };

	check_not_retired();
	return find_in_range_node(&req);
}

u64 memblock_alloc_range_nid(const struct memblock_request *req)
{
	struct memblock_request r = *req;
	u64 addr;

	check_not_retired();
	addr = find_in_range_node(&r);
	if (!addr && r.nid != NUMA_NO_NODE && !r.exact_nid) {
		r.nid = NUMA_NO_NODE;
		addr = find_in_range_node(&r);
	}
	if (!addr && r.min) {
		r.min = 0;
		r.nid = r.exact_nid ? req->nid : NUMA_NO_NODE;
		addr = find_in_range_node(&r);
	}
	if (addr && memblock_reserve(addr, r.size))
		addr = 0;
	return addr;
}

u64 memblock_phys_alloc_range(u64 size, u64 align, u64 start, u64 end)
{
	u64 addr = memblock_find_in_range(start, end, size, align);

	return addr && memblock_reserve(addr, size) == 0 ? addr : 0;
}

u64 memblock_phys_alloc_try_nid(u64 size, u64 align, int nid)
{
	struct memblock_request req = { size, align, 0, MEMBLOCK_ALLOC_ACCESSIBLE, nid, false };

	return memblock_alloc_range_nid(&req);
}

u64 memblock_phys_alloc(u64 size, u64 align)
{
	return memblock_phys_alloc_range(size, align, 0, MEMBLOCK_ALLOC_ACCESSIBLE);
}

u64 memblock_phys_mem_size(void)
{
	check_not_retired();
	return memblock.memory.total_size;
}

u64 memblock_reserved_size(void)
{
	check_not_retired();
	return memblock.reserved.total_size;
}

u64 memblock_start_of_DRAM(void)
{
	check_not_retired();
	return memblock.memory.cnt ? memblock.memory.regions[0].base : 0;
}

u64 memblock_end_of_DRAM(void)
{
	const struct memblock_type *type = &memblock.memory;

	check_not_retired();
	return type->cnt ? region_end(&type->regions[type->cnt - 1]) : 0;
}

static const struct memblock_region *find_region(const struct memblock_type *type, u64 addr)
{
	unsigned long idx = first_ending_above(type, addr);

	check_not_retired();
	if (idx == type->cnt || type->regions[idx].base > addr)
		return NULL;
	return &type->regions[idx];
}

bool memblock_is_memory(u64 addr)
{
	return find_region(&memblock.memory, addr) != NULL;
}

bool memblock_is_reserved(u64 addr)
{
	return find_region(&memblock.reserved, addr) != NULL;
}

bool memblock_is_region_reserved(u64 base, u64 size)
{
	const struct memblock_type *type = &memblock.reserved;
	unsigned long idx = first_ending_above(type, base);

	check_not_retired();
	return idx < type->cnt && type->regions[idx].base < base + size;
}

int memblock_search_nid(u64 addr)
{
	const struct memblock_region *rgn = find_region(&memblock.memory, addr);

	return rgn ? rgn->nid : NUMA_NO_NODE;
}

static void dump_type(const struct memblock_type *type, FILE *out)
{
	fprintf(out, " %s: %lu regions, %llu bytes\n", type->name, type->cnt,
		(unsigned long long)type->total_size);
	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *rgn = &type->regions[i];

		fprintf(out, "  %s[0x%lx] [0x%012llx-0x%012llx] 0x%llx bytes", type->name, i,
			(unsigned long long)rgn->base, (unsigned long long)region_end(rgn) - 1,
			(unsigned long long)rgn->size);
		if (rgn->nid != NUMA_NO_NODE)
			fprintf(out, " on node %d", rgn->nid);
		fprintf(out, " flags: 0x%x\n", rgn->flags);
	}
}

void memblock_dump_all(FILE *out)
{
	check_not_retired();
	fputs("memblock configuration:\n", out);
	dump_type(&memblock.memory, out);
	dump_type(&memblock.reserved, out);
}
