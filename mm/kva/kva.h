/* SPDX-License-Identifier: MIT */
/*
 * Kernel virtual addresses: bringing up vmalloc, kmap and kernel stacks.
 *
 * Pointers are host pointers.  A range of the host's address space is reserved without memory;
 * frames of the arena are mapped into it, and the frames of HIGHMEM are taken out of the direct
 * map.
 */
#ifndef MM_KVA_KVA_H
#define MM_KVA_KVA_H

#include "runtime/lib/types.h"

struct kva_options {
	size_t vmalloc_bytes;	/* of addresses; 0: four times memory, at least 1 GiB */
	unsigned int nr_pkmaps;	/* permanent kmaps, <= 4096; 0: LAST_PKMAP */
};

/*
 * After mmu_boot(); host thread, no work running.  @opt NULL: defaults.  0, -EINVAL or -ENOMEM.
 * Takes over SIGSEGV to explain accesses to what is not mapped; other faults go on as before.
 */
int kva_boot(const struct kva_options *opt) __must_check;
/* No work running.  Harmless when not booted. */
void kva_shutdown(void);

#endif /* MM_KVA_KVA_H */
