/* SPDX-License-Identifier: MIT */
/* Which running stress program a command means. */
#include "stress/cli/live_target.h"

#include <stdio.h>
#include <string.h>

#include "stress/cli/command.h"
#include "stress/report/live_client.h"

#define MAX_PROGRAMS	64

int live_target(const char *program, int pid)
{
	int pids[MAX_PROGRAMS];
	unsigned int nr;
	char list[300] = "";

	if (pid)
		return pid;
	nr = live_programs(pids, MAX_PROGRAMS);
	if (nr == 1)
		return pids[0];
	if (!nr)
		usage_error(program, "no stress program is running; start one, as "
			    "'kmemlab stress pages --seconds 60'");
	for (unsigned int i = 0; i < nr; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%d", i ? ", " : "",
			 pids[i]);
	usage_error(program, "%u stress programs are running; choose one with --pid: %s", nr, list);
}
