/* SPDX-License-Identifier: MIT */
/* Taking a lock report from the live machine. */
#include "runtime/cpu.h"
#include "stress/report/array.h"
#include "stress/report/lock_report.h"

static struct lockstat_time read_time(const struct lockstat_time *t)
{
	/* Relaxed: the owner CPU may be adding to it; each word is right for some moment. */
	return (struct lockstat_time){
		.nr = READ_ONCE(t->nr), .sum = READ_ONCE(t->sum),
		.min = READ_ONCE(t->min), .max = READ_ONCE(t->max),
	};
}

static void collect_names(struct lock_report *r)
{
	const struct lock_site *site;

	for (unsigned int id = 0; id < lockstat_nr_classes(); id++) {
		struct lock_report_class *c = array_add(r->classes, r->nr_classes);

		c->name = string_copy(lockstat_class_name((u16)id));
		c->class = string_copy(lockstat_class_of((u16)id)->name);
	}
	for (site = __start_kmem_lock_sites; site < __stop_kmem_lock_sites; site++) {
		struct lock_report_site *s = array_add(r->sites, r->nr_sites);

		s->file = string_copy(site->file);
		s->func = string_copy(site->func);
		s->line = site->line;
	}
}

static void collect_row(struct lock_report *r, u32 cpu, const struct lockstat_row *from)
{
	struct lock_report_row row = {
		.class = from->class, .site = from->site, .cpu = cpu, .read = from->mode != 0,
		.queue_max = READ_ONCE(from->queue_max),
		.acquired = READ_ONCE(from->acquired), .contended = READ_ONCE(from->contended),
		.bounces = READ_ONCE(from->bounces),
		.contended_bounces = READ_ONCE(from->contended_bounces),
		.trylock_failed = READ_ONCE(from->trylock_failed),
		.spun = READ_ONCE(from->spun), .slept = READ_ONCE(from->slept),
		.wait = read_time(&from->wait), .hold = read_time(&from->hold),
		.hold_contended = read_time(&from->hold_contended),
	};

	/* A class registered while we looked is not in the table: it is of no run that ended. */
	if ((row.acquired || row.trylock_failed) && row.class < r->nr_classes)
		*array_add(r->rows, r->nr_rows) = row;
}

static void collect_pair(struct lock_report *r, u32 cpu, const struct lockstat_pair *from)
{
	struct lock_report_pair pair = {
		.class = from->class, .waiter = from->waiter, .holder = from->holder,
		.cpu = cpu, .ctx = from->ctx, .contended = READ_ONCE(from->contended),
		.wait = read_time(&from->wait),
	};

	if (pair.contended && pair.class < r->nr_classes)
		*array_add(r->pairs, r->nr_pairs) = pair;
}

static void collect_hist(struct lock_report *r, u32 cpu, const struct lockstat_cpu *ls, u32 class)
{
	const struct lockstat_hist *from = &ls->hist[class];
	struct lockstat_hist to;
	u32 any = 0;

	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++) {
		to.wait[b] = READ_ONCE(from->wait[b]);
		to.hold[b] = READ_ONCE(from->hold[b]);
		to.hold_contended[b] = READ_ONCE(from->hold_contended[b]);
		any |= to.wait[b] | to.hold[b] | to.hold_contended[b];
	}
	if (any)
		*array_add(r->hists, r->nr_hists) =
			(struct lock_report_hist){ .class = class, .cpu = cpu, .hist = to };
}

static void collect_cpu(struct lock_report *r, u32 cpu, const struct lockstat_cpu *ls)
{
	r->overflow += READ_ONCE(ls->overflow);
	r->hold_sample = ls->hold_period;
	/* Acquire: pairs with the release of @used, which publishes the key (lockstat.c, I1). */
	for (u32 i = 0; i < LOCKSTAT_ROWS; i++)
		if (smp_load_acquire(&ls->rows[i].used))
			collect_row(r, cpu, &ls->rows[i]);
	for (u32 i = 0; i < LOCKSTAT_PAIRS; i++)
		if (smp_load_acquire(&ls->pairs[i].used))
			collect_pair(r, cpu, &ls->pairs[i]);
	for (u32 class = 0; class < r->nr_classes; class++)
		collect_hist(r, cpu, ls, class);
}

void lock_report_collect(struct lock_report *r, u64 elapsed_ns)
{
	*r = (struct lock_report){
		.elapsed_ns = elapsed_ns, .nr_cpus = nr_cpu_ids, .mode = lockstat_mode(),
	};
	collect_names(r);
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpus[cpu].lockstat)
			collect_cpu(r, cpu, cpus[cpu].lockstat);
}

static void measure(void *arg)
{
	*(struct lockstat_cost *)arg = lockstat_measure_cost();
}

void lock_report_measure_cost(struct lock_report *r)
{
	cpu_run(0, measure, &r->cost);
	r->cost_known = true;
}

void lock_report_add_exact(struct lock_report *r, const char *name, u64 acquired,
			   u64 trylock_failed)
{
	struct lock_report_class *c = NULL;

	for (u32 i = 0; i < r->nr_classes && !c; i++)
		if (strcmp(r->classes[i].name, name) == 0)
			c = &r->classes[i];
	if (!c) {
		const char *bracket = strchr(name, '[');

		c = array_add(r->classes, r->nr_classes);
		c->name = string_copy(name);
		c->class = string_copy(name);
		if (bracket)
			c->class[bracket - name] = '\0';
	}
	c->owner_acquired += acquired;
	c->owner_failed += trylock_failed;
}

void lock_report_free(struct lock_report *r)
{
	for (u32 i = 0; i < r->nr_sites; i++) {
		free(r->sites[i].file);
		free(r->sites[i].func);
	}
	for (u32 i = 0; i < r->nr_classes; i++) {
		free(r->classes[i].name);
		free(r->classes[i].class);
	}
	free(r->sites);
	free(r->classes);
	free(r->rows);
	free(r->pairs);
	free(r->hists);
	*r = (struct lock_report){ 0 };
}
