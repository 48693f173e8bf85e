/* SPDX-License-Identifier: MIT */
/* Reading, checking and heading result files. */
#include <errno.h>
#include <string.h>

#include "stress/report/result_file.h"

static const char remedy[] = "write it again with `kmemlab stress NAME --json FILE`";

static int check(struct result_file *f, const char *path, struct report_error *err)
{
	const char *schema = json_string_value(json_object_get(f->json, "schema"));
	const json_t *locks = json_object_get(f->json, "locks");
	struct report_error why;

	if (!schema) {
		snprintf(err->text, sizeof(err->text),
			 "%.200s:1:1: no member \"schema\": not a kmemlab result; %s", path,
			 remedy);
		return -EINVAL;
	}
	if (strcmp(schema, RESULT_SCHEMA) != 0) {
		snprintf(err->text, sizeof(err->text),
			 "%.200s:1:1: schema \"%.60s\" is not " RESULT_SCHEMA "; %s", path, schema,
			 remedy);
		return -EINVAL;
	}
	f->header = json_object_get(f->json, "header");
	if (!json_is_object(f->header) || !json_is_object(locks)) {
		snprintf(err->text, sizeof(err->text),
			 "%.200s:1:1: the object \"%s\" is missing; %s", path,
			 json_is_object(locks) ? "header" : "locks", remedy);
		return -EINVAL;
	}
	if (lock_report_parse(&f->locks, locks, &why)) {
		snprintf(err->text, sizeof(err->text), "%.150s:1:1: %.200s; %s", path, why.text,
			 remedy);
		return -EINVAL;
	}
	return 0;
}

json_t *result_json_read(const char *path, int *rc, struct report_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	FILE *in = standard ? stdin : fopen(path, "r");
	json_error_t at;
	json_t *json;

	if (!in) {
		*rc = -errno;
		snprintf(err->text, sizeof(err->text), "%.300s: %s; name a result file", name,
			 strerror(errno));
		return NULL;
	}
	json = json_loadf(in, JSON_REJECT_DUPLICATES, &at);
	*rc = ferror(in) ? -EIO : -EINVAL;	/* a folder opens and does not read */
	if (!standard)
		fclose(in);
	if (json) {
		*rc = 0;
	} else if (*rc == -EIO) {
		snprintf(err->text, sizeof(err->text),
			 "%.300s: cannot be read; name a result file", name);
	} else {
		snprintf(err->text, sizeof(err->text), "%.200s:%d:%d: %.120s; %s", name,
			 max(at.line, 1), max(at.column, 1), at.text, remedy);
	}
	return json;
}

int result_file_take(struct result_file *f, json_t *json, const char *name,
		     struct report_error *err)
{
	int rc;

	*f = (struct result_file){ .json = json };
	rc = check(f, name, err);
	if (rc)
		result_file_free(f);
	return rc;
}

int result_file_load(struct result_file *f, const char *path, struct report_error *err)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	json_t *json;
	int rc;

	*f = (struct result_file){ 0 };
	json = result_json_read(path, &rc, err);
	return json ? result_file_take(f, json, name, err) : rc;
}

void result_file_free(struct result_file *f)
{
	lock_report_free(&f->locks);
	json_decref(f->json);
	f->json = NULL;
	f->header = NULL;
}

int result_json_write(const json_t *json, FILE *out)
{
	/* The report's real numbers need 17 digits to come back as they were. */
	if (json_dumpf(json, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) < 0 ||
	    fputc('\n', out) == EOF || fflush(out) == EOF)
		return -EIO;
	return 0;
}

/* ---- heading ---- */

/* Prints @before and the member as text when it is there; foreign control characters become '?'. */
static bool put_member(const json_t *header, const char *member, const char *before, FILE *out)
{
	const json_t *v = json_object_get(header, member);

	if (json_is_integer(v)) {
		fprintf(out, "%s%lld", before, (long long)json_integer_value(v));
	} else if (json_is_string(v)) {
		fputs(before, out);
		for (const char *s = json_string_value(v); *s; s++)
			fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
	} else {
		return false;
	}
	return true;
}

void result_header_print(const json_t *header, FILE *out)
{
	json_int_t nr = json_integer_value(json_object_get(header, "cpus"));
	json_int_t cores = json_integer_value(json_object_get(header, "host_cores"));
	const char *build = json_string_value(json_object_get(header, "build"));

	put_member(header, "version", "kmemlab ", out);
	put_member(header, "build", ", build ", out);
	put_member(header, "workload", ", ", out);
	put_member(header, "seed", ", seed ", out);
	fputc('\n', out);
	if (nr) {
		fprintf(out, "machine   %lld CPUs", (long long)nr);
		put_member(header, "nodes", ", nodes ", out);
		put_member(header, "host_cores", " on host cores ", out);
		if (cores)
			fprintf(out, " (%s)", nr > cores ? "oversubscribed" :
				"not oversubscribed");
		put_member(header, "spinlock", ", spinlock ", out);
		put_member(header, "options", ", ", out);
		fputc('\n', out);
	}
	if (build && strcmp(build, "release") != 0)
		fprintf(out, "note      times are those of the %s build, not of a release build\n",
			build);
}
