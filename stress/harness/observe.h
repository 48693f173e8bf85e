/* SPDX-License-Identifier: MIT */
/* What can be seen of a machine while its CPUs run: zones, free blocks, per-CPU lists, locks. */
#ifndef STRESS_HARNESS_OBSERVE_H
#define STRESS_HARNESS_OBSERVE_H

#include <jansson.h>

#include "stress/harness/harness.h"

#define LIVE_SCHEMA	"kmemlab-live/1"

/*
 * All of these read relaxed words only, so they disturb no CPU and order nothing; each number is
 * true for some moment of the call.  Host thread, machine up.  New references.
 */

/* Per zone: size, watermarks, free blocks by order, and per CPU the pages on its lists. */
json_t *observe_zones(void);

/* A moment of the run, schema LIVE_SCHEMA: operations, locks, zones, interrupts, slab caches. */
json_t *observe_run(const struct stress_run *run, u64 elapsed_ns);

#endif /* STRESS_HARNESS_OBSERVE_H */
