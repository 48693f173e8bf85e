/* SPDX-License-Identifier: MIT */
/* Magazines: exchange, the boundary guarantee, depot, working set, resizing, reconfiguration. */
#include "tests/unit/objcache_test.h"

#include "percpu/objcache.h"

#include <errno.h>

#define ROUNDS	8

static void *held[STORE_OBJECTS];

static void preset(enum objcache_policy policy, u32 rounds)
{
	objcache_tunables_preset(&store.tun, policy);
	store.tun.rounds = rounds;
}

static void take(unsigned int from, unsigned int nr)
{
	for (unsigned int i = from; i < from + nr; i++) {
		held[i] = objcache_alloc(&store.oc, 0);
		EXPECT(held[i]);
		*(u64 *)held[i] = i;
	}
}

static void give(unsigned int from, unsigned int nr)
{
	for (unsigned int i = from; i < from + nr; i++) {
		EXPECT(*(u64 *)held[i] == i);
		objcache_free(&store.oc, held[i]);
	}
}

static struct objcache_sum now(void)
{
	struct objcache_sum sum;

	objcache_sum(&store.oc, &sum);
	return sum;
}

/* ---- every policy conserves objects and counts every operation ---- */

static enum objcache_policy policy;

static void conserve(void *arg)
{
	(void)arg;
	preset(policy, 0);
	store_up(64);
	for (unsigned int nr = 1; nr < 2000; nr += 171) {
		struct objcache_sum before = now(), after;

		take(0, nr);
		EXPECT(store_nr_out() == store_nr_cached() + nr);
		give(0, nr);
		EXPECT(store_nr_out() == store_nr_cached());
		after = now();
		EXPECT(after.stats.alloc_hits + after.stats.alloc_misses -
		       before.stats.alloc_hits - before.stats.alloc_misses == nr);
		EXPECT(objcache_is_valid(&store.oc));
	}
	store_down();
}

static void test_objects_are_conserved(void **state)
{
	(void)state;
	for (policy = OBJCACHE_NONE; policy < NR_OBJCACHE_POLICIES; policy++)
		store_test_run((struct store_test) { 2, 1, conserve, NULL, NULL });
	assert_int_equal(policy, NR_OBJCACHE_POLICIES);
}

/*
 * The theorem of two magazines: after an exchange with the depot at least ROUNDS operations of
 * either kind come before the next one, wherever the sequence swings.
 */
static void boundary(void *arg)
{
	u64 exchanges;

	(void)arg;
	preset(OBJCACHE_BONWICK, ROUNDS);
	store_up(64);
	take(0, 10 * ROUNDS);
	give(0, 10 * ROUNDS);
	/* Loaded and previous are full.  Swing around the boundary. */
	exchanges = now().depot_ops;
	for (int i = 0; i < 100; i++) {
		take(0, ROUNDS);
		give(0, ROUNDS);
	}
	EXPECT(now().depot_ops - exchanges <= 1);
	store_down();
}

static void test_boundary_does_not_thrash(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, boundary, NULL, NULL });
	assert_true(ROUNDS > 1);
}

/* ---- what one CPU frees, another allocates, by whole magazines ---- */

static void produce(void *arg)
{
	(void)arg;
	preset(OBJCACHE_BONWICK, ROUNDS);
	store_up(64);
	take(0, 20 * ROUNDS);
	give(0, 20 * ROUNDS);
	/* Two magazines stay here, the others are full in the depot. */
	EXPECT(now().nr_full == 18);
}

static void consume(void *arg)
{
	u64 imported = now().stats.imported;

	(void)arg;
	take(0, 18 * ROUNDS);
	EXPECT(now().stats.imported == imported);
	EXPECT(now().nr_full == 0);
	EXPECT(now().stats.depot_gets == 18);
	give(0, 18 * ROUNDS);
}

static void finish(void *arg)
{
	(void)arg;
	store_down();
}

static void test_depot_carries_objects_between_cpus(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 2, 1, produce, consume, finish });
	assert_int_equal(store.nr_arrays, 0);
}

/* ---- the stash keeps a CPU's objects from the depot, within its limit ---- */

static void stash(void *arg)
{
	(void)arg;
	preset(OBJCACHE_MAGAZINES, ROUNDS);
	store.tun.stash_objects = 5 * ROUNDS;
	store_up(64);
	take(0, 20 * ROUNDS);
	give(0, 20 * ROUNDS);
	EXPECT(now().cpu_objects == 7 * ROUNDS);	/* loaded, previous, five stashed */
	EXPECT(now().nr_full == 13);
	for (int i = 0; i < 50; i++) {
		u64 ops = now().depot_ops;

		take(0, 7 * ROUNDS);
		give(0, 7 * ROUNDS);
		EXPECT(i == 0 || now().depot_ops == ops);
	}
	store_down();
}

static void test_stash(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, stash, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* ---- the depot's limit bounds what is stranded ---- */

static void limit(void *arg)
{
	(void)arg;
	preset(OBJCACHE_BONWICK, ROUNDS);
	store.tun.full_max = 3;
	store.tun.empty_max = 2;
	store_up(64);
	take(0, 50 * ROUNDS);
	give(0, 50 * ROUNDS);
	EXPECT(now().nr_full == 3 && now().nr_empty <= 2);
	EXPECT(store_nr_out() == 5 * ROUNDS);
	store_down();
}

static void test_limit_bounds_stranded_objects(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, limit, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* ---- the working set: what two intervals did not need is given back ---- */

static void working_set(void *arg)
{
	(void)arg;
	preset(OBJCACHE_BONWICK, ROUNDS);
	store_up(64);
	take(0, 30 * ROUNDS);
	give(0, 30 * ROUNDS);
	EXPECT(now().nr_full == 28);
	EXPECT(objcache_update(&store.oc) == 0);
	/* An interval that needs ten of them. */
	take(0, 12 * ROUNDS);
	give(0, 12 * ROUNDS);
	objcache_update(&store.oc);
	take(0, 12 * ROUNDS);
	give(0, 12 * ROUNDS);
	objcache_update(&store.oc);
	EXPECT(now().nr_full >= 10 && now().nr_full <= 12);
	EXPECT(now().nr_reaped >= 16);
	/* Without any use everything goes. */
	objcache_update(&store.oc);
	objcache_update(&store.oc);
	EXPECT(now().nr_full == 0);
	store_down();
}

static void test_working_set_is_kept(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, working_set, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* ---- resizing by contention ---- */

static void resize(void *arg)
{
	(void)arg;
	preset(OBJCACHE_BONWICK, 0);
	store_up(64);
	EXPECT(store.oc.rounds == 15);
	take(0, 100);
	/* Three failed tries are not enough, four are. */
	store.depots[0].contention += 3;
	objcache_update(&store.oc);
	EXPECT(store.oc.rounds == 15);
	store.depots[0].contention += 4;
	objcache_update(&store.oc);
	EXPECT(store.oc.rounds == 31 && store.oc.nr_resizes == 1);
	EXPECT(store_nr_out() == 100);		/* purged */
	give(0, 100);
	for (int i = 0; i < 20; i++) {
		store.depots[0].contention += 4;
		objcache_update(&store.oc);
	}
	EXPECT(store.oc.rounds == 143);		/* the largest type */
	EXPECT(objcache_is_valid(&store.oc));
	store_down();
}

static void test_resizing_by_contention(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 2, 1, resize, NULL, NULL });
	assert_int_equal(store.oc.nr_resizes, 5);
}

/* ---- failures ---- */

static void failures(void *arg)
{
	(void)arg;
	preset(OBJCACHE_MAGAZINES, ROUNDS);
	store_up(64);
	store.no_arrays = true;
	take(0, 100);
	give(0, 100);
	EXPECT(now().stats.mag_failed > 0 && store_nr_cached() == 0);
	store.no_arrays = false;
	take(0, 100);
	store.no_objects = true;
	for (unsigned int i = 0; i < 2 * ROUNDS + 16; i++)
		held[200 + i] = objcache_alloc(&store.oc, 0);
	EXPECT(!held[200 + 2 * ROUNDS + 15]);
	store.no_objects = false;
	for (unsigned int i = 0; i < 2 * ROUNDS + 16; i++)
		if (held[200 + i])
			objcache_free(&store.oc, held[200 + i]);
	give(0, 100);
	/* A failed alloc counts as a miss: the books are the frees' plus the failures. */
	objcache_disable(&store.oc);
	EXPECT(store.nr_free == STORE_OBJECTS && store.nr_arrays == 0);
	objcache_destroy(&store.oc);
}

static void test_failures(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 1, 1, failures, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* ---- changing policy and sizes while objects are out ---- */

static void reconfigure(void *arg)
{
	(void)arg;
	preset(OBJCACHE_MAGAZINES, 0);
	store_up(128);
	take(0, 1000);
	for (int i = 0; i < 3 * NR_OBJCACHE_POLICIES; i++) {
		struct objcache_tunables tun;

		objcache_tunables_preset(&tun, (enum objcache_policy)(i % NR_OBJCACHE_POLICIES));
		if (i % 2)
			EXPECT(objcache_tunable_set(&tun, "rounds", 1 + (u32)i * 7) == 0);
		objcache_configure(&store.oc, &tun);
		EXPECT(store_nr_cached() == 0 && store.nr_arrays == 0);
		take(1000, 500);
		give(1000, 500);
		EXPECT(objcache_is_valid(&store.oc));
		EXPECT(store_nr_out() == 1000 + store_nr_cached());
	}
	give(0, 1000);
	store_down();
}

static void test_policy_changes_at_run_time(void **state)
{
	(void)state;
	store_test_run((struct store_test) { 3, 1, reconfigure, NULL, NULL });
	assert_int_equal(store.nr_arrays, 0);
}

/* ---- names and bounds ---- */

static void test_names_and_bounds(void **state)
{
	struct objcache_tunables tun;

	(void)state;
	for (int i = 0; i < NR_OBJCACHE_POLICIES; i++)
		assert_int_equal(objcache_policy_by_name(
			objcache_policy_name((enum objcache_policy)i)), i);
	assert_int_equal(objcache_policy_by_name("magazine"), -EINVAL);
	objcache_tunables_preset(&tun, OBJCACHE_BONWICK);
	assert_int_equal(objcache_tunable_set(&tun, "rounds", OBJCACHE_ROUNDS_MAX + 1), -ERANGE);
	assert_int_equal(objcache_tunable_set(&tun, "round", 1), -ENOENT);
	for (unsigned int i = 0; i < nr_objcache_tunables; i++) {
		const struct objcache_tunable_info *info = &objcache_tunable_info[i];

		assert_int_equal(objcache_tunable_set(&tun, info->name, info->max), 0);
		assert_int_equal(objcache_tunable_get(&tun, info), info->max);
	}
	/* The types of Bonwick and Adams by object size. */
	objcache_tunables_preset(&tun, OBJCACHE_BONWICK);
	assert_int_equal(objcache_rounds_default(&tun, 64), 15);
	assert_int_equal(objcache_rounds_default(&tun, 65), 7);
	assert_int_equal(objcache_rounds_default(&tun, 257), 3);
	assert_int_equal(objcache_rounds_default(&tun, 4096), 1);
	assert_int_equal(objcache_rounds_limit(&tun, 64), 143);
	assert_int_equal(objcache_rounds_limit(&tun, 4096), 31);
	assert_int_equal(objcache_rounds_next(143), 143);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_are_conserved),
		cmocka_unit_test(test_boundary_does_not_thrash),
		cmocka_unit_test(test_depot_carries_objects_between_cpus),
		cmocka_unit_test(test_stash),
		cmocka_unit_test(test_limit_bounds_stranded_objects),
		cmocka_unit_test(test_working_set_is_kept),
		cmocka_unit_test(test_resizing_by_contention),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_policy_changes_at_run_time),
		cmocka_unit_test(test_names_and_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
