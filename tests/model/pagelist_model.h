/* SPDX-License-Identifier: MIT */
/*
 * A naive model of one CPU's page lists and of the zone behind them.
 *
 * Arrays, numbered blocks, one sentence of the rules at a time; shares no line with the engine.
 * Both sides of the comparison use this zone: it hands out and takes back blocks first in, first
 * out, and logs every refill and spill.
 */
#ifndef TESTS_MODEL_PAGELIST_MODEL_H
#define TESTS_MODEL_PAGELIST_MODEL_H

#include "percpu/pagelist.h"

#define NR_BLOCKS	6000	/* of each size */
#define NR_SIZES	5	/* orders 0, 1, 2, 3, 9 */
#define NR_IDS		(NR_BLOCKS * NR_SIZES)
#define LOG_MAX		8000

extern const unsigned int model_orders[NR_SIZES];

/* A zone: per block size a queue of block numbers. */
struct queue {
	int id[NR_BLOCKS];
	int head, len;
};

struct side_log {
	int n;
	int word[LOG_MAX];	/* refill: -1, want, got; spill: -2, then the blocks */
};

struct side {
	struct queue zone[NR_SIZES];
	struct side_log log;
	u32 hints;
};

/* What both sides read but never change within an operation. */
struct world {
	int supply;		/* blocks the zone gives at most in a refill */
	bool clears;		/* the zone is above its high mark again */
};

extern struct world world;

void side_reset(struct side *s);
unsigned int order_of_id(int id);
void log_word(struct side *s, int word);
int zone_get(struct side *s, unsigned int order);	/* -1: none left */
void zone_put(struct side *s, int id);

/* The model; set policy, window and batch directly. */
struct model {
	int list[NR_PCP_LISTS][NR_IDS];	/* [0] is the head */
	int len[NR_PCP_LISTS];
	enum pagelist_policy policy;
	int count, high, high_min, high_max, batch;
	int free_count, alloc_factor, free_factor;
	bool prev_high_order, free_high_batch;
	int expire;
};

extern struct model m;
extern struct side ideal;	/* the model's zone */

/* The operations; results as the engine's. */
int model_alloc(unsigned int order, unsigned int migratetype);
void model_free(int id, unsigned int migratetype, bool may_spill);
bool model_decay(void);
bool model_expire_tick(bool local);
void model_drain(int max);

#endif /* TESTS_MODEL_PAGELIST_MODEL_H */
