/* SPDX-License-Identifier: MIT */
/* Numbers with units, and what the output can show: shared by every text report. */
#ifndef STRESS_REPORT_TEXT_H
#define STRESS_REPORT_TEXT_H

#include <stdio.h>

#include "runtime/lib/types.h"

/* Room for any of the texts below. */
struct text {
	char s[48];
};

/* "820 ns", "1.4 us", "61 us", "472 ms", "5.2 s": two or three significant digits. */
struct text text_ns(double ns);
/* "11 204": digits in groups of three. */
struct text text_count(u64 n);
/* @part of @whole as "5.9 %", "12 %", "<0.1 %"; "-" when @whole is 0. */
struct text text_share(double part, double whole);

/* Escape sequences; "" each when colour is off. */
struct colours {
	const char *bold, *red, *yellow, *dim, *off;
};

/*
 * Colour for @out: not when NO_COLOR is set and not empty; always when CLICOLOR_FORCE is set and
 * not "0"; otherwise when @out is a terminal that TERM does not call dumb.
 */
struct colours text_colours(FILE *out);

#endif /* STRESS_REPORT_TEXT_H */
