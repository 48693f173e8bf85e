/* SPDX-License-Identifier: MIT */
/*
 * Page tables in simulated frames: finding, reading and changing entries, allocating and locking
 * tables (include/linux/pgtable.h, mm/memory.c).
 *
 * Lock order: page-table locks come after the mmap lock, VMA locks and rmap locks, before the lru
 * lock.  Two of them may be held at once: the new address space's table before the old one's
 * (fork), the lower address before the higher one (mremap).  With one held nobody waits for another
 * CPU: a flush comes after the unlock (docs/mmu.md says how each operation keeps its order).
 *
 * Readers without lock are the hardware walker on every CPU and software walkers under
 * rcu_read_lock().  An entry is therefore published with release and read with acquire, and a table
 * is freed through mm/mmu/mmu_gather.h only.
 */
#ifndef MM_MMU_PGTABLE_H
#define MM_MMU_PGTABLE_H

#include "mm/mmu/mmu_context.h"
#include "mm/page/page_alloc.h"

/* ---- finding entries ---- */

/* Host address of table frame @pfn: tables are never in HIGHMEM. */
static inline void *table_virt(unsigned long pfn)
{
	return direct_map + ((u64)pfn << PAGE_SHIFT);
}

static inline pgd_t *pgd_offset(const struct mmu_context *ctx, unsigned long addr)
{
	return ctx->pgd + pgd_index(addr);
}

/* The caller knows that the upper entry is neither none nor a huge page. */
static inline pud_t *pud_offset(pgd_t *pgd, unsigned long addr)
{
	/* Acquire: pairs with the release in pgd_populate(). */
	return (pud_t *)table_virt(entry_pfn(smp_load_acquire(&pgd->pgd))) + pud_index(addr);
}

static inline pmd_t *pmd_offset(pud_t *pud, unsigned long addr)
{
	/* Acquire: pairs with the release in pud_populate(). */
	return (pmd_t *)table_virt(entry_pfn(smp_load_acquire(&pud->pud))) + pmd_index(addr);
}

static inline pte_t *pte_offset(pmd_t *pmd, unsigned long addr)
{
	/* Acquire: pairs with the release in pmd_populate(). */
	return (pte_t *)table_virt(entry_pfn(smp_load_acquire(&pmd->pmd))) + pte_index(addr);
}

/* ---- reading and changing entries ---- */

/* Acquire: pairs with the release in set_pte(), so the page's contents and state are visible. */
static inline pte_t ptep_get(const pte_t *ptep)
{
	return __pte(smp_load_acquire(&ptep->pte));
}

static inline pmd_t pmdp_get(const pmd_t *pmdp)
{
	return __pmd(smp_load_acquire(&pmdp->pmd));
}

static inline pud_t pudp_get(const pud_t *pudp)
{
	return __pud(smp_load_acquire(&pudp->pud));
}

static inline pgd_t pgdp_get(const pgd_t *pgdp)
{
	return __pgd(smp_load_acquire(&pgdp->pgd));
}

/*
 * Writes an entry; the table's lock is held.  Release: whoever finds the page through the entry
 * sees it filled and owned.  Not for an entry that hardware may change (present and mapped): a
 * plain store would lose an accessed or dirty bit; use the ptep_* functions below.
 */
static inline void set_pte(pte_t *ptep, pte_t pte)
{
	smp_store_release(&ptep->pte, pte_val(pte));
}

static inline void set_pmd(pmd_t *pmdp, pmd_t pmd)
{
	smp_store_release(&pmdp->pmd, pmd_val(pmd));
}

/* Takes the entry out; the accessed and dirty bits it had at that moment are in the result. */
static inline pte_t ptep_get_and_clear(pte_t *ptep)
{
	return __pte(xchg(&ptep->pte, 0));
}

/* The same; @full: the space is going away and no CPU uses it, so hardware changes nothing. */
static inline pte_t ptep_get_and_clear_full(pte_t *ptep, bool full)
{
	pte_t pte;

	if (!full)
		return ptep_get_and_clear(ptep);
	pte = ptep_get(ptep);
	WRITE_ONCE(ptep->pte, 0);
	return pte;
}

static inline pmd_t pmdp_get_and_clear(pmd_t *pmdp)
{
	return __pmd(xchg(&pmdp->pmd, 0));
}

/*
 * Replaces the present entry *@ptep by @pte without losing a bit that hardware sets meanwhile: the
 * old value is returned, its A and D bits are or-ed into what is written unless @pte drops the
 * page.
 */
pte_t ptep_modify(pte_t *ptep, pte_t pte);

/*
 * Takes the write permission away; the table's lock is held.  The caller flushes before it relies
 * on it (fork: once for the whole address space).
 */
static inline void ptep_set_wrprotect(pte_t *ptep)
{
	const u64 both = _PAGE_ACCESSED | _PAGE_DIRTY;
	u64 old = READ_ONCE(ptep->pte);

	/* Hardware has no bit left to set in it: no other CPU writes the entry. */
	if (likely((old & both) == both))
		smp_store_release(&ptep->pte, old & ~_PAGE_RW);
	else
		fetch_and(&ptep->pte, ~_PAGE_RW);
}

static inline bool ptep_test_and_clear_young(pte_t *ptep)
{
	return (fetch_and(&ptep->pte, ~_PAGE_ACCESSED) & _PAGE_ACCESSED) != 0;
}

/*
 * Gives more rights to a present entry that maps the same page: A, D, RW and soft-dirty of @entry
 * are added, @clear is removed.  No flush: a CPU that still holds less walks again.  Returns
 * whether anything changed.
 */
bool ptep_set_access_flags(pte_t *ptep, pte_t entry, u64 clear);

/* ---- locks ---- */

extern const struct lock_class page_table_lock_class;

struct ptlock {
	spinlock_t lock;
} __cacheline_aligned;

extern struct ptlock *ptlocks;		/* one slot per frame; used while the frame is a table */

/* Protects the entries of the pte or pmd table that @entry lies in. */
static inline spinlock_t *ptlock_ptr(const void *entry)
{
	return &ptlocks[(u64)((const char *)entry - direct_map) >> PAGE_SHIFT].lock;
}

#define pte_lockptr(ptep)	ptlock_ptr(ptep)
#define pmd_lockptr(pmdp)	ptlock_ptr(pmdp)

/* ---- walking and allocating ---- */

/*
 * The entry of @addr, or NULL when a table is missing (pte: or a huge page is in the way).  The
 * caller keeps the tables alive: mmap lock or VMA lock, an rmap lock, or rcu_read_lock().
 */
pud_t *mmu_find_pud(const struct mmu_context *ctx, unsigned long addr);
pmd_t *mmu_find_pmd(const struct mmu_context *ctx, unsigned long addr);
pte_t *mmu_find_pte(const struct mmu_context *ctx, unsigned long addr);

/*
 * The first address in [@addr, @end) whose pmd entry is not none, with the entry in *@pmdp; @end
 * when there is none.  For walks over sparse ranges; the tables stay as above.
 */
unsigned long mmu_next_table(const struct mmu_context *ctx, unsigned long addr, unsigned long end,
			     pmd_t **pmdp);

/* As mmu_find_pmd(), making the tables on the way; NULL: no memory.  Task context. */
pmd_t *mmu_alloc_pmd(struct mmu_context *ctx, unsigned long addr) __must_check;
/* pmd: a pmd entry that is none or a table; -ENOMEM, or -EEXIST for a huge page.  0: a table. */
int pte_alloc(struct mmu_context *ctx, pmd_t *pmd) __must_check;

/*
 * The entry of @addr with its table locked, tables made as needed; NULL: no memory (or a huge
 * page).  Ends with pte_unmap_unlock().
 */
pte_t *pte_alloc_map_lock(struct mmu_context *ctx, unsigned long addr, spinlock_t **ptl)
	__must_check;
/* The same for tables that exist; NULL without the lock when they do not. */
pte_t *pte_find_map_lock(const struct mmu_context *ctx, unsigned long addr, spinlock_t **ptl);
/* Ends with pte_unmap_unlock(). */
pte_t *pte_offset_map_lock(pmd_t *pmd, unsigned long addr, spinlock_t **ptl);

static inline void pte_unmap_unlock(pte_t *ptep, spinlock_t *ptl) __context_unsafe("data-dependent")
{
	(void)ptep;
	spin_unlock(ptl);
}

/*
 * Hangs the empty or prepared table @table under an entry that is none; its lock is held.  Release:
 * a walker that finds the table sees its contents.
 */
static inline void pmd_populate(pmd_t *pmd, struct page *table)
{
	smp_store_release(&pmd->pmd, page_to_phys(table) | _PAGE_TABLE);
}

/*
 * A zeroed frame with PG_table set and its lock initialised; NULL when there is none.  @ctx is
 * charged for it until pgtable_free().
 */
struct page *pgtable_alloc(struct mmu_context *ctx, gfp_t gfp) __must_check;
/* Frees a table that no walker can reach any more.  Any context. */
void pgtable_free(struct page *table);
/* The table left @ctx's tree: it no longer counts for it. */
void pgtable_uncharge(struct mmu_context *ctx);

static inline struct page *pmd_pgtable(pmd_t pmd)
{
	return pfn_to_page(entry_pfn(pmd_val(pmd)));
}

/* ---- the kernel's half, shared by all address spaces ---- */

/*
 * Maps or unmaps [@addr, @addr + @nr pages) of the vmalloc area in init_mm.  Task context, the
 * caller owns the range.  Mapping returns 0 or -ENOMEM (nothing mapped); after unmapping the caller
 * owes flush_tlb_kernel_range() before it frees the frames.
 */
int kernel_map_pages(unsigned long addr, struct page *const *pages, unsigned long nr,
		     pgprot_t prot) __must_check;
void kernel_unmap_pages(unsigned long addr, unsigned long nr);

/* Life cycle: mm/mmu/mmu.h calls these. */
int pgtable_boot(void) __must_check;
void pgtable_shutdown(void);

#endif /* MM_MMU_PGTABLE_H */
