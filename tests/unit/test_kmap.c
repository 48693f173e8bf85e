/* SPDX-License-Identifier: MIT */
/*
 * kmap on a machine with HIGHMEM: frames have no address until they are mapped; permanent maps are
 * few, shared and waited for; temporary ones nest, in interrupts too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/kva/highmem.h"
#include "mm/kva/kva.h"
#include "mm/kva/vmalloc.h"
#include "runtime/irq.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

#define NR_SLOTS	4u
#define TEST_IRQ	(IRQ_FIRST_DEVICE + 1)

static void boot(unsigned int nr_cpus)
{
	space_machine_boot(&(struct space_options){
		.nr_cpus = nr_cpus, .mem_mb = 1024, .layout = "x86_32" });
	assert_int_equal(kva_boot(&(struct kva_options){ .nr_pkmaps = NR_SLOTS }), 0);
}

static void shutdown(void)
{
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

static struct page *high_page(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);

	CHECK(page && page_is_highmem(page));
	return page;
}

static void permanent(void *arg)
{
	struct page *page[NR_SLOTS + 1], *low = alloc_page(GFP_KERNEL);
	u64 *p, *q;

	(void)arg;
	CHECK(kmap(low) == page_address(low));
	kunmap(low);
	__free_page(low);

	for (unsigned int i = 0; i <= NR_SLOTS; i++)
		page[i] = high_page();
	CHECK(page_address(page[0]) == NULL);
	p = kmap(page[0]);
	p[7] = 42;
	CHECK(page_address(page[0]) == p);
	/* Again: the same address; it stays until the last user is gone, and longer. */
	q = kmap(page[0]);
	CHECK(q == p && kmap_stats().maps == 1 && kmap_stats().hits == 1);
	kunmap(page[0]);
	kunmap(page[0]);
	q = kmap(page[0]);
	CHECK(q == p && q[7] == 42 && kmap_stats().hits == 2);
	kunmap(page[0]);
	/* The pool runs out: all unused ones go at once. */
	for (unsigned int i = 1; i <= NR_SLOTS; i++) {
		*(u64 *)kmap(page[i]) = i;
		kunmap(page[i]);
	}
	CHECK(kmap_stats().flushes == 1 && kmap_stats().waits == 0);
	CHECK(page_address(page[0]) == NULL);
	for (unsigned int i = 1; i <= NR_SLOTS; i++) {
		CHECK(*(u64 *)kmap(page[i]) == i);
		kunmap(page[i]);
	}
	for (unsigned int i = 0; i <= NR_SLOTS; i++)
		__free_page(page[i]);
}

static void test_permanent(void **state)
{
	(void)state;
	run(permanent);
}

static struct page *irq_page;
static u64 *irq_addr;

static void irq_handler(unsigned int vec, void *arg)
{
	u64 *p = kmap_local_page(irq_page);

	(void)vec;
	(void)arg;
	p[1] = 99;
	WRITE_ONCE(irq_addr, p);
	kunmap_local(p);
}

static void temporary(void *arg)
{
	struct page *a = high_page(), *b = high_page();
	u64 *p, *q;

	(void)arg;
	irq_page = high_page();
	p = kmap_atomic(a);
	q = kmap_local_page(b);
	CHECK(p && q && p != q);
	p[0] = 1;
	q[0] = 2;
	/* An interrupt in between takes a slot of its own and gives it back. */
	irq_raise(this_cpu(), TEST_IRQ);
	irq_safepoint();
	CHECK(READ_ONCE(irq_addr) && READ_ONCE(irq_addr) != p && READ_ONCE(irq_addr) != q);
	CHECK(p[0] == 1 && q[0] == 2);
	kunmap_local(q);
	kunmap_atomic(p);
	CHECK(preempt_count() == 0);

	copy_highpage(b, a);
	q = kmap_local_page(b);
	CHECK(q[0] == 1);
	kunmap_local(q);
	clear_highpage(b);
	q = kmap_local_page(b);
	CHECK(q[0] == 0);
	kunmap_local(q);
	q = kmap_local_page(irq_page);
	CHECK(q[1] == 99);
	kunmap_local(q);
	__free_page(a);
	__free_page(b);
	__free_page(irq_page);
}

static void test_temporary(void **state)
{
	(void)state;
	boot(1);
	assert_int_equal(irq_vector_register(TEST_IRQ, "test", irq_handler, NULL), 0);
	on_cpu(temporary, NULL);
	irq_vector_unregister(TEST_IRQ);
	assert_int_equal(warnings_seen(), 0);
	shutdown();
}

/* User pages live in HIGHMEM: the MMU reaches them, the kernel through vmalloc or kmap only. */
static void user_pages(void *arg)
{
	static struct space s;
	struct page *page;
	u64 *p, v;
	char *area;

	(void)arg;
	space_init(&s, 4);
	CHECK(store_u64(SPACE_BASE + 8, 77) == 0);
	page = pte_page(ptep_get(mmu_find_pte(&s.ctx, SPACE_BASE)));
	CHECK(page_is_highmem(page) && !page_address(page));
	p = kmap(page);
	CHECK(p[1] == 77 && p[0] == 0);
	p[0] = 78;
	kunmap(page);
	CHECK(load_u64(SPACE_BASE, &v) == 0 && v == 78);
	space_destroy(&s);

	area = vmalloc(64 * PAGE_SIZE);
	CHECK(area && page_is_highmem(vmalloc_to_page(area)));
	memset(area, 5, 64 * PAGE_SIZE);
	p = kmap_local_page(vmalloc_to_page(area + 9 * PAGE_SIZE));
	CHECK(*(u8 *)p == 5);
	kunmap_local(p);
	vfree(area);
}

static void test_user_pages(void **state)
{
	(void)state;
	run(user_pages);
}

/* ---- waiting: more users than slots ---- */

static u64 done;

static void crowd(void *arg)
{
	struct page *page = high_page();

	(void)arg;
	for (unsigned int i = 0; i < 300; i++) {
		u64 *p = kmap(page);

		p[3] = i;
		for (int j = 0; j < 20; j++)
			irq_safepoint();
		CHECK(p[3] == i);
		kunmap(page);
		p = kmap_local_page(page);
		CHECK(p[3] == i);
		kunmap_local(p);
	}
	__free_page(page);
	fetch_add(&done, 1);
}

static void test_crowd(void **state)
{
	(void)state;
	boot(8);
	done = 0;
	cpu_run_all(crowd, NULL);
	assert_int_equal(done, 8);
	assert_true(kmap_stats().flushes > 0);
	assert_int_equal(warnings_seen(), 0);
	shutdown();
}

/* ---- deaths ---- */

static void direct(void *arg)
{
	(void)arg;
	WRITE_ONCE(direct_map[page_to_phys(high_page())], 1);
}

static void after_unmap(void *arg)
{
	struct page *page = high_page();
	u64 *p = kmap_local_page(page);

	(void)arg;
	kunmap_local(p);
	WRITE_ONCE(p[0], 1);
}

static void wrong_order(void *arg)
{
	void *a = kmap_local_page(high_page()), *b = kmap_local_page(high_page());

	(void)arg;
	(void)b;
	kunmap_local(a);
}

static void unmap_twice(void *arg)
{
	struct page *page = high_page();

	(void)arg;
	(void)kmap(page);
	kunmap(page);
	kunmap(page);
}

static void die(void *arg)
{
	boot(1);
	on_cpu((void (*)(void *))arg, NULL);
}

static void test_deaths(void **state)
{
	(void)state;
	assert_panics(die, (void *)direct, "HIGHMEM frame");
	assert_panics(die, (void *)wrong_order, "BUG");
	assert_panics(die, (void *)unmap_twice, "BUG");
	if (KMEMLAB_DEBUG)
		assert_panics(die, (void *)after_unmap, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_permanent),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_user_pages),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
