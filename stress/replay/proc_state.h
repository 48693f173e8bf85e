/* SPDX-License-Identifier: MIT */
/* proc_state.h - the state of a real machine's memory as its /proc files tell it. */
#ifndef STRESS_REPLAY_PROC_STATE_H
#define STRESS_REPLAY_PROC_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/replay/trace_error.h"

#define PROC_ZONE_NAME_MAX	16
#define PROC_COUNTER_NAME_MAX	48
#define PROC_ZONES_MAX		8	/* zone types of one node, for protection[] */
#define PROC_ORDERS_MAX		16
#define PROC_ABSENT		(-1)	/* a pageset field that the kernel does not print */

struct proc_counter {
	char name[PROC_COUNTER_NAME_MAX];
	uint64_t value;
};

struct proc_counters {
	struct proc_counter *v;
	uint64_t nr;
	size_t cap;
};

/* One CPU's page lists of one zone; numbers of pages. */
struct proc_pageset {
	uint32_t cpu;
	int32_t count;
	int32_t high;
	int32_t batch;
	int32_t high_min;	/* PROC_ABSENT before 6.7 */
	int32_t high_max;	/* PROC_ABSENT before 6.7 */
	int32_t stat_threshold;	/* "vm stats threshold", PROC_ABSENT when not printed */
};

struct proc_zone {
	int node;
	char name[PROC_ZONE_NAME_MAX];
	bool has_zoneinfo;
	bool has_buddyinfo;

	/* zoneinfo; numbers of pages. Fields that a kernel does not print are 0. */
	uint64_t free;
	uint64_t boost;
	uint64_t min;
	uint64_t low;
	uint64_t high;
	uint64_t promo;
	uint64_t spanned;
	uint64_t present;
	uint64_t managed;
	uint64_t cma;
	uint64_t protection[PROC_ZONES_MAX];
	uint32_t nr_protection;
	uint64_t start_pfn;
	bool unreclaimable;
	struct proc_pageset *pagesets;
	uint64_t nr_pagesets;
	size_t cap_pagesets;
	struct proc_counters counters;		/* nr_*, numa_*, reserved_highatomic, ... */
	struct proc_counters node_counters;	/* "per-node stats", in the first zone only */

	/* buddyinfo: free blocks per order. */
	uint64_t free_blocks[PROC_ORDERS_MAX];
	uint32_t nr_orders;
};

struct proc_state {
	struct proc_zone *zones;	/* in the order of the file */
	uint64_t nr_zones;
	size_t cap_zones;
	struct proc_counters vmstat;
	bool has_zoneinfo;
	bool has_buddyinfo;
	bool has_vmstat;
	bool has_high_window;		/* pagesets print high_min and high_max (since 6.7) */
};

enum proc_file {
	PROC_ZONEINFO,
	PROC_BUDDYINFO,
	PROC_VMSTAT,
	PROC_NR_FILES,
};

/**
 * proc_state_read - read one file into the state.
 * @st:   the state, all zero before the first file; files add up, in any order, each at most once.
 * @kind: which file it is.
 * @path: plain or compressed like a trace.
 * @err:  receives "FILE:LINE: what is wrong; what to do"; may be NULL.
 *
 * Returns 0, -EINVAL or -ENOMEM. After an error the state is only good for proc_state_destroy().
 */
int proc_state_read(struct proc_state *st, enum proc_file kind, const char *path,
		    struct trace_error *err);

/* The same from memory; @name stands for the file in error texts. */
int proc_state_read_mem(struct proc_state *st, enum proc_file kind, const void *data, size_t size,
			const char *name, struct trace_error *err);

/* The zone, or NULL. */
const struct proc_zone *proc_state_zone(const struct proc_state *st, int node, const char *name);

/* Finds the value of a counter by name; returns false when there is none. */
bool proc_counter_get(const struct proc_counters *counters, const char *name, uint64_t *value);

/* "zoneinfo", "buddyinfo", "vmstat". */
const char *proc_file_name(enum proc_file kind);

/* Frees everything and makes the state all zero. */
void proc_state_destroy(struct proc_state *st);

#endif /* STRESS_REPLAY_PROC_STATE_H */
