/* SPDX-License-Identifier: MIT */
/*
 * stress-irq-atomic: tasks drain the zones while interrupts live on what is left.
 *
 * What.  Each CPU's task takes single pages until it is refused, stays near that brim for a while,
 * taking and freeing, and gives most of them back.  How it asks changes from cycle to cycle: as
 * somebody who may reclaim (and so drains page lists and takes the HIGHATOMIC reserve back), as
 * somebody who may not, or as an atomic request, which leaves the least to the interrupts.
 *
 * States of a CPU.  draining -> at the brim -> releasing -> draining.
 *
 * Invariants.
 *   I1  Every page is told to the oracle as it comes and as it goes.
 *   I2  With one CPU and --ops everything, the samples included, is a function of the options.
 *
 * Locking.  None.  Context.  Task.  Failure.  Refusals are counted by how the task asked.
 * See also.  irq_atomic_device.c; tests/mt/test_atomic_mt.c, tests/cli/stress_irq_atomic.bats.
 */
#include <errno.h>

#include "mm/page/page_alloc.h"
#include "mm/page/pcp.h"
#include "runtime/hostmem.h"
#include "runtime/hotplug.h"
#include "stress/report/text.h"
#include "stress/workloads/irq_atomic.h"

/* Operations at the brim, at most. */
#define BRIM_OPS	4096u
/* A release keeps this part of the CPU's share, at most. */
#define KEEP_PART	4u
/* Between two samples: 10 ms, or as many operations. */
#define SAMPLE_NS	(10 * NSEC_PER_MSEC)
#define SAMPLE_OPS	512
/* Operations between two looks at the clock. */
#define OPS_PER_LOOK	64

enum mode { DRAINING, AT_THE_BRIM, RELEASING };

static const struct manner {
	const char *name;
	gfp_t gfp;
} manners[] = {
	{ "blocking", GFP_KERNEL }, { "noretry", GFP_HIGHUSER_MOVABLE | __GFP_NORETRY },
	{ "nowait", GFP_NOWAIT }, { "atomic", GFP_ATOMIC },
};

struct task_stats {
	u64 allocs[ARRAY_SIZE(manners)], refused[ARRAY_SIZE(manners)];
	u64 frees, cycles;
};

struct task {
	struct pages_block *held;	/* [max] */
	unsigned int nr, max;
	unsigned int keep;		/* blocks after a release */
	unsigned int left;		/* operations at the brim */
	enum mode mode;
	unsigned int manner;
	struct task_stats stats;
};

static struct task *task_of(struct stress_run *run, unsigned int cpu)
{
	return run->cpu[cpu].data;
}

/* False when refused. */
static bool take_page(struct stress_cpu *c)
{
	struct task *t = c->data;
	gfp_t gfp = manners[t->manner].gfp | __GFP_NOWARN;
	struct page *page;

	if (t->nr == t->max)
		return false;
	page = alloc_page(gfp);
	if (!page) {
		t->stats.refused[t->manner]++;
		return false;
	}
	t->stats.allocs[t->manner]++;
	t->held[t->nr++] = (struct pages_block){
		.page = page, .ticket = oracle_alloc(page, gfp, 0, c->ops),
	};
	return true;
}

static void free_random(struct stress_cpu *c)
{
	struct task *t = c->data;
	unsigned int i = rand_below(&c->rng, t->nr);
	struct pages_block b = t->held[i];

	t->held[i] = t->held[--t->nr];
	t->stats.frees++;
	oracle_free(b.page, 0, b.ticket, c->ops);
	__free_page(b.page);
}

static void next_cycle(struct stress_cpu *c)
{
	struct task *t = c->data;

	t->stats.cycles++;
	t->manner = rand_below(&c->rng, ARRAY_SIZE(manners));
	t->mode = DRAINING;
}

static void at_the_brim(struct stress_cpu *c)
{
	struct task *t = c->data;

	/* Two of five operations free: the pressure stays. */
	if (t->nr && rand_below(&c->rng, 5) < 2)
		free_random(c);
	else
		(void)take_page(c);
	if (--t->left)
		return;
	t->keep = rand_below(&c->rng, max(t->nr / KEEP_PART, 1u));
	t->mode = RELEASING;
}

static void look_at_depth(struct stress_cpu *c)
{
	if (c->run->opt->ops)
		irq_atomic_depth_look(c->run->data, c->ops);
	else if (c->ops % OPS_PER_LOOK == 0)
		irq_atomic_depth_look(c->run->data, clock_ns());
}

static void task_step(struct stress_cpu *c)
{
	struct task *t = c->data;

	if (c->id == 0)
		look_at_depth(c);
	switch (t->mode) {
	case DRAINING:
		if (take_page(c))
			break;
		t->left = 1 + rand_below(&c->rng, BRIM_OPS);
		t->mode = AT_THE_BRIM;
		break;
	case AT_THE_BRIM:
		at_the_brim(c);
		break;
	case RELEASING:
		if (t->nr > t->keep)
			free_random(c);
		else
			next_cycle(c);
		break;
	}
}

static void task_finish(struct stress_cpu *c)
{
	struct task *t = c->data;

	while (t->nr)
		free_random(c);
	irq_atomic_device_finish();
}

/* ---- life cycle and results: host thread ---- */

static void irq_atomic_stop(struct stress_run *run)
{
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct task *t = task_of(run, cpu);

		if (t->held)
			hostmem_free(t->held, t->max * sizeof(*t->held));
		t->held = NULL;
	}
	if (run->data) {
		irq_atomic_device_stop();
		hostmem_free(run->data, sizeof(struct irq_atomic_depth));
	}
	run->data = NULL;
}

static int make_tables(struct stress_run *run)
{
	unsigned long managed = 0;
	struct zone *zone;

	for_each_zone(zone)
		managed += zone->managed_pages;
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct task *t = task_of(run, cpu);

		t->max = (unsigned int)min(managed, (unsigned long)UINT32_MAX);
		t->held = hostmem_alloc(t->max * sizeof(*t->held));
		if (!t->held)
			return -ENOMEM;
	}
	return 0;
}

static int irq_atomic_start(struct stress_run *run, struct mm_error *err)
{
	int code;

	if (!run->opt->irq_rate)
		return mm_error(err, -EINVAL,
				"--irq-rate: without interrupts nobody uses the reserve; give at "
				"least 1");
	code = make_tables(run);
	if (!code)
		code = irq_atomic_device_start(run->opt);
	if (!code) {
		run->data = hostmem_alloc(sizeof(struct irq_atomic_depth));
		if (!run->data) {
			irq_atomic_device_stop();
			code = -ENOMEM;
		}
	}
	if (code) {
		irq_atomic_stop(run);
		return mm_error(err, code,
				"--cpus: the host has no memory for the tables of %u CPUs; give "
				"fewer", run->opt->cpus);
	}
	irq_atomic_depth_init(run->data, run->opt->ops ? SAMPLE_OPS : SAMPLE_NS);
	return 0;
}

static struct task_stats add_up(struct stress_run *run)
{
	struct task_stats sum = { .cycles = 0 };

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		const u64 *from = (const u64 *)(const void *)&task_of(run, cpu)->stats;

		for (size_t i = 0; i < sizeof(sum) / sizeof(u64); i++)
			((u64 *)(void *)&sum)[i] += from[i];
	}
	return sum;
}

static void put(json_t *obj, const char *name, u64 value)
{
	json_object_set_new(obj, name, json_integer((json_int_t)value));
}

static json_t *refusals_json(const struct irq_atomic_stats *s, unsigned int order_max)
{
	json_t *obj = json_object();

	for (unsigned int why = 0; why < NR_WMARK_REFUSALS; why++) {
		json_t *orders = json_array();

		for (unsigned int o = 0; o <= order_max; o++)
			json_array_append_new(orders, json_integer((json_int_t)s->refused[why][o]));
		json_object_set_new(obj, wmark_refusal_name((enum wmark_refusal)why), orders);
	}
	return obj;
}

static json_t *context_json(const struct irq_atomic_stats *s, unsigned int order_max)
{
	json_t *obj = json_object(), *orders = json_array();

	put(obj, "runs", s->runs);
	put(obj, "hit_page_list_owner", s->owner_hits);
	put(obj, "allocs", s->allocs);
	put(obj, "frees", s->frees);
	put(obj, "sent", s->sent);
	put(obj, "received", s->received);
	put(obj, "from_highatomic", s->from_reserve);
	for (unsigned int o = 0; o <= order_max; o++)
		json_array_append_new(orders, json_integer((json_int_t)s->allocs_by_order[o]));
	json_object_set_new(obj, "allocs_by_order", orders);
	json_object_set_new(obj, "refused_by_order", refusals_json(s, order_max));
	return obj;
}

/* Failed tries of the owners' side, by remote drains and by interrupts together. */
static u64 trylocks_failed(void)
{
	struct zone *zone;
	unsigned int cpu;
	u64 sum = 0;

	for_each_zone(zone)
		for_each_possible_cpu(cpu)
			sum += READ_ONCE(remote_zone_pcp(zone, cpu)->pl.lock.nr_failed);
	return sum;
}

static json_t *irq_atomic_report(struct stress_run *run)
{
	struct task_stats t = add_up(run);
	json_t *obj = json_object(), *tasks = json_object();

	for (unsigned int ctx = 0; ctx < NR_IRQ_ATOMIC_CTX; ctx++) {
		struct irq_atomic_stats s;

		irq_atomic_device_stats((enum irq_atomic_ctx)ctx, &s);
		json_object_set_new(obj, irq_atomic_ctx_name((enum irq_atomic_ctx)ctx),
				    context_json(&s, run->opt->irq_order));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(manners); i++) {
		json_t *m = json_object();

		put(m, "allocs", t.allocs[i]);
		put(m, "refused", t.refused[i]);
		json_object_set_new(tasks, manners[i].name, m);
	}
	put(tasks, "frees", t.frees);
	put(tasks, "cycles", t.cycles);
	json_object_set_new(obj, "tasks", tasks);
	put(obj, "page_list_trylock_failed", trylocks_failed());
	return obj;
}

static json_t *irq_atomic_sample(struct stress_run *run)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "reserve", irq_atomic_depth_json(run->data, run->opt->ops ?
								  "operations" : "ns"));
	return obj;
}

static void print_context(struct stress_run *run, enum irq_atomic_ctx ctx, FILE *out)
{
	u64 refused[NR_WMARK_REFUSALS] = { 0 }, all = 0;
	struct irq_atomic_stats s;

	irq_atomic_device_stats(ctx, &s);
	for (unsigned int why = 0; why < NR_WMARK_REFUSALS; why++) {
		for (unsigned int o = 0; o <= run->opt->irq_order; o++)
			refused[why] += s.refused[why][o];
		all += refused[why];
	}
	fprintf(out, "%-9s %s runs, %s blocks allocated (%s from HIGHATOMIC), %s freed, %s sent\n",
		irq_atomic_ctx_name(ctx), text_count(s.runs).s, text_count(s.allocs).s,
		text_count(s.from_reserve).s, text_count(s.frees).s, text_count(s.sent).s);
	fprintf(out, "          %s of %s requests refused: %s watermark, %s no block, "
		"%s reserve empty, %s raced\n", text_count(all).s, text_count(s.allocs + all).s,
		text_count(refused[WMARK_REFUSED_PAGES]).s,
		text_count(refused[WMARK_REFUSED_BLOCK]).s,
		text_count(refused[WMARK_REFUSED_RESERVE]).s,
		text_count(refused[WMARK_REFUSED_RACED]).s);
	fprintf(out, "          %s came while their CPU was inside its page list\n",
		text_count(s.owner_hits).s);
}

static void irq_atomic_print(struct stress_run *run, FILE *out)
{
	const struct irq_atomic_depth *d = run->data;
	struct irq_atomic_depth_sum sum;
	struct task_stats t = add_up(run);

	fprintf(out, "tasks     %s times to the brim; refused %s blocking, %s noretry, %s nowait, "
		"%s atomic\n", text_count(t.cycles).s, text_count(t.refused[0]).s,
		text_count(t.refused[1]).s, text_count(t.refused[2]).s, text_count(t.refused[3]).s);
	for (unsigned int ctx = 0; ctx < NR_IRQ_ATOMIC_CTX; ctx++)
		print_context(run, (enum irq_atomic_ctx)ctx, out);
	irq_atomic_depth_sum(d, &sum);
	fprintf(out, "reserve   pages above the GFP_ATOMIC floor: min %s, median %s, max %s of %u "
		"samples; HIGHATOMIC up to %s pages\n", text_count(sum.min).s,
		text_count(sum.median).s, text_count(sum.max).s, d->nr,
		text_count(sum.reserved_max).s);
	fprintf(out, "trylock   %s tries of the page lists' owners failed\n",
		text_count(trylocks_failed()).s);
	if (run->opt->hotplug)
		fprintf(out, "hotplug   %s CPUs taken down and up again\n",
			text_count(cpu_hotplug_count()).s);
}

const struct workload workload_irq_atomic = {
	.name = "irq-atomic",
	.doc = "Drains the zones while device interrupts allocate and free with GFP_ATOMIC."
	       "\vInterrupts, 5000 per second and CPU, allocate up to order 3, and masked sections "
	       "are timed, unless the options say otherwise.\n"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct task),
	.own_device = true,
	.start = irq_atomic_start,
	.step = task_step,
	.finish = task_finish,
	.stop = irq_atomic_stop,
	.report = irq_atomic_report,
	.sample = irq_atomic_sample,
	.print = irq_atomic_print,
};
