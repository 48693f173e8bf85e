/* SPDX-License-Identifier: MIT */
/*
 * A machine with address spaces, for tests: boot, tasks on CPUs, checks at the end.
 *
 * Code on a CPU cannot jump back to cmocka: a failed expectation stops the machine.
 */
#ifndef TESTS_SUPPORT_VMA_MACHINE_H
#define TESTS_SUPPORT_VMA_MACHINE_H

#include "mm/machine.h"
#include "mm/mmu/access.h"
#include "mm/mmu/pgtable.h"
#include "mm/mmu/tlbflush.h"
#include "mm/vma/fork.h"
#include "mm/vma/rmap.h"
#include "mm/vma/shmem.h"
#include "mm/vma/task.h"
#include "mm/vma/vm_check.h"

#define VMA_MACHINE_SEED	0x766d61ULL

#define EXPECT(cond)							\
	do {								\
		if (!(cond))						\
			panic("expected: %s", #cond);			\
	} while (0)

struct vma_machine {
	unsigned int nr_cpus;		/* 0: 2 */
	unsigned int mem_mb;		/* 0: 64 */
	bool no_per_vma_locks;
	bool slab_none;			/* every object comes from its slab: failslab sees all */
	bool tlb_oracle;		/* accesses through stale translations stop the machine */
	const char *backend;		/* NULL: threads */
	const char *layout;		/* NULL: x86_64 */
};

/* Boots and fails the test when that is impossible. */
void vma_machine_boot(const struct vma_machine *m);
/* Shuts down; first checks that nothing of any address space, task or object is left. */
void vma_machine_shutdown(void);
/* Boot, body on CPU 0, shutdown. */
void vma_machine_run(const struct vma_machine *m, void (*body)(void));

/* On a CPU: stops the machine when vm_check() of these finds something. */
void expect_vm_valid(struct mm_struct *const *mms, unsigned int nr);

/* A new task that runs on this CPU. */
struct user_task *task_start(const char *comm);
/* Anonymous memory of the running task: MAP_PRIVATE or MAP_SHARED. */
unsigned long map_anon(unsigned long nr_pages, unsigned long prot, unsigned long flags);
/* The entry of @addr of the running task; none when there is no table. */
pte_t pte_at(unsigned long addr);

/* Value @key gives the word at @addr; the same for each. */
void write_words(unsigned long addr, unsigned long nr_pages, u64 key);
void expect_words(unsigned long addr, unsigned long nr_pages, u64 key);
u64 load_word(unsigned long addr);
void store_word(unsigned long addr, u64 value);

#endif /* TESTS_SUPPORT_VMA_MACHINE_H */
