/* SPDX-License-Identifier: MIT */
/* tune_report.h - what a tuning found, as text, plot, JSON and HTML, and what to set on Linux. */
#ifndef STRESS_TUNE_TUNE_REPORT_H
#define STRESS_TUNE_TUNE_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "stress/report/text.h"
#include "stress/tune/tune_run.h"

#define TUNE_SCHEMA	"kmemlab-tune/1"

/* The whole report. */
void tune_print(const struct tune_result *r, FILE *out);
/* The report of a shard: what was measured and how to merge it. */
void tune_print_shard(const struct tune_result *r, const char *state, FILE *out);

/* Acquisitions over mean stranded memory, both logarithmic, with the letters explained below. */
void tune_plot(const struct tune_result *r, FILE *out);

/* A document of schema TUNE_SCHEMA; new reference. */
json_t *tune_json(const struct tune_result *r);

/* One HTML page that needs no network.  0 or -errno. */
__must_check int tune_html(const struct tune_result *r, FILE *out);

/* Sentences for an administrator: what can be set, what it brings, what cannot be set. */
struct tune_advice {
	char **lines;
	u32 nr;
};

void tune_advice_make(struct tune_advice *a, const struct tune_result *r);
void tune_advice_free(struct tune_advice *a);

/* "5.2 MiB", "480 KiB", "0 B". */
struct text tune_bytes(double bytes);
/* @value against @reference as "-78.3 %", "+12.0 %"; "-" when there is nothing to compare with. */
struct text tune_change(double value, double reference);
/* The same as "x1.25". */
struct text tune_factor(double value, double reference);

#endif /* STRESS_TUNE_TUNE_REPORT_H */
