/* SPDX-License-Identifier: MIT */
/* Asking running stress programs: which there are, and one question to one of them. */
#ifndef STRESS_REPORT_LIVE_CLIENT_H
#define STRESS_REPORT_LIVE_CLIENT_H

#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/lib/types.h"

/* An answer that begins with this is one sentence about what is wrong. */
#define LIVE_ERROR	"error: "

/*
 * The address of the window of process @pid: an abstract name, so that nothing stays behind when
 * the process dies.  Returns its length.
 */
socklen_t live_address(struct sockaddr_un *addr, int pid);

/* Processes with a window, in increasing order, at most @max of them; returns how many. */
unsigned int live_programs(int *pids, unsigned int max);

/*
 * Sends @question to the program @pid.  Returns its answer, to be freed, or NULL with a sentence
 * in @why (of @size bytes).
 */
char *live_ask(int pid, const char *question, char *why, size_t size);

#endif /* STRESS_REPORT_LIVE_CLIENT_H */
