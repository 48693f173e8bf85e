/* SPDX-License-Identifier: MIT */
/* EXPECT: onversion */
/* Proves that -Wconversion is an error: a value never loses bits or its sign silently. */

unsigned char low_byte(unsigned long value);

unsigned char low_byte(unsigned long value)
{
#ifdef COMPILE_FAIL
	return value;
#else
	return (unsigned char)value;
#endif
}
