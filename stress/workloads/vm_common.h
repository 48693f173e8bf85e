/* SPDX-License-Identifier: MIT */
/* What the workloads of virtual memory share: user accesses, areas, and the pages behind them. */
#ifndef STRESS_WORKLOADS_VM_COMMON_H
#define STRESS_WORKLOADS_VM_COMMON_H

#include "mm/mmu/access.h"
#include "mm/vma/mmap.h"
#include "mm/vma/task.h"
#include "stress/harness/harness.h"

/* Where the workloads map what they use. */
#define VM_LOAD_BASE	0x10000000UL

/* What an access to user memory came to. */
enum vm_access {
	VM_OK,
	VM_MAPERR,		/* nothing is mapped there */
	VM_ACCERR,		/* it is, without this right */
	VM_BUSERR,		/* nothing is behind the mapping */
	VM_NO_MEMORY,		/* nothing happened */
};

const char *vm_access_name(enum vm_access a);

/* An access of @task, which this CPU runs.  Task context. */
enum vm_access vm_load(struct user_task *task, unsigned long addr, u64 *value);
enum vm_access vm_store(struct user_task *task, unsigned long addr, u64 value);
/* The signal of an access of @task that returned @err, taken. */
enum vm_access vm_outcome(struct user_task *task, int err);

/* Anonymous memory at @addr, whatever is there; 0 or -errno. */
__must_check int vm_map(struct user_task *task, unsigned long addr, unsigned long pages,
			unsigned long prot, unsigned long flags);

/* An address space that the CPUs' tasks share. */
struct vm_group {
	struct user_task *first;	/* set once, by the CPU that founds it */
};

/*
 * A task of @g for this CPU.  The CPU that is to @found it makes the space and its areas, by @map;
 * the others get theirs when it is there.  NULL: not yet, or no memory.
 */
struct user_task *vm_group_join(struct vm_group *g, bool found, int (*map)(struct user_task *task));

/* Pages of slabs, tables and mappings now; the last two frame by frame.  Host thread, idle. */
unsigned long vm_count_pages(void);

/* What start() and drain() of such a workload have in common.  CPU 0's task. */
struct vm_base {
	unsigned long pages;		/* vm_count_pages() with nothing in use */
};
/* Empties caches, waits for what is freed later, and notes how memory is.  Host thread. */
void vm_settle(struct vm_base *base);
/* For workload.drain: caches empty, nothing freed later is left.  CPU 0's task. */
void vm_drain(struct stress_run *run);
/* For workload.pages: pages beyond @base; checks the counters.  Host thread. */
long vm_pages_beyond(struct stress_run *run, const struct vm_base *base);

/* Adds up the u64 members of the CPUs' statistics, @bytes long, at @offset in stress_cpu.data. */
void vm_add_up(struct stress_run *run, size_t offset, size_t bytes, void *sum);

/* Pages that the zones manage. */
unsigned long vm_managed_pages(void);
/* Lines of the summary: faults, how their areas were locked, TLB flushes. */
void vm_print_events(FILE *out);

#endif /* STRESS_WORKLOADS_VM_COMMON_H */
