/* SPDX-License-Identifier: MIT */
/* launch.h - runs a stress binary from a command, with a limit on its time. */
#ifndef STRESS_CLI_LAUNCH_H
#define STRESS_CLI_LAUNCH_H

#include <stddef.h>

#include "runtime/lib/types.h"

/*
 * The file of @name: a path, a program beside kmemlab, or stress-NAME beside it.  Writes it to
 * @path[@size]; a name that is none of these is a usage error of @program.
 */
void launch_find(const char *program, const char *name, char *path, size_t size);

/*
 * Runs @path with @words (NULL at their end), its standard output thrown away.  Returns 0 when it
 * ended with a result, findings included; else -1 after one line on stderr in the name of
 * @program.  A run of more than @timeout_s seconds is ended.  @cpu_ns receives the CPU time that
 * the run took, user and system; may be NULL.  Host thread.
 */
__must_check int launch_stress(const char *program, const char *path, char **words,
			       u64 timeout_s, double *cpu_ns);

#endif /* STRESS_CLI_LAUNCH_H */
