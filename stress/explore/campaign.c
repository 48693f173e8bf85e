/* SPDX-License-Identifier: MIT */
/*
 * The campaign: seeds in, failures out.
 *
 * What.  The seeds of a shard are those of the range whose place in it, counted modulo the number
 * of shards, is the shard's.  Workers run them in order; after a failure the next worker goes on
 * behind it.  Failures with the same text but for numbers are one failure.
 *
 * Invariants.
 *   I1  Which seeds a shard runs depends on range and shard only, so the shards of a range split it
 *       without overlap, wherever and whenever they run.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "stress/explore/explore.h"
#include "stress/report/array.h"

/* Each failure costs a fork and a boot; beyond this the tree is known to be broken. */
#define MAX_FAILED	1000

struct campaign {
	struct worker_job job;
	const struct explore_options *opt;
	struct explore_result *result;
	double start;
	bool show_progress;
};

static bool next_seed(struct worker_job *job, u64 position, struct explore_schedule *s)
{
	const struct explore_options *opt = ((struct campaign *)job->arg)->opt;
	u64 offset, seed;

	if (__builtin_mul_overflow(position, (u64)opt->nr_shards, &offset) ||
	    __builtin_add_overflow(offset, opt->first + opt->shard - 1, &seed) || seed > opt->last)
		return false;
	*s = explore_schedule_of_seed(&opt->policy, seed);		/* I1 */
	return true;
}

static void show(struct worker_job *job, const struct worker_shared *shared)
{
	const struct campaign *c = job->arg;
	double elapsed = worker_now() - c->start;
	u64 n = __atomic_load_n(&shared->position, __ATOMIC_RELAXED);

	if (c->show_progress && elapsed > 1.0)
		fprintf(stderr, "\r%llu schedules, %.0f/s, %llu failed ", (unsigned long long)n,
			(double)n / elapsed, (unsigned long long)c->result->nr_failed);
}

static struct explore_failure *find_failure(struct explore_result *result, const char *key)
{
	for (u32 i = 0; i < result->nr_failures; i++)
		if (strcmp(result->failures[i].key, key) == 0)
			return &result->failures[i];
	return NULL;
}

static void note_failure(struct campaign *c, const struct worker *w)
{
	struct explore_result *result = c->result;
	struct explore_failure f, *known;

	result->nr_failed++;
	explore_failure_fill(&f, &c->opt->config, w);
	known = find_failure(result, f.key);
	if (known) {
		known->count++;
		explore_failure_free(&f);
		return;
	}
	*array_add(result->failures, result->nr_failures) = f;
}

/* True when another worker shall go on. */
static bool run_worker(struct campaign *c, struct worker *w, char *err, size_t size)
{
	enum worker_end end = worker_run(w, &c->job);

	if (end == WORKER_BROKEN) {
		snprintf(err, size, "%.*s", (int)strcspn(w->text, "\n"), w->text);
		return false;
	}
	if (end == WORKER_DONE)
		return false;
	note_failure(c, w);
	/* What fails without any preemption fails always. */
	if (!w->shared->ready)
		return false;
	w->shared->position++;
	c->result->gave_up = c->result->nr_failed >= MAX_FAILED;
	return !c->opt->stop_on_failure && !c->result->gave_up &&
	       (c->job.deadline == 0.0 || worker_now() < c->job.deadline);
}

int explore_campaign(const struct explore_options *opt, struct explore_result *result, char *err,
		     size_t size)
{
	struct campaign c = {
		.job = { .config = &opt->config, .next = next_seed, .progress = show },
		.opt = opt, .result = result, .start = worker_now(),
		.show_progress = isatty(STDERR_FILENO),
	};
	struct explore_schedule s;
	struct worker w;

	*result = (struct explore_result){ .opt = *opt };
	err[0] = '\0';
	if (worker_init(&w)) {
		snprintf(err, size, "no memory to share with a worker");
		return -ENOMEM;
	}
	c.job.arg = &c;
	if (opt->seconds > 0.0)
		c.job.deadline = c.start + opt->seconds;
	while (run_worker(&c, &w, err, size))
		;
	if (c.show_progress && worker_now() - c.start > 1.0)
		fputc('\n', stderr);
	result->sums = w.shared->sums;
	result->complete = !next_seed(&c.job, w.shared->position, &s);
	result->elapsed = worker_now() - c.start;
	worker_exit(&w);
	return err[0] ? -EIO : 0;
}

void explore_result_free(struct explore_result *result)
{
	for (u32 i = 0; i < result->nr_failures; i++)
		explore_failure_free(&result->failures[i]);
	free(result->failures);
	*result = (struct explore_result){ 0 };
}
