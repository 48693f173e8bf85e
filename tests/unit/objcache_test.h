/* SPDX-License-Identifier: MIT */
/*
 * A backing store for tests of the object caches: objects are numbers of an array, and each knows
 * whether it is inside the store or out, so that a lost or doubled object is found where it
 * happens.
 */
#ifndef TESTS_UNIT_OBJCACHE_TEST_H
#define TESTS_UNIT_OBJCACHE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "percpu/objcache.h"

#define STORE_OBJECTS	8192
#define STORE_NODES	4

/* Code on a CPU cannot jump back to cmocka: a failed expectation stops the machine. */
#define EXPECT(cond)							\
	do {								\
		if (!(cond))						\
			panic("expected: %s", #cond);			\
	} while (0)

struct store {
	struct objcache oc;
	struct depot depots[STORE_NODES];
	struct objcache_tunables tun;
	spinlock_t lock;
	u32 free[STORE_OBJECTS];	/* (lock) stack of numbers */
	u32 nr_free;			/* (lock) */
	bool out[STORE_OBJECTS];	/* (lock) */
	u64 words[STORE_OBJECTS];	/* the objects */
	u64 nr_arrays;			/* (lock) arrays in use */
	bool no_arrays;			/* mag_alloc fails */
	bool no_objects;		/* import fails */
};

static struct store store;
static const struct lock_class store_lock_class = { .name = "store", .rank = RANK_NODE_LIST };

static inline struct store *store_of(struct objcache *oc)
{
	return container_of(oc, struct store, oc);
}

static inline unsigned int store_import(struct objcache *oc, void **objs, unsigned int nr,
					u32 flags)
{
	struct store *st = store_of(oc);
	unsigned int got = 0;
	unsigned long irq;

	(void)flags;
	spin_lock_irqsave(&st->lock, irq);
	while (got < nr && st->nr_free && !st->no_objects) {
		u32 i = st->free[--st->nr_free];

		EXPECT(!st->out[i]);
		st->out[i] = true;
		objs[got++] = &st->words[i];
	}
	spin_unlock_irqrestore(&st->lock, irq);
	return got;
}

static inline void store_release(struct objcache *oc, void **objs, unsigned int nr)
{
	struct store *st = store_of(oc);
	unsigned long irq;

	spin_lock_irqsave(&st->lock, irq);
	for (unsigned int i = 0; i < nr; i++) {
		u32 n = (u32)((u64 *)objs[i] - st->words);

		EXPECT(n < STORE_OBJECTS && st->out[n]);
		st->out[n] = false;
		st->free[st->nr_free++] = n;
	}
	spin_unlock_irqrestore(&st->lock, irq);
}

static inline struct magazine *store_mag_alloc(struct objcache *oc, u32 rounds)
{
	struct store *st = store_of(oc);
	unsigned long irq;

	if (st->no_arrays)
		return NULL;
	spin_lock_irqsave(&st->lock, irq);
	st->nr_arrays++;
	spin_unlock_irqrestore(&st->lock, irq);
	return malloc(magazine_bytes(rounds));
}

static inline void store_mag_free(struct objcache *oc, struct magazine *mag, u32 rounds)
{
	struct store *st = store_of(oc);
	unsigned long irq;

	(void)rounds;
	spin_lock_irqsave(&st->lock, irq);
	st->nr_arrays--;
	spin_unlock_irqrestore(&st->lock, irq);
	free(mag);
}

static const struct objcache_ops store_ops = {
	.import = store_import, .release = store_release,
	.mag_alloc = store_mag_alloc, .mag_free = store_mag_free,
};

/* Objects outside the store, in caches or with users. */
static inline u32 store_nr_out(void)
{
	return STORE_OBJECTS - store.nr_free;
}

static inline u64 store_nr_cached(void)
{
	struct objcache_sum sum;

	objcache_sum(&store.oc, &sum);
	return sum.cpu_objects + sum.depot_objects;
}

/* On a CPU: a cache of objects of @size bytes with store.tun. */
static inline void store_up(size_t size)
{
	struct objcache_setup setup = {
		.ops = &store_ops, .name = "store", .object_size = size, .tun = &store.tun,
		.depots = store.depots, .nr_depots = 1,
	};

	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		setup.nr_depots = max(setup.nr_depots, (unsigned int)cpus[i].node + 1);
	EXPECT(setup.nr_depots <= STORE_NODES);
	spin_lock_init(&store.lock, &store_lock_class, NULL);
	memset(store.out, 0, sizeof(store.out));
	store.nr_free = STORE_OBJECTS;
	store.nr_arrays = 0;
	store.no_arrays = store.no_objects = false;
	for (u32 i = 0; i < STORE_OBJECTS; i++)
		store.free[i] = STORE_OBJECTS - 1 - i;
	EXPECT(objcache_init(&store.oc, &setup) == 0);
}

/* Everything must be back, and what was counted must add up. */
static inline void store_down(void)
{
	struct objcache_sum sum;

	EXPECT(objcache_is_valid(&store.oc));
	objcache_sum(&store.oc, &sum);
	EXPECT(sum.stats.alloc_hits + sum.stats.alloc_misses ==
	       sum.stats.free_hits + sum.stats.free_misses);
	objcache_disable(&store.oc);
	EXPECT(store.nr_free == STORE_OBJECTS && store.nr_arrays == 0);
	EXPECT(store_nr_cached() == 0);
	objcache_destroy(&store.oc);
}

struct store_test {
	unsigned int nr_cpus, nr_nodes;
	void (*body)(void *arg);	/* on CPU 0; then on @second, if any, CPU 1; and so on */
	void (*second)(void *arg);
	void (*third)(void *arg);
};

static inline void store_test_run(struct store_test t)
{
	struct machine_options opt = {
		.nr_cpus = t.nr_cpus, .nr_nodes = t.nr_nodes, .seed = 1, .no_pin = true,
	};

	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(percpu_boot(64 * 1024), 0);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run(0, t.body, NULL);
	if (t.second)
		cpu_run(1, t.second, NULL);
	if (t.third)
		cpu_run(0, t.third, NULL);
	machine_stop_cpus();
	percpu_shutdown();
	machine_shutdown();
}

#endif /* TESTS_UNIT_OBJCACHE_TEST_H */
