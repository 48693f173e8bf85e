/* SPDX-License-Identifier: MIT */
/*
 * kmemlab bench: runs two configurations of a stress binary in turns and compares them.
 *
 * The turns (ABAB...) make both sides see the same drift of the machine: temperature, other load.
 * Run i has the same seed on both sides, and each result notes its place in the order.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/cli/command.h"
#include "stress/cli/compare_options.h"
#include "stress/cli/launch.h"
#include "stress/report/array.h"

#define RUNS_MAX	1000
#define WORDS_MAX	200

enum option_key { KEY_RUNS = 0x100, KEY_SEED, KEY_ONE_SEED, KEY_OUT, KEY_TIMEOUT };

/* One of the two configurations. */
struct side {
	char *label, *text;		/* @text is cut into words in place */
	char *words[WORDS_MAX + 8];	/* the command, NULL at its end */
	u32 nr;
	char path[4400];		/* of the program */
	struct run_set runs;
};

struct arguments {
	const char *program, *side[2], *out;
	char **command;
	u32 nr_sides, nr_command, runs;
	u64 seed, timeout_s;
	bool one_seed;
	struct compare_command cmp;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'n':
		a->runs = (u32)parse_number(a->program, "--runs", arg, 1, RUNS_MAX);
		return 0;
	case KEY_SEED:
		a->seed = parse_number(a->program, "--seed", arg, 0, INT64_MAX - RUNS_MAX);
		return 0;
	case KEY_ONE_SEED:
		a->one_seed = true;
		return 0;
	case KEY_OUT:
		a->out = arg;
		return 0;
	case KEY_TIMEOUT:
		a->timeout_s = parse_number(a->program, "--timeout", arg, 1, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		if (a->nr_sides < 2)
			a->side[a->nr_sides++] = arg;
		else
			*array_add(a->command, a->nr_command) = arg;
		return 0;
	default:
		return compare_option(&a->cmp, a->program, key, arg);
	}
}

static const struct argp_option options[] = {
	{ "runs", 'n', "N", 0, "runs of each side (default 10; below 6 no interval exists)", 0 },
	{ "seed", KEY_SEED, "S", 0, "of the first run; each next run has the next (default 1)", 0 },
	{ "one-seed", KEY_ONE_SEED, NULL, 0,
	  "the same seed in every run: shows which counters are exact", 0 },
	{ "out", KEY_OUT, "PREFIX", 0, "keep the results as PREFIX-LABEL.json", 0 },
	{ "timeout", KEY_TIMEOUT, "S", 0, "longest time of one run in seconds (default 600)", 0 },
	COMPARE_OPTIONS,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse,
	.args_doc = "[LABEL=]CONFIG [LABEL=]CONFIG -- WORKLOAD [OPTION...]",
	.doc = "Runs WORKLOAD (a stress binary, as pages) with the options of each CONFIG in turns "
	       "and compares the results. CONFIG is one argument: options separated by blanks, "
	       "as 'big=--pcp-batch 63', or a program of its own and options."
	       COMPARE_STATUS_DOC,
};

/* ---- commands ---- */

/* "main=--pcp-batch 63": the label ends at the first '=' that is not an option's. */
static void split_label(struct side *s, const char *text, const char *label)
{
	const char *equals = strchr(text, '=');
	size_t word = strcspn(text, "-/ \t=");

	if (equals && equals > text && text[word] == '=') {
		s->label = strndup(text, (size_t)(equals - text));
		text = equals + 1;
	} else {
		s->label = string_copy(label);
	}
	s->text = string_copy(text);
}

static void add_word(const char *program, struct side *s, char *word)
{
	if (s->nr == WORDS_MAX)
		usage_error(program, "more than %d words in the command of %s", WORDS_MAX,
			    s->label);
	s->words[s->nr++] = word;
}

/* The side's own program first, else the common one; then common options, then the side's. */
static void build_command(const struct arguments *a, struct side *s, u32 i)
{
	static const char *const labels[] = { "A", "B" };
	char *own[WORDS_MAX], *rest, *word;
	u32 nr = 0, first = 0, common = 0;

	split_label(s, a->side[i], labels[i]);
	rest = s->text;
	while ((word = strsep(&rest, " \t")) != NULL)
		if (*word && nr < WORDS_MAX)
			own[nr++] = word;
	if (nr && own[0][0] != '-')
		add_word(a->program, s, own[first++]);
	if (!first && (!a->nr_command || a->command[0][0] == '-'))
		usage_error(a->program, "name the workload behind --: kmemlab bench A B -- pages");
	/* A program of the side's own stands for the common one. */
	if (first && a->nr_command && a->command[0][0] != '-')
		common = 1;
	while (common < a->nr_command)
		add_word(a->program, s, a->command[common++]);
	while (first < nr)
		add_word(a->program, s, own[first++]);
	launch_find(a->program, s->words[0], s->path, sizeof(s->path));
}

/* ---- running ---- */

/* Runs @s once; its result goes to @file.  Returns 0, or -1 when there is no result. */
static int run_once(const struct arguments *a, struct side *s, u64 seed, char *file)
{
	char seed_text[32], *extra[] = { "--seed", seed_text, "--out", file, "--quiet", NULL };

	snprintf(seed_text, sizeof(seed_text), "%llu", (unsigned long long)seed);
	memcpy(&s->words[s->nr], extra, sizeof(extra));
	return launch_stress(a->program, s->path, s->words, a->timeout_s, NULL);
}

/* Reads the result into the side's set and notes its place in the order. */
static int collect(const struct arguments *a, struct side *s, const char *file, u64 sequence)
{
	struct report_error err;
	char name[64];
	json_t *json;
	int rc;

	json = result_json_read(file, &rc, &err);
	if (json) {
		json_object_set_new(json, "bench", json_pack("{s:s,s:I}", "label", s->label,
							     "sequence", (json_int_t)sequence));
		snprintf(name, sizeof(name), "%.40s[%u]", s->label, s->runs.nr);
		rc = run_set_add_json(&s->runs, json, name, &err);
	}
	if (rc)
		fprintf(stderr, "%s: %s\n", a->program, err.text);
	return rc;
}

static void show_progress(u32 done, u32 all, const char *label)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rbench: run %u of %u (%.30s) \033[K%s", done, all, label,
			done == all ? "\r\033[K" : "");
}

static int run_all(const struct arguments *a, struct side *sides)
{
	const char *tmp = getenv("TMPDIR");
	char folder[256], file[300];
	int rc = 0;

	snprintf(folder, sizeof(folder), "%.200s/kmemlab-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		fprintf(stderr, "%s: cannot make %s: %s; set TMPDIR\n", a->program, folder,
			strerror(errno));
		return -1;
	}
	snprintf(file, sizeof(file), "%s/result.json", folder);
	for (u32 i = 0; i < 2 * a->runs && !rc; i++) {
		struct side *s = &sides[i % 2];

		show_progress(i + 1, 2 * a->runs, s->label);
		rc = run_once(a, s, a->seed + (a->one_seed ? 0 : i / 2), file);
		if (!rc)
			rc = collect(a, s, file, i);
		unlink(file);
	}
	rmdir(folder);
	return rc;
}

static int keep(const struct arguments *a, const struct side *s)
{
	char path[1024];
	json_t *json;
	FILE *out;
	int rc = -1;

	if (!a->out)
		return 0;
	snprintf(path, sizeof(path), "%.800s-%.100s.json", a->out, s->label);
	out = fopen(path, "we");
	json = run_set_json(&s->runs);
	if (out)
		rc = result_json_write(json, out);
	if (out && fclose(out))
		rc = -1;
	json_decref(json);
	if (rc)
		fprintf(stderr, "%s: cannot write %s: %s; give another --out\n", a->program, path,
			strerror(errno));
	return rc;
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0], .runs = 10, .seed = 1, .timeout_s = 600,
			       .cmp = { .opt = COMPARE_DEFAULTS } };
	struct side sides[2] = { 0 };
	int rc;

	parse_options(&argp, argc, argv, &a);
	if (a.nr_sides < 2)
		usage_error(a.program, "name two configurations; see '%s --help'", a.program);
	for (u32 i = 0; i < 2; i++) {
		build_command(&a, &sides[i], i);
		sides[i].runs.label = sides[i].label;
	}
	if (strcmp(sides[0].label, sides[1].label) == 0)
		usage_error(a.program, "both sides are called '%s'; give each a LABEL=",
			    sides[0].label);
	rc = run_all(&a, sides) ? EXIT_USAGE : EXIT_DONE;
	if (!rc && (keep(&a, &sides[0]) || keep(&a, &sides[1])))
		rc = EXIT_USAGE;
	if (!rc)
		rc = compare_and_print(&a.cmp, &sides[0].runs, &sides[1].runs);
	for (u32 i = 0; i < 2; i++) {
		run_set_free(&sides[i].runs);
		free(sides[i].text);
	}
	free(a.command);
	return rc;
}

KMEMLAB_COMMAND(bench, 32, "run two configurations in turns and compare them", run);
