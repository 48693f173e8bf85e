/* SPDX-License-Identifier: MIT */
/* EXPECT: unused-result */
/* Proves that the result of a __must_check function cannot be dropped. */

#include "runtime/lib/compiler.h"

int __must_check reserve(void);
void caller(void);

void caller(void)
{
#ifdef COMPILE_FAIL
	reserve();
#else
	if (reserve() == 0)
		return;
#endif
}
