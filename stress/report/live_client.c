/* SPDX-License-Identifier: MIT */
/* The viewer's half of the window into running stress programs (stress/harness/live.c). */
#include "stress/report/live_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A program that starts up or ends answers late; one that hangs never does. */
#define ANSWER_SECONDS	5

static const char prefix[] = "kmemlab/";

socklen_t live_address(struct sockaddr_un *addr, int pid)
{
	int len;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	/* The first byte stays 0: an abstract name. */
	len = snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "%s%d", prefix, pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static int by_pid(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

unsigned int live_programs(int *pids, unsigned int max)
{
	FILE *f = fopen("/proc/net/unix", "re");
	unsigned int nr = 0, same;
	char line[300];

	while (f && nr < max && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, " @");
		int pid;

		if (!at || strncmp(at + 2, prefix, strlen(prefix)) ||
		    sscanf(at + 2 + strlen(prefix), "%d", &pid) != 1)
			continue;
		/* A connection in progress has a line of its own. */
		for (same = 0; same < nr && pids[same] != pid; same++)
			;
		if (same == nr)
			pids[nr++] = pid;
	}
	if (f)
		fclose(f);
	if (nr)
		qsort(pids, nr, sizeof(*pids), by_pid);
	return nr;
}

static char *read_all(int fd)
{
	char *text = NULL, buf[4096];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ssize_t n;

	if (!out)
		return NULL;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		fwrite(buf, 1, (size_t)n, out);
	fclose(out);
	if (n == 0 && size)
		return text;
	free(text);
	return NULL;
}

char *live_ask(int pid, const char *question, char *why, size_t size)
{
	const struct timeval patience = { ANSWER_SECONDS, 0 };
	struct sockaddr_un addr;
	socklen_t len = live_address(&addr, pid);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *text = NULL;

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, len)) {
		snprintf(why, size, "no stress program runs as process %d", pid);
		goto out;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, question, strlen(question), MSG_NOSIGNAL) == (ssize_t)strlen(question))
		text = read_all(fd);
	if (!text)
		snprintf(why, size, "process %d gives no answer; is it yours, and still running?",
			 pid);
	if (text && strncmp(text, LIVE_ERROR, strlen(LIVE_ERROR)) == 0) {
		snprintf(why, size, "process %d: %s", pid, text + strlen(LIVE_ERROR));
		free(text);
		text = NULL;
	}
out:
	if (fd >= 0)
		close(fd);
	return text;
}
