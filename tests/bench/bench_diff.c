/* SPDX-License-Identifier: MIT */
/*
 * How often `kmemlab diff` is right: no change between runs of one setting, and a lock that is held
 * 10 % longer found as that lock.
 *
 *   bench_diff [TRIALS]          synthetic runs: lognormal holds, heavy-tailed waits; from run to
 *                                run the machine varies by KMEMLAB_SPEED_CV (default 0.02) and
 *                                each lock by KMEMLAB_LOCK_CV (default 0.015): assumptions, of a
 *                                machine that does nothing else
 *   bench_diff TRIALS FILES      real runs of one setting (a pattern or a file of kmemlab bench):
 *                                each trial deals them to two sets at random; the planted lock is
 *                                the one with the longest hold share, its times stretched by 10 %
 *                                and the run with them
 *   bench_diff TRIALS FILES PLANTED LOCK
 *                                the same, but the runs with longer holds of LOCK are real ones,
 *                                recorded in turns with the others (--inject lock-hold)
 *
 * Exit 1 when either rate is below 95 %.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/report/lock_summary.h"
#include "tests/unit/compare_sample.h"

#define SEED		7
#define RUNS		10
#define FACTOR		1.10
#define RATE_MIN	0.95

struct score {
	u32 trials, same, found, first, others;
};

static void count_same(struct score *s, const struct run_set *a, const struct run_set *b)
{
	struct comparison c;

	compare_sets(&c, a, b, &COMPARE_DEFAULTS);
	s->same += !c.better && !c.worse && !c.remarks.nr_obstacles;
	for (u32 i = 0; i < c.nr_rows; i++)
		if (c.rows[i].change)
			printf("  no change was planted, but: %s p %.3g\n", c.rows[i].m->name,
			       c.rows[i].p_holm);
	comparison_free(&c);
}

/* The lock's own hold must be called worse; @first: and the verdict names the lock. */
static void count_found(struct score *s, const struct run_set *a, const struct run_set *b,
			const char *lock)
{
	bool found = false, other = false;
	struct comparison c;

	compare_sets(&c, a, b, &COMPARE_DEFAULTS);
	for (u32 i = 0; i < c.nr_rows; i++) {
		const struct metric *m = c.rows[i].m;

		if (!c.rows[i].change)
			continue;
		if (m->lock && strcmp(m->lock, lock) == 0)
			found = found || (c.rows[i].change == CHANGE_WORSE &&
					  (m->field == FIELD_HELD ||
					   m->field == FIELD_HOLD_MEAN ||
					   m->field == FIELD_HOLD_P50));
		else
			other = other || m->lock;
	}
	s->found += found;
	s->first += found && c.verdict && strstr(c.verdict, lock);
	s->others += other;
	comparison_free(&c);
}

static int print_score(const struct score *s, const char *what)
{
	printf("%s: seed %d, %u trials of %u against %u runs\n", what, SEED, s->trials, RUNS, RUNS);
	printf("  same setting: no change in %u (%.0f %%)\n", s->same,
	       100.0 * s->same / s->trials);
	printf("  hold +10 %%: that lock in %u (%.0f %%), named by the verdict in %u; another lock "
	       "too in %u\n", s->found, 100.0 * s->found / s->trials, s->first, s->others);
	return s->same < RATE_MIN * s->trials || s->found < RATE_MIN * s->trials;
}

static double setting(const char *name, double otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtod(text, NULL) : otherwise;
}

static int run_synthetic(u32 trials)
{
	struct sample_machine plain = { .speed_cv = setting("KMEMLAB_SPEED_CV", 0.02),
					.lock_cv = setting("KMEMLAB_LOCK_CV", 0.015),
					.tail = 0.0005, .seconds = 2, .planted_factor = 1 };
	struct sample_machine longer = plain;
	struct score s = { .trials = trials };
	struct rand_state rng;

	longer.planted_factor = FACTOR;
	rand_init(&rng, SEED, 0);
	for (u32 i = 0; i < trials; i++) {
		struct run_set a, b, c;

		sample_set(&rng, &a, "A", RUNS, &plain);
		sample_set(&rng, &b, "B", RUNS, &plain);
		sample_set(&rng, &c, "C", RUNS, &longer);
		count_same(&s, &a, &b);
		count_found(&s, &a, &c, sample_locks[longer.planted].name);
		run_set_free(&a);
		run_set_free(&b);
		run_set_free(&c);
	}
	printf("assumed from run to run: machine %.1f %%, lock %.1f %%\n", 100 * plain.speed_cv,
	       100 * plain.lock_cv);
	return print_score(&s, "synthetic");
}

/* ---- real runs ---- */

/* Every count moves to where times FACTOR lie, its values spread evenly over its step. */
static void stretch_hist(struct rand_state *rng, u32 *count)
{
	u32 moved[LOCKSTAT_BUCKETS] = { 0 };

	for (u32 b = 0; b + 1 < LOCKSTAT_BUCKETS; b++) {
		double low = (double)lockstat_bucket_floor(b);
		double width = fmax(1, (double)lockstat_bucket_floor(b + 1) - low);

		for (u32 i = 0; i < count[b]; i++)
			moved[lockstat_bucket((u64)(FACTOR * (low + width *
							      sample_uniform(rng))))]++;
	}
	memcpy(count, moved, sizeof(moved));
}

static void stretch_time(struct lockstat_time *t)
{
	t->sum = (u64)((double)t->sum * FACTOR);
	t->min = (u64)((double)t->min * FACTOR);
	t->max = (u64)((double)t->max * FACTOR);
}

/* Estimated over all holds of @lock, ns. */
static double hold_total(const struct lock_report *r, const char *lock)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_HOLD, &list);
	double ns = 0;

	for (u32 i = 0; i < nr; i++)
		if (strcmp(r->classes[list[i].class].name, lock) == 0)
			ns = list[i].hold_total_ns;
	lock_summaries_free(list, nr);
	return ns;
}

static void stretch_lock(struct rand_state *rng, struct lock_report *r, const char *lock)
{
	double held;

	for (u32 i = 0; i < r->nr_rows; i++)
		if (strcmp(r->classes[r->rows[i].class].name, lock) == 0) {
			stretch_time(&r->rows[i].hold);
			stretch_time(&r->rows[i].hold_contended);
		}
	/* A CPU that holds a lock for longer has less time for other things. */
	held = hold_total(r, lock);
	r->elapsed_ns += (u64)((FACTOR - 1) / FACTOR * held / r->nr_cpus);
	for (u32 i = 0; i < r->nr_hists; i++)
		if (strcmp(r->classes[r->hists[i].class].name, lock) == 0) {
			stretch_hist(rng, r->hists[i].hist.hold);
			stretch_hist(rng, r->hists[i].hist.hold_contended);
		}
}

static const char *busiest(const struct run_set *pool)
{
	const struct lock_report *r = &pool->runs[0].file.locks;
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_HOLD, &list);
	const char *name = nr ? r->classes[list[0].class].name : "";

	lock_summaries_free(list, nr);
	return name;
}

/* Runs @first .. of the shuffled pool, the planted lock stretched when @lock is given. */
static void deal(struct rand_state *rng, struct run_set *set, const struct run_set *pool,
		 const u32 *order, const char *lock)
{
	struct report_error err;

	*set = (struct run_set){ .label = string_copy(lock ? "C" : "B") };
	for (u32 i = 0; i < RUNS; i++) {
		const struct run *run = &pool->runs[order[i]];

		if (run_set_add_json(set, json_deep_copy(run->file.json), run->name, &err))
			panic("%s", err.text);
		if (lock)
			stretch_lock(rng, &set->runs[i].file.locks, lock);
	}
}

static int load_pool(struct run_set *pool, const char *files, u32 least)
{
	struct report_error err;

	if (run_set_load(pool, files, "pool", &err)) {
		fprintf(stderr, "bench_diff: %s\n", err.text);
		return -1;
	}
	if (pool->nr >= least)
		return 0;
	fprintf(stderr, "bench_diff: %u runs; %u are needed\n", pool->nr, least);
	return -1;
}

static void shuffle(struct rand_state *rng, u32 *order, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		order[i] = i;
	for (u32 i = nr - 1; i; i--) {
		u32 k = rand_below(rng, i + 1), swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
}

/* @planted and @lock: runs with longer holds of that lock; NULL: made from those of the pool. */
static int run_real(u32 trials, const char *files, const char *planted, const char *lock)
{
	struct score s = { .trials = trials };
	struct run_set pool, longer = { 0 };
	struct rand_state rng;
	u32 *order, *other;

	if (load_pool(&pool, files, 2 * RUNS) || (planted && load_pool(&longer, planted, RUNS)))
		return 2;
	if (!lock)
		lock = busiest(&pool);
	order = calloc(pool.nr, sizeof(*order));
	other = calloc(longer.nr + 1, sizeof(*other));
	rand_init(&rng, SEED, 0);
	for (u32 t = 0; t < trials; t++) {
		struct run_set a, b, c;

		shuffle(&rng, order, pool.nr);
		deal(&rng, &a, &pool, order, NULL);
		deal(&rng, &b, &pool, order + RUNS, NULL);
		if (planted) {
			shuffle(&rng, other, longer.nr);
			deal(&rng, &c, &longer, other, NULL);
		} else {
			deal(&rng, &c, &pool, order + RUNS, lock);
		}
		count_same(&s, &a, &b);
		count_found(&s, &a, &c, lock);
		run_set_free(&a);
		run_set_free(&b);
		run_set_free(&c);
	}
	printf("planted lock: %s, %u runs in the pool, %u with longer holds\n", lock, pool.nr,
	       longer.nr);
	free(order);
	free(other);
	run_set_free(&pool);
	run_set_free(&longer);
	return print_score(&s, files);
}

int main(int argc, char **argv)
{
	u32 trials = argc > 1 ? (u32)strtoul(argv[1], NULL, 10) : 100;

	if (!trials || argc == 4 || argc > 5) {
		fputs("usage: bench_diff [TRIALS [FILES [PLANTED LOCK]]]\n", stderr);
		return 2;
	}
	if (argc <= 2)
		return run_synthetic(trials);
	return run_real(trials, argv[2], argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL);
}
