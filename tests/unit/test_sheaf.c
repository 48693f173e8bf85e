/* SPDX-License-Identifier: MIT */
/* Sheaves: refill to capacity, main and spare, the barn's limits, frees of another node. */
#include "tests/unit/objcache_test.h"

#include "percpu/objcache.h"

#define CAP	8

static void *held[STORE_OBJECTS];

static void up(u32 capacity)
{
	objcache_tunables_preset(&store.tun, OBJCACHE_SHEAVES);
	store.tun.rounds = capacity;
	store_up(64);
}

static struct objcache_sum now(void)
{
	struct objcache_sum sum;

	objcache_sum(&store.oc, &sum);
	return sum;
}

static void take(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		held[i] = objcache_alloc(&store.oc, 0);
		EXPECT(held[i]);
	}
}

static void give(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		objcache_free(&store.oc, held[i]);
}

static void test_capacity_by_size(void **state)
{
	struct objcache_tunables tun;

	(void)state;
	objcache_tunables_preset(&tun, OBJCACHE_SHEAVES);
	assert_int_equal(objcache_rounds_default(&tun, 8), 60);
	assert_int_equal(objcache_rounds_default(&tun, 255), 60);
	assert_int_equal(objcache_rounds_default(&tun, 256), 28);
	assert_int_equal(objcache_rounds_default(&tun, 1024), 12);
	assert_int_equal(objcache_rounds_default(&tun, 4096), 4);
	objcache_tunables_preset(&tun, OBJCACHE_SHEAVES_32);
	assert_int_equal(objcache_rounds_default(&tun, 4096), 32);
	assert_int_equal(tun.full_max, 10);
	assert_int_equal(tun.empty_max, 10);
}

/* A miss refills a whole sheaf: one import per CAP allocs. */
static void refill(void *arg)
{
	(void)arg;
	up(CAP);
	take(10 * CAP);
	EXPECT(now().stats.imports == 10 && now().stats.imported == 10 * CAP);
	EXPECT(now().stats.alloc_misses == 10);
	EXPECT(store_nr_cached() == 0);
	give(10 * CAP);
	store_down();
}

static void test_refill_to_capacity(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, refill, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* A full barn sends the spare's objects back to the store: CAP at once. */
static void barn_limit(void *arg)
{
	(void)arg;
	up(CAP);
	take(40 * CAP);
	give(40 * CAP);
	EXPECT(now().nr_full == 10);
	EXPECT(store_nr_out() == 12 * CAP);
	EXPECT(now().stats.put_failed == 28);
	EXPECT(now().stats.releases == 28 && now().stats.released == 28 * CAP);
	/* And the barn serves twelve sheaves without an import. */
	EXPECT(now().stats.depot_puts == 10);
	take(12 * CAP);
	EXPECT(now().stats.depot_gets == 10 && now().nr_full == 0);
	give(12 * CAP);
	store_down();
}

static void test_barn_limit(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, barn_limit, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* Main and spare: swinging within two sheaves needs neither barn nor store. */
static void spare(void *arg)
{
	u64 ops, imports;

	(void)arg;
	up(CAP);
	take(2 * CAP);
	give(2 * CAP);
	ops = now().depot_ops;
	imports = now().stats.imports;
	for (int i = 0; i < 50; i++) {
		take(2 * CAP);
		give(2 * CAP);
	}
	EXPECT(now().depot_ops == ops && now().stats.imports == imports);
	store_down();
}

static void test_spare_absorbs_swings(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, spare, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* A barn per node: what CPU 0 leaves in its node's barn, CPU 1 of another node does not see. */
static void fill_barn(void *arg)
{
	(void)arg;
	up(CAP);
	take(6 * CAP);
	give(6 * CAP);
	EXPECT(store.depots[0].full.nr == 4 && store.depots[1].full.nr == 0);
}

static void other_node(void *arg)
{
	u64 imports = now().stats.imports;
	void *obj = objcache_alloc(&store.oc, 0);

	(void)arg;
	EXPECT(this_cpu()->node == 1);
	EXPECT(now().stats.imports == imports + 1);
	EXPECT(store.depots[0].full.nr == 4);
	/* An object of another node goes past the sheaves. */
	EXPECT(!objcache_push(&store.oc, obj));
	objcache_free_slow(&store.oc, obj, false);
	EXPECT(now().stats.released == 1);
}

static void finish(void *arg)
{
	(void)arg;
	store_down();
}

static void test_barn_per_node(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 2, 2, fill_barn, other_node, finish });
	assert_int_equal(store.nr_arrays, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity_by_size),
		cmocka_unit_test(test_refill_to_capacity),
		cmocka_unit_test(test_barn_limit),
		cmocka_unit_test(test_spare_absorbs_swings),
		cmocka_unit_test(test_barn_per_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
