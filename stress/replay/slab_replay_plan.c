/* SPDX-License-Identifier: MIT */
/*
 * slab_replay_plan.c - from recorded slab events to operations on objects.
 *
 * What.  A life of an object begins with its allocation and ends with its free; the address that
 * both events carry ties them together.  A slot stands for one life.
 *
 * What a trace leaves out, and what is done about it:
 *
 *   no allocation, address never met	   allocated before the trace: a stand-in, made beforehand
 *   no allocation, address freed before   bulk allocations fire no event: allocated right before
 *   no free, address handed out again	   bulk frees fire no event: freed right before, there
 *   no free until the end		   live until the end
 *   no cache name (kernels before 6.18)   size and call site name the cache
 *
 * kfree() also takes objects of kmem_cache_alloc(); what an address was allocated as decides.
 *
 * Invariants.
 *   I1  The operations of a slot alternate: allocation (or stand-in), then at most one free.
 *   I2  The order of the operations is that of the trace; what was put in precedes the event that
 *       proves it, on that event's CPU.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  Too little host memory panics.
 * See also.  slab_replay_run.c, tests/unit/test_slab_replay.c.
 */
#include <errno.h>
#include <stdio.h>

#include "stress/replay/slab_replay.h"
#include "stress/replay/trace_bundle.h"
#include "stress/replay/trace_input.h"
#include "stress/report/array.h"

/* Objects whose size nothing tells: kmalloc() of that size, or a cache of it. */
#define GUESSED_BYTES	64u
/* Lines that are looked at to find out what a trace holds. */
#define DETECT_LINES	4000u
/* In a planner's slot: cache not known yet; bytes then is the call site. */
#define UNKNOWN_CACHE	(UINT32_MAX - 1)

/* An address and its last slot. */
struct address {
	u64 ptr;		/* 0: free entry */
	u32 slot;
	bool live;
};

/* What a call site is known to free. */
struct site {
	bool known;
	u32 cache, bytes;
	gfp_t gfp;
};

struct planner {
	struct slab_replay_plan *plan;
	const struct trace *trace;
	struct address *map;	/* open addressing */
	u64 mask;
	struct site *sites;	/* [trace->strings.nr] */
	u32 *by_name;		/* [trace->strings.nr] cache index + 1, 0: none */
	u64 live_bytes;
};

static void *must_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr ? nr : 1, size);

	if (!p)
		panic("out of memory for a plan of %zu entries", nr);
	return p;
}

/* ---- addresses ---- */

static struct address *address_of(struct planner *pl, u64 ptr)
{
	u64 x = ptr, i = splitmix64(&x) & pl->mask;

	while (pl->map[i].ptr && pl->map[i].ptr != ptr)
		i = (i + 1) & pl->mask;
	return &pl->map[i];
}

/* ---- caches ---- */

/* "192@dup_task_struct": what names a cache when the kernel did not. */
static u32 cache_by_site(struct planner *pl, const struct trace_slab_event *ev)
{
	struct slab_replay_plan *plan = pl->plan;
	const char *site = trace_strings_get(&pl->trace->strings, ev->call_site);
	char name[SLAB_NAME_MAX];
	int len = (int)strcspn(site, "+ ");
	u32 i;

	snprintf(name, sizeof(name), "%u@%.*s", ev->bytes_alloc, min(len, 24), site);
	for (i = 0; i < plan->nr_caches; i++)
		if (strcmp(plan->caches[i].name, name) == 0)
			return i;
	snprintf(array_add(plan->caches, plan->nr_caches)->name, SLAB_NAME_MAX, "%s", name);
	return i;
}

static u32 cache_by_name(struct planner *pl, u32 name)
{
	struct slab_replay_plan *plan = pl->plan;

	if (!pl->by_name[name]) {
		struct slab_replay_cache *cache = array_add(plan->caches, plan->nr_caches);

		snprintf(cache->name, sizeof(cache->name), "%s",
			 trace_strings_get(&pl->trace->strings, name));
		cache->guessed = true;
		cache->bytes = cache->object_bytes = GUESSED_BYTES;
		pl->by_name[name] = plan->nr_caches;
	}
	return pl->by_name[name] - 1;
}

static u32 cache_of_alloc(struct planner *pl, const struct trace_slab_event *ev)
{
	u32 i = ev->cache == TRACE_STR_EMPTY ? cache_by_site(pl, ev) :
		cache_by_name(pl, ev->cache);
	struct slab_replay_cache *cache = &pl->plan->caches[i];

	if (cache->guessed || cache->bytes < ev->bytes_alloc) {
		cache->guessed = false;
		cache->bytes = max(ev->bytes_alloc, 1u);
		cache->object_bytes = max(ev->bytes_req, 1u);
	}
	return i;
}

/* ---- slots and operations ---- */

static u32 new_slot(struct planner *pl, u32 cache, u32 bytes)
{
	struct slab_replay_plan *plan = pl->plan;

	*array_add(plan->slots, plan->nr_slots) = (struct slab_replay_slot){
		.cache = cache, .bytes = bytes, .alloc_cpu = SLAB_REPLAY_NO_CPU,
	};
	return plan->nr_slots - 1;
}

static void add_op(struct planner *pl, u32 slot, u32 cpu, bool is_free)
{
	struct slab_replay_plan *plan = pl->plan;

	*array_add(plan->ops, plan->nr_ops) = (struct slab_replay_op){
		.slot = slot, .cpu = (u16)cpu, .is_free = is_free,
	};
	if (is_free)
		plan->slots[slot].free_cpu = (u16)cpu;
}

static void begin_life(struct address *at, u64 ptr, u32 slot)
{
	at->ptr = ptr;
	at->slot = slot;
	at->live = true;
}

static void plan_alloc(struct planner *pl, const struct trace_event *ev,
		       const struct trace_slab_event *side)
{
	struct slab_replay_plan *plan = pl->plan;
	struct address *at;
	u32 slot;

	if (!side->ptr) {
		plan->counts.failed_allocs++;
		return;
	}
	at = address_of(pl, side->ptr);
	if (at->live) {
		plan->counts.hidden_frees++;
		add_op(pl, at->slot, ev->cpu, true);
	}
	slot = new_slot(pl, ev->type == TRACE_KMALLOC ? SLAB_REPLAY_KMALLOC :
			cache_of_alloc(pl, side), max(side->bytes_req, 1u));
	plan->slots[slot].alloc_cpu = (u16)ev->cpu;
	plan->slots[slot].free_cpu = (u16)ev->cpu;
	plan->slots[slot].gfp = side->gfp & (__GFP_DMA | __GFP_RECLAIMABLE);
	plan->counts.allocs++;
	add_op(pl, slot, ev->cpu, false);
	begin_life(at, side->ptr, slot);
}

/* A slot for an object whose allocation the trace does not have. */
static u32 unseen_slot(struct planner *pl, const struct address *at,
		       const struct trace_slab_event *side)
{
	u32 slot;

	if (side->cache != TRACE_STR_EMPTY)
		return new_slot(pl, cache_by_name(pl, side->cache), 0);
	if (!at->ptr)
		return new_slot(pl, UNKNOWN_CACHE, side->call_site);
	/* The address was used before, and slabs seldom change their cache. */
	slot = new_slot(pl, pl->plan->slots[at->slot].cache, pl->plan->slots[at->slot].bytes);
	pl->plan->slots[slot].gfp = pl->plan->slots[at->slot].gfp;
	return slot;
}

static void plan_free(struct planner *pl, const struct trace_event *ev,
		      const struct trace_slab_event *side)
{
	struct slab_replay_plan *plan = pl->plan;
	const struct slab_replay_slot *s;
	struct address *at;

	if (!side->ptr) {
		plan->counts.null_frees++;
		return;
	}
	at = address_of(pl, side->ptr);
	if (!at->live) {
		u32 slot = unseen_slot(pl, at, side);

		if (at->ptr) {
			plan->counts.hidden_allocs++;
			add_op(pl, slot, ev->cpu, false);
		} else {
			plan->counts.standins++;
			*array_add(plan->standins, plan->nr_standins) = slot;
		}
		begin_life(at, side->ptr, slot);
	}
	plan->counts.frees++;
	add_op(pl, at->slot, ev->cpu, true);
	at->live = false;
	s = &plan->slots[at->slot];
	if (s->alloc_cpu != SLAB_REPLAY_NO_CPU) {
		plan->counts.known_frees++;
		plan->counts.remote_frees += s->alloc_cpu != ev->cpu;
	}
	if (s->cache != UNKNOWN_CACHE)
		pl->sites[side->call_site] = (struct site){ true, s->cache, s->bytes, s->gfp };
}

/* What the call site frees elsewhere in the trace is the best guess. */
static void resolve(struct planner *pl)
{
	struct slab_replay_plan *plan = pl->plan;

	for (u32 i = 0; i < plan->nr_slots; i++) {
		struct slab_replay_slot *s = &plan->slots[i];

		if (s->cache == UNKNOWN_CACHE) {
			const struct site *site = &pl->sites[s->bytes];

			plan->counts.guessed++;
			s->cache = site->known ? site->cache : SLAB_REPLAY_KMALLOC;
			s->bytes = site->known ? site->bytes : GUESSED_BYTES;
			s->gfp = site->gfp;
		}
		if (s->cache == SLAB_REPLAY_KMALLOC)
			continue;
		plan->counts.guessed += plan->caches[s->cache].guessed;
		s->bytes = plan->caches[s->cache].object_bytes;
		plan->caches[s->cache].allocs++;
	}
}

/* The most that is live at once; the machine gets memory by it. */
static void measure_peak(struct planner *pl)
{
	struct slab_replay_plan *plan = pl->plan;
	u64 live = 0;

	for (u32 i = 0; i < plan->nr_standins; i++)
		live += plan->slots[plan->standins[i]].bytes;
	plan->peak_bytes = live;
	for (u32 i = 0; i < plan->nr_ops; i++) {
		const struct slab_replay_slot *s = &plan->slots[plan->ops[i].slot];

		live = plan->ops[i].is_free ? live - s->bytes : live + s->bytes;
		plan->peak_bytes = max(plan->peak_bytes, live);
	}
}

static void walk(struct planner *pl)
{
	for (u64 i = 0; i < pl->trace->nr_events; i++) {
		const struct trace_event *ev = &pl->trace->events[i];

		switch (ev->type) {
		case TRACE_KMALLOC:
		case TRACE_CACHE_ALLOC:
			plan_alloc(pl, ev, &pl->trace->slab[ev->side]);
			break;
		case TRACE_KFREE:
		case TRACE_CACHE_FREE:
			plan_free(pl, ev, &pl->trace->slab[ev->side]);
			break;
		default:
			break;
		}
	}
	for (u64 i = 0; i <= pl->mask; i++)
		pl->plan->counts.never_freed += pl->map[i].live;
}

int slab_replay_plan_make(struct slab_replay_plan *plan, const struct trace *trace,
			  const char *name, struct trace_error *err)
{
	struct planner pl = { .plan = plan, .trace = trace, .mask = 1023 };

	*plan = (struct slab_replay_plan){ .nr_cpus = trace->nr_cpus };
	if (!trace->nr_slab) {
		trace_error_set(err, name, 0, "has no kmalloc or kmem_cache events; record "
				"kmem:kmalloc, kfree, kmem_cache_alloc and kmem_cache_free");
		return -EINVAL;
	}
	if (trace->nr_cpus > NR_CPUS) {
		trace_error_set(err, name, 0, "has %u CPUs; a machine has at most %d",
				trace->nr_cpus, NR_CPUS);
		return -EINVAL;
	}
	while (pl.mask < 2ULL * trace->nr_slab)
		pl.mask = 2 * pl.mask + 1;
	pl.map = must_alloc(pl.mask + 1, sizeof(*pl.map));
	pl.sites = must_alloc(trace->strings.nr, sizeof(*pl.sites));
	pl.by_name = must_alloc(trace->strings.nr, sizeof(*pl.by_name));
	walk(&pl);
	resolve(&pl);
	measure_peak(&pl);
	free(pl.map);
	free(pl.sites);
	free(pl.by_name);
	return 0;
}

void slab_replay_plan_destroy(struct slab_replay_plan *plan)
{
	free(plan->caches);
	free(plan->slots);
	free(plan->standins);
	free(plan->ops);
	*plan = (struct slab_replay_plan){ 0 };
}

/* ---- what a trace holds ---- */

bool slab_replay_detect(const char *path)
{
	unsigned int slab = 0, page = 0;
	struct trace_input *in;
	struct bundle files;
	char *line;
	size_t len;

	if (strcmp(path, "-") == 0 || bundle_open(path, &files, NULL))
		return false;
	in = trace_input_open(files.trace_path, &(struct trace_error){ "" });
	for (unsigned int i = 0; in && i < DETECT_LINES; i++) {
		if (trace_input_line(in, &line, &len, &(struct trace_error){ "" }) != 1)
			break;
		if (line[0] == '#')
			continue;
		page += strstr(line, "mm_page_") != NULL;
		slab += strstr(line, "kmalloc: ") || strstr(line, "kfree: ") ||
			strstr(line, "kmem_cache_alloc: ") || strstr(line, "kmem_cache_free: ");
	}
	trace_input_close(in);
	bundle_close(&files);
	return slab && !page;
}
