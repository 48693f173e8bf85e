/* SPDX-License-Identifier: MIT */
/* trace_store.c - the growing arrays and tables of a struct trace. */
#include "stress/replay/trace_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stress/replay/trace_load.h"

#define FIRST_CAP		64u
#define FIRST_TASK_SLOTS	256u

static const char *const type_names[TRACE_NR_TYPES] = {
	[TRACE_PAGE_ALLOC] = "mm_page_alloc",
	[TRACE_PAGE_FREE] = "mm_page_free",
	[TRACE_PAGE_FREE_BATCHED] = "mm_page_free_batched",
	[TRACE_PAGE_ZONE_LOCKED] = "mm_page_alloc_zone_locked",
	[TRACE_PAGE_PCPU_DRAIN] = "mm_page_pcpu_drain",
	[TRACE_PAGE_EXTFRAG] = "mm_page_alloc_extfrag",
	[TRACE_KMALLOC] = "kmalloc",
	[TRACE_KFREE] = "kfree",
	[TRACE_CACHE_ALLOC] = "kmem_cache_alloc",
	[TRACE_CACHE_FREE] = "kmem_cache_free",
	[TRACE_TLB_FLUSH] = "tlb_flush",
	[TRACE_CONTENTION_BEGIN] = "contention_begin",
	[TRACE_CONTENTION_END] = "contention_end",
};

const char *trace_type_name(enum trace_type type)
{
	return (unsigned int)type < TRACE_NR_TYPES ? type_names[type] : "unknown";
}

const char *trace_format_name(enum trace_format format)
{
	switch (format) {
	case TRACE_FORMAT_FTRACE:
		return "ftrace";
	case TRACE_FORMAT_TRACE_CMD:
		return "trace-cmd report";
	case TRACE_FORMAT_PERF:
		return "perf script";
	case TRACE_FORMAT_DAT:
		return "trace.dat";
	default:
		return "unknown";
	}
}

void *trace_grow(void *array, size_t *cap, uint64_t nr, size_t size)
{
	size_t new_cap = *cap ? *cap * 2 : FIRST_CAP;
	void *bigger;

	if (nr < *cap)
		return array;
	if (new_cap > SIZE_MAX / 2 / size)
		return NULL;
	bigger = realloc(array, new_cap * size);
	if (bigger)
		*cap = new_cap;
	return bigger;
}

int trace_store_init(struct trace_store *store, struct trace *trace)
{
	*trace = (struct trace){ 0 };
	memset(store, 0, sizeof(*store));
	store->trace = trace;
	store->nr_task_slots = FIRST_TASK_SLOTS;
	store->task_slots = calloc(store->nr_task_slots, sizeof(*store->task_slots));
	if (!store->task_slots || trace_strings_init(&trace->strings) < 0 ||
	    trace_strings_init(&trace->unknown) < 0)
		return -ENOMEM;
	return 0;
}

void trace_store_destroy(struct trace_store *store)
{
	free(store->task_slots);
	store->task_slots = NULL;
}

void trace_destroy(struct trace *trace)
{
	free(trace->events);
	free(trace->slab);
	free(trace->extfrag);
	free(trace->tlb);
	free(trace->contention);
	free(trace->tasks);
	free(trace->cpus);
	free(trace->lost);
	trace_strings_destroy(&trace->strings);
	trace_strings_destroy(&trace->unknown);
	*trace = (struct trace){ 0 };
}

static uint32_t task_hash(int32_t pid, uint32_t comm)
{
	uint64_t hash = ((uint64_t)(uint32_t)pid << 32 | comm) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(hash >> 32);
}

static uint32_t *find_slot(const struct trace_store *store, int32_t pid, uint32_t comm)
{
	const struct trace_task *tasks = store->trace->tasks;
	uint32_t mask = store->nr_task_slots - 1;
	uint32_t i = task_hash(pid, comm) & mask;

	while (store->task_slots[i]) {
		const struct trace_task *task = &tasks[store->task_slots[i] - 1];

		if (task->pid == pid && task->comm == comm)
			break;
		i = (i + 1) & mask;
	}
	return &store->task_slots[i];
}

static int grow_task_slots(struct trace_store *store)
{
	uint32_t *slots = calloc((size_t)store->nr_task_slots * 2, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(store->task_slots);
	store->task_slots = slots;
	store->nr_task_slots *= 2;
	for (uint32_t i = 0; i < store->trace->nr_tasks; i++) {
		const struct trace_task *task = &store->trace->tasks[i];

		*find_slot(store, task->pid, task->comm) = i + 1;
	}
	return 0;
}

static int64_t add_task(struct trace_store *store, int32_t pid, uint32_t comm)
{
	struct trace *t = store->trace;
	struct trace_task *tasks;
	uint32_t *slot;

	if (t->nr_tasks == TRACE_TASK_MAX)
		return -E2BIG;
	if ((t->nr_tasks + 1) * 2 > store->nr_task_slots && grow_task_slots(store) < 0)
		return -ENOMEM;
	tasks = trace_grow(t->tasks, &t->cap_tasks, t->nr_tasks, sizeof(*tasks));
	if (!tasks)
		return -ENOMEM;
	t->tasks = tasks;
	slot = find_slot(store, pid, comm);
	t->tasks[t->nr_tasks] = (struct trace_task){ .pid = pid, .comm = comm };
	*slot = ++t->nr_tasks;
	return *slot - 1;
}

int64_t trace_store_task(struct trace_store *store, const struct trace_line *line)
{
	struct trace_task_memo *memo = &store->memo[(uint32_t)line->pid % TRACE_TASK_MEMO];
	uint32_t comm, *slot;
	int64_t id;

	if (memo->id && memo->pid == line->pid && memo->comm_len == line->comm_len &&
	    memcmp(memo->comm, line->comm, line->comm_len) == 0)
		return memo->id - 1;
	comm = trace_strings_add(&store->trace->strings, line->comm, line->comm_len);
	if (comm == TRACE_STR_FAIL)
		return -ENOMEM;
	slot = find_slot(store, line->pid, comm);
	id = *slot ? (int64_t)*slot - 1 : add_task(store, line->pid, comm);
	if (id >= 0 && line->comm_len <= sizeof(memo->comm)) {
		*memo = (struct trace_task_memo){
			.id = (uint32_t)id + 1, .pid = line->pid,
			.comm_len = (uint32_t)line->comm_len,
		};
		memcpy(memo->comm, line->comm, line->comm_len);
	}
	return id;
}

int trace_store_cpus(struct trace *trace, uint32_t nr)
{
	while (trace->nr_cpus < nr) {
		struct trace_cpu *cpus = trace_grow(trace->cpus, &trace->cap_cpus, trace->nr_cpus,
						    sizeof(*cpus));

		if (!cpus)
			return -ENOMEM;
		trace->cpus = cpus;
		trace->cpus[trace->nr_cpus++] = (struct trace_cpu){ 0 };
	}
	return 0;
}

int trace_store_lost(struct trace *trace, uint32_t cpu, uint64_t count)
{
	struct trace_lost *lost;

	if (trace_store_cpus(trace, cpu + 1) < 0)
		return -ENOMEM;
	lost = trace_grow(trace->lost, &trace->cap_lost, trace->nr_lost, sizeof(*lost));
	if (!lost)
		return -ENOMEM;
	trace->lost = lost;
	trace->lost[trace->nr_lost++] = (struct trace_lost){
		.at = trace->nr_events, .count = count, .cpu = cpu,
	};
	trace->cpus[cpu].lost += count;
	trace->cpus[cpu].gaps++;
	trace->lost_events += count;
	return 0;
}
