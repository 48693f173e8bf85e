/* SPDX-License-Identifier: MIT */
/* Compiler attributes and the branch, layout and analysis macros used everywhere. */
#ifndef RUNTIME_LIB_COMPILER_H
#define RUNTIME_LIB_COMPILER_H

#include <stddef.h>

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#define __noinline		__attribute__((noinline))
/* For the few functions whose call would cost a good part of what they do. */
#define __hot_inline		inline __attribute__((always_inline))
#define __must_check		__attribute__((warn_unused_result))
#define __cold			__attribute__((cold))
#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))
#define __maybe_unused		__attribute__((unused))
#define __aligned(n)		__attribute__((aligned(n)))
#define __section(s)		__attribute__((section(s)))
#define fallthrough		__attribute__((fallthrough))

/* One cache line of every x86-64 and most arm64 hosts; per-CPU data never shares one. */
#define CACHE_LINE		64
#define __cacheline_aligned	__aligned(CACHE_LINE)

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* Stops the compiler, not the CPU, from moving accesses across this point. */
#define barrier()		__asm__ __volatile__("" ::: "memory")

/*
 * Clang's thread-safety analysis (docs/locking.md).  Only clang understands the attributes; a
 * function that must be left out says why with __context_unsafe("reason").
 */
#ifdef __clang__
#define __context_attr(x)	__attribute__((x))
#else
#define __context_attr(x)
#endif
#define __capability(name)	__context_attr(capability(name))
#define __guarded_by(l)		__context_attr(guarded_by(l))
#define __must_hold(...)	__context_attr(requires_capability(__VA_ARGS__))
#define __must_not_hold(...)	__context_attr(locks_excluded(__VA_ARGS__))
#define __acquires(...)		__context_attr(acquire_capability(__VA_ARGS__))
#define __releases(...)		__context_attr(release_capability(__VA_ARGS__))
#define __try_acquires(ok, ...)	__context_attr(try_acquire_capability(ok, __VA_ARGS__))
#define __asserts_held(...)	__context_attr(assert_capability(__VA_ARGS__))
#define __context_unsafe(why)	__context_attr(no_thread_safety_analysis)

#endif /* RUNTIME_LIB_COMPILER_H */
