/* SPDX-License-Identifier: MIT */
/*
 * User memory: loads, stores, compare-and-swap and copies through the simulated MMU
 * (include/linux/uaccess.h).
 *
 * Each access is one step that no interrupt divides: look the page up in this CPU's TLB, use the
 * frame.  Interrupts, and with them flush acknowledgements, are taken before a step, never inside.
 * A page that is not there, or not with these rights, makes the fault handler run, then a new step.
 *
 * Context: task with an address space loaded (switch_mm()).  Where sleeping is forbidden, or
 * between pagefault_disable() and _enable(), a fault is not handled: the access returns -EFAULT.
 */
#ifndef MM_MMU_ACCESS_H
#define MM_MMU_ACCESS_H

#include "mm/mmu/tlb.h"

/* What kind of access faulted, and how: bits of handle_fault()'s flags (enum fault_flag). */
#define FAULT_FLAG_WRITE	(1u << 0)
#define FAULT_FLAG_USER		(1u << 6)	/* made by the task, not by a copy_*_user() */
#define FAULT_FLAG_INSTRUCTION	(1u << 8)
#define FAULT_FLAG_PROT		(1u << 16)	/* a translation was there, its rights forbade it */

struct mmu_context;

/*
 * The way up to the layer that knows VMAs; registered once, host thread, quiescent machine.
 * handle_fault(): task context, no locks.  0: try the access again.  -EFAULT: the address is not
 * mapped that way (the signal is the handler's business).  -ENOMEM: gave up for lack of memory.
 */
struct mmu_fault_ops {
	int (*handle_fault)(struct mmu_context *ctx, unsigned long addr, unsigned int flags);
};
void mmu_fault_register(const struct mmu_fault_ops *ops);

/* Nests; task context of this CPU. */
void pagefault_disable(void);
void pagefault_enable(void);

/* ---- slow paths (access.c): misses, faults, page-crossing and misaligned accesses ---- */

/* In two registers, so that a loaded value need not go through memory. */
struct mmu_value {
	u64 val;
	long err;		/* 0, -EFAULT, -ENOMEM */
};
struct mmu_value mmu_load_slow(unsigned long addr, unsigned int size);
int mmu_store_slow(unsigned long addr, u64 val, unsigned int size);

/* Before a step: other CPUs' turn in the simulation, then this CPU's interrupts. */
static inline void mmu_step_point(unsigned long addr)
{
	sim_point(SIM_ACCESS, (const void *)addr);
	irq_safepoint();
}

static inline unsigned long mmu_key(const struct cpu_tlb *tlb, unsigned long addr,
				    unsigned int size)
{
	return (addr & (PAGE_MASK | (size - 1))) | tlb->front_salt;
}

#define MMU_DEFINE_ACCESS(bits)						\
/* *@val = the @bits bits at user address @addr, 0 on an error.  0, -EFAULT, -ENOMEM. */ \
static inline int load_u##bits(unsigned long addr, u##bits *val)		\
{									\
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);			\
	struct tlb_front *f = &tlb->front[(addr >> PAGE_SHIFT) & (TLB_FRONT_SIZE - 1)]; \
									\
	mmu_step_point(addr);						\
	tlb_step_begin(tlb);						\
	if (unlikely(f->rkey != mmu_key(tlb, addr, bits / 8))) {		\
		struct mmu_value v;					\
									\
		tlb_step_end(tlb);					\
		v = mmu_load_slow(addr, bits / 8);			\
		*val = (u##bits)v.val;					\
		return (int)v.err;					\
	}								\
	*val = READ_ONCE(*(u##bits *)(addr + f->addend));		\
	tlb_step_end(tlb);						\
	return 0;							\
}									\
/* Writes the @bits bits of @val to user address @addr.  0, -EFAULT, -ENOMEM. */ \
static inline int store_u##bits(unsigned long addr, u##bits val)		\
{									\
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);			\
	struct tlb_front *f = &tlb->front[(addr >> PAGE_SHIFT) & (TLB_FRONT_SIZE - 1)]; \
									\
	mmu_step_point(addr);						\
	tlb_step_begin(tlb);						\
	if (unlikely(f->wkey != mmu_key(tlb, addr, bits / 8))) {		\
		tlb_step_end(tlb);					\
		return mmu_store_slow(addr, val, bits / 8);		\
	}								\
	WRITE_ONCE(*(u##bits *)(addr + f->addend), val);			\
	tlb_step_end(tlb);						\
	return 0;							\
}

MMU_DEFINE_ACCESS(8)
MMU_DEFINE_ACCESS(16)
MMU_DEFINE_ACCESS(32)
MMU_DEFINE_ACCESS(64)

/*
 * If the word at user address @addr is *@old, makes it @new; *@old becomes what was found.  A
 * locked instruction: full barrier.  0, -EFAULT, -ENOMEM, or -EINVAL when @addr is not aligned.
 */
int cmpxchg_user_u32(unsigned long addr, u32 *old, u32 new) __must_check;
int cmpxchg_user_u64(unsigned long addr, u64 *old, u64 new) __must_check;

/* An instruction fetch: faults on pages without execute permission. */
int exec_user(unsigned long addr) __must_check;

/*
 * Copies between the kernel and user addresses, a page at a step.  Returns how many bytes at the
 * end could not be copied: 0 is success.
 */
unsigned long copy_to_user(unsigned long to, const void *from, unsigned long n) __must_check;
unsigned long copy_from_user(void *to, unsigned long from, unsigned long n) __must_check;
/* Fills with zeroes. */
unsigned long clear_user(unsigned long to, unsigned long n) __must_check;

/* @n bytes at @addr are user addresses. */
static inline bool access_ok(unsigned long addr, unsigned long n)
{
	return addr < TASK_SIZE_MAX && n <= TASK_SIZE_MAX - addr;
}

/* A word of the kernel's half through this CPU's TLB (global entries); no fault handling. */
int load_kernel_u64(unsigned long addr, u64 *val) __must_check;

#endif /* MM_MMU_ACCESS_H */
