/* SPDX-License-Identifier: MIT */
/* kmemlab help: the list of commands, or one command's options. */
#include <stdio.h>

#include "stress/cli/command.h"

static void list_commands(void)
{
	size_t nr;
	const struct command *const *list = commands(&nr);

	puts("kmemlab runs the Linux kernel's memory management in user space and shows where its\n"
	     "locks wait.\n\nusage: kmemlab COMMAND [OPTION...]\n");
	for (size_t i = 0; i < nr; i++)
		printf("  %-10s %s\n", list[i]->name, list[i]->summary);
	puts("\n`kmemlab COMMAND --help` explains one command.\n"
	     "Exit status of every command: 0 done, 1 the run or a check failed, 2 wrong usage or\n"
	     "unusable input, 3 results that cannot be compared.\n"
	     "Colour only on a terminal; NO_COLOR and CLICOLOR_FORCE are obeyed.");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG || state->arg_num)
		return ARGP_ERR_UNKNOWN;
	*(const char **)state->input = arg;
	return 0;
}

static const struct argp argp = {
	.parser = parse, .args_doc = "[COMMAND]",
	.doc = "Lists the commands, or explains one of them.\v" EXIT_STATUS_DOC,
};

static int run(int argc, char **argv)
{
	const struct command *command;
	const char *name = NULL;
	char program[64];

	if (argc > 2)
		usage_error(argv[0], "one command at most: kmemlab help [COMMAND]");
	parse_options(&argp, argc, argv, &name);
	if (!name) {
		list_commands();
		return EXIT_DONE;
	}
	command = command_find(name);
	if (!command)
		unknown_command(name);
	snprintf(program, sizeof(program), "kmemlab %s", name);
	return command->run(2, (char *[]){ program, (char *)"--help", NULL });
}

KMEMLAB_COMMAND(help, 90, "this list, or one command's options", run);
