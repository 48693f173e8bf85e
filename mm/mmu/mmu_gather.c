/* SPDX-License-Identifier: MIT */
/*
 * mmu_gather: batches of unhooked pages and tables on their way to be freed.
 *
 * What.  Unhooked pages wait in batches: a small one inside the gather, then whole pages of
 * pointers.  When there is no room, or no page for more room, or at the end, one flush covers all
 * of them and they are freed.  Tables wait in a batch of their own and are freed one grace period
 * after the flush: software walkers hold nothing but rcu_read_lock().
 *
 * States of a page.  mapped -> (entry cleared) gathered -> (flush returned) released.
 *
 * Invariants.
 *   I1  A gathered page or table is released only after a flush that began after its entry was
 *       cleared.
 *   I2  A batch keeps one free entry until it is declared full: a block may take two.
 *   I3  When tables were gathered the flush says so, and then no CPU of the mask is skipped: even a
 *       lazy CPU has left the tables before they are freed.
 *   I4  Two gathers on one space at once: either may have cleared entries that the other finds none
 *       and skips, so the later to finish flushes everything.
 *
 * Locking.  A gather belongs to one CPU's stack.  Context.  Task; flushing waits, so no spinlock.
 * Failure.  No memory for a batch means an early flush, nothing else.
 * See also.  mmu_gather.h for the order; free_pgd_range() in pgtable_free.c; mm/mmu_gather.c in
 * Linux; tests/unit/test_mmu_gather.c.
 */
#include "mm/mmu/mmu_gather.h"

#include "mm/mmu/tlbflush.h"

#define ENCODED_DELAY_RMAP	1UL
#define ENCODED_NR_NEXT		2UL
#define ENCODED_BITS		3UL

_Static_assert(sizeof(struct mmu_gather_batch) + MMU_GATHER_BATCH_MAX * sizeof(encoded_page_t) ==
	       PAGE_SIZE, "a batch fills a page");
_Static_assert(offsetof(struct mmu_gather, bundle) ==
	       offsetof(struct mmu_gather, local) + sizeof(struct mmu_gather_batch),
	       "the bundle follows its header");
_Static_assert(sizeof(struct mmu_table_batch) <= PAGE_SIZE, "a table batch fits a page");
_Static_assert(sizeof(struct rcu_head) <= sizeof(struct list_head), "page->lru holds an rcu_head");

static const struct mmu_gather_ops *gather_ops;
static struct mmu_gather_stats stats;

static void count(u64 *counter, u64 n)
{
	fetch_add_relaxed(counter, n);
}

void mmu_gather_register(const struct mmu_gather_ops *ops)
{
	gather_ops = ops;
}

struct mmu_gather_stats mmu_gather_stats(void)
{
	return (struct mmu_gather_stats){
		READ_ONCE(stats.flushes), READ_ONCE(stats.early_flushes), READ_ONCE(stats.pages),
		READ_ONCE(stats.tables), READ_ONCE(stats.table_singles), READ_ONCE(stats.nested),
	};
}

/* ---- the range ---- */

static void reset_range(struct mmu_gather *tlb)
{
	tlb->start = ~0UL;
	tlb->end = 0;
	tlb->need_flush_all = false;
	tlb->freed_tables = false;
	tlb->cleared_ptes = false;
	tlb->cleared_pmds = false;
}

static void adjust_range(struct mmu_gather *tlb, unsigned long addr, unsigned long size)
{
	tlb->start = min(tlb->start, addr);
	tlb->end = max(tlb->end, addr + size);
}

void tlb_remove_tlb_entry(struct mmu_gather *tlb, unsigned long addr)
{
	adjust_range(tlb, addr, PAGE_SIZE);
	tlb->cleared_ptes = true;
}

void tlb_remove_pmd_tlb_entry(struct mmu_gather *tlb, unsigned long addr)
{
	adjust_range(tlb, addr & PMD_MASK, PMD_SIZE);
	tlb->cleared_pmds = true;
}

void tlb_flush_pte_range(struct mmu_gather *tlb, unsigned long addr, unsigned long size)
{
	adjust_range(tlb, addr, size);
	tlb->cleared_ptes = true;
}

/* ---- batches of pages ---- */

static encoded_page_t *batch_pages(struct mmu_gather_batch *batch)
{
	return (encoded_page_t *)(batch + 1);
}

/* Makes room for more pages; false when they must be flushed first. */
static bool next_batch(struct mmu_gather *tlb)
{
	struct mmu_gather_batch *batch;
	struct page *page;

	/* Pages that still count as mapped must not pile up. */
	if (tlb->delayed_rmap && tlb->active != &tlb->local)
		return false;
	if (tlb->active->next) {
		tlb->active = tlb->active->next;
		return true;
	}
	if (tlb->batch_count == MMU_GATHER_BATCH_COUNT)
		return false;
	page = alloc_page(GFP_NOWAIT);
	if (!page)
		return false;
	batch = page_address(page);
	tlb->batch_count++;
	batch->next = NULL;
	batch->nr = 0;
	batch->max = MMU_GATHER_BATCH_MAX;
	tlb->active->next = batch;
	tlb->active = batch;
	return true;
}

static bool gather_page(struct mmu_gather *tlb, struct page *page, unsigned int nr,
			unsigned long marks)
{
	struct mmu_gather_batch *batch = tlb->active;

	VM_BUG_ON(!tlb->end);		/* tlb_remove_tlb_entry() comes first */
	VM_BUG_ON(batch->nr + 2 > batch->max);				/* I2 */
	if (nr > 1)
		marks |= ENCODED_NR_NEXT;
	batch_pages(batch)[batch->nr++] = (encoded_page_t)page | marks;
	if (nr > 1)
		batch_pages(batch)[batch->nr++] = nr;
	return batch->nr + 1 >= batch->max && !next_batch(tlb);		/* I2 */
}

bool __tlb_remove_page(struct mmu_gather *tlb, struct page *page, unsigned int nr)
{
	return gather_page(tlb, page, nr, 0);
}

bool __tlb_remove_page_delay_rmap(struct mmu_gather *tlb, struct page *page, unsigned int nr)
{
	tlb->delayed_rmap = true;
	return gather_page(tlb, page, nr, ENCODED_DELAY_RMAP);
}

void tlb_remove_page(struct mmu_gather *tlb, struct page *page)
{
	if (gather_page(tlb, page, 1, 0)) {
		count(&stats.early_flushes, 1);
		tlb_flush_mmu(tlb);
	}
}

/* ---- releasing pages ---- */

/* Single pages on their way to release_pages(). */
struct release_vec {
	struct page *pages[PAGEVEC_SIZE];
	unsigned int nr;
};

static void vec_flush(struct release_vec *vec)
{
	if (vec->nr && gather_ops && gather_ops->release_pages)
		gather_ops->release_pages(vec->pages, vec->nr);
	else
		for (unsigned int i = 0; i < vec->nr; i++)
			put_page(vec->pages[i]);
	vec->nr = 0;
}

static void release_block(struct page *page, unsigned int nr)
{
	if (gather_ops && gather_ops->release_block) {
		gather_ops->release_block(page, nr);
		return;
	}
	for (unsigned int i = 0; i < nr; i++)
		put_page(page);
}

/* Releases the entries [0, nr) of one batch, in steps that interrupts can come between. */
static void release_batch(struct mmu_gather_batch *batch)
{
	struct release_vec vec = { .nr = 0 };
	unsigned int step = 0;

	for (u32 i = 0; i < batch->nr; i++) {
		encoded_page_t entry = batch_pages(batch)[i];
		struct page *page = (struct page *)(entry & ~ENCODED_BITS);
		unsigned int nr = 1;

		if (entry & ENCODED_NR_NEXT)
			nr = (unsigned int)batch_pages(batch)[++i];
		if (entry & ENCODED_DELAY_RMAP && gather_ops && gather_ops->remove_rmap)
			gather_ops->remove_rmap(page, nr);
		count(&stats.pages, nr);
		if (nr > 1)
			release_block(page, nr);
		else
			vec.pages[vec.nr++] = page;
		if (vec.nr == PAGEVEC_SIZE)
			vec_flush(&vec);
		if (++step % MMU_GATHER_RELEASE_STEP == 0)
			irq_safepoint();
	}
	vec_flush(&vec);
	batch->nr = 0;
}

static void release_batches(struct mmu_gather *tlb)
{
	for (struct mmu_gather_batch *b = &tlb->local; b && b->nr; b = b->next)
		release_batch(b);
	tlb->active = &tlb->local;
	tlb->delayed_rmap = false;
}

static void free_batches(struct mmu_gather *tlb)
{
	struct mmu_gather_batch *next;

	for (struct mmu_gather_batch *b = tlb->local.next; b; b = next) {
		next = b->next;
		free_page((unsigned long)b);
	}
	tlb->local.next = NULL;
}

/* ---- tables ---- */

static void free_table_batch_rcu(struct rcu_head *head)
{
	struct mmu_table_batch *batch = container_of(head, struct mmu_table_batch, rcu);

	for (unsigned long i = 0; i < batch->nr; i++)
		pgtable_free(batch->tables[i]);
	free_page((unsigned long)batch);
}

static void free_table_single_rcu(struct rcu_head *head)
{
	pgtable_free(container_of((struct list_head *)head, struct page, lru));
}

/* The flush is done: the tables go after a grace period. */
static void release_tables(struct mmu_gather *tlb)
{
	struct page *table = tlb->table_singles;

	if (tlb->table_batch)
		call_rcu(&tlb->table_batch->rcu, free_table_batch_rcu);
	tlb->table_batch = NULL;
	while (table) {
		struct page *next = (struct page *)table->private;

		call_rcu((struct rcu_head *)&table->lru, free_table_single_rcu);
		table = next;
	}
	tlb->table_singles = NULL;
}

static struct mmu_table_batch *table_batch(struct mmu_gather *tlb)
{
	struct page *page;

	if (tlb->table_batch)
		return tlb->table_batch;
	page = alloc_page(GFP_NOWAIT);
	if (page) {
		tlb->table_batch = page_address(page);
		tlb->table_batch->nr = 0;
	}
	return tlb->table_batch;
}

void tlb_remove_table(struct mmu_gather *tlb, struct page *table, unsigned long addr)
{
	struct mmu_table_batch *batch = table_batch(tlb);

	adjust_range(tlb, addr, PAGE_SIZE);
	tlb->freed_tables = true;					/* I3 */
	pgtable_uncharge(tlb->ctx);
	count(&stats.tables, 1);
	if (!batch) {
		table->private = (unsigned long)tlb->table_singles;
		tlb->table_singles = table;
		count(&stats.table_singles, 1);
		return;
	}
	batch->tables[batch->nr++] = table;
	if (batch->nr == MMU_TABLE_BATCH_MAX) {
		tlb_flush_mmu_tlbonly(tlb);				/* I1 */
		release_tables(tlb);
	}
}

/* ---- flush and finish ---- */

void tlb_flush_mmu_tlbonly(struct mmu_gather *tlb)
{
	struct tlb_range range = {
		.start = tlb->start, .end = tlb->end,
		.stride_shift = tlb->cleared_pmds && !tlb->cleared_ptes ? PMD_SHIFT : PAGE_SHIFT,
		.freed_tables = tlb->freed_tables,
	};

	if (!tlb->freed_tables && !tlb->cleared_ptes && !tlb->cleared_pmds &&
	    !tlb->need_flush_all)
		return;
	if (tlb->fullmm || tlb->need_flush_all) {
		range.start = 0;
		range.end = TLB_FLUSH_ALL;
	}
	count(&stats.flushes, 1);
	flush_tlb_mm_range(tlb->ctx, &range);
	reset_range(tlb);
}

void tlb_flush_mmu(struct mmu_gather *tlb)
{
	tlb_flush_mmu_tlbonly(tlb);					/* I1 */
	release_tables(tlb);
	release_batches(tlb);
}

static void gather_init(struct mmu_gather *tlb, struct mmu_context *ctx, bool fullmm)
{
	tlb->ctx = ctx;
	tlb->table_batch = NULL;
	tlb->table_singles = NULL;
	tlb->fullmm = fullmm;
	tlb->delayed_rmap = false;
	tlb->batch_count = 0;
	tlb->active = &tlb->local;
	tlb->local.next = NULL;
	tlb->local.nr = 0;
	tlb->local.max = MMU_GATHER_BUNDLE;
	reset_range(tlb);
	inc_tlb_flush_pending(ctx);
}

void tlb_gather_mmu(struct mmu_gather *tlb, struct mmu_context *ctx)
{
	gather_init(tlb, ctx, false);
}

void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct mmu_context *ctx)
{
	gather_init(tlb, ctx, true);
}

void tlb_finish_mmu(struct mmu_gather *tlb)
{
	if (mm_tlb_flush_nested(tlb->ctx)) {				/* I4 */
		count(&stats.nested, 1);
		tlb->need_flush_all = true;
		tlb->freed_tables = true;
	}
	tlb_flush_mmu(tlb);
	free_batches(tlb);
	/* Entries that reclaim had cleared were skipped here: its deferred flush is due now. */
	flush_tlb_batched_pending(tlb->ctx);
	dec_tlb_flush_pending(tlb->ctx);
}
