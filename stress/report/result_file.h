/* SPDX-License-Identifier: MIT */
/*
 * Result files: what a run leaves behind, schema "kmemlab-result/1".
 *
 * One JSON object: "schema"; "header", an object that says what ran where (docs/report.md lists
 * its members); "locks", a lock report; any further members belong to the program that wrote them.
 */
#ifndef STRESS_REPORT_RESULT_FILE_H
#define STRESS_REPORT_RESULT_FILE_H

#include "stress/report/lock_report.h"

#define RESULT_SCHEMA	"kmemlab-result/1"

struct result_file {
	json_t *json;			/* the whole file */
	const json_t *header;		/* borrowed from @json */
	struct lock_report locks;
};

/**
 * result_file_load - reads and checks a result file.
 * @f:    filled; give it back with result_file_free().
 * @path: the file; "-" is standard input.
 * @err:  on failure one line: "FILE:LINE:COLUMN: what is wrong; what to do".
 *
 * Returns 0, or -errno (-EINVAL: not a result file) with nothing to free.  Host thread.
 */
__must_check int result_file_load(struct result_file *f, const char *path,
				  struct report_error *err);
void result_file_free(struct result_file *f);

/*
 * The two halves of result_file_load(): reads any JSON (NULL with @err set, @rc the -errno), and
 * takes over @json, which @name describes in messages, as one result.
 */
json_t *result_json_read(const char *path, int *rc, struct report_error *err);
__must_check int result_file_take(struct result_file *f, json_t *json, const char *name,
				  struct report_error *err);

/* Writes @json in the canonical form (members in order of insertion, one line feed at the end). */
__must_check int result_json_write(const json_t *json, FILE *out);

/*
 * The header that every text report begins with: what ran, its seed, topology, build, version.
 * Members that the file does not have are left out.
 */
void result_header_print(const json_t *header, FILE *out);

#endif /* STRESS_REPORT_RESULT_FILE_H */
