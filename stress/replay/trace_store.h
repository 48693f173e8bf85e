/* SPDX-License-Identifier: MIT */
/* trace_store.h - adds tasks, CPUs, gaps and events to a struct trace; for the readers only. */
#ifndef STRESS_REPLAY_TRACE_STORE_H
#define STRESS_REPLAY_TRACE_STORE_H

#include "stress/replay/trace_event.h"
#include "stress/replay/trace_line.h"

/* Direct-mapped memo of the last tasks by pid: saves the two hash lookups for nearly every line. */
#define TRACE_TASK_MEMO	256u

struct trace_task_memo {
	uint32_t id;		/* task index + 1, 0 = empty */
	int32_t pid;
	uint32_t comm_len;
	char comm[16];
};

/* What is needed while a trace grows and thrown away afterwards. */
struct trace_store {
	struct trace *trace;
	uint32_t *task_slots;	/* open addressing: task index + 1, 0 = free */
	uint32_t nr_task_slots;	/* power of two, at least twice nr_tasks */
	struct trace_task_memo memo[TRACE_TASK_MEMO];
};

/* Prepares @trace (overwritten) and @store. Returns 0 or -ENOMEM. */
int trace_store_init(struct trace_store *store, struct trace *trace);

/* Frees what the finished trace does not need. */
void trace_store_destroy(struct trace_store *store);

/*
 * Makes room for one more element: returns the array, possibly moved, with *cap > @nr, or NULL
 * when memory runs out (the old array then stays valid). @size is the element's size.
 */
void *trace_grow(void *array, size_t *cap, uint64_t nr, size_t size);

/* Index of the task of a parsed line, added when new. Returns -ENOMEM, or -E2BIG above 2^24. */
int64_t trace_store_task(struct trace_store *store, const struct trace_line *line);

/* Makes trace->cpus[0..nr) exist. Returns 0 or -ENOMEM. */
int trace_store_cpus(struct trace *trace, uint32_t nr);

/* Notes that @count events (0: unknown number) of @cpu are missing here. Returns 0 or -ENOMEM. */
int trace_store_lost(struct trace *trace, uint32_t cpu, uint64_t count);

#endif /* STRESS_REPLAY_TRACE_STORE_H */
