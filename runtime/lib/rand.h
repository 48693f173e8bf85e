/* SPDX-License-Identifier: MIT */
/*
 * The only source of randomness: xoshiro256** streams, all derived from one seed by splitmix64.
 *
 * Streams are split, never shared: each CPU and each workload role owns one, so a run depends on
 * the seed and not on who draws first.  (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2021.)
 */
#ifndef RUNTIME_LIB_RAND_H
#define RUNTIME_LIB_RAND_H

#include "runtime/lib/types.h"

struct rand_state {
	u64 s[4];
};

/* One step of splitmix64: advances *@x and returns a well-mixed word. */
static inline u64 splitmix64(u64 *x)
{
	u64 z = (*x += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Starts stream @stream of @seed; neighbouring seeds and streams are unrelated. */
static inline void rand_init(struct rand_state *r, u64 seed, u64 stream)
{
	u64 x = seed;

	x = splitmix64(&x) ^ (stream * 0xd1342543de82ef95ULL);
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix64(&x);
}

static inline u64 rand_u64(struct rand_state *r)
{
	u64 *s = r->s;
	u64 scaled = s[1] * 5;
	u64 result = ((scaled << 7) | (scaled >> 57)) * 9;
	u64 t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* A number in [0, @n) with a bias below n / 2^32; @n must not be 0. */
static inline u32 rand_below(struct rand_state *r, u32 n)
{
	return (u32)(((rand_u64(r) >> 32) * n) >> 32);
}

/* True once in @n draws on average. */
static inline bool rand_one_in(struct rand_state *r, u32 n)
{
	return rand_below(r, n) == 0;
}

#endif /* RUNTIME_LIB_RAND_H */
