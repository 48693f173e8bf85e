/* SPDX-License-Identifier: MIT */
/* Conservation: no page appears, none is lost, and memory ends as it was booted. */
#ifndef STRESS_HARNESS_CONSERVE_H
#define STRESS_HARNESS_CONSERVE_H

#include "mm/page/zone.h"
#include "stress/harness/harness.h"

/* How every zone looked with nothing allocated. */
struct conserve_base {
	struct conserve_zone {
		unsigned long free, allocated, none;	/* pages */
		unsigned long blocks[NR_PAGE_ORDERS];	/* free blocks of each order */
	} zone[MAX_NR_ZONES_TOTAL];
	long allocated;					/* pages, all zones */
};

/* Records the machine as booted; per-CPU lists must be empty.  Host thread, machine idle. */
void conserve_snapshot(struct stress_run *run, struct conserve_base *base);

/*
 * With @held pages of the workload's still allocated: free + pcp + allocated = managed in every
 * zone, and all free lists and page lists are well formed.  @when: for the finding.  Host thread,
 * machine idle.
 */
void conserve_check_held(struct stress_run *run, const struct conserve_base *base, long held,
			 const char *when);

/* After everything was freed and the page lists were drained: each zone as in @base. */
void conserve_check_end(struct stress_run *run, const struct conserve_base *base);

#endif /* STRESS_HARNESS_CONSERVE_H */
