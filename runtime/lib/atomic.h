/* SPDX-License-Identifier: MIT */
/*
 * Atomic accesses with the kernel's names over the compiler's builtins.
 *
 * The runtime is written with acquire and release operations, which ThreadSanitizer understands;
 * stand-alone fences it does not (docs/memory-model.md).  smp_mb() is therefore only used where
 * two CPUs each store one word and load the other's, and both words are atomic.
 */
#ifndef RUNTIME_LIB_ATOMIC_H
#define RUNTIME_LIB_ATOMIC_H

#include "runtime/lib/types.h"

#define READ_ONCE(x)			__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)		__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define smp_load_acquire(p)		__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)		__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define smp_mb()			__atomic_thread_fence(__ATOMIC_SEQ_CST)

#define xchg(p, v)			__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define xchg_acquire(p, v)		__atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define fetch_add(p, v)			__atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define fetch_add_relaxed(p, v)		__atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define fetch_or(p, v)			__atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define fetch_and(p, v)			__atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)

/* True when *p was *expected and is now v; otherwise *expected holds what was found. */
#define try_cmpxchg(p, expected, v) \
	__atomic_compare_exchange_n((p), (expected), (v), false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
#define try_cmpxchg_acquire(p, expected, v) \
	__atomic_compare_exchange_n((p), (expected), (v), false, \
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define try_cmpxchg_release(p, expected, v) \
	__atomic_compare_exchange_n((p), (expected), (v), false, \
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED)

/* Adds to a word that only the owner writes and others may read: two moves, no bus lock. */
#define owner_add(x, v)			WRITE_ONCE((x), READ_ONCE(x) + (v))
#define owner_inc(x)			owner_add(x, 1)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

#define ATOMIC_INIT(i)			{ (i) }
#define atomic_read(v)			READ_ONCE((v)->counter)
#define atomic_set(v, i)		WRITE_ONCE((v)->counter, (i))
#define atomic_add(i, v)		((void)fetch_add_relaxed(&(v)->counter, (i)))
#define atomic_sub(i, v)		((void)fetch_add_relaxed(&(v)->counter, -(i)))
#define atomic_inc(v)			atomic_add(1, v)
#define atomic_dec(v)			atomic_sub(1, v)
/* The value-returning forms order fully, as in the kernel. */
#define atomic_add_return(i, v)		(fetch_add(&(v)->counter, (i)) + (i))
#define atomic_sub_return(i, v)		(fetch_add(&(v)->counter, -(i)) - (i))
#define atomic_inc_return(v)		atomic_add_return(1, v)
#define atomic_dec_and_test(v)		(atomic_sub_return(1, v) == 0)
#define atomic64_read(v)		atomic_read(v)
#define atomic64_set(v, i)		atomic_set(v, i)
#define atomic64_add(i, v)		atomic_add(i, v)
#define atomic64_add_return(i, v)	atomic_add_return(i, v)
#define atomic64_inc_return(v)		atomic_add_return(1, v)

/* One turn of a spin loop: lets a sibling hyper-thread run. */
static inline void cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	barrier();
#endif
}

#endif /* RUNTIME_LIB_ATOMIC_H */
