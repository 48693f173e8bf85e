/* SPDX-License-Identifier: MIT */
/* kvmalloc: which of the two allocators serves, contents, zeroes, overflow, krealloc across. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/kva/kva.h"
#include "mm/kva/kvmalloc.h"
#include "mm/kva/vmalloc.h"
#include "mm/page/page_fail.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

static void slab_up(void *arg)
{
	const struct slab_options opt = { .no_reap = true };

	(void)arg;
	CHECK(slab_boot(&opt, NULL) == 0);
}

static void slab_down(void *arg)
{
	(void)arg;
	CHECK(slab_shutdown() == 0);
}

static void run(void (*fn)(void *arg))
{
	space_machine_boot(&(struct space_options){ .nr_cpus = 1 });
	assert_int_equal(kva_boot(NULL), 0);
	on_cpu(slab_up, NULL);
	on_cpu(fn, NULL);
	on_cpu(slab_down, NULL);
	assert_int_equal(warnings_seen(), 0);
	assert_int_equal(vmalloc_stats().pages, 0);
	kva_shutdown();
	space_machine_shutdown((long)(init_mm.pgtables_bytes / (s64)PAGE_SIZE));
}

static void fill(u8 *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (u8)(i * 7 + i / 251);
}

static bool holds(const u8 *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != (u8)(i * 7 + i / 251))
			return false;
	return true;
}

static bool is_zero(const u8 *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* Contiguous blocks while there are some; beyond kmalloc's largest only vmalloc. */
static void which(void *arg)
{
	static const size_t sizes[] = {
		1, 100, 4096, 5000, 100000, 4 << 20, (4 << 20) + 1, 9 << 20,
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *p = kvmalloc(sizes[i], GFP_KERNEL | __GFP_NOWARN);

		CHECK(p && is_vmalloc_addr(p) == (sizes[i] > KMALLOC_MAX_SIZE));
		CHECK(kvsize(p) >= sizes[i]);
		fill(p, sizes[i]);
		CHECK(holds(p, sizes[i]));
		kvfree(p);
		p = kvzalloc(sizes[i], GFP_KERNEL | __GFP_NOWARN);
		CHECK(is_zero(p, sizes[i]));
		kvfree_sensitive(p, sizes[i]);
	}
}

/* The n-th page allocation fails: more than a page comes from vmalloc then. */
static void fallback(void *arg)
{
	struct fault_attr *fail = fail_page_alloc_attr();
	const struct fault_options off = { .enabled = false };
	const struct fault_options first = { .enabled = true, .fail_nth = 1 };
	u8 *p;

	(void)arg;
	fault_attr_set(fail, &first);
	p = kvzalloc(100000, GFP_KERNEL);
	CHECK(p && is_vmalloc_addr(p) && is_zero(p, 100000));
	kvfree(p);
	/* Who may not sleep gets no vmalloc, nor does who wants no more than a page. */
	fault_attr_set(fail, &first);
	CHECK(!kvmalloc(100000, GFP_NOWAIT | __GFP_NOWARN));
	fault_attr_set(fail, &(struct fault_options){
		.enabled = true, .probability = 100, .times = -1 });
	CHECK(!kvmalloc(4096, GFP_KERNEL | __GFP_NOWARN));
	CHECK(!kvmalloc(100000, GFP_KERNEL | __GFP_NOWARN));
	fault_attr_set(fail, &off);
}

/* Every failure on the way through both allocators leaves nothing behind. */
static void undo(void *arg)
{
	u64 n, refused = 0;

	(void)arg;
	for (n = 1; fault_nth_arm(fail_page_alloc_attr(), n); n++) {
		u8 *p = kvmalloc(5 << 20, GFP_KERNEL | __GFP_NOWARN);
		u8 *q = kvmalloc(100000, GFP_KERNEL | __GFP_NOWARN);

		refused += (u64)!p + (u64)!q;
		kvfree(p);
		kvfree(q);
		CHECK(vmalloc_stats().pages == 0);
	}
	/* 1 280 frames of p one by one or in bulk; q has vmalloc behind it. */
	CHECK(n > 5 && refused >= 1);
}

static void edges(void *arg)
{
	u8 *p, *q;

	(void)arg;
	CHECK(kvmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kvfree(ZERO_SIZE_PTR);
	kvfree(NULL);
	kvfree_sensitive(NULL, 0);
	CHECK(kvsize(NULL) == 0);
	CHECK(!kvmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL));
	CHECK(!kvcalloc(1UL << 33, 1UL << 33, GFP_KERNEL));
	CHECK(!kvmalloc((size_t)1 << 31, GFP_KERNEL | __GFP_NOWARN));
	p = kvcalloc(3, 2000, GFP_KERNEL);
	CHECK(is_zero(p, 6000));
	fill(p, 6000);
	q = kvmemdup(p, 6000, GFP_KERNEL);
	CHECK(q != p && holds(q, 6000));
	kvfree(p);
	kvfree(q);
	p = kvzalloc_node(100, GFP_KERNEL, 0);
	CHECK(is_zero(p, 100));
	kvfree(p);
	/* Either half of the family may be freed by kvfree(). */
	kvfree(kmalloc(10, GFP_KERNEL));
	kvfree(vmalloc(10));
}

/* From slab to large block to vmalloc, the contents going along. */
static void grow(void *arg)
{
	u8 *p = NULL;
	size_t old = 0;

	(void)arg;
	for (size_t size = 10; size <= 16 << 20; size = size * 5 / 2) {
		bool fits = size <= kvsize(p);
		u8 *before = p;

		p = kvrealloc(p, size, GFP_KERNEL | __GFP_NOWARN);
		CHECK(p && (!fits || p == before) && holds(p, old));
		fill(p, size);
		old = size;
	}
	CHECK(is_vmalloc_addr(p));
	CHECK(kvrealloc(p, 20, GFP_KERNEL) == p && holds(p, 20));
	CHECK(!kvrealloc(p, (size_t)1 << 31, GFP_KERNEL | __GFP_NOWARN) && holds(p, old));
	CHECK(kvrealloc(p, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
}

static void test_which(void **state)
{
	(void)state;
	run(which);
}

static void test_fallback(void **state)
{
	(void)state;
	run(fallback);
	run(undo);
}

static void test_family(void **state)
{
	(void)state;
	run(edges);
	run(grow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
