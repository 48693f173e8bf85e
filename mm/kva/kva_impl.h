/* SPDX-License-Identifier: MIT */
/* What the files of mm/kva share. */
#ifndef MM_KVA_KVA_IMPL_H
#define MM_KVA_KVA_IMPL_H

#include "mm/kva/vmalloc.h"
#include "mm/mmu/pgtable_types.h"

/* ---- host mappings (kva.c) ---- */

/* Shows frame @pfn and @nr - 1 behind it at @addr.  0 or -ENOMEM. */
int host_map_frames(void *addr, unsigned long pfn, unsigned long nr) __must_check;
/* Shows nothing there: an access faults.  Panics when the host refuses. */
void host_unmap(void *addr, unsigned long nr);
/* Address space without memory; NULL when the host has none. */
void *host_reserve(size_t bytes) __must_check;

/* ---- the vmalloc address space (vmap_space.c) ---- */

enum vmap_state { VMAP_FREE, VMAP_BUSY, VMAP_LAZY };

/* One area, kept at the index of its first page. */
struct vmap_area {
	u32 nr_pages;		/* without the guard page behind it */
	u8 state;		/* enum vmap_state */
	u8 flags;		/* VM_ALLOC, VM_MAP, VM_KSTACK */
	u32 next_lazy;		/* list of lazy areas, by index; VMAP_NONE ends it */
};

#define VMAP_NONE	(~0u)

extern char *vmap_base;			/* host address of page 0 of the space */
extern unsigned long vmap_nr_pages;

/* 0 or -ENOMEM. */
int vmap_space_boot(size_t bytes) __must_check;
void vmap_space_shutdown(void);

/* Takes @nr pages and a guard page; returns the index or VMAP_NONE.  Any context but hardirq. */
u32 vmap_space_alloc(unsigned long nr, u8 flags);
/* The busy area that begins at @addr, or NULL. */
struct vmap_area *vmap_space_find(const void *addr);
/* Busy -> lazy: it may not be used again before vmap_space_take_lazy().  Returns lazy pages now. */
unsigned long vmap_space_free_lazy(struct vmap_area *area);
/* Takes the list of lazy areas; each is given back with vmap_space_release(). */
u32 vmap_space_take_lazy(void);
void vmap_space_release(struct vmap_area *area);

struct vmap_area *vmap_area_at(u32 index);
u32 vmap_area_index(const struct vmap_area *area);

/* One sentence about @addr for a fault report, or false when it is not in the space. */
bool vmap_describe(const void *addr, char *buf, size_t size);

static inline char *vmap_host(u32 index)
{
	return vmap_base + (size_t)index * PAGE_SIZE;
}

/* Where the simulated kernel page tables have the page. */
static inline unsigned long vmap_sim(u32 index)
{
	return VMALLOC_START + (unsigned long)index * PAGE_SIZE;
}

void vmalloc_boot(void);
int highmem_boot(unsigned int nr_pkmaps) __must_check;
void highmem_shutdown(void);
bool highmem_describe(const void *addr, char *buf, size_t size);

#endif /* MM_KVA_KVA_IMPL_H */
