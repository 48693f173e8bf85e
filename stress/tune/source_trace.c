/* SPDX-License-Identifier: MIT */
/*
 * source_trace.c - settings measured on a recorded trace.
 *
 * What.  The trace is read and planned once.  A measurement replays it deterministically with the
 * setting and counts within the window: what comes before the window is replayed too, so that the
 * caches are in the state that they have there, and is not counted.
 *
 * Central locks.  Of a page trace: the zones' locks.  Of a slab trace: depots' locks, the nodes'
 * list_lock and the zones' locks.
 *
 * Worst hold.  A deterministic replay has no time worth reporting.  What it has is what a hold of
 * the lock does: the most pages that one refill or drain moved, or the most objects that one call
 * moved between an array and the slabs.  Time under the lock grows with it.
 *
 * Locking.  None.  Context.  Host thread, no machine up.  Failure.  -errno with a sentence.
 * See also.  stress/replay/replay_run.h, slab_replay.h; tests/unit/test_tune_run.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "percpu/objcache_policy.h"
#include "stress/replay/replay_bundle.h"
#include "stress/replay/slab_replay.h"
#include "stress/replay/trace_bundle.h"
#include "stress/replay/trace_load.h"
#include "stress/tune/tune_source.h"

/* The version of what is counted: results of another one are not mixed in. */
#define COUNTS_VERSION	1u

/*
 * A replay's caches start empty, the kernel's did not: the first objects of every cache come from
 * the slabs whatever the setting, and would hide what a setting is worth.  Percent.
 */
#define SLAB_WARM_UP	25u

static int fail(struct tune_error *err, int code, const char *text)
{
	snprintf(err->text, sizeof(err->text), "%s", text);
	return code;
}

u64 tune_digest(u64 digest, const void *data, size_t size)
{
	const unsigned char *p = data;

	/* FNV-1a. */
	for (size_t i = 0; i < size; i++)
		digest = (digest ^ p[i]) * 0x100000001b3ull;
	return digest;
}

static u64 digest_begin(u64 seed)
{
	const u64 parts[] = { COUNTS_VERSION, seed };

	return tune_digest(0xcbf29ce484222325ull, parts, sizeof(parts));
}

/* Position of a window's end in @nr operations. */
static u32 window_at(u32 nr, u16 part)
{
	return (u32)((u64)nr * part / TUNE_PARTS);
}

static double per_1k(u64 count, u64 ops)
{
	return ops ? 1000.0 * (double)count / (double)ops : 0;
}

/* ---- page traces ---- */

static struct replay_setting page_setting(const struct tune_setting *s)
{
	struct replay_setting set = {
		.policy = s->policy, .batch = s->v[TUNE_BATCH], .high = s->v[TUNE_HIGH],
		.high_fraction = s->v[TUNE_FRACTION], .scale_max = s->v[TUNE_SCALE],
		.high_max = REPLAY_NONE,
	};

	if (set.high != TUNE_UNSET && s->v[TUNE_WINDOW] != TUNE_UNSET)
		set.high_max = set.high * s->v[TUNE_WINDOW];
	return set;
}

static int measure_pages(const struct tune_source *src, const struct tune_setting *setting,
			 const struct tune_window *w, struct tune_metrics *m,
			 struct tune_error *err)
{
	const struct replay_bundle *b = src->data;
	const struct replay_options opt = {
		.setting = page_setting(setting), .mode = REPLAY_DETERMINISTIC,
		.seed = src->seed, .from = window_at(b->plan.nr_ops, w->from),
		.to = window_at(b->plan.nr_ops, w->to),
	};
	struct replay_outcome out;
	struct mm_error why;
	int code = replay_run(&b->plan, &opt, &out, &why);

	if (code)
		return fail(err, code, why.text);
	*m = (struct tune_metrics){
		.ops = out.ops, .acq = out.zone_locks, .zone = out.zone_locks,
		.v = {
			[TUNE_ACQ] = per_1k(out.zone_locks, out.ops),
			[TUNE_MEAN] = out.stranded_mean * (double)PAGE_SIZE,
			[TUNE_MAX] = (double)(out.stranded_max * PAGE_SIZE),
			[TUNE_HOLD] = (double)out.transfer_max,
			[TUNE_FAILED] = (double)out.failed,
		},
	};
	replay_outcome_free(&out);
	return 0;
}

static void close_pages(struct tune_source *src)
{
	replay_bundle_close(src->data);
	free(src->data);
}

/* The zone with the most operations is the one to speak about. */
static void find_zone(struct tune_source *src, const struct replay_plan *plan)
{
	u64 ops[MAX_NR_ZONES_TOTAL] = { 0 };
	unsigned int most = 0;

	for (u32 i = 0; i < plan->nr_ops; i++)
		ops[plan->ops[i].zone]++;
	for (unsigned int z = 1; z < plan->nr_zones; z++)
		if (ops[z] > ops[most])
			most = z;
	src->zone_name = plan->zones[most].proc->name;
	src->zone_managed = plan->zones[most].proc->managed;
	if (plan->zones[most].proc->nr_pagesets)
		src->zone_batch = (u32)max(plan->zones[most].proc->pagesets[0].batch, 1);
}

static int open_pages(struct tune_source *src, const char *path, struct tune_error *err)
{
	const struct replay_options opt = {
		.setting = REPLAY_SETTING_RECORDED, .seed = src->seed,
	};
	struct replay_bundle *b = calloc(1, sizeof(*b));
	struct trace_error why;
	const struct replay_plan *plan;

	if (!b)
		return fail(err, -ENOMEM, "no memory for a trace");
	if (replay_bundle_open(b, path, &opt, &why)) {
		free(b);
		return fail(err, -EINVAL, why.text);
	}
	plan = &b->plan;
	src->what = "page trace";
	src->hold_unit = "pages";
	src->ops = plan->nr_ops;
	src->nr_cpus = plan->nr_cpus;
	src->digest = tune_digest(src->digest, plan->ops, plan->nr_ops * sizeof(*plan->ops));
	src->digest = tune_digest(src->digest, plan->start, plan->nr_cpus * plan->nr_zones *
				  sizeof(*plan->start));
	for (u32 i = 0; i < plan->nr_ticks; i++)
		src->digest = tune_digest(src->digest, &plan->ticks[i].op, sizeof(u32));
	for (unsigned int z = 0; z < plan->nr_zones; z++)
		src->digest = tune_digest(src->digest, &plan->zones[z].proc->managed,
					  sizeof(plan->zones[z].proc->managed));
	find_zone(src, plan);
	src->data = b;
	src->measure = measure_pages;
	src->close = close_pages;
	return 0;
}

/* ---- slab traces ---- */

struct slab_input {
	struct trace trace;
	struct slab_replay_plan plan;
};

static struct objcache_tunables slab_tunables(const struct tune_setting *s)
{
	struct objcache_tunables tun;

	objcache_tunables_preset(&tun, (enum objcache_policy)objcache_policy_by_name(s->policy));
	if (s->v[TUNE_ROUNDS] != TUNE_UNSET)
		tun.rounds = s->v[TUNE_ROUNDS];
	if (s->v[TUNE_STASH] != TUNE_UNSET)
		tun.stash_objects = s->v[TUNE_STASH];
	if (s->v[TUNE_DEPOT] != TUNE_UNSET) {
		tun.full_max = s->v[TUNE_DEPOT];
		tun.empty_max = s->v[TUNE_DEPOT];
	}
	if (s->v[TUNE_IMPORT] != TUNE_UNSET)
		tun.import_batch = s->v[TUNE_IMPORT];
	return tun;
}

static int measure_slab(const struct tune_source *src, const struct tune_setting *setting,
			const struct tune_window *w, struct tune_metrics *m,
			struct tune_error *err)
{
	const struct slab_input *in = src->data;
	const struct objcache_tunables tun = slab_tunables(setting);
	const struct slab_replay_options opt = {
		.policy = setting->policy, .tun = &tun, .seed = src->seed,
		.from = window_at(in->plan.nr_ops, w->from),
		.to = window_at(in->plan.nr_ops, w->to),
	};
	struct slab_replay_outcome out;
	struct mm_error why;
	int code = slab_replay_run(&in->plan, &opt, &out, &why);

	if (code)
		return fail(err, code, why.text);
	*m = (struct tune_metrics){
		.ops = out.ops, .zone = out.zone_locks, .depot = out.depot_operations,
		.list = out.list_locks, .slab_pages = out.pages_max,
		.acq = out.zone_locks + out.depot_operations + out.list_locks,
		.v = {
			[TUNE_MEAN] = out.stranded_bytes_mean,
			[TUNE_MAX] = (double)out.stranded_bytes_max,
			[TUNE_HOLD] = (double)out.transfer_max,
		},
	};
	m->v[TUNE_ACQ] = per_1k(m->acq, out.ops);
	slab_replay_outcome_free(&out);
	return 0;
}

static void close_slab(struct tune_source *src)
{
	struct slab_input *in = src->data;

	slab_replay_plan_destroy(&in->plan);
	trace_destroy(&in->trace);
	free(in);
}

static int load_slab(struct slab_input *in, const char *path, struct trace_error *why)
{
	struct bundle files;
	int code = bundle_open(path, &files, why);

	if (code)
		return code;
	code = trace_load(files.trace_path, &in->trace, why);
	bundle_close(&files);
	if (code)
		return code;
	code = slab_replay_plan_make(&in->plan, &in->trace, path, why);
	if (code)
		trace_destroy(&in->trace);
	return code;
}

static int open_slab(struct tune_source *src, const char *path, struct tune_error *err)
{
	struct slab_input *in = calloc(1, sizeof(*in));
	const struct slab_replay_plan *plan;
	struct trace_error why;

	if (!in)
		return fail(err, -ENOMEM, "no memory for a trace");
	if (load_slab(in, path, &why)) {
		free(in);
		return fail(err, -EINVAL, why.text);
	}
	plan = &in->plan;
	src->kind = TUNE_SLAB;
	src->what = "slab trace";
	src->warm_up = SLAB_WARM_UP;
	src->hold_unit = "objects";
	src->ops = plan->nr_ops;
	src->nr_cpus = plan->nr_cpus;
	for (u32 i = 0; i < plan->nr_ops; i++) {
		const struct slab_replay_op *op = &plan->ops[i];
		const u64 word = (u64)op->slot << 32 | (u64)op->cpu << 8 | op->is_free;

		src->digest = tune_digest(src->digest, &word, sizeof(word));
	}
	for (u32 i = 0; i < plan->nr_slots; i++) {
		const u32 words[] = { plan->slots[i].cache, plan->slots[i].bytes };

		src->digest = tune_digest(src->digest, words, sizeof(words));
	}
	src->data = in;
	src->measure = measure_slab;
	src->close = close_slab;
	return 0;
}

int tune_source_open_trace(struct tune_source *src, const char *path, u64 seed,
			   struct tune_error *err)
{
	*src = (struct tune_source){
		.kind = TUNE_PAGES, .exact = true, .exact_hold = true, .seed = seed,
		.digest = digest_begin(seed),
	};
	snprintf(src->name, sizeof(src->name), "%s", path);
	return slab_replay_detect(path) ? open_slab(src, path, err) : open_pages(src, path, err);
}

/* ---- objectives ---- */

static const struct {
	const char *name, *key;
} objectives[NR_TUNE_OBJECTIVES] = {
	[TUNE_ACQ] = { "acq/1k", "acquisitions_per_1k" },
	[TUNE_MEAN] = { "stranded mean", "stranded_mean_bytes" },
	[TUNE_MAX] = { "stranded most", "stranded_max_bytes" },
	[TUNE_HOLD] = { "worst hold", "worst_hold" },
	[TUNE_FAILED] = { "failed", "failed" },
};

const char *tune_objective_name(enum tune_objective o)
{
	return objectives[o].name;
}

const char *tune_objective_key(enum tune_objective o)
{
	return objectives[o].key;
}
