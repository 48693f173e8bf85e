/* SPDX-License-Identifier: MIT */
/*
 * Atomic accesses with the kernel's names over the compiler's builtins.
 *
 * Shared words use READ_ONCE/WRITE_ONCE and below.  The runtime is written with acquire and release
 * operations, which ThreadSanitizer understands; stand-alone fences it does not
 * (docs/memory-model.md).  smp_mb() is therefore only used where two CPUs each store one word and
 * load the other's, and both words are atomic.
 */
#ifndef RUNTIME_LIB_ATOMIC_H
#define RUNTIME_LIB_ATOMIC_H

#include "runtime/lib/types.h"

/*
 * In the explore build every access below is a scheduling point of the SIM back end
 * (runtime/sim/sim.h); elsewhere the hook is nothing.
 */
#if KMEMLAB_EXPLORE
void sim_load_point(const void *word);
void sim_store_point(const void *word);
#define load_point(p)			sim_load_point((const void *)(p))
#define store_point(p)			sim_store_point((const void *)(p))
#else
#define load_point(p)			((void)0)
#define store_point(p)			((void)0)
#endif

#define READ_ONCE(x)		(load_point(&(x)), __atomic_load_n(&(x), __ATOMIC_RELAXED))
#define WRITE_ONCE(x, v) \
	(store_point(&(x)), __atomic_store_n(&(x), (v), __ATOMIC_RELAXED))
#define smp_load_acquire(p)	(load_point(p), __atomic_load_n((p), __ATOMIC_ACQUIRE))
#define smp_store_release(p, v) \
	(store_point(p), __atomic_store_n((p), (v), __ATOMIC_RELEASE))

#define xchg(p, v)		(store_point(p), __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))
#define xchg_acquire(p, v)	(store_point(p), __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE))
#define fetch_add(p, v)		(store_point(p), __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST))
#define fetch_add_relaxed(p, v)	(store_point(p), __atomic_fetch_add((p), (v), __ATOMIC_RELAXED))
#define fetch_or(p, v)		(store_point(p), __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST))
#define fetch_and(p, v)		(store_point(p), __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST))

/* True when *p was *expected and is now v; otherwise *expected holds what was found. */
#define try_cmpxchg_order(p, expected, v, order) \
	(store_point(p), __atomic_compare_exchange_n((p), (expected), (v), false, (order), \
						      __ATOMIC_RELAXED))
#define try_cmpxchg(p, expected, v)	try_cmpxchg_order(p, expected, v, __ATOMIC_SEQ_CST)
#define try_cmpxchg_acquire(p, expected, v) try_cmpxchg_order(p, expected, v, __ATOMIC_ACQUIRE)
#define try_cmpxchg_relaxed(p, expected, v) try_cmpxchg_order(p, expected, v, __ATOMIC_RELAXED)
#define try_cmpxchg_release(p, expected, v) try_cmpxchg_order(p, expected, v, __ATOMIC_RELEASE)

/*
 * A word that one CPU writes, from any of its contexts, and others may read for information: no
 * bus lock, and no scheduling point, because nobody's decision hangs on the moment.
 */
#define owner_read(x)			__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define owner_write(x, v)		__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define owner_add(x, v)			owner_write((x), owner_read(x) + (v))
#define owner_inc(x)			owner_add(x, 1)

/*
 * The store-then-load pattern (Dekker): this CPU stores one word and then loads another, a peer
 * does the same the other way round, and each needs to see the other's store.  Only a full barrier
 * between the two gives that, on every machine.  The words are named by these accessors so that the
 * SIM back end can keep the store back in a simulated store buffer: a missing smp_mb() then shows.
 */
#if KMEMLAB_EXPLORE
void sim_buffer_store(u32 *word, u32 value, bool release);
u32 sim_buffer_load(const u32 *word);
void sim_buffer_drain(void);
#define dekker_store(x, v)		sim_buffer_store(&(x), (v), false)
#define dekker_store_release(x, v)	sim_buffer_store(&(x), (v), true)
#define dekker_load(x)			sim_buffer_load(&(x))
#define smp_mb()		(sim_buffer_drain(), __atomic_thread_fence(__ATOMIC_SEQ_CST))
#else
#define dekker_store(x, v)		WRITE_ONCE(x, v)
#define dekker_store_release(x, v)	smp_store_release(&(x), (v))
#define dekker_load(x)			READ_ONCE(x)
#define smp_mb()			__atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

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
