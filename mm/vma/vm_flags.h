/* SPDX-License-Identifier: MIT */
/*
 * What an area allows and is: VM_* with the kernel's values (include/linux/mm.h), PROT_* and MAP_*
 * as user space passes them, and the page protection that follows.
 */
#ifndef MM_VMA_VM_FLAGS_H
#define MM_VMA_VM_FLAGS_H

#include <sys/mman.h>

#include "mm/mmu/pgtable_types.h"

typedef u64 vm_flags_t;

#define VM_NONE		0x00000000ULL
#define VM_READ		0x00000001ULL
#define VM_WRITE	0x00000002ULL
#define VM_EXEC		0x00000004ULL
#define VM_SHARED	0x00000008ULL
/* What mprotect() may turn on: the four above shifted by 4. */
#define VM_MAYREAD	0x00000010ULL
#define VM_MAYWRITE	0x00000020ULL
#define VM_MAYEXEC	0x00000040ULL
#define VM_MAYSHARE	0x00000080ULL
#define VM_GROWSDOWN	0x00000100ULL
#define VM_LOCKED	0x00002000ULL
#define VM_DONTCOPY	0x00020000ULL	/* fork leaves it out */
#define VM_DONTEXPAND	0x00040000ULL	/* mremap may not enlarge it */
#define VM_ACCOUNT	0x00100000ULL	/* counts as memory promised */
#define VM_NORESERVE	0x00200000ULL
#define VM_SOFTDIRTY	0x08000000ULL	/* new, or written since it was cleared */
#define VM_NOHUGEPAGE	0x40000000ULL	/* MAP_STACK asks for it */
#define VM_STACK	VM_GROWSDOWN

#define VM_ACCESS_FLAGS	(VM_READ | VM_WRITE | VM_EXEC)
#define VM_DATA_FLAGS	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define VM_STACK_FLAGS	(VM_STACK | VM_DATA_FLAGS | VM_ACCOUNT)
/* Two areas that differ in nothing else are still one. */
#define VM_IGNORE_MERGE	VM_SOFTDIRTY

/* A private mapping that its owner may write some day: its writes copy. */
static inline bool is_cow_mapping(vm_flags_t flags)
{
	return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* The three kinds that RLIMIT_DATA and the kernel's statistics tell apart. */
static inline bool is_exec_mapping(vm_flags_t flags)
{
	return (flags & (VM_EXEC | VM_WRITE | VM_STACK)) == VM_EXEC;
}

static inline bool is_stack_mapping(vm_flags_t flags)
{
	return (flags & VM_STACK) != 0;
}

static inline bool is_data_mapping(vm_flags_t flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE;
}

/* PROT_* to VM_*. */
static inline vm_flags_t calc_vm_prot_bits(unsigned long prot)
{
	return ((prot & PROT_READ) ? VM_READ : 0) | ((prot & PROT_WRITE) ? VM_WRITE : 0) |
	       ((prot & PROT_EXEC) ? VM_EXEC : 0);
}

/*
 * The protection of a present entry in an area with @flags.  A private area's entries are never
 * writable by this table: a fault, or can_change_pte_writable(), adds the right to exclusive pages.
 */
pgprot_t vm_get_page_prot(vm_flags_t flags);

#endif /* MM_VMA_VM_FLAGS_H */
