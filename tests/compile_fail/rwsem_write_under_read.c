/* SPDX-License-Identifier: MIT */
/* EXPECT: writing variable 'shared' requires holding rwsem 'sem' exclusively */
/* COMPILER: clang */
/* Proves that a reader of an rwsem cannot write what the rwsem guards. */

#include "runtime/mutex.h"

void touch(void);

static struct rw_semaphore sem;
static int shared __guarded_by(sem);

void touch(void)
{
#ifdef COMPILE_FAIL
	down_read(&sem);
	shared++;
	up_read(&sem);
#else
	down_write(&sem);
	shared++;
	up_write(&sem);
#endif
}
