/* SPDX-License-Identifier: MIT */
/*
 * Assertions in three tiers, warnings, and the panic that stops the machine.
 *
 *   BUG_ON      always on: corruption; going on would destroy evidence.
 *   VM_BUG_ON   debug builds (dev, tsan, asan-ubsan): preconditions and cheap invariants.
 *   VM_CHECK    expensive: a whole-structure validator; debug builds, and only when
 *               vm_check_enabled says so (oracle runs, model tests).
 *
 * Any context.  No condition may have a side effect.
 */
#ifndef RUNTIME_BUG_H
#define RUNTIME_BUG_H

#include "runtime/lib/types.h"

/*
 * Prints "@file:line: text", every CPU's context and held locks, runs the registered dumpers and
 * aborts.  The first caller wins; CPUs that panic meanwhile wait for the abort.
 */
__attribute__((noreturn)) __cold void panic_at(const char *file, int line, const char *fmt, ...)
	__printf(3, 4);

/* Prints "@file:line: warning: text", the first 50 times; counted in warnings_seen(). */
__cold void warn_at(const char *file, int line, const char *fmt, ...) __printf(3, 4);

/* Number of warnings since boot; a run that ends with any is a failed run. */
unsigned int warnings_seen(void);

/*
 * Adds a function that panic_at() calls to describe a subsystem (at most 16; boot time, task
 * context).  It runs on the panicking CPU while others may still move: it must not lock.
 */
void panic_dumper_register(void (*dump)(void));

#define panic(...)	panic_at(__FILE__, __LINE__, __VA_ARGS__)

#define BUG_ON(cond)							\
	do {								\
		if (unlikely(cond))					\
			panic_at(__FILE__, __LINE__, "BUG: %s", #cond);	\
	} while (0)

#define WARN_ON_ONCE(cond)						\
	({								\
		static bool warned_;					\
		bool cond_ = !!(cond);					\
		if (unlikely(cond_) &&					\
		    !__atomic_exchange_n(&warned_, true, __ATOMIC_RELAXED)) \
			warn_at(__FILE__, __LINE__, "%s", #cond);	\
		cond_;							\
	})

#if KMEMLAB_DEBUG
#define VM_BUG_ON(cond)		BUG_ON(cond)
extern bool vm_check_enabled;
#define VM_CHECK(cond)		BUG_ON(vm_check_enabled && !(cond))
#else
#define VM_BUG_ON(cond)		((void)sizeof(cond))
#define VM_CHECK(cond)		((void)sizeof(cond))
#endif

#endif /* RUNTIME_BUG_H */
