/* SPDX-License-Identifier: MIT */
/*
 * Campaigns as JSON: one object per shard, which merge into one object of the same form.
 *
 * Invariants.
 *   I1  "load" says everything that decides which schedule a seed stands for; only results with
 *       equal loads merge.
 *   I2  "digest" is the sum, modulo 2^64, of a mix of seed and hash over all schedules that ended
 *       well, so the digest of a whole is the sum of its shards', and two runs of the same seeds
 *       have the same.  It is a string: not every reader keeps 64-bit integers.
 */
#include "stress/explore/result.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/report/array.h"

static const char *const sum_names[] = {
	"schedules", "failed", "steps", "switches", "irqs_injected", "stores_delayed", "faults",
};

static json_t *hex(u64 x)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, x);
	return json_string(text);
}

static u64 unhex(const json_t *json)
{
	const char *text = json_string_value(json);

	return text ? strtoull(text, NULL, 16) : 0;
}

static json_t *integer(u64 x)
{
	return json_integer((json_int_t)x);
}

/* ---- writing ---- */

static json_t *ops_json(const struct explore_config *c)
{
	json_t *ops = json_array();

	for (unsigned int i = 0; i < c->cpus; i++)
		json_array_append_new(ops, integer(c->ops[i]));
	return ops;
}

static json_t *config_json(const struct explore_config *c)
{
	char inject[INJECT_TEXT_MAX];

	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:b,s:s}", "scenario", c->scenario->name,
			 "cpus", integer(c->cpus), "ops", ops_json(c),
			 "irq_one_in", integer(c->irq_one_in),
			 "check_every", integer(c->check_every), "store_buffer", c->store_buffer,
			 "inject", inject_text(&c->inject, inject, sizeof(inject)));
}

static json_t *switches_json(const struct explore_failure *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->nr_switches; i++) {
		const struct sim_switch *s = &f->switches[i];

		json_array_append_new(list, json_pack("[ooooo]", integer(s->step), integer(s->from),
						      integer(s->from_step), integer(s->cpu),
						      integer(s->kind)));
	}
	return list;
}

static json_t *failure_json(const struct explore_failure *f)
{
	char policy[48], *repro = explore_failure_repro(f);
	json_t *json = json_pack("{s:s,s:s,s:o,s:o,s:s,s:o,s:o,s:o,s:b}", "title", f->title,
		"key", f->key, "count", integer(f->count),
		"seed", integer(f->schedule.seed), "policy",
		explore_schedule_policy_text(&f->schedule, policy, sizeof(policy)),
		"steps", integer(f->steps), "hash", hex(f->hash),
		"config", config_json(&f->config), "shrunk", f->shrunk);

	if (!json)		/* a text that is no UTF-8 */
		panic("a failure cannot be written as JSON");
	if (repro)
		json_object_set_new(json, "repro", json_string(repro));
	json_object_set_new(json, "text", json_string(f->text));
	json_object_set_new(json, "switches", switches_json(f));
	free(repro);
	return json;
}

json_t *explore_result_json(const struct explore_result *r)
{
	const struct explore_options *opt = &r->opt;
	json_t *json, *failures = json_array(), *sums = json_object(), *shards = json_array();
	const u64 values[] = { r->sums.schedules + r->nr_failed, r->nr_failed, r->sums.steps,
			       r->sums.switches, r->sums.irqs, r->sums.stores_delayed,
			       r->sums.faults };
	char policy[48];

	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++)
		json_object_set_new(sums, sum_names[i], integer(values[i]));
	json_object_set_new(sums, "cpu_seconds", json_real(r->elapsed));
	json_object_set_new(sums, "digest", hex(r->sums.digest));
	for (u32 i = 0; i < r->nr_failures; i++)
		json_array_append_new(failures, failure_json(&r->failures[i]));
	json_array_append_new(shards, json_pack("{s:o,s:o,s:o,s:o,s:o,s:b}",
		"first", integer(opt->first), "last", integer(opt->last),
		"shard", integer(opt->shard), "of", integer(opt->nr_shards),
		"schedules", integer(values[0]), "complete", r->complete));
	json = json_pack("{s:s,s:{s:s,s:s},s:{s:s,s:o},s:o,s:o,s:o}", "schema", EXPLORE_SCHEMA,
			 "header", "version", KMEMLAB_VERSION, "build", KMEMLAB_BUILD,
			 "load", "policy",
			 explore_policy_text(&opt->policy, policy, sizeof(policy)),
			 "config", config_json(&opt->config),
			 "sums", sums, "shards", shards, "failures", failures);
	if (!json)
		panic("out of memory for a result");
	return json;
}

/* ---- reading ---- */

json_t *explore_json_load(const char *path, struct report_error *err)
{
	json_error_t where;
	json_t *json = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &where) :
		json_load_file(path, 0, &where);
	const char *schema;

	if (!json) {
		snprintf(err->text, sizeof(err->text), "%.200s:%d:%d: %.200s; give a file that "
			 "`kmemlab explore --out` wrote", path, max(where.line, 1),
			 max(where.column, 1), where.text);
		return NULL;
	}
	schema = json_string_value(json_object_get(json, "schema"));
	if (schema && strcmp(schema, EXPLORE_SCHEMA) == 0 &&
	    json_is_object(json_object_get(json, "load")) &&
	    json_is_object(json_object_get(json, "sums")) &&
	    json_is_array(json_object_get(json, "shards")) &&
	    json_is_array(json_object_get(json, "failures")))
		return json;
	snprintf(err->text, sizeof(err->text), "%.200s:1:1: not a " EXPLORE_SCHEMA " result; give "
		 "a file that `kmemlab explore --out` wrote", path);
	json_decref(json);
	return NULL;
}

static u64 get(const json_t *json, const char *name)
{
	return (u64)json_integer_value(json_object_get(json, name));
}

static int read_config(const json_t *json, struct explore_config *c)
{
	const char *name = json_string_value(json_object_get(json, "scenario"));
	const char *inject = json_string_value(json_object_get(json, "inject"));
	char why[160];
	const json_t *ops = json_object_get(json, "ops");

	*c = (struct explore_config){
		.scenario = name ? scenario_find(name) : NULL,
		.cpus = (unsigned int)get(json, "cpus"),
		.irq_one_in = (unsigned int)get(json, "irq_one_in"),
		.check_every = (unsigned int)get(json, "check_every"),
		.store_buffer = json_is_true(json_object_get(json, "store_buffer")),
	};
	if (inject && *inject && inject_parse(inject, &c->inject, why, sizeof(why)))
		return -EINVAL;
	if (!c->scenario || c->cpus < 1 || c->cpus > EXPLORE_MAX_CPUS ||
	    json_array_size(ops) != c->cpus || (c->irq_one_in && !c->scenario->irq))
		return -EINVAL;
	for (unsigned int i = 0; i < c->cpus; i++)
		c->ops[i] = (unsigned int)json_integer_value(json_array_get(ops, i));
	return 0;
}

static int read_switches(const json_t *list, struct explore_failure *f)
{
	size_t n = json_array_size(list);

	f->switches = calloc(n + 1, sizeof(*f->switches));
	if (!f->switches)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		json_int_t step, from, from_step, cpu, kind;

		if (json_unpack(json_array_get(list, i), "[IIIII]", &step, &from, &from_step, &cpu,
				&kind))
			return -EINVAL;
		f->switches[i] = (struct sim_switch){
			.step = (u64)step, .from = (u16)from, .from_step = (u64)from_step,
			.cpu = (u32)cpu, .kind = (u16)kind,
		};
	}
	f->nr_switches = n;
	return 0;
}

static char *get_text(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return string_copy(text ? text : "");
}

static int read_failure(const json_t *json, struct explore_failure *f)
{
	const char *policy = json_string_value(json_object_get(json, "policy"));
	struct explore_policy p;

	*f = (struct explore_failure){
		.title = get_text(json, "title"), .key = get_text(json, "key"),
		.text = get_text(json, "text"), .steps = get(json, "steps"),
		.hash = unhex(json_object_get(json, "hash")), .count = get(json, "count"),
		.shrunk = json_is_true(json_object_get(json, "shrunk")),
	};
	if (!policy || explore_policy_parse(policy, &p) || p.portfolio ||
	    read_config(json_object_get(json, "config"), &f->config))
		return -EINVAL;
	f->schedule = (struct explore_schedule){
		.seed = get(json, "seed"), .policy = p.policy, .param = p.param,
	};
	return read_switches(json_object_get(json, "switches"), f);
}

int explore_json_failures(const json_t *json, const char *path, struct explore_failure **failures,
			  u32 *nr, struct report_error *err)
{
	const json_t *list = json_object_get(json, "failures");

	*failures = NULL;
	*nr = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct explore_failure *f = array_add(*failures, *nr);

		if (read_failure(json_array_get(list, i), f) == 0)
			continue;
		snprintf(err->text, sizeof(err->text), "%.200s:1:1: failure %zu is damaged, or of "
			 "a scenario that this build does not have; explore again", path, i + 1);
		for (u32 k = 0; k < *nr; k++)
			explore_failure_free(&(*failures)[k]);
		free(*failures);
		return -EINVAL;
	}
	return 0;
}

/* ---- merging ---- */

/* True when some seed may belong to both. */
static bool overlap(const json_t *a, const json_t *b)
{
	if (get(a, "first") > get(b, "last") || get(b, "first") > get(a, "last"))
		return false;
	if (get(a, "first") == get(b, "first") && get(a, "of") == get(b, "of"))
		return get(a, "shard") == get(b, "shard");
	return true;
}

static int merge_shards(json_t *sum, const json_t *more, const char *path, struct report_error *err)
{
	json_t *have = json_object_get(sum, "shards");
	const json_t *add = json_object_get(more, "shards");

	for (size_t i = 0; i < json_array_size(add); i++)
		for (size_t k = 0; k < json_array_size(have); k++) {
			if (!overlap(json_array_get(have, k), json_array_get(add, i)))
				continue;
			snprintf(err->text, sizeof(err->text), "%.200s: its seeds overlap with "
				 "those of an earlier file; merge the shards of one range, each "
				 "once", path);
			return -EINVAL;
		}
	json_array_extend(have, (json_t *)(uintptr_t)add);
	return 0;
}

static void merge_failure(json_t *have, json_t *f)
{
	const char *key = json_string_value(json_object_get(f, "key"));

	for (size_t i = 0; i < json_array_size(have); i++) {
		json_t *known = json_array_get(have, i);
		const char *k = json_string_value(json_object_get(known, "key"));
		u64 count = get(known, "count") + get(f, "count");

		if (!k || !key || strcmp(k, key) != 0)
			continue;
		/* The same whatever the order of the files: the smallest seed stands for all. */
		if (get(f, "seed") < get(known, "seed")) {
			json_array_set(have, i, f);
			known = f;
		}
		json_object_set_new(known, "count", integer(count));
		return;
	}
	json_array_append(have, f);
}

int explore_json_merge(json_t *sum, const json_t *more, const char *path, struct report_error *err)
{
	static const char *const same[] = { "header", "load" };
	json_t *a = json_object_get(sum, "sums");
	const json_t *b = json_object_get(more, "sums");
	const json_t *failures = json_object_get(more, "failures");

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (!json_equal(json_object_get(sum, same[i]), json_object_get(more, same[i]))) {
			snprintf(err->text, sizeof(err->text), "%.200s: its \"%s\" differs from "
				 "the first file's; merge results of one build and one load",
				 path, same[i]);
			return -EINVAL;
		}
	if (merge_shards(sum, more, path, err))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++)
		json_object_set_new(a, sum_names[i],
				    integer(get(a, sum_names[i]) + get(b, sum_names[i])));
	json_object_set_new(a, "cpu_seconds", json_real(
		json_number_value(json_object_get(a, "cpu_seconds")) +
		json_number_value(json_object_get(b, "cpu_seconds"))));
	json_object_set_new(a, "digest", hex(unhex(json_object_get(a, "digest")) +
					     unhex(json_object_get(b, "digest"))));
	for (size_t i = 0; i < json_array_size(failures); i++)
		merge_failure(json_object_get(sum, "failures"), json_array_get(failures, i));
	return 0;
}
