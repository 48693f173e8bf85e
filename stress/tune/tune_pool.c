/* SPDX-License-Identifier: MIT */
/*
 * tune_pool.c - worker processes that measure.
 *
 * What.  The parent has read the input; a worker is a fork of it, so the input exists once.  A
 * worker reads the number of a job from a pipe, boots a machine, measures, takes it down, and
 * writes the result to another pipe.  A setting that makes the machine panic ends its worker and
 * nobody else.
 *
 * States of a worker.  idle <-> measuring; ended by end-of-file on its pipe, which is also what it
 * sees when the parent dies.
 *
 * Invariants.
 *   I1  Every job is given to one worker, once; a worker has at most one.
 *   I2  A result is a function of its job: workers share nothing that they write.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  A worker that ends early names its job.
 * See also.  tests/unit/test_tune_run.c.
 */
#define _GNU_SOURCE
#include "stress/tune/tune_pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/bug.h"

/* What a worker sends. */
struct result {
	u32 job;
	int code;
	struct tune_metrics m;
	struct tune_error err;
};

struct worker {
	pid_t pid;
	int to, from;		/* the parent's ends; -1: closed */
	u32 job;
	bool busy;
};

/* A pipe holds at least PIPE_BUF bytes, but a result may be longer: both loop. */
static bool read_all(int fd, void *buf, size_t size)
{
	char *p = buf;

	while (size) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const void *buf, size_t size)
{
	const char *p = buf;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* ---- in the worker ---- */

__attribute__((noreturn)) static void work(const struct tune_pool *pool,
					   const struct tune_job *jobs, int in, int out)
{
	u32 job;

	/* A parent that is gone is the end, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	while (read_all(in, &job, sizeof(job))) {
		const struct tune_window *w = &jobs[job].window;
		const struct tune_source *src = &pool->sources[w->input];
		struct result r;

		memset(&r, 0, sizeof(r));
		r.job = job;
		r.code = src->measure(src, &pool->space->points[jobs[job].point].setting, w, &r.m,
				      &r.err);
		if (!write_all(out, &r, sizeof(r)))
			break;
	}
	_exit(0);
}

/* ---- in the parent ---- */

static void close_worker(struct worker *w)
{
	if (w->to >= 0)
		close(w->to);
	if (w->from >= 0)
		close(w->from);
	w->to = w->from = -1;
}

static int start_worker(const struct tune_pool *pool, const struct tune_job *jobs,
			struct worker *workers, u32 at)
{
	int down[2], up[2];
	pid_t pid;

	if (pipe(down))
		return -errno;
	if (pipe(up)) {
		close(down[0]);
		close(down[1]);
		return -EMFILE;
	}
	pid = fork();
	if (pid == 0) {
		/* Else an earlier worker would not see the end of its pipe. */
		for (u32 i = 0; i < at; i++)
			close_worker(&workers[i]);
		close(down[1]);
		close(up[0]);
		work(pool, jobs, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	workers[at] = (struct worker){ .pid = pid, .to = down[1], .from = up[0] };
	if (pid > 0)
		return 0;
	close_worker(&workers[at]);
	return -EAGAIN;
}

static const char *job_name(const struct tune_pool *pool, const struct tune_job *job)
{
	return pool->space->points[job->point].key;
}

/* Reads what a worker has to say; 0 or -errno. */
static int take_result(const struct tune_pool *pool, const struct tune_job *jobs,
		       struct worker *w, struct tune_error *err)
{
	struct result r;
	int status = 0;

	if (read_all(w->from, &r, sizeof(r))) {
		w->busy = false;
		if (!r.code) {
			pool->done(pool->arg, r.job, &r.m);
			return 0;
		}
		snprintf(err->text, sizeof(err->text), "%s: %.200s", job_name(pool, &jobs[r.job]),
			 r.err.text);
		return r.code;
	}
	close_worker(w);
	waitpid(w->pid, &status, 0);
	w->pid = 0;
	snprintf(err->text, sizeof(err->text), "%s: the worker ended with %s %d; see above",
		 job_name(pool, &jobs[w->job]), WIFSIGNALED(status) ? "signal" : "status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return -EIO;
}

/* Gives an idle worker the next job, or ends it when none is left. */
static void give_job(struct worker *w, u32 *next, u32 nr)
{
	if (w->busy || w->to < 0)
		return;
	if (*next < nr && write_all(w->to, next, sizeof(*next))) {
		w->job = (*next)++;
		w->busy = true;
		return;
	}
	close(w->to);
	w->to = -1;
}

struct crew {
	struct worker workers[TUNE_JOBS_MAX];
	u32 nr;
};

static int run_workers(const struct tune_pool *pool, const struct tune_job *jobs, u32 nr,
		       struct crew *crew, struct tune_error *err)
{
	struct worker *const workers = crew->workers;
	const u32 nr_workers = crew->nr;
	struct pollfd fds[TUNE_JOBS_MAX];
	u32 next = 0, busy;
	int code = 0;

	for (;;) {
		busy = 0;
		for (u32 i = 0; i < nr_workers; i++) {
			if (!code)
				give_job(&workers[i], &next, nr);
			fds[i] = (struct pollfd){ .fd = workers[i].busy ? workers[i].from : -1,
						  .events = POLLIN };
			busy += workers[i].busy;
		}
		if (!busy)
			return code;
		if (poll(fds, nr_workers, -1) < 0 && errno != EINTR)
			return -errno;
		for (u32 i = 0; i < nr_workers; i++) {
			struct tune_error other;
			int failed;

			if (!(fds[i].revents & (POLLIN | POLLHUP | POLLERR)))
				continue;
			failed = take_result(pool, jobs, &workers[i], code ? &other : err);
			code = code ? code : failed;
			if (failed == -EIO)
				workers[i].busy = false;
		}
	}
}

int tune_pool_run(const struct tune_pool *pool, const struct tune_job *jobs, u32 nr,
		  struct tune_error *err)
{
	struct crew crew = { .nr = 0 };
	const u32 limit = min(pool->nr_workers, TUNE_JOBS_MAX);
	const u32 nr_workers = min(limit, nr);
	void (*old)(int);
	int code = 0;

	if (!nr)
		return 0;
	/* What is buffered would be written once by each process. */
	fflush(NULL);
	old = signal(SIGPIPE, SIG_IGN);
	err->text[0] = '\0';
	while (crew.nr < nr_workers && !code) {
		code = start_worker(pool, jobs, crew.workers, crew.nr);
		crew.nr += !code;
	}
	if (!crew.nr)
		snprintf(err->text, sizeof(err->text), "no worker process can be started: %s; give "
			 "fewer --jobs", strerror(-code));
	else
		code = run_workers(pool, jobs, nr, &crew, err);
	for (u32 i = 0; i < crew.nr; i++) {
		close_worker(&crew.workers[i]);
		if (crew.workers[i].pid > 0)
			waitpid(crew.workers[i].pid, NULL, 0);
	}
	signal(SIGPIPE, old);
	return code;
}
