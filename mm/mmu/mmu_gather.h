/* SPDX-License-Identifier: MIT */
/*
 * Taking mappings down: the order that keeps freed frames out of every TLB
 * (include/asm-generic/tlb.h).
 *
 *   1. unhook: clear the entries, under their table's lock, and tell the gather
 *   2. invalidate: flush the TLBs of every CPU that may hold them
 *   3. free the frames and the tables
 *
 * Another CPU may use a frame through its TLB up to the end of 2, so 3 never comes before.
 *
 *	tlb_gather_mmu(&tlb, ctx);
 *	for each table: lock;
 *		pte = ptep_get_and_clear(ptep);
 *		tlb_remove_tlb_entry(&tlb, addr);
 *		if (__tlb_remove_page(&tlb, page, 1))	(the batch is full)
 *			unlock; tlb_flush_mmu(&tlb); lock again;
 *	unlock; free_pgd_range(&tlb, ...);
 *	tlb_finish_mmu(&tlb);
 *
 * Context: task, may wait for other CPUs in tlb_flush_mmu() and tlb_finish_mmu(): no spinlock.
 * One CPU's stack owns a gather; the caller keeps the tables from being freed by others.
 */
#ifndef MM_MMU_MMU_GATHER_H
#define MM_MMU_MMU_GATHER_H

#include "mm/mmu/pgtable.h"
#include "runtime/rcu.h"

/* A batch is a page: header and entries.  One entry is kept for a block that needs two. */
#define MMU_GATHER_BUNDLE	8u
#define MMU_GATHER_BATCH_MAX	510u
/* 10 000 pages between two flushes at most: 19 further batches. */
#define MMU_GATHER_BATCH_COUNT	(10000u / MMU_GATHER_BATCH_MAX)
/* Blocks released in one step, so that the CPU answers interrupts in between. */
#define MMU_GATHER_RELEASE_STEP	512u
/* Pages handed to release_pages() at once. */
#define PAGEVEC_SIZE		31u

/* A page with marks in its low bits. */
typedef unsigned long encoded_page_t;

/* @max entries follow the header in memory. */
struct mmu_gather_batch {
	struct mmu_gather_batch *next;
	u32 nr, max;
};

#define MMU_TABLE_BATCH_MAX	509u

struct mmu_table_batch {
	struct rcu_head rcu;
	unsigned long nr;
	struct page *tables[MMU_TABLE_BATCH_MAX];
};

struct mmu_gather {
	struct mmu_context *ctx;
	struct mmu_table_batch *table_batch;
	struct page *table_singles;	/* by page->private: when no batch page could be had */
	unsigned long start, end;	/* unhooked since the last flush; empty: start > end */
	bool fullmm;			/* the space is going away: nobody runs in it */
	bool need_flush_all;
	bool freed_tables;
	bool cleared_ptes, cleared_pmds;
	bool delayed_rmap;		/* some gathered pages still count as mapped */
	unsigned int batch_count;
	struct mmu_gather_batch *active;
	struct mmu_gather_batch local;
	encoded_page_t bundle[MMU_GATHER_BUNDLE];	/* the entries of @local */
};

/*
 * What the layers above do with a page that no TLB shows any more; registered at boot, NULL: drop
 * one reference per block.  @nr pages of one block begin at @page.
 */
struct mmu_gather_ops {
	/* Drops one reference of each of @nr pages. */
	void (*release_pages)(struct page **pages, unsigned int nr);
	/* Drops @nr references of the block of @page. */
	void (*release_block)(struct page *page, unsigned int nr);
	/* The rmap removal that was put off until after the flush (dirty shared file pages). */
	void (*remove_rmap)(struct page *page, unsigned int nr);
};
void mmu_gather_register(const struct mmu_gather_ops *ops);

void tlb_gather_mmu(struct mmu_gather *tlb, struct mmu_context *ctx);
/* For an address space that is going away (exit). */
void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct mmu_context *ctx);
/* Flushes and frees what is left. */
void tlb_finish_mmu(struct mmu_gather *tlb);
/* Flushes and frees what was gathered so far; the gather goes on. */
void tlb_flush_mmu(struct mmu_gather *tlb);
/* Only the flush. */
void tlb_flush_mmu_tlbonly(struct mmu_gather *tlb);

/* An entry of 4 KiB (pmd: 2 MiB) at @addr was cleared or lost rights. */
void tlb_remove_tlb_entry(struct mmu_gather *tlb, unsigned long addr);
void tlb_remove_pmd_tlb_entry(struct mmu_gather *tlb, unsigned long addr);
/* The same for a range of 4 KiB entries (mprotect). */
void tlb_flush_pte_range(struct mmu_gather *tlb, unsigned long addr, unsigned long size);

/*
 * Gathers @nr consecutive pages of one block, whose references it will drop.  True: no room is
 * left, tlb_flush_mmu() must be called, without locks, before the next one.  Any lock may be held.
 */
bool __tlb_remove_page(struct mmu_gather *tlb, struct page *page, unsigned int nr) __must_check;
/* The same for a page whose rmap goes only after the flush. */
bool __tlb_remove_page_delay_rmap(struct mmu_gather *tlb, struct page *page, unsigned int nr)
	__must_check;
/* With the flush when it is full: no locks. */
void tlb_remove_page(struct mmu_gather *tlb, struct page *page);

/*
 * The table was unhooked from its entry at @addr; no lock.  Freed after the flush, which then
 * reaches every CPU of the mask, and a grace period.
 */
void tlb_remove_table(struct mmu_gather *tlb, struct page *table, unsigned long addr);

/*
 * Frees the tables that only map addresses inside [@addr, @end), where nothing is mapped any more.
 * Tables that reach below @floor or beyond @ceiling (0: the end) belong to neighbours and stay.
 */
struct pgtable_range {
	unsigned long addr, end, floor, ceiling;
};
void free_pgd_range(struct mmu_gather *tlb, const struct pgtable_range *range);

/* Exact counts since boot, all CPUs; atomic. */
struct mmu_gather_stats {
	u64 flushes, early_flushes;	/* early: no room or no batch page */
	u64 pages, tables;
	u64 table_singles;		/* tables freed one by one for lack of a batch page */
	u64 nested;			/* finished with a full flush because of another gather */
};
struct mmu_gather_stats mmu_gather_stats(void);

#endif /* MM_MMU_MMU_GATHER_H */
