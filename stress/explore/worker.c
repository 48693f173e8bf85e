/* SPDX-License-Identifier: MIT */
/*
 * Worker processes.
 *
 * What.  The parent has no machine.  A worker is forked, boots one, and runs schedules until one
 * fails or none is left.  What it does is in shared memory: when it dies, the parent knows which
 * schedule it was, the switches up to the end, and the sums of all schedules before.
 *
 * States of a worker.  booting -> running schedule n -> (n ends well) running n + 1 -> done; a
 * panic, a signal or a ThreadSanitizer report ends it in any of these.
 *
 * Invariants.
 *   I1  sums counts exactly the schedules before shared->position.
 *   I2  A schedule without scheduling points does not stay unnoticed: when the position has not
 *       moved for HANG_SECONDS, the parent ends the worker.
 *
 * Failure.  fork() and pipe() failures are WORKER_BROKEN.
 */
#define _GNU_SOURCE
#include "stress/explore/worker.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/bug.h"
#include "runtime/tsan.h"

#ifdef KMEMLAB_TSAN
#define HANG_SECONDS	120.0
#else
#define HANG_SECONDS	20.0
#endif
#define PROGRESS_MS	200
/* Schedules between two looks at the clock. */
#define CLOCK_PERIOD	16

static struct worker_shared *shared;	/* of the worker process */

double worker_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static size_t shared_bytes(void)
{
	return sizeof(struct worker_shared) + WORKER_MAX_SWITCHES * sizeof(struct worker_site);
}

int worker_init(struct worker *w)
{
	void *p = mmap(NULL, shared_bytes(), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*w = (struct worker){ .shared = p == MAP_FAILED ? NULL : p };
	return w->shared ? 0 : -ENOMEM;
}

void worker_exit(struct worker *w)
{
	munmap(w->shared, shared_bytes());
	w->shared = NULL;
}

/* ---- in the worker ---- */

/* On the way out of a failing schedule, from a panic or a signal: any CPU, any context. */
static void save_stats(void)
{
	if (sim_active || sim_stats_now().steps)
		shared->stats = sim_stats_now();
}

static void on_signal(int sig)
{
	/* Async-signal-safe: one write, one copy. */
	static const char text[] = "\nkmemlab panic: the schedule died of a bad access or trap\n";

	if (sig != SIGABRT && write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	save_stats();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void note_site(const struct sim_switch *s)
{
	void *at[WORKER_SITE_DEPTH + 2];
	size_t n = shared->nr_sites++;
	int depth;

	(void)s;
	if (n >= WORKER_MAX_SWITCHES)
		return;
	/* The two innermost are this function and the scheduler. */
	depth = backtrace(at, ARRAY_SIZE(at));
	for (int i = 0; i < WORKER_SITE_DEPTH; i++)
		shared->sites[n].at[i] = i + 2 < depth ? (uintptr_t)at[i + 2] : 0;
}

#ifdef KMEMLAB_TSAN
/* The run time calls this after each report. */
void __tsan_on_report(void *report);
void __tsan_on_report(void *report)
{
	(void)report;
	if (!shared)
		return;
	save_stats();
	_exit(66);
}
#endif

static void prepare_process(int out)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	const struct rlimit none = { 0 };
	void *warm_up[2];

	dup2(out, STDERR_FILENO);
	setvbuf(stderr, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &none);
#if !defined(KMEMLAB_TSAN)
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		signal(fatal[i], on_signal);
#else
	(void)fatal;
	(void)on_signal;
#endif
	panic_dumper_register(save_stats);
	backtrace(warm_up, ARRAY_SIZE(warm_up));	/* the first call takes memory */
}

static void count(const struct explore_schedule *s, const struct sim_stats *stats)
{
	struct explore_sums *sums = &shared->sums;
	u64 x = s->seed ^ stats->hash;

	sums->schedules++;
	sums->steps += stats->steps;
	sums->switches += stats->switches;
	sums->irqs += stats->irqs_injected;
	sums->stores_delayed += stats->stores_delayed;
	sums->faults += stats->faults;
	sums->digest += splitmix64(&x);
}

__attribute__((noreturn)) static void work(struct worker *w, struct worker_job *job, int out)
{
	struct explore_record record = {
		.switches = w->shared->switches, .max = WORKER_MAX_SWITCHES,
		.switch_hook = job->sites ? note_site : NULL,
	};
	struct explore_schedule s;

	shared = w->shared;
	prepare_process(out);
	if (explore_machine_up(job->config))
		_exit(2);
	shared->ready = true;
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED) &&
	       job->next(job, shared->position, &s)) {
		if (job->deadline != 0.0 && shared->position % CLOCK_PERIOD == 0 &&
		    worker_now() > job->deadline)
			break;
		shared->current = s;
		shared->nr_sites = 0;
		shared->stats = explore_run_schedule(&s, &record);
		count(&s, &shared->stats);
		__atomic_store_n(&shared->position, shared->position + 1, __ATOMIC_RELAXED);
	}
	shared->finished = true;
	_exit(0);
}

/* ---- in the parent ---- */

__printf(2, 3) static enum worker_end broken(struct worker *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return WORKER_BROKEN;
}

/* Waits until the worker closes its end of @alive; false when it hangs. */
static bool watch(struct worker *w, struct worker_job *job, int alive)
{
	struct pollfd fd = { .fd = alive, .events = POLLIN };
	double since = worker_now();
	u64 seen = w->shared->position;

	for (;;) {
		u64 position;

		if (poll(&fd, 1, PROGRESS_MS) > 0)
			return true;
		position = __atomic_load_n(&w->shared->position, __ATOMIC_RELAXED);
		if (job->progress)
			job->progress(job, w->shared);
		if (position != seen) {
			seen = position;
			since = worker_now();
		} else if (worker_now() - since > HANG_SECONDS) {
			return false;
		}
	}
}

static void read_text(struct worker *w, int fd)
{
	ssize_t n = pread(fd, w->text, sizeof(w->text) - 1, 0);

	w->text[max(n, (ssize_t)0)] = '\0';
}

static enum worker_end reap(struct worker *w, pid_t pid, bool hangs)
{
	size_t len;
	int status;

	if (hangs)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return broken(w, "the worker was lost: %s", strerror(errno));
	len = strlen(w->text);
	if (hangs) {
		snprintf(w->text + len, sizeof(w->text) - len, "\nkmemlab panic: hang: no "
			 "scheduling point and no end for %.0f s\n", HANG_SECONDS);
		return WORKER_FOUND;
	}
	if (WIFEXITED(status) && w->shared->finished)
		return WORKER_DONE;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		return WORKER_BROKEN;
	return WORKER_FOUND;
}

enum worker_end worker_run(struct worker *w, struct worker_job *job)
{
	enum worker_end end;
	int alive[2], out;
	bool hangs;
	pid_t pid;

	out = memfd_create("kmemlab-worker", MFD_CLOEXEC);
	if (out < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return broken(w, "no pipe for a worker: %s", strerror(errno));
	w->shared->finished = false;
	w->shared->ready = false;
	w->shared->stats = (struct sim_stats){ 0 };
	w->shared->current = (struct explore_schedule){ .policy = SIM_REPLAY };
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		end = broken(w, "no worker process: %s", strerror(errno));
		goto close;
	}
	if (pid == 0) {
		close(alive[0]);
		work(w, job, out);
	}
	close(alive[1]);
	alive[1] = -1;
	hangs = !watch(w, job, alive[0]);
	read_text(w, out);
	end = reap(w, pid, hangs);
	if (!hangs)
		read_text(w, out);
close:
	close(alive[0]);
	if (alive[1] >= 0)
		close(alive[1]);
	close(out);
	return end;
}
