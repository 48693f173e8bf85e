/* SPDX-License-Identifier: MIT */
/* A schedule for people: one column per CPU, one line per switch, with the place in the source. */
#ifndef STRESS_EXPLORE_SWITCHES_H
#define STRESS_EXPLORE_SWITCHES_H

#include <stdio.h>

#include "stress/explore/explore.h"

/* "function < caller (file:line)" of each of @n places; NULL when the host has no addr2line. */
char **explore_symbolize(const struct worker_site *sites, size_t n);

/* At most @max lines, the last ones; 0: all. */
void explore_print_switches(const struct explore_failure *f, size_t max, FILE *out);

#endif /* STRESS_EXPLORE_SWITCHES_H */
