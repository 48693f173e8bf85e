/* SPDX-License-Identifier: MIT */
/* A running machine as JSON: relaxed reads of words that the CPUs write for their own use. */
#include "stress/harness/observe.h"

#include <unistd.h>

#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "stress/report/lock_summary.h"

static json_t *count(u64 value)
{
	return json_integer((json_int_t)value);
}

/* ---- memory ---- */

static json_t *zone_lists_json(const struct zone *zone)
{
	json_t *list = json_array();
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		const struct pagelist *pl = &remote_zone_pcp(zone, cpu)->pl;

		json_array_append_new(list, json_pack("{s:i,s:i,s:i}", "count",
						      READ_ONCE(pl->count), "high",
						      READ_ONCE(pl->high), "batch",
						      READ_ONCE(pl->batch)));
	}
	return list;
}

static json_t *zone_json(const struct zone *zone)
{
	json_t *orders = json_array();
	u64 boost = READ_ONCE(zone->watermark_boost);

	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		json_array_append_new(orders, count(READ_ONCE(zone->free_area[order].nr_free)));
	return json_pack("{s:i,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "node", (int)zone->node, "name",
			 zone->name, "managed", count(READ_ONCE(zone->managed_pages)), "free",
			 count(zone_page_state_snapshot(zone, NR_FREE_PAGES)), "min",
			 count(READ_ONCE(zone->watermark[WMARK_MIN]) + boost), "low",
			 count(READ_ONCE(zone->watermark[WMARK_LOW]) + boost), "high",
			 count(READ_ONCE(zone->watermark[WMARK_HIGH]) + boost), "nr_free", orders,
			 "pcp", zone_lists_json(zone));
}

json_t *observe_zones(void)
{
	json_t *list = json_array();
	const struct zone *zone;

	for_each_zone(zone)
		json_array_append_new(list, zone_json(zone));
	return list;
}

/* ---- locks ---- */

static json_t *lock_json(const struct lock_report *r, const struct lock_summary *s)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name", r->classes[s->class].name,
			 "acquired", count(s->all.acquired), "contended", count(s->all.contended),
			 "bounces", count(s->all.bounces), "slept", count(s->all.slept), "wait_ns",
			 count(s->all.wait.sum), "wait_p99_ns", count(s->wait.p99), "hold_p50_ns",
			 count(s->hold.p50));
}

static json_t *locks_json(u64 elapsed_ns)
{
	json_t *list = json_array();
	struct lock_summary *locks;
	struct lock_report r;
	u32 nr;

	lock_report_collect(&r, elapsed_ns);
	nr = lock_summaries(&r, LOCK_SORT_WAIT, &locks);
	for (u32 i = 0; i < nr; i++)
		json_array_append_new(list, lock_json(&r, &locks[i]));
	lock_summaries_free(locks, nr);
	lock_report_free(&r);
	return list;
}

/* ---- the run ---- */

static json_t *ops_json(const struct stress_run *run)
{
	json_t *list = json_array();

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++)
		json_array_append_new(list, count(READ_ONCE(run->cpu[cpu].ops)));
	return list;
}

static json_t *irqs_json(void)
{
	json_t *list = json_array();
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		u64 sum = 0;

		for (unsigned int vec = 0; vec < NR_VECTORS; vec++)
			sum += READ_ONCE(cpus[cpu].nr_irqs[vec]);
		json_array_append_new(list, count(sum));
	}
	return list;
}

json_t *observe_run(const struct stress_run *run, u64 elapsed_ns)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "schema", LIVE_SCHEMA,
			 "version", KMEMLAB_VERSION, "build", KMEMLAB_BUILD, "program",
			 run->program, "pid", (int)getpid(), "seed", count(run->opt->seed),
			 "elapsed_ns", count(elapsed_ns), "ops", ops_json(run), "irqs",
			 irqs_json(), "zones", observe_zones(), "locks", locks_json(elapsed_ns));
}
