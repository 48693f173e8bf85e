/* SPDX-License-Identifier: MIT */
/*
 * Every undo path of the slab allocator and of its callers: the n-th allocation of an object, of a
 * magazine or of pages fails, for every n and under every policy.  Afterwards nothing is live, the
 * cache is well formed and can be destroyed, and every page is back.
 */
#include "tests/unit/slab_test.h"

#include "mm/slab/slab_mempool.h"

#define OBJECTS	300u
#define BULK	24u

static void construct(void *obj)
{
	*(u64 *)obj = 0x0b1ec7;
}

static struct kmem_cache *make_cache(void)
{
	struct objcache_tunables tun = *slab_default_tunables();
	struct kmem_cache *s = kmem_cache_create("inject", 512, 0, 0, construct);

	if (!s)
		return NULL;
	/* Small arrays, so that a short run passes every kind of miss. */
	if (tun.kind != OBJCACHE_KIND_NONE)
		tun.rounds = 7;
	tun.stash_objects = 14;
	tun.full_max = tun.empty_max = 3;
	kmem_cache_configure(s, &tun);
	return s;
}

/* Objects one by one and in bulk, and back; false when one was refused. */
static bool use_cache(void)
{
	static void *objs[OBJECTS];
	struct kmem_cache *s = make_cache();
	struct kmem_cache_stats st;
	unsigned int got = 0, want = BULK;
	void *bulk[BULK];

	if (!s)
		return false;
	for (; got < OBJECTS; got++) {
		objs[got] = kmem_cache_alloc(s, GFP_NOWAIT | __GFP_NOWARN);
		if (!objs[got])
			break;
		EXPECT(*(u64 *)objs[got] == 0x0b1ec7);
	}
	want = kmem_cache_alloc_bulk(s, GFP_NOWAIT | __GFP_NOWARN, BULK, bulk);
	EXPECT(want == BULK || want == 0);
	kmem_cache_stats(s, &st);
	EXPECT(st.live_objects == got + want);
	EXPECT(kmem_cache_is_valid(s));
	if (want)
		kmem_cache_free_bulk(s, want, bulk);
	for (unsigned int i = 0; i < got; i++)
		kmem_cache_free(s, objs[i]);
	EXPECT(kmem_cache_is_valid(s));
	kmem_cache_stats(s, &st);
	EXPECT(st.live_objects == 0);
	EXPECT(kmem_cache_destroy(s) == 0);
	return got == OBJECTS && want;
}

/* The family of kmalloc(): what could not grow is as it was. */
static bool use_kmalloc(void)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	u8 *p = kmalloc(100, gfp), *q = kcalloc(3, 1000, gfp), *bigger;
	char *copy = kstrdup("a string", gfp);
	void *large = kmalloc(40000, gfp), *all_four[4];
	bool all = p && q && copy && large;

	if (p) {
		memset(p, 0x77, 100);
		bigger = krealloc(p, 20000, gfp);
		all &= bigger != NULL;
		p = bigger ? bigger : p;
		for (unsigned int i = 0; i < 100; i++)
			EXPECT(p[i] == 0x77);
	}
	for (unsigned int i = 0; q && i < 3000; i++)
		EXPECT(q[i] == 0);
	EXPECT(!copy || strcmp(copy, "a string") == 0);
	all_four[0] = p;
	all_four[1] = q;
	all_four[2] = copy;
	all_four[3] = large;
	kfree_bulk(4, all_four);
	return all;
}

static bool use_pool(void)
{
	struct kmem_cache *s = kmem_cache_create("pool", 200, 0, 0, NULL);
	mempool_t pool;
	void *element[4];
	bool up = s && mempool_init_slab_pool(&pool, 4, s) == 0;

	for (unsigned int i = 0; up && i < 4; i++) {
		/* The reserve is there for the one that is refused. */
		element[i] = mempool_alloc(&pool, GFP_NOWAIT | __GFP_NOWARN);
		EXPECT(element[i]);
	}
	for (unsigned int i = 0; up && i < 4; i++)
		mempool_free(element[i], &pool);
	if (up)
		mempool_exit(&pool);
	EXPECT(kmem_cache_destroy(s) == 0);
	return up;
}

/* Returns the number of candidates that failed, one per turn. */
static u64 walk(struct fault_attr *attr, bool (*body)(void), u64 *refused)
{
	u64 n;

	*refused = 0;
	EXPECT(body());				/* the caches' first pages and magazines */
	for (n = 1; fault_nth_arm(attr, n); n++)
		*refused += !body();
	EXPECT(body());
	return n - 2;
}

static const char *policy;

static void objects(void)
{
	u64 n, refused;

	n = walk(failslab_attr(), use_cache, &refused);
	/* The descriptor and the bulk call, and every object where hits are candidates too. */
	if (KMEMLAB_DEBUG || strcmp(policy, "none") == 0)
		EXPECT(n == OBJECTS + 2);
	EXPECT(n > 2 && refused == n);
	n = walk(failslab_attr(), use_kmalloc, &refused);
	if (KMEMLAB_DEBUG || strcmp(policy, "none") == 0)
		EXPECT(n == 3 && refused == 3);	/* large blocks are no objects */
	n = walk(failslab_attr(), use_pool, &refused);
	EXPECT(refused >= 1 && n >= refused);
}

/* Without an array an object takes the long way, and nobody is refused. */
static void magazines(void)
{
	u64 n, refused;

	n = walk(fail_magazine_attr(), use_cache, &refused);
	EXPECT(refused == 0);
	EXPECT((n >= 2) == (strcmp(policy, "none") != 0));
}

static void pages(void)
{
	u64 n, refused;

	n = walk(fail_page_alloc_attr(), use_cache, &refused);
	/* 300 objects of 512 bytes; a block that is refused is asked for again in a lower order. */
	EXPECT(n >= 10);
	n = walk(fail_page_alloc_attr(), use_kmalloc, &refused);
	EXPECT(n >= 1 && refused >= 1);
}

/* Shortage at random, in debug caches as well. */
static void at_random(void)
{
	const struct fault_options some = { .enabled = true, .probability = 20, .times = -1 };
	const struct fault_options off = { .enabled = false };
	u64 refused = 0;

	fault_attr_set(failslab_attr(), &some);
	fault_attr_set(fail_magazine_attr(), &some);
	fault_attr_set(fail_page_alloc_attr(), &some);
	for (unsigned int i = 0; i < 200; i++)
		refused += (u64)!use_cache() + (u64)!use_kmalloc();
	fault_attr_set(failslab_attr(), &off);
	fault_attr_set(fail_magazine_attr(), &off);
	fault_attr_set(fail_page_alloc_attr(), &off);
	EXPECT(refused > 20);
	EXPECT(use_cache() && use_kmalloc());
}

static void run_all(const char *debug, void (*body)(void))
{
	static const char *const policies[] = {
		"magazines", "bonwick", "sheaves", "sheaves-32", "none",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(policies); i++) {
		struct slab_test t = {
			.options = { .policy = policies[i], .debug = debug, .no_reap = true },
			.nr_cpus = 1, .body = body,
		};

		policy = debug ? "none" : policies[i];
		slab_test_run(t);
	}
}

static void test_objects(void **state)
{
	(void)state;
	run_all(NULL, objects);
}

static void test_magazines(void **state)
{
	(void)state;
	run_all(NULL, magazines);
}

static void test_pages(void **state)
{
	(void)state;
	run_all(NULL, pages);
}

static void test_at_random(void **state)
{
	(void)state;
	printf("seed %llu\n", SLAB_TEST_SEED);
	run_all(NULL, at_random);
	run_all("FZPU", at_random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_magazines),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
