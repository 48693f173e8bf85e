/* SPDX-License-Identifier: MIT */
/* EXPECT: thread-safety */
/* COMPILER: clang */
/* Proves that data marked __guarded_by cannot be touched without its lock. */

#include "runtime/lib/compiler.h"

struct __capability("lock") lock {
	int held;
};

void lock(struct lock *l) __acquires(*l);
void unlock(struct lock *l) __releases(*l);
void count(void);

static struct lock counter_lock;
static int counter __guarded_by(counter_lock);

void count(void)
{
#ifdef COMPILE_FAIL
	counter++;
#else
	lock(&counter_lock);
	counter++;
	unlock(&counter_lock);
#endif
}
