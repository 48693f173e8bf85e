/* SPDX-License-Identifier: MIT */
/* Bringing up kernel virtual addresses; the host's mappings; faults explained. */
#define _GNU_SOURCE
#include "mm/kva/kva.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "mm/kva/kva_impl.h"
#include "mm/page/boot.h"
#include "runtime/hostmem.h"

#define VMALLOC_BYTES_MIN	(1UL << 30)

static bool booted;
static struct sigaction old_segv;

/* ---- host mappings ---- */

int host_map_frames(void *addr, unsigned long pfn, unsigned long nr)
{
	void *p = mmap(addr, nr * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		       mm_boot_info.arena.fd, (off_t)((u64)pfn << PAGE_SHIFT));

	return p == MAP_FAILED ? -ENOMEM : 0;
}

void host_unmap(void *addr, unsigned long nr)
{
	void *p = mmap(addr, nr * PAGE_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		panic("the host refuses to unmap %lu pages at %p", nr, addr);
}

void *host_reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- faults explained ---- */

static void segv(int sig, siginfo_t *info, void *context)
{
	char text[160];

	(void)context;
	if (vmap_describe(info->si_addr, text, sizeof(text)) ||
	    highmem_describe(info->si_addr, text, sizeof(text)))
		panic("bad kernel address: %s", text);
	/* Not ours: as if this handler were not there; the access faults again. */
	sigaction(sig, &old_segv, NULL);
}

/* ---- life cycle ---- */

int kva_boot(const struct kva_options *opt)
{
	static const struct kva_options defaults;
	struct sigaction sa = { .sa_sigaction = segv, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	size_t bytes;
	int err;

	if (!opt)
		opt = &defaults;
	bytes = opt->vmalloc_bytes ? opt->vmalloc_bytes :
		max(4 * max_pfn * PAGE_SIZE, VMALLOC_BYTES_MIN);
	if (bytes < 4 * PAGE_SIZE || bytes % PAGE_SIZE || bytes > PGDIR_SIZE - PUD_SIZE)
		return -EINVAL;
	err = vmap_space_boot(bytes);
	if (err)
		return err;
	err = highmem_boot(opt->nr_pkmaps);
	if (err) {
		vmap_space_shutdown();
		return err;
	}
	vmalloc_boot();
	sigaction(SIGSEGV, &sa, &old_segv);
	booted = true;
	return 0;
}

void kva_shutdown(void)
{
	if (!booted)
		return;
	sigaction(SIGSEGV, &old_segv, NULL);
	highmem_shutdown();
	vmap_space_shutdown();
	booted = false;
}
