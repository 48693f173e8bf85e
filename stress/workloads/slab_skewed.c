/* SPDX-License-Identifier: MIT */
/*
 * stress-slab --mode skewed: few hot caches and bursts that no magazine holds.
 *
 * What.  An operation is a burst: a CPU takes 300 objects of one of two caches, four times in five
 * of the same, and hands them to the next CPU, which frees them.  No magazine holds a burst, and
 * what one CPU frees another allocates, so full arrays go round through the depot all the time.
 * The magazines start as small as in Solaris and have no stash.
 *
 * "skewed" lets the depot's contention enlarge them; "skewed-fixed" is the same load without, for
 * comparison.  CPU 0 notes rounds, exchanges and waits of the hottest cache twelve times a run.
 *
 * States of a batch.  empty -> being filled by its producer -> full -> being freed by its
 * consumer -> empty.
 *
 * Invariants.
 *   I1  A batch belongs to its producer while empty and to its consumer while full; the state word
 *       hands it over (release, acquire).
 *   I2  A live object's first word says so; whoever is handed an object that is live has found a
 *       bug.  Another cache's contents, or a free pointer, can hardly look alike.
 *
 * Locking.  None.  Context.  Task.  Failure.  A refused allocation ends its burst early.
 * See also.  docs/slab.md, "Resizing"; tests/mt/test_stress_slab.c.
 */
#include "stress/workloads/slab_load.h"

#include <errno.h>

#include "runtime/hostmem.h"
#include "stress/report/text.h"

#define NR_HOT		2u
#define BATCHES		4u		/* waiting for one consumer */
#define MAX_SAMPLES	12u
/* With --ops: bursts of CPU 0 between two ends of the working-set interval. */
#define UPDATE_BURSTS	32u
/* The working-set interval by the clock: magazines grow by one type in each. */
#define REAP_MS		100u
#define LIVE_MASK	0x5ca1ab1e0b5e55edULL

static const char *const hot_names[NR_HOT] = { "stress-hot-64", "stress-hot-256" };
static const unsigned int hot_sizes[NR_HOT] = { 64, 256 };

struct batch {
	u32 full;			/* I1 */
	u32 nr, cache;
	void *objs[SLAB_SKEWED_BURST];
} __cacheline_aligned;

/* Of the hottest cache, since the start of the run. */
struct moment {
	u64 ns, rounds, allocs, exchanges, waits;
};

static struct {
	struct kmem_cache *hot[NR_HOT];
	struct batch *batches;		/* [nr_cpus][BATCHES] by consumer, then one per CPU */
	unsigned int nr_cpus;
	bool active;
	/* CPU 0's task. */
	struct moment samples[MAX_SAMPLES + 1];
	unsigned int nr_samples;
	u64 start_ns;
} skewed;

/* ---- life cycle ---- */

static size_t nr_batches(void)
{
	return skewed.nr_cpus * (size_t)(BATCHES + 1);
}

int slab_skewed_start(const struct stress_run *run)
{
	struct objcache_tunables tun;

	skewed.active = run->mode != SLAB_MODE_MIXED;
	if (!skewed.active)
		return 0;
	if (run->opt->slab)
		tun = *slab_default_tunables();
	else
		objcache_tunables_preset(&tun, OBJCACHE_BONWICK);
	tun.reap_interval_ms = REAP_MS;
	if (run->mode == SLAB_MODE_SKEWED_FIXED)
		tun.contention_max = UINT32_MAX;
	for (unsigned int i = 0; i < NR_HOT; i++) {
		skewed.hot[i] = kmem_cache_create(hot_names[i], hot_sizes[i], 0, 0, NULL);
		if (!skewed.hot[i])
			return -ENOMEM;
		kmem_cache_configure(skewed.hot[i], &tun);
	}
	skewed.nr_cpus = run->opt->cpus;
	skewed.nr_samples = 0;
	skewed.batches = hostmem_alloc(nr_batches() * sizeof(*skewed.batches));
	return skewed.batches ? 0 : -ENOMEM;
}

unsigned int slab_skewed_stop(void)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < NR_HOT; i++) {
		left += kmem_cache_destroy(skewed.hot[i]) != 0;
		skewed.hot[i] = NULL;
	}
	if (skewed.batches)
		hostmem_free(skewed.batches, nr_batches() * sizeof(*skewed.batches));
	skewed.batches = NULL;
	return left;
}

/* ---- objects ---- */

static void *take(struct kmem_cache *s)
{
	u64 *obj = kmem_cache_alloc(s, GFP_NOWAIT | __GFP_NOWARN);

	if (!obj)
		return NULL;
	if (unlikely(*obj == ((u64)(uintptr_t)obj ^ LIVE_MASK)))		/* I2 */
		panic("slab oracle: %s: object %p is handed out while it is live", s->name,
		      (void *)obj);
	*obj = (u64)(uintptr_t)obj ^ LIVE_MASK;
	return obj;
}

static void give(struct kmem_cache *s, u64 *obj)
{
	if (unlikely(*obj != ((u64)(uintptr_t)obj ^ LIVE_MASK)))
		panic("slab oracle: %s: object %p was changed while it was live", s->name,
		      (void *)obj);
	*obj = 0;
	kmem_cache_free(s, obj);
}

static void free_batch(struct slab_cpu *p, struct batch *b)
{
	for (u32 i = 0; i < b->nr; i++)
		give(skewed.hot[b->cache], b->objs[i]);
	p->stats.frees += b->nr;
}

static struct batch *batches_for(unsigned int cpu)
{
	return &skewed.batches[cpu * BATCHES];
}

static void consume(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;

	for (unsigned int i = 0; i < BATCHES; i++) {
		struct batch *b = &batches_for(c->id)[i];

		/* Acquire: pairs with the release in produce(). */
		if (!smp_load_acquire(&b->full))
			continue;
		free_batch(p, b);
		p->stats.received += b->nr;
		smp_store_release(&b->full, 0);
	}
}

static struct batch *empty_batch(unsigned int consumer)
{
	for (unsigned int i = 0; i < BATCHES; i++)
		/* Acquire: pairs with the release in consume(). */
		if (!smp_load_acquire(&batches_for(consumer)[i].full))
			return &batches_for(consumer)[i];
	return NULL;
}

/* A burst for a consumer that does not keep up is freed where it was made: no step is empty. */
static void produce(struct stress_cpu *c)
{
	struct batch *own = &skewed.batches[skewed.nr_cpus * BATCHES + c->id];
	struct batch *b = empty_batch((c->id + 1) % skewed.nr_cpus);
	struct slab_cpu *p = c->data;

	b = b ? b : own;
	p->stats.bursts++;
	b->cache = rand_below(&c->rng, 5) == 0;
	for (b->nr = 0; b->nr < SLAB_SKEWED_BURST; b->nr++) {
		b->objs[b->nr] = take(skewed.hot[b->cache]);
		if (!b->objs[b->nr])
			break;
	}
	p->stats.allocs += b->nr;
	p->stats.refused += b->nr < SLAB_SKEWED_BURST;
	if (b == own) {
		free_batch(p, b);
		return;
	}
	p->stats.sent += b->nr;
	smp_store_release(&b->full, 1);
}

/* ---- the course of a run ---- */

static void note(struct stress_cpu *c)
{
	const struct stress_options *opt = c->run->opt;
	u64 now = clock_ns(), part;
	struct kmem_cache_stats st;

	if (c->ops == 1)
		skewed.start_ns = now;
	part = opt->ops ? (c->ops - 1) * MAX_SAMPLES / opt->ops :
	       (u64)((double)(now - skewed.start_ns) / 1e9 / opt->seconds * MAX_SAMPLES);
	if (part < skewed.nr_samples || skewed.nr_samples > MAX_SAMPLES)
		return;
	kmem_cache_stats(skewed.hot[0], &st);
	skewed.samples[skewed.nr_samples++] = (struct moment){
		.ns = now - skewed.start_ns, .rounds = READ_ONCE(skewed.hot[0]->oc.rounds),
		.allocs = st.cpu.stats.alloc_hits + st.cpu.stats.alloc_misses,
		.exchanges = st.cpu.stats.depot_gets + st.cpu.stats.depot_puts,
		.waits = st.cpu.contention,
	};
}

void slab_skewed_step(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;

	slab_read_mail(c);
	if (c->id == 0)
		note(c);
	if (c->id == 0 && c->run->opt->ops && c->ops % UPDATE_BURSTS == 0) {
		p->stats.updates++;
		slab_update_all();
	}
	consume(c);
	produce(c);
}

void slab_skewed_finish(struct stress_cpu *c)
{
	if (skewed.active)
		consume(c);
}

/* ---- reports ---- */

/* What happened between two notes, per thousand objects. */
struct interval {
	double from_s, to_s, exchanges, waits;
	u64 rounds;
};

static struct interval interval_between(const struct moment *a, const struct moment *b)
{
	double per = b->allocs > a->allocs ? 1000.0 / (double)(b->allocs - a->allocs) : 0;

	return (struct interval){
		.from_s = (double)a->ns / 1e9, .to_s = (double)b->ns / 1e9, .rounds = b->rounds,
		.exchanges = (double)(b->exchanges - a->exchanges) * per,
		.waits = (double)(b->waits - a->waits) * per,
	};
}

void slab_skewed_print(FILE *out)
{
	if (!skewed.active)
		return;
	fprintf(out, "%s by interval, per 1 000 objects\n", hot_names[0]);
	fprintf(out, "  until s  rounds  depot exchanges  waits for its lock\n");
	for (unsigned int i = 1; i < skewed.nr_samples; i++) {
		struct interval v = interval_between(&skewed.samples[i - 1], &skewed.samples[i]);

		fprintf(out, "  %7.2f  %6llu  %15.2f  %18.3f\n", v.to_s,
			(unsigned long long)v.rounds, v.exchanges, v.waits);
	}
}

static json_t *interval_json(struct interval v)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "from_s", json_real(v.from_s));
	json_object_set_new(obj, "to_s", json_real(v.to_s));
	json_object_set_new(obj, "rounds", json_integer((json_int_t)v.rounds));
	json_object_set_new(obj, "depot_exchanges_per_1k_objects", json_real(v.exchanges));
	json_object_set_new(obj, "depot_waits_per_1k_objects", json_real(v.waits));
	return obj;
}

json_t *slab_skewed_sample(struct stress_run *run)
{
	json_t *obj = json_object();

	(void)run;
	if (!skewed.active || skewed.nr_samples < 3)
		return obj;
	json_object_set_new(obj, "hot_cache", json_string(hot_names[0]));
	json_object_set_new(obj, "first_interval",
			    interval_json(interval_between(&skewed.samples[0],
							   &skewed.samples[1])));
	json_object_set_new(obj, "last_interval",
			    interval_json(interval_between(
					    &skewed.samples[skewed.nr_samples - 2],
					    &skewed.samples[skewed.nr_samples - 1])));
	return obj;
}
