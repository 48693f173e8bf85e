/* SPDX-License-Identifier: MIT */
/*
 * Speed of the replay engine on one recording: events per second of reading, planning and of the
 * deterministic replay, best and median of several runs.
 *
 * usage: bench_replay BUNDLE [RUNS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "stress/replay/replay_bundle.h"

#define RUNS_MAX	1000u

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static void print_speed(const char *name, u64 *ns, unsigned int nr, u64 events)
{
	qsort(ns, nr, sizeof(*ns), by_value);
	printf("%-8s %8.2f M events/s median   %8.2f best   (%u runs)\n", name,
	       (double)events * 1e3 / (double)ns[nr / 2], (double)events * 1e3 / (double)ns[0], nr);
}

int main(int argc, char **argv)
{
	const struct replay_options opt = { .setting = REPLAY_SETTING_RECORDED, .seed = 1 };
	unsigned int runs = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 9;
	u64 load[RUNS_MAX], plan[RUNS_MAX], replay[RUNS_MAX], events = 0;

	if (argc < 2 || runs < 1 || runs > RUNS_MAX) {
		fprintf(stderr, "usage: bench_replay BUNDLE [RUNS, 1..%u]\n", RUNS_MAX);
		return 2;
	}
	for (unsigned int i = 0; i < runs; i++) {
		struct replay_bundle b;
		struct replay_outcome out;
		struct trace_error err;
		struct mm_error why;

		if (replay_bundle_open(&b, argv[1], &opt, &err)) {
			fprintf(stderr, "bench_replay: %s\n", err.text);
			return 2;
		}
		if (replay_run(&b.plan, &opt, &out, &why)) {
			fprintf(stderr, "bench_replay: %s: %s\n", argv[1], why.text);
			return 2;
		}
		load[i] = b.load_ns;
		plan[i] = b.plan_ns;
		replay[i] = out.ns;
		events = b.trace.nr_events;
		replay_outcome_free(&out);
		replay_bundle_close(&b);
	}
	printf("%s: %llu events\n", argv[1], (unsigned long long)events);
	print_speed("read", load, runs, events);
	print_speed("plan", plan, runs, events);
	print_speed("replay", replay, runs, events);
	return 0;
}
