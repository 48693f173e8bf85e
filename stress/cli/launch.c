/* SPDX-License-Identifier: MIT */
/* launch.c - runs a stress binary from a command, with a limit on its time. */
#define _GNU_SOURCE
#include "stress/cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress/cli/command.h"

#define POLL_NS		(5 * NSEC_PER_MSEC)

void launch_find(const char *program, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%.4200s", name);
	if (!strchr(name, '/'))
		snprintf(path, size, "%.4000s/%.200s", program_folder(), name);
	if (!strchr(name, '/') && access(path, X_OK) != 0)
		snprintf(path, size, "%.4000s/stress-%.200s", program_folder(), name);
	if (access(path, X_OK) != 0)
		usage_error(program, "no workload '%s'; `kmemlab stress --help` lists them", name);
}

static int wait_child(pid_t pid, u64 timeout_s, struct rusage *use)
{
	const struct timespec step = { 0, (long)POLL_NS };
	u64 polls = timeout_s * NSEC_PER_SEC / POLL_NS;
	int status;

	for (u64 i = 0; i < polls; i++) {
		pid_t done = wait4(pid, &status, WNOHANG, use);

		if (done == pid)
			return status;
		if (done < 0 && errno != EINTR)
			return -1;
		nanosleep(&step, NULL);
	}
	kill(pid, SIGKILL);
	wait4(pid, &status, 0, use);
	return -1;
}

static double cpu_time_ns(const struct rusage *use)
{
	return 1e9 * (double)(use->ru_utime.tv_sec + use->ru_stime.tv_sec) +
	       1e3 * (double)(use->ru_utime.tv_usec + use->ru_stime.tv_usec);
}

int launch_stress(const char *program, const char *path, char **words, u64 timeout_s,
		  double *cpu_ns)
{
	posix_spawn_file_actions_t actions;
	struct rusage use = { 0 };
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawn(&pid, path, &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err) {
		fprintf(stderr, "%s: %s cannot be run: %s\n", program, path, strerror(err));
		return -1;
	}
	status = wait_child(pid, timeout_s, &use);
	if (cpu_ns)
		*cpu_ns = cpu_time_ns(&use);
	if (status == -1)
		fprintf(stderr, "%s: a run of %s took more than %llu s (--timeout)\n", program,
			words[0], (unsigned long long)timeout_s);
	else if (WIFSIGNALED(status))
		fprintf(stderr, "%s: a run of %s ended by signal %d\n", program, words[0],
			WTERMSIG(status));
	else if (WEXITSTATUS(status) > EXIT_FAILED)
		fprintf(stderr, "%s: a run of %s ended with status %d; see the line above\n",
			program, words[0], WEXITSTATUS(status));
	else
		return 0;
	return -1;
}
