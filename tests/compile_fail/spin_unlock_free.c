/* SPDX-License-Identifier: MIT */
/* EXPECT: releasing mutex 'lock' that was not held */
/* COMPILER: clang */
/* Proves that the irqsave forms of a spinlock, which are macros, are followed by the analysis. */

#include "runtime/spinlock.h"

void touch(void);

static spinlock_t lock;

void touch(void)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	spin_unlock_irqrestore(&lock, flags);
#ifdef COMPILE_FAIL
	spin_unlock_irqrestore(&lock, flags);
#endif
}
