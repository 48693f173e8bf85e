/* SPDX-License-Identifier: MIT */
/*
 * Concurrency Kit's spinlocks: the only file that includes <ck_*.h>.
 *
 * CK's x86 primitives are inline assembly that ThreadSanitizer cannot see; the caller wraps each
 * operation in the mutex annotations of runtime/tsan.h.
 */
#ifndef RUNTIME_CK_WRAP_H
#define RUNTIME_CK_WRAP_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <ck_spinlock.h>
#pragma GCC diagnostic pop

#endif /* RUNTIME_CK_WRAP_H */
