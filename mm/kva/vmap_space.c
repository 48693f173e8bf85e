/* SPDX-License-Identifier: MIT */
/*
 * The address space of vmalloc: which pages are taken, and by what.
 *
 * What.  One bit per page says taken.  An area takes its pages and one more, which stays unmapped
 * for ever: the guard.  Page 0 of the space is never given out, so that there is one below every
 * area too.  The search goes on where the last one ended (next fit) and once round: addresses are
 * reused late, which gives a stale pointer time to fault.
 *
 * States of an area.  free -> busy (vmap_space_alloc) -> lazy (freed, addresses not yet flushed) ->
 * free (vmap_space_release).
 *
 * Invariants.
 *   I1  A page's bit is set iff it belongs to a busy or lazy area or is a guard of one.
 *   I2  areas[i].state is not free iff an area begins at page i.
 *
 * Locking.  vmap_lock for all of it.  Context.  Task.  Failure.  VMAP_NONE when no gap is large
 * enough.  Costs.  The bitmap is read a word at a time; 1 GiB of addresses are 4 096 words.
 */
#include "mm/kva/kva_impl.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/hostmem.h"
#include "runtime/spinlock.h"

static const struct lock_class vmap_lock_class = {
	.name = "vmap_area_lock", .rank = RANK_VMAP,
};

char *vmap_base;
unsigned long vmap_nr_pages;

static spinlock_t vmap_lock;
static u64 *taken __guarded_by(vmap_lock);	/* bitmap */
static struct vmap_area *areas;			/* [vmap_nr_pages]; state under vmap_lock */
static unsigned long next_fit __guarded_by(vmap_lock);
static u32 lazy_list __guarded_by(vmap_lock);
static unsigned long nr_lazy __guarded_by(vmap_lock);

struct vmap_area *vmap_area_at(u32 index)
{
	return &areas[index];
}

u32 vmap_area_index(const struct vmap_area *area)
{
	return (u32)(area - areas);
}

static bool is_taken(unsigned long page) __must_hold(vmap_lock)
{
	return taken[page / 64] >> (page % 64) & 1;
}

/* First free page in [from, end), or @end. */
static unsigned long next_free(unsigned long from, unsigned long end) __must_hold(vmap_lock)
{
	while (from < end) {
		u64 word = ~taken[from / 64] >> (from % 64);

		if (word)
			return min(from + (unsigned long)__builtin_ctzll(word), end);
		from = (from / 64 + 1) * 64;
	}
	return end;
}

/* First page of @nr free ones in [from, end), or VMAP_NONE. */
static u32 find_gap(unsigned long from, unsigned long end, unsigned long nr)
	__must_hold(vmap_lock)
{
	unsigned long start = next_free(from, end), i;

	while (start + nr <= end) {
		for (i = 0; i < nr && !is_taken(start + i); i++)
			;
		if (i == nr)
			return (u32)start;
		start = next_free(start + i, end);
	}
	return VMAP_NONE;
}

static void mark(unsigned long first, unsigned long nr, bool on) __must_hold(vmap_lock)
{
	for (unsigned long i = first; i < first + nr; i++) {
		if (on)
			taken[i / 64] |= 1ULL << (i % 64);
		else
			taken[i / 64] &= ~(1ULL << (i % 64));
	}
}

u32 vmap_space_alloc(unsigned long nr, u8 flags)
{
	unsigned long want = nr + 1;		/* and the guard */
	u32 index;

	if (!nr || want >= vmap_nr_pages)
		return VMAP_NONE;
	spin_lock(&vmap_lock);
	index = find_gap(next_fit, vmap_nr_pages, want);
	if (index == VMAP_NONE)
		index = find_gap(1, vmap_nr_pages, want);
	if (index != VMAP_NONE) {
		mark(index, want, true);			/* I1 */
		areas[index] = (struct vmap_area){
			.nr_pages = (u32)nr, .state = VMAP_BUSY, .flags = flags,
		};
		next_fit = index + want;
	}
	spin_unlock(&vmap_lock);
	return index;
}

struct vmap_area *vmap_space_find(const void *addr)
{
	unsigned long off = (unsigned long)((const char *)addr - vmap_base);
	struct vmap_area *area;
	bool busy;

	if ((const char *)addr < vmap_base || off >= vmap_nr_pages * PAGE_SIZE || off % PAGE_SIZE)
		return NULL;
	area = &areas[off / PAGE_SIZE];
	spin_lock(&vmap_lock);
	busy = area->state == VMAP_BUSY;
	spin_unlock(&vmap_lock);
	return busy ? area : NULL;
}

unsigned long vmap_space_free_lazy(struct vmap_area *area)
{
	unsigned long lazy;

	spin_lock(&vmap_lock);
	BUG_ON(area->state != VMAP_BUSY);		/* freed twice at once */
	area->state = VMAP_LAZY;
	area->next_lazy = lazy_list;
	lazy_list = vmap_area_index(area);
	nr_lazy += area->nr_pages;
	lazy = nr_lazy;
	spin_unlock(&vmap_lock);
	return lazy;
}

u32 vmap_space_take_lazy(void)
{
	u32 list;

	spin_lock(&vmap_lock);
	list = lazy_list;
	lazy_list = VMAP_NONE;
	nr_lazy = 0;
	spin_unlock(&vmap_lock);
	return list;
}

void vmap_space_release(struct vmap_area *area)
{
	spin_lock(&vmap_lock);
	area->state = VMAP_FREE;
	mark(vmap_area_index(area), area->nr_pages + 1ul, false);	/* I1 */
	spin_unlock(&vmap_lock);
}

/* For a fault report: no lock, the machine is about to stop. */
bool vmap_describe(const void *addr, char *buf, size_t size) __context_unsafe("panic")
{
	unsigned long page = (unsigned long)((const char *)addr - vmap_base) / PAGE_SIZE, i;
	const struct vmap_area *a;

	if (!vmap_base || (const char *)addr < vmap_base || page >= vmap_nr_pages)
		return false;
	/* The area that begins at or before the page. */
	for (i = page; i > 0 && areas[i].state == VMAP_FREE; i--)
		;
	a = &areas[i];
	if (page + 1 < vmap_nr_pages && areas[page + 1].state == VMAP_BUSY &&
	    areas[page + 1].flags & VM_KSTACK)
		snprintf(buf, size, "kernel stack overflow: %p is in the guard page below the "
			 "stack at %p", addr, (void *)vmap_host((u32)page + 1));
	else if (a->state == VMAP_FREE || page > i + a->nr_pages)
		snprintf(buf, size, "%p lies in no vmalloc area: freed, or never allocated", addr);
	else if (page == i + a->nr_pages)
		snprintf(buf, size, "%p is the guard page behind the area at %p of %u pages", addr,
			 (void *)vmap_host((u32)i), a->nr_pages);
	else
		snprintf(buf, size, "%p lies in the %s area at %p of %u pages", addr,
			 a->state == VMAP_LAZY ? "freed" : "mapped", (void *)vmap_host((u32)i),
			 a->nr_pages);
	return true;
}

static size_t bitmap_bytes(void)
{
	return (vmap_nr_pages / 64 + 1) * sizeof(u64);
}

int vmap_space_boot(size_t bytes) __context_unsafe("boot")
{
	vmap_nr_pages = bytes / PAGE_SIZE;
	vmap_base = host_reserve(bytes);
	taken = hostmem_alloc(bitmap_bytes());
	areas = hostmem_alloc(vmap_nr_pages * sizeof(*areas));
	if (!vmap_base || !taken || !areas) {
		vmap_space_shutdown();
		return -ENOMEM;
	}
	spin_lock_init(&vmap_lock, &vmap_lock_class, NULL);
	taken[0] = 1;
	next_fit = 1;
	lazy_list = VMAP_NONE;
	nr_lazy = 0;
	return 0;
}

void vmap_space_shutdown(void) __context_unsafe("shutdown")
{
	hostmem_free(vmap_base, vmap_nr_pages * PAGE_SIZE);
	hostmem_free(taken, bitmap_bytes());
	hostmem_free(areas, vmap_nr_pages * sizeof(*areas));
	vmap_base = NULL;
	taken = NULL;
	areas = NULL;
}
