/* SPDX-License-Identifier: MIT */
/*
 * The result of a run as JSON.
 *
 * Members under "exact" are counted, never estimated; with --ops and one CPU they are the same in
 * every run of a seed.  Members under "sampled" depend on time.
 */
#include "stress/harness/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mm/page/pcp.h"
#include "mm/procfs.h"
#include "runtime/hotplug.h"
#include "runtime/spinlock.h"
#include "stress/harness/timeline.h"
#include "stress/report/result_file.h"

static json_t *count(u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *unless_unset(u32 value)
{
	return value == STRESS_UNSET ? json_null() : count(value);
}

static json_t *options_json(const struct stress_options *opt)
{
	json_t *obj = json_object();
	char inject[INJECT_TEXT_MAX];

	json_object_set_new(obj, "cpus", count(opt->cpus));
	json_object_set_new(obj, "mem_bytes", count(opt->mem_bytes));
	json_object_set_new(obj, "nodes", count(opt->nodes));
	json_object_set_new(obj, "layout", text(opt->layout));
	json_object_set_new(obj, "lock", text(opt->lock));
	json_object_set_new(obj, "lockstat", text(opt->lockstat));
	json_object_set_new(obj, "seconds", opt->ops ? json_null() : json_real(opt->seconds));
	json_object_set_new(obj, "ops", opt->ops ? count(opt->ops) : json_null());
	json_object_set_new(obj, "pcp", text(opt->pcp));
	json_object_set_new(obj, "pcp_batch", unless_unset(opt->pcp_batch));
	json_object_set_new(obj, "pcp_high", unless_unset(opt->pcp_high));
	json_object_set_new(obj, "pcp_high_fraction", unless_unset(opt->pcp_high_fraction));
	json_object_set_new(obj, "pcp_scale_max", unless_unset(opt->pcp_scale_max));
	json_object_set_new(obj, "slab", text(opt->slab));
	json_object_set_new(obj, "slab_rounds", unless_unset(opt->slab_rounds));
	json_object_set_new(obj, "slab_depot", unless_unset(opt->slab_depot));
	json_object_set_new(obj, "slab_stash", unless_unset(opt->slab_stash));
	json_object_set_new(obj, "slab_import", unless_unset(opt->slab_import));
	json_object_set_new(obj, "slab_debug", text(opt->slab_debug));
	json_object_set_new(obj, "mode", text(opt->mode));
	json_object_set_new(obj, "tasks", unless_unset(opt->tasks));
	json_object_set_new(obj, "pages", unless_unset(opt->pages));
	json_object_set_new(obj, "vma_locks", json_boolean(opt->vma_locks));
	json_object_set_new(obj, "irq_rate", count(opt->irq_rate));
	json_object_set_new(obj, "irq_order", count(opt->irq_order));
	json_object_set_new(obj, "irq", text(opt->irq));
	json_object_set_new(obj, "hz", count(opt->hz));
	json_object_set_new(obj, "hotplug", count(opt->hotplug));
	json_object_set_new(obj, "inject",
			    text(inject_text(&opt->inject, inject, sizeof(inject))));
	json_object_set_new(obj, "irqs_off", json_boolean(opt->irqs_off));
	json_object_set_new(obj, "oracle", json_boolean(opt->oracle));
	return obj;
}

static json_t *zones_json(void)
{
	json_t *list = json_array();
	struct zone *zone;

	for_each_zone(zone) {
		json_t *z = json_object();

		json_object_set_new(z, "node", count(zone->node));
		json_object_set_new(z, "name", text(zone->name));
		json_object_set_new(z, "managed_pages", count(zone->managed_pages));
		json_array_append_new(list, z);
	}
	return list;
}

static json_t *events_json(void)
{
	u64 events[NR_VM_EVENT_ITEMS];
	json_t *obj = json_object();

	all_vm_events(events);
	for (unsigned int i = 0; i < NR_VM_EVENT_ITEMS; i++)
		json_object_set_new(obj, vm_event_name((enum vm_event_item)i), count(events[i]));
	return obj;
}

void result_pcp_stats(const struct zone *only, struct pagelist_stats *sum)
{
	struct zone *zone;
	unsigned int cpu;

	*sum = (struct pagelist_stats){ 0 };
	for_each_zone(zone)
		for_each_possible_cpu(cpu)
			if (!only || zone == only)
				pagelist_add_stats(&remote_zone_pcp(zone, cpu)->pl, sum);
}

static json_t *pcp_zone_json(const struct zone *zone)
{
	static const char *const reasons[NR_PAGELIST_SPILL_REASONS] = {
		"high", "free_high", "hint", "decay", "expire", "remote", "offline",
	};
	json_t *obj = json_object(), *spills = json_object(), *pages = json_object();
	struct pagelist_stats sum;

	result_pcp_stats(zone, &sum);
	json_object_set_new(obj, "node", count(zone->node));
	json_object_set_new(obj, "zone", text(zone->name));
	json_object_set_new(obj, "allocs", count(sum.allocs));
	json_object_set_new(obj, "frees", count(sum.frees));
	json_object_set_new(obj, "refills", count(sum.refills));
	json_object_set_new(obj, "refill_blocks", count(sum.refill_blocks));
	json_object_set_new(obj, "refill_pages", count(sum.refill_pages));
	json_object_set_new(obj, "refill_failed", count(sum.refill_failed));
	for (unsigned int i = 0; i < NR_PAGELIST_SPILL_REASONS; i++) {
		json_object_set_new(spills, reasons[i], count(sum.spills[i]));
		json_object_set_new(pages, reasons[i], count(sum.spill_pages[i]));
	}
	json_object_set_new(obj, "spills", spills);
	json_object_set_new(obj, "spill_pages", pages);
	return obj;
}

static json_t *device_json(const struct device_stats *d)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "interrupts", count(d->interrupts));
	json_object_set_new(obj, "softirqs", count(d->softirqs));
	json_object_set_new(obj, "allocs", count(d->allocs));
	json_object_set_new(obj, "frees", count(d->frees));
	json_object_set_new(obj, "failed", count(d->failed));
	return obj;
}

static json_t *ops_json(const struct stress_run *run)
{
	json_t *obj = json_object(), *list = json_array();

	json_object_set_new(obj, "total", count(run->ops.sum));
	json_object_set_new(obj, "min_cpu", count(run->ops.min));
	json_object_set_new(obj, "max_cpu", count(run->ops.max));
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++)
		json_array_append_new(list, count(run->cpu[cpu].ops));
	json_object_set_new(obj, "per_cpu", list);
	return obj;
}

/* Interrupts taken, by vector. */
static json_t *interrupts_json(void)
{
	json_t *obj = json_object();

	for (unsigned int vec = 0; vec < NR_VECTORS; vec++) {
		unsigned int cpu;
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(cpus[cpu].nr_irqs[vec]);
		if (irq_vector_name(vec))
			json_object_set_new(obj, irq_vector_name(vec), count(sum));
	}
	return obj;
}

/* Faults of timing that there were, by kind. */
static json_t *injected_json(const struct inject_options *opt)
{
	json_t *obj = json_object();

	for (int i = 0; i < NR_INJECT; i++) {
		struct inject_stats s = inject_stats((enum inject_kind)i);
		json_t *kind;

		/* No fault, but a known amount: only where it was asked for. */
		if (i == INJECT_LOCK_HOLD && !opt->rule[i].one_in)
			continue;
		kind = json_object();
		json_object_set_new(kind, "candidates", count(s.candidates));
		json_object_set_new(kind, "injected", count(s.injected));
		json_object_set_new(kind, i == INJECT_IRQ_STORM ? "interrupts" : "delay_ns",
				    count(s.amount));
		json_object_set_new(obj, inject_name((enum inject_kind)i), kind);
	}
	return obj;
}

static json_t *exact_json(struct stress_run *run)
{
	json_t *obj = json_object(), *pcp = json_array();
	struct zone *zone;

	json_object_set_new(obj, "vm_events", events_json());
	for_each_zone(zone)
		json_array_append_new(pcp, pcp_zone_json(zone));
	json_object_set_new(obj, "pcp", pcp);
	if (!run->wl->own_device)
		json_object_set_new(obj, "device", device_json(&run->device));
	json_object_set_new(obj, "interrupts", interrupts_json());
	if (inject_wanted(&run->opt->inject))
		json_object_set_new(obj, "injected", injected_json(&run->opt->inject));
	json_object_set_new(obj, "cpus_taken_down", count(cpu_hotplug_count()));
	if (run->wl->report)
		json_object_set_new(obj, "workload", run->wl->report(run));
	return obj;
}

/* What ran where: the members that every report prints, then the details. */
static json_t *header_json(const struct stress_run *run)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	json_t *obj = json_object(), *recorder = json_object();
	char repro[512];

	json_object_set_new(obj, "version", text(KMEMLAB_VERSION));
	json_object_set_new(obj, "build", text(KMEMLAB_BUILD));
	json_object_set_new(obj, "workload", text(run->wl->name));
	json_object_set_new(obj, "seed", count(run->opt->seed));
	json_object_set_new(obj, "cpus", count(nr_cpu_ids));
	json_object_set_new(obj, "host_cores", count((u64)cores));
	json_object_set_new(obj, "oversubscribed", json_boolean((long)nr_cpu_ids > cores));
	json_object_set_new(obj, "nodes", count(nr_node_ids));
	json_object_set_new(obj, "zones", zones_json());
	json_object_set_new(obj, "spinlock", text(spin_algorithm_name(spin_algorithm)));
	json_object_set_new(obj, "settings", options_json(run->opt));
	json_object_set_new(obj, "repro", text(stress_options_repro(run->opt, run->program, repro,
								    sizeof(repro))));
	json_object_set_new(recorder, "lock_pair_with_ns", json_real(run->locks.cost.with_ns));
	json_object_set_new(recorder, "lock_pair_without_ns",
			    json_real(run->locks.cost.without_ns));
	json_object_set_new(obj, "recorder", recorder);
	return obj;
}

struct irqsoff_section result_irqs_off(void)
{
	struct irqsoff_section longest = { 0 };
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct irqsoff_section s = irqsoff_longest(cpu);

		if (s.ns > longest.ns)
			longest = s;
	}
	return longest;
}

static json_t *irqs_off_json(void)
{
	struct irqsoff_section s = result_irqs_off();
	json_t *obj = json_object();
	char buf[256];

	json_object_set_new(obj, "longest_ns", count(s.ns));
	json_object_set_new(obj, "masked", text(code_site_text(s.masked, buf, sizeof(buf))));
	json_object_set_new(obj, "unmasked", text(code_site_text(s.unmasked, buf, sizeof(buf))));
	return obj;
}

/* The /proc texts of the end of the run, by name: what `kmemlab proc NAME FILE` prints. */
static json_t *proc_json(void)
{
	json_t *obj = json_object();

	for (unsigned int i = 0; proc_name(i); i++) {
		char *buf = NULL;
		size_t size;
		FILE *out = open_memstream(&buf, &size);

		if (!out)
			break;
		if (!proc_show(proc_name(i), out) && !fclose(out))
			json_object_set_new(obj, proc_name(i), text(buf));
		free(buf);
	}
	return obj;
}

static void add_slab_stranded(struct kmem_cache *s, void *arg)
{
	struct objcache_sum sum;

	if (s->magazine)
		return;
	objcache_sum(&s->oc, &sum);
	*(u64 *)arg += (sum.cpu_objects + sum.depot_objects) * s->object_size;
}

/*
 * What waited in per-CPU caches: page lists as each CPU saw its own every STRESS_LOOK_OPS
 * operations, the most being the sum of each CPU's most; objects at the end.
 */
static json_t *stranded_json(const struct stress_run *run)
{
	json_t *obj = json_object();
	u64 most = 0, bytes = 0;
	double mean = 0;

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		const struct stress_listed *l = &run->cpu[cpu].listed;

		mean += l->looks ? (double)l->pages_sum / (double)l->looks : 0;
		most += l->pages_max;
	}
	json_object_set_new(obj, "pages_mean", json_real(mean));
	json_object_set_new(obj, "pages_max", count(most));
	slab_for_each_cache(add_slab_stranded, &bytes);
	json_object_set_new(obj, "slab_end_bytes", count(bytes));
	return obj;
}

json_t *result_collect(struct stress_run *run)
{
	json_t *doc = json_object(), *sampled = json_object();

	json_object_set_new(doc, "schema", text(RESULT_SCHEMA));
	json_object_set_new(doc, "header", header_json(run));
	json_object_set_new(doc, "ops", ops_json(run));
	json_object_set_new(doc, "exact", exact_json(run));
	json_object_set_new(sampled, "duration_s", json_real(run->elapsed));
	json_object_set_new(sampled, "ops_per_second",
			    json_real(run->elapsed > 0 ? (double)run->ops.sum / run->elapsed : 0));
	json_object_set_new(sampled, "stranded", stranded_json(run));
	if (run->opt->irqs_off)
		json_object_set_new(sampled, "irqs_off", irqs_off_json());
	if (run->wl->sample)
		json_object_set_new(sampled, "workload", run->wl->sample(run));
	json_object_set_new(doc, "sampled", sampled);
	json_object_set_new(doc, "locks", lock_report_json(&run->locks));
	if (run->timeline)
		json_object_set(doc, "timeline", run->timeline);
	json_object_set_new(doc, "memory_map", memory_map_json());
	json_object_set_new(doc, "proc", proc_json());
	return doc;
}

void result_finish(struct stress_run *run)
{
	json_object_set_new(run->result, "findings", count(run->failures));
	json_object_set_new(run->result, "warnings", count(warnings_seen()));
}

int result_write(const json_t *result, const char *path)
{
	FILE *out = fopen(path, "we");
	int err;

	if (!out)
		return -errno;
	err = result_json_write(result, out);
	if (fclose(out) && !err)
		err = -EIO;
	return err;
}
