/* SPDX-License-Identifier: MIT */
/* EXPECT: must be acquired before */
/* COMPILER: clang */
/* Proves that -Wthread-safety-beta checks a declared order between two global locks. */

#include "runtime/lib/compiler.h"

struct __capability("lock") lock {
	int held;
};

void lock(struct lock *l) __acquires(*l);
void unlock(struct lock *l) __releases(*l);
void both(void);

static struct lock outer;
static struct lock inner __context_attr(acquired_after(outer));

void both(void)
{
#ifdef COMPILE_FAIL
	lock(&inner);
	lock(&outer);
#else
	lock(&outer);
	lock(&inner);
#endif
	unlock(&inner);
	unlock(&outer);
}
