/* SPDX-License-Identifier: MIT */
/* trace_load.h - loads a recorded kernel trace into memory. */
#ifndef STRESS_REPLAY_TRACE_LOAD_H
#define STRESS_REPLAY_TRACE_LOAD_H

#include "stress/replay/trace_error.h"
#include "stress/replay/trace_event.h"

/**
 * trace_load - read a whole trace file.
 * @path:  ftrace text, `trace-cmd report` or `perf script` output, or trace.dat; plain or
 *         compressed with xz, gzip or zstd, all told apart by content; "-" is standard input.
 * @trace: overwritten; on success owned by the caller and freed by trace_destroy().
 * @err:   receives "FILE:LINE: what is wrong; what to do"; may be NULL.
 *
 * Events keep the order of the file. Events of unknown name are counted and skipped. An incomplete
 * last line without line end is dropped and noted in trace->truncated_line, as long as events came
 * before it; everything else that is not understood is an error.
 *
 * Returns 0, -EINVAL for bad input (nothing to free), -ENOMEM. Task context.
 */
int trace_load(const char *path, struct trace *trace, struct trace_error *err);

/* The same from memory; @name stands for the file in error texts. */
int trace_load_mem(const void *data, size_t size, const char *name, struct trace *trace,
		   struct trace_error *err);

/* Frees everything a trace owns and makes it all zero. */
void trace_destroy(struct trace *trace);

#endif /* STRESS_REPLAY_TRACE_LOAD_H */
