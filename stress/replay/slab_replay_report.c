/* SPDX-License-Identifier: MIT */
/* slab_replay_report.c - the text and the JSON of a slab replay. */
#include <jansson.h>
#include <unistd.h>

#include "stress/replay/slab_replay.h"
#include "stress/report/result_file.h"
#include "stress/report/text.h"

/* Caches that are printed; the JSON has all. */
#define TOP_CACHES	16u

static double share(u64 part, u64 whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* ---- text ---- */

static void print_trace(const struct slab_replay_report *r, FILE *out)
{
	const struct slab_replay_counts *c = &r->plan->counts;
	const struct trace *trace = r->trace;

	fprintf(out, "trace    %s, %u CPUs, %s slab events, %s lost\n",
		trace_format_name(trace->format), r->plan->nr_cpus, text_count(trace->nr_slab).s,
		text_count(trace->lost_events + trace->overrun_events).s);
	fprintf(out, "plan     %s allocs, %s frees in %u caches and kmalloc; %s kfree(NULL)\n",
		text_count(c->allocs).s, text_count(c->frees).s, r->plan->nr_caches,
		text_count(c->null_frees).s);
	fprintf(out, "objects  %s remote of %s frees (%s); %s from before, %s live at the end\n",
		text_count(c->remote_frees).s, text_count(c->known_frees).s,
		text_share((double)c->remote_frees, (double)c->known_frees).s,
		text_count(c->standins).s, text_count(c->never_freed).s);
	fprintf(out, "hidden   %s frees and %s allocs without an event (bulk); %s sizes guessed\n",
		text_count(c->hidden_frees).s, text_count(c->hidden_allocs).s,
		text_count(c->guessed).s);
}

static void print_policies(const struct slab_replay_report *r, FILE *out)
{
	fprintf(out, "%-11s %6s %6s %9s %9s %9s %9s %8s %6s %6s %7s\n", "policy", "alloc", "free",
		"depot", "list", "zone", "stranded", "slabs", "used", "used", "time");
	fprintf(out, "%-11s %6s %6s %9s %9s %9s %9s %8s %6s %6s %7s\n", "", "hits", "hits", "lock",
		"lock", "lock", "most", "most KiB", "then", "mean", "per op");
	for (unsigned int i = 0; i < r->nr_outs; i++) {
		const struct slab_replay_outcome *o = &r->outs[i];

		fprintf(out, "%-11s %6s %6s %9s %9s %9s %9s %8s %4.0f %% %4.0f %% %4.0f ns\n",
			o->policy, text_share((double)o->alloc_hits, (double)o->allocs).s,
			text_share((double)o->free_hits, (double)o->frees).s,
			text_count(o->depot_operations).s, text_count(o->list_locks).s,
			text_count(o->zone_locks).s, text_count(o->stranded_max).s,
			text_count(o->pages_max * (PAGE_SIZE >> 10)).s, 100 * o->used_at_max,
			100 * o->used_mean, (double)o->ns / max(r->plan->nr_ops, 1u));
	}
}

static void print_caches(const struct slab_replay_outcome *o, FILE *out)
{
	fprintf(out, "%-24s %6s %6s %9s %6s %6s %7s %7s %7s %8s\n", "cache", "bytes", "rounds",
		"allocs", "alloc", "free", "depot", "refills", "flushes", "stranded");
	for (u32 i = 0; i < min(o->nr_rows, TOP_CACHES); i++) {
		const struct slab_replay_row *row = &o->rows[i];

		fprintf(out, "%-24.24s %6u %6u %9s %6s %6s %7s %7s %7s %8s\n", row->name,
			row->bytes, row->rounds, text_count(row->allocs).s,
			text_share((double)row->alloc_hits, (double)row->allocs).s,
			text_share((double)row->free_hits, (double)row->frees).s,
			text_count(row->depot_operations).s, text_count(row->refills).s,
			text_count(row->flushes).s, text_count(row->stranded).s);
	}
	if (o->nr_rows > TOP_CACHES)
		fprintf(out, "and %u caches with fewer allocs; --json has them\n",
			o->nr_rows - TOP_CACHES);
}

void slab_replay_print(const struct slab_replay_report *r, FILE *out)
{
	print_trace(r, out);
	fprintf(out, "machine  %u CPUs, deterministic on 1 of %ld cores, magazines of %s objects\n",
		r->plan->nr_cpus, sysconf(_SC_NPROCESSORS_ONLN),
		r->opt->rounds ? text_count(r->opt->rounds).s : "each policy's number of");
	fprintf(out, "build    kmemlab %s, %s, seed %llu\n", KMEMLAB_VERSION, KMEMLAB_BUILD,
		(unsigned long long)r->opt->seed);
	print_policies(r, out);
	if (r->nr_outs == 1)
		print_caches(&r->outs[0], out);
}

/* ---- JSON ---- */

static void put_count(json_t *obj, const char *name, u64 value)
{
	json_object_set_new(obj, name, json_integer((json_int_t)value));
}

static json_t *header_json(const struct slab_replay_report *r)
{
	json_t *obj = json_object(), *settings = json_object();

	json_object_set_new(obj, "version", json_string(KMEMLAB_VERSION));
	json_object_set_new(obj, "build", json_string(KMEMLAB_BUILD));
	json_object_set_new(obj, "workload", json_sprintf("slab replay %s", r->name));
	put_count(obj, "seed", r->opt->seed);
	put_count(obj, "cpus", r->plan->nr_cpus);
	put_count(obj, "host_cores", (u64)sysconf(_SC_NPROCESSORS_ONLN));
	json_object_set_new(obj, "oversubscribed", json_false());
	put_count(obj, "nodes", 1);
	json_object_set_new(obj, "mode", json_string("deterministic"));
	json_object_set_new(obj, "spinlock", json_string(r->opt->lock ? r->opt->lock : "futex"));
	json_object_set_new(settings, "rounds", r->opt->rounds ?
			    json_integer((json_int_t)r->opt->rounds) : json_null());
	json_object_set_new(obj, "settings", settings);
	return obj;
}

static json_t *plan_json(const struct slab_replay_report *r)
{
	const struct slab_replay_counts *c = &r->plan->counts;
	json_t *obj = json_object();

	put_count(obj, "slab_events", r->trace->nr_slab);
	put_count(obj, "lost_events", r->trace->lost_events + r->trace->overrun_events);
	put_count(obj, "operations", r->plan->nr_ops);
	put_count(obj, "caches", r->plan->nr_caches);
	put_count(obj, "allocs", c->allocs);
	put_count(obj, "frees", c->frees);
	put_count(obj, "null_frees", c->null_frees);
	put_count(obj, "failed_allocs", c->failed_allocs);
	put_count(obj, "hidden_allocs", c->hidden_allocs);
	put_count(obj, "hidden_frees", c->hidden_frees);
	put_count(obj, "standins", c->standins);
	put_count(obj, "never_freed", c->never_freed);
	put_count(obj, "remote_frees", c->remote_frees);
	put_count(obj, "known_frees", c->known_frees);
	put_count(obj, "guessed_sizes", c->guessed);
	put_count(obj, "peak_bytes", r->plan->peak_bytes);
	return obj;
}

static json_t *row_json(const struct slab_replay_row *row)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "name", json_string(row->name));
	put_count(obj, "bytes", row->bytes);
	put_count(obj, "rounds", row->rounds);
	put_count(obj, "allocs", row->allocs);
	put_count(obj, "frees", row->frees);
	put_count(obj, "alloc_hits", row->alloc_hits);
	put_count(obj, "free_hits", row->free_hits);
	put_count(obj, "depot_operations", row->depot_operations);
	put_count(obj, "refills", row->refills);
	put_count(obj, "flushes", row->flushes);
	put_count(obj, "remote_releases", row->remote_releases);
	put_count(obj, "stranded", row->stranded);
	put_count(obj, "live", row->live);
	put_count(obj, "pages", row->pages);
	return obj;
}

static json_t *outcome_json(const struct slab_replay_report *r,
			    const struct slab_replay_outcome *o)
{
	json_t *obj = json_object(), *exact = json_object(), *rows = json_array();

	json_object_set_new(obj, "policy", json_string(o->policy));
	put_count(exact, "allocs", o->allocs);
	put_count(exact, "frees", o->frees);
	put_count(exact, "alloc_hits", o->alloc_hits);
	put_count(exact, "free_hits", o->free_hits);
	put_count(exact, "depot_operations", o->depot_operations);
	put_count(exact, "refills", o->refills);
	put_count(exact, "flushes", o->flushes);
	put_count(exact, "list_lock_acquisitions", o->list_locks);
	put_count(exact, "zone_lock_acquisitions", o->zone_locks);
	put_count(exact, "remote_releases", o->remote_releases);
	put_count(exact, "resizes", o->resizes);
	put_count(exact, "stranded_end", o->stranded_end);
	put_count(exact, "stranded_end_bytes", o->stranded_bytes);
	put_count(exact, "stranded_max", o->stranded_max);
	put_count(exact, "stranded_max_bytes", o->stranded_bytes_max);
	json_object_set_new(exact, "stranded_mean_bytes", json_real(o->stranded_bytes_mean));
	put_count(exact, "transfer_max", o->transfer_max);
	put_count(exact, "slab_pages_max", o->pages_max);
	json_object_set_new(exact, "used_at_max", json_real(o->used_at_max));
	json_object_set_new(exact, "used_mean", json_real(o->used_mean));
	for (u32 i = 0; i < o->nr_rows; i++)
		json_array_append_new(rows, row_json(&o->rows[i]));
	json_object_set_new(exact, "caches", rows);
	json_object_set_new(obj, "exact", exact);
	json_object_set_new(obj, "ns_per_operation",
			    json_real((double)o->ns / max(r->plan->nr_ops, 1u)));
	json_object_set_new(obj, "alloc_hit_rate", json_real(share(o->alloc_hits, o->allocs)));
	json_object_set_new(obj, "free_hit_rate", json_real(share(o->free_hits, o->frees)));
	return obj;
}

json_t *slab_replay_json(const struct slab_replay_report *r)
{
	json_t *doc = json_object(), *replay = json_object(), *list = json_array();

	json_object_set_new(doc, "schema", json_string(RESULT_SCHEMA));
	json_object_set_new(doc, "header", header_json(r));
	json_object_set_new(replay, "schema", json_string("kmemlab-slab-replay/1"));
	json_object_set_new(replay, "trace", plan_json(r));
	for (unsigned int i = 0; i < r->nr_outs; i++)
		json_array_append_new(list, outcome_json(r, &r->outs[i]));
	json_object_set_new(replay, "policies", list);
	json_object_set_new(doc, "slab_replay", replay);
	/* Every policy has a machine of its own; the locks are the first one's. */
	json_object_set_new(doc, "locks", lock_report_json(&r->outs[0].locks));
	return doc;
}
