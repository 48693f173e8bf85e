/* SPDX-License-Identifier: MIT */
/* kmemlab explore: seeded schedules of a small machine, and what goes wrong in some of them. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "stress/cli/command.h"
#include "stress/explore/result.h"
#include "stress/explore/switches.h"
#include "stress/harness/parse.h"
#include "stress/report/array.h"

#define DEFAULT_COUNT		10000
#define DEFAULT_CHECK_EVERY	256
#define SHRINK_SECONDS		30.0
/* Lines of a schedule that was not shrunk. */
#define TRACE_LINES		40

enum option_key {
	KEY_CPUS = 0x100, KEY_OPS, KEY_SEEDS, KEY_COUNT, KEY_SECONDS, KEY_POLICY, KEY_STORE_BUFFER,
	KEY_IRQ, KEY_SHARD, KEY_OUT, KEY_JSON, KEY_SHRINK, KEY_STOP, KEY_REPLAY, KEY_MERGE,
	KEY_CHECK, KEY_INJECT,
};

struct arguments {
	const char *program, *scenario, *out, *replay;
	const char **files;		/* --merge */
	u32 nr_files;
	struct explore_options opt;
	unsigned int ops;
	u64 count;
	bool have_seeds, have_irq, as_json, shrink, merge;
};

static void parse_seeds(struct arguments *a, const char *arg)
{
	const char *dash = strchr(arg, '-');
	char first[32];

	snprintf(first, sizeof(first), "%.*s", dash ? (int)min(dash - arg, 31L) : 31, arg);
	if (parse_u64(first, &a->opt.first) ||
	    (dash ? parse_u64(dash + 1, &a->opt.last) : parse_u64(first, &a->opt.last)) ||
	    a->opt.last > EXPLORE_SEED_MAX || a->opt.first > a->opt.last)
		usage_error(a->program, "--seeds: '%s' is not a range of seeds like 1-1000", arg);
	a->have_seeds = true;
}

static void parse_shard(struct arguments *a, const char *arg)
{
	const char *slash = strchr(arg, '/');
	char shard[32];
	u64 i, n;

	snprintf(shard, sizeof(shard), "%.*s", slash ? (int)min(slash - arg, 31L) : 0, arg);
	if (!slash || parse_u64(shard, &i) || parse_u64(slash + 1, &n) || i < 1 || i > n ||
	    n > 1000000)
		usage_error(a->program, "--shard: '%s' is not I/N with I from 1 to N", arg);
	a->opt.shard = (unsigned int)i;
	a->opt.nr_shards = (unsigned int)n;
}

static void parse_inject(struct arguments *a, const char *arg)
{
	char why[160];

	if (inject_parse(arg, &a->opt.config.inject, why, sizeof(why)))
		usage_error(a->program, "--inject: %s", why);
}

static unsigned int number(const struct arguments *a, const char *option, const char *arg, u64 low,
			   u64 high)
{
	return (unsigned int)parse_number(a->program, option, arg, low, high);
}

static error_t parse_file(struct arguments *a, const char *arg)
{
	if (a->merge) {
		*array_add(a->files, a->nr_files) = arg;
		return 0;
	}
	if (a->scenario)
		usage_error(a->program, "one scenario at a time; '%s' is too many", arg);
	a->scenario = arg;
	return 0;
}

static error_t parse_what(int key, char *arg, struct arguments *a)
{
	switch (key) {
	case KEY_OUT:
		a->out = arg;
		return 0;
	case KEY_JSON:
		a->as_json = true;
		return 0;
	case KEY_SHRINK:
		a->shrink = true;
		return 0;
	case KEY_STOP:
		a->opt.stop_on_failure = true;
		return 0;
	case KEY_REPLAY:
		a->replay = arg;
		return 0;
	case KEY_MERGE:
		a->merge = true;
		if (a->scenario)
			*array_add(a->files, a->nr_files) = a->scenario;
		a->scenario = NULL;
		return 0;
	case ARGP_KEY_ARG:
		return parse_file(a, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_CPUS:
		a->opt.config.cpus = number(a, "--cpus", arg, 1, EXPLORE_MAX_CPUS);
		return 0;
	case KEY_OPS:
		a->ops = number(a, "--ops", arg, 1, 1000000);
		return 0;
	case KEY_SEEDS:
		parse_seeds(a, arg);
		return 0;
	case KEY_COUNT:
		a->count = parse_number(a->program, "--count", arg, 1, EXPLORE_SEED_MAX);
		return 0;
	case KEY_SECONDS:
		if (parse_seconds(arg, &a->opt.seconds) || a->opt.seconds <= 0.0)
			usage_error(a->program, "--seconds: '%s' is not a time like 0.5", arg);
		return 0;
	case KEY_POLICY:
		if (explore_policy_parse(arg, &a->opt.policy))
			usage_error(a->program, "--policy: '%s' is none of portfolio, random[:P], "
				    "pct[:D], delay[:P], serial", arg);
		return 0;
	case KEY_STORE_BUFFER:
		a->opt.config.store_buffer = true;
		return 0;
	case KEY_IRQ:
		a->opt.config.irq_one_in = number(a, "--irq-one-in", arg, 0, 1000000);
		a->have_irq = true;
		return 0;
	case KEY_CHECK:
		a->opt.config.check_every = number(a, "--check-every", arg, 0, 1000000000);
		return 0;
	case KEY_SHARD:
		parse_shard(a, arg);
		return 0;
	case KEY_INJECT:
		parse_inject(a, arg);
		return 0;
	default:
		return parse_what(key, arg, a);
	}
}

static const struct argp_option options[] = {
	{ "cpus", KEY_CPUS, "N", 0, "CPUs of the machine", 0 },
	{ "ops", KEY_OPS, "N", 0, "operations of a schedule, over all CPUs", 0 },
	{ "seeds", KEY_SEEDS, "A-B", 0, "run these seeds", 0 },
	{ "count", KEY_COUNT, "N", 0, "run seeds 1 to N (default 10000; with --seconds all)",
	  0 },
	{ "seconds", KEY_SECONDS, "S", 0, "begin no schedule after S seconds", 0 },
	{ "policy", KEY_POLICY, "POLICY", 0,
	  "portfolio (default), random[:P], pct[:D], delay[:P] or serial", 0 },
	{ "store-buffer", KEY_STORE_BUFFER, NULL, 0,
	  "keep marked stores back, as a CPU's store buffer does (explore, tsan)", 0 },
	{ "irq-one-in", KEY_IRQ, "N", 0,
	  "inject the scenario's interrupt at 1 of N points; 0: never", 0 },
	{ "inject", KEY_INJECT, "WHAT[,WHAT...]", 0, "faults of timing, a microsecond being 50 "
	  "points: ipi-delay=US[/N], lock-delay=US[/N], irq-storm=K[/N]", 0 },
	{ "check-every", KEY_CHECK, "N", 0, "points between two looks of the oracles (default 256; "
	  "0: only at the end)", 0 },
	{ "shard", KEY_SHARD, "I/N", 0, "only the I-th of N equal parts of the seeds", 0 },
	{ "out", KEY_OUT, "FILE", 0, "write the result, and what a replay needs, to FILE", 0 },
	{ "json", KEY_JSON, NULL, 0, "print the result as JSON, schema kmemlab-explore/1", 0 },
	{ "shrink", KEY_SHRINK, NULL, 0, "reduce the first failure and print its switches", 0 },
	{ "stop-on-failure", KEY_STOP, NULL, 0, "end with the first failure", 0 },
	{ "replay", KEY_REPLAY, "FILE", 0, "run the failures of FILE again, switch by switch", 0 },
	{ "merge", KEY_MERGE, NULL, 0, "add up the results of shards: --merge FILE...", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse,
	.args_doc = "SCENARIO\nlist\n--replay FILE\n--merge FILE...",
	.doc = "Runs SCENARIO under one seeded schedule after the other, on simulated CPUs that "
	       "share one host thread, and judges each with the oracles. The same seed gives the "
	       "same schedule, bit for bit.\v"
	       "Exit status: 0 nothing found, 1 a schedule failed, 2 wrong usage or unusable "
	       "input, 3 results that do not merge.",
};

/* ---- output ---- */

static int write_json(const struct arguments *a, const json_t *json)
{
	FILE *f;
	int err;

	if (a->as_json && result_json_write(json, stdout))
		return EXIT_FAILED;
	if (!a->out)
		return EXIT_DONE;
	f = fopen(a->out, "w");
	if (!f)
		usage_error(a->program, "--out: %s cannot be written; give another file", a->out);
	err = result_json_write(json, f);
	return fclose(f) || err ? EXIT_FAILED : EXIT_DONE;
}

static int list_scenarios(const struct arguments *a)
{
	size_t nr;
	const struct scenario *const *list = scenarios(&nr);
	json_t *json = json_array();
	int rc = EXIT_DONE;

	for (size_t i = 0; i < nr; i++)
		if (a->as_json)
			json_array_append_new(json, json_pack("{s:s,s:s,s:i,s:i,s:i}", "name",
				list[i]->name, "doc", list[i]->doc, "cpus", (int)list[i]->cpus,
				"ops", (int)list[i]->ops, "irq_one_in", (int)list[i]->irq_one_in));
		else
			printf("%-16s %s\n", list[i]->name, list[i]->doc);
	if (a->as_json && result_json_write(json, stdout))
		rc = EXIT_FAILED;
	json_decref(json);
	return rc;
}

static void print_failure(const struct explore_failure *f, bool with_text)
{
	if (with_text)
		printf("\n%s", f->text);
	if (!f->nr_switches)
		return;
	printf("\n%s%u CPUs, %u operations, seed %llu, %zu switches:\n",
	       f->shrunk ? "shrunk to " : "", f->config.cpus, explore_config_ops(&f->config),
	       (unsigned long long)f->schedule.seed, f->nr_switches);
	explore_print_switches(f, f->shrunk ? 0 : TRACE_LINES, stdout);
}

/* ---- what is asked for ---- */

static int run_merge(const struct arguments *a)
{
	struct report_error err;
	json_t *sum = NULL;
	int rc;

	if (!a->nr_files)
		usage_error(a->program, "--merge needs the result files of the shards");
	for (u32 i = 0; i < a->nr_files; i++) {
		json_t *json = explore_json_load(a->files[i], &err);

		if (!json)
			usage_error(a->program, "%s", err.text);
		if (!sum) {
			sum = json;
			continue;
		}
		if (explore_json_merge(sum, json, a->files[i], &err)) {
			fprintf(stderr, "%s: %s\n", a->program, err.text);
			json_decref(json);
			json_decref(sum);
			return EXIT_NOT_COMPARABLE;
		}
		json_decref(json);
	}
	rc = write_json(a, sum);
	if (!a->as_json)
		explore_json_print(sum, stdout);
	if (json_array_size(json_object_get(sum, "failures")))
		rc = EXIT_FAILED;
	json_decref(sum);
	return rc;
}

static bool replay_one(const struct arguments *a, struct explore_failure *f)
{
	struct explore_failure again;
	int rc = explore_replay(f, &again);

	if (rc < 0)
		usage_error(a->program, "no machine for the replay");
	if (rc == 0) {
		printf("does not fail any more: %s\n", f->title);
		return false;
	}
	printf("fails again%s: %s\n", strcmp(again.key, f->key) ? ", in another way" :
	       again.hash == f->hash ? ", same hash" : "", again.title);
	explore_find_sites(f);
	print_failure(f, false);
	explore_failure_free(&again);
	return true;
}

static int run_replay(const struct arguments *a)
{
	struct explore_failure *failures;
	struct report_error err;
	json_t *json = explore_json_load(a->replay, &err);
	bool failed = false;
	u32 nr;

	if (!json || explore_json_failures(json, a->replay, &failures, &nr, &err))
		usage_error(a->program, "%s", err.text);
	if (!nr)
		usage_error(a->program, "%s: no failure in it; nothing to replay", a->replay);
	for (u32 i = 0; i < nr; i++) {
		failed |= replay_one(a, &failures[i]);
		explore_failure_free(&failures[i]);
	}
	free(failures);
	json_decref(json);
	return failed ? EXIT_FAILED : EXIT_DONE;
}

static void complete_options(struct arguments *a)
{
	struct explore_config *c = &a->opt.config;

	if (!c->scenario) {
		size_t nr;
		const struct scenario *const *list = scenarios(&nr);
		const char **names = NULL;
		u32 n = 0;

		for (size_t i = 0; i < nr; i++)
			*array_add(names, n) = list[i]->name;
		unknown_name(a->program, "scenario", a->scenario, names, n);
	}
	if (!c->cpus)
		c->cpus = c->scenario->cpus;
	explore_config_set_ops(c, a->ops ? a->ops : c->scenario->ops);
	if (!a->have_irq)
		c->irq_one_in = c->scenario->irq_one_in;
	if (c->irq_one_in && !c->scenario->irq)
		usage_error(a->program, "--irq-one-in: scenario %s has no interrupt handler; leave "
			    "it out", c->scenario->name);
	if (c->inject.rule[INJECT_IRQ_STORM].one_in && !c->irq_one_in)
		usage_error(a->program, "--inject: irq-storm repeats injected interrupts, and "
			    "there are none; give --irq-one-in 100");
	if (c->store_buffer && !SIM_STORE_BUFFER)
		usage_error(a->program, "--store-buffer: the " KMEMLAB_BUILD " build delays no "
			    "stores; use the explore or the tsan build");
	if (a->have_seeds && a->count)
		usage_error(a->program, "--seeds and --count exclude each other");
	if (a->have_seeds)
		return;
	a->opt.first = 1;
	a->opt.last = a->count ? a->count : a->opt.seconds > 0.0 ? EXPLORE_SEED_MAX : DEFAULT_COUNT;
}

static int run_campaign(struct arguments *a)
{
	struct explore_result result;
	char err[256];
	json_t *json;
	int rc;

	complete_options(a);
	if (explore_campaign(&a->opt, &result, err, sizeof(err)))
		usage_error(a->program, "%s", err);
	if (a->shrink && result.nr_failures)
		explore_shrink(&result.failures[0], SHRINK_SECONDS);
	json = explore_result_json(&result);
	rc = write_json(a, json);
	if (!a->as_json) {
		explore_json_print(json, stdout);
		if (result.nr_failures) {
			print_failure(&result.failures[0], true);
			if (a->out)
				printf("\nREPLAY: %s --replay %s\n", a->program, a->out);
		}
	}
	json_decref(json);
	if (result.nr_failures)
		rc = EXIT_FAILED;
	explore_result_free(&result);
	return rc;
}

static int run(int argc, char **argv)
{
	struct arguments a = {
		.program = argv[0],
		.opt = { .policy = { .portfolio = true }, .shard = 1, .nr_shards = 1,
			 .config = { .check_every = DEFAULT_CHECK_EVERY } },
	};
	int rc;

	parse_options(&argp, argc, argv, &a);
	if (a.merge + (a.replay != NULL) + (a.scenario != NULL) != 1)
		usage_error(a.program, "give one of SCENARIO, list, --replay FILE, --merge "
			    "FILE...; see '%s --help'", a.program);
	if (a.merge)
		rc = run_merge(&a);
	else if (a.replay)
		rc = run_replay(&a);
	else if (strcmp(a.scenario, "list") == 0)
		rc = list_scenarios(&a);
	else {
		a.opt.config.scenario = scenario_find(a.scenario);
		rc = run_campaign(&a);
	}
	free(a.files);
	if (fflush(stdout) == EOF || ferror(stdout))
		rc = EXIT_FAILED;
	return rc;
}

KMEMLAB_COMMAND(explore, 20, "seeded schedules of a small machine, each judged by oracles", run);
