/* SPDX-License-Identifier: MIT */
/* stress-slab: the slab allocator under everything at once, also from interrupts. */
#include <stdlib.h>
#include <string.h>

#include "stress/workloads/slab_load.h"

/* This workload's defaults stand before the user's options, which win. */
static const char *const defaults[] = { "--irq-rate=2000" };

int main(int argc, char **argv)
{
	size_t nr = ARRAY_SIZE(defaults), user = argc > 0 ? (size_t)argc - 1 : 0;
	char **args = calloc(1 + nr + user + 1, sizeof(*args));
	int status;

	if (!args || argc < 1)
		return 2;
	args[0] = argv[0];
	for (size_t i = 0; i < nr; i++)
		args[1 + i] = (char *)(uintptr_t)defaults[i];
	memcpy(args + 1 + nr, argv + 1, user * sizeof(*args));
	status = stress_main((int)(1 + nr + user), args, &workload_slab);
	free(args);
	return status;
}
