/* SPDX-License-Identifier: MIT */
/*
 * kmemlab whatif: how much of the throughput does one lock's hold, or the time of IPIs, decide?
 *
 * What.  Nothing can be made faster by wish, but everything can be made slower by a known amount.
 * The workload is run in turns with holds of one lock that are longer by some steps of delay; the
 * slope of time per operation over delay says how much of a hold an operation feels.  Continued to
 * the other side, the same line says what shorter holds, or none, would bring.
 *
 * Terms.  Time per operation t: CPUs / throughput, so that it does not depend on their number when
 * nothing is shared; or, with --cpu-time, the process's CPU time by its operations.
 * felt f = dt/d(hold): 0 when nobody notices, acquisitions per operation when a hold costs its own
 * length, more when others wait for it.  Elasticity = -f * hold / t: percent of throughput per
 * percent of hold.
 *
 * Invariants.
 *   I1  Each round has one run of each step with one seed; the order turns from round to round, so
 *       that a slow change of the host meets all steps.
 *   I2  The runs without delay differ from the others by the waiting only ("lock-hold=0").
 *   I3  A slope belongs to one round; the interval is that of the rounds' median.
 *
 * Failure.  A run without a result ends the command.
 * See also.  runtime/inject.h; docs/compare.md.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/inject.h"
#include "stress/cli/command.h"
#include "stress/cli/launch.h"
#include "stress/compare/stats.h"
#include "stress/report/array.h"
#include "stress/report/lock_summary.h"
#include "stress/report/result_file.h"
#include "stress/report/text.h"

#define WHATIF_SCHEMA	"kmemlab-whatif/1"
#define STEPS_MAX	8
#define ROUNDS_MAX	1000
#define WORDS_MAX	200
#define CONFIDENCE	0.95

enum option_key { KEY_ROUNDS = 0x100, KEY_DELAY, KEY_SEED, KEY_TIMEOUT, KEY_JSON,
		  KEY_CPU_TIME };

struct arguments {
	const char *program, *target;
	u32 delay[STEPS_MAX];		/* ns of holds, us of IPIs; [0] is 0 */
	u32 nr_steps, rounds;
	u64 seed, timeout_s;
	char *words[WORDS_MAX + 8];	/* the workload's command */
	u32 nr_words;
	bool json, ipi, cpu_time;
};

/* What one run says. */
struct observed {
	double op_ns;			/* CPUs / throughput */
	double acquired;		/* of the lock, per operation */
	double hold_ns;			/* its mean hold */
};

struct study {
	struct arguments *a;
	char path[4400], file[300];
	struct observed *runs;		/* [round * nr_steps + step] */
	double *slope;			/* [round] */
	double hold_ns, acquired, op_ns;	/* medians of the runs without delay */
};

/* ---- options ---- */

static void parse_delays(struct arguments *a, const char *arg)
{
	char *list = string_copy(arg), *rest = list, *word;

	a->nr_steps = 1;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (a->nr_steps == STEPS_MAX)
			usage_error(a->program, "--delay: more than %d steps", STEPS_MAX - 1);
		a->delay[a->nr_steps++] = (u32)parse_number(a->program, "--delay", word, 1,
							    INJECT_HOLD_MAX);
	}
	free(list);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_ROUNDS:
		a->rounds = (u32)parse_number(a->program, "--rounds", arg, 1, ROUNDS_MAX);
		return 0;
	case KEY_DELAY:
		parse_delays(a, arg);
		return 0;
	case KEY_SEED:
		a->seed = parse_number(a->program, "--seed", arg, 0, INT64_MAX - ROUNDS_MAX);
		return 0;
	case KEY_TIMEOUT:
		a->timeout_s = parse_number(a->program, "--timeout", arg, 1, 1000000);
		return 0;
	case KEY_CPU_TIME:
		a->cpu_time = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->target)
			a->target = arg;
		else if (a->nr_words < WORDS_MAX)
			a->words[a->nr_words++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "rounds", KEY_ROUNDS, "N", 0, "runs of each step (default 8; below 6 no interval exists)",
	  0 },
	{ "delay", KEY_DELAY, "N[,N...]", 0, "the steps: ns by which a hold gets longer (default: "
	  "a quarter, half and all of its mean length), or us by which an IPI gets later "
	  "(5,10,20)", 0 },
	{ "seed", KEY_SEED, "S", 0, "of the first round; each next one has the next (default 1)",
	  0 },
	{ "timeout", KEY_TIMEOUT, "S", 0, "longest time of one run in seconds (default 600)", 0 },
	{ "cpu-time", KEY_CPU_TIME, NULL, 0, "count the CPU time of the run instead of its length: "
	  "for a host with other work on it. Waiting asleep then costs nothing", 0 },
	{ "json", KEY_JSON, NULL, 0, "print JSON instead of text", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse,
	.args_doc = "LOCK|ipi -- WORKLOAD [OPTION...]",
	.doc = "Delays the holds of LOCK (a lock, or the first words of its name: zone), or the "
	       "calls to other CPUs, by known amounts, and prints how far the throughput of "
	       "WORKLOAD (a stress binary, as pages) follows, and what no hold at all would "
	       "bring.\v"
	       EXIT_STATUS_DOC,
};

/* ---- one run ---- */

/* As the injection does it: the whole name, or its first words. */
static bool lock_matches(const char *name, const char *words)
{
	size_t len = strlen(words);

	return strncmp(name, words, len) == 0 &&
	       !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
		       name[len] ? name[len] : '.');
}

/* Says which locks there were when none of them was meant. */
static __attribute__((noreturn)) void no_such_lock(const struct study *st,
						   const struct lock_report *r)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_HOLD, &list);
	char text[256] = "none";
	size_t len = 0;

	for (u32 i = 0; i < nr && i < 6 && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "",
					r->classes[list[i].class].name);
	unlink(st->file);
	usage_error(st->a->program, "no hold of '%s' was timed; held most: %s", st->a->target,
		    text);
}

static struct observed observe(const struct study *st, const struct result_file *f,
			       double cpu_ns)
{
	const json_t *sampled = json_object_get(f->json, "sampled");
	const json_t *nr_cpus = json_object_get(json_object_get(f->json, "header"), "cpus");
	double ops = json_number_value(json_object_get(json_object_get(f->json, "ops"), "total"));
	double rate = json_number_value(json_object_get(sampled, "ops_per_second")), held = 0;
	struct observed o = { .op_ns = st->a->cpu_time ? cpu_ns / ops :
			      json_number_value(nr_cpus) * 1e9 / rate };
	struct lock_summary *list;
	u32 nr = lock_summaries(&f->locks, LOCK_SORT_NAME, &list);

	if (!(rate > 0) || !(ops > 0))
		usage_error(st->a->program, "the workload counted no operations");
	for (u32 i = 0; i < nr && !st->a->ipi; i++) {
		if (!lock_matches(f->locks.classes[list[i].class].name, st->a->target) ||
		    !list[i].hold_known)
			continue;
		o.acquired += (double)list[i].write.acquired / ops;
		held += list[i].hold_total_ns / ops;
	}
	lock_summaries_free(list, nr);
	if (!st->a->ipi && !(o.acquired > 0))
		no_such_lock(st, &f->locks);
	o.hold_ns = held / o.acquired;
	return o;
}

static int run_step(struct study *st, u32 round, u32 step)
{
	struct arguments *a = st->a;
	char seed[32], inject[INJECT_LOCK_MAX + 64];
	char *extra[] = { "--seed", seed, "--out", st->file, "--quiet", "--inject", inject, NULL };
	struct report_error err;
	struct result_file f;
	double cpu_ns;

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)(a->seed + round));
	if (a->ipi)
		snprintf(inject, sizeof(inject), "ipi-delay=%u/1", a->delay[step]);
	else
		snprintf(inject, sizeof(inject), "lock-hold=%u@%s", a->delay[step], a->target);
	/* An IPI cannot be late by nothing. */
	if (a->ipi && !a->delay[step])
		extra[5] = NULL;
	memcpy(&a->words[a->nr_words], extra, sizeof(extra));
	if (launch_stress(a->program, st->path, a->words, a->timeout_s, &cpu_ns))
		return -1;
	if (result_file_load(&f, st->file, &err)) {
		fprintf(stderr, "%s: %s\n", a->program, err.text);
		return -1;
	}
	st->runs[round * a->nr_steps + step] = observe(st, &f, cpu_ns);
	result_file_free(&f);
	return 0;
}

/* ---- all runs ---- */

static void default_delays(struct study *st, double hold_ns)
{
	static const double parts[] = { 0.25, 0.5, 1 };
	static const u32 late_us[] = { 5, 10, 20 };
	struct arguments *a = st->a;

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		a->delay[i + 1] = a->ipi ? late_us[i] :
				  (u32)fmin(fmax(round(parts[i] * hold_ns), i + 1),
					    INJECT_HOLD_MAX);
	a->nr_steps = 1 + ARRAY_SIZE(parts);
}

static int run_rounds(struct study *st)
{
	struct arguments *a = st->a;
	u32 nr, n = 0;

	/* The pilot: how long a hold is, when the steps depend on it. */
	st->runs = calloc(1, sizeof(*st->runs));
	nr = a->nr_steps;
	a->nr_steps = 1;
	if (run_step(st, 0, 0))
		return -1;
	a->nr_steps = nr;
	if (!nr)
		default_delays(st, st->runs[0].hold_ns);
	free(st->runs);
	st->runs = calloc((size_t)a->rounds * a->nr_steps, sizeof(*st->runs));
	for (u32 r = 0; r < a->rounds; r++) {
		for (u32 i = 0; i < a->nr_steps; i++) {
			if (isatty(STDERR_FILENO))
				fprintf(stderr, "\rwhatif: run %u of %u \033[K", ++n,
					a->rounds * a->nr_steps);
			/* I1 */
			if (run_step(st, r, (i + r) % a->nr_steps))
				return -1;
		}
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return 0;
}

static int run_all(struct study *st)
{
	const char *tmp = getenv("TMPDIR");
	char folder[256];
	int rc;

	snprintf(folder, sizeof(folder), "%.200s/kmemlab-whatif-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		usage_error(st->a->program, "cannot make %s: %s; set TMPDIR", folder,
			    strerror(errno));
	snprintf(st->file, sizeof(st->file), "%s/result.json", folder);
	rc = run_rounds(st);
	unlink(st->file);
	rmdir(folder);
	return rc;
}

/* ---- what follows ---- */

static double delay_ns(const struct arguments *a, u32 step)
{
	/* An IPI is late by a random time up to the one given. */
	return a->ipi ? a->delay[step] * 500.0 : a->delay[step];
}

/* Least squares over the steps of one round: ns of time per operation for each ns of delay. */
static double slope_of(const struct study *st, u32 round)
{
	const struct observed *o = &st->runs[round * st->a->nr_steps];
	double x = 0, y = 0, xy = 0, xx = 0, n = st->a->nr_steps;

	for (u32 i = 0; i < st->a->nr_steps; i++) {
		x += delay_ns(st->a, i) / n;
		y += o[i].op_ns / n;
	}
	for (u32 i = 0; i < st->a->nr_steps; i++) {
		xy += (delay_ns(st->a, i) - x) * (o[i].op_ns - y);
		xx += (delay_ns(st->a, i) - x) * (delay_ns(st->a, i) - x);
	}
	return xy / xx;
}

/* Median over the rounds of a member of the runs without delay. */
static double base_median(const struct study *st, size_t member)
{
	double v[ROUNDS_MAX];

	for (u32 r = 0; r < st->a->rounds; r++)
		v[r] = *(const double *)((const char *)&st->runs[r * st->a->nr_steps] + member);
	return stat_median((struct sample){ v, st->a->rounds });
}

static void conclude(struct study *st)
{
	st->slope = calloc(st->a->rounds, sizeof(*st->slope));
	for (u32 r = 0; r < st->a->rounds; r++)
		st->slope[r] = slope_of(st, r);
	st->op_ns = base_median(st, offsetof(struct observed, op_ns));
	st->hold_ns = base_median(st, offsetof(struct observed, hold_ns));
	st->acquired = base_median(st, offsetof(struct observed, acquired));
}

/* A number with its interval: of the slope, or of what follows from it. */
struct estimate {
	double value, low, high;
	bool known;			/* the interval */
};

static struct estimate estimate_of(const double *v, u32 nr)
{
	const struct sample s = { v, nr };
	struct interval i = stat_median_interval(s, CONFIDENCE);

	return (struct estimate){ stat_median(s), i.low, i.high, i.known };
}

/* Throughput of step @step against the same round's run without delay, percent. */
static struct estimate change_of(const struct study *st, u32 step)
{
	double v[ROUNDS_MAX];

	for (u32 r = 0; r < st->a->rounds; r++) {
		const struct observed *o = &st->runs[r * st->a->nr_steps];

		v[r] = 100 * (o[0].op_ns / o[step].op_ns - 1);
	}
	return estimate_of(v, st->a->rounds);
}

static double elasticity_of(const struct study *st, double slope)
{
	return -slope * st->hold_ns / st->op_ns;
}

/* Percent of throughput won when no hold takes time: the line continued. */
static double removal_of(const struct study *st, double slope)
{
	double rest = st->op_ns - slope * st->hold_ns;

	return rest > 0 ? 100 * (st->op_ns / rest - 1) : INFINITY;
}

static struct estimate derived(const struct study *st, struct estimate slope,
			       double (*f)(const struct study *, double))
{
	double a = f(st, slope.low), b = f(st, slope.high);

	return (struct estimate){ f(st, slope.value), fmin(a, b), fmax(a, b), slope.known };
}

/* ---- output ---- */

/* "NAME value unit [low, high]". */
static void print_estimate(const char *name, struct estimate e, int digits, const char *unit)
{
	printf("%s%+.*f%s", name, digits, e.value, unit);
	if (e.known)
		printf(" [%+.*f, %+.*f]", digits, e.low, digits, e.high);
}

static void print_text(const struct study *st, struct estimate slope)
{
	const struct arguments *a = st->a;

	printf("whatif    %s in", a->target);
	for (u32 i = 0; i < a->nr_words; i++)
		printf(" %s", a->words[i]);
	printf("\nruns      %u rounds of %u steps in turns, seeds %llu-%llu; "
	       "median [95 %% interval]\n", a->rounds, a->nr_steps, (unsigned long long)a->seed,
	       (unsigned long long)(a->seed + a->rounds - 1));
	printf("now       %s of %s per operation", text_ns(st->op_ns).s,
	       a->cpu_time ? "CPU time" : "a CPU");
	if (!a->ipi)
		printf(", %.3g acquisitions of %s each", st->acquired, text_ns(st->hold_ns).s);
	printf("\n");
	for (u32 i = 1; i < a->nr_steps; i++) {
		printf("%s +%-9s", a->ipi ? "later   " : "longer  ",
		       text_ns(delay_ns(a, i)).s);
		if (!a->ipi)
			printf(" hold %+4.0f %%  ", 100 * a->delay[i] / st->hold_ns);
		print_estimate(" throughput ", change_of(st, i), 1, " %");
		printf("\n");
	}
	print_estimate("felt      an operation takes ", slope, 3, a->ipi ?
		       " ns longer for each ns that a call is late" :
		       " ns longer for each ns of a hold");
	printf("\n");
	if (a->ipi)
		return;
	print_estimate("elasticity ", derived(st, slope, elasticity_of), 3,
		       " % of throughput for 1 % of hold");
	print_estimate("\nwithout   ", derived(st, slope, removal_of), 1,
		       " % of throughput if its holds took no time (the line continued)");
	printf("\n");
	if (slope.known && slope.low <= 0)
		printf("note      the interval holds 0: no effect is shown; more --rounds, longer "
		       "runs or a quieter host\n");
}

static json_t *estimate_json(struct estimate e)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "value", json_real(e.value));
	json_object_set_new(obj, "low", e.known ? json_real(e.low) : json_null());
	json_object_set_new(obj, "high", e.known ? json_real(e.high) : json_null());
	return obj;
}

static json_t *study_json(const struct study *st, struct estimate slope)
{
	const struct arguments *a = st->a;
	json_t *doc = json_object(), *command = json_array(), *steps = json_array();

	for (u32 i = 0; i < a->nr_words; i++)
		json_array_append_new(command, json_string(a->words[i]));
	for (u32 i = 1; i < a->nr_steps; i++) {
		json_t *step = json_object();

		json_object_set_new(step, "delay_ns", json_real(delay_ns(a, i)));
		json_object_set_new(step, "throughput_percent", estimate_json(change_of(st, i)));
		json_array_append_new(steps, step);
	}
	json_object_set_new(doc, "schema", json_string(WHATIF_SCHEMA));
	json_object_set_new(doc, "version", json_string(KMEMLAB_VERSION));
	json_object_set_new(doc, "build", json_string(KMEMLAB_BUILD));
	json_object_set_new(doc, "target", json_string(a->target));
	json_object_set_new(doc, "command", command);
	json_object_set_new(doc, "rounds", json_integer(a->rounds));
	json_object_set_new(doc, "seed", json_integer((json_int_t)a->seed));
	json_object_set_new(doc, "by", json_string(a->cpu_time ? "cpu-time" : "clock"));
	json_object_set_new(doc, "op_ns", json_real(st->op_ns));
	json_object_set_new(doc, "steps", steps);
	json_object_set_new(doc, "felt", estimate_json(slope));
	if (a->ipi)
		return doc;
	json_object_set_new(doc, "acquired_per_op", json_real(st->acquired));
	json_object_set_new(doc, "hold_ns", json_real(st->hold_ns));
	json_object_set_new(doc, "elasticity", estimate_json(derived(st, slope, elasticity_of)));
	/* A real of JSON is finite: no number where the line leads to no time at all. */
	if (isfinite(removal_of(st, slope.value)) && isfinite(removal_of(st, slope.high)))
		json_object_set_new(doc, "removal_percent",
				    estimate_json(derived(st, slope, removal_of)));
	return doc;
}

static int print_json(const struct study *st, struct estimate slope)
{
	json_t *doc = study_json(st, slope);
	int rc = result_json_write(doc, stdout) ? EXIT_FAILED : EXIT_DONE;

	json_decref(doc);
	return rc;
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0], .rounds = 8, .seed = 1, .timeout_s = 600 };
	struct study st = { .a = &a };
	struct estimate slope;
	int rc = EXIT_DONE;

	parse_options(&argp, argc, argv, &a);
	if (!a.target || !a.nr_words)
		usage_error(a.program, "name a lock (or ipi), and behind -- a workload: "
			    "kmemlab whatif zone -- pages");
	if (strlen(a.target) >= INJECT_LOCK_MAX || strchr(a.target, ','))
		usage_error(a.program, "'%s' is no lock's name", a.target);
	a.ipi = strcmp(a.target, "ipi") == 0;
	for (u32 i = 1; a.ipi && i < a.nr_steps; i++)
		if (a.delay[i] > INJECT_AMOUNT_MAX)
			usage_error(a.program, "--delay: calls can be late by at most %d us",
				    INJECT_AMOUNT_MAX);
	launch_find(a.program, a.words[0], st.path, sizeof(st.path));
	if (run_all(&st))
		rc = EXIT_USAGE;
	if (!rc) {
		conclude(&st);
		slope = estimate_of(st.slope, a.rounds);
		if (a.json)
			rc = print_json(&st, slope);
		else
			print_text(&st, slope);
	}
	free(st.runs);
	free(st.slope);
	return rc;
}

KMEMLAB_COMMAND(whatif, 33, "how far throughput follows one lock's hold, or late IPIs", run);
