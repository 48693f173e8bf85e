/* SPDX-License-Identifier: MIT */
/* kmem_cache: objects, constructors, alignment, order, colour, bulk, shrink, destroy, RCU. */
#include <errno.h>

#include "tests/unit/slab_test.h"

#include "mm/slab/slab_impl.h"

#define NR	1000

static void *objs[NR];

static void fill(struct kmem_cache *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
		EXPECT(objs[i]);
		memset(objs[i], (int)i & 0xff, s->object_size);
	}
}

static void empty(struct kmem_cache *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const u8 *bytes = objs[i];

		for (unsigned int at = 0; at < s->object_size; at++)
			EXPECT(bytes[at] == (i & 0xff));
		kmem_cache_free(s, objs[i]);
	}
}

/* ---- objects are distinct, keep their contents, and all come back ---- */

static void objects_body(void)
{
	static const unsigned int sizes[] = { 1, 8, 24, 64, 100, 256, 1000, 4096, 10000, 100000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int nr = sizes[i] > 4096 ? 50 : NR;
		struct kmem_cache *s = kmem_cache_create("objects", sizes[i], 0, 0, NULL);
		struct kmem_cache_stats st;

		EXPECT(s && kmem_cache_size(s) == sizes[i]);
		fill(s, nr);
		kmem_cache_stats(s, &st);
		EXPECT(st.live_objects == nr && kmem_cache_is_valid(s));
		empty(s, nr);
		kmem_cache_stats(s, &st);
		EXPECT(st.live_objects == 0 && kmem_cache_is_valid(s));
		EXPECT(kmem_cache_destroy(s) == 0);
	}
}

static void test_objects_keep_their_contents(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = objects_body });
	slab_test_run((struct slab_test) { .body = objects_body, .options.policy = "none" });
	slab_test_run((struct slab_test) { .body = objects_body, .options.policy = "bonwick" });
	slab_test_run((struct slab_test) { .body = objects_body, .options.policy = "sheaves" });
	slab_test_run((struct slab_test) { .body = objects_body, .options.debug = "FZPU" });
	slab_test_run((struct slab_test) {
		.body = objects_body, .options.policy = "sheaves", .nr_nodes = 2, .nr_cpus = 4,
	});
}

/* ---- the constructor runs once per object of a slab, not per alloc ---- */

static unsigned int nr_constructed;

static void constructor(void *obj)
{
	nr_constructed++;
	*(u64 *)obj = 0x600df00dULL;
}

static void ctor_body(void)
{
	struct kmem_cache *s = kmem_cache_create("ctor", 64, 0, 0, constructor);
	struct kmem_cache_stats st;

	nr_constructed = 0;
	for (int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < 100; i++) {
			objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
			EXPECT(*(u64 *)objs[i] == 0x600df00dULL);
		}
		for (unsigned int i = 0; i < 100; i++)
			kmem_cache_free(s, objs[i]);
	}
	kmem_cache_stats(s, &st);
	EXPECT(nr_constructed == st.nr_objects);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_constructor_runs_once_per_object(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = ctor_body });
	slab_test_run((struct slab_test) { .body = ctor_body, .options.policy = "none" });
	slab_test_run((struct slab_test) { .body = ctor_body, .options.debug = "FZPU" });
	assert_true(nr_constructed >= 100);
}

/* ---- alignment ---- */

static void alignment_body(void)
{
	static const struct {
		unsigned int size, align, expected;
		slab_flags_t flags;
	} cases[] = {
		{ 3, 0, 8, 0 }, { 24, 32, 32, 0 }, { 100, 0, 64, SLAB_HWCACHE_ALIGN },
		{ 20, 0, 32, SLAB_HWCACHE_ALIGN }, { 10, 0, 16, SLAB_HWCACHE_ALIGN },
		{ 4096, 4096, 4096, 0 }, { 512, 256, 256, SLAB_HWCACHE_ALIGN },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kmem_cache *s = kmem_cache_create("align", cases[i].size, cases[i].align,
							 cases[i].flags, NULL);

		for (unsigned int j = 0; j < 200; j++) {
			objs[j] = kmem_cache_alloc(s, GFP_KERNEL);
			EXPECT((uintptr_t)objs[j] % cases[i].expected == 0);
		}
		kmem_cache_free_bulk(s, 200, objs);
		EXPECT(kmem_cache_destroy(s) == 0);
	}
}

static void test_alignment(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = alignment_body });
	slab_test_run((struct slab_test) { .body = alignment_body, .options.debug = "Z" });
	assert_int_equal(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 33), 64);
	assert_int_equal(slab_calculate_alignment(0, 0, 33), 8);
}

/* The kernel's orders on two CPUs (/sys/kernel/slab) for ordinary sizes. */
static void test_order_follows_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(slab_calculate_order(8, 2), 0);
	assert_int_equal(slab_calculate_order(64, 2), 0);
	assert_int_equal(slab_calculate_order(256, 2), 0);
	assert_int_equal(slab_calculate_order(512, 2), 1);
	assert_int_equal(slab_calculate_order(1024, 2), 2);
	assert_int_equal(slab_calculate_order(2048, 2), 3);
	assert_int_equal(slab_calculate_order(4096, 2), 3);
	assert_int_equal(slab_calculate_order(8192, 2), 3);
	assert_int_equal(slab_calculate_order(700, 2), 2);
	assert_int_equal(slab_calculate_order(1 << 20, 2), 8);
	assert_int_equal(slab_calculate_order(SLAB_SIZE_MAX, 2), 10);
}

/* ---- colour ---- */

/* Number of different offsets, in lines of 4 KiB, that 200 objects start at. */
static unsigned int offsets_of(unsigned int size)
{
	struct kmem_cache *s = kmem_cache_create("colour", size, 0, 0, NULL);
	u64 seen = 0;

	for (unsigned int i = 0; i < 200; i++) {
		objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
		seen |= 1ULL << ((uintptr_t)objs[i] / CACHE_LINE % 64);
	}
	kmem_cache_free_bulk(s, 200, objs);
	EXPECT(kmem_cache_destroy(s) == 0);
	return (unsigned int)__builtin_popcountll(seen);
}

static unsigned int nr_offsets;

static void colour_body(void)
{
	nr_offsets = offsets_of(4096);
}

static void test_colour_spreads_large_objects(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = colour_body,
					   .options.colour = SLAB_COLOUR_OFF });
	assert_int_equal(nr_offsets, 1);
	slab_test_run((struct slab_test) { .body = colour_body });
	assert_true(nr_offsets >= 32);
}

/* ---- bulk ---- */

static void bulk_body(void)
{
	struct kmem_cache *s = kmem_cache_create("bulk", 64, 0, 0, NULL);

	for (unsigned int round = 0; round < 20; round++) {
		unsigned int nr = 1 + round * 50;

		EXPECT(kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_ZERO, nr, objs) == nr);
		for (unsigned int i = 0; i < nr; i++) {
			EXPECT(*(u64 *)objs[i] == 0);
			*(u64 *)objs[i] = ~0ULL;
		}
		kmem_cache_free_bulk(s, nr, objs);
		EXPECT(kmem_cache_is_valid(s));
	}
	EXPECT(kmem_cache_destroy(s) == 0);
}

/* All or nothing: a bulk that cannot be filled leaves no object behind. */
static void bulk_fails_body(void)
{
	struct kmem_cache *s = kmem_cache_create("bulk-fails", 4096, 0, 0, NULL);
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .interval = 1,
					.times = -1 };
	struct kmem_cache_stats st;

	objs[0] = kmem_cache_alloc(s, GFP_KERNEL);
	fail_page_alloc_set(&fail);
	EXPECT(kmem_cache_alloc_bulk(s, GFP_NOWAIT, 500, objs + 1) == 0);
	fail.enabled = false;
	fail_page_alloc_set(&fail);
	kmem_cache_stats(s, &st);
	EXPECT(st.live_objects == 1);
	kmem_cache_free(s, objs[0]);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_bulk(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = bulk_body });
	slab_test_run((struct slab_test) { .body = bulk_body, .options.policy = "sheaves" });
	slab_test_run((struct slab_test) { .body = bulk_body, .options.policy = "none" });
	slab_test_run((struct slab_test) { .body = bulk_body, .options.debug = "FZPU" });
	slab_test_run((struct slab_test) { .body = bulk_fails_body });
	assert_true(ARRAY_SIZE(objs) >= 1 + 19 * 50);
}

/* ---- shrink and destroy ---- */

static void shrink_body(void)
{
	struct kmem_cache *s = kmem_cache_create("shrink", 64, 0, 0, NULL);
	struct kmem_cache_stats st;

	fill(s, NR);
	empty(s, NR);
	kmem_cache_stats(s, &st);
	EXPECT(st.pages > 0);
	EXPECT(kmem_cache_shrink(s) > 0);
	kmem_cache_stats(s, &st);
	EXPECT(st.pages == 0 && st.nr_slabs == 0 && st.cpu.cpu_objects == 0);
	EXPECT(kmem_cache_shrink(s) == 0);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_shrink_gives_everything_back(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = shrink_body });
	slab_test_run((struct slab_test) { .body = shrink_body, .options.policy = "sheaves" });
	assert_true(NR > 64);
}

static void destroy_busy_body(void)
{
	struct kmem_cache *s = kmem_cache_create("busy-cache", 128, 0, 0, NULL);
	void *obj = kmem_cache_alloc(s, GFP_KERNEL);

	EXPECT(kmem_cache_destroy(s) == -EBUSY);
	kmem_cache_free(s, obj);
	/* Still usable after the refusal. */
	obj = kmem_cache_alloc(s, GFP_KERNEL);
	EXPECT(obj);
	kmem_cache_free(s, obj);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_destroy_is_refused_while_objects_live(void **state)
{
	struct slab_test t = { .body = destroy_busy_body, .options.debug = "U,busy-cache" };
	char text[SLAB_TEXT_MAX];

	(void)state;
	assert_int_equal(slab_test_fork(&t, text), 0);
	assert_non_null(strstr(text,
			       "kmem_cache_destroy(busy-cache): refused, 1 objects are live"));
	assert_non_null(strstr(text, "destroy_busy_body"));
	slab_test_run((struct slab_test) { .body = destroy_busy_body });
}

/* ---- SLAB_TYPESAFE_BY_RCU ---- */

static void typesafe_body(void)
{
	struct kmem_cache *s = kmem_cache_create("typesafe", 256, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	struct page *page;

	fill(s, 100);
	page = virt_to_page(objs[0]);
	rcu_read_lock();
	for (unsigned int i = 0; i < 100; i++)
		kmem_cache_free(s, objs[i]);
	/* The free pointer lies behind the object: what it held is still there. */
	EXPECT(*(u8 *)objs[0] == 0);
	rcu_read_unlock();
	EXPECT(kmem_cache_shrink(s) > 0);
	/* Within the grace period the frame is still the slab's. */
	EXPECT(page_test_flags(page, PG_slab));
	EXPECT(kmem_cache_destroy(s) == 0);
	EXPECT(!page_test_flags(page, PG_slab));
}

static void test_typesafe_pages_wait_for_a_grace_period(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = typesafe_body, .nr_cpus = 1 });
	assert_true(SLAB_TYPESAFE_BY_RCU != 0);
}

/* ---- bad arguments ---- */

static void bad_arguments_body(void)
{
	EXPECT(!kmem_cache_create("", 8, 0, 0, NULL));
	EXPECT(!kmem_cache_create("zero", 0, 0, 0, NULL));
	EXPECT(!kmem_cache_create("huge", (unsigned int)SLAB_SIZE_MAX + 1, 0, 0, NULL));
	EXPECT(!kmem_cache_create("align", 8, 24, 0, NULL));
	EXPECT(kmem_cache_destroy(NULL) == 0);
}

static void panic_body(void)
{
	(void)!kmem_cache_create("", 8, 0, SLAB_PANIC, NULL);
}

static void test_bad_arguments(void **state)
{
	struct slab_test t = { .body = bad_arguments_body };
	char text[SLAB_TEXT_MAX];

	(void)state;
	assert_int_equal(slab_test_fork(&t, text), 0);
	assert_non_null(strstr(text, "kmem_cache_create(\"align\", 8) failed: an alignment is"));
	slab_test_dies((struct slab_test) { .body = panic_body }, "a name has 1 to 39 characters");
}

/* ---- nodes ---- */

static void nodes_body(void)
{
	struct kmem_cache *s = kmem_cache_create("nodes", 512, 0, 0, NULL);

	for (int i = 0; i < 100; i++) {
		objs[i] = kmem_cache_alloc_node(s, GFP_KERNEL, i & 1);
		EXPECT(page_to_nid(virt_to_page(objs[i])) == (i & 1));
	}
	for (int i = 0; i < 100; i++)
		kmem_cache_free(s, objs[i]);
	EXPECT(kmem_cache_is_valid(s));
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_objects_of_a_node(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = nodes_body, .nr_nodes = 2 });
	slab_test_run((struct slab_test) { .body = nodes_body, .nr_nodes = 2,
					   .options.policy = "sheaves" });
	assert_true(MAX_NUMNODES >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_keep_their_contents),
		cmocka_unit_test(test_constructor_runs_once_per_object),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_order_follows_the_kernel),
		cmocka_unit_test(test_colour_spreads_large_objects),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_shrink_gives_everything_back),
		cmocka_unit_test(test_destroy_is_refused_while_objects_live),
		cmocka_unit_test(test_typesafe_pages_wait_for_a_grace_period),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_objects_of_a_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
