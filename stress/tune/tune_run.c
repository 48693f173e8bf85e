/* SPDX-License-Identifier: MIT */
/*
 * tune_run.c - a tuning from grid to recommendation.
 *
 * What.  In this order: every point of the grid on the training window, or by successive halving
 * first on a short part of it; the front; where counts are not exact, more runs of what is on the
 * front; the picks; the front, the baselines and the picks on the held-out window; the settings
 * one step beside the pick.  Each stage asks the store first, so that what is known from a state
 * file is not measured again.
 *
 * Repeats.  Run i has the seed of the first one plus i, so the medians of exact counts are exact.
 *
 * Halving.  The first rung is the first 1/2^k of the window.  What tune_halve() keeps goes on to
 * twice the length, until the whole window.  Baselines always go on.
 *
 * Invariants.
 *   I1  Which jobs there are depends on options, grid and exact results only: two runs do the same.
 *   I2  rows[] come from results on the whole training window, never from a shorter one.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  The first setting that cannot be measured
 * ends it; what was measured stays in the state file.
 * See also.  tests/unit/test_tune_run.c, docs/tune.md.
 */
#include "stress/tune/tune_run.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/bug.h"
#include "stress/harness/progress.h"
#include "stress/tune/tune_pool.h"

/* A grid that replays more operations than this is halved; two minutes of one core. */
#define AUTO_OPS	4000000000ull
#define RUNGS_MAX	8u
/* --halving on: an eighth first. */
#define RUNGS_ON	4u

struct tuning {
	struct tune_result *r;
	struct tune_store *store;
	struct tune_error *err;
	struct tune_job *jobs;		/* of the stage */
	u32 nr_jobs, done;
	const char *stage;
	struct progress progress;
	double start;
};

static void *must_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr + 1, size);

	if (!p)
		panic("out of memory for a tuning of %zu settings", nr);
	return p;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- stages ---- */

static void on_result(void *arg, u32 job, const struct tune_metrics *m)
{
	struct tuning *t = arg;
	char text[64];

	tune_store_add(t->store, t->jobs[job].point, &t->jobs[job].window, m);
	t->done++;
	snprintf(text, sizeof(text), "%s: %u of %u settings", t->stage, t->done, t->nr_jobs);
	progress_update(&t->progress, now() - t->start, (double)t->done / t->nr_jobs, text);
}

/* Measures what is not known of the points that @wanted marks, @runs runs each. */
static int measure(struct tuning *t, const bool *wanted, struct tune_window window, u32 runs,
		   const char *stage)
{
	const struct tune_pool pool = {
		.sources = t->r->sources, .space = t->r->space, .nr_workers = t->r->opt->jobs,
		.done = on_result, .arg = t,
	};
	int code;

	t->jobs = must_alloc((size_t)t->r->nr_rows * runs, sizeof(*t->jobs));
	t->nr_jobs = t->done = 0;
	t->stage = stage;
	t->start = now();
	for (u32 run = 0; run < runs; run++) {
		window.run = (u16)run;
		for (u32 i = 0; i < t->r->nr_rows; i++)
			if (wanted[i] && !tune_store_find(t->store, i, &window))
				t->jobs[t->nr_jobs++] = (struct tune_job){ i, window };
	}
	code = tune_pool_run(&pool, t->jobs, t->nr_jobs, t->err);
	progress_end(&t->progress);
	free(t->jobs);
	t->jobs = NULL;
	return code;
}

static double median_of(const struct tune_metrics **runs, u32 nr, enum tune_objective o,
			struct interval *interval)
{
	double v[UINT8_MAX];
	struct sample s = { v, nr };

	for (u32 i = 0; i < nr; i++)
		v[i] = runs[i]->v[o];
	if (interval)
		*interval = stat_median_interval(s, 0.95);
	return stat_median(s);
}

/* Fills the row of a point from @runs results; false when one is missing. */
static bool fill_row(const struct tuning *t, struct tune_row *row, u32 point,
		     struct tune_window window, u32 runs)
{
	const struct tune_metrics *found[UINT8_MAX] = { NULL };
	struct interval *interval = t->r->acq_interval;

	row->point = point;
	row->measured = false;
	for (u32 run = 0; run < runs; run++) {
		window.run = (u16)run;
		found[run] = tune_store_find(t->store, point, &window);
		if (!found[run])
			return false;
	}
	row->m = *found[0];
	row->measured = true;
	for (unsigned int o = 0; runs > 1 && o < NR_TUNE_OBJECTIVES; o++)
		row->m.v[o] = median_of(found, runs, (enum tune_objective)o,
					interval && o == TUNE_ACQ && !window.input ?
					&interval[point] : NULL);
	return true;
}

static void fill_rows(const struct tuning *t, struct tune_row *rows, struct tune_window window,
		      u32 runs)
{
	for (u32 i = 0; i < t->r->nr_rows; i++)
		fill_row(t, &rows[i], i, window, runs);
}

/* What is exact in all respects needs no second run. */
static u32 runs_of(const struct tune_result *r)
{
	const struct tune_source *src = &r->sources[0];

	return src->exact && src->exact_hold ? 1 : max(r->opt->runs, 1u);
}

/* ---- the grid ---- */

/* How many rungs the grid gets; 1: all of it at full length. */
static u32 count_rungs(const struct tune_result *r)
{
	u64 ops = r->sources[0].ops * (r->train.to - r->train.from) / TUNE_PARTS * r->nr_rows;
	u32 rungs = 1;

	if (r->opt->nr_shards || r->opt->halving == TUNE_HALVING_OFF)
		return 1;
	if (r->opt->halving == TUNE_HALVING_ON)
		return RUNGS_ON;
	while (rungs < RUNGS_MAX && ops > AUTO_OPS) {
		ops /= 2;
		rungs++;
	}
	return rungs;
}

static bool in_shard(const struct tune_options *opt, u32 point)
{
	return !opt->nr_shards || point % opt->nr_shards == opt->shard - 1;
}

static int measure_grid(struct tuning *t)
{
	struct tune_result *r = t->r;
	bool *active = must_alloc(r->nr_rows, sizeof(*active));
	u32 parts = (u32)(r->train.to - r->train.from);
	int code = 0;

	r->rungs = count_rungs(r);
	for (u32 i = 0; i < r->nr_rows; i++)
		active[i] = in_shard(r->opt, i);
	for (u32 rung = 0; rung < r->rungs && !code; rung++) {
		struct tune_window w = r->train;

		w.to = (u16)(w.from + max(parts >> (r->rungs - 1 - rung), 1u));
		for (u32 i = 0; i < r->nr_rows; i++)
			r->rung_points[rung] += active[i];
		code = measure(t, active, w, 1, "grid");
		if (code || rung + 1 == r->rungs)
			break;
		fill_rows(t, r->rows, w, 1);
		for (u32 i = 0; i < r->nr_rows; i++)
			r->rows[i].measured &= active[i];
		tune_halve(r->rows, r->nr_rows, active);
		for (u32 i = 0; i < r->space->nr_baselines; i++)
			active[i] = true;
	}
	fill_rows(t, r->rows, r->train, 1);			/* I2 */
	for (u32 i = 0; i < r->nr_rows; i++) {
		/* A state file may know more than halving would have kept. */
		r->rows[i].measured &= active[i];
		r->nr_measured += r->rows[i].measured;
	}
	free(active);
	return code;
}

/* Where something differs from run to run: more runs of front and baselines, by medians. */
static int repeat_survivors(struct tuning *t)
{
	struct tune_result *r = t->r;
	bool *wanted;
	int code;

	if (runs_of(r) < 2)
		return 0;
	wanted = must_alloc(r->nr_rows, sizeof(*wanted));
	r->acq_interval = must_alloc(r->nr_rows, sizeof(*r->acq_interval));
	for (u32 i = 0; i < r->nr_rows; i++)
		wanted[i] = r->rows[i].front || i < r->space->nr_baselines;
	code = measure(t, wanted, r->train, runs_of(r), "repeat");
	for (u32 i = 0; !code && i < r->nr_rows; i++)
		r->rows[i].measured = wanted[i] &&
				      fill_row(t, &r->rows[i], i, r->train, runs_of(r));
	r->nr_front = tune_front(r->rows, r->nr_rows);
	free(wanted);
	return code;
}

/* ---- picks ---- */

/* What a running kernel can be told: no other build. */
static bool linux_now(const struct tune_point *p)
{
	const u32 scale = p->setting.v[TUNE_SCALE];

	return p->settable && p->setting.v[TUNE_ROUNDS] == TUNE_UNSET &&
	       (scale == TUNE_UNSET || scale == 5);
}

static void pick_all(struct tune_result *r)
{
	const struct tune_limits limits = {
		.reference = tune_reference(r), .max_stranded = r->opt->max_stranded,
	};
	bool *settable = must_alloc(r->nr_rows, sizeof(*settable));
	bool *now_settable = must_alloc(r->nr_rows, sizeof(*now_settable));

	for (u32 i = 0; i < r->nr_rows; i++) {
		settable[i] = r->space->points[i].settable;
		now_settable[i] = linux_now(&r->space->points[i]);
	}
	r->knee = tune_knee(r->rows, r->nr_rows);
	for (unsigned int g = 0; g < NR_TUNE_GOALS; g++) {
		enum tune_goal goal = (enum tune_goal)g;

		r->choice[g] = (struct tune_choice){
			.row = tune_pick(r->rows, r->nr_rows, goal, &limits),
			.linux_row = tune_pick_among(r->rows, r->nr_rows, settable, goal, &limits),
			.linux_now = tune_pick_among(r->rows, r->nr_rows, now_settable, goal,
						     &limits),
		};
	}
	r->claim = tune_check_claim(r->rows, r->nr_rows, tune_reference(r));
	free(settable);
	free(now_settable);
}

/* The front, the baselines and all picks on the held-out input. */
static int confirm(struct tuning *t)
{
	struct tune_result *r = t->r;
	bool *wanted = must_alloc(r->nr_rows, sizeof(*wanted));
	struct tune_limits limits = { .max_stranded = r->opt->max_stranded };
	int code;

	for (u32 i = 0; i < r->nr_rows; i++)
		wanted[i] = r->rows[i].front || i < r->space->nr_baselines;
	for (unsigned int g = 0; g < NR_TUNE_GOALS; g++) {
		const u32 more[] = { r->choice[g].linux_row, r->choice[g].linux_now };

		for (unsigned int i = 0; i < ARRAY_SIZE(more); i++)
			if (more[i] < r->nr_rows)
				wanted[more[i]] = true;
	}
	code = measure(t, wanted, r->held, runs_of(r), "held-out");
	for (u32 i = 0; !code && i < r->nr_rows; i++)
		r->held_rows[i].measured = wanted[i] &&
					   fill_row(t, &r->held_rows[i], i, r->held, runs_of(r));
	free(wanted);
	if (code)
		return code;
	tune_front(r->held_rows, r->nr_rows);
	limits.reference = &r->held_rows[r->space->reference].m;
	r->held_best = tune_pick(r->held_rows, r->nr_rows, r->opt->goal, &limits);
	r->held_claim = tune_check_claim(r->held_rows, r->nr_rows, limits.reference);
	return 0;
}

static int step_aside(struct tuning *t)
{
	struct tune_result *r = t->r;
	const u32 pick = r->choice[r->opt->goal].row;
	bool *wanted;
	int code;

	if (pick == r->nr_rows)
		return 0;
	wanted = must_alloc(r->nr_rows, sizeof(*wanted));
	for (u32 d = 0; d < r->space->points[pick].nr_dims; d++)
		for (int step = -1; step <= 1; step += 2) {
			u32 row = tune_space_neighbour(r->space, pick, d, step);

			r->steps[r->nr_steps++] = (struct tune_step){
				.field = r->space->points[pick].dim[d], .step = step, .row = row,
			};
			if (row < r->nr_rows)
				wanted[row] = true;
		}
	code = measure(t, wanted, r->train, runs_of(r), "sensitivity");
	for (u32 i = 0; !code && i < r->nr_rows; i++)
		if (wanted[i] && !r->rows[i].measured) {
			/* Outside of the front, which is settled; the values are what counts. */
			fill_row(t, &r->rows[i], i, r->train, runs_of(r));
			r->rows[i].front = false;
		}
	free(wanted);
	return code;
}

/* ---- all of it ---- */

static void set_windows(struct tune_result *r)
{
	const u16 from = (u16)r->opt->warm_up, middle = (u16)((from + TUNE_PARTS) / 2);

	r->train = (struct tune_window){ .from = from, .to = TUNE_PARTS };
	r->held = (struct tune_window){ .input = 1, .from = from, .to = TUNE_PARTS };
	if (r->nr_sources > 1)
		return;
	/* One input: its first half is tuned on, the second half confirms. */
	r->train.to = middle;
	r->held = (struct tune_window){ .from = middle, .to = TUNE_PARTS };
}

int tune_run(struct tune_result *r, const struct tune_options *opt, struct tune_store *store,
	     struct tune_error *err)
{
	struct tuning t = { .r = r, .store = store, .err = err };
	int code;

	*r = (struct tune_result){
		.opt = opt, .space = store->space, .sources = store->sources,
		.nr_sources = store->nr_sources, .nr_rows = store->space->nr,
		.knee = store->space->nr, .held_best = store->space->nr,
		.rows = must_alloc(store->space->nr, sizeof(*r->rows)),
		.held_rows = must_alloc(store->space->nr, sizeof(*r->held_rows)),
	};
	progress_init(&t.progress, stderr, !opt->quiet);
	set_windows(r);
	code = measure_grid(&t);
	if (code || opt->nr_shards)
		goto out;
	r->nr_front = tune_front(r->rows, r->nr_rows);
	code = repeat_survivors(&t);
	if (code)
		goto out;
	pick_all(r);
	code = confirm(&t);
	if (!code)
		code = step_aside(&t);
out:
	if (code)
		tune_result_free(r);
	return code;
}

void tune_result_free(struct tune_result *r)
{
	free(r->rows);
	free(r->held_rows);
	free(r->acq_interval);
	*r = (struct tune_result){ .nr_rows = 0 };
}
