/* SPDX-License-Identifier: MIT */
/* A progress bar on stderr: only on a terminal, only for what takes longer than a second. */
#ifndef STRESS_HARNESS_PROGRESS_H
#define STRESS_HARNESS_PROGRESS_H

#include <stdio.h>

#include "runtime/lib/types.h"

struct progress {
	FILE *out;		/* NULL: draws nothing */
	bool drawn;
};

/* @wanted: the user did not ask for quiet.  Host thread. */
void progress_init(struct progress *p, FILE *out, bool wanted);

/* Draws @fraction (0..1) and @text once more than a second has passed (@elapsed, seconds). */
void progress_update(struct progress *p, double elapsed, double fraction, const char *text);

/* Removes the bar. */
void progress_end(struct progress *p);

#endif /* STRESS_HARNESS_PROGRESS_H */
