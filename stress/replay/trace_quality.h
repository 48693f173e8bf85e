/* SPDX-License-Identifier: MIT */
/* trace_quality.h - how far a recorded trace can be trusted for a replay. */
#ifndef STRESS_REPLAY_TRACE_QUALITY_H
#define STRESS_REPLAY_TRACE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "stress/replay/trace_event.h"

struct trace_quality {
	uint64_t nr_allocs;		/* mm_page_alloc that got a page */
	uint64_t nr_failed;		/* mm_page_alloc that got none */
	uint64_t nr_frees;		/* mm_page_free */
	uint64_t nr_free_only;		/* frees of a page that nothing in the trace handed out */
	uint64_t nr_bulk_frees;		/* frees of a page that only a refill handed out */
	uint64_t nr_double_allocs;	/* page handed out twice: a free is missing */
	uint64_t nr_never_freed;	/* pages (not blocks) still allocated at the end */
	uint64_t duration_ns;		/* first to last event over all CPUs */
	char grade;			/* 'A' to 'D', see trace_quality_measure() */
};

/**
 * trace_quality_measure - walk the page events and grade the trace.
 * @trace:       the trace.
 * @start_state: the zoneinfo from before the recording is at hand.
 * @q:           receives the result.
 *
 * Grades: A: nothing lost, start state known, at most 1 % double allocations. B: nothing lost, but
 * without start state, or cut off at the end. C: at most 1 % of the events lost. D: worse.
 * A slab trace, without page events, is graded by its losses alone.
 * Memory: 8 KiB for each 128 MiB of physical memory that the trace touches. Returns 0 or -ENOMEM.
 */
int trace_quality_measure(const struct trace *trace, bool start_state, struct trace_quality *q);

#endif /* STRESS_REPLAY_TRACE_QUALITY_H */
