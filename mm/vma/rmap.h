/* SPDX-License-Identifier: MIT */
/*
 * The reverse map of anonymous pages: from a page to the areas that may map it (include/linux/
 * rmap.h, mm/rmap.c).
 *
 * page->mapping of an anonymous page is its anon_vma with PAGE_MAPPING_ANON in the low bit,
 * page->index the linear_page_index() in its area.  An area is linked to its own anon_vma and,
 * after forks, to those of its ancestors' areas, one struct anon_vma_chain each.
 */
#ifndef MM_VMA_RMAP_H
#define MM_VMA_RMAP_H

#include "mm/page/vmstat.h"
#include "mm/vma/mm_types.h"

struct anon_vma {
	struct anon_vma *root;		/* whose rwsem protects the whole tree of forks; counted */
	struct rw_semaphore rwsem;	/* the root's is in use: the chains.  RANK_ANON_VMA */
	s32 refcount;			/* (A) */
	unsigned long num_children;	/* root's rwsem; a root counts itself */
	unsigned long num_active_vmas;	/* root's rwsem: areas whose anon_vma this is */
	struct anon_vma *parent;
	struct list_head chains;	/* root's rwsem: struct anon_vma_chain of all areas */
};

struct anon_vma_chain {
	struct vm_area_struct *vma;
	struct anon_vma *anon_vma;
	struct list_head same_vma;	/* in vma->anon_vma_chain; see there */
	struct list_head same_anon_vma;	/* in anon_vma->chains */
};

/* Owner flags of pages that user tables map. */
#define PG_anon_exclusive	PG_owner_0	/* mapped once, may be writable; table's lock */
#define PG_swapbacked		(PG_owner_0 << 1)	/* anonymous or shmem */

static inline bool page_is_anon(const struct page *page)
{
	return ((uintptr_t)READ_ONCE(page->mapping) & PAGE_MAPPING_ANON) != 0;
}

static inline bool page_anon_exclusive(const struct page *page)
{
	return page_test_flags(page, PG_anon_exclusive);
}

/* ---- anon_vma; task context, no spinlock ---- */

/*
 * Gives @vma an anon_vma, a neighbour's when the two could be merged.  mmap_lock held in either
 * mode (with only the area's read lock: take or try mmap_lock first).  0 or -ENOMEM.
 */
int __anon_vma_prepare(struct vm_area_struct *vma) __must_check;

__must_check static inline int anon_vma_prepare(struct vm_area_struct *vma)
{
	/* Acquire: pairs with the release in __anon_vma_prepare(). */
	return likely(smp_load_acquire(&vma->anon_vma)) ? 0 : __anon_vma_prepare(vma);
}

/*
 * Links @dst to every anon_vma of @src (split, copy, merge).  Sets dst->anon_vma only when it is
 * the caller's wish: it must be set before.  mmap_lock for writing.  0, or -ENOMEM and @dst is
 * linked to none and its anon_vma NULL.
 */
int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src) __must_check;
/*
 * The child's area @vma: links it as the parent's @pvma is, plus an anon_vma of its own for the
 * pages that it will make.  0, or -ENOMEM and @vma is linked to none.
 */
int anon_vma_fork(struct vm_area_struct *vma, struct vm_area_struct *pvma) __must_check;
/* Unlinks an area from all; anon_vmas that nobody needs go. */
void unlink_anon_vmas(struct vm_area_struct *vma);

/* The lock of the whole tree: walks of chains hold it, changes of vm_start or vm_pgoff too. */
#define anon_vma_lock_write(av)		down_write(&(av)->root->rwsem)
#define anon_vma_unlock_write(av)	up_write(&(av)->root->rwsem)
#define anon_vma_lock_read(av)		down_read(&(av)->root->rwsem)
#define anon_vma_unlock_read(av)	up_read(&(av)->root->rwsem)

/*
 * The anon_vma that @vma's neighbours would share with it if they were merged, or NULL (mm/vma.c:
 * find_mergeable_anon_vma()).  In vma_merge.c; mmap_lock in either mode.
 */
struct anon_vma *find_mergeable_anon_vma(struct vm_area_struct *vma);

/* ---- pages; the page-table lock of the entry is held ---- */

/* A page that nobody else can reach, at @addr: exclusive, _mapcount 1. */
void page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma, unsigned long addr);
/* Sole owner: from now on this area's anon_vma is the page's, and the page is exclusive. */
void page_move_anon_rmap(struct page *page, struct vm_area_struct *vma);
/* One more entry maps a page of a shared object. */
void page_add_file_rmap(struct page *page);
/* One entry fewer maps @page. */
void page_remove_rmap(struct page *page);

static inline int page_mapcount(const struct page *page)
{
	return READ_ONCE(page->_mapcount);
}

/*
 * fork: one more entry maps the page of an entry, whose reference is taken, and nobody owns it
 * alone any more.  The lock of the parent's table is held.  One atomic for a page that was
 * exclusive: nobody else can change the count of its entries.
 */
static inline void page_dup_anon_rmap(struct page *page)
{
	if (likely(page_anon_exclusive(page))) {
		fetch_add_relaxed(&page->state, PAGE_STATE(0, 1) - PG_anon_exclusive);
		WRITE_ONCE(page->_mapcount, page_mapcount(page) + 1);
		return;
	}
	get_page(page);
	fetch_add_relaxed(&page->_mapcount, 1);
}

/* ---- walks ---- */

/*
 * Calls fn(vma, addr, arg) for each place where anonymous @page may be mapped, until it returns
 * false.  The caller holds a reference of the page; fn() locks the page table and looks.  Task
 * context, no spinlock.  False: nothing maps the page any more.
 */
typedef bool (*rmap_fn)(struct vm_area_struct *vma, unsigned long addr, void *arg);
bool rmap_walk_anon(struct page *page, rmap_fn fn, void *arg);

/* anon_vmas that exist; 0 when all is given back. */
long nr_anon_vmas(void);

/* Slab caches; vma_boot() and vma_shutdown() call these on a CPU. */
int rmap_boot(void) __must_check;
void rmap_shutdown(void);

#endif /* MM_VMA_RMAP_H */
