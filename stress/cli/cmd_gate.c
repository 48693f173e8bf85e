/* SPDX-License-Identifier: MIT */
/* kmemlab gate: fails a job when runs are significantly worse than a baseline. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stress/cli/command.h"
#include "stress/cli/compare_options.h"
#include "stress/compare/gate.h"
#include "stress/report/array.h"

enum option_key { KEY_BASELINE = 0x100, KEY_FAIL, KEY_JUNIT, KEY_ANNOTATE, KEY_GATE_MD };

struct arguments {
	const char *program, *baseline, *junit, *md;
	bool github;
	struct compare_command cmp;
	struct gate gate;
	struct run_set runs;
};

static void add_rule(struct arguments *a, const char *text)
{
	struct report_error err;

	if (gate_add_rule(&a->gate, text, &err))
		usage_error(a->program, "%s", err.text);
}

static void add_runs(struct arguments *a, const char *file)
{
	struct report_error err;

	if (run_set_add(&a->runs, file, &err))
		usage_error(a->program, "%s", err.text);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const annotations[] = { "github" };
	struct arguments *a = state->input;

	switch (key) {
	case KEY_BASELINE:
		a->baseline = arg;
		return 0;
	case KEY_FAIL:
		add_rule(a, arg);
		return 0;
	case KEY_JUNIT:
		a->junit = arg;
		return 0;
	case KEY_GATE_MD:
		a->md = arg;
		return 0;
	case KEY_ANNOTATE:
		if (strcmp(arg, annotations[0]) != 0)
			unknown_name(a->program, "kind of annotation", arg, annotations, 1);
		a->github = true;
		return 0;
	case ARGP_KEY_ARG:
		add_runs(a, arg);
		return 0;
	default:
		return compare_option(&a->cmp, a->program, key, arg);
	}
}

static const struct argp_option options[] = {
	{ "baseline", KEY_BASELINE, "[LABEL=]FILES", 0, "the runs to compare with", 0 },
	{ "fail", KEY_FAIL, "RULE", 0,
	  "fail when RULE is true, as zone.acq>+2% or wait%>+1pp,p<.01; may be repeated. Without "
	  "it, fail when kmemlab diff says worse", 0 },
	{ "junit", KEY_JUNIT, "FILE", 0, "write JUnit XML", 1 },
	{ "annotate", KEY_ANNOTATE, "KIND", 0, "print annotations: github", 1 },
	{ "md", KEY_GATE_MD, "FILE", 0, "write a Markdown table", 1 },
	{ "json", KEY_COMPARE_JSON, NULL, 0, "print JSON instead of text", 1 },
	{ "min-effect", KEY_COMPARE_EFFECT, "PERCENT", 0,
	  "without rules: smallest relative change that counts (default 5)", 2 },
	{ "min-share", KEY_COMPARE_SHARE, "PERCENT", 0,
	  "without rules: smallest change of waiting that counts, of CPU time (default 1)", 2 },
	{ "level", KEY_COMPARE_LEVEL, "P", 0, "without rules: level of p (default 0.05)", 2 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse, .args_doc = "FILE...",
	.doc = "Compares the runs in FILE... with a baseline and fails when a rule is true."
	       "\vExit status: 0 passed, 1 a check failed, 2 wrong usage or unusable input, 3 not "
	       "comparable, or too few runs to decide.",
};

/* Writes one of the files; a failure is printed and returned. */
static int write_file(const struct gate *g, const char *option, const char *path,
		      void (*print)(const struct gate *, FILE *))
{
	FILE *out = path ? fopen(path, "we") : NULL;

	if (!path)
		return 0;
	if (out) {
		print(g, out);
		if (!ferror(out) && !fclose(out))
			return 0;
	}
	fprintf(stderr, "%s: cannot write %s: %s; name another file\n", option, path,
		strerror(errno));
	return -EIO;
}

static void print_notes(const struct comparison *c)
{
	for (u32 i = 0; i < c->remarks.nr; i++)
		printf("%s: %s\n", c->remarks.list[i].kind == REMARK_OBSTACLE ? "not comparable" :
		       c->remarks.list[i].kind == REMARK_SAME ? "same" :
		       c->remarks.list[i].kind == REMARK_NOTE ? "note" : "differs",
		       c->remarks.list[i].text);
}

static int decide(struct arguments *a, const struct comparison *c)
{
	struct gate *g = &a->gate;
	struct report_error err;
	int rc;

	if (c->remarks.nr_obstacles) {
		print_notes(c);
		return EXIT_NOT_COMPARABLE;
	}
	if (g->nr_rules && gate_apply(g, c, &err))
		usage_error(a->program, "%s", err.text);
	if (!g->nr_rules)
		gate_apply_default(g, c);
	rc = g->nr_failed ? EXIT_FAILED : g->nr_undecided ? EXIT_NOT_COMPARABLE : EXIT_DONE;
	if (!g->nr_rules && c->nr_tested && c->least_p >= c->opt.level && !rc)
		rc = EXIT_NOT_COMPARABLE;
	if (a->cmp.json) {
		rc = print_and_free(gate_json(g), rc);
	} else {
		print_notes(c);
		gate_print(g, stdout);
	}
	if (a->github)
		gate_print_github(g, a->cmp.json ? stderr : stdout);
	if (write_file(g, "--junit", a->junit, gate_print_junit) ||
	    write_file(g, "--md", a->md, gate_print_markdown))
		rc = EXIT_FAILED;
	return rc;
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0], .cmp = { .opt = COMPARE_DEFAULTS } };
	struct report_error err;
	struct comparison c;
	struct run_set base;
	int rc;

	a.runs.label = string_copy("new");
	parse_options(&argp, argc, argv, &a);
	if (!a.baseline)
		usage_error(a.program, "name the runs to compare with: --baseline=FILES");
	if (!a.runs.nr)
		usage_error(a.program, "name the runs to check; see '%s --help'", a.program);
	if (run_set_load(&base, a.baseline, "baseline", &err))
		usage_error(a.program, "%s", err.text);
	compare_sets(&c, &base, &a.runs, &a.cmp.opt);
	rc = decide(&a, &c);
	if (fflush(stdout) == EOF || ferror(stdout))
		rc = EXIT_FAILED;
	comparison_free(&c);
	gate_free(&a.gate);
	run_set_free(&base);
	run_set_free(&a.runs);
	return rc;
}

KMEMLAB_COMMAND(gate, 33, "fail a job when runs are worse than a baseline", run);
