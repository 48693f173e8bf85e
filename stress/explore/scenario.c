/* SPDX-License-Identifier: MIT */
/* The list of scenarios. */
#include "stress/explore/scenario.h"

#include "stress/report/array.h"

extern const struct scenario *const __start_kmemlab_scenarios[];
extern const struct scenario *const __stop_kmemlab_scenarios[];

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct scenario *const *)a)->name,
		      (*(const struct scenario *const *)b)->name);
}

const struct scenario *const *scenarios(size_t *nr)
{
	static const struct scenario **sorted;

	*nr = (size_t)(__stop_kmemlab_scenarios - __start_kmemlab_scenarios);
	if (!sorted) {
		sorted = malloc((*nr + 1) * sizeof(*sorted));
		if (!sorted)
			panic("out of memory for the list of scenarios");
		memcpy(sorted, __start_kmemlab_scenarios, *nr * sizeof(*sorted));
		qsort(sorted, *nr, sizeof(*sorted), by_name);
	}
	return sorted;
}

const struct scenario *scenario_find(const char *name)
{
	size_t nr;
	const struct scenario *const *list = scenarios(&nr);

	for (size_t i = 0; i < nr; i++)
		if (strcmp(list[i]->name, name) == 0)
			return list[i];
	return NULL;
}
