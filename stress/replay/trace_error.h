/* SPDX-License-Identifier: MIT */
/* trace_error.h - the one error text that a failed read of a trace or state file hands back. */
#ifndef STRESS_REPLAY_TRACE_ERROR_H
#define STRESS_REPLAY_TRACE_ERROR_H

#include <stdint.h>

/* Form: "FILE:LINE: what is wrong; what to do", printable characters only, always terminated. */
struct trace_error {
	char text[256];
};

/**
 * trace_error_set - write an error text.
 * @err:  receives the text; NULL is allowed and does nothing.
 * @file: name of the input; a long path keeps its end, so that the message still fits.
 * @line: line number from 1, or 0 when the fault has no line.
 * @fmt:  printf format of "what is wrong; what to do".
 *
 * Bytes that are not printable ASCII become '?', because the text may quote a damaged file.
 * Any thread, no locks.
 */
void trace_error_set(struct trace_error *err, const char *file, uint64_t line,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif /* STRESS_REPLAY_TRACE_ERROR_H */
