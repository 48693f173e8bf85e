/* SPDX-License-Identifier: MIT */
/* EXPECT: 'cpu_hotplug_lock' is still held at the end of function */
/* COMPILER: clang */
/* Proves that cpus_read_lock() without its unlock is seen. */

#include "runtime/hotplug.h"

void touch(void);

void touch(void)
{
	cpus_read_lock();
#ifndef COMPILE_FAIL
	cpus_read_unlock();
#endif
}
