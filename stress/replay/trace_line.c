/* SPDX-License-Identifier: MIT */
/*
 * trace_line.c - the columns that every event line begins with.
 *
 * What. A task name may hold blanks, dashes, colons and brackets, so a line cannot be read from
 *   its left. The anchor is the CPU column: a '[', digits, ']' that has a pid to its left and
 *   optional context characters, a time and a colon to its right. From there the pid is read
 *   backwards, and what remains on the left is the name.
 * States. None.
 * Invariants. I1: the kernel and perf pad the name to 16 columns, so when column 16 holds the
 *   separator the anchor is searched behind it: a name that looks like columns cannot deceive.
 *   I2: otherwise the leftmost anchor that fits completely wins.
 * Locking, Context. None; pure function of the line.
 * Failure. The complaint of the candidate that got furthest is returned.
 * See also. trace_body.c for what follows the columns.
 */
#include "stress/replay/trace_line.h"

#include <string.h>

#include "stress/replay/trace_scan.h"

#define COMM_COLUMNS	16
/*
 * The CPU column begins within these many bytes: a name has 15, pid and tgid with their padding
 * some 30. The bound keeps a hostile line of brackets from costing quadratic time.
 */
#define ANCHOR_MAX	256

/* Complaints in the order in which a line gets further; the furthest one is reported. */
enum depth { NO_CPU, BAD_PID, BAD_CPU, BAD_FLAGS, BAD_TIME, GOOD };

static const char *const complaints[] = {
	[NO_CPU] = "there is no task and `[cpu]` column",
	[BAD_PID] = "there is no pid before the `[cpu]` column",
	[BAD_CPU] = "the CPU number is not below 4096",
	[BAD_FLAGS] = "the context column (as in `d.h1.`) is malformed",
	[BAD_TIME] = "there is no time in seconds (as in `123.456789:`) behind the CPU column",
};

/* Reads "comm-pid", "comm pid", "comm pid/tid", "comm-pid (tgid)" backwards from @end. */
static bool parse_task(const char *line, const char *end, bool perf, struct trace_line *out)
{
	const char *q = end, *digits, *p;
	uint64_t pid;

	while (q > line && q[-1] == ' ')
		q--;
	if (q == end)
		return false;
	if (q > line && q[-1] == ')') {
		while (q > line && q[-1] != '(')
			q--;
		q -= q > line;
		while (q > line && q[-1] == ' ')
			q--;
	}
	digits = q;
	while (digits > line && is_digit(digits[-1]))
		digits--;
	p = digits;
	if (digits == line || !scan_dec(&p, &pid) || pid > INT32_MAX)
		return false;
	out->pid = (int32_t)pid;
	q = digits - 1;
	out->pid_by_dash = *q == '-';
	if (*q == '-' && perf && q > line && q[-1] == ' ') {
		/* perf: the pid of an unknown thread is -1. */
		out->pid = -out->pid;
		out->pid_by_dash = false;
	} else if (*q == '/') {
		/* perf: pid/tid; the thread is what ran. Its process id goes unused. */
		while (q > line && is_digit(q[-1]))
			q--;
		q -= q > line;
	}
	if (*q != '-' && *q != ' ')
		return false;
	/* perf pads the pid on the left; ftrace has exactly one dash. */
	while (!out->pid_by_dash && q > line && q[-1] == ' ')
		q--;
	p = line;
	while (p < q && *p == ' ')
		p++;
	out->comm = p;
	out->comm_len = (size_t)(q - p);
	return true;
}

/* The context characters: irqs-off, need-resched, hard/softirq, preempt depth, [migrate depth]. */
static bool parse_flags(const char **pp, struct trace_line *out)
{
	const char *p = *pp, *end = skip_token(p);
	size_t len = (size_t)(end - p);
	int depth = 0;

	if (len != 4 && len != 5)
		return false;
	if (!strchr(".dDbBX?", p[0]) || !strchr(".hHsSzZ?", p[2]))
		return false;
	if (p[3] != '.' && p[3] != '?') {
		depth = hex_digit(p[3]);
		if (depth < 0)
			return false;
	}
	out->flags = (uint8_t)(depth << TRACE_F_DEPTH_SHIFT);
	if (p[0] == 'd' || p[0] == 'D')
		out->flags |= TRACE_F_IRQS_OFF;
	/* H: hard interrupt inside a softirq; z, Z: NMI, which is no softer. */
	if (p[2] == 'h' || p[2] == 'H' || p[2] == 'z' || p[2] == 'Z')
		out->flags |= TRACE_F_HARDIRQ;
	if (p[2] == 's' || p[2] == 'S' || p[2] == 'H')
		out->flags |= TRACE_F_SOFTIRQ;
	out->has_flags = true;
	*pp = skip_spaces(end);
	return true;
}

/* "seconds.fraction:", one to nine digits of fraction. */
static bool parse_time(const char **pp, uint64_t *ns)
{
	const char *p = *pp, *start;
	uint64_t sec, frac;
	long digits;

	/* 9e9 seconds are 285 years and fit 64 bits of nanoseconds twice. */
	if (!scan_dec(&p, &sec) || sec > 9000000000ull || *p++ != '.')
		return false;
	start = p;
	if (!scan_dec(&p, &frac) || *p++ != ':')
		return false;
	digits = p - start - 1;
	if (digits > 9)
		return false;
	for (; digits < 9; digits++)
		frac *= 10;
	*ns = sec * 1000000000ull + frac;
	*pp = p;
	return true;
}

/* The event's name, up to a colon that a blank or the line end follows. */
static void parse_event(const char *p, struct trace_line *out)
{
	const char *end, *name, *c;

	p = skip_spaces(p);
	end = skip_token(p);
	/* perf may print the period before the name: a bare number. */
	for (c = p; is_digit(*c); c++)
		;
	if (c == end && c != p) {
		p = skip_spaces(end);
		end = skip_token(p);
	}
	out->has_subsystem = false;
	if (end == p || end[-1] != ':') {
		/* Function traces and stack markers have text in place of "name:". */
		out->event = p;
		out->event_len = 0;
		out->body = p;
		return;
	}
	name = p;
	for (c = p; c < end - 1; c++) {
		if (*c == ':') {
			name = c + 1;
			out->has_subsystem = true;
		} else if (*c == '/') {
			/* perf: modifiers, as in "kmem:kmalloc/call-graph=fp/:". */
			break;
		}
	}
	out->event = name;
	out->event_len = (size_t)(c - name);
	out->body = skip_spaces(end);
}

/* Tries the '[' at @bracket as the CPU column. */
static enum depth try_anchor(const char *line, const char *bracket, bool perf,
			     struct trace_line *out)
{
	const char *p = bracket + 1;
	uint64_t cpu;

	if (!scan_dec(&p, &cpu) || *p != ']')
		return NO_CPU;
	if (!parse_task(line, bracket, perf, out))
		return BAD_PID;
	if (cpu >= TRACE_CPU_MAX) {
		out->range = true;
		out->bad_value = cpu;
		return BAD_CPU;
	}
	out->cpu = (uint32_t)cpu;
	out->flags = 0;
	out->has_flags = false;
	p = skip_spaces(p + 1);
	if (*p && !is_digit(*p) && !parse_flags(&p, out))
		return BAD_FLAGS;
	if (!parse_time(&p, &out->time_ns))
		return BAD_TIME;
	parse_event(p, out);
	return GOOD;
}

static enum depth try_from(const char *line, const char *from, bool perf, struct trace_line *out)
{
	enum depth best = NO_CPU;

	for (const char *p = strchr(from, '['); p && p - line < ANCHOR_MAX;
	     p = strchr(p + 1, '[')) {
		enum depth depth = try_anchor(line, p, perf, out);

		if (depth > best)
			best = depth;
		if (depth == GOOD)
			break;
	}
	return best;
}

const char *trace_line_parse(const char *line, size_t len, bool perf, struct trace_line *out)
{
	enum depth depth = NO_CPU, whole;

	out->range = false;
	if (len > COMM_COLUMNS && (line[COMM_COLUMNS] == '-' || line[COMM_COLUMNS] == ' ')) {
		/* Keeps I1. */
		depth = try_from(line, line + COMM_COLUMNS + 1, perf, out);
		if (depth == GOOD)
			return NULL;
	}
	whole = try_from(line, line, perf, out);
	if (whole > depth)
		depth = whole;
	return depth == GOOD ? NULL : complaints[depth];
}
