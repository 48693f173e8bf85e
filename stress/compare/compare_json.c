/* SPDX-License-Identifier: MIT */
/* A comparison as JSON, schema COMPARE_SCHEMA; docs/compare.md lists the members. */
#include <math.h>

#include "stress/compare/compare.h"

/* JSON has no NaN. */
static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *interval_json(const struct interval *ci)
{
	return ci->known ? json_pack("[o,o]", real(ci->low), real(ci->high)) : json_null();
}

static json_t *row_json(const struct compare_row *row)
{
	static const char *const changes[] = { "none", "better", "worse", "changed" };
	json_t *obj = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s}", "metric", row->m->name,
				"unit", row->m->unit, "kind", row->exact ? "exact" : "sampled",
				"change", changes[row->change], "a", real(row->a), "b",
				real(row->b), "relative", real(compare_effect(row)), "lock",
				row->m->lock ? row->m->lock : "");

	if (row->why)
		json_object_set_new(obj, "why", json_string(row->why));
	if (row->exact)
		return obj;
	json_object_set_new(obj, "a_interval", interval_json(&row->ci_a));
	json_object_set_new(obj, "b_interval", interval_json(&row->ci_b));
	json_object_set_new(obj, "shift", real(row->shift.value));
	json_object_set_new(obj, "shift_interval", interval_json(&row->shift.interval));
	json_object_set_new(obj, "tested", json_boolean(row->untested == TESTED));
	if (row->untested == TESTED) {
		json_object_set_new(obj, "p", real(row->p));
		json_object_set_new(obj, "p_holm", real(row->p_holm));
	}
	return obj;
}

static json_t *set_json(const struct run_set *set)
{
	json_t *runs = json_array();

	for (u32 i = 0; i < set->nr; i++)
		json_array_append_new(runs, json_string(set->runs[i].name));
	return json_pack("{s:s,s:o}", "label", set->label, "runs", runs);
}

static json_t *remarks_json(const struct comparison *c)
{
	static const char *const kinds[] = { "same", "difference", "note", "obstacle" };
	json_t *list = json_array();

	for (u32 i = 0; i < c->remarks.nr; i++)
		json_array_append_new(list, json_pack("{s:s,s:s}", "kind",
						      kinds[c->remarks.list[i].kind], "text",
						      c->remarks.list[i].text));
	return list;
}

static json_t *names_json(char *const *names, u32 nr)
{
	json_t *list = json_array();

	for (u32 i = 0; i < nr; i++)
		json_array_append_new(list, json_string(names[i]));
	return list;
}

json_t *compare_json(const struct comparison *c)
{
	const char *outcome = c->remarks.nr_obstacles ? "not comparable" : c->worse ? "worse" :
			      c->better ? "better" : "same";
	json_t *rows = json_array();

	for (u32 i = 0; i < c->nr_rows; i++)
		json_array_append_new(rows, row_json(&c->rows[i]));
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:{s:f,s:f,s:f,s:f},s:i,s:o,s:o,s:o}",
			 "schema", COMPARE_SCHEMA, "outcome", outcome, "verdict",
			 c->verdict ? c->verdict : "", "a", set_json(c->a), "b", set_json(c->b),
			 "remarks", remarks_json(c), "options", "level", c->opt.level,
			 "confidence", c->opt.confidence, "min_effect", c->opt.min_effect,
			 "min_share", c->opt.min_share, "tests", (int)c->nr_tested, "new_locks",
			 names_json(c->new_locks, c->nr_new), "vanished_locks",
			 names_json(c->gone_locks, c->nr_gone), "metrics", rows);
}
