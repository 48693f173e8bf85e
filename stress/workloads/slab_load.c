/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator's workload.
 *
 * What.  Each CPU holds a set of objects around a target that wanders, of caches of every kind and
 * of kmalloc(), and at each operation allocates or frees one, at random.  Every fourth free is left
 * to another CPU; some objects wait for a grace period; some are grown by krealloc(); some come and
 * go in bulk.  A burst takes up to a thousand objects of one cache and frees them last in, first
 * out.  Now and then a CPU shrinks a cache, changes its policy and sizes, makes a cache or destroys
 * the one it made.  The machine's housekeeping ends the working-set intervals, with --ops CPU 0
 * does.  Readers: slab_shared.c; interrupts: slab_device.c.
 *
 * States of a CPU.  steady -> growing (until the burst is complete or refused) -> shrinking ->
 * steady.
 *
 * Invariants.
 *   I1  An object is in one place: a CPU's table, a message, a callback, a device's ring, a slot,
 *       or the allocator.
 *   I2  Every object is told to the oracle as it comes and as it goes.
 *   I3  A cache that comes and goes is destroyed by the CPU that made it, when none of its objects
 *       is live; it alone allocates from it.
 *   I4  What a CPU does depends on its random stream and on what the allocator returns only.
 *
 * Locking.  None; what passes between CPUs: slab_pass.c.
 * Context.  Task.  Failure.  A refused allocation is counted.
 * See also.  tests/mt/test_stress_slab.c.
 */
#include "stress/workloads/slab_load.h"

#include <errno.h>

#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "runtime/hostmem.h"
#include "runtime/irq.h"
#include "runtime/rcu.h"

#define BULK_MAX	32u
/* One operation in so many is a rare event; many of them wait for all CPUs. */
#define RARE		3072u
#define BURST_MAX	1000u
#define TARGET_MAX	4096u
/* With --ops: operations between two ends of the working-set interval. */
#define UPDATE_OPS	8192u

static unsigned long pages_at_start;	/* in slabs and large kmalloc blocks */

/* ---- giving ---- */

static struct slab_object take(struct slab_cpu *p, unsigned int i)
{
	struct slab_object o = p->held[i];

	p->held[i] = p->held[--p->nr];
	p->bytes -= o.size;
	return o;
}

static void free_one(struct stress_cpu *c, unsigned int i)
{
	const unsigned int nr_cpus = c->run->opt->cpus;
	struct slab_cpu *p = c->data;
	struct slab_object o = take(p, i);
	u32 how = rand_below(&c->rng, 64);
	unsigned long flags;

	p->stats.frees++;
	if (how < 16 && nr_cpus > 1) {
		/* Half to the neighbour, as from producer to consumer, half to anybody. */
		unsigned int hop = how < 8 ? 1 : 1 + rand_below(&c->rng, nr_cpus - 1);

		if (slab_send(c->run, (c->id + hop) % nr_cpus, &o, c->ops)) {
			p->stats.sent++;
			return;
		}
	}
	if (how == 16 && slab_delay(c, &o)) {
		p->stats.delayed++;
		return;
	}
	if (how == 17) {
		local_irq_save(flags);
		slab_free(&o, c->ops);
		local_irq_restore(flags);
		return;
	}
	slab_free(&o, c->ops);
}

static void free_bulk(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;
	struct kmem_cache *s = p->held[p->nr - 1].s;
	void *objs[BULK_MAX];
	unsigned int nr = 0;

	while (p->nr && nr < BULK_MAX && p->held[p->nr - 1].s == s && !p->held[p->nr - 1].temp) {
		struct slab_object o = take(p, p->nr - 1);

		slab_oracle_free(&o, c->ops);
		objs[nr++] = o.p;
	}
	p->stats.frees += nr;
	p->stats.bulk_objects += nr;
	if (s && nr)
		kmem_cache_free_bulk(s, nr, objs);
	else if (nr)
		kfree_bulk(nr, objs);
}

/* ---- taking ---- */

static gfp_t pick_gfp(struct stress_cpu *c)
{
	static const gfp_t mix[8] = {
		GFP_KERNEL | __GFP_NORETRY, GFP_KERNEL | __GFP_NORETRY, GFP_KERNEL | __GFP_NORETRY,
		GFP_NOWAIT, GFP_NOWAIT, GFP_ATOMIC, GFP_NOFS | __GFP_NORETRY,
		GFP_NOWAIT | __GFP_ZERO,
	};

	return mix[rand_below(&c->rng, ARRAY_SIZE(mix))] | __GFP_NOWARN;
}

/* Mostly small; one in a hundred is large and comes from the page allocator. */
static u32 pick_size(struct stress_cpu *c)
{
	u32 r = rand_below(&c->rng, 100);

	return 1 + rand_below(&c->rng, r < 70 ? 256 : r < 90 ? 2048 : r < 99 ? 8192 : 65536);
}

static bool full(const struct slab_cpu *p)
{
	return p->nr + BULK_MAX >= SLAB_HELD_MAX || p->bytes >= p->share;
}

static void hold(struct stress_cpu *c, struct slab_object *o)
{
	struct slab_cpu *p = c->data;

	slab_oracle_alloc(o, c->ops);
	p->stats.allocs++;
	p->bytes += o->size;
	p->held[p->nr++] = *o;
}

static bool alloc_kmalloc(struct stress_cpu *c, gfp_t gfp, struct slab_object *o)
{
	struct slab_cpu *p = c->data;
	u32 special = rand_below(&c->rng, 64);

	*o = (struct slab_object){ .size = pick_size(c) };
	if (special == 0)
		gfp = GFP_NOWAIT | GFP_DMA | __GFP_NOWARN;
	else if (special == 1)
		gfp |= __GFP_RECLAIMABLE;
	o->zeroed = (gfp & __GFP_ZERO) != 0;
	p->stats.kmallocs++;
	p->stats.large += o->size > KMALLOC_MAX_CACHE_SIZE;
	if (nr_node_ids > 1 && special < 16)
		o->p = kmalloc_node(o->size, gfp, (int)rand_below(&c->rng, nr_node_ids));
	else
		o->p = kmalloc(o->size, gfp);
	return o->p != NULL;
}

static bool alloc_temp(struct stress_cpu *c, gfp_t gfp, struct slab_object *o)
{
	struct slab_cpu *p = c->data;
	struct slab_temp *t = p->temp;

	*o = (struct slab_object){
		.s = t->s, .temp = t, .size = t->size, .zeroed = (gfp & __GFP_ZERO) != 0,
	};
	o->p = kmem_cache_alloc(t->s, gfp);
	if (o->p)
		fetch_add_relaxed(&t->out, 1);
	return o->p != NULL;
}

/* False when the allocator refused. */
static bool allocate(struct stress_cpu *c, unsigned int what)
{
	struct slab_cpu *p = c->data;
	gfp_t gfp = pick_gfp(c);
	unsigned long flags;
	struct slab_object o;
	bool got;

	if (what >= slab_nr_caches()) {
		if (p->temp->s && !p->temp->ending)
			got = alloc_temp(c, gfp, &o);
		else
			got = alloc_kmalloc(c, gfp, &o);
	} else if (!gfp_can_block(gfp) && rand_one_in(&c->rng, 4)) {
		local_irq_save(flags);
		got = slab_cache_alloc(what, gfp, &o);
		local_irq_restore(flags);
	} else {
		got = slab_cache_alloc(what, gfp, &o);
	}
	if (got)
		hold(c, &o);
	else
		p->stats.refused++;
	return got;
}

/* A cache, or, as often as half of them together, kmalloc and the like. */
static unsigned int pick_what(struct stress_cpu *c)
{
	return rand_below(&c->rng, slab_nr_caches() * 3 / 2);
}

static void alloc_bulk(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;
	unsigned int nr = 1 + rand_below(&c->rng, BULK_MAX), got;
	struct slab_object objs[BULK_MAX];

	got = slab_cache_alloc_bulk(rand_below(&c->rng, slab_nr_caches()), pick_gfp(c), nr, objs);
	for (unsigned int i = 0; i < got; i++)
		hold(c, &objs[i]);
	p->stats.bulk_objects += got;
	p->stats.refused += got != nr;
}

/* Another size for an object of kmalloc(); what fits in both must be kept. */
static void reallocate(struct stress_cpu *c, unsigned int i)
{
	struct slab_cpu *p = c->data;
	struct slab_object *o = &p->held[i], old = *o;
	const size_t kept = sizeof(u64) * 4;
	u64 before[4], after[4];
	u32 size = pick_size(c);
	void *q;

	if (o->s || o->size < kept || size < kept)
		return;
	memcpy(before, o->p, kept);
	/* Nobody can get the object between this and the free: it is still ours. */
	slab_oracle_free(o, c->ops);
	q = krealloc(o->p, size, GFP_NOWAIT | __GFP_NOWARN);
	if (q) {
		memcpy(after, q, kept);
		BUG_ON(memcmp(before, after, kept));
		p->stats.kreallocs++;
		p->stats.moved += q != old.p;
		p->bytes += size - (u64)old.size;
		*o = (struct slab_object){ .p = q, .size = size };
	}
	o->zeroed = false;
	slab_oracle_alloc(o, c->ops);
}

/* ---- caches that come and go ---- */

static void make_temp(struct stress_cpu *c)
{
	static const char *const names[] = { "stress-temp-a", "stress-temp-b" };
	struct slab_cpu *p = c->data;
	struct slab_temp *t = p->temp;

	t->size = 16 + 8 * rand_below(&c->rng, 100);
	t->ending = false;
	WRITE_ONCE(t->out, 0);
	t->s = kmem_cache_create(names[c->id % 2], t->size, 0,
				 rand_one_in(&c->rng, 2) ? SLAB_HWCACHE_ALIGN : 0, NULL);
	if (t->s)
		p->stats.temps++;
}

/* Destroys this CPU's cache once nothing of it is live (I3). */
static void end_temp(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;
	struct slab_temp *t = p->temp;

	t->ending = true;
	/* Acquire: pairs with the release in slab_free(). */
	if (smp_load_acquire(&t->out))
		return;
	if (kmem_cache_destroy(t->s))
		panic("stress-slab: a cache without live objects could not be destroyed");
	t->s = NULL;
	p->stats.temps_destroyed++;
}

/* ---- what happens once in thousands of operations ---- */

static void rare_event(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;

	switch (rand_below(&c->rng, 16)) {
	case 0:
	case 14:
		p->stats.shrinks++;
		slab_shared_turn_over(c);
		break;
	case 1:
		p->stats.shrinks++;
		kmem_cache_shrink(slab_cache(rand_below(&c->rng, slab_nr_caches())));
		break;
	case 2:
	case 3:
		if (!c->run->opt->slab) {
			p->stats.retunes++;
			slab_retune(&c->rng);
		}
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		if (p->temp->s)
			end_temp(c);
		else
			make_temp(c);
		break;
	case 8:
		if (p->sink) {
			rewind(p->sink);
			p->stats.slabinfos++;
			WARN_ON_ONCE(proc_slabinfo_show(p->sink) != 0);
		}
		break;
	case 9:
	case 10:
	case 11:
		p->mode = SLAB_GROWING;
		p->burst = 1 + rand_below(&c->rng, BURST_MAX);
		p->target = rand_below(&c->rng, slab_nr_caches());
		p->stats.bursts++;
		break;
	default:
		p->target = 1 + rand_below(&c->rng, TARGET_MAX);
		break;
	}
}

/* What the machine's housekeeping does by the clock, on CPU 0 by the number of operations. */
static void housekeep(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;

	if (!c->run->opt->ops || c->ops % UPDATE_OPS)
		return;
	p->stats.updates++;
	slab_update_all();
}

static void steady(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;
	u32 word = rand_below(&c->rng, 256);
	/* Three in four operations move towards the target, the fourth away from it. */
	bool grow = (p->nr < p->target) != (word % 4 == 0);

	if (word < 16)
		slab_shared_lookup(c);
	else if (word < 32)
		slab_shared_publish(c);
	else if (word < 40 && p->nr)
		reallocate(c, rand_below(&c->rng, p->nr));
	else if (p->nr && (!grow || full(p)))
		word < 44 ? free_bulk(c) : free_one(c, rand_below(&c->rng, p->nr));
	else if (word < 44)
		alloc_bulk(c);
	else
		(void)allocate(c, pick_what(c));
}

static void slab_step(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;

	if (unlikely(c->run->mode != SLAB_MODE_MIXED)) {
		slab_skewed_step(c);
		return;
	}
	slab_read_mail(c);
	if (c->id == 0)
		housekeep(c);
	if (unlikely(p->mode == SLAB_STEADY && rand_one_in(&c->rng, RARE)))
		rare_event(c);
	switch (p->mode) {
	case SLAB_STEADY:
		steady(c);
		break;
	case SLAB_GROWING:
		/* In a burst the target is the cache. */
		if (full(p) || !p->burst || !allocate(c, p->target))
			p->mode = SLAB_SHRINKING;
		else
			p->burst--;
		break;
	case SLAB_SHRINKING:
		if (p->nr && p->held[p->nr - 1].s == slab_cache(p->target)) {
			free_one(c, p->nr - 1);
		} else {
			p->mode = SLAB_STEADY;
			p->target = 1 + rand_below(&c->rng, TARGET_MAX);
		}
		break;
	}
}

static void slab_finish(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;

	slab_skewed_finish(c);
	slab_shared_finish(c);
	slab_device_finish();
	while (p->nr) {
		struct slab_object o = take(p, p->nr - 1);

		slab_free(&o, c->ops);
	}
	slab_read_mail(c);
	rcu_barrier();
}

/* CPU 0, after every CPU gave back what it held: memory as slab_start() left it. */
static void slab_drain(struct stress_run *run)
{
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++)
		if (slab_cpu_of(run, cpu)->temp->s)
			end_temp(&run->cpu[cpu]);
	slab_shrink_everything();
	rcu_barrier();
}

/* ---- life cycle: host thread ---- */

/* Large kmalloc blocks are counted there too. */
static unsigned long slab_pages_now(void)
{
	unsigned long pages = 0;
	struct zone *zone;

	for_each_zone(zone)
		pages += zone_page_state_snapshot(zone, NR_SLAB_RECLAIMABLE) +
			 zone_page_state_snapshot(zone, NR_SLAB_UNRECLAIMABLE);
	return pages;
}

static void wait_for_callbacks(void *arg)
{
	(void)arg;
	rcu_barrier();
}

static long slab_pages(struct stress_run *run)
{
	(void)run;
	cpu_run(0, wait_for_callbacks, NULL);
	return (long)slab_pages_now() - (long)pages_at_start;
}

struct bring_up {
	const struct stress_run *run;
	int code;
};

/* The caches exist and hold nothing, and no page is on a CPU's list: what the checks compare to. */
static void bring_up(void *arg)
{
	struct bring_up *up = arg;

	up->code = slab_caches_start(up->run->opt);
	if (!up->code)
		up->code = slab_skewed_start(up->run);
	slab_shrink_everything();
	drain_all_pages(NULL);
}

static void take_down(void *arg)
{
	*(unsigned int *)arg = slab_count_invalid() + slab_caches_stop() + slab_skewed_stop();
	slab_shrink_everything();
	rcu_barrier();
}

static void free_memory(struct stress_run *run)
{
	slab_device_stop();
	slab_shared_stop();
	slab_oracle_shutdown();
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct slab_cpu *p = slab_cpu_of(run, cpu);

		if (p->sink)
			fclose(p->sink);
		if (p->temp)
			hostmem_free(p->temp, sizeof(*p->temp));
		p->sink = NULL;
		p->temp = NULL;
	}
}

static void slab_stop(struct stress_run *run)
{
	unsigned int bad = 0;

	if (slab_oracle_live())
		stress_fail(run, "the workload kept %lld objects", (long long)slab_oracle_live());
	cpu_run(0, take_down, &bad);
	if (bad)
		stress_fail(run, "%u caches are not well formed, or cannot be destroyed", bad);
	free_memory(run);
}

static int slab_start(struct stress_run *run, struct mm_error *err)
{
	struct bring_up up = { .run = run };
	unsigned long managed = 0;
	struct zone *zone;
	int code = 0;

	slab_pass_start(run);
	for_each_zone(zone)
		managed += zone->managed_pages;
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct slab_cpu *p = slab_cpu_of(run, cpu);

		p->share = (u64)managed * PAGE_SIZE / run->opt->cpus * 2 / 3;
		p->target = TARGET_MAX / 4;
		p->sink = fopen("/dev/null", "w");
		p->temp = hostmem_alloc(sizeof(*p->temp));
		code = p->temp ? code : -ENOMEM;
	}
	if (!code)
		code = slab_oracle_boot(run->opt->oracle);
	if (!code)
		code = slab_shared_start(run->opt->cpus);
	if (!code)
		code = slab_device_start(run);
	if (!code) {
		cpu_run(0, bring_up, &up);
		code = up.code;
	}
	if (code) {
		free_memory(run);
		return mm_error(err, code, "--mem: no memory for the caches and checks of %u "
				"CPUs; give more, or fewer --cpus", run->opt->cpus);
	}
	pages_at_start = slab_pages_now();
	return 0;
}

struct slab_stats slab_add_up(struct stress_run *run)
{
	struct slab_stats sum = { 0 };

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		const u64 *from = (const u64 *)(const void *)&slab_cpu_of(run, cpu)->stats;

		for (size_t i = 0; i < sizeof(sum) / sizeof(u64); i++)
			((u64 *)(void *)&sum)[i] += from[i];
	}
	/* By the clock the machine's housekeeping ends the intervals. */
	sum.updates += slab_reap_stats().passes;
	return sum;
}

static const char *const modes[] = { "mixed", "skewed", "skewed-fixed", NULL };

const struct workload workload_slab = {
	.name = "slab",
	.doc = "Stresses the slab allocator: many caches, cross-CPU frees, bursts, interrupts, "
	       "RCU, create and destroy, policies that change.\v"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct slab_cpu),
	.own_device = true,
	.slab = true,
	.modes = modes,
	.start = slab_start,
	.step = slab_step,
	.finish = slab_finish,
	.drain = slab_drain,
	.pages = slab_pages,
	.stop = slab_stop,
	.report = slab_report,
	.sample = slab_skewed_sample,
	.print = slab_print,
};
