/* SPDX-License-Identifier: MIT */
/*
 * slab_replay_run.c - runs a slab plan on a machine of its own, and says what the caches did.
 *
 * What.  The machine is booted without threads; this one acts as the CPU of each operation
 * (runtime/act_as.h).  The plan's caches are made, what was live before the trace is allocated, and
 * every CPU's arrays are emptied, so that each policy starts equally cold.  Then the operations run
 * in order.  At the end everything is freed, the CPUs are started, and the shutdown checks that no
 * object is left.
 *
 * Stranded objects are counted after every operation: what came out of the slabs and is not live
 * waits in an array.  Samples: 512 times in a run the memory in slabs is read.
 *
 * Invariants.
 *   I1  Two runs with equal options count the same, to the last acquisition.
 *   I2  The objects that wait, as counted, are those in the arrays of CPUs and depots.
 * Locking.  None here.  Context.  Host thread.  Failure.  -errno from the boot; a refused
 * allocation panics, because the machine has several times the memory that the trace needs.
 * See also.  docs/slab.md, tests/unit/test_slab_replay.c.
 */
#include <errno.h>

#include "mm/machine.h"
#include "mm/page/boot.h"
#include "mm/page/vmstat.h"
#include "runtime/act_as.h"
#include "stress/replay/slab_replay.h"
#include "stress/report/array.h"

#define SAMPLES		512u
#define MEM_MIN		(256ULL << 20)
/* Memory for each byte that is live at the peak: slabs are never full, and arrays hold some. */
#define MEM_FACTOR	4
#define PERCPU_BYTES	(8u << 20)

struct runner {
	const struct slab_replay_plan *plan;
	const struct slab_replay_options *opt;
	struct slab_replay_outcome *out;
	struct kmem_cache **caches;	/* [nr_caches] */
	void **objs;			/* [nr_slots] NULL: not live */
	u64 live_bytes;
	s64 rest, rest_bytes;		/* objects that wait in arrays */
	double rest_sum;		/* bytes, over the counted operations */
	double used_sum;
	u64 nr_samples, sample_ns;
};

/* Caches whose objects users hold; what magazines and descriptors take is overhead. */
static bool is_counted(const struct kmem_cache *s)
{
	return !s->magazine && strcmp(s->name, "kmem_cache") != 0;
}

/* ---- boot ---- */

static int boot(struct runner *r, struct mm_error *err)
{
	const struct machine_options cpu = {
		.nr_cpus = r->plan->nr_cpus, .nr_nodes = 1, .seed = r->opt->seed,
		.spinlock = r->opt->lock, .lockstat = r->opt->lockstat,
	};
	const struct mm_options mm = {
		.mem_bytes = align_up(max(MEM_MIN, MEM_FACTOR * r->plan->peak_bytes), 1ULL << 20),
	};
	const struct slab_options slab = {
		.policy = r->opt->policy, .rounds = r->opt->rounds, .tun = r->opt->tun,
		.no_reap = true,
	};
	int code = machine_boot(&cpu);

	if (code)
		return mm_error(err, code, "%u CPUs with lock \"%s\" are not possible here; choose "
				"another lock", cpu.nr_cpus, cpu.spinlock ? cpu.spinlock : "");
	code = percpu_boot(PERCPU_BYTES);
	if (code) {
		(void)mm_error(err, code, "no memory for per-CPU data of %u CPUs", cpu.nr_cpus);
		goto cpus;
	}
	code = mm_boot(&mm, err);
	if (code)
		goto percpu;
	act_as_begin();
	code = slab_boot(&slab, err);
	if (!code)
		return 0;
	act_as_end();
	mm_shutdown();
percpu:
	percpu_shutdown();
cpus:
	machine_shutdown();
	return code;
}

/* Every object is free and every array given up: a machine with threads takes the rest down. */
static void shut_down(void)
{
	act_as_end();
	if (machine_start_cpus())
		panic("the host refuses threads for the end of a replay");
	kmemlab_shutdown();
}

/* ---- caches ---- */

static void empty_arrays(struct kmem_cache *s, void *arg)
{
	(void)arg;
	objcache_cpu_offline(&s->oc);
	objcache_cpu_online(&s->oc);
}

static void empty_all_cpus(const struct runner *r)
{
	for (unsigned int cpu = 0; cpu < r->plan->nr_cpus; cpu++) {
		act_as(cpu);
		slab_for_each_cache(empty_arrays, NULL);
	}
	act_as(0);
}

static void make_caches(struct runner *r)
{
	for (u32 i = 0; i < r->plan->nr_caches; i++) {
		const struct slab_replay_cache *c = &r->plan->caches[i];

		r->caches[i] = kmem_cache_create(c->name, c->bytes, 0, 0, NULL);
		if (!r->caches[i])
			panic("no memory for the cache %s of a replay", c->name);
	}
}

/* ---- operations ---- */

static void take(struct runner *r, u32 slot)
{
	const struct slab_replay_slot *s = &r->plan->slots[slot];
	/* Neither zeroing nor sleeping decides anything here. */
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | s->gfp;

	r->objs[slot] = s->cache == SLAB_REPLAY_KMALLOC ? kmalloc(s->bytes, gfp) :
			kmem_cache_alloc(r->caches[s->cache], GFP_NOWAIT | __GFP_NOWARN);
	if (unlikely(!r->objs[slot]))
		panic("no memory for an object of %u bytes in a replay", s->bytes);
	r->live_bytes += s->bytes;
}

static void give(struct runner *r, u32 slot)
{
	const struct slab_replay_slot *s = &r->plan->slots[slot];

	if (s->cache == SLAB_REPLAY_KMALLOC)
		kfree(r->objs[slot]);
	else
		kmem_cache_free(r->caches[s->cache], r->objs[slot]);
	r->objs[slot] = NULL;
	r->live_bytes -= s->bytes;
}

/* The cache of an object; NULL: kmalloc() takes it straight from the page allocator. */
static struct kmem_cache *cache_of(const struct runner *r, const struct slab_replay_slot *s)
{
	if (s->cache != SLAB_REPLAY_KMALLOC)
		return r->caches[s->cache];
	if (s->bytes > KMALLOC_MAX_CACHE_SIZE)
		return NULL;
	return kmalloc_caches[kmalloc_type(s->gfp)][kmalloc_index(s->bytes)];
}

/* Objects of the longest hold among @calls that gave back @nr together. */
static u64 longest_release(const struct objcache *oc, u64 nr, u64 calls)
{
	return calls > 1 ? min(nr, (u64)oc->tun.flush_chunk) : nr;
}

/* One operation, and how it changed what waits in the arrays of its cache (I2). */
static inline void run_op(struct runner *r, const struct slab_replay_op *op)
{
	struct kmem_cache *s = cache_of(r, &r->plan->slots[op->slot]);
	u64 imported, released, releases;
	struct objcache_cpu *cc;
	s64 more;

	act_as(op->cpu);
	if (unlikely(!s)) {
		if (op->is_free)
			give(r, op->slot);
		else
			take(r, op->slot);
		return;
	}
	cc = objcache_this_cpu(&s->oc, this_cpu());
	imported = cc->stats.imported;
	released = cc->stats.released;
	releases = cc->stats.releases;
	if (op->is_free)
		give(r, op->slot);
	else
		take(r, op->slot);
	imported = cc->stats.imported - imported;
	released = cc->stats.released - released;
	more = (s64)imported - (s64)released + (op->is_free ? 1 : -1);
	r->rest += more;
	r->rest_bytes += more * (s64)s->object_size;
	if (likely(!(imported | released)))
		return;
	released = longest_release(&s->oc, released, cc->stats.releases - releases);
	imported = max(imported, released);
	r->out->transfer_max = max(r->out->transfer_max, imported);
}

static void add_stranded(struct kmem_cache *s, void *arg)
{
	struct objcache_sum sum;

	if (!is_counted(s))
		return;
	objcache_sum(&s->oc, &sum);
	*(s64 *)arg += (s64)(sum.cpu_objects + sum.depot_objects);
}

/* Pages of slabs and of large blocks, magazines among them. */
static u64 slab_pages(void)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_zone(zone)
		pages += zone_page_state_snapshot(zone, NR_SLAB_RECLAIMABLE) +
			 zone_page_state_snapshot(zone, NR_SLAB_UNRECLAIMABLE);
	return pages;
}

static void sample(struct runner *r)
{
	struct slab_replay_outcome *out = r->out;
	u64 start = clock_ns(), pages = slab_pages();
	double used = pages ? (double)r->live_bytes / (double)(pages * PAGE_SIZE) : 0;

	if (pages > out->pages_max) {
		out->pages_max = pages;
		out->used_at_max = used;
	}
	r->used_sum += used;
	r->nr_samples++;
	r->sample_ns += clock_ns() - start;
}

static void run_ops(struct runner *r, u32 from, u32 to)
{
	const u32 every = max((to - from) / SAMPLES, 1u);
	struct slab_replay_outcome *out = r->out;
	u64 start = clock_ns();
	s64 stranded = 0;

	for (u32 i = from; i < to; i++) {
		run_op(r, &r->plan->ops[i]);
		out->stranded_max = max(out->stranded_max, (u64)r->rest);
		out->stranded_bytes_max = max(out->stranded_bytes_max, (u64)r->rest_bytes);
		r->rest_sum += (double)r->rest_bytes;
		if (unlikely((i - from) % every == every - 1))
			sample(r);
	}
	act_as(0);
	slab_for_each_cache(add_stranded, &stranded);
	BUG_ON(stranded != r->rest);				/* I2 */
	out->ns = clock_ns() - start - r->sample_ns;
	out->ops = to - from;
	out->stranded_bytes_mean = to > from ? r->rest_sum / (to - from) : 0;
	r->out->used_mean = r->nr_samples ? r->used_sum / (double)r->nr_samples : 0;
}

/* ---- what happened ---- */

/* What the start took, to be left out. */
struct before {
	struct kmem_cache *s;
	struct kmem_cache_stats stats;
};

struct before_list {
	struct before *v;
	u32 nr;
};

static void note_before(struct kmem_cache *s, void *arg)
{
	struct before_list *list = arg;
	struct before *b = array_add(list->v, list->nr);

	b->s = s;
	kmem_cache_stats(s, &b->stats);
}

static void add_row(struct runner *r, const struct before *b)
{
	const struct objcache_stats *was = &b->stats.cpu.stats, *cpu;
	struct slab_replay_outcome *out = r->out;
	struct kmem_cache_stats now;
	struct slab_replay_row row;

	kmem_cache_stats(b->s, &now);
	cpu = &now.cpu.stats;
	row = (struct slab_replay_row){
		.bytes = b->s->object_size, .rounds = b->s->oc.rounds,
		.alloc_hits = cpu->alloc_hits - was->alloc_hits,
		.free_hits = cpu->free_hits - was->free_hits,
		.depot_operations = now.cpu.depot_ops - b->stats.cpu.depot_ops,
		.refills = cpu->imports - was->imports, .flushes = cpu->releases - was->releases,
		.remote_releases = now.remote_frees - b->stats.remote_frees,
		.stranded = now.cpu.cpu_objects + now.cpu.depot_objects,
		.live = now.live_objects, .pages = now.pages,
	};
	row.allocs = row.alloc_hits + cpu->alloc_misses - was->alloc_misses;
	row.frees = row.free_hits + cpu->free_misses - was->free_misses;
	if (!is_counted(b->s) || !(row.allocs + row.frees))
		return;
	snprintf(row.name, sizeof(row.name), "%s", b->s->name);
	*array_add(out->rows, out->nr_rows) = row;
	out->allocs += row.allocs;
	out->frees += row.frees;
	out->alloc_hits += row.alloc_hits;
	out->free_hits += row.free_hits;
	out->depot_operations += row.depot_operations;
	out->refills += row.refills;
	out->flushes += row.flushes;
	out->remote_releases += row.remote_releases;
	out->resizes += b->s->oc.nr_resizes;
	out->stranded_end += row.stranded;
	out->stranded_bytes += row.stranded * row.bytes;
}

static int by_allocs(const void *a, const void *b)
{
	const struct slab_replay_row *x = a, *y = b;

	if (x->allocs != y->allocs)
		return x->allocs < y->allocs ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void count_locks(struct slab_replay_outcome *out)
{
	lock_report_collect(&out->locks, out->ns);
	for (u32 i = 0; i < out->locks.nr_rows; i++) {
		const struct lock_report_row *row = &out->locks.rows[i];
		const char *class = out->locks.classes[row->class].class;

		if (strcmp(class, "zone->lock") == 0)
			out->zone_locks += row->acquired;
		else if (strcmp(class, "node->list_lock") == 0)
			out->list_locks += row->acquired;
	}
}

static void give_back(struct runner *r)
{
	for (u32 i = 0; i < r->plan->nr_slots; i++)
		if (r->objs[i]) {
			act_as(r->plan->slots[i].free_cpu);
			give(r, i);
		}
	empty_all_cpus(r);
}

int slab_replay_run(const struct slab_replay_plan *plan, const struct slab_replay_options *opt,
		    struct slab_replay_outcome *out, struct mm_error *err)
{
	struct runner r = { .plan = plan, .opt = opt, .out = out };
	const u32 to = opt->to ? min(opt->to, plan->nr_ops) : plan->nr_ops;
	const u32 from = min(opt->from, to);
	struct before_list before = { NULL, 0 };
	int code = boot(&r, err);

	if (code)
		return code;
	*out = (struct slab_replay_outcome){ .policy = opt->policy };
	r.caches = calloc(plan->nr_caches + 1u, sizeof(*r.caches));
	r.objs = calloc(plan->nr_slots + 1u, sizeof(*r.objs));
	if (!r.caches || !r.objs)
		panic("out of memory for a replay of %u objects", plan->nr_slots);
	make_caches(&r);
	for (u32 i = 0; i < plan->nr_standins; i++) {
		act_as(plan->slots[plan->standins[i]].free_cpu);
		take(&r, plan->standins[i]);
	}
	empty_all_cpus(&r);
	for (u32 i = 0; i < from; i++)
		run_op(&r, &plan->ops[i]);
	act_as(0);
	out->transfer_max = 0;
	slab_for_each_cache(note_before, &before);
	lockstat_reset();
	run_ops(&r, from, to);
	count_locks(out);
	for (u32 i = 0; i < before.nr; i++)
		add_row(&r, &before.v[i]);
	if (out->nr_rows)
		qsort(out->rows, out->nr_rows, sizeof(*out->rows), by_allocs);
	give_back(&r);
	shut_down();
	free(before.v);
	free(r.caches);
	free(r.objs);
	return 0;
}

void slab_replay_outcome_free(struct slab_replay_outcome *out)
{
	free(out->rows);
	lock_report_free(&out->locks);
	*out = (struct slab_replay_outcome){ 0 };
}
