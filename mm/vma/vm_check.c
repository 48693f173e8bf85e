/* SPDX-License-Identifier: MIT */
/* The oracle of user memory: every entry of every table is visited and counted. */
#include "mm/vma/vm_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "mm/vma/fault.h"
#include "mm/vma/mm.h"
#include "mm/vma/rmap.h"
#include "mm/vma/shmem.h"
#include "runtime/hostmem.h"
#include "runtime/rcu.h"

struct vm_census {
	struct vm_check_result result;
	u32 *maps;			/* [max_pfn] entries that map the frame */
	struct mm_struct *mm;		/* the one being walked */
	unsigned long nr_tables;
	unsigned long rss[NR_MM_COUNTERS];
};

/* Notes the first thing that is wrong. */
static void wrong(struct vm_census *c, const char *fmt, ...) __printf(2, 3);
static void wrong(struct vm_census *c, const char *fmt, ...)
{
	va_list args;

	if (!c->result.ok)
		return;
	c->result.ok = false;
	va_start(args, fmt);
	(void)vsnprintf(c->result.text, sizeof(c->result.text), fmt, args);
	va_end(args);
}

#define CHECK_THAT(c, cond, fmt, ...)					\
	do {								\
		if (!(cond))						\
			wrong((c), "vm oracle: mm %llu: " fmt ": !(%s)",	\
			      (unsigned long long)(c)->mm->id, __VA_ARGS__, #cond); \
	} while (0)

/* ---- entries ---- */

static bool chain_has(const struct vm_area_struct *vma, const struct anon_vma *anon_vma)
{
	const struct anon_vma_chain *avc;

	list_for_each_entry(avc, &vma->anon_vma_chain, same_vma)
		if (avc->anon_vma == anon_vma)
			return true;
	return false;
}

static void check_anon(struct vm_census *c, const struct vm_area_struct *vma, unsigned long addr,
		       pte_t pte)
{
	const struct page *page = pte_page(pte);
	const struct anon_vma *anon_vma =
		(const void *)((unsigned long)page->mapping - PAGE_MAPPING_ANON);

	c->rss[MM_ANONPAGES]++;
	CHECK_THAT(c, !(vma->vm_flags & VM_SHARED), "anonymous page in shared area at %#lx", addr);
	CHECK_THAT(c, page->index == linear_page_index(vma, addr), "page index %#lx at %#lx",
		   page->index, addr);
	CHECK_THAT(c, chain_has(vma, anon_vma), "anon_vma of the page at %#lx", addr);
	CHECK_THAT(c, !pte_write(pte) || page_anon_exclusive(page),
		   "writable entry %#llx at %#lx", (unsigned long long)pte_val(pte), addr);
}

static void check_pte(struct vm_census *c, unsigned long addr, pte_t pte)
{
	const struct vm_area_struct *vma = vma_lookup(c->mm, addr);
	const struct page *page;

	CHECK_THAT(c, vma, "entry %#llx at %#lx", (unsigned long long)pte_val(pte), addr);
	CHECK_THAT(c, pte_present(pte), "entry %#llx at %#lx", (unsigned long long)pte_val(pte),
		   addr);
	if (!c->result.ok)
		return;
	CHECK_THAT(c, !pte_write(pte) || (vma->vm_flags & VM_WRITE), "entry at %#lx", addr);
	CHECK_THAT(c, !(pte_val(pte) & _PAGE_COW_FLUSH), "unfinished copy at %#lx", addr);
	page = pte_page(pte);
	if (pte_special(pte)) {
		CHECK_THAT(c, page == zero_page && !pte_write(pte), "special entry at %#lx", addr);
		return;
	}
	c->maps[page_to_pfn(page)]++;
	CHECK_THAT(c, page_test_flags(page, PG_allocated), "free page at %#lx", addr);
	if (page_is_anon(page)) {
		check_anon(c, vma, addr, pte);
		return;
	}
	c->rss[MM_SHMEMPAGES]++;
	CHECK_THAT(c, page->mapping && page->mapping == vma->vm_shmem, "object of the page at %#lx",
		   addr);
	CHECK_THAT(c, page->index == linear_page_index(vma, addr), "page index %#lx at %#lx",
		   page->index, addr);
}

/* @table, whose entries map 1 << @shift bytes each, @nr of them from @base on. */
static void check_table(struct vm_census *c, const u64 *table, unsigned int shift,
			unsigned long base)
{
	unsigned int nr = shift == PGDIR_SHIFT ? PTRS_PER_TABLE / 2 : PTRS_PER_TABLE;

	c->nr_tables++;
	if (shift < PGDIR_SHIFT)
		CHECK_THAT(c, find_vma_intersection(c->mm, base,
						    base + ((u64)PTRS_PER_TABLE << shift)),
			   "table of level %u at %#lx", shift, base);
	for (unsigned int i = 0; i < nr && c->result.ok; i++) {
		unsigned long addr = base + ((unsigned long)i << shift);
		u64 entry = smp_load_acquire(&table[i]);

		if (!entry)
			continue;
		if (shift == PAGE_SHIFT)
			check_pte(c, addr, __pte(entry));
		else
			check_table(c, table_virt(entry_pfn(entry)), shift - 9, addr);
	}
}

static void check_mm(struct vm_census *c, struct mm_struct *mm)
{
	c->mm = mm;
	c->nr_tables = 0;
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		c->rss[i] = 0;
	mmap_read_lock(mm);
	CHECK_THAT(c, mm_is_valid(mm), "%u areas", mm->map_count);
	check_table(c, (const u64 *)mm->context.pgd, PGDIR_SHIFT, 0);
	mmap_read_unlock(mm);
	CHECK_THAT(c, c->nr_tables * PAGE_SIZE == (u64)READ_ONCE(mm->context.pgtables_bytes),
		   "%lu tables", c->nr_tables);
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		CHECK_THAT(c, percpu_counter_sum(&mm->rss_stat[i]) == (s64)c->rss[i],
			   "rss_stat[%d] of %lu pages is %lld", i, c->rss[i],
			   (long long)percpu_counter_sum(&mm->rss_stat[i]));
}

/* ---- pages ---- */

static void check_shmem_page(unsigned long index, struct page *page, void *arg)
{
	struct vm_census *c = arg;
	u32 maps = c->maps[page_to_pfn(page)];

	if (page->index != index || page_mapcount(page) != (s32)maps ||
	    page_count(page) != (s32)maps + 1)
		wrong(c, "vm oracle: shared page %lu, index %lu: entries %u, mapcount %d, count %d",
		      index, page->index, maps, page_mapcount(page), page_count(page));
}

static void check_objects(struct vm_census *c, struct mm_struct *mm)
{
	const struct vm_area_struct *vma;

	mmap_read_lock(mm);
	for_each_vma(mm, vma)
		if (vma->vm_shmem)
			shmem_for_each_page(vma->vm_shmem, check_shmem_page, c);
	mmap_read_unlock(mm);
}

static void check_page(struct vm_census *c, unsigned long pfn)
{
	const struct page *page = pfn_to_page(pfn);
	u32 maps = c->maps[pfn];

	if (!page_test_flags(page, PG_allocated) || page_test_flags(page, PG_slab | PG_table) ||
	    !page_is_anon(page))
		return;
	if (page_mapcount(page) != (s32)maps || page_count(page) != (s32)maps)
		wrong(c, "vm oracle: anonymous pfn %#lx: %u entries, mapcount %d, refcount %d", pfn,
		      maps, page_mapcount(page), page_count(page));
	if (!maps || (page_anon_exclusive(page) && maps != 1))
		wrong(c, "vm oracle: anonymous pfn %#lx: %u entries, exclusive %d", pfn, maps,
		      page_anon_exclusive(page));
}

struct vm_check_result vm_check(struct mm_struct *const *mms, unsigned int nr)
{
	struct vm_census c = { .result = { .ok = true } };
	size_t bytes = max_pfn * sizeof(*c.maps);

	rcu_barrier();		/* what is still on its way to be freed would be seen changing */
	c.maps = hostmem_alloc(bytes);
	if (!c.maps) {
		wrong(&c, "vm oracle: the host has no memory for its %zu bytes", bytes);
		return c.result;
	}
	for (unsigned int i = 0; i < nr; i++)
		check_mm(&c, mms[i]);
	for (unsigned int i = 0; i < nr && c.result.ok; i++)
		check_objects(&c, mms[i]);
	for (unsigned long pfn = 0; pfn < max_pfn && c.result.ok; pfn++)
		check_page(&c, pfn);
	hostmem_free(c.maps, bytes);
	return c.result;
}
