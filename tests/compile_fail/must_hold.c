/* SPDX-License-Identifier: MIT */
/* EXPECT: calling function '__take' requires holding */
/* COMPILER: clang */
/* Proves that a __must_hold function cannot be called without its lock. */

#include "runtime/lib/compiler.h"

struct __capability("lock") lock {
	int held;
};

void lock(struct lock *l) __acquires(*l);
void unlock(struct lock *l) __releases(*l);
void __take(struct lock *l) __must_hold(*l);
void take(struct lock *l);

void take(struct lock *l)
{
#ifdef COMPILE_FAIL
	__take(l);
#else
	lock(l);
	__take(l);
	unlock(l);
#endif
}
