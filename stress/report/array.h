/* SPDX-License-Identifier: MIT */
/* Growing arrays and strings of the report code; a report that does not fit memory stops it. */
#ifndef STRESS_REPORT_ARRAY_H
#define STRESS_REPORT_ARRAY_H

#include <stdlib.h>
#include <string.h>

#include "runtime/bug.h"

/* Room for one more element after the first @nr; returns the array, maybe moved. */
static inline void *array_grow(void *array, u32 nr, size_t size)
{
	/* Doubles whenever @nr is 0 or a power of two from 16 on. */
	if (nr && (nr < 16 || (nr & (nr - 1))))
		return array;
	array = realloc(array, (nr ? (size_t)nr * 2 : 16) * size);
	if (!array)
		panic("out of memory for a report of %u entries", nr);
	return array;
}

/* A zeroed new last element of the array @a that holds @nr; counts it. */
#define array_add(a, nr)						\
	({								\
		(a) = array_grow((a), (nr), sizeof(*(a)));		\
		memset(&(a)[(nr)], 0, sizeof(*(a)));			\
		&(a)[(nr)++];						\
	})

static inline char *string_copy(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		panic("out of memory for a string");
	return copy;
}

#endif /* STRESS_REPORT_ARRAY_H */
