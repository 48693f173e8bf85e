/* SPDX-License-Identifier: MIT */
/*
 * The depot: full and empty arrays of objects that all CPUs share; a barn is a depot per node.
 *
 * Whole arrays change hands, so one hold of the lock pays for as many objects as an array has
 * rounds.  The lists remember how short they were in an interval: what was never needed is the
 * surplus that a reap may give back (Bonwick and Adams, "Magazines and Vmem", 2001).
 */
#ifndef PERCPU_DEPOT_H
#define PERCPU_DEPOT_H

#include "runtime/spinlock.h"

/*
 * An array of objects.  The header is one word, so that 2^n - 1 rounds fill whole cache lines.
 * On a list of a depot it is either full or empty; the number of rounds is the cache's.
 */
struct magazine {
	struct magazine *next;		/* on a depot's list */
	void *objs[];
};

static inline size_t magazine_bytes(u32 rounds)
{
	return sizeof(struct magazine) + rounds * sizeof(void *);
}

/* A stack of arrays that knows how short it was.  @nr is read by reports while the owner writes. */
struct magazine_list {
	struct magazine *first;
	u32 nr;
	u32 min;			/* least @nr in this interval */
	u32 reap_limit;			/* least @nr in the last one */
};

static inline void magazine_list_push(struct magazine_list *list, struct magazine *mag)
{
	mag->next = list->first;
	list->first = mag;
	WRITE_ONCE(list->nr, list->nr + 1);
}

static inline struct magazine *magazine_list_pop(struct magazine_list *list)
{
	struct magazine *mag = list->first;

	if (!mag)
		return NULL;
	list->first = mag->next;
	WRITE_ONCE(list->nr, list->nr - 1);
	list->min = min(list->min, list->nr);
	return mag;
}

/* Takes @n arrays as a chain. */
static inline struct magazine *magazine_list_take(struct magazine_list *list, u32 n)
{
	struct magazine *chain = NULL, *mag;

	for (; n && (mag = magazine_list_pop(list)); n--) {
		mag->next = chain;
		chain = mag;
	}
	return chain;
}

/* Ends an interval of the working set. */
static inline void magazine_list_update(struct magazine_list *list)
{
	list->reap_limit = list->min;
	list->min = list->nr;
}

/* Takes what the last two intervals did not need; it must not count as surplus again. */
static inline struct magazine *magazine_list_reap(struct magazine_list *list)
{
	u32 n = min(list->reap_limit, list->min);

	list->reap_limit = 0;
	return magazine_list_take(list, n);
}

struct depot {
	spinlock_t lock;		/* rank RANK_DEPOT; any context, irqs masked */
	struct magazine_list full, empty;	/* (lock) */
	u32 full_max, empty_max;	/* (lock) */
	u64 contention;			/* (lock) tries that failed and had to wait */
	u64 contention_seen;		/* (lock) at the last update */
	u64 nr_ops;			/* (lock) acquisitions by CPUs that exchange */
	u64 nr_reaped;			/* (lock) arrays given back by reaping */
};

void depot_init(struct depot *d, const char *name);
void depot_destroy(struct depot *d);
void depot_set_limits(struct depot *d, u32 full_max, u32 empty_max);

/*
 * Takes a full array, or NULL when there is none.  When one is taken, *@empty (may be NULL) goes
 * to the depot and becomes NULL; above the limit it stays, and the caller frees it.
 */
struct magazine *depot_get_full(struct depot *d, struct magazine **empty);

enum depot_result {
	DEPOT_OK,			/* exchanged */
	DEPOT_NO_EMPTY,			/* nothing changed: no empty array here, nor brought */
	DEPOT_LIMIT,			/* nothing changed: full_max full arrays are here */
};

/*
 * Gives @full (may be NULL) and takes an empty array into *@empty, unless the caller brings its
 * own there.
 */
enum depot_result depot_put_full(struct depot *d, struct magazine *full, struct magazine **empty);

/* Leaves a spare empty or full array; false above the limit. */
bool depot_add_empty(struct depot *d, struct magazine *empty);
bool depot_add_full(struct depot *d, struct magazine *full);
/* Takes an empty array, or NULL. */
struct magazine *depot_get_empty(struct depot *d);

/* Everything, for a purge: the two lists as chains. */
struct depot_contents {
	struct magazine *full, *empty;
};
struct depot_contents depot_take_all(struct depot *d);

/*
 * Ends an interval of the working set.  Returns how often the lock was found taken in it.
 */
u64 depot_update(struct depot *d);
/* Takes what was not needed in the last two intervals. */
struct depot_contents depot_reap(struct depot *d);

#endif /* PERCPU_DEPOT_H */
