/* SPDX-License-Identifier: MIT */
/*
 * Bringing up physical memory: from options to a machine whose every free page is in the buddy
 * system.  Most callers want mm/machine.h, which brings up CPUs and memory together.
 */
#ifndef MM_PAGE_BOOT_H
#define MM_PAGE_BOOT_H

#include "mm/page/layout.h"
#include "runtime/hostmem.h"

/* What the last boot did; constant until mm_shutdown(). */
struct mm_boot_info {
	u64 boot_ns;			/* time of mm_boot() */
	u64 memmap_bytes;		/* host address space of the page array */
	u64 memmap_resident;		/* what of it the host really holds, after boot */
	u64 reserved_bytes;		/* RAM that never reached the allocator */
	struct hostmem_arena arena;	/* the simulated physical memory */
};

extern struct mm_boot_info mm_boot_info;

/* The plan that the machine was booted with. */
extern struct layout mm_layout;

/*
 * Brings up memory: plans it, runs memblock, makes the page array, nodes, zones, zonelists and
 * per-CPU page lists, hands everything free to the buddy system, sets the watermarks.
 * Host thread, after machine_boot() and percpu_boot(), before machine_start_cpus(): nothing runs,
 * so nothing is locked.  Returns 0; -EINVAL or -ENOMEM with option and remedy in @err (may be
 * NULL) and nothing left behind.
 */
__must_check int mm_boot(const struct mm_options *opt, struct mm_error *err);

/* Gives everything back.  Host thread, after the CPUs stopped; harmless when not booted. */
void mm_shutdown(void);

/*
 * All memory as after boot with the same options: pages still allocated are forgotten, per-CPU
 * lists emptied, the arena and the page array zero again.  Host thread, CPUs stopped.  As
 * mm_boot(); on an error the memory is down.
 */
__must_check int mm_reset(struct mm_error *err);

#endif /* MM_PAGE_BOOT_H */
