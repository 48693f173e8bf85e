/* SPDX-License-Identifier: MIT */
/* kmalloc and its family: size classes, large blocks, krealloc, ksize, DMA, zeroing, bad frees. */
#include "tests/unit/slab_test.h"

#include "mm/slab/kmalloc.h"

/* Every size gets memory that holds it, at an address aligned as promised. */
static void sizes_body(void)
{
	for (size_t size = 1; size <= KMALLOC_MAX_SIZE; size += size < 300 ? 1 : size / 3) {
		u8 *p = kmalloc(size, GFP_KERNEL);

		EXPECT(p && ksize(p) >= size && ksize(p) == kmalloc_size_roundup(size));
		memset(p, 0xa5, ksize(p));
		EXPECT((uintptr_t)p % 8 == 0);
		if ((size & (size - 1)) == 0 && size <= PAGE_SIZE)
			EXPECT((uintptr_t)p % size == 0);
		if (size > KMALLOC_MAX_CACHE_SIZE)
			EXPECT((uintptr_t)p % PAGE_SIZE == 0);
		kfree(p);
	}
}

static void test_every_size(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = sizes_body });
	slab_test_run((struct slab_test) { .body = sizes_body, .options.policy = "none" });
	assert_int_equal(KMALLOC_MAX_SIZE, 4 << 20);
}

static void test_size_classes(void **state)
{
	static const struct { size_t size, rounded; } cases[] = {
		{ 0, 0 }, { 1, 8 }, { 8, 8 }, { 9, 16 }, { 17, 32 }, { 33, 64 }, { 64, 64 },
		{ 65, 96 }, { 96, 96 }, { 97, 128 }, { 129, 192 }, { 192, 192 }, { 193, 256 },
		{ 257, 512 }, { 513, 1024 }, { 1025, 2048 }, { 2049, 4096 }, { 4097, 8192 },
		{ 8192, 8192 }, { 8193, 16384 }, { 1 << 20, 1 << 20 }, { (1 << 20) + 1, 2 << 20 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(kmalloc_size_roundup(cases[i].size), cases[i].rounded);
	/* A constant is worked out by the compiler, to the same index. */
	assert_int_equal(kmalloc_index(96), kmalloc_size_index[(96 - 1) / 8]);
	assert_int_equal(kmalloc_index(193), 7);
	assert_int_equal(kmalloc_index(8192), 12);
	for (size_t size = 193; size <= KMALLOC_MAX_CACHE_SIZE; size++)
		assert_in_range(kmalloc_index(size), 7, 12);
}

static void edges_body(void)
{
	void *p;

	EXPECT(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	EXPECT(ksize(NULL) == 0 && ksize(ZERO_SIZE_PTR) == 0);
	EXPECT(!kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL | __GFP_NOWARN));
	EXPECT(!kmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL));
	EXPECT(!kcalloc(SIZE_MAX, SIZE_MAX, GFP_KERNEL));
	p = kmalloc_array(10, 10, GFP_KERNEL);
	EXPECT(ksize(p) == 128);
	kfree_sensitive(p);
	kfree_sensitive(NULL);
	p = kstrdup("a string", GFP_KERNEL);
	EXPECT(strcmp(p, "a string") == 0);
	kfree(p);
	EXPECT(!kstrdup(NULL, GFP_KERNEL));
	p = kstrndup("a string", 3, GFP_KERNEL);
	EXPECT(strcmp(p, "a s") == 0);
	kfree(p);
	p = kstrndup("a string", 100, GFP_KERNEL);
	EXPECT(strcmp(p, "a string") == 0);
	kfree(p);
	EXPECT(!kstrndup(NULL, 3, GFP_KERNEL));
	EXPECT(!kmalloc_array_node(SIZE_MAX / 2, 3, GFP_KERNEL, 0));
	EXPECT(!kcalloc_node(SIZE_MAX, SIZE_MAX, GFP_KERNEL, 0));
}

/* Zeroed memory is zero, also when it was used before. */
static void zero_body(void)
{
	static const size_t sizes[] = { 8, 100, 1000, 8192, 20000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int round = 0; round < 3; round++) {
			u8 *p = round == 1 ? kcalloc(sizes[i], 1, GFP_KERNEL) :
				kzalloc(sizes[i], GFP_KERNEL);

			for (size_t at = 0; at < sizes[i]; at++)
				EXPECT(p[at] == 0);
			memset(p, 0xff, sizes[i]);
			kfree(p);
		}
}

static void realloc_body(void)
{
	u8 *p = NULL;
	size_t old = 0;

	for (size_t size = 1; size <= 1 << 20; size = size * 3 / 2 + 1) {
		u8 *before = p;
		bool fits = size <= ksize(p);

		p = krealloc(p, size, GFP_KERNEL);
		EXPECT(p && (!fits || p == before));
		for (size_t at = 0; at < old; at++)
			EXPECT(p[at] == (at & 0xff));
		for (size_t at = 0; at < size; at++)
			p[at] = at & 0xff;
		old = size;
	}
	EXPECT(krealloc(p, 10, GFP_KERNEL) == p);
	EXPECT(krealloc(p, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	p = krealloc(ZERO_SIZE_PTR, 30, GFP_KERNEL);
	EXPECT(ksize(p) == 32);
	EXPECT(!krealloc_array(p, SIZE_MAX, 2, GFP_KERNEL));
	kfree(p);
}

static void types_body(void)
{
	void *dma = kmalloc(100, GFP_KERNEL | GFP_DMA);
	void *rcl = kmalloc(100, GFP_KERNEL | __GFP_RECLAIMABLE);
	void *nodes[2] = { kmalloc_node(100, GFP_KERNEL, 0), kmalloc_node(100, GFP_KERNEL, 1) };

	EXPECT(page_zone(virt_to_page(dma))->type == ZONE_DMA);
	EXPECT(page_zone(virt_to_page(rcl))->type != ZONE_DMA);
	EXPECT(page_to_nid(virt_to_page(nodes[0])) == 0);
	EXPECT(page_to_nid(virt_to_page(nodes[1])) == 1);
	kfree(dma);
	kfree(rcl);
	kfree_bulk(2, nodes);
	for (int nid = 0; nid < 2; nid++) {
		u8 *large = kcalloc_node(10, 5000, GFP_KERNEL, nid);

		EXPECT(page_to_nid(virt_to_page(large)) == nid && large[49999] == 0);
		kfree(large);
		large = kzalloc_node(300, GFP_KERNEL, nid);
		EXPECT(page_to_nid(virt_to_page(large)) == nid && large[299] == 0);
		kfree(large);
	}
}

static void bulk_body(void)
{
	void *objs[64];
	struct kmalloc_large_stats large;

	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = i % 7 == 0 ? NULL : i % 5 == 0 ? kmalloc(20000, GFP_KERNEL) :
			  kmalloc(8 + i / 8 * 30, GFP_KERNEL);
	kmalloc_large_stats(&large);
	EXPECT(large.pages == 8 * large.allocs);
	kfree_bulk(ARRAY_SIZE(objs), objs);
	kmalloc_large_stats(&large);
	EXPECT(large.pages == 0 && large.allocs == large.frees);
}

static void test_family(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = edges_body });
	slab_test_run((struct slab_test) { .body = zero_body });
	slab_test_run((struct slab_test) { .body = zero_body, .options.debug = "FZPU" });
	slab_test_run((struct slab_test) { .body = realloc_body });
	slab_test_run((struct slab_test) { .body = realloc_body, .options.debug = "FZPU" });
	slab_test_run((struct slab_test) { .body = types_body, .nr_nodes = 2 });
	slab_test_run((struct slab_test) { .body = bulk_body });
	assert_true(ZERO_OR_NULL_PTR(NULL) && ZERO_OR_NULL_PTR(ZERO_SIZE_PTR));
}

/* ---- what is no allocation is refused, in every build ---- */

static void free_stack_body(void)
{
	int on_stack = 0;

	kfree(&on_stack);
}

static void free_page_body(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	kfree(page_address(page));
}

static void free_inside_large_body(void)
{
	char *p = kmalloc(20000, GFP_KERNEL);

	kfree(p + PAGE_SIZE);
}

static void test_bad_frees_are_refused(void **state)
{
	(void)state;
	slab_test_dies((struct slab_test) { .body = free_stack_body },
		       "it lies outside the simulated memory");
	slab_test_dies((struct slab_test) { .body = free_page_body },
		       "its page belongs to no slab and is no large block");
	slab_test_dies((struct slab_test) { .body = free_inside_large_body },
		       "not from kmalloc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_size_classes),
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_bad_frees_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
