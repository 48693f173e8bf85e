/* SPDX-License-Identifier: MIT */
/* The part of kmemlab replay that replays slab traces. */
#ifndef STRESS_CLI_REPLAY_SLAB_H
#define STRESS_CLI_REPLAY_SLAB_H

#include "stress/replay/slab_replay.h"

struct replay_slab_arguments {
	const char *program, *bundle;
	const char *out_name;		/* of --out */
	FILE *out;			/* or NULL */
	bool json;
	unsigned int repeat;
	struct slab_replay_options opt;	/* policy NULL: every one, side by side */
};

/* The policy called @text, NULL for "all"; anything else is a usage error. */
const char *replay_slab_policy(const char *program, const char *text);

/* Replays and reports; returns the exit status.  Bad input stops the program. */
int replay_slab(const struct replay_slab_arguments *a);

#endif /* STRESS_CLI_REPLAY_SLAB_H */
