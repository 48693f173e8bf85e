/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries of x86-64: four levels of 512 entries, their bits, and pure functions on them.
 *
 * Names and bit positions follow arch/x86/include/asm/pgtable_types.h and pgtable.h.  Everything
 * here works on values; entries in memory are read and written by mm/mmu/pgtable.h only.
 */
#ifndef MM_MMU_PGTABLE_TYPES_H
#define MM_MMU_PGTABLE_TYPES_H

#include "mm/page/page.h"

#define PMD_SHIFT	21
#define PUD_SHIFT	30
#define PGDIR_SHIFT	39
#define PMD_SIZE	(1UL << PMD_SHIFT)
#define PUD_SIZE	(1UL << PUD_SHIFT)
#define PGDIR_SIZE	(1UL << PGDIR_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PMD_MASK	(~(PMD_SIZE - 1))
#define PUD_MASK	(~(PUD_SIZE - 1))
#define PGDIR_MASK	(~(PGDIR_SIZE - 1))
#define PTRS_PER_TABLE	512u
#define HPAGE_PMD_SIZE	PMD_SIZE

/* User addresses end one page below the hole of non-canonical addresses, as on x86-64. */
#define TASK_SIZE_MAX	((1UL << 47) - PAGE_SIZE)
/* The kernel's simulated half; its vmalloc area lies under one root entry. */
#define KERNEL_START	0xffff800000000000UL
#define VMALLOC_START	0xffffc90000000000UL
#define VMALLOC_END	(VMALLOC_START + PGDIR_SIZE)

#define _PAGE_PRESENT	(1ULL << 0)
#define _PAGE_RW	(1ULL << 1)
#define _PAGE_USER	(1ULL << 2)
#define _PAGE_PWT	(1ULL << 3)
#define _PAGE_PCD	(1ULL << 4)
#define _PAGE_ACCESSED	(1ULL << 5)
#define _PAGE_DIRTY	(1ULL << 6)
#define _PAGE_PSE	(1ULL << 7)	/* in a pmd: a 2 MiB page instead of a table */
#define _PAGE_GLOBAL	(1ULL << 8)	/* with PRESENT: same translation in every address space */
#define _PAGE_PROTNONE	(1ULL << 8)	/* without PRESENT: a page is there, no access is allowed */
#define _PAGE_SPECIAL	(1ULL << 9)	/* software: no struct page reference (the zero page) */
/*
 * Software: a copy-on-write put this page here read-only and its flush may still be under way.
 * Whoever wants to make the entry writable flushes the page first (docs/mmu.md).
 */
#define _PAGE_COW_FLUSH	(1ULL << 10)
#define _PAGE_SOFT_DIRTY (1ULL << 11)	/* software: written since the bit was cleared */
#define _PAGE_SW_MASK	(7ULL << 9 | 0x7fULL << 52)	/* everything that hardware ignores */
#define _PAGE_NX	(1ULL << 63)

#define PTE_PFN_MASK	0x000ffffffffff000ULL
#define _PAGE_CHG_MASK	(PTE_PFN_MASK | _PAGE_SPECIAL | _PAGE_ACCESSED | _PAGE_DIRTY | \
			 _PAGE_SOFT_DIRTY | _PAGE_COW_FLUSH | _PAGE_PSE)

/* What an entry that points to a table holds: rights are decided at the leaf. */
#define _PAGE_TABLE	(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY)

typedef struct { u64 pte; } pte_t;
typedef struct { u64 pmd; } pmd_t;
typedef struct { u64 pud; } pud_t;
typedef struct { u64 pgd; } pgd_t;
typedef struct { u64 pgprot; } pgprot_t;

#define __pte(x)	((pte_t){ (x) })
#define __pmd(x)	((pmd_t){ (x) })
#define __pud(x)	((pud_t){ (x) })
#define __pgd(x)	((pgd_t){ (x) })
#define __pgprot(x)	((pgprot_t){ (x) })
#define pte_val(x)	((x).pte)
#define pmd_val(x)	((x).pmd)
#define pud_val(x)	((x).pud)
#define pgd_val(x)	((x).pgd)
#define pgprot_val(x)	((x).pgprot)

/* Protections of user leaves by what a VMA allows. */
#define PAGE_NONE	__pgprot(_PAGE_PROTNONE | _PAGE_ACCESSED)
#define PAGE_READONLY	__pgprot(_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED | _PAGE_NX)
#define PAGE_READONLY_EXEC __pgprot(_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED)
#define PAGE_SHARED	__pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_NX)
#define PAGE_SHARED_EXEC __pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED)
#define PAGE_KERNEL	__pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | \
				 _PAGE_GLOBAL | _PAGE_NX)

static inline bool pte_none(pte_t pte)
{
	return pte_val(pte) == 0;
}

/* A page is there; with PROT_NONE hardware faults on it all the same. */
static inline bool pte_present(pte_t pte)
{
	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_PROTNONE)) != 0;
}

static inline bool pte_same(pte_t a, pte_t b)
{
	return pte_val(a) == pte_val(b);
}

static inline bool pte_write(pte_t pte)
{
	return (pte_val(pte) & _PAGE_RW) != 0;
}

static inline bool pte_dirty(pte_t pte)
{
	return (pte_val(pte) & _PAGE_DIRTY) != 0;
}

static inline bool pte_young(pte_t pte)
{
	return (pte_val(pte) & _PAGE_ACCESSED) != 0;
}

static inline bool pte_special(pte_t pte)
{
	return (pte_val(pte) & _PAGE_SPECIAL) != 0;
}

static inline unsigned long pte_pfn(pte_t pte)
{
	return (unsigned long)((pte_val(pte) & PTE_PFN_MASK) >> PAGE_SHIFT);
}

static inline struct page *pte_page(pte_t pte)
{
	return pfn_to_page(pte_pfn(pte));
}

static inline pte_t pfn_pte(unsigned long pfn, pgprot_t prot)
{
	return __pte((u64)pfn << PAGE_SHIFT | pgprot_val(prot));
}

static inline pte_t mk_pte(const struct page *page, pgprot_t prot)
{
	return pfn_pte(page_to_pfn(page), prot);
}

static inline pte_t pte_set_flags(pte_t pte, u64 set)
{
	return __pte(pte_val(pte) | set);
}

static inline pte_t pte_clear_flags(pte_t pte, u64 clear)
{
	return __pte(pte_val(pte) & ~clear);
}

#define pte_mkwrite(pte)	pte_set_flags((pte), _PAGE_RW)
#define pte_wrprotect(pte)	pte_clear_flags((pte), _PAGE_RW)
#define pte_mkdirty(pte)	pte_set_flags((pte), _PAGE_DIRTY | _PAGE_SOFT_DIRTY)
#define pte_mkclean(pte)	pte_clear_flags((pte), _PAGE_DIRTY)
#define pte_mkyoung(pte)	pte_set_flags((pte), _PAGE_ACCESSED)
#define pte_mkold(pte)		pte_clear_flags((pte), _PAGE_ACCESSED)
#define pte_mkspecial(pte)	pte_set_flags((pte), _PAGE_SPECIAL)

/* The same page under other rights; accessed, dirty and software bits stay. */
static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & _PAGE_CHG_MASK) | (pgprot_val(prot) & ~_PAGE_CHG_MASK));
}

/*
 * True when replacing @old by @new needs a flush: a translation that hardware may hold allows what
 * the new entry forbids, or hides an accessed or dirty bit that was cleared.  Software bits never
 * need one; setting A or D, or giving rights, does not either (a refused access walks again).
 */
static inline bool pte_needs_flush(pte_t old, pte_t new)
{
	u64 diff = pte_val(old) ^ pte_val(new);
	u64 cleared = pte_val(old) & ~pte_val(new);

	if (!(pte_val(old) & _PAGE_PRESENT))
		return false;
	if (cleared & (_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY))
		return true;
	return (diff & ~(_PAGE_SW_MASK | _PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY)) != 0;
}

/* ---- upper levels ---- */

static inline bool pgd_none(pgd_t pgd)
{
	return pgd_val(pgd) == 0;
}

static inline bool pud_none(pud_t pud)
{
	return pud_val(pud) == 0;
}

static inline bool pmd_none(pmd_t pmd)
{
	return pmd_val(pmd) == 0;
}

static inline bool pmd_present(pmd_t pmd)
{
	return (pmd_val(pmd) & (_PAGE_PRESENT | _PAGE_PROTNONE)) != 0;
}

/* A 2 MiB page, present or PROT_NONE. */
static inline bool pmd_trans_huge(pmd_t pmd)
{
	return (pmd_val(pmd) & _PAGE_PSE) != 0;
}

/* A leaf pmd has the same bits in the same places as a pte. */
static inline pte_t pmd_pte(pmd_t pmd)
{
	return __pte(pmd_val(pmd));
}

static inline pmd_t pte_pmd(pte_t pte)
{
	return __pmd(pte_val(pte));
}

static inline pmd_t mk_huge_pmd(const struct page *page, pgprot_t prot)
{
	return __pmd(page_to_phys(page) | pgprot_val(prot) | _PAGE_PSE);
}

/* The frame a table entry of any upper level, or a leaf, points to. */
static inline unsigned long entry_pfn(u64 entry)
{
	return (unsigned long)((entry & PTE_PFN_MASK) >> PAGE_SHIFT);
}

static inline unsigned int pte_index(unsigned long addr)
{
	return (unsigned int)(addr >> PAGE_SHIFT) & (PTRS_PER_TABLE - 1);
}

static inline unsigned int pmd_index(unsigned long addr)
{
	return (unsigned int)(addr >> PMD_SHIFT) & (PTRS_PER_TABLE - 1);
}

static inline unsigned int pud_index(unsigned long addr)
{
	return (unsigned int)(addr >> PUD_SHIFT) & (PTRS_PER_TABLE - 1);
}

static inline unsigned int pgd_index(unsigned long addr)
{
	return (unsigned int)(addr >> PGDIR_SHIFT) & (PTRS_PER_TABLE - 1);
}

/* End of the table entry that maps @addr, or @end if that comes first; correct at the top. */
static inline unsigned long entry_addr_end(unsigned long addr, unsigned long end,
					   unsigned long size)
{
	unsigned long boundary = (addr + size) & ~(size - 1);

	return boundary - 1 < end - 1 ? boundary : end;
}

#define pgd_addr_end(addr, end)	entry_addr_end((addr), (end), PGDIR_SIZE)
#define pud_addr_end(addr, end)	entry_addr_end((addr), (end), PUD_SIZE)
#define pmd_addr_end(addr, end)	entry_addr_end((addr), (end), PMD_SIZE)

/* ---- entries that are no page: swap and migration ---- */

/*
 * Type in bits 58-62, offset in bits 12-57; PRESENT, PROTNONE and PSE are clear.  Bit 9 is free for
 * the owner of a swap entry (the page was exclusive).  Type 0, offset 0 would be pte_none(), so
 * types start at 1.
 */
#define SWP_TYPE_SHIFT		58
#define SWP_OFFSET_SHIFT	12
#define MAX_SWAPFILE_TYPES	31u
#define _PAGE_SWP_EXCLUSIVE	(1ULL << 9)

typedef struct { u64 val; } swp_entry_t;

static inline swp_entry_t swp_entry(unsigned int type, u64 offset)
{
	return (swp_entry_t){ (u64)type << SWP_TYPE_SHIFT | offset << SWP_OFFSET_SHIFT };
}

static inline unsigned int swp_type(swp_entry_t entry)
{
	return (unsigned int)(entry.val >> SWP_TYPE_SHIFT) & MAX_SWAPFILE_TYPES;
}

static inline u64 swp_offset(swp_entry_t entry)
{
	return (entry.val & ((1ULL << SWP_TYPE_SHIFT) - 1)) >> SWP_OFFSET_SHIFT;
}

static inline pte_t swp_entry_to_pte(swp_entry_t entry)
{
	return __pte(entry.val);
}

static inline swp_entry_t pte_to_swp_entry(pte_t pte)
{
	return (swp_entry_t){ pte_val(pte) & ~_PAGE_SWP_EXCLUSIVE };
}

#endif /* MM_MMU_PGTABLE_TYPES_H */
