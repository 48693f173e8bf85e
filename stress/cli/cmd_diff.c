/* SPDX-License-Identifier: MIT */
/* kmemlab diff: what changed between two sets of runs, and how sure that is. */
#include <stdio.h>

#include "stress/cli/command.h"
#include "stress/cli/compare_options.h"

struct arguments {
	const char *program, *set[2];
	u32 nr;
	struct compare_command cmp;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	if (key != ARGP_KEY_ARG)
		return compare_option(&a->cmp, a->program, key, arg);
	if (a->nr == 2)
		usage_error(a->program, "two sets, not more; '%s' is too many: quote a pattern, or "
			    "list files with commas", arg);
	a->set[a->nr++] = arg;
	return 0;
}

static const struct argp_option options[] = { COMPARE_OPTIONS, { NULL, 0, NULL, 0, NULL, 0 } };

static const struct argp argp = {
	.options = options, .parser = parse, .args_doc = "[LABEL=]FILES [LABEL=]FILES",
	.doc = "Compares the runs of the second set with those of the first. FILES is a result "
	       "file, a file with several runs, a quoted pattern, or a list of these with commas."
	       COMPARE_STATUS_DOC,
};

static int run(int argc, char **argv)
{
	static const char *const labels[] = { "A", "B" };
	struct arguments a = { .program = argv[0], .cmp = { .opt = COMPARE_DEFAULTS } };
	struct run_set set[2];
	struct report_error err;
	int rc;

	parse_options(&argp, argc, argv, &a);
	if (a.nr < 2)
		usage_error(a.program, "name two sets of result files; see '%s --help'", a.program);
	for (u32 i = 0; i < 2; i++)
		if (run_set_load(&set[i], a.set[i], labels[i], &err))
			usage_error(a.program, "%s", err.text);
	rc = compare_and_print(&a.cmp, &set[0], &set[1]);
	run_set_free(&set[0]);
	run_set_free(&set[1]);
	return rc;
}

KMEMLAB_COMMAND(diff, 31, "compare two sets of runs", run);
