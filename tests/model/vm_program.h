/* SPDX-License-Identifier: MIT */
/*
 * Programs of system calls and accesses that run both on the host kernel and on the simulated
 * machine, and what each operation did there.
 *
 * Addresses lie in one window, the same on both sides, or in the heap, whose place differs: an
 * address is a region and an offset.  Nothing else of either address space is looked at.
 */
#ifndef TESTS_MODEL_VM_PROGRAM_H
#define TESTS_MODEL_VM_PROGRAM_H

#include <stdio.h>

#include "runtime/lib/rand.h"

#define VM_PAGE		4096UL
/*
 * Low, so that it is the program's under each sanitizer.  Operations begin inside the window and
 * reach at most VM_MARGIN pages beyond; all of that is compared.
 */
#define VM_WINDOW	0x20000000UL
#define VM_PAGES	40u
#define VM_MARGIN	24u
#define VM_HEAP_PAGES	16u
#define VM_PROCS	4u
#define VM_OPS_MAX	96u
#define VM_DUMPS_MAX	8u
#define VM_AREAS_MAX	160u
#define VM_DUMP_PAGES	(VM_PAGES + 2 * VM_MARGIN + VM_HEAP_PAGES + VM_MARGIN)

enum vm_op_kind {
	VM_OP_MMAP, VM_OP_MUNMAP, VM_OP_MPROTECT, VM_OP_MREMAP, VM_OP_MADVISE, VM_OP_BRK,
	VM_OP_FORK, VM_OP_EXIT, VM_OP_LOAD, VM_OP_STORE, VM_OP_DUMP,
};

enum vm_region { VM_IN_WINDOW, VM_IN_HEAP, VM_ELSEWHERE };

struct vm_place {
	u32 region;			/* enum vm_region */
	u64 offset;			/* bytes */
};

struct vm_op {
	u32 kind;			/* enum vm_op_kind */
	u32 proc;			/* who does it, < VM_PROCS */
	u32 child;			/* VM_OP_FORK: the number of the child */
	u32 size;			/* bytes of an access: 1, 2, 4, 8 */
	struct vm_place at, to;		/* @to: mremap's new address */
	u64 len, new_len;		/* bytes */
	u32 prot, flags;		/* flags: of mmap, mremap; the advice of madvise */
	u64 value;			/* stored */
};

/* What an operation did.  All zero when it was left out: its process was not there. */
struct vm_outcome {
	u32 done;
	s32 err;			/* errno, 0 */
	struct vm_place place;		/* an address that was returned */
	u64 value;			/* loaded */
	s32 signal;			/* signal number << 8 | code; 0: none */
	u64 fault;			/* offset of the address it named, in @at's region */
};

/* One area as /proc/PID/maps shows it, cut to the window or the heap. */
struct vm_area_line {
	u32 region;
	u64 start, end;			/* offsets in bytes */
	char perms[8];
	u64 offset;			/* of shared areas */
	u32 object;			/* shared: number in the order of appearance, from 1 */
	char name[32];
};

/* A process's memory: its areas, and of each page whether it can be read and what is in it. */
struct vm_dump {
	u32 nr_areas;
	struct vm_area_line area[VM_AREAS_MAX];
	s32 signal[VM_DUMP_PAGES];	/* of a load from the page; 0: none */
	u64 sum[VM_DUMP_PAGES];
};

struct vm_program {
	u64 seed;
	unsigned int nr;
	struct vm_op op[VM_OPS_MAX];
};

struct vm_trace {
	struct vm_outcome out[VM_OPS_MAX];
	unsigned int nr_dumps;
	struct vm_dump dump[VM_DUMPS_MAX];
};

void vm_program_make(struct vm_program *p, u64 seed);
void vm_op_print(const struct vm_op *op, FILE *out);
void vm_program_print(const struct vm_program *p, FILE *out);

/* Which processes are there; both sides go by it. */
struct vm_alive {
	bool proc[VM_PROCS];
	unsigned int nr_dumps;
};
void vm_alive_init(struct vm_alive *alive);
/* Whether @op takes place; if so, what it changes is noted. */
bool vm_alive_step(struct vm_alive *alive, const struct vm_op *op);

/* The first operation that differs, with a text of how; -1: none does. */
int vm_trace_compare(const struct vm_program *p, const struct vm_trace *host,
		     const struct vm_trace *sim, char *text, size_t size);

/* Page @i of a dump: its region and offset. */
struct vm_place vm_dump_place(unsigned int i);
/* Enters the areas of a maps text into @dump; @heap: where the heap begins. */
void vm_dump_maps(struct vm_dump *dump, const char *text, u64 heap);
/* Sum over a page's words, which tells their order. */
static inline u64 vm_sum_word(u64 sum, u64 word)
{
	return (sum ^ word) * 0x9e3779b97f4a7c15ULL + (sum >> 29);
}

/* ---- the two sides ---- */

/* Forks the process that all programs on the host are forked from.  Before any thread is made. */
void vm_host_start(void);
void vm_host_stop(void);
void vm_host_run(const struct vm_program *p, struct vm_trace *trace);

/* On a CPU of the simulated machine, with vma_boot() done. */
void vm_sim_run(const struct vm_program *p, struct vm_trace *trace);

#endif /* TESTS_MODEL_VM_PROGRAM_H */
