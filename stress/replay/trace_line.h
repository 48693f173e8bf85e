/* SPDX-License-Identifier: MIT */
/* trace_line.h - takes the common columns of an event line apart: task, CPU, flags, time, name. */
#ifndef STRESS_REPLAY_TRACE_LINE_H
#define STRESS_REPLAY_TRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/replay/trace_event.h"

struct trace_line {
	const char *comm;	/* points into the line, not terminated */
	size_t comm_len;
	const char *event;	/* name without subsystem; len 0 when there is none */
	size_t event_len;
	const char *body;	/* what follows the name and its colon */
	uint64_t time_ns;
	uint64_t bad_value;	/* the value that trace_line_parse() complains about */
	int32_t pid;
	uint32_t cpu;
	uint8_t flags;		/* TRACE_F_* and preemption depth */
	bool has_flags;
	bool has_subsystem;	/* "kmem:mm_page_alloc:", as perf prints it */
	bool pid_by_dash;	/* "comm-pid", as ftrace prints it; else "comm pid" */
	bool range;		/* the complaint is about an absurd value, not about the form */
};

/**
 * trace_line_parse - parse the columns of one event line.
 * @line: NUL-terminated line out of trace_input_line().
 * @len:  its length in bytes.
 * @perf: the trace is known to be perf script text, where "-1" behind a name is a number.
 * @out:  receives the columns.
 *
 * All three text formats go through here, because they differ only in what is optional:
 *   "comm-pid [cpu] flags time: event: fields"     ftrace; "comm-pid ( tgid) [cpu]" with tgids
 *   "comm-pid [cpu] time: event:   fields"         trace-cmd, and ftrace without irq-info
 *   "comm pid [cpu] time: sys:event: fields"       perf; also "comm pid/tid"
 * Returns NULL, or the complaint ("what is wrong") as a constant string.
 */
const char *trace_line_parse(const char *line, size_t len, bool perf, struct trace_line *out);

#endif /* STRESS_REPLAY_TRACE_LINE_H */
