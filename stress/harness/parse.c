/* SPDX-License-Identifier: MIT */
/* Numbers as people write them on a command line. */
#include "stress/harness/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the number at @text; *@end is behind it.  strtoull() alone would take "-1" and blanks. */
static int parse_prefix(const char *text, char **end, u64 *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long value;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, end, hex ? 16 : 10);
	if (errno == ERANGE)
		return -ERANGE;
	*out = value;
	return 0;
}

int parse_u64(const char *text, u64 *out)
{
	char *end;
	u64 value;
	int err = parse_prefix(text, &end, &value);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	*out = value;
	return 0;
}

int parse_size(const char *text, u64 *out)
{
	static const char suffixes[] = "KMGT";
	unsigned int shift = 0;
	const char *suffix;
	char *end;
	u64 value;
	int err = parse_prefix(text, &end, &value);

	if (err)
		return err;
	suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (suffix) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		end++;
		if (*end == 'i' && end[1] == 'B')
			end++;
	}
	if (*end == 'B')
		end++;
	if (*end)
		return -EINVAL;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*out = value << shift;
	return 0;
}

int parse_seconds(const char *text, double *out)
{
	char *end;
	double value;

	/* strtod() alone would take "inf", "nan" and hexadecimal. */
	if (strspn(text, "0123456789.") != strlen(text) || !isdigit((unsigned char)text[0]))
		return -EINVAL;
	value = strtod(text, &end);
	if (*end)
		return -EINVAL;
	if (!isfinite(value) || value > 1e9)
		return -ERANGE;
	*out = value;
	return 0;
}

const char *format_size(u64 bytes, char *buf, size_t size)
{
	static const char *const suffix[] = { "", "K", "M", "G", "T" };
	unsigned int i = 0;

	while (i < ARRAY_SIZE(suffix) - 1 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, size, "%llu%s", (unsigned long long)bytes, suffix[i]);
	return buf;
}
