/* SPDX-License-Identifier: MIT */
/* Policies by name, and the portfolio that cycles through them by seed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/explore/explore.h"

/*
 * No single policy finds every bug (runtime/sim/policy.c says why): random walks at three rates,
 * PCT for bugs of depth 2 to 5, and long stalls.
 */
static const struct explore_policy portfolio[] = {
	{ .policy = SIM_RANDOM, .param = 1 }, { .policy = SIM_RANDOM, .param = 4 },
	{ .policy = SIM_RANDOM, .param = 16 }, { .policy = SIM_PCT, .param = 2 },
	{ .policy = SIM_PCT, .param = 3 }, { .policy = SIM_PCT, .param = 4 },
	{ .policy = SIM_PCT, .param = 5 }, { .policy = SIM_DELAY, .param = 30 },
};

/* What a name without a number means. */
static unsigned int default_param(enum sim_policy policy)
{
	switch (policy) {
	case SIM_RANDOM:
		return 4;
	case SIM_PCT:
		return 3;
	case SIM_DELAY:
		return 30;
	default:
		return 0;
	}
}

int explore_policy_parse(const char *text, struct explore_policy *p)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long param = 0;
	char name[32], *end;
	int policy;

	if (len >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	if (colon) {
		param = strtoul(colon + 1, &end, 10);
		if (colon[1] < '0' || colon[1] > '9' || *end || param < 1 || param > 100000)
			return -EINVAL;
	}
	if (strcmp(name, "portfolio") == 0 && !colon) {
		*p = (struct explore_policy){ .portfolio = true };
		return 0;
	}
	if (strcmp(name, "serial") == 0 && !colon) {
		*p = (struct explore_policy){ .policy = SIM_REPLAY };
		return 0;
	}
	policy = sim_policy_by_name(name);
	if (policy < 0 || policy == SIM_REPLAY || (policy == SIM_PCT && param > 17))
		return -EINVAL;
	*p = (struct explore_policy){ .policy = (enum sim_policy)policy,
		.param = colon ? (unsigned int)param : default_param((enum sim_policy)policy) };
	return 0;
}

const char *explore_policy_text(const struct explore_policy *p, char *buf, size_t size)
{
	if (p->portfolio)
		snprintf(buf, size, "portfolio");
	else if (p->policy == SIM_REPLAY)
		snprintf(buf, size, "serial");
	else
		snprintf(buf, size, "%s:%u", sim_policy_name(p->policy), p->param);
	return buf;
}

const char *explore_schedule_policy_text(const struct explore_schedule *s, char *buf, size_t size)
{
	const struct explore_policy p = { .policy = s->policy, .param = s->param };

	return explore_policy_text(&p, buf, size);
}

struct explore_schedule explore_schedule_of_seed(const struct explore_policy *p, u64 seed)
{
	u64 x = seed;

	/* By a hash, so that every shard meets every policy whatever the number of shards. */
	if (p->portfolio)
		p = &portfolio[splitmix64(&x) % ARRAY_SIZE(portfolio)];
	return (struct explore_schedule){ .seed = seed, .policy = p->policy, .param = p->param };
}
