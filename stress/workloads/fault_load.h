/* SPDX-License-Identifier: MIT */
/*
 * stress-fault's parts: the modes and what they share (fault_load.c), random operations on a range
 * of one's own (fault_random.c), chunks that all CPUs of a space touch (fault_chunks.c).
 */
#ifndef STRESS_WORKLOADS_FAULT_LOAD_H
#define STRESS_WORKLOADS_FAULT_LOAD_H

#include "stress/workloads/vm_common.h"

extern const struct workload workload_fault;

/* Exact counts of one CPU's task. */
struct fault_stats {
	u64 touches;			/* stores to pages that had none of this CPU's */
	u64 rounds;			/* ranges mapped and unmapped, or thrown away */
	u64 loads, stores, denied, zaps, maps, unmaps, protects, moves;
	u64 chunks;			/* touched by this CPU */
	u64 refused;
};

/* Of a page in a range of one's own: what an access must find. */
struct fault_page {
	u64 value;			/* of its first word */
	u8 prot;			/* PROT_*, or NOT_MAPPED */
};

#define FAULT_NOT_MAPPED	0xffu

struct fault_cpu {
	struct user_task *task;
	unsigned int space;		/* index of its address space */
	bool mapped;			/* the range, in modes that map it as a whole */
	u32 next;			/* page of the range to touch next */
	u64 next_chunk;
	u64 value;			/* counts up: no two stores are equal */
	struct fault_page *page;	/* [pages], in mode random */
	struct fault_stats stats;
};

/* A CPU's range: its pages, and as many again to move to. */
static inline unsigned long fault_range(unsigned int cpu, u32 pages)
{
	return VM_LOAD_BASE + (1UL << 32) + cpu * (2ul * pages + 1) * PAGE_SIZE;
}

/* Pages of a CPU's range. */
u32 fault_pages(void);

__cold void fault_wrong(struct stress_cpu *c, const char *what, u32 page, enum vm_access a);

/* ---- random operations ---- */

void fault_random_step(struct stress_cpu *c);

/* ---- chunks ---- */

/* Where the chunks of a space lie: areas for each space's founder to map.  0 or -errno. */
int fault_chunks_map(struct user_task *task);
/* @cpus_of[space]: how many CPUs have tasks in it.  Host thread. */
void fault_chunks_start(const unsigned int *cpus_of, unsigned int nr_spaces);
/* Touches the next chunk of this CPU's space; false: others are not done with an earlier one. */
bool fault_chunk_step(struct stress_cpu *c);

#endif /* STRESS_WORKLOADS_FAULT_LOAD_H */
