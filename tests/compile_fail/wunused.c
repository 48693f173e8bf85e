/* SPDX-License-Identifier: MIT */
/* EXPECT: unused */
/* Proves that -Wall and -Wextra are errors: nothing is defined and left unused. */

int answer(int key);

int answer(int key)
{
#ifdef COMPILE_FAIL
	int unused;
#endif
	(void)key;
	return 42;
}
