/* SPDX-License-Identifier: MIT */
/*
 * tune_json.c - a tuning as JSON, schema kmemlab-tune/1, and as one HTML page.
 *
 * The page is assembled into this object from its own file; the document stands in the place of
 * @DATA@ (Layers.cmake knows the dependency).
 */
#include <errno.h>
#include <string.h>

#include "stress/tune/tune_report.h"

__asm__(".pushsection .rodata\n"
	"tune_page:\n"
	".incbin \"stress/tune/tune_page.html\"\n"
	".byte 0\n"
	".popsection");
extern const char tune_page[] __attribute__((visibility("hidden")));

static const char mark[] = "@DATA@";

static json_t *count(u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *row_index(const struct tune_result *r, u32 row)
{
	return row < r->nr_rows ? count(row) : json_null();
}

static json_t *input_json(const struct tune_source *src)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "name", json_string(src->name));
	json_object_set_new(obj, "what", json_string(src->what));
	json_object_set_new(obj, "operations", src->ops ? count(src->ops) : json_null());
	json_object_set_new(obj, "digest", json_sprintf("%016llx",
							(unsigned long long)src->digest));
	return obj;
}

static json_t *window_json(const struct tune_window *w)
{
	return json_pack("{s:i,s:f,s:f}", "input", w->input, "from", (double)w->from / TUNE_PARTS,
			 "to", (double)w->to / TUNE_PARTS);
}

static json_t *header_json(const struct tune_result *r)
{
	const struct tune_source *src = &r->sources[0];
	json_t *obj = json_object(), *inputs = json_array(), *objectives = json_array();

	json_object_set_new(obj, "version", json_string(KMEMLAB_VERSION));
	json_object_set_new(obj, "build", json_string(KMEMLAB_BUILD));
	json_object_set_new(obj, "workload", json_sprintf("tune %s", src->name));
	json_object_set_new(obj, "seed", count(src->seed));
	json_object_set_new(obj, "cpus", src->nr_cpus ? count(src->nr_cpus) : json_null());
	for (u32 i = 0; i < r->nr_sources; i++)
		json_array_append_new(inputs, input_json(&r->sources[i]));
	json_object_set_new(obj, "inputs", inputs);
	json_object_set_new(obj, "train", window_json(&r->train));
	json_object_set_new(obj, "held_out", window_json(&r->held));
	for (unsigned int i = 0; i < NR_TUNE_OBJECTIVES; i++) {
		bool hold = i == TUNE_HOLD;
		const char *unit = hold ? src->hold_unit : i == TUNE_ACQ ? "per 1000 operations" :
				   i == TUNE_FAILED ? "allocations" : "bytes";

		json_array_append_new(objectives, json_pack(
			"{s:s,s:s,s:b}", "name", tune_objective_key((enum tune_objective)i),
			"unit", unit, "exact", hold ? src->exact_hold : src->exact));
	}
	json_object_set_new(obj, "objectives", objectives);
	return obj;
}

static json_t *grid_json(const struct tune_result *r)
{
	json_t *obj = json_object(), *axes = json_object(), *rungs = json_array();

	for (unsigned int f = 0; f < NR_TUNE_FIELDS; f++) {
		const struct tune_axis *axis = &r->space->grid.axis[f];
		json_t *values = json_array();

		for (u32 i = 0; i < axis->nr; i++)
			json_array_append_new(values, count(axis->v[i]));
		if (axis->nr)
			json_object_set_new(axes, tune_field_name((enum tune_field)f), values);
		else
			json_decref(values);
	}
	for (u32 i = 0; i < r->rungs; i++)
		json_array_append_new(rungs, json_pack("{s:f,s:i}", "length",
						       1.0 / (1u << (r->rungs - 1 - i)), "settings",
						       (int)r->rung_points[i]));
	json_object_set_new(obj, "axes", axes);
	json_object_set_new(obj, "settings", count(r->nr_rows));
	json_object_set_new(obj, "measured", count(r->nr_measured));
	json_object_set_new(obj, "front", count(r->nr_front));
	json_object_set_new(obj, "rungs", rungs);
	return obj;
}

static json_t *metrics_json(const struct tune_result *r, const struct tune_metrics *m)
{
	json_t *obj = json_object();

	for (unsigned int i = 0; i < NR_TUNE_OBJECTIVES; i++)
		json_object_set_new(obj, tune_objective_key((enum tune_objective)i),
				    json_real(m->v[i]));
	json_object_set_new(obj, "operations", count(m->ops));
	json_object_set_new(obj, "acquisitions", count(m->acq));
	json_object_set_new(obj, "zone_lock", count(m->zone));
	if (r->space->kind == TUNE_SLAB) {
		json_object_set_new(obj, "depot_lock", count(m->depot));
		json_object_set_new(obj, "list_lock", count(m->list));
		json_object_set_new(obj, "slab_pages_max", count(m->slab_pages));
	}
	return obj;
}

static json_t *row_json(const struct tune_result *r, u32 row)
{
	const struct tune_point *p = &r->space->points[row];
	json_t *obj = json_object(), *sizes = json_object();

	json_object_set_new(obj, "row", count(row));
	json_object_set_new(obj, "setting", json_string(p->key));
	json_object_set_new(obj, "policy", json_string(p->setting.policy));
	for (unsigned int f = 0; f < NR_TUNE_FIELDS; f++)
		if (p->setting.v[f] != TUNE_UNSET)
			json_object_set_new(sizes, tune_field_name((enum tune_field)f),
					    count(p->setting.v[f]));
	json_object_set_new(obj, "sizes", sizes);
	if (p->baseline)
		json_object_set_new(obj, "baseline", json_string(p->baseline));
	json_object_set_new(obj, "linux", json_boolean(p->settable));
	json_object_set_new(obj, "front", json_boolean(r->rows[row].front));
	json_object_set_new(obj, r->sources[0].exact ? "exact" : "sampled",
			    metrics_json(r, &r->rows[row].m));
	if (r->acq_interval && r->acq_interval[row].known)
		json_object_set_new(obj, "acquisitions_per_1k_ci95",
				    json_pack("[f,f]", r->acq_interval[row].low,
					      r->acq_interval[row].high));
	if (r->held_rows[row].measured) {
		json_object_set_new(obj, "held_out", metrics_json(r, &r->held_rows[row].m));
		json_object_set_new(obj, "held_out_front",
				    json_boolean(r->held_rows[row].front));
	}
	return obj;
}

static json_t *goals_json(const struct tune_result *r)
{
	json_t *obj = json_object();

	for (unsigned int g = 0; g < NR_TUNE_GOALS; g++) {
		const struct tune_choice *c = &r->choice[g];
		json_t *goal = json_object();

		json_object_set_new(goal, "asks_for",
				    json_string(tune_goal_text((enum tune_goal)g)));
		json_object_set_new(goal, "row", row_index(r, c->row));
		json_object_set_new(goal, "linux_rebuilt", row_index(r, c->linux_row));
		json_object_set_new(goal, "linux_running", row_index(r, c->linux_now));
		json_object_set_new(obj, tune_goal_name((enum tune_goal)g), goal);
	}
	return obj;
}

static json_t *steps_json(const struct tune_result *r)
{
	json_t *list = json_array();

	for (u32 i = 0; i < r->nr_steps; i++) {
		const struct tune_step *s = &r->steps[i];

		json_array_append_new(list, json_pack("{s:s,s:i,s:o}", "size",
						      tune_field_name(s->field), "step", s->step,
						      "row", row_index(r, s->row)));
	}
	return list;
}

static json_t *advice_json(const struct tune_result *r)
{
	json_t *list = json_array();
	struct tune_advice a;

	tune_advice_make(&a, r);
	for (u32 i = 0; i < a.nr; i++)
		json_array_append_new(list, json_string(a.lines[i]));
	tune_advice_free(&a);
	return list;
}

json_t *tune_json(const struct tune_result *r)
{
	json_t *doc = json_object(), *rows = json_array();

	json_object_set_new(doc, "schema", json_string(TUNE_SCHEMA));
	json_object_set_new(doc, "header", header_json(r));
	json_object_set_new(doc, "grid", grid_json(r));
	json_object_set_new(doc, "reference", count(r->space->reference));
	json_object_set_new(doc, "goal", json_string(tune_goal_name(r->opt->goal)));
	json_object_set_new(doc, "max_stranded_bytes", r->opt->max_stranded > 0 ?
			    json_real(r->opt->max_stranded) : json_null());
	json_object_set_new(doc, "goals", goals_json(r));
	json_object_set_new(doc, "knee", row_index(r, r->knee));
	json_object_set_new(doc, "half_at_twice",
			    json_pack("{s:i,s:o,s:o}", "settings", (int)r->claim.nr, "best",
				      row_index(r, r->claim.best), "nearest",
				      row_index(r, r->claim.nearest)));
	json_object_set_new(doc, "held_out_best", row_index(r, r->held_best));
	json_object_set_new(doc, "sensitivity", steps_json(r));
	json_object_set_new(doc, "linux", advice_json(r));
	for (u32 i = 0; i < r->nr_rows; i++)
		if (r->rows[i].measured)
			json_array_append_new(rows, row_json(r, i));
	json_object_set_new(doc, "rows", rows);
	return doc;
}

int tune_html(const struct tune_result *r, FILE *out)
{
	json_t *doc = tune_json(r);
	char *text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(17));
	const char *at = strstr(tune_page, mark);

	json_decref(doc);
	if (!text)
		return -ENOMEM;
	/* The comment at its top names the mark too: the data goes to the last one. */
	for (const char *next = at; next; next = strstr(next + 1, mark))
		at = next;
	fwrite(tune_page, 1, (size_t)(at - tune_page), out);
	for (const char *c = text; *c; c++)
		/* '<' only occurs inside strings: "</script>" must not. */
		if (*c == '<')
			fputs("\\u003c", out);
		else
			fputc(*c, out);
	fputs(at + strlen(mark), out);
	free(text);
	return fflush(out) == EOF || ferror(out) ? -EIO : 0;
}
