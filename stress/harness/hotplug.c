/* SPDX-License-Identifier: MIT */
/* --hotplug: a CPU goes down in the middle of its work and goes on when it is up again. */
#include "stress/harness/hotplug.h"

#include "runtime/hotplug.h"

static void change(struct stress_cpu *c)
{
	unsigned int nr_cpus = c->run->opt->cpus;
	int err;

	if (c->down) {
		err = cpu_up(c->down);
		c->down = 0;
	} else {
		c->down = 1 + rand_below(&c->rng, nr_cpus - 1);
		err = cpu_down(c->down);
	}
	/* Nobody else asks, and CPU 0 always stays. */
	WARN_ON_ONCE(err != 0);
}

void stress_hotplug_turn(struct stress_cpu *c, u64 now)
{
	if (now < c->next_hotplug)
		return;
	if (c->next_hotplug)
		change(c);
	c->next_hotplug = now + NSEC_PER_SEC / (2 * c->run->opt->hotplug);
}

void stress_hotplug_end(struct stress_cpu *c)
{
	if (c->down)
		change(c);
}
