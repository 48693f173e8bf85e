/* SPDX-License-Identifier: MIT */
/* stress-mixed: processes, objects, pages and interrupts, all at once. */
#include <stdlib.h>
#include <string.h>

#include "stress/workloads/mixed_load.h"

/* This workload's default stands before the user's options, which win. */
static const char irq_rate[] = "--irq-rate=2000";

int main(int argc, char **argv)
{
	size_t user = argc > 0 ? (size_t)argc - 1 : 0;
	char **args = calloc(user + 3, sizeof(*args));
	int status;

	if (!args || argc < 1)
		return 2;
	args[0] = argv[0];
	args[1] = (char *)(uintptr_t)irq_rate;
	memcpy(args + 2, argv + 1, user * sizeof(*args));
	status = stress_main((int)user + 2, args, &workload_mixed);
	free(args);
	return status;
}
