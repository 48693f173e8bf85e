/* SPDX-License-Identifier: MIT */
/* EXPECT: vla|variable length array */
/* Proves that -Wvla is an error: stack frames have a size known at compile time. */

int last(int n);

int last(int n)
{
#ifdef COMPILE_FAIL
	int a[n];
#else
	int a[4];

	(void)n;
#endif
	a[0] = 1;
	return a[0];
}
