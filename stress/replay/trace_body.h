/* SPDX-License-Identifier: MIT */
/* trace_body.h - reads the fields behind an event's name; for the loader only. */
#ifndef STRESS_REPLAY_TRACE_BODY_H
#define STRESS_REPLAY_TRACE_BODY_H

#include "stress/replay/trace_event.h"

/* Position in a line's fields and, after a failure, what it was about. */
struct trace_scan {
	const char *p;
	const char *field;	/* the field that failed, as "order=" */
	uint64_t value;		/* its value when the failure is an absurd value */
	enum { SCAN_MALFORMED, SCAN_RANGE, SCAN_NO_MEMORY } failure;
};

/* Type of the event called @name, or -1 when it is not one of ours. */
int trace_type_of(const char *name, size_t len);

/**
 * trace_body_parse - read the fields of one event.
 * @trace: takes side-table entries and interned names.
 * @type:  what trace_type_of() said.
 * @ev:    receives the fields of the event; time, cpu, task and type are the caller's.
 * @scan:  @scan->p stands behind the name; on failure the rest says why.
 *
 * Returns true on success. On failure the side tables are as before, except for unused names.
 */
bool trace_body_parse(struct trace *trace, enum trace_type type, struct trace_event *ev,
		      struct trace_scan *scan);

#endif /* STRESS_REPLAY_TRACE_BODY_H */
