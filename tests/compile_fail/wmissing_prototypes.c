/* SPDX-License-Identifier: MIT */
/* EXPECT: missing-prototypes|no previous prototype */
/* Proves that -Wmissing-prototypes is an error: a function is static or declared in a header. */

#ifndef COMPILE_FAIL
int answer(void);
#endif

int answer(void)
{
	return 42;
}
