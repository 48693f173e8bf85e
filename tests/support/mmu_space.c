/* SPDX-License-Identifier: MIT */
/* An address space without VMAs, for tests of the MMU. */
#include "tests/support/mmu_space.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/page_check.h"
#include "runtime/rcu.h"

static const struct lock_class sem_class = { .name = "test mmap_lock", .rank = RANK_MMAP };

static int map_zeroed(struct space *s, unsigned long addr)
{
	pgprot_t prot = s->read_only ? PAGE_READONLY : PAGE_SHARED;
	struct page *page;
	spinlock_t *ptl;
	pte_t *pte;

	page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	pte = pte_alloc_map_lock(&s->ctx, addr, &ptl);
	if (!pte) {
		__free_page(page);
		return -ENOMEM;
	}
	if (pte_none(ptep_get(pte))) {
		set_pte(pte, mk_pte(page, prot));
		page = NULL;
	}
	pte_unmap_unlock(pte, ptl);
	if (page)
		__free_page(page);
	return 0;
}

static int make_writable(struct space *s, unsigned long addr)
{
	spinlock_t *ptl;
	pte_t *pte = pte_find_map_lock(&s->ctx, addr, &ptl);

	if (!pte)
		return 0;
	if (pte_present(ptep_get(pte)))
		(void)ptep_set_access_flags(pte, pte_mkwrite(ptep_get(pte)), 0);
	pte_unmap_unlock(pte, ptl);
	return 0;
}

static int space_fault(struct mmu_context *ctx, unsigned long addr, unsigned int flags)
{
	struct space *s = container_of(ctx, struct space, ctx);
	int err;

	fetch_add_relaxed(&s->nr_faults, 1);
	WRITE_ONCE(s->last_addr, addr);
	WRITE_ONCE(s->last_flags, flags);
	if (addr < s->base || addr >= s->end || (flags & FAULT_FLAG_INSTRUCTION) ||
	    (flags & FAULT_FLAG_PROT && s->read_only))
		return -EFAULT;
	down_read(&s->sem);
	err = flags & FAULT_FLAG_PROT ? make_writable(s, addr) : map_zeroed(s, addr);
	up_read(&s->sem);
	return err;
}

static const struct mmu_fault_ops space_ops = { .handle_fault = space_fault };

void space_machine_boot(const struct space_options *opt)
{
	struct kmemlab_options k = {
		.cpu = { .nr_cpus = opt->nr_cpus, .seed = SPACE_SEED, .no_pin = opt->no_pin,
			 .backend = opt->backend },
		.mm = { .mem_bytes = (u64)(opt->mem_mb ? opt->mem_mb : 64) << 20,
			.layout = opt->layout },
	};
	struct mm_error err;

	if (kmemlab_boot(&k, &err))
		fail_msg("%s", err.text);
	assert_int_equal(mmu_boot(&opt->tlb), 0);
	mmu_fault_register(&space_ops);
}

static void wait_for_callbacks(void *arg)
{
	(void)arg;
	switch_mm(&init_mm);
	rcu_barrier();
}

void space_machine_shutdown(long allocated)
{
	struct page_check_result result;

	cpu_run_all(wait_for_callbacks, NULL);
	result = page_alloc_check(true, allocated);
	if (!result.ok)
		fail_msg("%s", result.text);
	mmu_shutdown();
	kmemlab_shutdown();
}

void space_init(struct space *s, unsigned long nr_pages)
{
	memset(s, 0, sizeof(*s));
	CHECK(mmu_context_init(&s->ctx) == 0);
	init_rwsem(&s->sem, &sem_class, NULL);
	s->base = SPACE_BASE;
	s->end = s->base + nr_pages * PAGE_SIZE;
	switch_mm(&s->ctx);
}

static void zap(struct space *s, struct mmu_gather *tlb, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl;

	for (; addr < end; addr += PAGE_SIZE) {
		pte_t *ptep = pte_find_map_lock(&s->ctx, addr, &ptl);
		bool full = false;
		pte_t pte;

		if (!ptep)
			continue;
		pte = ptep_get_and_clear(ptep);
		if (pte_present(pte)) {
			tlb_remove_tlb_entry(tlb, addr);
			full = __tlb_remove_page(tlb, pte_page(pte), 1);
		}
		pte_unmap_unlock(ptep, ptl);
		if (full)
			tlb_flush_mmu(tlb);
	}
}

void space_unmap(struct space *s, unsigned long addr, unsigned long nr)
{
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, &s->ctx);
	zap(s, &tlb, addr, addr + nr * PAGE_SIZE);
	tlb_finish_mmu(&tlb);
}

static void unmap_window(struct space *s, struct mmu_gather *tlb)
{
	struct pgtable_range range = { .addr = s->base, .end = s->end };

	zap(s, tlb, s->base, s->end);
	free_pgd_range(tlb, &range);
	tlb_finish_mmu(tlb);
}

void space_unmap_all(struct space *s)
{
	struct mmu_gather tlb;

	down_write(&s->sem);
	tlb_gather_mmu(&tlb, &s->ctx);
	unmap_window(s, &tlb);
	up_write(&s->sem);
}

void space_destroy(struct space *s)
{
	struct mmu_gather tlb;

	switch_mm(&init_mm);
	tlb_gather_mmu_fullmm(&tlb, &s->ctx);
	unmap_window(s, &tlb);
	mmu_context_destroy(&s->ctx);
	destroy_rwsem(&s->sem);
}

void space_wrprotect(struct space *s, unsigned long addr, unsigned long nr)
{
	spinlock_t *ptl;

	inc_tlb_flush_pending(&s->ctx);
	for (unsigned long a = addr; a < addr + nr * PAGE_SIZE; a += PAGE_SIZE) {
		pte_t *pte = pte_find_map_lock(&s->ctx, a, &ptl);

		if (!pte)
			continue;
		if (pte_present(ptep_get(pte)))
			ptep_set_wrprotect(pte);
		pte_unmap_unlock(pte, ptl);
	}
	flush_tlb_range(&s->ctx, addr, addr + nr * PAGE_SIZE);
	dec_tlb_flush_pending(&s->ctx);
}

void on_cpu(void (*fn)(void *arg), void *arg)
{
	cpu_run(0, fn, arg);
}
