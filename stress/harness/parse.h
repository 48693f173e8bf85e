/* SPDX-License-Identifier: MIT */
/* Numbers as people write them on a command line: counts, sizes with suffixes, seconds. */
#ifndef STRESS_HARNESS_PARSE_H
#define STRESS_HARNESS_PARSE_H

#include "runtime/lib/types.h"

/*
 * Each reads the whole of @text into *@out: 0, -EINVAL (not such a number) or -ERANGE (does not
 * fit).  *@out is untouched on an error.  Any thread.
 */

/* Decimal, or hexadecimal with 0x.  No sign. */
__must_check int parse_u64(const char *text, u64 *out);

/* Bytes: a count, or a count with K, M, G or T (powers of 1024), then optionally "B" or "iB". */
__must_check int parse_size(const char *text, u64 *out);

/* Seconds with a decimal fraction: "0.5", "60"; not negative. */
__must_check int parse_seconds(const char *text, double *out);

/* The shortest exact form that parse_size() reads: "256M".  Returns @buf. */
const char *format_size(u64 bytes, char *buf, size_t size);

#endif /* STRESS_HARNESS_PARSE_H */
