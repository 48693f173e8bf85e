/* SPDX-License-Identifier: MIT */
/* Edit distance with swaps of neighbours (Damerau), for "did you mean". */
#include <ctype.h>
#include <string.h>

#include "runtime/lib/types.h"
#include "stress/report/spelling.h"

#define LETTERS_MAX	63

static int letter(char c)
{
	return tolower((unsigned char)c);
}

unsigned int spelling_distance(const char *a, const char *b)
{
	/* Rows i-2, i-1 and i of the table of distances between beginnings of @a and of @b. */
	unsigned int row[3][LETTERS_MAX + 1];
	size_t la = strnlen(a, LETTERS_MAX), lb = strnlen(b, LETTERS_MAX);

	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int *now = row[i % 3], *before = row[(i + 2) % 3];
		const unsigned int *older = row[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int differ = letter(a[i - 1]) != letter(b[j - 1]);

			now[j] = min(before[j], now[j - 1]) + 1;
			now[j] = min(now[j], before[j - 1] + differ);
			if (i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) &&
			    letter(a[i - 2]) == letter(b[j - 1]))
				now[j] = min(now[j], older[j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

const char *spelling_nearest(const char *name, const char *const *names, size_t nr)
{
	const char *best = NULL;
	unsigned int best_d = UINT32_MAX;
	unsigned int limit = (unsigned int)strnlen(name, LETTERS_MAX) / 3;

	/* A word of one or two letters has no near neighbour but itself and its swap. */
	limit = max(limit, 1u);
	for (size_t i = 0; i < nr; i++) {
		unsigned int d = spelling_distance(name, names[i]);

		/* The beginning of a name is near, however much of it is missing. */
		if (strlen(name) > 1 && strncmp(name, names[i], strlen(name)) == 0)
			d = 1;
		if (d <= limit && d < best_d) {
			best = names[i];
			best_d = d;
		}
	}
	return best;
}
