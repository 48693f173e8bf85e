/* SPDX-License-Identifier: MIT */
/* Numbers with units, and the decision about colour. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/report/text.h"

struct text text_ns(double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	struct text t;
	unsigned int unit = 0;

	/* 999.5 and more would print as 1000 of the smaller unit. */
	while (ns >= 999.5 && unit < ARRAY_SIZE(units) - 1) {
		ns /= 1000;
		unit++;
	}
	snprintf(t.s, sizeof(t.s), "%.*f %s", unit && ns < 9.95 ? 1 : 0, ns, units[unit]);
	return t;
}

struct text text_count(u64 n)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	struct text t;
	char *to = t.s;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ' ';
		*to++ = digits[i];
	}
	*to = '\0';
	return t;
}

struct text text_share(double part, double whole)
{
	struct text t;
	double percent = whole > 0 ? 100 * part / whole : 0;

	if (!(whole > 0))
		snprintf(t.s, sizeof(t.s), "-");
	else if (percent > 0 && percent < 0.1)
		snprintf(t.s, sizeof(t.s), "<0.1 %%");
	else
		snprintf(t.s, sizeof(t.s), "%.*f %%", percent > 0 && percent < 9.95 ? 1 : 0,
			 percent);
	return t;
}

struct colours text_colours(FILE *out)
{
	static const struct colours none = { "", "", "", "", "" };
	static const struct colours ansi = {
		"\033[1m", "\033[31m", "\033[33m", "\033[2m", "\033[0m",
	};
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
	const char *term = getenv("TERM");

	if (no && *no)
		return none;
	if (force && *force && strcmp(force, "0") != 0)
		return ansi;
	if (!isatty(fileno(out)) || !term || strcmp(term, "dumb") == 0)
		return none;
	return ansi;
}
