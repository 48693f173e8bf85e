/* SPDX-License-Identifier: MIT */
/*
 * trace_scan.h - inline scanners over one NUL-terminated line.
 *
 * They rely on trace_input.h: the line ends with NUL and TRACE_LINE_PAD bytes behind it may be
 * read. A scanner that fails leaves the position where it was.
 */
#ifndef STRESS_REPLAY_TRACE_SCAN_H
#define STRESS_REPLAY_TRACE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static inline const char *skip_spaces(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static inline const char *skip_token(const char *p)
{
	while (*p && *p != ' ')
		p++;
	return p;
}

/*
 * Eats @lit if it stands at the position. Shorter than TRACE_LINE_PAD, so that comparing past the
 * line end stays inside the buffer; the NUL there cannot match a byte of @lit.
 */
static inline bool scan_lit(const char **pp, const char *lit)
{
	size_t len = strlen(lit);

	if (memcmp(*pp, lit, len) != 0)
		return false;
	*pp += len;
	return true;
}

/* Unsigned decimal of at most 19 digits, which always fit. */
static inline bool scan_dec(const char **pp, uint64_t *value)
{
	const char *p = *pp;
	uint64_t v = 0;

	while (is_digit(*p) && p - *pp < 20)
		v = v * 10 + (uint64_t)(*p++ - '0');
	if (p == *pp || p - *pp == 20)
		return false;
	*pp = p;
	*value = v;
	return true;
}

static inline bool scan_signed(const char **pp, int64_t *value)
{
	const char *p = *pp;
	bool minus = *p == '-';
	uint64_t v;

	p += minus;
	if (!scan_dec(&p, &v) || v > INT64_MAX)
		return false;
	*pp = p;
	*value = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

/* Hexadecimal without prefix, at most 16 digits. */
static inline bool scan_hex(const char **pp, uint64_t *value)
{
	const char *p = *pp;
	uint64_t v = 0;
	int digit;

	while ((digit = hex_digit(*p)) >= 0 && p - *pp < 17) {
		v = v << 4 | (uint64_t)digit;
		p++;
	}
	if (p == *pp || p - *pp == 17)
		return false;
	*pp = p;
	*value = v;
	return true;
}

#endif /* STRESS_REPLAY_TRACE_SCAN_H */
