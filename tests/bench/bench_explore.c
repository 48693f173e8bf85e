/* SPDX-License-Identifier: MIT */
/*
 * Schedules per second of the explorer on one core, starting over included.
 *
 *	bench_explore [schedules] [scenario...]
 *
 * Time is CPU time of this process, so a busy host does not count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stress/explore/explore.h"

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int bench(const struct scenario *scenario, u64 schedules)
{
	const struct explore_policy portfolio = { .portfolio = true };
	struct explore_config config = {
		.scenario = scenario, .cpus = scenario->cpus, .irq_one_in = scenario->irq_one_in,
		.check_every = 256,
	};
	double start, seconds;
	u64 steps = 0;

	explore_config_set_ops(&config, scenario->ops);
	if (explore_machine_up(&config))
		return 1;
	start = cpu_seconds();
	for (u64 seed = 1; seed <= schedules; seed++) {
		const struct explore_schedule s = explore_schedule_of_seed(&portfolio, seed);

		steps += explore_run_schedule(&s, NULL).steps;
	}
	seconds = cpu_seconds() - start;
	printf("%-16s %2u CPUs %4u ops %8.0f schedules/s %7.1f M points/s %6.0f points each, "
	       "%zu KiB to copy\n", scenario->name, config.cpus, explore_config_ops(&config),
	       (double)schedules / seconds, (double)steps / seconds * 1e-6,
	       (double)steps / (double)schedules, explore_reset_bytes() >> 10);
	explore_machine_down();
	return 0;
}

int main(int argc, char **argv)
{
	u64 schedules = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000;
	size_t nr;
	const struct scenario *const *list = scenarios(&nr);
	int rc = 0;

	for (size_t i = 0; i < nr; i++) {
		bool wanted = argc < 3;

		for (int k = 2; k < argc; k++)
			wanted |= strcmp(argv[k], list[i]->name) == 0;
		if (wanted)
			rc |= bench(list[i], schedules ? schedules : 1);
	}
	return rc;
}
