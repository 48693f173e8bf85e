/* SPDX-License-Identifier: MIT */
/* The event rings of a run as a timeline for ui.perfetto.dev and chrome://tracing. */
#ifndef STRESS_HARNESS_TRACE_JSON_H
#define STRESS_HARNESS_TRACE_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "stress/harness/harness.h"

/*
 * Writes Chrome's JSON: a track per CPU (waits, interrupts, calls, page-list batches), tracks per
 * lock (the holds that lock_stat timed), counters from @run->timeline, and one flow per call from
 * its sender over its target to the acknowledgement.  Host thread, after trace_stop().  Returns 0,
 * -ENOMEM, or -EIO when @out failed.
 */
__must_check int trace_json_write(const struct stress_run *run, FILE *out);

#endif /* STRESS_HARNESS_TRACE_JSON_H */
