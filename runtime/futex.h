/* SPDX-License-Identifier: MIT */
/* The two futex calls the runtime uses to sleep and to wake. */
#ifndef RUNTIME_FUTEX_H
#define RUNTIME_FUTEX_H

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/lib/types.h"

/* Sleeps while *word == expected, at most @ns nanoseconds (0: no limit); may return early. */
static inline void futex_wait(u32 *word, u32 expected, u64 ns)
{
	struct timespec limit = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, ns ? &limit : NULL, NULL, 0);
}

static inline void futex_wake(u32 *word, int nr)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, nr, NULL, NULL, 0);
}

#endif /* RUNTIME_FUTEX_H */
