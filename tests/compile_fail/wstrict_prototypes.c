/* SPDX-License-Identifier: MIT */
/* EXPECT: prototype */
/* Proves that -Wstrict-prototypes is an error: () does not declare that there are no arguments. */

#ifdef COMPILE_FAIL
int answer();
#else
int answer(void);
#endif
