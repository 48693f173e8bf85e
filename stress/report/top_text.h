/* SPDX-License-Identifier: MIT */
/* The frames of `kmemlab top`: what happened between two moments of a running program. */
#ifndef STRESS_REPORT_TOP_TEXT_H
#define STRESS_REPORT_TOP_TEXT_H

#include <jansson.h>
#include <stdio.h>

enum top_sort { TOP_BY_WAIT, TOP_BY_CONTENDED, TOP_BY_ACQUIRED, NR_TOP_SORTS };

/* "wait", "contended", "acquired"; NULL behind the last. */
const char *top_sort_name(unsigned int sort);

struct top_view {
	enum top_sort sort;
	unsigned int locks;		/* rows of that table at most */
	unsigned int cpus;		/* rows of that table at most */
};

/*
 * Writes the frame from snapshot @was to snapshot @now (schema kmemlab-live/1, any thread's
 * parsing).  @was NULL: since the start of the run.  Members that are missing print as 0: the
 * snapshot may come from another version.  Lines end with a line feed and have at most 100
 * columns.
 */
void top_print(const json_t *was, const json_t *now, const struct top_view *view, FILE *out);

#endif /* STRESS_REPORT_TOP_TEXT_H */
