/* SPDX-License-Identifier: MIT */
/*
 * Command-line errors: one line each, with the nearest name that would have been right.
 *
 * argp's own messages take two lines and know no neighbours, so the arguments are checked against
 * the same option table before argp sees them; argp then has nothing left to complain about.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/cli/command.h"
#include "stress/report/array.h"
#include "stress/report/spelling.h"

/* What argp adds to every table. */
static const struct argp_option builtin[] = {
	{ "help", '?', NULL, 0, NULL, 0 },
	{ "usage", -3, NULL, 0, NULL, 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

void usage_error(const char *program, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

/* More names than these are left to --help. */
#define NR_NAMES_LISTED	10

void unknown_name(const char *program, const char *what, const char *name,
		  const char *const *names, size_t nr)
{
	const char *near = spelling_nearest(name, names, nr);
	char list[400] = "";

	if (near)
		usage_error(program, "unknown %s '%s'; did you mean '%s'?", what, name, near);
	for (size_t i = 0; i < nr; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i == 0 ? "" : i + 1 < nr ? ", " : " or ", names[i]);
	if (nr && nr <= NR_NAMES_LISTED)
		usage_error(program, "unknown %s '%s'; choose %s", what, name, list);
	usage_error(program, "unknown %s '%s'; see '%s --help'", what, name, program);
}

static bool table_ends(const struct argp_option *o)
{
	return !o->name && !o->key && !o->doc;
}

/* The option named by the first @len characters of @name: exact, or an unambiguous beginning. */
static const struct argp_option *find_long(const struct argp_option *table, const char *name,
					   size_t len, bool *ambiguous)
{
	const struct argp_option *const tables[] = { table, builtin };
	const struct argp_option *found = NULL;

	*ambiguous = false;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct argp_option *o = tables[t]; o && !table_ends(o); o++) {
			if (!o->name || strncmp(o->name, name, len) != 0)
				continue;
			if (strlen(o->name) == len) {
				*ambiguous = false;
				return o;
			}
			*ambiguous = found != NULL;
			found = o;
		}
	return found;
}

static const struct argp_option *find_short(const struct argp_option *table, int key)
{
	const struct argp_option *const tables[] = { table, builtin };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct argp_option *o = tables[t]; o && !table_ends(o); o++)
			if (o->key == key)
				return o;
	return NULL;
}

__attribute__((noreturn)) static void unknown_option(const struct argp_option *table,
						     const char *program, const char *text)
{
	const char **names = NULL;
	u32 nr = 0;

	for (const struct argp_option *o = table; o && !table_ends(o); o++)
		if (o->name)
			*array_add(names, nr) = o->name;
	*array_add(names, nr) = "help";
	if (spelling_nearest(text, names, nr))
		usage_error(program, "unknown option '--%s'; did you mean '--%s'?", text,
			    spelling_nearest(text, names, nr));
	usage_error(program, "unknown option '--%s'; see '%s --help'", text, program);
}

/* Checks one "--name" or "--name=value"; returns how many arguments it takes. */
static int check_long(const struct argp_option *table, int left, char **argv, const char *program)
{
	char *name = argv[0] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	bool ambiguous;
	const struct argp_option *o = find_long(table, name, len, &ambiguous);

	if (ambiguous)
		usage_error(program, "option '--%.*s' is ambiguous; write it out", (int)len, name);
	if (!o) {
		if (equals)
			*equals = '\0';
		unknown_option(table, program, name);
	}
	if (equals && !o->arg)
		usage_error(program, "option '--%s' takes no value", o->name);
	if (equals || !o->arg || (o->flags & OPTION_ARG_OPTIONAL))
		return 1;
	if (left < 2)
		usage_error(program, "option '--%s' needs a value: --%s=%s", o->name, o->name,
			    o->arg);
	return 2;
}

/* Checks a bundle "-abc"; returns how many arguments it takes. */
static int check_short(const struct argp_option *table, int left, char **argv, const char *program)
{
	for (const char *c = argv[0] + 1; *c; c++) {
		const struct argp_option *o = find_short(table, *c);

		if (!o)
			usage_error(program, "unknown option '-%c'; see '%s --help'",
				    isprint((unsigned char)*c) ? *c : '?', program);
		if (!o->arg)
			continue;
		if (c[1] || (o->flags & OPTION_ARG_OPTIONAL))
			return 1;
		if (left < 2)
			usage_error(program, "option '-%c' needs a value: -%c %s", *c, *c, o->arg);
		return 2;
	}
	return 1;
}

void parse_options(const struct argp *argp, int argc, char **argv, void *input)
{
	error_t err;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0;) {
		if (strncmp(argv[i], "--", 2) == 0)
			i += check_long(argp->options, argc - i, argv + i, argv[0]);
		else if (argv[i][0] == '-' && argv[i][1])
			i += check_short(argp->options, argc - i, argv + i, argv[0]);
		else
			i++;
	}
	argp_err_exit_status = EXIT_USAGE;
	err = argp_parse(argp, argc, argv, 0, NULL, input);
	if (err)
		usage_error(argv[0], "%s", strerror(err));
}

u64 parse_number(const char *program, const char *option, const char *text, u64 low, u64 high)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || n < low || n > high)
		usage_error(program, "%s: '%s' is not a number from %llu to %llu", option, text,
			    (unsigned long long)low, (unsigned long long)high);
	return n;
}
