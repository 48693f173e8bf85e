/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables (include/linux/percpu-defs.h): one copy per CPU, on its own cache lines.
 *
 * What.  A variable defined with DEFINE_PER_CPU() lies in the linker section "kmem_percpu", which
 * is only a template: percpu_boot() copies the section once per CPU, and a CPU reaches its copy
 * at the symbol's address plus an offset that is constant for the CPU.  Memory from
 * alloc_percpu() comes from the same areas, behind the static part, so one addition serves both.
 *
 * Context.  this_cpu_*() are plain loads and stores: safe against other CPUs because no other CPU
 * writes the copy, safe against this CPU's interrupts only where the definition says who may
 * touch the variable.  Each DEFINE_PER_CPU() names its contexts in a comment.
 */
#ifndef PERCPU_PERCPU_H
#define PERCPU_PERCPU_H

#include "runtime/preempt.h"

#define DECLARE_PER_CPU(type, name) \
	extern __section("kmem_percpu") __typeof__(type) name
#define DEFINE_PER_CPU(type, name) \
	__section("kmem_percpu") __typeof__(type) name
#define DEFINE_PER_CPU_ALIGNED(type, name) \
	__section("kmem_percpu") __cacheline_aligned __typeof__(type) name

/* The compiler must not see that the result points outside the symbol. */
#define SHIFT_PERCPU_PTR(ptr, off)					\
	({								\
		uintptr_t addr_;					\
		__asm__("" : "=r"(addr_) : "0"((uintptr_t)(ptr)));	\
		(__typeof__(ptr))(addr_ + (off));			\
	})

#define this_cpu_ptr(ptr)	SHIFT_PERCPU_PTR(ptr, this_cpu()->percpu_off)
/* Another CPU's copy: the caller says in a comment why that is safe. */
#define per_cpu_ptr(ptr, cpu)	SHIFT_PERCPU_PTR(ptr, cpus[cpu].percpu_off)
#define per_cpu(var, cpu)	(*per_cpu_ptr(&(var), cpu))

/* The variable of this CPU with preemption off until put_cpu_var(). */
#define get_cpu_var(var)						\
	(*({								\
		preempt_disable();					\
		this_cpu_ptr(&(var));					\
	}))
#define put_cpu_var(var)						\
	do {								\
		(void)&(var);						\
		preempt_enable();					\
	} while (0)

/*
 * Relaxed atomic loads and stores, so that another CPU may read the copy (a statistic, say).
 * Not atomic against this CPU's own interrupts between load and store: there are none, because
 * interrupts are delivered at safepoints only and none lies inside.
 */
#define this_cpu_read(var)	READ_ONCE(*this_cpu_ptr(&(var)))
#define this_cpu_write(var, v)	WRITE_ONCE(*this_cpu_ptr(&(var)), (v))
#define this_cpu_add(var, v)						\
	do {								\
		__typeof__(&(var)) p_ = this_cpu_ptr(&(var));		\
		__typeof__(var) v_ = (__typeof__(var))(v);		\
		WRITE_ONCE(*p_, (__typeof__(var))(READ_ONCE(*p_) + v_));	\
	} while (0)
#define this_cpu_sub(var, v)	this_cpu_add(var, -(v))
#define this_cpu_inc(var)	this_cpu_add(var, 1)
#define this_cpu_dec(var)	this_cpu_add(var, -1)
#define this_cpu_add_return(var, v)					\
	({								\
		this_cpu_add(var, v);					\
		this_cpu_read(var);					\
	})

/*
 * Makes the areas: @dynamic_bytes per CPU for alloc_percpu().  After machine_boot(), before
 * machine_start_cpus(); host thread.  Returns 0 or -ENOMEM.
 */
__must_check int percpu_boot(size_t dynamic_bytes);
void percpu_shutdown(void);

/*
 * @size bytes on every CPU, zeroed, aligned to @align (a power of two, at most 4096).  The result
 * is only good for per_cpu_ptr()/this_cpu_ptr().  Context: task or host thread, may spin.
 * Returns NULL when the areas are full.  Follows mm/percpu.c.
 */
void *__alloc_percpu(size_t size, size_t align) __must_check;
void free_percpu(void *ptr);
#define alloc_percpu(type)	((type *)__alloc_percpu(sizeof(type), __alignof__(type)))

/* Bytes per CPU in use and available in the dynamic part. */
void percpu_usage(size_t *used, size_t *total);

#endif /* PERCPU_PERCPU_H */
