/* SPDX-License-Identifier: MIT */
/* Bringing up the simulated MMU: locks of page tables, TLBs, the bus's view of memory. */
#define _GNU_SOURCE
#include "mm/mmu/mmu.h"

#include <errno.h>
#include <sys/mman.h>

#include "mm/mmu/access.h"
#include "mm/mmu/mmu_gather.h"
#include "mm/mmu/pgtable.h"
#include "mm/mmu/phys.h"
#include "mm/mmu/tlbflush.h"
#include "mm/mmu/tlbstate.h"
#include "mm/page/boot.h"

char *bus_map;

static bool have_highmem(void)
{
	struct zone *zone;

	for_each_zone(zone)
		if (zone->type == ZONE_HIGHMEM && zone->present_pages)
			return true;
	return false;
}

/* Without HIGHMEM the kernel's direct map shows all there is. */
static int bus_boot(void)
{
	const struct hostmem_arena *arena = &mm_boot_info.arena;

	bus_map = direct_map;
	if (!have_highmem())
		return 0;
	bus_map = mmap(NULL, arena->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		       arena->fd, 0);
	if (bus_map != MAP_FAILED)
		return 0;
	bus_map = NULL;
	return -ENOMEM;
}

static void bus_shutdown(void)
{
	if (bus_map && bus_map != direct_map)
		munmap(bus_map, mm_boot_info.arena.bytes);
	bus_map = NULL;
}

int mmu_boot(const struct tlb_options *opt)
{
	static const struct tlb_options defaults;
	int err = pgtable_boot();

	if (err)
		return err;
	err = bus_boot();
	if (err)
		goto pgtable;
	err = tlb_boot(opt ? opt : &defaults);
	if (err)
		goto bus;
	tlbstate_boot();
	tlb_flush_tracer_set(NULL);
	mmu_fault_register(NULL);
	mmu_gather_register(NULL);
	return 0;
bus:
	bus_shutdown();
pgtable:
	pgtable_shutdown();
	return err;
}

void mmu_shutdown(void)
{
	if (!ptlocks)
		return;
	tlb_shutdown();
	bus_shutdown();
	pgtable_shutdown();
}
