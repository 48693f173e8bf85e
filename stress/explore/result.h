/* SPDX-License-Identifier: MIT */
/*
 * The result of a campaign as JSON, schema "kmemlab-explore/1": written, merged over shards, and
 * read again for a replay.  docs/explore.md lists the members.
 */
#ifndef STRESS_EXPLORE_RESULT_H
#define STRESS_EXPLORE_RESULT_H

#include <jansson.h>

#include "stress/explore/explore.h"
#include "stress/report/result_file.h"

#define EXPLORE_SCHEMA	"kmemlab-explore/1"

/* A new reference. */
json_t *explore_result_json(const struct explore_result *result);

/* Reads and checks @path.  A new reference, or NULL with "FILE:LINE:COLUMN: ..." in @err. */
json_t *explore_json_load(const char *path, struct report_error *err);

/*
 * Adds the campaign @more (from @path) to @sum: counts and digests add up, failures with the same
 * key are one.  0; -EINVAL with a sentence in @err when the two are not of the same load (other
 * scenario, CPUs, operations, build, ...) or overlap in seeds.
 */
__must_check int explore_json_merge(json_t *sum, const json_t *more, const char *path,
				    struct report_error *err);

/* The failures of a loaded file; 0, or -EINVAL with a sentence in @err. */
__must_check int explore_json_failures(const json_t *json, const char *path,
				       struct explore_failure **failures, u32 *nr,
				       struct report_error *err);

/* The summary for people of a result, fresh or merged. */
void explore_json_print(const json_t *json, FILE *out);

#endif /* STRESS_EXPLORE_RESULT_H */
