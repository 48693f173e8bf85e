/* SPDX-License-Identifier: MIT */
/* EXPECT: shadow */
/* Proves that -Wshadow is an error. */

int sum(int a);

int sum(int a)
{
#ifdef COMPILE_FAIL
	for (int i = 0; i < 2; i++) {
		int a = i;

		(void)a;
	}
#endif
	return a;
}
