/* SPDX-License-Identifier: MIT */
/* replay_json.c - the result of a replay as JSON. */
#include <unistd.h>

#include "runtime/spinlock.h"
#include "stress/replay/replay_report.h"
#include "stress/report/result_file.h"

static json_t *count(u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *unless_none(u32 value)
{
	return value == REPLAY_NONE ? json_null() : count(value);
}

static json_t *setting_json(const struct replay_report *r)
{
	const struct replay_setting *set = &r->opt->setting;
	json_t *obj = json_object();

	json_object_set_new(obj, "policy", json_string(r->out->policy));
	json_object_set_new(obj, "batch", unless_none(set->batch));
	json_object_set_new(obj, "high", unless_none(set->high));
	json_object_set_new(obj, "high_fraction", unless_none(set->high_fraction));
	json_object_set_new(obj, "scale_max", unless_none(set->scale_max));
	json_object_set_new(obj, "small_cache", json_boolean(r->opt->small_cache));
	return obj;
}

static json_t *header_json(const struct replay_report *r)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	bool acting = r->opt->mode == REPLAY_DETERMINISTIC;
	json_t *obj = json_object();

	json_object_set_new(obj, "version", json_string(KMEMLAB_VERSION));
	json_object_set_new(obj, "build", json_string(KMEMLAB_BUILD));
	json_object_set_new(obj, "workload", json_sprintf("replay %s", r->name));
	json_object_set_new(obj, "seed", count(r->opt->seed));
	json_object_set_new(obj, "cpus", count(r->plan->nr_cpus));
	json_object_set_new(obj, "host_cores", count((u64)cores));
	json_object_set_new(obj, "oversubscribed",
			    json_boolean(!acting && (long)r->plan->nr_cpus > cores));
	json_object_set_new(obj, "nodes", count(r->plan->nr_nodes));
	json_object_set_new(obj, "mode", json_string(acting ? "deterministic" : "concurrent"));
	json_object_set_new(obj, "spinlock",
			    json_string(r->opt->lock ? r->opt->lock : "futex"));
	json_object_set_new(obj, "settings", setting_json(r));
	return obj;
}

static json_t *trace_json(const struct replay_report *r)
{
	const struct trace *trace = r->plan->trace;
	const struct replay_counts *c = &r->plan->counts;
	json_t *obj = json_object();

	json_object_set_new(obj, "format", json_string(trace_format_name(trace->format)));
	json_object_set_new(obj, "events", count(trace->nr_events));
	json_object_set_new(obj, "duration_ns", count(r->quality->duration_ns));
	json_object_set_new(obj, "quality", json_sprintf("%c", r->quality->grade));
	json_object_set_new(obj, "lost", count(trace->lost_events + trace->overrun_events));
	json_object_set_new(obj, "operations", count(r->plan->nr_ops));
	json_object_set_new(obj, "bulk_takes", count(c->bulk_takes));
	json_object_set_new(obj, "hidden_puts", count(c->hidden_puts));
	json_object_set_new(obj, "direct_frees", count(c->direct_puts));
	json_object_set_new(obj, "standins", count(c->standins));
	json_object_set_new(obj, "drift", count(c->drift));
	json_object_set_new(obj, "drift_checks", count(c->drift_checks));
	json_object_set_new(obj, "refilled", count(c->refilled));
	json_object_set_new(obj, "drained", count(c->drained));
	json_object_set_new(obj, "irq_allocations", count(c->irq_takes));
	return obj;
}

static json_t *exact_json(const struct replay_outcome *out)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "operations", count(out->ops));
	json_object_set_new(obj, "failed", count(out->failed));
	json_object_set_new(obj, "fallbacks", count(out->fallbacks));
	json_object_set_new(obj, "refills", count(out->refills));
	json_object_set_new(obj, "refilled", count(out->refilled));
	json_object_set_new(obj, "drains", count(out->drains));
	json_object_set_new(obj, "drained", count(out->drained));
	json_object_set_new(obj, "worker_drained", count(out->worker_drained));
	json_object_set_new(obj, "zone_lock_acquisitions", count(out->zone_locks));
	json_object_set_new(obj, "irq_allocations", count(out->irq_takes));
	json_object_set_new(obj, "transfer_max", count(out->transfer_max));
	json_object_set_new(obj, "stranded_max", count(out->stranded_max));
	json_object_set_new(obj, "stranded_mean", json_real(out->stranded_mean));
	return obj;
}

static json_t *row_json(const struct score_row *row)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "kernel_events", count(row->kernel_nr));
	json_object_set_new(obj, "events", count(row->nr));
	json_object_set_new(obj, "kernel_pages", count(row->kernel_pages));
	json_object_set_new(obj, "pages", count(row->pages));
	json_object_set_new(obj, "exact", json_real(score_f1(row, SCORE_EXACT)));
	json_object_set_new(obj, "near", json_real(score_f1(row, SCORE_NEAR)));
	json_object_set_new(obj, "size", json_real(score_f1(row, SCORE_SIZE)));
	return obj;
}

static json_t *fidelity_json(const struct replay_score *s)
{
	json_t *obj = json_object(), *list = json_array();

	json_object_set_new(obj, "score", s->all.kernel_nr ?
			    json_real(score_f1(&s->all, SCORE_NEAR)) : json_null());
	json_object_set_new(obj, "matrix_identical", json_boolean(s->same_matrix));
	json_object_set_new(obj, "refills", row_json(&s->refills));
	json_object_set_new(obj, "drains", row_json(&s->drains));
	json_object_set_new(obj, "all", row_json(&s->all));
	for (unsigned int i = 0; i < s->nr_cpus * 2; i++) {
		json_t *row = row_json(&s->rows[i]);

		json_object_set_new(row, "cpu", count(i / 2));
		json_object_set_new(row, "kind", json_string(i % 2 ? "drains" : "refills"));
		json_array_append_new(list, row);
	}
	json_object_set_new(obj, "rows", list);
	return obj;
}

json_t *replay_report_json(const struct replay_report *r)
{
	json_t *doc = json_object(), *replay = json_object(), *sampled = json_object();

	json_object_set_new(sampled, "load_ns", count(r->load_ns));
	json_object_set_new(sampled, "plan_ns", count(r->plan_ns));
	json_object_set_new(sampled, "replay_ns_min", count(r->ns_min));
	json_object_set_new(sampled, "replay_ns_max", count(r->ns_max));
	json_object_set_new(sampled, "repeats", count(r->repeats));
	json_object_set_new(sampled, "waits", count(r->out->waits));
	json_object_set_new(replay, "schema", json_string(REPLAY_SCHEMA));
	json_object_set_new(replay, "trace", trace_json(r));
	json_object_set_new(replay, "exact", exact_json(r->out));
	json_object_set_new(replay, "recorded_setting", r->base ? exact_json(r->base) :
			    json_null());
	json_object_set_new(replay, "fidelity", r->score ? fidelity_json(r->score) : json_null());
	json_object_set_new(replay, "sampled", sampled);
	json_object_set_new(doc, "schema", json_string(RESULT_SCHEMA));
	json_object_set_new(doc, "header", header_json(r));
	json_object_set_new(doc, "locks", lock_report_json(&r->out->locks));
	json_object_set_new(doc, "replay", replay);
	return doc;
}
