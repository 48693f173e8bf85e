/* SPDX-License-Identifier: MIT */
/*
 * An address space for tests of the MMU: a machine with memory and TLBs, and a fault handler that
 * gives zeroed pages inside one window.  No VMAs.
 */
#ifndef TESTS_SUPPORT_MMU_SPACE_H
#define TESTS_SUPPORT_MMU_SPACE_H

#include "mm/machine.h"
#include "mm/mmu/access.h"
#include "mm/mmu/mmu.h"
#include "mm/mmu/mmu_gather.h"
#include "mm/mmu/pgtable.h"
#include "mm/mmu/tlbflush.h"
#include "runtime/mutex.h"

#define SPACE_BASE	0x10000000UL
#define SPACE_SEED	0x6d6d75ULL

struct space {
	struct mmu_context ctx;
	struct rw_semaphore sem;	/* faults for read, freeing of tables for write */
	unsigned long base, end;	/* the window that may be touched */
	bool read_only;			/* new pages are not writable */
	unsigned int nr_faults;		/* atomic */
	unsigned long last_addr;
	unsigned int last_flags;
};

struct space_options {
	unsigned int nr_cpus;
	unsigned int mem_mb;
	const char *layout;		/* NULL: x86_64 */
	struct tlb_options tlb;
	bool no_pin;
	const char *backend;		/* NULL: threads */
};

/* Boots and fails the test when that is impossible. */
void space_machine_boot(const struct space_options *opt);
/* Shuts down; first checks that @allocated pages are allocated (-1: any number). */
void space_machine_shutdown(long allocated);

/* On a CPU: makes @s with a window of @nr_pages and loads it. */
void space_init(struct space *s, unsigned long nr_pages);
/* On a CPU: unmaps everything, leaves the space and destroys it. */
void space_destroy(struct space *s);

/* On a CPU: unhooks the pages of [addr, addr + nr pages), flushes, frees. */
void space_unmap(struct space *s, unsigned long addr, unsigned long nr);
/* The same for the whole window, its page tables included. */
void space_unmap_all(struct space *s);
/* On a CPU: takes the write permission of these pages away; a write fault gives it back. */
void space_wrprotect(struct space *s, unsigned long addr, unsigned long nr);

/* Runs fn(arg) on CPU 0 and returns when it is done. */
void on_cpu(void (*fn)(void *arg), void *arg);

/* The assertion of cmocka cannot be used on a CPU's thread: this one stops the machine. */
#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			panic("check failed: %s", #cond);		\
	} while (0)

#endif /* TESTS_SUPPORT_MMU_SPACE_H */
