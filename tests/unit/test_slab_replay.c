/* SPDX-License-Identifier: MIT */
/* Tests of the slab replay: plans of hand-made traces, and runs of them and of a recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/replay/slab_replay.h"
#include "stress/replay/trace_bundle.h"
#include "stress/replay/trace_load.h"

static struct trace trace;
static struct slab_replay_plan plan;
static char text[1 << 16];
static unsigned int at_us;

static void begin(void)
{
	snprintf(text, sizeof(text), "# tracer: nop\n");
	at_us = 0;
}

/* Adds an event of CPU @cpu; @fmt begins with the event's name. */
__attribute__((format(printf, 2, 3))) static void event(unsigned int cpu, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	len += (size_t)snprintf(text + len, sizeof(text) - len,
				"           a-1       [%03u] .....     1.%06u: ", cpu, ++at_us);
	va_start(ap, fmt);
	len += (size_t)vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	snprintf(text + len, sizeof(text) - len, "\n");
}

static void cache_alloc(unsigned int cpu, unsigned int ptr, const char *name, unsigned int bytes)
{
	event(cpu, "kmem_cache_alloc: call_site=f+0x1/0x2 ptr=%016x%s%s bytes_req=%u "
	      "bytes_alloc=%u gfp_flags=GFP_KERNEL node=-1 accounted=false", ptr,
	      *name ? " name=" : "", name, bytes, bytes);
}

static void cache_free(unsigned int cpu, unsigned int ptr, const char *name)
{
	event(cpu, "kmem_cache_free: call_site=g+0x1/0x2 ptr=%016x name=%s", ptr, name);
}

static void kmalloc_event(unsigned int cpu, unsigned int ptr, unsigned int bytes)
{
	event(cpu, "kmalloc: call_site=h+0x1/0x2 ptr=%016x bytes_req=%u bytes_alloc=%u "
	      "gfp_flags=GFP_KERNEL node=-1 accounted=false", ptr, bytes, bytes);
}

static void kfree_event(unsigned int cpu, unsigned int ptr)
{
	event(cpu, "kfree: call_site=k+0x1/0x2 ptr=%016x", ptr);
}

static void make_plan(void)
{
	struct trace_error err = { "" };

	if (trace_load_mem(text, strlen(text), "hand", &trace, &err) ||
	    slab_replay_plan_make(&plan, &trace, "hand", &err))
		fail_msg("%s", err.text);
}

static void end(void)
{
	slab_replay_plan_destroy(&plan);
	trace_destroy(&trace);
}

static struct slab_replay_outcome run(const char *policy, u32 rounds)
{
	const struct slab_replay_options opt = { .policy = policy, .rounds = rounds, .seed = 1 };
	struct slab_replay_outcome out;
	struct mm_error err = { "" };

	if (slab_replay_run(&plan, &opt, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

/* ---- plans ---- */

static void test_lives(void **state)
{
	(void)state;
	begin();
	cache_alloc(0, 0x10, "thing", 100);
	cache_alloc(1, 0x20, "thing", 100);
	cache_free(1, 0x10, "thing");			/* remote */
	cache_free(1, 0x20, "thing");
	kmalloc_event(0, 0x30, 40);			/* never freed */
	kfree_event(0, 0);				/* kfree(NULL) */
	make_plan();
	assert_int_equal(plan.nr_cpus, 2);
	assert_int_equal(plan.nr_caches, 1);
	assert_string_equal(plan.caches[0].name, "thing");
	assert_int_equal(plan.caches[0].bytes, 100);
	assert_int_equal(plan.nr_ops, 5);
	assert_int_equal(plan.counts.allocs, 3);
	assert_int_equal(plan.counts.frees, 2);
	assert_int_equal(plan.counts.remote_frees, 1);
	assert_int_equal(plan.counts.known_frees, 2);
	assert_int_equal(plan.counts.never_freed, 1);
	assert_int_equal(plan.counts.null_frees, 1);
	assert_int_equal(plan.peak_bytes, 200);
	assert_int_equal(plan.ops[2].cpu, 1);
	assert_true(plan.ops[2].is_free);
	assert_int_equal(plan.ops[2].slot, plan.ops[0].slot);
	end();
}

/* What the trace leaves out is put in where it shows. */
static void test_hidden(void **state)
{
	(void)state;
	begin();
	cache_free(1, 0x10, "old");			/* from before the trace */
	cache_alloc(0, 0x20, "thing", 64);
	cache_alloc(1, 0x20, "thing", 64);		/* a bulk free came between */
	cache_free(1, 0x20, "thing");
	cache_free(0, 0x20, "thing");			/* a bulk allocation came between */
	cache_alloc(0, 0x30, "old", 48);
	make_plan();
	assert_int_equal(plan.counts.standins, 1);
	assert_int_equal(plan.nr_standins, 1);
	assert_int_equal(plan.counts.hidden_frees, 1);
	assert_int_equal(plan.counts.hidden_allocs, 1);
	/* The size of what came before is known from what came later. */
	assert_int_equal(plan.slots[plan.standins[0]].bytes, 48);
	assert_int_equal(plan.counts.guessed, 0);
	/* free, alloc, (free), alloc, free, (alloc), free, alloc */
	assert_int_equal(plan.nr_ops, 8);
	assert_true(plan.ops[2].is_free);
	assert_int_equal(plan.ops[2].cpu, 1);
	assert_false(plan.ops[5].is_free);
	end();
}

/* kfree() of an object of a cache frees that object; a free of nobody's is guessed by its site. */
static void test_identity(void **state)
{
	(void)state;
	begin();
	cache_alloc(0, 0x10, "node", 256);
	kfree_event(0, 0x10);
	kfree_event(0, 0x20);				/* the site frees "node" elsewhere */
	make_plan();
	assert_int_equal(plan.slots[plan.ops[1].slot].cache, 0);
	assert_int_equal(plan.counts.guessed, 1);
	assert_int_equal(plan.slots[plan.standins[0]].cache, 0);
	assert_int_equal(plan.slots[plan.standins[0]].bytes, 256);
	end();
}

/* Kernels before 6.18 print no cache. */
static void test_no_names(void **state)
{
	(void)state;
	begin();
	cache_alloc(0, 0x10, "", 192);
	cache_alloc(0, 0x20, "", 64);
	cache_alloc(0, 0x30, "", 192);
	make_plan();
	assert_int_equal(plan.nr_caches, 2);
	assert_string_equal(plan.caches[0].name, "192@f");
	assert_string_equal(plan.caches[1].name, "64@f");
	assert_int_equal(plan.slots[plan.ops[2].slot].cache, 0);
	end();
}

static void test_no_slab_events(void **state)
{
	struct trace_error err = { "" };

	(void)state;
	begin();
	event(0, "mm_page_free: page=0x1 pfn=0x1 order=0");
	assert_int_equal(trace_load_mem(text, strlen(text), "hand", &trace, &err), 0);
	assert_int_equal(slab_replay_plan_make(&plan, &trace, "hand", &err), -EINVAL);
	assert_non_null(strstr(err.text, "no kmalloc or kmem_cache events"));
	trace_destroy(&trace);
}

/* ---- runs ---- */

/* A pair that repeats on one CPU: the first is a miss, the others hit. */
static void test_hits(void **state)
{
	struct slab_replay_outcome out;

	(void)state;
	begin();
	for (unsigned int i = 0; i < 50; i++) {
		cache_alloc(0, 0x10, "thing", 64);
		cache_free(0, 0x10, "thing");
	}
	make_plan();
	out = run("magazines", 0);
	assert_int_equal(out.allocs, 50);
	assert_int_equal(out.alloc_hits, 49);
	assert_int_equal(out.free_hits, 50);
	assert_int_equal(out.refills, 1);
	assert_int_equal(out.nr_rows, 1);
	assert_string_equal(out.rows[0].name, "thing");
	slab_replay_outcome_free(&out);
	out = run("none", 0);
	assert_int_equal(out.alloc_hits, 0);
	assert_int_equal(out.list_locks, 100);
	assert_int_equal(out.stranded_end, 0);
	slab_replay_outcome_free(&out);
	end();
}

/* What one CPU allocates and another frees goes through the depot, a magazine at a time. */
static void test_remote(void **state)
{
	struct slab_replay_outcome out;

	(void)state;
	begin();
	for (unsigned int i = 0; i < 120; i++) {
		cache_alloc(0, 0x10 + i, "thing", 64);
		cache_free(1, 0x10 + i, "thing");
	}
	make_plan();
	assert_int_equal(plan.counts.remote_frees, 120);
	out = run("bonwick", 10);
	assert_int_equal(out.rows[0].rounds, 10);
	assert_true(out.depot_operations >= 120 / 10);
	assert_true(out.alloc_hits > 60);
	assert_int_equal(out.rows[0].live, 0);
	slab_replay_outcome_free(&out);
	end();
}

/* ---- a recording ---- */

static const char *recording(void)
{
	static char path[4096];
	const char *slash = strrchr(__FILE__, '/');
	const char *data = getenv("KMEMLAB_DATA");
	int dir = slash ? (int)(slash - __FILE__) : 1;

	if (data && *data)
		snprintf(path, sizeof(path), "%s/traces/slab-cc", data);
	else
		snprintf(path, sizeof(path), "%.*s/../data/traces/slab-cc", dir,
			 slash ? __FILE__ : ".");
	return path;
}

static void test_recording(void **state)
{
	static const char *const policies[] = { "none", "magazines", "bonwick", "sheaves" };
	struct slab_replay_outcome a, b;
	struct trace_error err = { "" };
	struct bundle files;

	(void)state;
	assert_true(slab_replay_detect(recording()));
	if (bundle_open(recording(), &files, &err) || trace_load(files.trace_path, &trace, &err) ||
	    slab_replay_plan_make(&plan, &trace, "slab-cc", &err))
		fail_msg("%s", err.text);
	bundle_close(&files);
	assert_int_equal(trace.nr_slab, 35999);
	assert_int_equal(plan.counts.allocs - plan.counts.never_freed + plan.counts.standins +
			 plan.counts.hidden_allocs,
			 plan.counts.frees + plan.counts.hidden_frees);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		a = run(policies[i], 0);
		b = run(policies[i], 0);
		assert_int_equal(a.alloc_hits, b.alloc_hits);
		assert_int_equal(a.free_hits, b.free_hits);
		assert_int_equal(a.list_locks, b.list_locks);
		assert_int_equal(a.depot_operations, b.depot_operations);
		assert_int_equal(a.stranded_max, b.stranded_max);
		assert_int_equal(a.pages_max, b.pages_max);
		assert_true(a.used_at_max > 0.2 && a.used_at_max <= 1);
		if (i)
			assert_true(a.alloc_hits * 2 > a.allocs);
		slab_replay_outcome_free(&a);
		slab_replay_outcome_free(&b);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_no_slab_events),
		cmocka_unit_test(test_hits),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
