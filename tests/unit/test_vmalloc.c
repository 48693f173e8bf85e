/* SPDX-License-Identifier: MIT */
/*
 * vmalloc, vmap and kernel stacks: contents, the page behind an address, guards, lazy purge,
 * running out of memory and of addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/kva/kstack.h"
#include "mm/kva/kva.h"
#include "mm/kva/vmalloc.h"
#include "mm/page/vmstat.h"
#include "runtime/lib/rand.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

#define SPACE_BYTES	(4UL << 20)	/* of addresses: 1 024 pages */

static void boot(unsigned int nr_cpus)
{
	space_machine_boot(&(struct space_options){ .nr_cpus = nr_cpus });
	assert_int_equal(kva_boot(&(struct kva_options){ .vmalloc_bytes = SPACE_BYTES }), 0);
}

/* Everything but the kernel's page tables is free again. */
static void shutdown(void)
{
	assert_int_equal(vmalloc_stats().pages, 0);
	kva_shutdown();
	space_machine_shutdown((long)(init_mm.pgtables_bytes / (s64)PAGE_SIZE));
}

static void run(void (*fn)(void *arg))
{
	boot(1);
	on_cpu(fn, NULL);
	assert_int_equal(warnings_seen(), 0);
	shutdown();
}

static void contents(void *arg)
{
	u8 *p = vmalloc(10 * PAGE_SIZE - 100), *q = vzalloc(3 * PAGE_SIZE);

	(void)arg;
	CHECK(p && q && is_vmalloc_addr(p) && !is_vmalloc_addr(&arg));
	CHECK((uintptr_t)p % PAGE_SIZE == 0);
	for (size_t i = 0; i < 3 * PAGE_SIZE; i++)
		CHECK(q[i] == 0);
	for (size_t i = 0; i < 10 * PAGE_SIZE; i++)
		p[i] = (u8)(i * 31 + i / PAGE_SIZE);
	/* The same bytes through the direct map, page by page: they are frames of the arena. */
	for (size_t i = 0; i < 10; i++) {
		struct page *page = vmalloc_to_page(p + i * PAGE_SIZE + 17);

		CHECK(page && page_count(page) == 1);
		CHECK(memcmp(page_address(page), p + i * PAGE_SIZE, PAGE_SIZE) == 0);
	}
	CHECK(!vmalloc_to_page(p + 10 * PAGE_SIZE));		/* the guard */
	CHECK(vmalloc_stats().pages == 13 && vmalloc_stats().host_maps >= 2);
	vfree(p);
	vfree(q);
	vfree(NULL);
	CHECK(!vmalloc_to_page(p));
	CHECK(vmalloc(0) == NULL);
}

static void test_contents(void **state)
{
	(void)state;
	run(contents);
}

static void mapping(void *arg)
{
	struct page *pages[8];
	u64 *p;

	(void)arg;
	for (int i = 0; i < 8; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		CHECK(pages[i]);
		*(u64 *)page_address(pages[i]) = (u64)i;
	}
	/* In another order than they lie in memory, and one of them twice. */
	struct page *mix[9] = { pages[3], pages[1], pages[7], pages[0], pages[2], pages[6],
				pages[5], pages[4], pages[3] };

	p = vmap(mix, 9);
	CHECK(p && p[0] == 3 && p[512] == 1 && p[8 * 512] == 3);
	p[0] = 33;
	barrier();		/* one frame at two addresses: nothing a compiler could know */
	CHECK(p[8 * 512] == 33 && *(u64 *)page_address(pages[3]) == 33);
	vunmap(p);
	for (int i = 0; i < 8; i++) {
		CHECK(page_count(pages[i]) == 1);
		__free_page(pages[i]);
	}
}

static void test_vmap(void **state)
{
	(void)state;
	run(mapping);
}

static void laziness(void *arg)
{
	struct vmalloc_stats s;
	void *p[8];
	u64 gen = tlb_stats_sum().flushes_page + tlb_stats_sum().flushes_all;

	(void)arg;
	CHECK(vmap_lazy_max_pages == 8192);		/* 32 MiB, one CPU */
	vmap_lazy_max_pages = 64;
	for (int i = 0; i < 8; i++)
		p[i] = vmalloc(8 * PAGE_SIZE);
	for (int i = 0; i < 8; i++) {
		CHECK(p[i]);
		vfree(p[i]);
	}
	s = vmalloc_stats();
	CHECK(s.purges == 0 && s.lazy_pages == 64 && s.pages == 0);
	CHECK(tlb_stats_sum().flushes_page + tlb_stats_sum().flushes_all == gen);
	/* One more page: one flush for all. */
	vfree(vmalloc(1));
	s = vmalloc_stats();
	CHECK(s.purges == 1 && s.lazy_pages == 0);
	CHECK(tlb_stats_sum().flushes_page + tlb_stats_sum().flushes_all > gen);
	vfree(vmalloc(1));
	vm_unmap_aliases();
	CHECK(vmalloc_stats().purges == 2 && vmalloc_stats().lazy_pages == 0);
}

static void test_lazy_purge(void **state)
{
	(void)state;
	run(laziness);
}

static void shortage(void *arg)
{
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .times = -1 };
	void *p, *q;

	(void)arg;
	/* No gap, then a gap only after a purge. */
	CHECK(!vmalloc(SPACE_BYTES));
	p = vmalloc(600 * PAGE_SIZE);
	CHECK(p && !vmalloc(600 * PAGE_SIZE));
	vfree(p);
	q = vmalloc(900 * PAGE_SIZE);
	CHECK(q && vmalloc_stats().purges >= 1);
	vfree(q);
	/* No frames: nothing is left behind. */
	fail_page_alloc_set(&fail);
	CHECK(!vmalloc(5 * PAGE_SIZE));
	fail_page_alloc_set(&(struct fail_page_alloc){ .enabled = false });
	CHECK(vmalloc_stats().pages == 0);
}

static void test_shortage(void **state)
{
	(void)state;
	run(shortage);
}

/* Random areas, each filled with its own byte; seeded. */
static void random_areas(void *arg)
{
	static struct { u8 *p; size_t size; u8 fill; } area[32];
	struct rand_state r;

	(void)arg;
	rand_init(&r, SPACE_SEED, smp_processor_id());
	vmap_lazy_max_pages = 100;
	for (unsigned int n = 0; n < 3000; n++) {
		unsigned int i = rand_below(&r, 32);

		if (area[i].p) {
			for (size_t b = 0; b < area[i].size; b += 509)
				CHECK(area[i].p[b] == area[i].fill);
			vfree(area[i].p);
			area[i].p = NULL;
			continue;
		}
		area[i].size = 1 + rand_below(&r, 20 * (u32)PAGE_SIZE);
		area[i].fill = (u8)n;
		area[i].p = vmalloc(area[i].size);
		if (area[i].p)
			memset(area[i].p, area[i].fill, area[i].size);
	}
	for (unsigned int i = 0; i < 32; i++)
		vfree(area[i].p);
}

static void test_random(void **state)
{
	(void)state;
	run(random_areas);
}

static u32 total;

/* Several CPUs allocate and free in the same space. */
static void share(void *arg)
{
	unsigned int me = smp_processor_id();
	struct rand_state r;

	(void)arg;
	rand_init(&r, SPACE_SEED, me);
	for (unsigned int n = 0; n < 200; n++) {
		size_t size = (1 + rand_below(&r, 16)) * PAGE_SIZE;
		u64 *p = vmalloc(size);

		if (!p)
			continue;
		for (size_t i = 0; i < size / 8; i += 64)
			p[i] = me << 16 | n;
		for (size_t i = 0; i < size / 8; i += 64)
			CHECK(p[i] == (me << 16 | n));
		vfree(p);
		fetch_add(&total, 1);
	}
}

static void test_shared(void **state)
{
	(void)state;
	boot(4);
	vmap_lazy_max_pages = 50;
	total = 0;
	cpu_run_all(share, NULL);
	assert_true(total > 400);
	assert_true(vmalloc_stats().purges > 0);
	assert_int_equal(warnings_seen(), 0);
	shutdown();
}

/* ---- stacks ---- */

static uintptr_t deepest;

static __noinline u32 recurse(unsigned int depth)
{
	u8 block[256];

	for (unsigned int i = 0; i < sizeof(block); i++)
		WRITE_ONCE(block[i], (u8)(depth + i));
	deepest = (uintptr_t)block;
	return depth ? recurse(depth - 1) + READ_ONCE(block[depth % 256]) : 0;
}

static void use_stack(void *arg)
{
	total += recurse(*(unsigned int *)arg);
}

static void stacks(void *arg)
{
	unsigned int depth = 4;
	struct kstack s;

	(void)arg;
	CHECK(kstack_alloc(&s, 3) != 0);
	CHECK(kstack_alloc(&s, 2) == 0);
	CHECK(kstack_unused(&s) == 2 * PAGE_SIZE);
	kstack_run(&s, use_stack, &depth);
	CHECK(deepest > (uintptr_t)s.base && deepest < (uintptr_t)s.base + 2 * PAGE_SIZE);
	CHECK(kstack_unused(&s) < PAGE_SIZE + 3072 && kstack_unused(&s) > 0);
	CHECK(!kstack_overflowed(&s));
	CHECK(global_zone_page_state(NR_KERNEL_STACK_KB) == 8);
	kstack_free(&s);
	CHECK(global_zone_page_state(NR_KERNEL_STACK_KB) == 0);
}

static void test_stacks(void **state)
{
	(void)state;
	run(stacks);
}

/* ---- deaths ---- */

static void overflow(void *arg)
{
	unsigned int depth = 1000;
	struct kstack s;

	(void)arg;
	CHECK(kstack_alloc(&s, 1) == 0);
	kstack_run(&s, use_stack, &depth);
}

static void behind(void *arg)
{
	(void)arg;
	((u8 *)vmalloc(PAGE_SIZE))[PAGE_SIZE] = 1;
}

static void after_free(void *arg)
{
	u8 *p = vmalloc(PAGE_SIZE);

	(void)arg;
	vmap_lazy_max_pages = 0;
	vfree(p);
	WRITE_ONCE(p[5], 1);
}

static void wrong_free(void *arg)
{
	u8 *p = vmalloc(4 * PAGE_SIZE);

	(void)arg;
	vfree(p + PAGE_SIZE);
}

static void die(void *arg)
{
	boot(1);
	on_cpu((void (*)(void *))arg, NULL);
}

static void test_deaths(void **state)
{
	(void)state;
	assert_panics(die, (void *)behind, "guard page behind the area");
	assert_panics(die, (void *)after_free, "freed, or never allocated");
	assert_panics(die, (void *)wrong_free, "not the start of such an area");
	assert_panics(die, (void *)overflow, "kernel stack overflow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_vmap),
		cmocka_unit_test(test_lazy_purge),
		cmocka_unit_test(test_shortage),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
