/* SPDX-License-Identifier: MIT */
/* Reading sets of runs. */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stress/compare/run_set.h"
#include "stress/report/array.h"

int run_set_add_json(struct run_set *set, json_t *json, const char *name,
		     struct report_error *err)
{
	struct result_file file;
	struct run *run;
	int rc = result_file_take(&file, json, name, err);

	if (rc)
		return rc;
	run = array_add(set->runs, set->nr);
	run->file = file;
	run->name = string_copy(name);
	return 0;
}

static int add_list(struct run_set *set, const json_t *runs, const char *path,
		    struct report_error *err)
{
	char name[330];

	if (!json_array_size(runs)) {
		snprintf(err->text, sizeof(err->text), "%.200s:1:1: no runs in the array \"runs\"; "
			 "write the file with `kmemlab bench --out`", path);
		return -EINVAL;
	}
	for (size_t i = 0; i < json_array_size(runs); i++) {
		json_t *one = json_incref(json_array_get(runs, i));
		int rc;

		snprintf(name, sizeof(name), "%.300s[%zu]", path, i);
		rc = run_set_add_json(set, one, name, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_file(struct run_set *set, const char *path, struct report_error *err)
{
	const char *schema;
	json_t *json;
	int rc;

	json = result_json_read(path, &rc, err);
	if (!json)
		return rc;
	schema = json_string_value(json_object_get(json, "schema"));
	if (!schema || strcmp(schema, RESULTS_SCHEMA) != 0)
		return run_set_add_json(set, json, path, err);
	rc = add_list(set, json_object_get(json, "runs"), path, err);
	json_decref(json);
	return rc;
}

int run_set_add(struct run_set *set, const char *file, struct report_error *err)
{
	glob_t found;
	int rc = 0;

	/* A file that is there is that file, whatever characters its name has. */
	if (strcmp(file, "-") == 0 || access(file, F_OK) == 0)
		return add_file(set, file, err);
	if (glob(file, 0, NULL, &found)) {
		snprintf(err->text, sizeof(err->text), "%.300s: No such file or directory; name a "
			 "result file or a quoted pattern", file);
		return -ENOENT;
	}
	for (size_t i = 0; i < found.gl_pathc && !rc; i++)
		rc = add_file(set, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

int run_set_load(struct run_set *set, const char *arg, const char *label,
		 struct report_error *err)
{
	const char *equals = strchr(arg, '=');
	char *list, *rest, *file;
	int rc = 0;

	*set = (struct run_set){ 0 };
	if (equals && access(arg, F_OK) != 0) {
		set->label = strndup(arg, (size_t)(equals - arg));
		arg = equals + 1;
	}
	if (!set->label || !*set->label) {
		free(set->label);
		set->label = string_copy(label);
	}
	rest = list = string_copy(arg);
	while (!rc && (file = strsep(&rest, ",")) != NULL)
		rc = run_set_add(set, file, err);
	free(list);
	if (rc)
		run_set_free(set);
	return rc;
}

void run_set_free(struct run_set *set)
{
	for (u32 i = 0; i < set->nr; i++) {
		result_file_free(&set->runs[i].file);
		free(set->runs[i].name);
	}
	free(set->runs);
	free(set->label);
	*set = (struct run_set){ 0 };
}

json_t *run_set_json(const struct run_set *set)
{
	json_t *runs = json_array();

	for (u32 i = 0; i < set->nr; i++)
		json_array_append(runs, set->runs[i].file.json);
	return json_pack("{s:s,s:s,s:o}", "schema", RESULTS_SCHEMA, "label", set->label, "runs",
			 runs);
}

u64 run_ops(const struct run *run)
{
	const json_t *ops = json_object_get(run->file.json, "ops");

	return (u64)max(json_integer_value(json_object_get(ops, "total")), (json_int_t)0);
}

struct run_seed run_seed(const struct run *run)
{
	const json_t *seed = json_object_get(run->file.header, "seed");
	struct run_seed text = { "?" };

	if (json_is_integer(seed))
		snprintf(text.s, sizeof(text.s), "%lld", (long long)json_integer_value(seed));
	else if (json_is_string(seed))
		snprintf(text.s, sizeof(text.s), "%s", json_string_value(seed));
	return text;
}

bool run_is_repeatable(const struct run *run)
{
	const json_t *header = run->file.header;
	const json_t *ops = json_object_get(json_object_get(header, "settings"), "ops");

	return json_integer_value(ops) > 0 &&
	       json_integer_value(json_object_get(header, "cpus")) == 1;
}
