/* SPDX-License-Identifier: MIT */
/* kmemlab demo: the machine under load, a real trace under two list sizes, what to try next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/cli/command.h"
#include "stress/replay/replay_bundle.h"
#include "stress/replay/replay_report.h"
#include "stress/report/lock_summary.h"
#include "stress/report/text.h"
#include "stress/workloads/pages_load.h"

#define DEMO_SECONDS	3
/* Concurrent replays of each setting; enough for a median that one preempted run cannot move. */
#define DEMO_REPEATS	9
/* The small lists: half of Linux's batch and 6 of these, near what old kernels had. */
#define SMALL_BATCH	31
#define SMALL_HIGH	186

struct arguments {
	const char *program;
	unsigned int seconds;
	u64 seed;
};

static const struct argp_option options[] = {
	{ "seconds", 's', "N", 0, "length of the load (3)", 1 },
	{ "seed", 'S', "N", 0, "seed of everything random (1)", 1 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 's':
		a->seconds = (unsigned int)parse_number(a->program, "--seconds", arg, 1, 60);
		return 0;
	case 'S':
		a->seed = parse_number(a->program, "--seed", arg, 0, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		usage_error(a->program, "no arguments, but got '%s'", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, NULL,
	"Boots a machine, loads it, replays a real kernel trace under two sizes of the per-CPU "
	"lists, and names the hot lock.\v" EXIT_STATUS_DOC, NULL, NULL, NULL
};

/* ---- the load ---- */

static void print_hot_lock(const struct lock_report *locks, double cpu_ns)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(locks, LOCK_SORT_WAIT, &list);
	struct colours c = text_colours(stdout);

	if (nr && list[0].all.wait.nr)
		printf("%shot lock  %s%s: %s of CPU time spent waiting for it, %s of its "
		       "acquisitions had to wait\n", c.bold, locks->classes[list[0].class].name,
		       c.off, text_share((double)list[0].all.wait.sum, cpu_ns).s,
		       text_share((double)list[0].all.contended, (double)list[0].all.acquired).s);
	else
		printf("hot lock  none: nobody waited for a lock\n");
	lock_summaries_free(list, nr);
}

static int run_load(const struct arguments *a)
{
	struct stress_options opt;
	struct stress_run run = { .wl = &workload_pages, .opt = &opt, .program = "stress-pages" };
	struct mm_error err;
	int findings;

	stress_options_default(&opt);
	opt.seconds = a->seconds;
	opt.ops = 0;
	opt.seed = a->seed;
	printf("1. A mixed load on the page allocator for %u s: allocations and frees of all kinds "
	       "on every CPU\n\n", a->seconds);
	fflush(stdout);
	if (stress_execute(&run, &err))
		usage_error(a->program, "%s", err.text);
	fputs(run.summary, stdout);
	print_hot_lock(&run.locks, run.elapsed * NSEC_PER_SEC * opt.cpus);
	findings = (int)run.failures;
	stress_run_free(&run);
	return findings;
}

/* ---- the trace ---- */

/* What is compared of one setting. */
struct side {
	struct replay_setting setting;
	struct replay_outcome exact;
	double fidelity;
	/* Concurrent runs, each the median of DEMO_REPEATS. */
	double wait_ns, contended, run_ns;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, DEMO_REPEATS, sizeof(*v), by_value);
	return v[DEMO_REPEATS / 2];
}

static void replay_once(const struct arguments *a, const struct replay_plan *plan,
			const struct replay_options *opt, struct replay_outcome *out)
{
	struct mm_error err;

	if (replay_run(plan, opt, out, &err))
		usage_error(a->program, "%s", err.text);
}

static void run_side(const struct arguments *a, const struct replay_plan *plan, struct side *s)
{
	struct replay_options opt = { .setting = s->setting, .seed = a->seed };
	double wait[DEMO_REPEATS], contended[DEMO_REPEATS], ns[DEMO_REPEATS];

	replay_once(a, plan, &opt, &s->exact);
	if (s->exact.as_recorded) {
		struct replay_score score;

		replay_score(plan, &s->exact, &score);
		s->fidelity = score_f1(&score.all, SCORE_NEAR);
		replay_score_free(&score);
	}
	opt.mode = REPLAY_CONCURRENT;
	for (unsigned int i = 0; i < DEMO_REPEATS; i++) {
		struct replay_outcome out;

		replay_once(a, plan, &opt, &out);
		wait[i] = contended[i] = 0;
		ns[i] = (double)out.ns;
		for (u32 row = 0; row < out.locks.nr_rows; row++) {
			wait[i] += (double)out.locks.rows[row].wait.sum;
			contended[i] += (double)out.locks.rows[row].contended;
		}
		replay_outcome_free(&out);
	}
	s->wait_ns = median(wait);
	s->contended = median(contended);
	s->run_ns = median(ns);
}

static void print_line(const char *name, struct text before, struct text now,
		       struct setting_text change)
{
	printf("  %-38s %16s %16s %12s\n", name, before.s, now.s, change.s);
}

static void print_counts(const char *name, double before, double now)
{
	print_line(name, text_count((u64)(before + 0.5)), text_count((u64)(now + 0.5)),
		   replay_change_text(now, before));
}

static void print_sides(const struct side *a, const struct side *b)
{
	printf("  %-38s %16s %16s %12s\n", "exact, deterministic replay", "as recorded",
	       "small lists", "change");
	print_counts("zone lock acquisitions", (double)a->exact.zone_locks,
		     (double)b->exact.zone_locks);
	print_counts("pages refilled", (double)a->exact.refilled, (double)b->exact.refilled);
	print_counts("pages drained", (double)a->exact.drained, (double)b->exact.drained);
	print_counts("stranded pages, mean", a->exact.stranded_mean, b->exact.stranded_mean);
	print_counts("stranded pages, most", (double)a->exact.stranded_max,
		     (double)b->exact.stranded_max);
	printf("\n  %-38s %16s %16s %12s\n", "sampled, a thread per CPU, median of 9",
	       "as recorded", "small lists", "change");
	print_counts("waits for the zone lock", a->contended, b->contended);
	print_line("waiting time, all CPUs", text_ns(a->wait_ns), text_ns(b->wait_ns),
		   replay_change_text(b->wait_ns, a->wait_ns));
	print_line("length of the replay", text_ns(a->run_ns), text_ns(b->run_ns),
		   replay_change_text(b->run_ns, a->run_ns));
}

static void print_trace(const struct replay_bundle *b, const struct side *sides)
{
	printf("\n2. A real Linux trace, replayed by this machine\n\n"
	       "trace     stress-ng --fork on Linux 6.18: %s events of %u CPUs in %.2f s, "
	       "quality %c\n",
	       text_count(b->trace.nr_events).s, b->plan.nr_cpus,
	       (double)b->quality.duration_ns / 1e9, b->quality.grade);
	printf("kernel    refilled %s pages, drained %s\n", text_count(b->plan.counts.refilled).s,
	       text_count(b->plan.counts.drained).s);
	printf("kmemlab   refilled %s (%s), drained %s (%s)   FIDELITY %.2f\n\n",
	       text_count(sides[0].exact.refilled).s,
	       replay_change_text((double)sides[0].exact.refilled,
				  (double)b->plan.counts.refilled).s,
	       text_count(sides[0].exact.drained).s,
	       replay_change_text((double)sides[0].exact.drained,
				  (double)b->plan.counts.drained).s, sides[0].fidelity);
	printf("   small lists: %s; as recorded: %s, sizes tuned by itself\n",
	       replay_setting_text(&b->plan, &sides[1].setting).s,
	       replay_setting_text(&b->plan, &sides[0].setting).s);
	print_sides(&sides[0], &sides[1]);
}

/* Where KMEMLAB_DATA says, else what was installed with this binary, else in the sources. */
static const char *find_trace(void)
{
	const char *data = getenv("KMEMLAB_DATA");
	static char path[4400];

	if (!data || !*data) {
		snprintf(path, sizeof(path), "%s/../share/kmemlab/traces/fork", program_folder());
		if (access(path, R_OK) == 0)
			return path;
		data = KMEMLAB_DATA_DIR;
	}
	snprintf(path, sizeof(path), "%s/traces/fork", data);
	return path;
}

static void print_next(const char *trace)
{
	printf("\n3. Try next\n\n"
	       "  kmemlab replay %s --pcp-high-fraction 64\n"
	       "  kmemlab replay %s --mode concurrent --pcp none --out r.json && "
	       "kmemlab report r.json\n"
	       "  kmemlab stress pages --seconds 5 --pcp none --lockstat all\n", trace, trace);
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0], .seconds = DEMO_SECONDS, .seed = 1 };
	struct side sides[] = {
		{ .setting = REPLAY_SETTING_RECORDED },
		{ .setting = { "fixed", SMALL_BATCH, SMALL_HIGH, REPLAY_NONE, REPLAY_NONE,
			       REPLAY_NONE } },
	};
	struct replay_bundle bundle;
	struct replay_options opt;
	const char *trace = find_trace();
	struct trace_error err;
	int findings;

	parse_options(&argp, argc, argv, &a);
	opt = (struct replay_options){ .setting = REPLAY_SETTING_RECORDED, .seed = a.seed };
	printf("kmemlab %s demo, build %s, seed %llu, %ld host cores\n\n", KMEMLAB_VERSION,
	       KMEMLAB_BUILD, (unsigned long long)a.seed, sysconf(_SC_NPROCESSORS_ONLN));
	if (access(trace, R_OK))
		usage_error(a.program, "%s: the bundled trace is missing; set KMEMLAB_DATA to the "
			    "folder tests/data of the sources", trace);
	findings = run_load(&a);
	if (replay_bundle_open(&bundle, trace, &opt, &err))
		usage_error(a.program, "%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		run_side(&a, &bundle.plan, &sides[i]);
	print_trace(&bundle, sides);
	print_next(trace);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		replay_outcome_free(&sides[i].exact);
	replay_bundle_close(&bundle);
	return findings ? EXIT_FAILED : EXIT_DONE;
}

KMEMLAB_COMMAND(demo, 5, "a load, a real trace under two list sizes, the hot lock", run);
