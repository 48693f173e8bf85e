/* SPDX-License-Identifier: MIT */
/*
 * Page tables: walking in software, making and freeing tables, the kernel's shared half.
 *
 * What.  A tree of four levels of tables, each a lowmem frame of 512 entries.  Tables are made on
 * the way down and hung under an entry that is none, under the lock of the level above; a CPU that
 * loses this race frees its table.  They are taken away only by mmu_gather.
 *
 * Locks.  Each pte table and each pmd table has a spinlock of its own, so that faults in different
 * 2 MiB never meet.  struct page has no room for one: the locks are in an array indexed by frame,
 * of which only slots of frames that are tables are ever touched.  Entries of pud and root tables
 * are written once in the life of most spaces: they share ctx->page_table_lock.
 *
 * Invariants.
 *   I1  A frame has PG_table, and its lock is initialised, from pgtable_alloc() to pgtable_free().
 *   I2  An entry that points to a table is published with release after the table was zeroed.
 *   I3  The kernel's half of every root table equals init_mm's: the one root entry that ever has
 *       mappings is filled before the first copy is made.
 *
 * Locking.  See pgtable.h.  Context.  Task.  Failure.  NULL or -ENOMEM, nothing half done.
 * See also.  tests/unit/test_pgtable.c; mm/memory.c in Linux.
 */
#include "mm/mmu/pgtable.h"

#include <errno.h>
#include <string.h>

#include "mm/mmu/mmu.h"
#include "mm/mmu/tlbflush.h"
#include "mm/mmu/trace_tlb.h"
#include "mm/page/vmstat.h"
#include "runtime/hostmem.h"
#include "runtime/mutex.h"

const struct lock_class page_table_lock_class = {
	.name = "page_table_lock", .rank = RANK_PAGE_TABLE, .same_rank_ok = true,
};
static const struct lock_class mm_page_table_lock_class = {
	.name = "mm->page_table_lock", .rank = RANK_PAGE_TABLE, .same_rank_ok = true,
};

struct mmu_context init_mm;
struct ptlock *ptlocks;

static u64 last_ctx_id;			/* atomic */
static u32 init_mm_ready;		/* 0 not yet, 1 somebody is at it, 2 done */

/* ---- tables ---- */

struct page *pgtable_alloc(struct mmu_context *ctx, gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	if (!page)
		return NULL;
	spin_lock_init(ptlock_ptr(page_address(page)), &page_table_lock_class, NULL);
	__page_set_flags(page, PG_table);				/* I1 */
	inc_zone_page_state(page_zone(page), NR_PAGETABLE);
	fetch_add_relaxed(&ctx->pgtables_bytes, (s64)PAGE_SIZE);
	return page;
}

void pgtable_uncharge(struct mmu_context *ctx)
{
	fetch_add_relaxed(&ctx->pgtables_bytes, -(s64)PAGE_SIZE);
}

void pgtable_free(struct page *table)
{
	BUG_ON(!page_test_flags(table, PG_table));			/* I1 */
	spin_lock_destroy(ptlock_ptr(page_address(table)));
	__page_clear_flags(table, PG_table);
	dec_zone_page_state(page_zone(table), NR_PAGETABLE);
	__free_page(table);
}

/* Undoes pgtable_alloc() of a table that lost the race to be hung. */
static void pgtable_unalloc(struct mmu_context *ctx, struct page *table)
{
	pgtable_uncharge(ctx);
	pgtable_free(table);
}

/*
 * Hangs a new table under *@entry of an upper level unless there is one already; @lock protects the
 * entry.  0 or -ENOMEM.
 */
static int table_alloc(struct mmu_context *ctx, u64 *entry, spinlock_t *lock)
{
	struct page *table;
	bool hung;

	if (smp_load_acquire(entry))
		return 0;
	table = pgtable_alloc(ctx, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	spin_lock(lock);
	hung = READ_ONCE(*entry) == 0;
	if (hung)							/* I2 */
		smp_store_release(entry, page_to_phys(table) | _PAGE_TABLE);
	spin_unlock(lock);
	if (!hung)
		pgtable_unalloc(ctx, table);
	return 0;
}

pmd_t *mmu_alloc_pmd(struct mmu_context *ctx, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(ctx, addr);
	pud_t *pud;

	if (table_alloc(ctx, &pgd->pgd, &ctx->page_table_lock))
		return NULL;
	pud = pud_offset(pgd, addr);
	if (table_alloc(ctx, &pud->pud, &ctx->page_table_lock))
		return NULL;
	return pmd_offset(pud, addr);
}

int pte_alloc(struct mmu_context *ctx, pmd_t *pmd)
{
	int err = table_alloc(ctx, &pmd->pmd, pmd_lockptr(pmd));

	if (!err && pmd_trans_huge(pmdp_get(pmd)))
		err = -EEXIST;
	return err;
}

/* ---- walking ---- */

pud_t *mmu_find_pud(const struct mmu_context *ctx, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(ctx, addr);

	return pgd_none(pgdp_get(pgd)) ? NULL : pud_offset(pgd, addr);
}

pmd_t *mmu_find_pmd(const struct mmu_context *ctx, unsigned long addr)
{
	pud_t *pud = mmu_find_pud(ctx, addr);

	return !pud || pud_none(pudp_get(pud)) ? NULL : pmd_offset(pud, addr);
}

pte_t *mmu_find_pte(const struct mmu_context *ctx, unsigned long addr)
{
	pmd_t *pmdp = mmu_find_pmd(ctx, addr);
	pmd_t pmd;

	if (!pmdp)
		return NULL;
	pmd = pmdp_get(pmdp);
	if (pmd_none(pmd) || pmd_trans_huge(pmd) || !pmd_present(pmd))
		return NULL;
	/* From the value that was checked: the entry may change meanwhile. */
	return (pte_t *)table_virt(entry_pfn(pmd_val(pmd))) + pte_index(addr);
}

unsigned long mmu_next_table(const struct mmu_context *ctx, unsigned long addr, unsigned long end,
			     pmd_t **pmdp)
{
	while (addr < end) {
		pgd_t *pgd = pgd_offset(ctx, addr);
		pud_t *pud;

		if (pgd_none(pgdp_get(pgd))) {
			addr = pgd_addr_end(addr, end);
			continue;
		}
		pud = pud_offset(pgd, addr);
		if (pud_none(pudp_get(pud))) {
			addr = pud_addr_end(addr, end);
			continue;
		}
		*pmdp = pmd_offset(pud, addr);
		if (!pmd_none(pmdp_get(*pmdp)))
			return addr;
		addr = pmd_addr_end(addr, end);
	}
	return end;
}

pte_t *pte_offset_map_lock(pmd_t *pmd, unsigned long addr, spinlock_t **ptl)
	__context_unsafe("the lock is known by its table")
{
	pte_t *pte = pte_offset(pmd, addr);

	*ptl = pte_lockptr(pte);
	spin_lock(*ptl);
	return pte;
}

pte_t *pte_find_map_lock(const struct mmu_context *ctx, unsigned long addr, spinlock_t **ptl)
	__context_unsafe("the lock is known by its table")
{
	pte_t *pte = mmu_find_pte(ctx, addr);

	if (!pte)
		return NULL;
	*ptl = pte_lockptr(pte);
	spin_lock(*ptl);
	return pte;
}

pte_t *pte_alloc_map_lock(struct mmu_context *ctx, unsigned long addr, spinlock_t **ptl)
{
	pmd_t *pmd = mmu_alloc_pmd(ctx, addr);

	if (!pmd || pte_alloc(ctx, pmd))
		return NULL;
	return pte_offset_map_lock(pmd, addr, ptl);
}

/* ---- entries ---- */

pte_t ptep_modify(pte_t *ptep, pte_t pte)
{
	u64 old = READ_ONCE(ptep->pte), new;
	bool same_frame = (pte_val(pte) & PTE_PFN_MASK) == (old & PTE_PFN_MASK);

	do {
		new = pte_val(pte);
		if (same_frame && (new & (_PAGE_PRESENT | _PAGE_PROTNONE)))
			new |= old & (_PAGE_ACCESSED | _PAGE_DIRTY);
		/* Full order: a release of the new entry, and the old one's bits are final. */
	} while (!try_cmpxchg(&ptep->pte, &old, new));
	return __pte(old);
}

bool ptep_set_access_flags(pte_t *ptep, pte_t entry, u64 clear)
{
	u64 set = pte_val(entry) &
		(_PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SOFT_DIRTY);
	u64 old = READ_ONCE(ptep->pte), new;

	VM_BUG_ON((old & PTE_PFN_MASK) != (pte_val(entry) & PTE_PFN_MASK));
	do {
		new = (old & ~clear) | set;
	} while (!try_cmpxchg(&ptep->pte, &old, new));
	return new != old;
}

/* ---- contexts ---- */

static int alloc_root(struct mmu_context *ctx)
{
	struct page *root;

	spin_lock_init(&ctx->page_table_lock, &mm_page_table_lock_class, NULL);
	root = pgtable_alloc(ctx, GFP_KERNEL);
	if (!root)
		return -ENOMEM;
	ctx->pgd = page_address(root);
	return 0;
}

static void free_root(struct mmu_context *ctx)
{
	struct page *root = virt_to_page(ctx->pgd);

	pgtable_unalloc(ctx, root);
	ctx->pgd = NULL;
}

/*
 * The kernel's tables are made by the first CPU that needs them: pages can only be allocated on a
 * CPU.  Their root entry for vmalloc is filled here, so that every copy has it: I3.
 */
static int init_mm_get(void)
{
	u32 state;
	int err;

	do {
		if (likely(smp_load_acquire(&init_mm_ready) == 2))
			return 0;
		irq_safepoint();
		sim_point(SIM_BLOCK, &init_mm_ready);
		state = 0;
	} while (!try_cmpxchg(&init_mm_ready, &state, 1));
	err = alloc_root(&init_mm);
	if (!err && !mmu_alloc_pmd(&init_mm, VMALLOC_START)) {
		free_root(&init_mm);
		err = -ENOMEM;
	}
	/* Release: pairs with the acquire above. */
	smp_store_release(&init_mm_ready, err ? 0u : 2u);
	return err;
}

int mmu_context_init(struct mmu_context *ctx)
{
	int err = init_mm_get();

	if (err)
		return err;
	memset(ctx, 0, sizeof(*ctx));
	ctx->ctx_id = fetch_add(&last_ctx_id, 1) + 1;
	err = alloc_root(ctx);
	if (err)
		return err;
	for (unsigned int i = PTRS_PER_TABLE / 2; i < PTRS_PER_TABLE; i++)	/* I3 */
		WRITE_ONCE(ctx->pgd[i].pgd, READ_ONCE(init_mm.pgd[i].pgd));
	return 0;
}

void mmu_context_destroy(struct mmu_context *ctx)
{
	for (unsigned int i = 0; i < PTRS_PER_TABLE / 2; i++)
		BUG_ON(READ_ONCE(ctx->pgd[i].pgd));	/* user mappings left */
	mmu_context_leave_all(ctx);
	free_root(ctx);
	BUG_ON(READ_ONCE(ctx->pgtables_bytes));		/* a table was lost */
	spin_lock_destroy(&ctx->page_table_lock);
}

/* ---- the kernel's half ---- */

/* Frees a table of the kernel's half and those below it; the recursion is three deep. */
static void free_kernel_table(struct page *table, unsigned int level)
{
	const u64 *entry = page_address(table);

	for (unsigned int i = 0; level && i < PTRS_PER_TABLE; i++)
		if (READ_ONCE(entry[i]))
			free_kernel_table(pfn_to_page(entry_pfn(READ_ONCE(entry[i]))), level - 1);
	pgtable_unalloc(&init_mm, table);
}

void mmu_free_kernel_tables(void)
{
	struct page *root;

	if (!ptlocks || smp_load_acquire(&init_mm_ready) != 2)
		return;
	/* A CPU that walks from now on finds no root, hence nothing. */
	root = virt_to_page(init_mm.pgd);
	WRITE_ONCE(init_mm.pgd, NULL);
	free_kernel_table(root, 3);
	smp_store_release(&init_mm_ready, 0u);
}

void kernel_unmap_pages(unsigned long addr, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		pte_t *pte = mmu_find_pte(&init_mm, addr + i * PAGE_SIZE);

		if (pte)
			(void)ptep_get_and_clear(pte);
	}
}

int kernel_map_pages(unsigned long addr, struct page *const *pages, unsigned long nr,
		     pgprot_t prot)
{
	int err = init_mm_get();

	if (err)
		return err;
	for (unsigned long i = 0; i < nr; i++) {
		unsigned long a = addr + i * PAGE_SIZE;
		pmd_t *pmd = mmu_alloc_pmd(&init_mm, a);

		if (!pmd || pte_alloc(&init_mm, pmd)) {
			kernel_unmap_pages(addr, i);
			return -ENOMEM;
		}
		/* The range is the caller's: no lock is needed to write its entries. */
		set_pte(pte_offset(pmd, a), mk_pte(pages[i], prot));
	}
	return 0;
}

/* ---- life cycle ---- */

static size_t ptlocks_bytes(void)
{
	return max_pfn * sizeof(struct ptlock);
}

int pgtable_boot(void)
{
	ptlocks = hostmem_alloc(ptlocks_bytes());
	if (!ptlocks)
		return -ENOMEM;
	init_mm_ready = 0;
	memset(&init_mm, 0, sizeof(init_mm));
	init_mm.ctx_id = 1;
	last_ctx_id = 1;
	return 0;
}

void pgtable_shutdown(void)
{
	hostmem_free(ptlocks, ptlocks_bytes());
	ptlocks = NULL;
}
