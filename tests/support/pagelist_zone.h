/* SPDX-License-Identifier: MIT */
/* A zone for the tests of the page-list engine: it hands out numbered blocks and remembers. */
#ifndef TESTS_SUPPORT_PAGELIST_ZONE_H
#define TESTS_SUPPORT_PAGELIST_ZONE_H

#include "percpu/pagelist.h"

#define PAGELIST_ZONE_BLOCKS	20000
#define PAGELIST_ZONE_LOG	20000

/* Any block can pose as any order; blocks are numbered by their place in block[]. */
struct pagelist_zone {
	struct list_head block[PAGELIST_ZONE_BLOCKS];
	unsigned int next;		/* first block never handed out */
	unsigned int supply;		/* most blocks per refill */
	unsigned int want, refills;	/* the last request, and how many there were */
	unsigned int spills, pages;	/* lock holds, and pages that came back */
	unsigned int log[PAGELIST_ZONE_LOG], nr_log;	/* blocks in the order they came back */
	unsigned int cleared;		/* calls of clear_below_high */
	u32 hints;
};

extern struct pagelist_zone zone;
extern struct pagelist_tunables tun;
extern struct pagelist *pl;
extern const struct pagelist_ops pagelist_zone_ops;

/* Group set-up and tear-down: a machine of one CPU, played by the test thread itself. */
int pagelist_zone_boot(void **state);
int pagelist_zone_shutdown(void **state);

/* A fresh zone, the preset of @policy, and a pagelist with this window. */
void pagelist_zone_start(enum pagelist_policy policy, int high_min, int high_max, int batch);

/* Every test ends here: nothing lost, and the validator agrees. */
void pagelist_zone_finish(void);

/* The owner's lock, which must be free. */
void own_lock(void) __acquires(pl->lock);

/* Alloc and free of a movable block, with lock and rest. */
struct list_head *get_order(unsigned int order);
void put_order(struct list_head *entry, unsigned int order);

/* Frees of blocks that come from elsewhere: one, @n of order 0, @n of any order. */
void put_new(unsigned int order);
void put_many(unsigned int n);
void free_run(unsigned int order, unsigned int n);

#endif /* TESTS_SUPPORT_PAGELIST_ZONE_H */
