/* SPDX-License-Identifier: MIT */
/*
 * The hardware walker: from an address to a TLB entry, setting accessed and dirty bits.
 *
 * What.  A miss reads the four levels of the loaded tables, top down.  Rights are the AND over the
 * levels (NX: OR).  The leaf's A bit, and D for a write, are set with one locked compare-and-swap
 * that fails if anybody changed the entry since it was judged: then it is judged again.  Upper
 * entries are made with A set, so there is nothing to set there.
 *
 * Why the tables stay.  A walk is part of one access and contains no safepoint.  Tables are freed
 * after an IPI to every CPU that has the space loaded, lazily or not, and after a grace period.
 *
 * Invariants.
 *   I1  Nothing enters the TLB that was not present, with A set, in the tables during this step.
 *   I2  A write is done only through an entry whose leaf has D set.
 *   I3  A refused access leaves no entry for its page: the next try walks (x86 does the same, which
 *       is why giving rights needs no flush).
 *
 * Locking.  None: hardware takes no locks.  Context.  Inside a step of the CPU.
 * Failure.  NULL and the kind of fault.  Costs.  25 to 40 ns with the tables in cache.
 * See also.  Intel SDM volume 3, chapter 4; tests/unit/test_tlb.c, test_access.c.
 */
#include "mm/mmu/walk.h"

#include "mm/mmu/access.h"
#include "mm/mmu/pgtable.h"
#include "mm/mmu/phys.h"
#include "mm/mmu/tlbstate.h"
#include "mm/page/page_check.h"

/* ---- rights ---- */

/* Do the rights of a present leaf refuse the access? */
static bool forbidden(u64 rights, enum mmu_access access, bool user)
{
	if (user && !(rights & _PAGE_USER))
		return true;
	if (access == MMU_WRITE)
		return !(rights & _PAGE_RW);
	return access == MMU_EXEC && (rights & _PAGE_NX);
}

static unsigned int fault_flags(enum mmu_access access, bool present)
{
	return (access == MMU_WRITE ? FAULT_FLAG_WRITE : 0) |
		(access == MMU_EXEC ? FAULT_FLAG_INSTRUCTION : 0) |
		(present ? FAULT_FLAG_PROT : 0);
}

/* The leaf with the rights that the levels above leave of it. */
static u64 combine(u64 leaf, u64 upper)
{
	return (leaf & (upper | ~(_PAGE_RW | _PAGE_USER))) | (upper & _PAGE_NX);
}

/* ---- the walk ---- */

struct walk_state {
	unsigned long addr;
	enum mmu_access access;
	bool user;
	u64 upper;		/* combined rights of the levels passed */
};

/* Judges the leaf at @entry and sets A and D.  0 with *@leaf, or the fault's flags | 1 << 31. */
#define WALK_FAULT	(1u << 31)

static unsigned int take_leaf(u64 *entry, const struct walk_state *w, u64 *leaf)
{
	u64 need = _PAGE_ACCESSED | (w->access == MMU_WRITE ? _PAGE_DIRTY : 0);
	/* Acquire: pairs with set_pte(): the frame's contents come with it. */
	u64 old = smp_load_acquire(entry);

	for (;;) {
		if (!(old & _PAGE_PRESENT))
			return WALK_FAULT | fault_flags(w->access, false);
		*leaf = combine(old, w->upper);
		if (forbidden(*leaf, w->access, w->user))
			return WALK_FAULT | fault_flags(w->access, true);
		if ((old & need) == need)
			return 0;
		/* Full order, as a locked instruction. */
		if (try_cmpxchg(entry, &old, old | need)) {
			*leaf |= need;
			return 0;
		}
		/* The failed one ordered nothing, and the entry may show another frame now. */
		old = smp_load_acquire(entry);
	}
}

/* The table under @entry, or NULL; collects its rights. */
static u64 *next_level(const u64 *entry, struct walk_state *w)
{
	/* Acquire: pairs with the release that hung the table; its zeroes come with it. */
	u64 e = smp_load_acquire(entry);

	if (!(e & _PAGE_PRESENT))
		return NULL;
	w->upper = (w->upper & (e | _PAGE_NX)) | (e & _PAGE_NX);
	return table_virt(entry_pfn(e));
}

/* 0 with the translation in *@out, or WALK_FAULT | flags. */
static unsigned int walk_tables(const pgd_t *pgd, struct walk_state *w, struct tlb_walk *out)
{
	u64 *table, *pmd;
	u64 e;

	w->upper = _PAGE_RW | _PAGE_USER;
	if (!pgd)		/* init_mm before anything was mapped in it */
		return WALK_FAULT | fault_flags(w->access, false);
	table = next_level(&pgd[pgd_index(w->addr)].pgd, w);
	if (table)
		table = next_level(table + pud_index(w->addr), w);
	if (!table)
		return WALK_FAULT | fault_flags(w->access, false);
	pmd = table + pmd_index(w->addr);
	e = smp_load_acquire(pmd);
	out->huge = (e & _PAGE_PSE) != 0;
	if (out->huge)
		return take_leaf(pmd, w, &out->pte);
	table = next_level(&e, w);
	if (!table)
		return WALK_FAULT | fault_flags(w->access, false);
	return take_leaf(table + pte_index(w->addr), w, &out->pte);
}

/* The page of a huge leaf can be split into a table between the two reads of its entry. */
static bool leaf_kind_changed(const struct tlb_walk *walk)
{
	return walk->huge && !(walk->pte & _PAGE_PSE);
}

static struct tlb_entry *walk_and_fill(struct cpu_tlb *tlb, struct walk_state *w,
				       unsigned int *flags)
{
	const struct mmu_context *ctx = loaded_mmu_context();
	struct tlb_walk walk;
	struct tlb_entry *e;

	owner_inc(tlb->stats.misses);
	do {
		*flags = walk_tables(ctx->pgd, w, &walk);
	} while (unlikely(!*flags && leaf_kind_changed(&walk)));
	if (*flags)
		return NULL;
	e = tlb_fill(tlb, w->addr, &walk);
	if (unlikely(tlb_options.oracle))
		tlb_oracle_fill(e);
	return e;
}

char *mmu_translate(struct cpu_tlb *tlb, unsigned long addr, enum mmu_access access,
		    unsigned int *flags)
{
	struct walk_state w = { .addr = addr, .access = access, .user = addr < TASK_SIZE_MAX };
	struct tlb_entry *e = tlb_lookup(tlb, addr);

	if (unlikely(tlb->suspended && w.user))
		panic("user access at %#lx without an address space (lazy TLB)", addr);
	if (e && (forbidden(e->pte, access, w.user) ||
		  (access == MMU_WRITE && !(e->pte & _PAGE_DIRTY)))) {
		e = NULL;		/* hardware walks before it faults, and to set D */
	}
	if (e) {
		owner_inc(tlb->stats.hits);
	} else {
		e = walk_and_fill(tlb, &w, flags);
		if (!e) {
			(void)tlb_drop_page(tlb, addr);			/* I3 */
			*flags &= ~WALK_FAULT;
			return NULL;
		}
	}
	if (unlikely(tlb_options.oracle))
		tlb_oracle_check(e, addr);
	tlb_front_fill(tlb, addr, e);
	return tlb_entry_host(e, addr & PAGE_MASK) + (addr & ~PAGE_MASK);
}

/* ---- the oracle ---- */

void tlb_oracle_fill(struct tlb_entry *entry)
{
	struct page *page = pfn_to_page(entry_pfn(entry->pte));
	struct page *head = compound_head(page);

	entry->head_off = (u16)(page - head);
	entry->generation = READ_ONCE(head->generation);
}

void tlb_oracle_check(const struct tlb_entry *entry, unsigned long addr)
{
	struct page *page = pfn_to_page(entry_pfn(entry->pte)) - entry->head_off;
	u32 now = READ_ONCE(page->generation);
	const struct cpu_tlbstate *state;
	const struct mmu_context *ctx;
	char frame[256];

	if (likely(now == entry->generation && page_test_flags(page, PG_allocated | PG_reserved)))
		return;
	state = this_cpu_ptr(&cpu_tlbstates);
	ctx = state->loaded;
	page_describe(page, frame, sizeof(frame));
	panic("stale translation: access at %#lx goes to a frame that was freed\n"
	      "  translation: leaf %#llx, filled at frame generation %u; space %llu, its tlb_gen "
	      "%llu,\n  this CPU flushed up to %llu, in its cpumask %d, lazy %u, %llu entries "
	      "flushed here\n  frame now: generation %u, %s", addr,
	      (unsigned long long)entry->pte, entry->generation,
	      (unsigned long long)ctx->ctx_id, (unsigned long long)READ_ONCE(ctx->tlb_gen),
	      (unsigned long long)state->ctxs[state->loaded_slot].tlb_gen,
	      cpumask_test_cpu(smp_processor_id(), &ctx->cpumask), dekker_load(state->is_lazy),
	      (unsigned long long)this_cpu_ptr(&cpu_tlbs)->stats.entries_flushed, now, frame);
}
