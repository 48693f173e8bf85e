/* SPDX-License-Identifier: MIT */
/* The kmemlab command: finds the command and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/cli/command.h"
#include "stress/report/array.h"

extern const struct command *const __start_kmemlab_commands[];
extern const struct command *const __stop_kmemlab_commands[];

static int by_order(const void *a, const void *b)
{
	const struct command *x = *(const struct command *const *)a;
	const struct command *y = *(const struct command *const *)b;

	return x->order != y->order ? (x->order < y->order ? -1 : 1) : strcmp(x->name, y->name);
}

const struct command *const *commands(size_t *nr)
{
	static const struct command **sorted;

	*nr = (size_t)(__stop_kmemlab_commands - __start_kmemlab_commands);
	if (!sorted) {
		sorted = malloc((*nr + 1) * sizeof(*sorted));
		if (!sorted)
			panic("out of memory for the list of commands");
		memcpy(sorted, __start_kmemlab_commands, *nr * sizeof(*sorted));
		qsort(sorted, *nr, sizeof(*sorted), by_order);
	}
	return sorted;
}

const struct command *command_find(const char *name)
{
	size_t nr;
	const struct command *const *list = commands(&nr);

	for (size_t i = 0; i < nr; i++)
		if (strcmp(list[i]->name, name) == 0)
			return list[i];
	return NULL;
}

const char *program_folder(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (len <= 0)
		usage_error("kmemlab", "/proc/self/exe cannot be read; mount /proc");
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return path;
}

void unknown_command(const char *name)
{
	size_t nr;
	const struct command *const *list = commands(&nr);
	const char **names = NULL;
	u32 nr_names = 0;

	if (name[0] == '-')
		usage_error("kmemlab", "unknown option '%s'; see 'kmemlab help'", name);
	for (size_t i = 0; i < nr; i++)
		*array_add(names, nr_names) = list[i]->name;
	unknown_name("kmemlab", "command", name, names, nr_names);
}

int main(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : "help";
	char program[64];

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "-?") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	command = command_find(name);
	if (!command)
		unknown_command(name);
	if (argc < 2) {
		/* Nothing asked: the list of commands, as an error. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		command->run(1, (char *[]){ (char *)"kmemlab help", NULL });
		return EXIT_USAGE;
	}
	snprintf(program, sizeof(program), "kmemlab %s", command->name);
	argv[1] = program;
	return command->run(argc - 1, argv + 1);
}
