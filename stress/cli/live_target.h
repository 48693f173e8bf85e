/* SPDX-License-Identifier: MIT */
/* Which running stress program a command means. */
#ifndef STRESS_CLI_LIVE_TARGET_H
#define STRESS_CLI_LIVE_TARGET_H

/* @pid when it is not 0, else the only one that runs; a usage error when that is not one. */
int live_target(const char *program, int pid);

#endif /* STRESS_CLI_LIVE_TARGET_H */
