/* SPDX-License-Identifier: MIT */
/*
 * free_pgd_range(): giving back the tables of an unmapped range.
 *
 * What.  A table covers 2 MiB, 1 GiB or 512 GiB, an unmapped range rarely whole ones.  The caller
 * says how far the neighbouring mappings are (floor below, ceiling above): every table that no
 * neighbour can need is unhooked and gathered.
 *
 * Locking.  The caller excludes everybody who would map something in the range (mmap lock for
 * write, or the end of the address space).  Context.  Task.  Failure.  None.
 * See also.  mm/memory.c in Linux; tests/unit/test_mmu_gather.c.
 */
#include "mm/mmu/mmu_gather.h"

/* @r reaches no neighbour inside the entry of size 1 << @shift that it lies in. */
static bool entry_is_ours(const struct pgtable_range *r, unsigned int shift)
{
	unsigned long mask = ~((1UL << shift) - 1);
	unsigned long ceiling = r->ceiling & mask;

	if ((r->addr & mask) < r->floor)
		return false;
	if (r->ceiling && !ceiling)
		return false;
	return r->end - 1 <= ceiling - 1;	/* a ceiling of 0 is the end of all addresses */
}

/* The entries of @table, each 1 << @shift bytes large, that map [r->addr, r->end). */
static void free_table_range(struct mmu_gather *tlb, u64 *table, unsigned int shift,
			     const struct pgtable_range *r)
{
	unsigned long addr, next;

	for (addr = r->addr; addr != r->end; addr = next) {
		u64 *entry = table + ((addr >> shift) & (PTRS_PER_TABLE - 1));
		u64 e = smp_load_acquire(entry);
		struct pgtable_range sub = { .floor = r->floor, .ceiling = r->ceiling };

		next = entry_addr_end(addr, r->end, 1UL << shift);
		if (!e)
			continue;
		BUG_ON(e & _PAGE_PSE);		/* a huge page is still mapped */
		if (shift > PMD_SHIFT) {
			sub.addr = addr;
			sub.end = next;
			free_table_range(tlb, table_virt(entry_pfn(e)), shift - 9, &sub);
			if (!entry_is_ours(&sub, shift))
				continue;
		}
		WRITE_ONCE(*entry, 0);		/* unhooked; walkers may still be below */
		tlb_remove_table(tlb, pfn_to_page(entry_pfn(e)), addr);
	}
}

void free_pgd_range(struct mmu_gather *tlb, const struct pgtable_range *range)
{
	struct pgtable_range r = *range;

	/* Shrink to whole pte tables that no neighbour reaches into. */
	r.addr &= PMD_MASK;
	if (r.addr < r.floor) {
		r.addr += PMD_SIZE;
		if (!r.addr)
			return;
	}
	if (r.ceiling) {
		r.ceiling &= PMD_MASK;
		if (!r.ceiling)
			return;
	}
	if (r.end - 1 > r.ceiling - 1)
		r.end -= PMD_SIZE;
	if (r.addr > r.end - 1)
		return;
	free_table_range(tlb, (u64 *)tlb->ctx->pgd, PGDIR_SHIFT, &r);
}
