/* SPDX-License-Identifier: MIT */
/* kmemlab stress NAME: becomes the binary stress-NAME that lies beside kmemlab. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/cli/command.h"
#include "stress/report/array.h"

static const char prefix[] = "stress-";

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The workloads beside this binary, sorted; returns their number. */
static u32 workloads(const char ***out)
{
	const char **names = NULL;
	const struct dirent *entry;
	DIR *dir = opendir(program_folder());
	u32 nr = 0;

	while (dir && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			*array_add(names, nr) = string_copy(entry->d_name + strlen(prefix));
	if (dir)
		closedir(dir);
	if (nr)
		qsort(names, nr, sizeof(*names), by_name);
	*out = names;
	return nr;
}

static void list_free(const char **names, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		free((char *)(uintptr_t)names[i]);
	free(names);
}

static int print_help(const char **names, u32 nr)
{
	puts("Usage: kmemlab stress NAME [OPTION...]\n"
	     "Runs the workload NAME, the binary stress-NAME beside kmemlab.\n\nWorkloads:");
	for (u32 i = 0; i < nr; i++)
		printf("  %s\n", names[i]);
	if (!nr)
		puts("  none is built; build the target `products`");
	puts("\n`kmemlab stress NAME --help` lists the options of one.\n" EXIT_STATUS_DOC);
	list_free(names, nr);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	const char **names;
	u32 nr = workloads(&names);
	char path[4400];

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0))
		return print_help(names, nr);
	if (argc < 2)
		usage_error(argv[0], "name a workload; see '%s --help'", argv[0]);
	if (argv[1][0] == '-')
		usage_error(argv[0], "the workload's name comes first, then its options");
	for (u32 i = 0; i < nr; i++) {
		if (strcmp(argv[1], names[i]) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", program_folder(), prefix, names[i]);
		execv(path, argv + 1);
		usage_error(argv[0], "%s cannot be run: %s; build it again", path, strerror(errno));
	}
	unknown_name(argv[0], "workload", argv[1], names, nr);
}

KMEMLAB_COMMAND(stress, 10, "run one workload: `kmemlab stress NAME`, the binary stress-NAME", run);
