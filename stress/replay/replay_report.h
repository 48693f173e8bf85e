/* SPDX-License-Identifier: MIT */
/* replay_report.h - the result of a replay as text for people and as JSON. */
#ifndef STRESS_REPLAY_REPLAY_REPORT_H
#define STRESS_REPLAY_REPLAY_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "stress/replay/replay_score.h"
#include "stress/replay/trace_quality.h"

#define REPLAY_SCHEMA	"kmemlab-replay/1"

/* All that a report is made of. */
struct replay_report {
	const char *name;		/* of the bundle, as given */
	const struct replay_plan *plan;
	const struct replay_options *opt;
	const struct trace_quality *quality;
	const struct replay_outcome *out;
	const struct replay_score *score;	/* NULL unless out->as_recorded */
	const struct replay_outcome *base;	/* the recorded setting, same mode; NULL: is @out */
	unsigned int repeats;
	u64 ns_min, ns_max;		/* of the repeats' replays */
	u64 load_ns, plan_ns;		/* reading the trace, and working out the plan */
};

/* The block of lines that `kmemlab replay` prints. */
void replay_report_print(const struct replay_report *r, FILE *out);

/* A result document (stress/report/result_file.h) with the member "replay".  New reference. */
json_t *replay_report_json(const struct replay_report *r);

/* What a setting is called in a report: "linux-6.18", "fixed batch 31 high 186". */
struct setting_text {
	char s[80];
};
struct setting_text replay_setting_text(const struct replay_plan *plan,
					const struct replay_setting *set);

/* "+1.6 %": @now against @before; "-" when there is nothing to compare with. */
struct setting_text replay_change_text(double now, double before);

#endif /* STRESS_REPLAY_REPLAY_REPORT_H */
