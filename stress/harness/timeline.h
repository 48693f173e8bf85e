/* SPDX-License-Identifier: MIT */
/*
 * The run sliced in time: operations, locks, free pages and page lists at the end of each slice.
 * For the interval view of reports and for the charts of the HTML page.
 */
#ifndef STRESS_HARNESS_TIMELINE_H
#define STRESS_HARNESS_TIMELINE_H

#include <jansson.h>

#include "stress/harness/harness.h"

struct timeline;

/*
 * Makes a timeline of about @run->opt->slices slices from now on; NULL when none are wanted or
 * memory is short, which the other functions accept.  Host thread, machine up, CPUs idle.
 */
struct timeline *timeline_start(const struct stress_run *run);

/* Takes a sample when one is due.  Host thread; CPUs may run: every word is read relaxed. */
void timeline_look(struct timeline *t, const struct stress_run *run);

/* Nanoseconds until the next sample; a second without a timeline. */
long timeline_due(const struct timeline *t);

/* The last sample, whatever the time. */
void timeline_end(struct timeline *t, const struct stress_run *run);

/* The member "timeline" of a result; new reference, NULL without a timeline. */
json_t *timeline_json(const struct timeline *t);
void timeline_free(struct timeline *t);

/*
 * Where memory is at this moment, coarsely: the member "memory_map" of a result.  Host thread,
 * machine quiescent.  New reference.
 */
json_t *memory_map_json(void);

#endif /* STRESS_HARNESS_TIMELINE_H */
