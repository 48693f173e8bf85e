/* SPDX-License-Identifier: MIT */
/*
 * vmalloc and vmap: frames shown at consecutive addresses.
 *
 * What.  An area of addresses, its frames entered in the kernel's page tables (init_mm, which is
 * where vmalloc_to_page() looks), and the same frames of the arena mapped into the host's address
 * space, one mmap() per run of adjacent frames.
 *
 * Laziness.  vfree() clears the page tables and frees the frames.  What stays is that TLBs, and the
 * host's mapping, may still show them at the old addresses.  Nobody may use a freed address, so
 * that is harmless until the address is given out again: areas wait on a list, and a purge flushes
 * all CPUs once for all of them.
 *
 * Invariants.
 *   I1  An address is given out only when no TLB and no host mapping shows an old frame there.
 *   I2  The pages of a busy area are present in init_mm from before vmalloc() returns until
 *       vfree().
 *
 * Locking.  purge_mutex: one purge at a time; the space has its own lock.  Context.  Task.
 * Failure.  NULL, with nothing left behind.
 * Costs.  Host: an mmap() of a run about 1 us, first touch of each page a fault of the host.
 * See also.  vmap_space.c; tests/unit/test_vmalloc.c; mm/vmalloc.c in Linux.
 */
#include "mm/kva/vmalloc.h"

#include <string.h>

#include "mm/kva/kva_impl.h"
#include "mm/mmu/pgtable.h"
#include "mm/mmu/tlbflush.h"
#include "runtime/mutex.h"

/* Frames allocated and entered at a time. */
#define VMALLOC_BATCH	64u

/* Held over the space's lock, which has RANK_VMAP; the rank before that is the next outer one. */
static const struct lock_class purge_class = {
	.name = "vmap_purge_lock", .rank = RANK_NODE_LIST,
};

static struct mutex purge_mutex;
static struct vmalloc_stats stats;

unsigned long vmap_lazy_max_pages;

struct vmalloc_stats vmalloc_stats(void)
{
	return (struct vmalloc_stats){
		READ_ONCE(stats.allocs), READ_ONCE(stats.frees), READ_ONCE(stats.maps),
		READ_ONCE(stats.purges), READ_ONCE(stats.host_maps), READ_ONCE(stats.pages),
		READ_ONCE(stats.lazy_pages),
	};
}

static void count(u64 *counter, s64 n)
{
	fetch_add_relaxed(counter, (u64)n);
}

/* ---- page tables and host ---- */

static struct page *page_at(u32 index)
{
	pte_t *pte = mmu_find_pte(&init_mm, vmap_sim(index));
	pte_t entry = pte ? ptep_get(pte) : __pte(0);

	return pte_present(entry) ? pte_page(entry) : NULL;
}

/* Maps the frames that the page tables have at [index, index + nr) into the host.  0 or -errno. */
static int map_to_host(u32 index, unsigned long nr)
{
	unsigned long i = 0;

	while (i < nr) {
		unsigned long pfn = page_to_pfn(page_at(index + (u32)i)), run = 1;
		int err;

		while (i + run < nr && page_to_pfn(page_at(index + (u32)(i + run))) == pfn + run)
			run++;
		err = host_map_frames(vmap_host(index + (u32)i), pfn, run);
		if (err)
			return err;
		count(&stats.host_maps, 1);
		i += run;
	}
	return 0;
}

/* ---- freeing ---- */

/* Takes the pages of an area out of the tables; frees them when the area owns them. */
static void drop_pages(u32 index, unsigned long nr, bool owned)
{
	for (unsigned long i = 0; i < nr; i++) {
		pte_t *pte = mmu_find_pte(&init_mm, vmap_sim(index + (u32)i));
		pte_t old = pte ? ptep_get_and_clear(pte) : __pte(0);

		if (!owned || !pte_present(old))
			continue;
		__free_page(pte_page(old));
		count(&stats.pages, -1);
	}
}

/* Gives the lazy areas' addresses back: one flush of all CPUs. */
static void purge(void)
{
	unsigned long start = ~0UL, end = 0;
	u32 list, next;

	mutex_lock(&purge_mutex);
	list = vmap_space_take_lazy();
	for (u32 i = list; i != VMAP_NONE; i = vmap_area_at(i)->next_lazy) {
		start = min(start, vmap_sim(i));
		end = max(end, vmap_sim(i + vmap_area_at(i)->nr_pages));
	}
	if (end) {
		flush_tlb_kernel_range(start, end);			/* I1 */
		count(&stats.purges, 1);
	}
	for (; list != VMAP_NONE; list = next) {
		struct vmap_area *area = vmap_area_at(list);

		next = area->next_lazy;
		count(&stats.lazy_pages, -(s64)area->nr_pages);
		host_unmap(vmap_host(list), area->nr_pages);		/* I1 */
		vmap_space_release(area);
	}
	mutex_unlock(&purge_mutex);
}

void vm_unmap_aliases(void)
{
	might_sleep();
	purge();
}

static void free_area(struct vmap_area *area)
{
	unsigned long nr = area->nr_pages;

	drop_pages(vmap_area_index(area), nr, !(area->flags & VM_MAP));
	count(&stats.lazy_pages, (s64)nr);
	if (vmap_space_free_lazy(area) > vmap_lazy_max_pages)
		purge();
}

static struct vmap_area *find_area(const void *addr, u8 flags)
{
	struct vmap_area *area = vmap_space_find(addr);

	might_sleep();
	if (!area || !(area->flags & flags))
		panic("trying to free %p, which is not the start of such an area", addr);
	return area;
}

void vfree(const void *addr)
{
	if (!addr)
		return;
	free_area(find_area(addr, VM_ALLOC | VM_KSTACK));
	count(&stats.frees, 1);
}

void vunmap(const void *addr)
{
	if (addr)
		free_area(find_area(addr, VM_MAP));
}

/* ---- allocating ---- */

static u32 alloc_space(unsigned long nr, u8 flags)
{
	u32 index = vmap_space_alloc(nr, flags);

	if (index == VMAP_NONE) {
		purge();		/* freed addresses may be what is missing */
		index = vmap_space_alloc(nr, flags);
	}
	return index;
}

/* Allocates frames for [index, index + nr) and enters them; what it did is in the tables. */
static int fill_area(u32 index, unsigned long nr, gfp_t gfp)
{
	struct page *pages[VMALLOC_BATCH];

	for (unsigned long i = 0, n; i < nr; i += n) {
		unsigned int got;

		n = min(nr - i, (unsigned long)VMALLOC_BATCH);
		memset(pages, 0, sizeof(pages));
		got = alloc_pages_bulk(gfp, (unsigned int)n, pages);
		/* The bulk call takes what is at hand; the rest is worth reclaiming for. */
		while (got < n && (pages[got] = alloc_page(gfp)))
			got++;
		if (got == n &&
		    kernel_map_pages(vmap_sim(index + (u32)i), pages, n, PAGE_KERNEL) == 0) {
			count(&stats.pages, (s64)n);
			continue;
		}
		while (got)
			__free_page(pages[--got]);
		return -1;
	}
	return 0;
}

void *__vmalloc_area(size_t size, gfp_t gfp, u8 flags)
{
	unsigned long nr = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u32 index;

	might_sleep();
	index = alloc_space(nr, flags);
	if (index == VMAP_NONE)
		return NULL;
	if (fill_area(index, nr, gfp) || map_to_host(index, nr)) {
		free_area(vmap_area_at(index));
		return NULL;
	}
	count(&stats.allocs, 1);
	return vmap_host(index);
}

void *__vmalloc(size_t size, gfp_t gfp)
{
	return __vmalloc_area(size, gfp, VM_ALLOC);
}

void *vmalloc(size_t size)
{
	return __vmalloc(size, GFP_KERNEL | __GFP_HIGHMEM);
}

void *vzalloc(size_t size)
{
	/* Zeroed through the new mapping: a HIGHMEM frame has no other address. */
	void *p = vmalloc(size);

	if (p)
		memset(p, 0, align_up(size, PAGE_SIZE));
	return p;
}

void *vmap(struct page *const *pages, unsigned int nr)
{
	u32 index;

	might_sleep();
	index = alloc_space(nr, VM_MAP);
	if (index == VMAP_NONE)
		return NULL;
	if (kernel_map_pages(vmap_sim(index), pages, nr, PAGE_KERNEL) || map_to_host(index, nr)) {
		free_area(vmap_area_at(index));
		return NULL;
	}
	count(&stats.maps, 1);
	return vmap_host(index);
}

bool is_vmalloc_addr(const void *addr)
{
	return (const char *)addr >= vmap_base &&
		(const char *)addr < vmap_base + vmap_nr_pages * PAGE_SIZE;
}

unsigned long vmalloc_kernel_addr(const void *addr)
{
	return VMALLOC_START + (unsigned long)((const char *)addr - vmap_base);
}

struct page *vmalloc_to_page(const void *addr)
{
	if (!is_vmalloc_addr(addr))
		return NULL;
	return page_at((u32)((unsigned long)((const char *)addr - vmap_base) >> PAGE_SHIFT));
}

void vmalloc_boot(void)
{
	mutex_init(&purge_mutex, &purge_class, NULL);
	stats = (struct vmalloc_stats){ .allocs = 0 };
	vmap_lazy_max_pages = fls64(nr_cpu_ids) * ((32UL << 20) / PAGE_SIZE);
}
