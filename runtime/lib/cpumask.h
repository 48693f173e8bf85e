/* SPDX-License-Identifier: MIT */
/* Sets of CPUs: plain operations for local masks, atomic ones for masks that CPUs share. */
#ifndef RUNTIME_LIB_CPUMASK_H
#define RUNTIME_LIB_CPUMASK_H

#include "runtime/lib/atomic.h"
#include "runtime/lib/limits.h"

#define CPUMASK_WORDS	(NR_CPUS / 64)

struct cpumask {
	u64 bits[CPUMASK_WORDS];
};

static inline bool cpumask_test_cpu(unsigned int cpu, const struct cpumask *m)
{
	return READ_ONCE(m->bits[cpu / 64]) >> (cpu % 64) & 1;
}

/* Atomic, fully ordered: may be used on a mask that other CPUs read or change. */
static inline void cpumask_set_cpu(unsigned int cpu, struct cpumask *m)
{
	fetch_or(&m->bits[cpu / 64], 1ULL << (cpu % 64));
}

static inline void cpumask_clear_cpu(unsigned int cpu, struct cpumask *m)
{
	fetch_and(&m->bits[cpu / 64], ~(1ULL << (cpu % 64)));
}

static inline void cpumask_clear(struct cpumask *m)
{
	for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
		WRITE_ONCE(m->bits[i], 0);
}

static inline void cpumask_copy(struct cpumask *dst, const struct cpumask *src)
{
	for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
		WRITE_ONCE(dst->bits[i], READ_ONCE(src->bits[i]));
}

static inline unsigned int cpumask_weight(const struct cpumask *m)
{
	unsigned int weight = 0;

	for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
		weight += (unsigned int)__builtin_popcountll(READ_ONCE(m->bits[i]));
	return weight;
}

/* First CPU of the mask that is >= @cpu, or NR_CPUS. */
static inline unsigned int cpumask_next_from(unsigned int cpu, const struct cpumask *m)
{
	while (cpu < NR_CPUS) {
		u64 word = READ_ONCE(m->bits[cpu / 64]) >> (cpu % 64);

		if (word)
			return cpu + (unsigned int)__builtin_ctzll(word);
		cpu = (cpu / 64 + 1) * 64;
	}
	return NR_CPUS;
}

static inline bool cpumask_empty(const struct cpumask *m)
{
	return cpumask_next_from(0, m) == NR_CPUS;
}

#define for_each_cpu(cpu, mask) \
	for ((cpu) = cpumask_next_from(0, (mask)); (cpu) < NR_CPUS; \
	     (cpu) = cpumask_next_from((cpu) + 1, (mask)))

#endif /* RUNTIME_LIB_CPUMASK_H */
