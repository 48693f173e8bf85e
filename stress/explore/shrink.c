/* SPDX-License-Identifier: MIT */
/*
 * Replaying and shrinking failures.
 *
 * What.  Three reductions, coarse to fine.  Fewer CPUs, then fewer operations: another seed that
 * fails in the same way on the smaller machine is looked for.  Then the recorded switches of that
 * schedule are left out, half of them, a quarter, ... one at a time (delta debugging), as long as
 * what remains still fails; a switch left out means that the running CPU goes on.
 *
 * Invariants.
 *   I1  Whatever is accepted failed in a process of its own, with the key of the original.
 *   I2  A worker tries candidates until one fails, so what does not fail costs no fork.
 *
 * Failure.  Time runs out: the smallest schedule known so far stays.
 */
#include <errno.h>
#include <string.h>

#include "stress/explore/explore.h"
#include "stress/explore/switches.h"
#include "stress/report/array.h"

/* Seeds tried on a smaller machine before it is given up. */
#define SEARCH_SEEDS	3000

struct shrink {
	struct worker_job job;
	struct worker worker;
	struct explore_failure *f;
	double deadline;
	u64 seed;			/* search: the first seed tried */

	/* Leaving out switches: candidate number n is the list without its n-th chunk. */
	struct sim_switch *candidate;
	size_t chunk;
};

static bool in_time(const struct shrink *s)
{
	return worker_now() < s->deadline;
}

/* Runs the job from @position; true when it failed as the original did (I1). */
static enum worker_end run_from(struct shrink *s, u64 position, bool *same)
{
	struct explore_failure again;
	enum worker_end end;

	s->worker.shared->position = position;
	s->job.deadline = s->deadline;
	end = worker_run(&s->worker, &s->job);
	*same = false;
	if (end == WORKER_FOUND) {
		explore_failure_fill(&again, s->job.config, &s->worker);
		*same = strcmp(again.key, s->f->key) == 0;
		explore_failure_free(&again);
	}
	return end;
}

/* Makes what the worker just failed with the failure to go on from. */
static void accept_worker(struct shrink *s, const struct explore_config *config)
{
	struct explore_failure f;

	explore_failure_fill(&f, config, &s->worker);
	f.count = s->f->count;
	f.shrunk = true;
	f.repro = s->f->repro;
	s->f->repro = NULL;
	explore_failure_free(s->f);
	*s->f = f;
}

/* ---- a smaller machine ---- */

static bool next_search(struct worker_job *job, u64 position, struct explore_schedule *out)
{
	const struct shrink *s = job->arg;
	const struct explore_policy portfolio = { .portfolio = true };

	if (position >= SEARCH_SEEDS)
		return false;
	*out = explore_schedule_of_seed(&portfolio, s->seed + position);
	return true;
}

static bool search(struct shrink *s, const struct explore_config *config)
{
	u64 position = 0;
	bool same = false;

	s->job.config = config;
	s->job.next = next_search;
	while (in_time(s) && run_from(s, position, &same) == WORKER_FOUND) {
		if (same) {
			accept_worker(s, config);
			return true;
		}
		position = s->worker.shared->position + 1;
	}
	return false;
}

static void shrink_cpus(struct shrink *s)
{
	const unsigned int ops = explore_config_ops(&s->f->config);
	const unsigned int nr_cpus = s->f->config.cpus;

	for (unsigned int n = 2; n < nr_cpus && in_time(s); n++) {
		struct explore_config config = s->f->config;

		config.cpus = n;
		memset(config.ops, 0, sizeof(config.ops));
		explore_config_set_ops(&config, ops / nr_cpus * n);
		if (search(s, &config))
			return;
	}
}

static void shrink_ops(struct shrink *s)
{
	while (in_time(s) && explore_config_ops(&s->f->config) >= 2 * s->f->config.cpus) {
		struct explore_config config = s->f->config;

		explore_config_set_ops(&config, explore_config_ops(&config) / 2);
		if (!search(s, &config))
			return;
	}
}

/* ---- fewer switches ---- */

static bool next_chunk(struct worker_job *job, u64 position, struct explore_schedule *out)
{
	struct shrink *s = job->arg;
	const struct explore_failure *f = s->f;
	size_t from = (size_t)position * s->chunk, to = min(from + s->chunk, f->nr_switches);

	if (from >= f->nr_switches)
		return false;
	memcpy(s->candidate, f->switches, from * sizeof(*s->candidate));
	memcpy(s->candidate + from, f->switches + to,
	       (f->nr_switches - to) * sizeof(*s->candidate));
	*out = (struct explore_schedule){
		.seed = f->schedule.seed, .policy = SIM_REPLAY, .param = f->schedule.param,
		.replay = s->candidate, .nr_replay = f->nr_switches - (to - from),
	};
	return true;
}

static void leave_out(struct explore_failure *f, size_t from, size_t n)
{
	n = min(n, f->nr_switches - from);
	memmove(f->switches + from, f->switches + from + n,
		(f->nr_switches - from - n) * sizeof(*f->switches));
	f->nr_switches -= n;
	f->shrunk = true;
}

/* One pass over all chunks; true when any could be left out. */
static bool pass(struct shrink *s)
{
	bool any = false, same;
	u64 position = 0;

	s->job.config = &s->f->config;
	s->job.next = next_chunk;
	while (in_time(s) && run_from(s, position, &same) == WORKER_FOUND) {
		position = s->worker.shared->position;
		if (same) {
			leave_out(s->f, (size_t)position * s->chunk, s->chunk);
			any = true;
		} else {
			position++;
		}
	}
	return any;
}

static void shrink_switches(struct shrink *s)
{
	s->candidate = malloc((s->f->nr_switches + 1) * sizeof(*s->candidate));
	if (!s->candidate)
		panic("out of memory for %zu switches", s->f->nr_switches);
	for (s->chunk = max(s->f->nr_switches / 2, (size_t)1); in_time(s); s->chunk /= 2) {
		while (pass(s) && s->chunk == 1)
			;
		if (s->chunk <= 1)
			break;
	}
	free(s->candidate);
}

/* ---- replay ---- */

static bool next_replay(struct worker_job *job, u64 position, struct explore_schedule *out)
{
	const struct explore_failure *f = job->arg;

	if (position)
		return false;
	*out = (struct explore_schedule){
		.seed = f->schedule.seed, .policy = SIM_REPLAY, .param = f->schedule.param,
		.replay = f->switches, .nr_replay = f->nr_switches,
	};
	return true;
}

static int replay(const struct explore_failure *f, struct worker *w, bool sites)
{
	struct worker_job job = {
		.config = &f->config, .next = next_replay, .arg = (void *)(uintptr_t)f,
		.sites = sites,
	};

	w->shared->position = 0;
	switch (worker_run(w, &job)) {
	case WORKER_FOUND:
		return 1;
	case WORKER_DONE:
		return 0;
	default:
		return -EIO;
	}
}

int explore_replay(const struct explore_failure *f, struct explore_failure *again)
{
	struct worker w;
	int rc = worker_init(&w);

	if (rc)
		return rc;
	rc = replay(f, &w, false);
	if (rc == 1 && again)
		explore_failure_fill(again, &f->config, &w);
	worker_exit(&w);
	return rc;
}

void explore_find_sites(struct explore_failure *f)
{
	struct explore_failure again;
	struct worker w;
	size_t n;

	if (f->sites || worker_init(&w))
		return;
	if (replay(f, &w, true) == 1) {
		explore_failure_fill(&again, &f->config, &w);
		n = min(again.nr_switches, w.shared->nr_sites);
		again.nr_switches = n;
		again.count = f->count;
		again.shrunk = f->shrunk;
		again.repro = f->repro;
		f->repro = NULL;
		again.schedule.policy = f->schedule.policy;
		again.sites = explore_symbolize(w.shared->sites, n);
		explore_failure_free(f);
		*f = again;
	}
	worker_exit(&w);
}

void explore_shrink(struct explore_failure *f, double seconds)
{
	struct shrink s = { .f = f, .deadline = worker_now() + seconds, .seed = f->schedule.seed };

	if (!f->nr_switches || worker_init(&s.worker))
		return;
	if (!f->repro)
		f->repro = explore_failure_repro(f);
	s.job.arg = &s;
	shrink_cpus(&s);
	shrink_ops(&s);
	shrink_switches(&s);
	worker_exit(&s.worker);
	explore_find_sites(f);
}
