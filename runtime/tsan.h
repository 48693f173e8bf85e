/* SPDX-License-Identifier: MIT */
/*
 * What ThreadSanitizer is told, in one place; every macro is empty in other builds.
 *
 * TSan cannot see three things of this runtime: ordering made by assembly inside Concurrency Kit
 * or by asymmetric fences (so our lock wrappers describe themselves as mutexes), ordering made by
 * a grace period (tokens), and that an interrupt handler is another context on the same thread
 * (fibers).  The annotations add what is there; none hides an access of ours.  See
 * docs/memory-model.md.
 */
#ifndef RUNTIME_TSAN_H
#define RUNTIME_TSAN_H

/* Defined by the build for files of a tsan build that are not instrumented themselves. */
#if defined(KMEMLAB_TSAN)
#elif defined(__SANITIZE_THREAD__)
#define KMEMLAB_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KMEMLAB_TSAN 1
#endif
#endif

#ifdef KMEMLAB_TSAN
#include <sanitizer/tsan_interface.h>

/* Exported by the TSan run time, declared in no header. */
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);

/* @flags: 0, TSAN_TRY, TSAN_READ. */
#define TSAN_TRY		__tsan_mutex_try_lock
#define TSAN_TRY_FAILED		(__tsan_mutex_try_lock | __tsan_mutex_try_lock_failed)
#define TSAN_READ		__tsan_mutex_read_lock
#define tsan_pre_lock(l, f)	__tsan_mutex_pre_lock((void *)(l), (f))
#define tsan_post_lock(l, f)	__tsan_mutex_post_lock((void *)(l), (f), 0)
#define tsan_pre_unlock(l, f)	((void)__tsan_mutex_pre_unlock((void *)(l), (f)))
#define tsan_post_unlock(l, f)	__tsan_mutex_post_unlock((void *)(l), (f))
/* A blocked locker runs other code (interrupt handlers) between these two. */
#define tsan_pre_divert(l)	__tsan_mutex_pre_divert((void *)(l), 0)
#define tsan_post_divert(l)	__tsan_mutex_post_divert((void *)(l), 0)
#define tsan_mutex_destroy(l)	__tsan_mutex_destroy((void *)(l), 0)

#define tsan_release(p)		__tsan_release((void *)(p))
#define tsan_acquire(p)		__tsan_acquire((void *)(p))
#define tsan_ignore_sync_begin() AnnotateIgnoreSyncBegin(__FILE__, __LINE__)
#define tsan_ignore_sync_end()	AnnotateIgnoreSyncEnd(__FILE__, __LINE__)

#define tsan_fiber_current()	__tsan_get_current_fiber()
#define tsan_fiber_destroy(f)	__tsan_destroy_fiber(f)
/* No synchronisation edge: the two contexts stay concurrent in TSan's eyes. */
#define tsan_fiber_switch(f)	__tsan_switch_to_fiber((f), __tsan_switch_to_fiber_no_sync)
/* With an edge: for the last switch, so that whoever joins has seen what the fiber did. */
#define tsan_fiber_switch_sync(f) __tsan_switch_to_fiber((f), 0)

static inline void *tsan_fiber_create(const char *name)
{
	void *fiber = __tsan_create_fiber(0);

	__tsan_set_fiber_name(fiber, name);
	return fiber;
}

/*
 * A function that switches fibers must not be instrumented: its entry would be recorded on one
 * fiber and its exit on the other.
 */
#define TSAN_SWITCHES_FIBER \
	__attribute__((noinline, no_sanitize("thread"), disable_sanitizer_instrumentation))

/*
 * A thread's own pointer (__thread), which nobody else can reach: read several times in every
 * operation, it is fetched without a call into the run time, which has nothing to check there.
 */
#ifdef __x86_64__
#define tsan_own_pointer(x)						\
	({								\
		__typeof__(x) own;					\
									\
		__asm__("movq %1, %0" : "=r"(own) : "m"(x));		\
		own;							\
	})
#else
#define tsan_own_pointer(x)	(x)
#endif

/* It delivers a signal when the thread next calls into it, which a sleeping CPU never does. */
#define tsan_delays_signals()	true

#else /* !KMEMLAB_TSAN */

#define tsan_delays_signals()	false
#define tsan_own_pointer(x)	(x)

#define tsan_pre_lock(l, f)	((void)(l))
#define tsan_post_lock(l, f)	((void)(l))
#define tsan_pre_unlock(l, f)	((void)(l))
#define tsan_post_unlock(l, f)	((void)(l))
#define tsan_pre_divert(l)	((void)(l))
#define tsan_post_divert(l)	((void)(l))
#define tsan_mutex_destroy(l)	((void)(l))
#define tsan_release(p)		((void)(p))
#define tsan_acquire(p)		((void)(p))
#define tsan_ignore_sync_begin() ((void)0)
#define tsan_ignore_sync_end()	((void)0)
#define tsan_fiber_current()	NULL
#define tsan_fiber_create(name)	((void)(name), NULL)
#define tsan_fiber_destroy(f)	((void)(f))
#define tsan_fiber_switch(f)	((void)(f))
#define tsan_fiber_switch_sync(f) ((void)(f))
#define TSAN_SWITCHES_FIBER	__attribute__((noinline))

#endif /* KMEMLAB_TSAN */

#endif /* RUNTIME_TSAN_H */
