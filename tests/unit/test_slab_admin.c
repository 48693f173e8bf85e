/* SPDX-License-Identifier: MIT */
/*
 * The allocator as a whole: slabinfo, statistics, switching the per-CPU layer under live objects,
 * working-set updates, the memory bound after random replacement, boot options, and failing pages.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "tests/unit/slab_test.h"

#include "mm/slab/slab.h"
#include "runtime/lib/rand.h"

/* ---- /proc/slabinfo ---- */

static char *slabinfo;

static void slabinfo_body(void)
{
	struct kmem_cache *s = kmem_cache_create("shown", 128, 0, 0, NULL);
	size_t size;
	FILE *out = open_memstream(&slabinfo, &size);
	void *objs[40];

	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
	EXPECT(proc_slabinfo_show(out) == 0);
	fclose(out);
	kmem_cache_free_bulk(s, ARRAY_SIZE(objs), objs);
	EXPECT(kmem_cache_destroy(s) == 0);
}

/* Reads the rows as procps does: "%128s%u %u %u %u %u : tunables %*u %*u %*u : slabdata %u %u". */
static void test_slabinfo_is_what_procps_reads(void **state)
{
	unsigned int active, num, size, per_slab, pages, active_slabs, num_slabs, rows = 0;
	unsigned int major, minor;
	bool shown = false;
	char name[129], *line, *rest;

	(void)state;
	slab_test_run((struct slab_test) { .body = slabinfo_body });
	line = strtok_r(slabinfo, "\n", &rest);
	assert_int_equal(sscanf(line, "slabinfo - version: %u.%u", &major, &minor), 2);
	assert_int_equal(major * 10 + minor, 21);
	line = strtok_r(NULL, "\n", &rest);
	assert_int_equal(line[0], '#');
	while ((line = strtok_r(NULL, "\n", &rest))) {
		assert_int_equal(sscanf(line, "%128s%u %u %u %u %u : tunables %*u %*u %*u : "
					"slabdata %u %u %*u", name, &active, &num, &size, &per_slab,
					&pages, &active_slabs, &num_slabs), 8);
		assert_true(active <= num && active_slabs <= num_slabs);
		assert_true((size_t)per_slab * size <= pages * PAGE_SIZE);
		rows++;
		if (strcmp(name, "shown") == 0) {
			shown = true;
			assert_int_equal(active, 40);
			assert_int_equal(num, 64);
			assert_int_equal(size, 128);
			assert_int_equal(num_slabs, 2);
		}
	}
	assert_true(shown);
	assert_true(rows > 40);
	free(slabinfo);
}

/* ---- the per-CPU layer changes under live objects ---- */

static void switch_body(void)
{
	struct kmem_cache *s = kmem_cache_create("switched", 64, 0, 0, NULL);
	static void *objs[3000];
	struct kmem_cache_stats st;

	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++) {
		struct objcache_tunables tun;

		if (i % 300 == 0) {
			objcache_tunables_preset(&tun, (enum objcache_policy)(i / 300 %
							NR_OBJCACHE_POLICIES));
			slab_configure_all(&tun);
			EXPECT(s->oc.kind == tun.kind);
		}
		objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
		*(u64 *)objs[i] = i;
		if (i % 3 == 0) {
			kmem_cache_free(s, objs[i]);
			objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
			*(u64 *)objs[i] = i;
		}
	}
	kmem_cache_stats(s, &st);
	EXPECT(st.live_objects == ARRAY_SIZE(objs) && kmem_cache_is_valid(s));
	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++) {
		EXPECT(*(u64 *)objs[i] == i);
		kmem_cache_free(s, objs[i]);
	}
	for (int i = 0; i < 4; i++)
		slab_update_all();
	kmem_cache_stats(s, &st);
	EXPECT(st.live_objects == 0 && kmem_cache_is_valid(s));
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_layer_changes_under_live_objects(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = switch_body, .nr_cpus = 4 });
	assert_true(NR_OBJCACHE_POLICIES > 2);
}

/* ---- memory above the live bytes after random replacement, 64-byte objects ---- */

static double overhead;		/* percent */

static void replacement_body(void)
{
	struct kmem_cache *s = kmem_cache_create("replaced", 64, 0, 0, NULL);
	static void *objs[10000];
	struct kmem_cache_stats st;
	struct rand_state r;

	rand_init(&r, SLAB_TEST_SEED, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int k = rand_below(&r, ARRAY_SIZE(objs));

		kmem_cache_free(s, objs[k]);
		objs[k] = kmem_cache_alloc(s, GFP_KERNEL);
	}
	kmem_cache_stats(s, &st);
	EXPECT(st.live_objects == ARRAY_SIZE(objs));
	overhead = 100.0 * ((double)(st.pages * PAGE_SIZE) / (64.0 * ARRAY_SIZE(objs)) - 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
		kmem_cache_free(s, objs[i]);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_memory_after_random_replacement(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = replacement_body });
	print_message("seed %#llx: %.1f %% above the live bytes\n",
		      (unsigned long long)SLAB_TEST_SEED, overhead);
	assert_true(overhead <= 12.5);
}

/* ---- failing pages: each n-th page allocation fails once, nothing is lost ---- */

static unsigned int nr_failed;

static void fail_nth_body(void)
{
	struct kmem_cache *s = kmem_cache_create("failing", 64, 0, 0, NULL);
	static void *objs[2000];

	for (u64 nth = 1; nth <= 30; nth++) {
		struct fail_page_alloc fail = { .enabled = true, .fail_nth = nth };
		unsigned int missing = 0;

		fail_page_alloc_set(&fail);
		for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++) {
			objs[i] = kmem_cache_alloc(s, GFP_NOWAIT);
			missing += !objs[i];
		}
		fail.enabled = false;
		fail_page_alloc_set(&fail);
		for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
			if (objs[i])
				kmem_cache_free(s, objs[i]);
		nr_failed += missing;
		EXPECT(kmem_cache_is_valid(s));
		kmem_cache_shrink(s);
	}
	EXPECT(kmem_cache_destroy(s) == 0);
}

/* No page at all: creation and every alloc fail cleanly. */
static void no_pages_body(void)
{
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .interval = 1,
					.times = -1 };
	struct kmem_cache *caches[40];
	unsigned int made = 0;

	fail_page_alloc_set(&fail);
	for (unsigned int i = 0; i < ARRAY_SIZE(caches); i++) {
		caches[i] = kmem_cache_create("no-pages", 3000, 0, 0, NULL);
		made += caches[i] != NULL;
		if (caches[i])
			EXPECT(!kmem_cache_alloc(caches[i], GFP_NOWAIT));
	}
	EXPECT(made < ARRAY_SIZE(caches));
	EXPECT(!kmalloc(100000, GFP_NOWAIT));
	fail.enabled = false;
	fail_page_alloc_set(&fail);
	for (unsigned int i = 0; i < ARRAY_SIZE(caches); i++)
		EXPECT(kmem_cache_destroy(caches[i]) == 0);
}

static void test_failing_pages(void **state)
{
	static const char *const policies[] = { "magazines", "bonwick", "sheaves", "none" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(policies); i++) {
		nr_failed = 0;
		slab_test_run((struct slab_test) { .body = fail_nth_body,
						   .options.policy = policies[i] });
		assert_true(nr_failed > 0);
	}
	slab_test_run((struct slab_test) { .body = no_pages_body });
}

/* ---- statistics ---- */

static char *stats_text;

static void stats_body(void)
{
	struct kmem_cache *s = kmem_cache_create("counted", 64, 0, 0, NULL);
	struct kmem_cache_stats st;
	size_t size;
	FILE *out;
	void *obj;

	for (int i = 0; i < 1000; i++) {
		obj = kmem_cache_alloc(s, GFP_KERNEL);
		kmem_cache_free(s, obj);
	}
	kmem_cache_stats(s, &st);
	EXPECT(st.cpu.stats.alloc_hits + st.cpu.stats.alloc_misses == 1000);
	EXPECT(st.cpu.stats.alloc_misses == 1 && st.cpu.stats.free_misses == 0);
	EXPECT(st.live_objects == 0 && st.nr_slabs == 1);
	EXPECT(kmem_cache_find("counted") == s && !kmem_cache_find("no such cache"));
	out = open_memstream(&stats_text, &size);
	slab_stats_show(out);
	fclose(out);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_statistics_are_exact(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = stats_body });
	assert_non_null(strstr(stats_text, "counted"));
	assert_non_null(strstr(stats_text, " 99.95%"));
	free(stats_text);
}

/* ---- options ---- */

static int boot_code;
static struct mm_error boot_err;

static void boot_wrong(void *arg)
{
	boot_code = slab_boot(arg, &boot_err);
}

static void test_wrong_options_are_refused(void **state)
{
	struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 1, .no_pin = true }, .mm = { .mem_bytes = 64 << 20 },
	};
	struct slab_options policy = { .policy = "magazine" }, debug = { .debug = "FX" };

	(void)state;
	assert_int_equal(kmemlab_boot(&opt, NULL), 0);
	cpu_run(0, boot_wrong, &policy);
	assert_int_equal(boot_code, -EINVAL);
	assert_non_null(strstr(boot_err.text, "\"magazine\" is unknown; give magazines"));
	cpu_run(0, boot_wrong, &debug);
	assert_int_equal(boot_code, -EINVAL);
	assert_non_null(strstr(boot_err.text, "'X' is no check"));
	kmemlab_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slabinfo_is_what_procps_reads),
		cmocka_unit_test(test_layer_changes_under_live_objects),
		cmocka_unit_test(test_memory_after_random_replacement),
		cmocka_unit_test(test_failing_pages),
		cmocka_unit_test(test_statistics_are_exact),
		cmocka_unit_test(test_wrong_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
