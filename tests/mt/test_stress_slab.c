/* SPDX-License-Identifier: MIT */
/*
 * stress-slab's workload through the harness: clean under every policy and layout, exact when it
 * should be; and the object oracle reports what it is for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stress/workloads/slab_load.h"

/* Fewer operations where each costs ten times as much. */
#if KMEMLAB_DEBUG
#define OPS	10000
#else
#define OPS	100000
#endif

static struct stress_options options(unsigned int nr_cpus, u64 seed)
{
	struct stress_options opt;

	stress_options_default(&opt);
	opt.cpus = nr_cpus;
	opt.seed = seed;
	opt.ops = OPS;
	opt.seconds = 0;
	opt.mem_bytes = 64 << 20;
	opt.irq_rate = 2000;
	opt.quiet = true;
	return opt;
}

static void execute(struct stress_run *run, const struct stress_options *opt)
{
	struct mm_error err = { "" };

	*run = (struct stress_run){ .wl = &workload_slab, .opt = opt, .program = "test" };
	printf("seed %llu, %u CPUs, slab %s\n", (unsigned long long)opt->seed, opt->cpus,
	       opt->slab ? opt->slab : "all");
	if (stress_execute(run, &err))
		fail_msg("%s", err.text);
}

static void run_clean(const struct stress_options *opt)
{
	struct stress_run run;

	execute(&run, opt);
	assert_int_equal(run.failures, 0);
	assert_int_equal(run.ops.sum, opt->ops * opt->cpus);
	stress_run_free(&run);
}

static void test_many_cpus(void **state)
{
	struct stress_options opt = options(8, 1);

	(void)state;
	run_clean(&opt);
	opt = options(3, 2);
	opt.irq_rate = 20000;
	run_clean(&opt);
}

static void test_policies(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR_OBJCACHE_POLICIES; i++) {
		struct stress_options opt = options(4, 10 + i);

		opt.slab = objcache_policy_name((enum objcache_policy)i);
		run_clean(&opt);
	}
}

static void test_machines(void **state)
{
	struct stress_options opt = options(4, 20);

	(void)state;
	opt.nodes = 2;
	run_clean(&opt);
	opt = options(4, 21);
	opt.mem_bytes = 16 << 20;	/* allocations are refused */
	run_clean(&opt);
	opt = options(4, 22);
	opt.hotplug = 100;
	run_clean(&opt);
	opt = options(2, 23);
	opt.slab_debug = "FZPU";
	run_clean(&opt);
}

static char *exact_counters(u64 seed)
{
	struct stress_options opt = options(1, seed);
	struct stress_run run;
	char *text;

	execute(&run, &opt);
	assert_int_equal(run.failures, 0);
	text = json_dumps(json_object_get(run.result, "exact"), JSON_SORT_KEYS);
	stress_run_free(&run);
	assert_non_null(text);
	return text;
}

static void test_same_seed_same_counters(void **state)
{
	char *a = exact_counters(77), *b = exact_counters(77), *c = exact_counters(78);

	(void)state;
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
}

/* Every part of the load happens, and what came in went out. */
static void test_report(void **state)
{
	static const char *const members[] = {
		"allocs", "bulk_objects", "kmallocs", "large", "kreallocs", "moved", "sent",
		"received", "delayed", "bursts", "shrinks", "retunes", "updates", "temps",
		"published", "lookups", "found",
	};
	struct stress_options opt = options(3, 50);
	const json_t *load, *caches;
	struct stress_run run;

	(void)state;
	opt.ops = 60000;
	execute(&run, &opt);
	load = json_object_get(json_object_get(run.result, "exact"), "workload");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_integer_value(json_object_get(load, members[i])) <= 0)
			fail_msg("%s is 0", members[i]);
	caches = json_object_get(load, "caches");
	assert_true(json_array_size(caches) > slab_nr_caches());
	assert_int_equal(json_integer_value(json_object_get(run.result, "findings")), 0);
	stress_run_free(&run);
}

/* ---- the oracle notices ---- */

static char found[512];

static void note(const char *text)
{
	if (!found[0])
		snprintf(found, sizeof(found), "%s", text);
}

/* What the oracle said first about what happened since the last call. */
static void expect(const char *text)
{
	if (!strstr(found, text))
		fail_msg("expected \"%s\", the oracle said \"%s\"", text, found);
	found[0] = '\0';
}

static void misuse(void *arg)
{
	struct slab_object o = { .size = 64 }, again;

	(void)arg;
	o.p = kmalloc(64, GFP_KERNEL);
	slab_oracle_alloc(&o, 1);
	again = o;
	slab_oracle_alloc(&again, 2);
	expect("handed out while somebody owns it");
	slab_oracle_free(&o, 3);
	expect("contents changed");
	slab_oracle_free(&again, 4);
	expect("freed twice");
	slab_oracle_alloc(&o, 5);
	((u64 *)o.p)[7] ^= 1;
	slab_oracle_check(&o);
	expect("contents changed");
	((u64 *)o.p)[7] ^= 1;
	slab_oracle_free(&o, 6);
	assert_string_equal(found, "");
	o.zeroed = true;
	slab_oracle_alloc(&o, 7);
	expect("not zero");
	slab_object_free(&o, 8);

	o = (struct slab_object){ .size = 96, .kind = SLAB_CTOR };
	o.p = kzalloc(96, GFP_KERNEL);
	o.s = kmem_cache_find("kmalloc-64");
	slab_oracle_alloc(&o, 9);
	expect("slab of another cache");
	o.s = NULL;
	slab_oracle_free(&o, 10);
	slab_oracle_alloc(&o, 11);
	expect("constructed state");
	slab_object_free(&o, 12);
	assert_string_equal(found, "");
	assert_int_equal(slab_oracle_live(), 0);
}

static void test_oracle(void **state)
{
	const struct slab_options slab = { .policy = "magazines" };
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 1, .seed = 1 }, .mm = { .mem_bytes = 32 << 20 }, .slab = &slab,
	};
	struct mm_error err = { "" };

	(void)state;
	if (kmemlab_boot(&opt, &err))
		fail_msg("%s", err.text);
	assert_int_equal(slab_oracle_boot(true), 0);
	slab_oracle_set_report(note);
	cpu_run(0, misuse, NULL);
	slab_oracle_set_report(NULL);
	slab_oracle_shutdown();
	kmemlab_shutdown();
}

/* ---- skewed: magazines grow where their depot is contended ---- */

struct hot {
	u64 rounds, exchanges, waits;
};

static struct hot run_skewed(const char *mode, const char *slab, u64 seed)
{
	struct stress_options opt = options(4, seed);
	struct hot hot = { 0, 0, 0 };
	struct stress_run run;
	const json_t *list;

	opt.mode = mode;
	opt.slab = slab;
	opt.ops = 2000;
	execute(&run, &opt);
	assert_int_equal(run.failures, 0);
	list = json_object_get(json_object_get(json_object_get(run.result, "exact"), "workload"),
			       "caches");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(c, "name")), "stress-hot-64"))
			continue;
		hot = (struct hot){
			.rounds = (u64)json_integer_value(json_object_get(c, "rounds")),
			.exchanges = (u64)json_integer_value(json_object_get(c, "depot_gets")) +
				     (u64)json_integer_value(json_object_get(c, "depot_puts")),
			.waits = (u64)json_integer_value(json_object_get(c, "depot_waits")),
		};
	}
	printf("%s: rounds %llu, %llu exchanges, %llu waits\n", mode,
	       (unsigned long long)hot.rounds, (unsigned long long)hot.exchanges,
	       (unsigned long long)hot.waits);
	stress_run_free(&run);
	return hot;
}

static void test_skewed(void **state)
{
	struct hot fixed = run_skewed("skewed-fixed", NULL, 60);
	struct hot grows = run_skewed("skewed", NULL, 60);

	(void)state;
	assert_int_equal(fixed.rounds, 15);
	/* 480 000 objects of the hottest cache, fifteen at a time, in and out. */
	assert_true(fixed.exchanges > 10000);
	assert_true(grows.rounds >= 15 && grows.exchanges > 1000);
	/* Without contention, as on one core, nothing grows. */
	if (fixed.waits > 1000)
		assert_true(grows.rounds > 15);
	if (grows.rounds > 15)
		assert_true(grows.exchanges < fixed.exchanges);
	/* A barn has no resizing; the load is clean all the same. */
	assert_int_equal(run_skewed("skewed", "sheaves", 61).rounds, 60);
	assert_int_equal(run_skewed("skewed", "none", 62).rounds, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_same_seed_same_counters),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_skewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
