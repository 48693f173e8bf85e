/* SPDX-License-Identifier: MIT */
/* trace_bundle.h - finds a recorded trace and the state files that belong to it. */
#ifndef STRESS_REPLAY_TRACE_BUNDLE_H
#define STRESS_REPLAY_TRACE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "stress/replay/proc_state.h"
#include "stress/replay/trace_error.h"

enum bundle_when {
	BUNDLE_BEFORE,
	BUNDLE_AFTER,
	BUNDLE_NR_WHEN,
};

struct bundle {
	char *trace_path;
	char *state_path[PROC_NR_FILES][BUNDLE_NR_WHEN];	/* NULL: missing */
};

/**
 * bundle_open - find the files of one recording.
 * @path: a folder that holds the trace (trace.txt, trace or trace.dat, or one of the first two
 *        with .xz, .gz or .zst), or a trace file. The state files (zoneinfo.before and so on, plain
 *        or compressed) are looked for in that folder or beside that file.
 * @b:    overwritten; on success freed by bundle_close().
 * @err:  receives the error text; may be NULL.
 *
 * Missing state files are no error, see bundle_missing(). Returns 0, -EINVAL or -ENOMEM.
 */
int bundle_open(const char *path, struct bundle *b, struct trace_error *err);

/**
 * bundle_missing - name the state files that were not found.
 * @b:    the bundle.
 * @buf:  receives "zoneinfo.after, vmstat.after", terminated, empty when none is missing.
 * @size: size of @buf in bytes, at least 1; 128 hold all names.
 *
 * Returns how many are missing.
 */
int bundle_missing(const struct bundle *b, char *buf, size_t size);

/* True when the lists' start state is known, which a replay that is to match needs. */
bool bundle_has_start_state(const struct bundle *b);

/*
 * Reads all state files of one moment that are there into @st (overwritten; freed by
 * proc_state_destroy() by the caller in any case). Returns 0, -EINVAL or -ENOMEM.
 */
int bundle_read_state(const struct bundle *b, enum bundle_when when, struct proc_state *st,
		      struct trace_error *err);

/* Frees the paths and makes the bundle all zero. */
void bundle_close(struct bundle *b);

#endif /* STRESS_REPLAY_TRACE_BUNDLE_H */
