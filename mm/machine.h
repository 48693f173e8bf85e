/* SPDX-License-Identifier: MIT */
/*
 * The whole machine in one call: CPUs, per-CPU data and memory, up in the right order and down in
 * reverse.  For tests and the harness.
 */
#ifndef MM_MACHINE_H
#define MM_MACHINE_H

#include "mm/kva/kva.h"
#include "mm/mmu/mmu.h"
#include "mm/page/mm_options.h"
#include "mm/slab/slab.h"
#include "mm/vma/mm.h"
#include "runtime/cpu.h"

/* Virtual memory, all or nothing; zeroes are the defaults. */
struct vm_options {
	struct tlb_options tlb;
	struct kva_options kva;
	struct vma_options vma;
};

struct kmemlab_options {
	struct machine_options cpu;	/* nr_nodes 0: as many as memory has */
	struct mm_options mm;
	const struct slab_options *slab;	/* NULL: no slab allocator, unless vm wants one */
	const struct vm_options *vm;	/* NULL: no virtual memory: MMU, vmalloc, address spaces */
	size_t percpu_bytes;		/* per CPU, for alloc_percpu(); 0: KMEMLAB_PERCPU_BYTES */
};

/* Page lists and counters of 32 zones take 90 kB; the rest is for slab caches. */
#define KMEMLAB_PERCPU_BYTES	(1024 * 1024)

/*
 * Brings up the machine; its CPUs then idle.  Host thread.  Texts in @opt must live until
 * kmemlab_shutdown().  Returns 0, or -errno with one sentence in @err (may be NULL) and nothing
 * left behind.
 */
__must_check int kmemlab_boot(const struct kmemlab_options *opt, struct mm_error *err);

/*
 * Takes virtual memory and then the slab allocator down, ahead of the rest: afterwards every page
 * must be free.  Returns the number of leaked objects.  Host thread, no work running; for tests
 * that count pages.  kmemlab_shutdown() does it otherwise.
 */
u64 kmemlab_vm_shutdown(void);

/* Stops the CPUs and gives everything back.  Host thread, no work running. */
void kmemlab_shutdown(void);

#endif /* MM_MACHINE_H */
