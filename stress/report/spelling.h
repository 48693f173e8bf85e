/* SPDX-License-Identifier: MIT */
/* Finds the name somebody meant: the nearest one by edit distance. */
#ifndef STRESS_REPORT_SPELLING_H
#define STRESS_REPORT_SPELLING_H

#include <stddef.h>

/*
 * Insertions, deletions, replacements and swaps of neighbours that turn @a into @b; letters are
 * compared without case.  Only the first 63 characters count.
 */
unsigned int spelling_distance(const char *a, const char *b);

/*
 * The one of @names nearest to @name (the first of equals), or NULL when more than a third of its
 * letters would change.  A name that begins with @name is always near.
 */
const char *spelling_nearest(const char *name, const char *const *names, size_t nr);

#endif /* STRESS_REPORT_SPELLING_H */
