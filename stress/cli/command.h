/* SPDX-License-Identifier: MIT */
/*
 * The commands of kmemlab, and the few rules they share.
 *
 * A command is one file, stress/cli/cmd_NAME.c, that ends with KMEMLAB_COMMAND(); nothing else has
 * to be edited: the linker gathers the descriptions in one section.  Exit status of every command:
 * 0 done, 1 the run or a check failed, 2 wrong usage or input that cannot be used, 3 results that
 * cannot be compared.
 */
#ifndef STRESS_CLI_COMMAND_H
#define STRESS_CLI_COMMAND_H

#include <argp.h>

#include "runtime/lib/types.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_COMPARABLE = 3,
};

/* For the end of a command's --help (argp text after '\v'). */
#define EXIT_STATUS_DOC \
	"Exit status: 0 done, 1 the run or a check failed, 2 wrong usage or unusable input."

struct command {
	const char *name;		/* one word: "report" */
	int order;			/* place in `kmemlab help`; equal ones by name */
	const char *summary;		/* one line for `kmemlab help` */
	/* argv[0] is "kmemlab NAME"; returns the exit status. */
	int (*run)(int argc, char **argv);
};

#define KMEMLAB_COMMAND(word, place, text, function)			\
	static const struct command command_##word = {			\
		.name = #word, .order = (place), .summary = (text),	\
		.run = (function),					\
	};								\
	static const struct command *const command_at_##word		\
		__attribute__((used, section("kmemlab_commands"))) = &command_##word

/* All commands in the order of `kmemlab help`; @nr receives their number. */
const struct command *const *commands(size_t *nr);
const struct command *command_find(const char *name);

/* As unknown_name() for a command. */
__attribute__((noreturn)) void unknown_command(const char *name);

/* The folder of the running binary, without a slash at its end; exits when it cannot be told. */
const char *program_folder(void);

/* "kmemlab report: TEXT" on stderr as one line, then exit with EXIT_USAGE. */
__attribute__((noreturn)) void usage_error(const char *program, const char *fmt, ...)
	__printf(2, 3);

/*
 * As usage_error() for a name that is not known: adds the nearest of @names when one is near, or
 * all of them when they are few.
 */
__attribute__((noreturn)) void unknown_name(const char *program, const char *what,
					    const char *name, const char *const *names, size_t nr);

/*
 * Parses options with argp, but reports an unknown option, a missing or an unwanted argument as
 * one line with the nearest known option, exit 2.  --help and --usage are argp's own.
 */
void parse_options(const struct argp *argp, int argc, char **argv, void *input);

/* The decimal number @text in [low, high]; anything else is a usage error that names @option. */
u64 parse_number(const char *program, const char *option, const char *text, u64 low, u64 high);

#endif /* STRESS_CLI_COMMAND_H */
