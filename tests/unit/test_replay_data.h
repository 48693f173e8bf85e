/* SPDX-License-Identifier: MIT */
/* test_replay_data.h - hand-made traces for the tests of the replay engine. */
#ifndef TESTS_UNIT_TEST_REPLAY_DATA_H
#define TESTS_UNIT_TEST_REPLAY_DATA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/replay/replay_run.h"

/* A zone "Normal" of 256 MiB at 4 GiB. */
#define BASE_PFN	0x100000u
#define ZONE_PAGES	65536u
#define MAX_TEST_EVENTS	512

struct sample {
	struct trace trace;
	struct proc_state state;
	struct trace_event events[MAX_TEST_EVENTS];
	struct trace_task tasks[4];
	struct trace_cpu cpus[2];
	struct proc_zone zone;
	struct proc_pageset sets[2];
	u64 now;
};

/* An empty trace of two CPUs whose lists held @count pages each. */
static inline void sample_init(struct sample *s, int count)
{
	memset(s, 0, sizeof(*s));
	s->now = 1000000000ull;
	for (int i = 0; i < 4; i++)
		s->tasks[i].pid = 100 + i;
	for (u32 cpu = 0; cpu < 2; cpu++)
		s->sets[cpu] = (struct proc_pageset) {
			.cpu = cpu, .count = count, .high = 400, .batch = 63,
			.high_min = 300, .high_max = 4000, .stat_threshold = 20,
		};
	s->zone = (struct proc_zone) {
		.name = "Normal", .has_zoneinfo = true, .free = 40000, .min = 500, .low = 600,
		.high = 700, .promo = 800, .spanned = ZONE_PAGES, .present = ZONE_PAGES,
		.managed = ZONE_PAGES, .start_pfn = BASE_PFN, .pagesets = s->sets,
		.nr_pagesets = 2,
	};
	s->state = (struct proc_state) {
		.zones = &s->zone, .nr_zones = 1, .has_zoneinfo = true, .has_high_window = true,
	};
	s->trace = (struct trace) {
		.events = s->events, .tasks = s->tasks, .nr_tasks = 4, .cpus = s->cpus,
		.nr_cpus = 2, .has_irq_flags = true,
	};
}

/* Adds an event of CPU @cpu, order 0, movable, 10 us after the one before. */
static inline struct trace_event *add(struct sample *s, enum trace_type type, u32 cpu, u32 page)
{
	struct trace_event *ev = &s->events[s->trace.nr_events++];

	assert_true(s->trace.nr_events <= MAX_TEST_EVENTS);
	s->now += 10000;
	*ev = (struct trace_event) {
		.time_ns = s->now, .task = cpu & 3, .pfn = BASE_PFN + page, .cpu = cpu & 1,
		.type = type & 31, .migratetype = MIGRATE_MOVABLE,
	};
	s->trace.nr_by_type[type]++;
	return ev;
}

static inline void plan_sample(struct sample *s, struct replay_plan *plan)
{
	struct trace_error err;

	assert_int_equal(replay_plan_make(plan, &s->trace, &s->state, "sample", &err), 0);
}

/* Path of the bundled recording, found from this header's own place; static buffer. */
static inline const char *bundled_trace(void)
{
	static char path[4096];
	const char *slash = strrchr(__FILE__, '/');
	const char *data = getenv("KMEMLAB_DATA");
	int dir = slash ? (int)(slash - __FILE__) : 1;

	if (data && *data)
		snprintf(path, sizeof(path), "%s/traces/fork", data);
	else
		snprintf(path, sizeof(path), "%.*s/../data/traces/fork", dir,
			 slash ? __FILE__ : ".");
	return path;
}

#endif /* TESTS_UNIT_TEST_REPLAY_DATA_H */
