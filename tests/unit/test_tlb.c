/* SPDX-License-Identifier: MIT */
/*
 * The TLB and the switching between address spaces, on one CPU played step by step, and the flush
 * rules on two: who is interrupted, who drops what, what is counted, what the event says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mm/mmu/tlb.h"
#include "mm/mmu/tlbstate.h"
#include "mm/page/vmstat.h"
#include "runtime/ipi.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

#define NR_PAGES	128UL

static struct space a, b, more[TLB_NR_DYN_ASIDS];

static struct cpu_tlb *tlb(void)
{
	return this_cpu_ptr(&cpu_tlbs);
}

static struct tlb_stats stats(void)
{
	return tlb()->stats;
}

static unsigned long page_no(unsigned long n)
{
	return SPACE_BASE + n * PAGE_SIZE;
}

static void touch(unsigned long first, unsigned long nr)
{
	u64 v;

	for (unsigned long i = first; i < first + nr; i++)
		CHECK(load_u64(page_no(i), &v) == 0);
}

/* ---- the TLB itself ---- */

static u64 walks_of(unsigned long first, unsigned long nr)
{
	u64 before = stats().misses;

	touch(first, nr);
	CHECK(tlb_is_valid(tlb()));
	return stats().misses - before;
}

/* 4 sets x 2 ways: pages 0, 4 and 8 share a set. */
static void sets_and_ways(void *arg)
{
	(void)arg;
	space_init(&a, NR_PAGES);
	touch(0, 9);
	flush_tlb_mm(&a.ctx);
	CHECK(tlb_nr_valid(tlb()) == 0);
	CHECK(walks_of(0, 8) == 8);
	CHECK(tlb_nr_valid(tlb()) == 8 && stats().evictions > 0);
	CHECK(walks_of(0, 8) == 0);
	CHECK(walks_of(8, 1) == 1);		/* evicts page 0 or 4, in turn */
	CHECK(tlb_nr_valid(tlb()) == 8);
	CHECK(walks_of(0, 1) + walks_of(4, 1) >= 1);
	space_destroy(&a);
}

/* Many flushes: the salts of the front come round, stale keys do not. */
static void salts(void *arg)
{
	u64 v;

	(void)arg;
	space_init(&a, NR_PAGES);
	touch(0, 4);
	for (unsigned int i = 0; i < 3 * TLB_SALT_MAX; i++) {
		u64 before = stats().misses;

		flush_tlb_mm(&a.ctx);
		CHECK(load_u64(page_no(i % 4), &v) == 0);
		CHECK(load_u64(page_no(i % 4), &v) == 0);
		CHECK(stats().misses == before + 1);
	}
	CHECK(tlb_is_valid(tlb()));
	space_destroy(&a);
}

static void huge(void *arg)
{
	struct page *page = alloc_pages(GFP_HIGHUSER | __GFP_COMP | __GFP_ZERO, HPAGE_PMD_ORDER);
	struct mmu_gather gather;
	unsigned long base = SPACE_BASE + PMD_SIZE;
	pmd_t *pmd;
	u64 v;

	(void)arg;
	CHECK(page);
	space_init(&a, NR_PAGES);
	pmd = mmu_alloc_pmd(&a.ctx, base);
	set_pmd(pmd, mk_huge_pmd(page, PAGE_SHARED));
	/* One walk for 2 MiB, A and D in the pmd. */
	for (unsigned long off = 0; off < PMD_SIZE; off += PMD_SIZE / 8)
		CHECK(store_u64(base + off, off) == 0);
	CHECK(stats().misses == 1 && stats().faults == 0);
	CHECK(pte_dirty(pmd_pte(pmdp_get(pmd))));
	CHECK(load_u64(base + PMD_SIZE / 2, &v) == 0 && v == PMD_SIZE / 2);
	CHECK(tlb_is_valid(tlb()));
	/* INVLPG of any address inside drops it, with all its front entries. */
	flush_tlb_page(&a.ctx, base + 5 * PAGE_SIZE);
	CHECK(tlb_nr_valid(tlb()) == 0 && stats().entries_flushed == 1);
	CHECK(load_u64(base + PMD_SIZE / 2, &v) == 0 && stats().misses == 2);

	(void)pmdp_get_and_clear(pmd);
	tlb_gather_mmu(&gather, &a.ctx);
	tlb_remove_pmd_tlb_entry(&gather, base);
	CHECK(!__tlb_remove_page(&gather, page, 1));
	tlb_finish_mmu(&gather);
	CHECK(load_u64(base, &v) == -14);	/* -EFAULT: beyond the window */
	a.end = base + PMD_SIZE;
	space_destroy(&a);
}

/* The kernel's half is the same in every space, and survives their flushes. */
static void global_entries(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u64 v, misses;

	(void)arg;
	space_init(&a, NR_PAGES);
	CHECK(load_kernel_u64(VMALLOC_START, &v) == -14);
	CHECK(kernel_map_pages(VMALLOC_START, &page, 1, PAGE_KERNEL) == 0);
	*(u64 *)page_address(page) = 77;
	CHECK(load_kernel_u64(VMALLOC_START, &v) == 0 && v == 77);
	CHECK(load_u64(VMALLOC_START, &v) == -14);
	misses = stats().misses;
	flush_tlb_mm(&a.ctx);
	space_init(&b, NR_PAGES);
	CHECK(load_kernel_u64(VMALLOC_START, &v) == 0 && v == 77);
	CHECK(stats().misses == misses);
	kernel_unmap_pages(VMALLOC_START, 1);
	flush_tlb_kernel_range(VMALLOC_START, VMALLOC_START + PAGE_SIZE);
	CHECK(load_kernel_u64(VMALLOC_START, &v) == -14);
	__free_page(page);
	space_destroy(&b);
	space_destroy(&a);
}

/* ---- spaces on a CPU ---- */

static void switching(void *arg)
{
	u64 v, misses;

	(void)arg;
	space_init(&a, NR_PAGES);
	touch(0, 8);
	CHECK(store_u64(page_no(0), 1) == 0);
	space_init(&b, NR_PAGES);
	touch(0, 8);
	CHECK(store_u64(page_no(0), 2) == 0);

	/* Both stay in the TLB, apart. */
	misses = stats().misses;
	switch_mm(&a.ctx);
	CHECK(load_u64(page_no(0), &v) == 0 && v == 1);
	switch_mm(&b.ctx);
	CHECK(load_u64(page_no(0), &v) == 0 && v == 2);
	CHECK(stats().misses == misses && stats().switches_no_flush == 2);

	/* A flush of the one that is elsewhere is made up for at the switch. */
	ptep_set_wrprotect(mmu_find_pte(&a.ctx, page_no(0)));
	a.read_only = true;
	flush_tlb_page(&a.ctx, page_no(0));
	switch_mm(&a.ctx);
	CHECK(store_u64(page_no(0), 3) == -14);
	CHECK(load_u64(page_no(0), &v) == 0 && v == 1);

	/* Six others take every slot: what was kept is gone. */
	for (unsigned int i = 0; i < TLB_NR_DYN_ASIDS; i++)
		space_init(&more[i], NR_PAGES);
	misses = stats().misses;
	switch_mm(&b.ctx);
	CHECK(load_u64(page_no(0), &v) == 0 && v == 2);
	CHECK(stats().misses == misses + 1);
	for (unsigned int i = 0; i < TLB_NR_DYN_ASIDS; i++)
		space_destroy(&more[i]);
	space_destroy(&b);
	space_destroy(&a);
}

static void lazy(void *arg)
{
	u64 v, misses;

	(void)arg;
	space_init(&a, NR_PAGES);
	CHECK(store_u64(page_no(0), 1) == 0);
	misses = stats().misses;
	enter_lazy_tlb();
	CHECK(mmu_is_lazy() && loaded_mmu_context() == &a.ctx);
	switch_mm(&a.ctx);
	CHECK(!mmu_is_lazy());
	CHECK(load_u64(page_no(0), &v) == 0 && v == 1 && stats().misses == misses);
	/* A flush on the lazy CPU itself sends it to init_mm. */
	enter_lazy_tlb();
	flush_tlb_page(&a.ctx, page_no(0));
	CHECK(loaded_mmu_context() == &init_mm && stats().lazy_drops == 1);
	switch_mm(&a.ctx);
	CHECK(load_u64(page_no(0), &v) == 0 && v == 1 && stats().misses == misses + 1);
	space_destroy(&a);
}

/* ---- who is interrupted ---- */

enum peer_does { PEER_RUNS, PEER_LAZY, PEER_ELSEWHERE };

static struct shootdown {
	enum peer_does peer;
	u32 phase;			/* 1: the peer is in place; 2: it may go on */
	u64 sent, skipped_lazy, skipped_other, received, flushed_by_peer;
	bool freed_tables;
	unsigned long nr_pages;
} sd;

static void peer_part(void)
{
	u64 flushed;

	switch_mm(&a.ctx);
	touch(0, 40);
	if (sd.peer == PEER_LAZY)
		enter_lazy_tlb();
	if (sd.peer == PEER_ELSEWHERE)
		switch_mm(&b.ctx);
	flushed = stats().entries_flushed;
	smp_store_release(&sd.phase, 1);
	while (smp_load_acquire(&sd.phase) != 2) {
		irq_safepoint();
		cpu_pause();
	}
	sd.flushed_by_peer = stats().entries_flushed - flushed;
	sd.received = stats().ipis_received;
	switch_mm(&init_mm);
}

static void flusher_part(void)
{
	struct tlb_range range = { page_no(0), page_no(sd.nr_pages), PAGE_SHIFT, sd.freed_tables };
	struct tlb_stats before = stats(), after;

	while (smp_load_acquire(&sd.phase) != 1) {
		irq_safepoint();
		cpu_pause();
	}
	switch_mm(&a.ctx);
	flush_tlb_mm_range(&a.ctx, &range);
	after = stats();
	sd.sent = after.ipis_sent - before.ipis_sent;
	sd.skipped_lazy = after.ipis_skipped_lazy - before.ipis_skipped_lazy;
	sd.skipped_other = after.ipis_skipped_other - before.ipis_skipped_other;
	smp_store_release(&sd.phase, 2);
}

static void both_parts(void *arg)
{
	(void)arg;
	if (smp_processor_id())
		peer_part();
	else
		flusher_part();
}

static void make_spaces(void *arg)
{
	(void)arg;
	space_init(&a, NR_PAGES);
	space_init(&b, NR_PAGES);
	switch_mm(&init_mm);
	/* The trim of CPUs elsewhere is due once a second; it was just done. */
	a.ctx.next_trim_ns = clock_ns() + 1000 * NSEC_PER_SEC;
}

static void destroy_spaces(void *arg)
{
	(void)arg;
	space_destroy(&a);
	space_destroy(&b);
}

static void shootdown(enum peer_does peer, unsigned long nr_pages, bool freed_tables)
{
	tlb_stats_reset();
	sd = (struct shootdown){ .peer = peer, .nr_pages = nr_pages, .freed_tables = freed_tables };
	on_cpu(make_spaces, NULL);
	cpu_run_all(both_parts, NULL);
	on_cpu(destroy_spaces, NULL);
}

static void test_who_is_interrupted(void **state)
{
	(void)state;
	space_machine_boot(&(struct space_options){ .nr_cpus = 2 });
	/* It runs the space: an IPI, and only the pages asked for go. */
	shootdown(PEER_RUNS, 5, false);
	assert_int_equal(sd.sent, 1);
	assert_int_equal(sd.flushed_by_peer, 5);
	/* 33 pages one by one, 34 all at once. */
	shootdown(PEER_RUNS, 33, false);
	assert_int_equal(sd.flushed_by_peer, 33);
	shootdown(PEER_RUNS, 34, false);
	assert_int_equal(sd.flushed_by_peer, 40);
	/* Lazy or elsewhere: not disturbed, and nothing dropped yet. */
	shootdown(PEER_LAZY, 5, false);
	assert_int_equal(sd.sent, 0);
	assert_int_equal(sd.skipped_lazy, 1);
	assert_int_equal(sd.flushed_by_peer, 0);
	shootdown(PEER_ELSEWHERE, 5, false);
	assert_int_equal(sd.sent, 0);
	assert_int_equal(sd.skipped_other, 1);
	assert_int_equal(sd.flushed_by_peer, 0);
	/* Page tables go: everybody in the mask. */
	shootdown(PEER_LAZY, 5, true);
	assert_int_equal(sd.sent, 1);
	assert_int_equal(sd.received, 1);
	shootdown(PEER_ELSEWHERE, 5, true);
	assert_int_equal(sd.sent, 1);
	assert_int_equal(sd.received, 1);
	space_machine_shutdown(3);
}

/* ---- the event ---- */

static unsigned int seen[NR_TLB_FLUSH_REASONS];
static long pages_of[NR_TLB_FLUSH_REASONS];

static void tracer(enum tlb_flush_reason reason, long pages)
{
	/* Of the first one: the end of a space flushes again. */
	if (!fetch_add_relaxed(&seen[reason], 1))
		WRITE_ONCE(pages_of[reason], pages);
}

static void test_event(void **state)
{
	char text[80];

	(void)state;
	tlb_flush_format(text, sizeof(text), TLB_REMOTE_SHOOTDOWN, 5);
	assert_string_equal(text, "pages:5 reason:remote shootdown (1)");
	tlb_flush_format(text, sizeof(text), TLB_FLUSH_ON_TASK_SWITCH, -1);
	assert_string_equal(text, "pages:-1 reason:flush on task switch (0)");

	space_machine_boot(&(struct space_options){ .nr_cpus = 2 });
	tlb_flush_tracer_set(tracer);
	shootdown(PEER_RUNS, 5, false);
	assert_int_equal(pages_of[TLB_REMOTE_SHOOTDOWN], 5);
	assert_int_equal(pages_of[TLB_REMOTE_SEND_IPI], 5);
	assert_true(seen[TLB_FLUSH_ON_TASK_SWITCH] >= 1);
	assert_int_equal(pages_of[TLB_FLUSH_ON_TASK_SWITCH], -1);
	shootdown(PEER_ELSEWHERE, 5, true);
	/* At the end of the first space, and by the flush just made. */
	assert_int_equal(seen[TLB_REMOTE_WRONG_CPU], 2);
	assert_true(vm_event_sum(NR_TLB_REMOTE_FLUSH) >= 2);
	assert_true(vm_event_sum(NR_TLB_REMOTE_FLUSH_RECEIVED) >= 2);
	space_machine_shutdown(3);
}

/* ---- deferred flushes ---- */

static void deferred(void *arg)
{
	struct tlb_unmap_batch batch = { .flush_required = false };
	pte_t *pte;
	u64 v;

	(void)arg;
	space_init(&a, NR_PAGES);
	CHECK(store_u64(page_no(0), 9) == 0);
	CHECK(!tlb_batched_pending(&a.ctx) && !should_defer_flush(&a.ctx));
	pte = mmu_find_pte(&a.ctx, page_no(0));
	tlb_batch_add_pending(&batch, &a.ctx, pte_dirty(ptep_get_and_clear(pte)));
	CHECK(batch.writable && tlb_batched_pending(&a.ctx));
	/* Until the flush the frame is still reachable; that is why it is not freed. */
	CHECK(load_u64(page_no(0), &v) == 0 && v == 9);
	flush_tlb_batched_pending(&a.ctx);
	CHECK(!tlb_batched_pending(&a.ctx));
	CHECK(load_u64(page_no(0), &v) == 0 && v == 0);		/* a new page */
	try_to_unmap_flush(&batch);
	CHECK(!batch.flush_required);
	/* The counter comes round without ever looking done when it is not. */
	for (unsigned int i = 0; i < 100000; i++) {
		tlb_batch_add_pending(&batch, &a.ctx, false);
		CHECK(tlb_batched_pending(&a.ctx));
		if (i % 7 == 0)
			flush_tlb_batched_pending(&a.ctx);
	}
	try_to_unmap_flush(&batch);
	space_destroy(&a);
}

static void run_alone(void (*fn)(void *arg), struct tlb_options opt, long allocated)
{
	space_machine_boot(&(struct space_options){ .nr_cpus = 1, .tlb = opt });
	on_cpu(fn, NULL);
	assert_int_equal(warnings_seen(), 0);
	space_machine_shutdown(allocated);
}

static const struct tlb_options defaults;

static void test_sets_and_ways(void **state)
{
	(void)state;
	run_alone(sets_and_ways, (struct tlb_options){ .sets = 4, .ways = 2 }, 3);
	assert_int_not_equal(tlb_boot(&(struct tlb_options){ .sets = 3 }), 0);
	assert_int_not_equal(tlb_boot(&(struct tlb_options){ .ways = 17 }), 0);
}

static void test_salts(void **state)
{
	(void)state;
	run_alone(salts, defaults, 3);
}

static void test_huge(void **state)
{
	(void)state;
	run_alone(huge, defaults, 3);
}

static void test_global(void **state)
{
	(void)state;
	run_alone(global_entries, defaults, 4);		/* and a pte table of the kernel's */
}

static void test_switching(void **state)
{
	(void)state;
	run_alone(switching, defaults, 3);
}

static void test_lazy(void **state)
{
	(void)state;
	run_alone(lazy, defaults, 3);
}

static void test_deferred(void **state)
{
	(void)state;
	run_alone(deferred, defaults, 4);		/* the page whose owner was reclaim */
}

/* Death: nobody flushes under a spinlock; the peer may spin on it. */
static void flush_locked(void *arg)
{
	spinlock_t *ptl;

	(void)arg;
	space_init(&a, NR_PAGES);
	touch(0, 1);
	if (!pte_find_map_lock(&a.ctx, page_no(0), &ptl))
		return;
	flush_tlb_page(&a.ctx, page_no(0));
}

static void die_flush_locked(void *arg)
{
	(void)arg;
	space_machine_boot(&(struct space_options){ .nr_cpus = 1 });
	on_cpu(flush_locked, NULL);
}

static void test_death_flush_locked(void **state)
{
	(void)state;
	if (!KMEMLAB_DEBUG)
		skip();		/* lockdep is in debug builds */
	assert_panics(die_flush_locked, NULL, "page_table_lock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_death_flush_locked),
		cmocka_unit_test(test_sets_and_ways),
		cmocka_unit_test(test_salts),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_switching),
		cmocka_unit_test(test_lazy),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_who_is_interrupted),
		cmocka_unit_test(test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
