/* SPDX-License-Identifier: MIT */
/* The slab allocator's housekeeping: what nobody needs goes back in time, by itself. */
#include "tests/unit/slab_test.h"

#include "mm/machine.h"
#include "runtime/hotplug.h"
#include "runtime/sim/sim.h"

#define OBJECTS	20000

static struct kmem_cache *s;
static void *objs[OBJECTS];

/* Leaves full magazines at this CPU and in the depot; nobody needs them any more. */
static void fill_magazines(u32 interval_ms)
{
	struct objcache_tunables tun;

	objcache_tunables_preset(&tun, OBJCACHE_BONWICK);
	tun.reap_interval_ms = interval_ms;
	s = kmem_cache_create("reap", 64, 0, SLAB_PANIC, NULL);
	kmem_cache_configure(s, &tun);
	for (unsigned int i = 0; i < OBJECTS; i++) {
		objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
		EXPECT(objs[i]);
	}
	for (unsigned int i = 0; i < OBJECTS; i++)
		kmem_cache_free(s, objs[i]);
}

static u64 stranded(void)
{
	struct kmem_cache_stats st;

	kmem_cache_stats(s, &st);
	return st.cpu.cpu_objects + st.cpu.depot_objects;
}

/* Two intervals later only the arrays that a CPU has loaded are left. */
static void wait_for_reap(void)
{
	while (stranded() > 2 * 2 * 15)
		cond_resched();
	EXPECT(slab_reap_stats().passes >= 2);
	EXPECT(slab_reap_stats().updates >= 2);
	EXPECT(slab_reap_stats().arrays > 100);
	EXPECT(kmem_cache_is_valid(s));
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void reap_soon(void)
{
	fill_magazines(2);
	EXPECT(stranded() > OBJECTS / 2);
	wait_for_reap();
}

static void test_threads(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = reap_soon });
}

/* A cache with a long interval is left alone while others are reaped. */
static void own_interval(void)
{
	struct slab_reap_stats first;

	fill_magazines(3600 * 1000);
	EXPECT(slab_reap_stats().passes == 0);
	first = slab_reap_stats();
	for (u64 end = clock_ns() + 20 * NSEC_PER_MSEC; clock_ns() < end;)
		cond_resched();
	EXPECT(slab_reap_stats().arrays == first.arrays);
	EXPECT(stranded() > OBJECTS / 2);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_interval(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = own_interval });
}

static void nothing_by_time(void)
{
	fill_magazines(1);
	for (u64 end = clock_ns() + 20 * NSEC_PER_MSEC; clock_ns() < end;)
		cond_resched();
	EXPECT(slab_reap_stats().passes == 0);
	EXPECT(stranded() > OBJECTS / 2);
	EXPECT(slab_update_all() == 0);		/* the first interval only looks */
	EXPECT(slab_update_all() > 100);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_no_reap(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .options.no_reap = true, .body = nothing_by_time });
}

static void sim_body(void *arg)
{
	(void)arg;
	fill_magazines(1);
	wait_for_reap();
}

static void test_sim(void **state)
{
	const struct slab_options slab = { .policy = "magazines" };
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 2, .seed = SLAB_TEST_SEED, .backend = "sim" },
		.mm = { .mem_bytes = 64 << 20 }, .slab = &slab,
	};
	const struct sim_options schedule = { .seed = 3, .policy = SIM_RANDOM, .param = 20 };
	struct mm_error err = { "" };

	(void)state;
	if (kmemlab_boot(&opt, &err))
		fail_msg("%s", err.text);
	sim_begin(&schedule);
	cpu_run(0, sim_body, NULL);
	(void)sim_end();
	kmemlab_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_no_reap),
		cmocka_unit_test(test_sim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
