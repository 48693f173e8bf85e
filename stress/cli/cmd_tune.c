/* SPDX-License-Identifier: MIT */
/* kmemlab tune: the best sizes of the per-CPU caches for a trace or a workload. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "percpu/objcache_policy.h"
#include "percpu/pagelist_policy.h"
#include "stress/cli/command.h"
#include "stress/harness/parse.h"
#include "stress/report/array.h"
#include "stress/report/result_file.h"
#include "stress/tune/tune_pool.h"
#include "stress/tune/tune_report.h"

enum option_key {
	KEY_HELD = 0x100, KEY_WHAT, KEY_POLICY, KEY_GOAL, KEY_MAX_STRANDED, KEY_HALVING, KEY_RUNS,
	KEY_SEED, KEY_STATE, KEY_MERGE, KEY_SHARD, KEY_JSON, KEY_OUT, KEY_HTML, KEY_QUIET,
	KEY_WARM_UP,
	KEY_AXIS,		/* + enum tune_field */
};

#define MAX_RUNS	200
#define MAX_SHARDS	100000

struct arguments {
	const char *program, *input, *held_out, *state, *out, *html;
	FILE *out_file, *html_file;	/* opened before there is anything to lose */
	const char **merge;
	u32 nr_merge;
	char **extra;			/* options of a workload */
	u32 nr_extra;
	const char *what;		/* "pages", "slab" or NULL */
	const char *policies;
	const char *axis[NR_TUNE_FIELDS];
	u64 seed;
	u32 warm_up;			/* percent, or TUNE_UNSET */
	struct tune_options opt;
	bool json;
};

/* What one axis may hold. */
static const struct {
	const char *option;
	u32 low, high;
} axes[NR_TUNE_FIELDS] = {
	[TUNE_BATCH] = { "--batch", 1, 16384 },
	[TUNE_HIGH] = { "--high", 1, 1u << 24 },
	[TUNE_WINDOW] = { "--window", 1, 64 },
	[TUNE_FRACTION] = { "--fraction", 8, 1u << 30 },
	[TUNE_SCALE] = { "--scale", 0, PAGELIST_SCALE_LIMIT },
	[TUNE_ROUNDS] = { "--rounds", 0, OBJCACHE_ROUNDS_MAX },
	[TUNE_DEPOT] = { "--depot", 0, 1u << 20 },
	[TUNE_STASH] = { "--stash", 0, 1u << 20 },
	[TUNE_IMPORT] = { "--import", 1, OBJCACHE_IMPORT_MAX },
};

static const struct argp_option options[] = {
	{ "held-out", KEY_HELD, "TRACE", 0, "confirm on this trace (default: tune on the first "
	  "half of the input, confirm on the second; a workload: on other seeds)", 1 },
	{ "warm-up", KEY_WARM_UP, "PERCENT", 0, "first part of the input that is not counted "
	  "(default: 25 of a slab trace, whose caches start empty; else 0)", 1 },
	{ "goal", KEY_GOAL, "GOAL", 0, "latency, balanced (default) or memory", 1 },
	{ "max-stranded", KEY_MAX_STRANDED, "SIZE", 0, "most memory that may be stranded at any "
	  "time (64MiB), instead of twice that of Linux 6.1", 1 },
	{ "what", KEY_WHAT, "KIND", 0, "of a workload: pages (default) or slab", 1 },
	{ NULL, 0, NULL, 0, "Grid; LIST is 15,31,63 or 16..1024, which doubles:", 2 },
	{ "policy", KEY_POLICY, "LIST", 0, "page lists: fixed, linux-6.1, linux-6.18, linux-7.2; "
	  "slab: magazines, bonwick, sheaves", 2 },
	{ "batch", KEY_AXIS + TUNE_BATCH, "LIST", 0, "pages per transfer", 2 },
	{ "high", KEY_AXIS + TUNE_HIGH, "LIST", 0, "most pages on a CPU's lists", 2 },
	{ "window", KEY_AXIS + TUNE_WINDOW, "LIST", 0, "tuned up to this x high", 2 },
	{ "fraction", KEY_AXIS + TUNE_FRACTION, "LIST", 0, "vm.percpu_pagelist_high_fraction", 2 },
	{ "scale", KEY_AXIS + TUNE_SCALE, "LIST", 0, "largest transfer is batch << this", 2 },
	{ "rounds", KEY_AXIS + TUNE_ROUNDS, "LIST", 0, "objects per magazine or sheaf", 2 },
	{ "depot", KEY_AXIS + TUNE_DEPOT, "LIST", 0, "full arrays per depot or barn", 2 },
	{ "stash", KEY_AXIS + TUNE_STASH, "LIST", 0, "objects in a CPU's own full magazines", 2 },
	{ "import", KEY_AXIS + TUNE_IMPORT, "LIST", 0, "objects per miss from the slabs", 2 },
	{ "halving", KEY_HALVING, "WHEN", 0, "auto (default: for long inputs), on or off: try all "
	  "on a short part first", 2 },
	{ NULL, 0, NULL, 0, "Work:", 3 },
	{ "jobs", 'j', "N", 0, "processes at a time (default: the cores, 1 for a workload)", 3 },
	{ "state", KEY_STATE, "FILE", 0, "keep every result here and go on from it", 3 },
	{ "shard", KEY_SHARD, "I/N", 0, "measure part I of N into --state, and no more", 3 },
	{ "merge", KEY_MERGE, "FILE", 0, "take the results of this state file; may be repeated",
	  3 },
	{ "runs", KEY_RUNS, "N", 0, "of each survivor when counts are sampled (default 10)", 3 },
	{ "seed", KEY_SEED, "N", 0, "of sampling and workloads (1)", 3 },
	{ "quiet", KEY_QUIET, NULL, 0, "no progress bar", 3 },
	{ NULL, 0, NULL, 0, "Output:", 4 },
	{ "json", KEY_JSON, NULL, 0, "print the result as JSON instead of text", 4 },
	{ "out", KEY_OUT, "FILE", 0, "write the result as JSON", 4 },
	{ "html", KEY_HTML, "FILE", 0, "write one HTML page that needs no network", 4 },
	{ 0 }
};

static u32 number(const struct arguments *a, const char *option, const char *arg, u64 low,
		  u64 high)
{
	return (u32)parse_number(a->program, option, arg, low, high);
}

/* Place of @arg among @names; anything else is a usage error. */
static u32 choice(const struct arguments *a, const char *what, const char *arg,
		  const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(arg, names[i]) == 0)
			return (u32)i;
	unknown_name(a->program, what, arg, names, nr);
}

static void parse_goal(struct arguments *a, const char *arg)
{
	const char *names[NR_TUNE_GOALS];

	for (unsigned int i = 0; i < NR_TUNE_GOALS; i++)
		names[i] = tune_goal_name((enum tune_goal)i);
	a->opt.goal = (enum tune_goal)choice(a, "goal", arg, names, NR_TUNE_GOALS);
}

static void parse_limit(struct arguments *a, const char *arg)
{
	u64 bytes;

	if (parse_size(arg, &bytes) || !bytes)
		usage_error(a->program, "--max-stranded: '%s' is no size; give one like 64MiB",
			    arg);
	a->opt.max_stranded = (double)bytes;
}

static void parse_shard(struct arguments *a, const char *arg)
{
	const char *slash = strchr(arg, '/');
	char first[16];

	if (!slash || slash - arg >= (ptrdiff_t)sizeof(first))
		usage_error(a->program, "--shard: '%s' is no part; give I/N like 2/8", arg);
	snprintf(first, sizeof(first), "%.*s", (int)(slash - arg), arg);
	a->opt.nr_shards = number(a, "--shard", slash + 1, 1, MAX_SHARDS);
	a->opt.shard = number(a, "--shard", first, 1, a->opt.nr_shards);
}

static error_t parse_run(int key, char *arg, struct arguments *a)
{
	static const char *const halving[] = { "auto", "on", "off" };

	switch (key) {
	case KEY_HALVING:
		a->opt.halving = (enum tune_halving)choice(a, "halving", arg, halving,
							   ARRAY_SIZE(halving));
		return 0;
	case 'j':
		a->opt.jobs = number(a, "--jobs", arg, 1, TUNE_JOBS_MAX);
		return 0;
	case KEY_WARM_UP:
		a->warm_up = number(a, "--warm-up", arg, 0, 90);
		return 0;
	case KEY_STATE:
		a->state = arg;
		return 0;
	case KEY_SHARD:
		parse_shard(a, arg);
		return 0;
	case KEY_MERGE:
		*array_add(a->merge, a->nr_merge) = arg;
		return 0;
	case KEY_RUNS:
		a->opt.runs = number(a, "--runs", arg, 1, MAX_RUNS);
		return 0;
	case KEY_SEED:
		a->seed = parse_number(a->program, "--seed", arg, 0, INT64_MAX / 2);
		return 0;
	case KEY_QUIET:
		a->opt.quiet = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const kinds[] = { "pages", "slab" };
	struct arguments *a = state->input;

	if (key >= KEY_AXIS && key < KEY_AXIS + NR_TUNE_FIELDS) {
		a->axis[key - KEY_AXIS] = arg;
		return 0;
	}
	switch (key) {
	case KEY_HELD:
		a->held_out = arg;
		return 0;
	case KEY_GOAL:
		parse_goal(a, arg);
		return 0;
	case KEY_MAX_STRANDED:
		parse_limit(a, arg);
		return 0;
	case KEY_WHAT:
		a->what = kinds[choice(a, "kind", arg, kinds, ARRAY_SIZE(kinds))];
		return 0;
	case KEY_POLICY:
		a->policies = arg;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_OUT:
		a->out = arg;
		return 0;
	case KEY_HTML:
		a->html = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->input)
			a->input = arg;
		else
			*array_add(a->extra, a->nr_extra) = arg;
		return 0;
	default:
		return parse_run(key, arg, a);
	}
}

static const struct argp argp = {
	options, parse, "TRACE | WORKLOAD -- [OPTION...]",
	"Measures a grid of settings of the per-CPU caches, and says which are worth it.\v"
	"TRACE is what kmemlab replay takes. WORKLOAD is a stress binary (pages, slab, ...), its "
	"options come behind --. docs/tune.md explains the report.\n\n"
	"Shards, for GNU parallel or a Slurm array:\n"
	"  kmemlab tune TRACE --shard $I/8 --state part-$I\n"
	"  kmemlab tune TRACE --merge part-1 ... --merge part-8\n\n" EXIT_STATUS_DOC,
	NULL, NULL, NULL
};

/* ---- inputs ---- */

static bool is_path(const char *name)
{
	struct stat st;

	return strchr(name, '/') || stat(name, &st) == 0;
}

static void open_workload(struct arguments *a, struct tune_source *sources)
{
	static char path[4400];
	struct tune_workload wl = {
		.program = path, .name = a->input, .seed = a->seed,
		.kind = a->what && strcmp(a->what, "slab") == 0 ? TUNE_SLAB : TUNE_PAGES,
	};
	struct tune_error err;

	snprintf(path, sizeof(path), "%s/stress-%.200s", program_folder(), a->input);
	if (access(path, X_OK) != 0)
		usage_error(a->program, "no trace and no workload '%s'; name a recording's folder, "
			    "or a workload that `kmemlab stress --help` lists", a->input);
	*array_add(a->extra, a->nr_extra) = NULL;
	wl.args = a->extra;
	if (a->held_out)
		usage_error(a->program, "--held-out: a workload is confirmed on other seeds; leave "
			    "it out");
	for (u32 i = 0; i < 2; i++) {
		wl.seed_offset = i * 1000;
		if (tune_source_open_workload(&sources[i], &wl, &err))
			usage_error(a->program, "%s", err.text);
	}
}

/* Opens the input and the held-out one; returns how many. */
static u32 open_sources(struct arguments *a, struct tune_source *sources)
{
	struct tune_error err;

	if (!is_path(a->input)) {
		open_workload(a, sources);
		return 2;
	}
	if (a->nr_extra)
		usage_error(a->program, "one trace at a time; '%s' is a second one (--held-out?)",
			    a->extra[0]);
	if (a->what)
		usage_error(a->program, "--what: a trace says itself what it holds; leave it out");
	if (tune_source_open_trace(&sources[0], a->input, a->seed, &err))
		usage_error(a->program, "%s", err.text);
	if (!a->held_out)
		return 1;
	if (tune_source_open_trace(&sources[1], a->held_out, a->seed, &err))
		usage_error(a->program, "--held-out: %s", err.text);
	if (sources[1].kind != sources[0].kind)
		usage_error(a->program, "--held-out: %s is a %s and %s a %s; give two of one kind",
			    a->held_out, sources[1].what, a->input, sources[0].what);
	return 2;
}

static void check_policies(const struct arguments *a, enum tune_kind kind)
{
	const char *list = a->policies, *names;
	char name[32];

	while (list && *list) {
		size_t len = strcspn(list, ",");

		snprintf(name, sizeof(name), "%.*s", (int)min(len, sizeof(name) - 1), list);
		if (!tune_policy_known(kind, name, &names))
			usage_error(a->program, "--policy: '%s' has no grid here; give some of %s",
				    name, names);
		list += len + (list[len] == ',');
	}
}

static void make_space(const struct arguments *a, const struct tune_source *src,
		       struct tune_space *space)
{
	struct tune_grid grid;

	tune_grid_default(&grid, src->kind);
	check_policies(a, src->kind);
	grid.policies = a->policies;
	if (!src->exact_hold && src->kind == TUNE_PAGES)
		grid.axis[TUNE_WINDOW] = (struct tune_axis){ { 1 }, 1 };
	for (unsigned int f = 0; f < NR_TUNE_FIELDS; f++) {
		if (!a->axis[f])
			continue;
		if (!grid.axis[f].nr)
			usage_error(a->program, "%s: a %s has no such size; leave it out",
				    axes[f].option, src->what);
		if (tune_axis_parse(&grid.axis[f], a->axis[f], axes[f].low, axes[f].high))
			usage_error(a->program, "%s: '%s' is no rising list of numbers from %u to "
				    "%u; give one like 15,31,63 or 16..1024", axes[f].option,
				    a->axis[f], axes[f].low, axes[f].high);
	}
	tune_space_make(space, src->kind, &grid);
}

/* ---- output ---- */

static FILE *open_file(const struct arguments *a, const char *option, const char *path)
{
	FILE *file = path ? fopen(path, "we") : NULL;

	if (path && !file)
		usage_error(a->program, "%s: %s: %s; name a file that can be written", option, path,
			    strerror(errno));
	return file;
}

static void write_result(const struct arguments *a, const struct tune_result *r)
{
	json_t *json = tune_json(r);

	if (!a->json)
		tune_print(r, stdout);
	else if (result_json_write(json, stdout))
		usage_error(a->program, "standard output cannot be written");
	if (a->out && (result_json_write(json, a->out_file) || fclose(a->out_file)))
		usage_error(a->program, "--out: %s: %s; name a file that can be written", a->out,
			    strerror(errno));
	if (a->html && (tune_html(r, a->html_file) || fclose(a->html_file)))
		usage_error(a->program, "--html: %s: %s; name a file that can be written", a->html,
			    strerror(errno));
	json_decref(json);
}

static void check_arguments(const struct arguments *a)
{
	if (!a->input)
		usage_error(a->program, "which trace or workload? see '%s --help'", a->program);
	if (!a->opt.nr_shards)
		return;
	if (!a->state)
		usage_error(a->program, "--shard: the results need a file; add --state FILE");
	if (a->opt.halving == TUNE_HALVING_ON)
		usage_error(a->program, "--halving: a shard does not know the others' results; "
			    "leave it out");
	if (a->out || a->html || a->json)
		usage_error(a->program, "--shard: a part has no result; merge the state files "
			    "first and give --json, --out and --html then");
}

static int tune(struct arguments *a, struct tune_store *store)
{
	struct tune_result result;
	struct tune_error err;

	for (u32 i = 0; i < a->nr_merge; i++)
		if (tune_store_load(store, a->merge[i], &err))
			usage_error(a->program, "--merge: %s", err.text);
	if (a->state && tune_store_open(store, a->state, &err))
		usage_error(a->program, "--state: %s", err.text);
	if (!a->opt.jobs)
		a->opt.jobs = store->sources[0].exact ? (u32)sysconf(_SC_NPROCESSORS_ONLN) : 1;
	if (a->warm_up == TUNE_UNSET)
		a->warm_up = store->sources[0].warm_up;
	a->opt.warm_up = a->warm_up * TUNE_PARTS / 100;
	if (tune_run(&result, &a->opt, store, &err)) {
		fprintf(stderr, "%s: %s\n", a->program, err.text);
		return EXIT_FAILED;
	}
	if (a->opt.nr_shards)
		tune_print_shard(&result, a->state, stdout);
	else
		write_result(a, &result);
	tune_result_free(&result);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct arguments a = {
		.program = argv[0], .seed = 1, .warm_up = TUNE_UNSET,
		.opt = { .goal = TUNE_GOAL_BALANCED, .runs = 10 },
	};
	struct tune_source sources[2] = { 0 };
	struct tune_space space;
	struct tune_store store;
	u32 nr;
	int status;

	parse_options(&argp, argc, argv, &a);
	check_arguments(&a);
	a.out_file = open_file(&a, "--out", a.out);
	a.html_file = open_file(&a, "--html", a.html);
	nr = open_sources(&a, sources);
	make_space(&a, &sources[0], &space);
	tune_store_init(&store, &space, sources, nr);
	status = tune(&a, &store);
	tune_store_destroy(&store);
	tune_space_destroy(&space);
	for (u32 i = 0; i < nr; i++)
		tune_source_close(&sources[i]);
	free(a.merge);
	free(a.extra);
	return status;
}

KMEMLAB_COMMAND(tune, 31, "find the best sizes of the per-CPU caches for a trace or workload", run);
