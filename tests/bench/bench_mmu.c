/* SPDX-License-Identifier: MIT */
/*
 * What the simulated MMU costs: ns per hit, miss, flush, shootdown and copy, beside the same loop
 * on raw memory and beside the host kernel's own shootdown.
 *
 * usage: bench_mmu [repeats]        each figure is the best of so many repeats (default 7)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "mm/kva/highmem.h"
#include "mm/kva/kva.h"
#include "mm/kva/vmalloc.h"
#include "mm/machine.h"
#include "mm/mmu/access.h"
#include "mm/mmu/mmu.h"
#include "mm/mmu/mmu_gather.h"
#include "mm/mmu/tlbflush.h"

#define SEQ_PAGES	256UL
#define BASE		0x10000000UL
#define ACCESSES	4000000UL
#define SEED		1

static struct mmu_context ctx;
static unsigned int repeats = 7;

/* Compiler barrier on a value. */
#define USE(x)	__asm__ __volatile__("" : : "r"(x) : "memory")

static int demand_zero(struct mmu_context *c, unsigned long addr, unsigned int flags)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	spinlock_t *ptl;
	pte_t *pte;

	(void)flags;
	if (!page)
		return -12;
	pte = pte_alloc_map_lock(c, addr, &ptl);
	if (!pte)
		return -12;
	set_pte(pte, mk_pte(page, PAGE_SHARED));
	pte_unmap_unlock(pte, ptl);
	return 0;
}

static const struct mmu_fault_ops ops = { .handle_fault = demand_zero };

static void report(const char *what, double ns, const char *unit)
{
	printf("%-44s %9.2f ns per %s\n", what, ns, unit);
}

static u64 time_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

/* Best time of one call of fn() in ns over @per operations. */
static double best_by(clockid_t clock, void (*fn)(void), u64 per)
{
	double min_ns = 1e18;

	for (unsigned int i = 0; i < repeats; i++) {
		u64 start = time_ns(clock);

		fn();
		min_ns = min(min_ns, (double)(time_ns(clock) - start) / (double)per);
	}
	return min_ns;
}

/* What one thread does alone is timed by its own clock; a shootdown by the wall's. */
static double best(void (*fn)(void), u64 per)
{
	return best_by(CLOCK_THREAD_CPUTIME_ID, fn, per);
}

/* ---- hits ---- */

static char *raw;
static u32 *order;

static void raw_seq(void)
{
	u64 sum = 0;

	for (u64 i = 0; i < ACCESSES; i++)
		sum += READ_ONCE(*(u64 *)(raw + (i * 8 & (SEQ_PAGES * PAGE_SIZE - 1))));
	USE(sum);
}

static void load_seq(void)
{
	u64 sum = 0, v;

	for (u64 i = 0; i < ACCESSES; i++) {
		if (load_u64(BASE + (i * 8 & (SEQ_PAGES * PAGE_SIZE - 1)), &v))
			abort();
		sum += v;
	}
	USE(sum);
}

static void store_seq(void)
{
	for (u64 i = 0; i < ACCESSES; i++)
		if (store_u64(BASE + (i * 8 & (SEQ_PAGES * PAGE_SIZE - 1)), i))
			abort();
}

static void raw_random(void)
{
	u64 sum = 0;

	for (u64 i = 0; i < ACCESSES; i++)
		sum += READ_ONCE(*(u64 *)(raw + order[i]));
	USE(sum);
}

static void load_random(void)
{
	u64 sum = 0, v;

	for (u64 i = 0; i < ACCESSES; i++) {
		if (load_u64(BASE + order[i], &v))
			abort();
		sum += v;
	}
	USE(sum);
}

/* ---- misses and flushes ---- */

static void main_hits(void)
{
	u64 v, sum = 0;

	/* Pages that share a slot of the front but not a set of the main TLB's ways. */
	for (u64 i = 0; i < ACCESSES / 8; i++) {
		if (load_u64(BASE + (i & 1) * TLB_FRONT_SIZE * PAGE_SIZE, &v))
			abort();
		sum += v;
	}
	USE(sum);
}

#define WALKS	8192UL

static void walks(void)
{
	u64 v, sum = 0;

	for (u64 i = 0; i < WALKS; i++) {
		if (load_u64(BASE + i * PAGE_SIZE, &v))
			abort();
		sum += v;
	}
	USE(sum);
}

#define FLUSHES	10000UL

static void full_flush(void)
{
	for (u64 i = 0; i < FLUSHES; i++)
		flush_tlb_mm(&ctx);
}

static void page_flush(void)
{
	for (u64 i = 0; i < FLUSHES; i++)
		flush_tlb_page(&ctx, BASE);
}

static void switches(void)
{
	for (u64 i = 0; i < FLUSHES; i++) {
		enter_lazy_tlb();
		switch_mm(&ctx);
	}
}

/* ---- copies ---- */

#define COPIES	100000UL
static char kernel_buf[PAGE_SIZE] __aligned(4096);

static void copy_to(void)
{
	for (u64 i = 0; i < COPIES; i++)
		if (copy_to_user(BASE + (i & 7) * PAGE_SIZE, kernel_buf, PAGE_SIZE))
			abort();
}

static void copy_from(void)
{
	for (u64 i = 0; i < COPIES; i++)
		if (copy_from_user(kernel_buf, BASE + (i & 7) * PAGE_SIZE, PAGE_SIZE))
			abort();
}

static void copy_raw(void)
{
	for (u64 i = 0; i < COPIES; i++) {
		memcpy(raw + (i & 7) * PAGE_SIZE, kernel_buf, PAGE_SIZE);
		USE(raw);
	}
}

/* ---- shootdown ---- */

static u32 phase;

static void shootdown_peer(void)
{
	u64 v;

	switch_mm(&ctx);
	smp_store_release(&phase, 1);
	while (smp_load_acquire(&phase) == 1)
		if (load_u64(BASE, &v))
			abort();
	switch_mm(&init_mm);
}

static void shootdown(void *arg)
{
	(void)arg;
	if (smp_processor_id()) {
		shootdown_peer();
		return;
	}
	while (smp_load_acquire(&phase) != 1)
		cpu_pause();
	switch_mm(&ctx);
	report("shootdown of a page, peer accessing", best_by(CLOCK_MONOTONIC, page_flush, FLUSHES),
	       "flush");
	smp_store_release(&phase, 2);
}

static char *host_page;
static u32 host_phase;

static void *host_peer(void *arg)
{
	smp_store_release(&host_phase, 1);
	while (smp_load_acquire(&host_phase) == 1)
		USE(READ_ONCE(*host_page));
	return arg;
}

#define HOST_FLUSHES	2000UL

static void host_flushes(void)
{
	for (u64 i = 0; i < HOST_FLUSHES; i++) {
		*host_page = 1;
		mprotect(host_page, PAGE_SIZE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ);
		mprotect(host_page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	}
}

static void host_shootdown(void)
{
	pthread_t peer;
	double alone, busy;

	host_page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (host_page == MAP_FAILED)
		abort();
	*host_page = 1;
	alone = best_by(CLOCK_MONOTONIC, host_flushes, HOST_FLUSHES);
	if (pthread_create(&peer, NULL, host_peer, NULL))
		abort();
	while (smp_load_acquire(&host_phase) != 1)
		cpu_pause();
	busy = best_by(CLOCK_MONOTONIC, host_flushes, HOST_FLUSHES);
	smp_store_release(&host_phase, 2);
	pthread_join(peer, NULL);
	report("host: mprotect pair and write, alone", alone, "pair");
	report("host: mprotect pair and write, busy peer", busy, "pair");
	report("host: shootdown by difference", busy - alone, "flush");
}

/* ---- kernel addresses, on a machine with HIGHMEM ---- */

#define KVA_OPS	2000UL
static struct page *high[2];

static void vmallocs(void)
{
	for (u64 i = 0; i < KVA_OPS; i++)
		vfree(vmalloc(4 * PAGE_SIZE));
}

static void vmallocs_touched(void)
{
	for (u64 i = 0; i < KVA_OPS; i++) {
		char *p = vmalloc(4 * PAGE_SIZE);

		for (unsigned int page = 0; page < 4; page++)
			WRITE_ONCE(p[page * PAGE_SIZE], 1);
		vfree(p);
	}
}

static void kmaps(void)
{
	for (u64 i = 0; i < KVA_OPS; i++) {
		WRITE_ONCE(*(char *)kmap(high[0]), 1);
		kunmap(high[0]);
	}
}

static void local_kmaps(void)
{
	for (u64 i = 0; i < KVA_OPS; i++) {
		char *p = kmap_local_page(high[i & 1]);

		WRITE_ONCE(*p, 1);
		kunmap_local(p);
	}
}

static void kva(void *arg)
{
	(void)arg;
	high[0] = alloc_page(GFP_HIGHUSER);
	high[1] = alloc_page(GFP_HIGHUSER);
	if (!high[0] || !high[1])
		abort();
	report("vmalloc + vfree of 16 KiB, untouched", best(vmallocs, KVA_OPS), "pair");
	report("vmalloc + vfree of 16 KiB, touched", best(vmallocs_touched, KVA_OPS), "pair");
	report("kmap + kunmap, mapped already", best(kmaps, KVA_OPS), "pair");
	report("kmap_local + kunmap_local, touched", best(local_kmaps, KVA_OPS), "pair");
	__free_page(high[0]);
	__free_page(high[1]);
}

static int boot(struct kmemlab_options *k)
{
	struct mm_error err;

	if (kmemlab_boot(k, &err)) {
		fprintf(stderr, "bench_mmu: %s\n", err.text);
		return 1;
	}
	if (mmu_boot(NULL) || kva_boot(NULL))
		return 1;
	mmu_fault_register(&ops);
	return 0;
}

static void shutdown(void)
{
	kva_shutdown();
	mmu_shutdown();
	kmemlab_shutdown();
}

/* ---- the whole ---- */

static void one_cpu(void *arg)
{
	struct rand_state r;

	(void)arg;
	if (mmu_context_init(&ctx))
		abort();
	switch_mm(&ctx);
	rand_init(&r, SEED, 0);
	for (u64 i = 0; i < ACCESSES; i++)
		order[i] = rand_below(&r, SEQ_PAGES * PAGE_SIZE / 8) * 8;
	for (u64 i = 0; i < WALKS; i++)
		if (store_u64(BASE + i * PAGE_SIZE, i))
			abort();
	report("raw 8-byte load, sequential in 1 MiB", best(raw_seq, ACCESSES), "access");
	report("load_u64 hit, sequential in 1 MiB", best(load_seq, ACCESSES), "access");
	report("store_u64 hit, sequential in 1 MiB", best(store_seq, ACCESSES), "access");
	report("raw 8-byte load, random in 1 MiB", best(raw_random, ACCESSES), "access");
	report("load_u64 hit, random in 1 MiB", best(load_random, ACCESSES), "access");
	report("load_u64, front miss, main TLB hit", best(main_hits, ACCESSES / 8), "access");
	report("load_u64, TLB miss and walk, 32 MiB", best(walks, WALKS), "access");
	report("flush of one page, this CPU only", best(page_flush, FLUSHES), "flush");
	report("full flush, this CPU only", best(full_flush, FLUSHES), "flush");
	report("lazy and back, no flush missed", best(switches, FLUSHES), "switch");
	report("memcpy of 4 KiB", best(copy_raw, COPIES), "copy");
	report("copy_to_user of 4 KiB", best(copy_to, COPIES), "copy");
	report("copy_from_user of 4 KiB", best(copy_from, COPIES), "copy");
	switch_mm(&init_mm);
}

int main(int argc, char **argv)
{
	struct kmemlab_options k = {
		.cpu = { .nr_cpus = 2, .seed = SEED },
		.mm = { .mem_bytes = 256ULL << 20 },
	};
	if (argc > 1)
		repeats = (unsigned int)strtoul(argv[1], NULL, 10);
	if (argc > 2 || !repeats) {
		fprintf(stderr, "usage: bench_mmu [repeats >= 1]\n");
		return 2;
	}
	printf("build %s, best of %u\n", KMEMLAB_BUILD, repeats);
	if (boot(&k))
		return 1;
	raw = aligned_alloc(PAGE_SIZE, SEQ_PAGES * PAGE_SIZE);
	order = calloc(ACCESSES, sizeof(*order));
	memset(raw, 1, SEQ_PAGES * PAGE_SIZE);
	cpu_run(0, one_cpu, NULL);
	cpu_run_all(shootdown, NULL);
	shutdown();
	k.mm.layout = "x86_32";
	k.mm.mem_bytes = 1024ULL << 20;
	if (boot(&k))
		return 1;
	cpu_run(0, kva, NULL);
	shutdown();
	host_shootdown();
	return 0;
}
