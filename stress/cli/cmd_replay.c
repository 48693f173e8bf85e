/* SPDX-License-Identifier: MIT */
/* kmemlab replay: a recorded kernel trace on this machine, and how closely it follows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mm/page/pcp.h"
#include "runtime/spinlock.h"
#include "stress/cli/command.h"
#include "stress/cli/replay_slab.h"
#include "stress/replay/replay_bundle.h"
#include "stress/replay/replay_report.h"
#include "stress/report/result_file.h"

enum option_key {
	KEY_PCP = 0x100, KEY_BATCH, KEY_HIGH, KEY_FRACTION, KEY_SCALE, KEY_MODE, KEY_REPEAT,
	KEY_SEED, KEY_OUT, KEY_JSON, KEY_LOCK, KEY_LOCKSTAT, KEY_SMALL_CACHE,
	KEY_SLAB, KEY_MAG,
};

/* Bounds of the options; a list of 2^24 pages holds 64 GiB. */
#define MAX_BATCH	16384
#define MAX_HIGH	(1u << 24)
#define MAX_FRACTION	(1u << 30)
#define MAX_REPEAT	10000

struct arguments {
	const char *program, *bundle, *out;
	FILE *file;		/* of @out; opened before there is anything to lose */
	struct replay_options opt;
	const char *slab;	/* policy; NULL: all */
	u32 mag;
	bool is_slab;		/* slab events are to be replayed */
	unsigned int repeat;
	bool json;
};

static const struct argp_option options[] = {
	{ "pcp", KEY_PCP, "POLICY", 0, "per-CPU page lists: auto (as recorded), none, fixed, "
	  "linux-6.1, linux-6.12, linux-6.18, linux-7.2", 1 },
	{ "pcp-batch", KEY_BATCH, "PAGES", 0, "pages per transfer", 1 },
	{ "pcp-high", KEY_HIGH, "PAGES", 0, "most pages on a CPU's lists, without tuning", 1 },
	{ "pcp-high-fraction", KEY_FRACTION, "N", 0, "vm.percpu_pagelist_high_fraction", 1 },
	{ "pcp-scale-max", KEY_SCALE, "N", 0, "largest transfer is batch << N, 0..6", 1 },
	{ "small-cache", KEY_SMALL_CACHE, NULL, 0,
	  "the recorded CPUs had less data cache than 3 batches each", 1 },
	{ "slab", KEY_SLAB, "POLICY", 0, "slab events: magazines, bonwick, sheaves, sheaves-32, "
	  "none or all (default for a trace without page events)", 1 },
	{ "mag", KEY_MAG, "N", 0, "objects per magazine or sheaf", 1 },
	{ "mode", KEY_MODE, "MODE", 0, "deterministic (exact counts) or concurrent (contention)",
	  2 },
	{ "lock", KEY_LOCK, "ALGORITHM", 0, "spinlock of the machine, see kmemlab doctor", 2 },
	{ "lockstat", KEY_LOCKSTAT, "WHAT", 0, "off, default or all", 2 },
	{ "repeat", KEY_REPEAT, "N", 0, "replay N times", 2 },
	{ "seed", KEY_SEED, "N", 0, "of the recorder's sampling (1)", 2 },
	{ "out", KEY_OUT, "FILE", 0, "write the result as JSON", 3 },
	{ "json", KEY_JSON, NULL, 0, "print the result as JSON instead of text", 3 },
	{ 0 }
};

static void parse_mode(struct arguments *a, const char *arg)
{
	static const char *const names[] = { "deterministic", "concurrent" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(arg, names[i]) == 0) {
			a->opt.mode = (enum replay_mode)i;
			return;
		}
	unknown_name(a->program, "mode", arg, names, ARRAY_SIZE(names));
}

static const char *parse_policy(struct arguments *a, const char *arg)
{
	const char *names[NR_PAGELIST_POLICIES + 1] = { "auto" };

	if (strcmp(arg, "auto") == 0)
		return NULL;
	if (pagelist_policy_by_name(arg) >= 0)
		return arg;
	for (unsigned int i = 0; i < NR_PAGELIST_POLICIES; i++)
		names[i + 1] = pagelist_policy_name((enum pagelist_policy)i);
	unknown_name(a->program, "policy", arg, names, ARRAY_SIZE(names));
}

static u32 number(const struct arguments *a, const char *option, const char *arg, u64 low,
		  u64 high)
{
	return (u32)parse_number(a->program, option, arg, low, high);
}

static error_t parse_setting(int key, char *arg, struct arguments *a)
{
	struct replay_setting *set = &a->opt.setting;

	switch (key) {
	case KEY_PCP:
		set->policy = parse_policy(a, arg);
		return 0;
	case KEY_BATCH:
		set->batch = number(a, "--pcp-batch", arg, 1, MAX_BATCH);
		return 0;
	case KEY_HIGH:
		set->high = number(a, "--pcp-high", arg, 1, MAX_HIGH);
		return 0;
	case KEY_FRACTION:
		set->high_fraction = number(a, "--pcp-high-fraction", arg, 0, MAX_FRACTION);
		if (set->high_fraction && set->high_fraction < 8)
			usage_error(a->program, "--pcp-high-fraction: %s is refused as by Linux; "
				    "give 0 or at least 8", arg);
		return 0;
	case KEY_SCALE:
		set->scale_max = number(a, "--pcp-scale-max", arg, 0, PAGELIST_SCALE_LIMIT);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_SMALL_CACHE:
		a->opt.small_cache = true;
		return 0;
	case KEY_SLAB:
		a->slab = replay_slab_policy(a->program, arg);
		a->is_slab = true;
		return 0;
	case KEY_MAG:
		a->mag = number(a, "--mag", arg, 1, OBJCACHE_ROUNDS_MAX);
		a->is_slab = true;
		return 0;
	case KEY_MODE:
		parse_mode(a, arg);
		return 0;
	case KEY_LOCK:
		if (spin_algorithm_by_name(arg) < 0)
			usage_error(a->program, "--lock: '%s' is unknown; `kmemlab doctor` lists "
				    "the locks", arg);
		a->opt.lock = arg;
		return 0;
	case KEY_LOCKSTAT:
		if (lockstat_mode_by_name(arg) < 0)
			usage_error(a->program, "--lockstat: '%s' is unknown; give off, default "
				    "or all", arg);
		a->opt.lockstat = arg;
		return 0;
	case KEY_REPEAT:
		a->repeat = number(a, "--repeat", arg, 1, MAX_REPEAT);
		return 0;
	case KEY_SEED:
		a->opt.seed = parse_number(a->program, "--seed", arg, 0, UINT64_MAX);
		return 0;
	case KEY_OUT:
		a->out = arg;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->bundle)
			usage_error(a->program, "one bundle at a time; '%s' is a second one", arg);
		a->bundle = arg;
		return 0;
	default:
		return parse_setting(key, arg, a);
	}
}

static const struct argp argp = {
	options, parse, "BUNDLE",
	"Replays a recorded page trace and compares refills and drains with the kernel's own.\v"
	"BUNDLE is a folder with trace.txt or trace.dat (.xz, .gz, .zst) and zoneinfo.before, or a "
	"trace file with those beside it.\n\n" EXIT_STATUS_DOC, NULL, NULL, NULL
};

static void check_sizes(const struct arguments *a)
{
	const struct replay_setting *set = &a->opt.setting;

	if (set->batch != REPLAY_NONE && set->high != REPLAY_NONE && set->high < set->batch)
		usage_error(a->program, "--pcp-high: %u is less than --pcp-batch %u; give at least "
			    "that", set->high, set->batch);
}

/* Replays once, or stops the program with what is wrong. */
static void run_once(const struct arguments *a, const struct replay_plan *plan,
		     const struct replay_options *opt, struct replay_outcome *out)
{
	struct mm_error err;

	if (replay_run(plan, opt, out, &err))
		usage_error(a->program, "%s: %s", a->bundle, err.text);
}

/* True when two deterministic runs counted the same. */
static bool same_counts(const struct replay_outcome *a, const struct replay_outcome *b)
{
	return a->ops == b->ops && a->refills == b->refills && a->drains == b->drains &&
	       a->refilled == b->refilled && a->drained == b->drained &&
	       a->zone_locks == b->zone_locks && a->stranded_max == b->stranded_max;
}

/* Replays as often as asked; the first run is the one that is reported. */
static bool run_all(const struct arguments *a, struct replay_report *r,
		    struct replay_outcome *out)
{
	bool same = true;

	run_once(a, r->plan, &a->opt, out);
	r->ns_min = out->ns;
	r->ns_max = out->ns;
	for (unsigned int i = 1; i < a->repeat; i++) {
		struct replay_outcome again;

		run_once(a, r->plan, &a->opt, &again);
		r->ns_min = min(r->ns_min, again.ns);
		r->ns_max = max(r->ns_max, again.ns);
		same = same && same_counts(out, &again);
		replay_outcome_free(&again);
	}
	return same || a->opt.mode == REPLAY_CONCURRENT;
}

static void write_result(const struct arguments *a, const struct replay_report *r)
{
	json_t *json = replay_report_json(r);

	if (a->file && (result_json_write(json, a->file) || fclose(a->file)))
		usage_error(a->program, "--out: %s: %s; name a file that can be written", a->out,
			    strerror(errno));
	if (a->json && result_json_write(json, stdout))
		usage_error(a->program, "standard output cannot be written");
	json_decref(json);
}

static int report(struct arguments *a, struct replay_bundle *b)
{
	const struct replay_setting recorded = REPLAY_SETTING_RECORDED;
	struct replay_outcome out, base;
	struct replay_score score;
	struct replay_report r = {
		.name = a->bundle, .plan = &b->plan, .opt = &a->opt, .quality = &b->quality,
		.out = &out, .repeats = a->repeat, .load_ns = b->load_ns, .plan_ns = b->plan_ns,
	};
	bool same = run_all(a, &r, &out);

	if (out.as_recorded) {
		replay_score(&b->plan, &out, &score);
		r.score = &score;
	} else {
		struct replay_options opt = a->opt;

		opt.setting = recorded;
		run_once(a, &b->plan, &opt, &base);
		r.base = &base;
	}
	if (!a->json)
		replay_report_print(&r, stdout);
	write_result(a, &r);
	if (!same)
		fprintf(stderr, "%s: %s: the repeats differ in exact counts; please report this\n",
			a->program, a->bundle);
	if (r.score)
		replay_score_free(&score);
	if (r.base)
		replay_outcome_free(&base);
	replay_outcome_free(&out);
	return same ? EXIT_DONE : EXIT_FAILED;
}

static int run_slab(const struct arguments *a)
{
	const struct replay_slab_arguments slab = {
		.program = a->program, .bundle = a->bundle, .out_name = a->out, .out = a->file,
		.json = a->json, .repeat = a->repeat,
		.opt = { .policy = a->slab, .rounds = a->mag, .seed = a->opt.seed,
			 .lock = a->opt.lock, .lockstat = a->opt.lockstat },
	};

	if (a->opt.mode != REPLAY_DETERMINISTIC)
		usage_error(a->program, "--mode: slab traces are replayed deterministically; leave "
			    "it out");
	return replay_slab(&slab);
}

static int run(int argc, char **argv)
{
	struct arguments a = {
		.program = argv[0], .repeat = 1,
		.opt = { .setting = REPLAY_SETTING_RECORDED, .seed = 1 },
	};
	struct replay_bundle bundle;
	struct trace_error err;
	int status;

	parse_options(&argp, argc, argv, &a);
	if (!a.bundle)
		usage_error(a.program, "which trace? give a folder with trace.txt and "
			    "zoneinfo.before");
	check_sizes(&a);
	a.file = a.out ? fopen(a.out, "w") : NULL;
	if (a.out && !a.file)
		usage_error(a.program, "--out: %s: %s; name a file that can be written", a.out,
			    strerror(errno));
	if (a.is_slab || slab_replay_detect(a.bundle))
		return run_slab(&a);
	if (replay_bundle_open(&bundle, a.bundle, &a.opt, &err))
		usage_error(a.program, "%s", err.text);
	status = report(&a, &bundle);
	replay_bundle_close(&bundle);
	return status;
}

KMEMLAB_COMMAND(replay, 30, "replay a real kernel trace and compare with the kernel", run);
