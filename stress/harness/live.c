/* SPDX-License-Identifier: MIT */
/*
 * The window into a running stress program.
 *
 * What.  The host thread of a run, which otherwise sleeps between two looks at its CPUs, sleeps in
 * poll() on a socket instead.  A viewer connects, sends one line, gets one answer: "snapshot" is
 * answered by the host thread from relaxed reads (observe.h), "proc NAME" by CPU 0 between two of
 * its tasks, because a /proc text takes the locks that it takes in a kernel.  Without a viewer
 * nothing but the poll() is there; the protocol's other half is stress/report/live_client.c.
 *
 * States of a question to CPU 0 (live_asked): none -> asked -> taken -> none.
 *
 * Invariants.
 *   I1  The question's fields belong to the host thread while live_asked is LIVE_NONE, and to CPU 0
 *       from its compare-and-exchange to LIVE_TAKEN until it stores LIVE_NONE.
 *   I2  The host thread takes a question back only while nobody has taken it, and gives CPU 0 as
 *       long as it needs afterwards: CPU 0 is writing, not waiting.
 *
 * Locking.  None; the state word's acquire and release order the fields.  Context.  Host thread,
 * and CPU 0's task.  Failure.  A viewer that sends or reads too slowly is dropped after
 * LIVE_PATIENCE_MS; only the user who started the program, and root, get an answer.
 * See also.  tests/cli/live.bats.
 */
#define _GNU_SOURCE			/* struct ucred, ppoll(), accept4() */
#include "stress/harness/live.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mm/procfs.h"
#include "stress/harness/observe.h"
#include "stress/report/live_client.h"

#define LIVE_PATIENCE_MS	500
/* How long CPU 0 may be in one task before the viewer hears that it is busy. */
#define LIVE_TAKE_MS		1000

enum { LIVE_NONE, LIVE_ASKED, LIVE_TAKEN };

u32 live_asked;

static struct {
	const char *name;		/* of the /proc text */
	char *text;			/* the answer, from malloc */
	size_t size;
} question;			/* I1 */

static struct stress_run *window_run;	/* host thread */
static u64 window_start;		/* ns */
static int window = -1;

/* ---- CPU 0 ---- */

void __live_turn(void)
{
	u32 asked = LIVE_ASKED;
	FILE *out;

	if (!try_cmpxchg(&live_asked, &asked, LIVE_TAKEN))
		return;
	out = open_memstream(&question.text, &question.size);
	if (out) {
		(void)!proc_show(question.name, out);
		fclose(out);
	}
	/* Release: pairs with the acquire in ask_cpu(). */
	smp_store_release(&live_asked, LIVE_NONE);
}

/* ---- the host thread ---- */

static void nap_ms(long ms)
{
	const struct timespec ts = { 0, ms * (long)NSEC_PER_MSEC };

	nanosleep(&ts, NULL);
}

/* The text @name from CPU 0, to be freed; NULL when CPU 0 does not come to it. */
static char *ask_cpu(const char *name)
{
	u32 asked = LIVE_ASKED;

	question.name = name;
	question.text = NULL;
	/* Release: pairs with the acquire in live_turn(). */
	smp_store_release(&live_asked, LIVE_ASKED);
	for (int ms = 0; ms < LIVE_TAKE_MS && smp_load_acquire(&live_asked) != LIVE_NONE; ms++) {
		if (cpu_all_done())
			break;
		nap_ms(1);
	}
	if (try_cmpxchg(&live_asked, &asked, LIVE_NONE))
		return NULL;
	/* Taken, or answered already (I2). */
	while (smp_load_acquire(&live_asked) != LIVE_NONE)
		nap_ms(1);
	return question.text;
}

static void send_text(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

static void answer_proc(int fd, const char *name)
{
	char *text, line[300] = LIVE_ERROR;
	unsigned int i;

	for (i = 0; proc_name(i) && strcmp(proc_name(i), name); i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", i ? ", " :
			 "no such text; choose one of ", proc_name(i));
	if (!proc_name(i)) {
		send_text(fd, line);
		return;
	}
	text = ask_cpu(proc_name(i));
	send_text(fd, text ? text : LIVE_ERROR "CPU 0 is busy or done; ask again");
	free(text);
}

static void answer_snapshot(int fd)
{
	json_t *json = observe_run(window_run, clock_ns() - window_start);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	send_text(fd, text ? text : LIVE_ERROR "out of memory");
	free(text);
	json_decref(json);
}

static bool may_look(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void serve(int fd)
{
	const struct timeval patience = { 0, LIVE_PATIENCE_MS * 1000 };
	char line[80];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!may_look(fd))
		return;
	n = recv(fd, line, sizeof(line) - 1, 0);
	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "snapshot") == 0)
		answer_snapshot(fd);
	else if (strncmp(line, "proc ", 5) == 0)
		answer_proc(fd, line + 5);
	else
		send_text(fd, LIVE_ERROR "unknown question");
}

void live_sleep(long ns)
{
	const struct timespec ts = { ns / (long)NSEC_PER_SEC, ns % (long)NSEC_PER_SEC };
	struct pollfd p = { .fd = window, .events = POLLIN };
	int fd;

	/* A negative descriptor is ignored, so that without a window this is a sleep. */
	if (ppoll(&p, 1, &ts, NULL) <= 0 || !(p.revents & POLLIN))
		return;
	fd = accept4(window, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	serve(fd);
	close(fd);
}

void live_open(struct stress_run *run)
{
	struct sockaddr_un addr;
	socklen_t len = live_address(&addr, (int)getpid());

	window_run = run;
	window_start = clock_ns();
	if (window >= 0)
		return;
	window = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (window >= 0 && (bind(window, (struct sockaddr *)&addr, len) || listen(window, 8)))
		live_close();
}

void live_close(void)
{
	if (window >= 0)
		close(window);
	window = -1;
	window_run = NULL;
}
