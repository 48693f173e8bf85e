/* SPDX-License-Identifier: MIT */
/* trace_dat.h - reads trace.dat, the binary file of trace-cmd, through libtracecmd as text. */
#ifndef STRESS_REPLAY_TRACE_DAT_H
#define STRESS_REPLAY_TRACE_DAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "stress/replay/trace_error.h"
#include "stress/replay/trace_input.h"

/* The process that turns the file into text. */
struct trace_dat {
	pid_t reader;
};

/* True when a file with these first bytes (after decompression) is a trace.dat. */
bool trace_dat_match(const char *head, size_t len);

/**
 * trace_dat_open - begin to read a trace.dat.
 * @in:  the file, nothing consumed; stays the caller's, its name is used for error texts.
 * @dat: on success ended by trace_dat_close().
 * @err: receives the error text.
 *
 * Returns a reader of ftrace lines, events of all buffers in the order of time, or NULL with @err
 * set; also when the program was built without libtracecmd.  Host thread, no machine up; makes a
 * child process.
 */
struct trace_input *trace_dat_open(struct trace_input *in, struct trace_dat *dat,
				   struct trace_error *err);

/**
 * trace_dat_close - wait for the process that read the file.
 * @dat:  of trace_dat_open(); its lines are read to the end, or their reader is closed.
 * @name: of the file, for the error text.
 * @err:  receives the error text.
 *
 * Returns 0, or -EINVAL with @err set when the file is damaged.
 */
int trace_dat_close(struct trace_dat *dat, const char *name, struct trace_error *err);

#endif /* STRESS_REPLAY_TRACE_DAT_H */
