/* SPDX-License-Identifier: MIT */
/* trace_error.c - formats the one error text of the trace and state readers. */
#include "stress/replay/trace_error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Longest part of a path that is shown; leaves more than half of the text to the message. */
#define FILE_SHOWN	90

static size_t clamp_len(int printed, size_t room)
{
	if (printed < 0)
		return 0;
	return (size_t)printed < room ? (size_t)printed : room - 1;
}

void trace_error_set(struct trace_error *err, const char *file, uint64_t line,
		     const char *fmt, ...)
{
	size_t file_len = strlen(file), used;
	const char *cut = "";
	va_list args;

	if (!err)
		return;
	if (file_len > FILE_SHOWN) {
		file += file_len - FILE_SHOWN;
		cut = "...";
	}
	if (line)
		used = clamp_len(snprintf(err->text, sizeof(err->text), "%s%s:%" PRIu64 ": ", cut,
					  file, line), sizeof(err->text));
	else
		used = clamp_len(snprintf(err->text, sizeof(err->text), "%s%s: ", cut, file),
				 sizeof(err->text));
	va_start(args, fmt);
	used += clamp_len(vsnprintf(err->text + used, sizeof(err->text) - used, fmt, args),
			  sizeof(err->text) - used);
	va_end(args);
	for (size_t i = 0; i < used; i++)
		if (err->text[i] < ' ' || err->text[i] > '~')
			err->text[i] = '?';
}
