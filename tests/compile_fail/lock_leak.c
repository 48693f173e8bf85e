/* SPDX-License-Identifier: MIT */
/* EXPECT: not held on every path */
/* COMPILER: clang */
/* Proves that a lock cannot be left held on one way out of a function. */

#include "runtime/lib/compiler.h"

struct __capability("lock") lock {
	int held;
};

void lock(struct lock *l) __acquires(*l);
void unlock(struct lock *l) __releases(*l);
int visit(struct lock *l, int *value);

int visit(struct lock *l, int *value)
{
	lock(l);
#ifdef COMPILE_FAIL
	if (!*value)
		return 0;
#endif
	*value += 1;
	unlock(l);
	return 1;
}
