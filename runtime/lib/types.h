/* SPDX-License-Identifier: MIT */
/* Fixed-width integer names and small arithmetic helpers, spelled as in the kernel. */
#ifndef RUNTIME_LIB_TYPES_H
#define RUNTIME_LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/lib/compiler.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define NSEC_PER_USEC	1000ULL
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_SEC	1000000000ULL

/* Each macro has local names of its own: clamp(min(..), ..) must not shadow. */
#define min(a, b) \
	({ __typeof__(a) min_a = (a); __typeof__(b) min_b = (b); min_a < min_b ? min_a : min_b; })
#define max(a, b) \
	({ __typeof__(a) max_a = (a); __typeof__(b) max_b = (b); max_a > max_b ? max_a : max_b; })
#define clamp(v, lo, hi) \
	({ __typeof__(v) clamp_v = (v), clamp_lo = (lo), clamp_hi = (hi); \
	   clamp_v < clamp_lo ? clamp_lo : clamp_v > clamp_hi ? clamp_hi : clamp_v; })

/* Rounds @x up to a multiple of @align, a power of two. */
static inline size_t align_up(size_t x, size_t align)
{
	return (x + align - 1) & ~(align - 1);
}

/* Floor of log2(@x); @x must not be 0. */
static inline unsigned int ilog2(u64 x)
{
	return 63u - (unsigned int)__builtin_clzll(x);
}

/* Largest power of two that is not above @x; @x must not be 0. */
static inline u64 rounddown_pow_of_two(u64 x)
{
	return 1ULL << ilog2(x);
}

/* Position of the highest set bit counted from 1; 0 for 0, as the kernel's fls(). */
static inline unsigned int fls64(u64 x)
{
	return x ? ilog2(x) + 1 : 0;
}

#endif /* RUNTIME_LIB_TYPES_H */
