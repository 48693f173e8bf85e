/* SPDX-License-Identifier: MIT */
/*
 * tune_store.h - every result of a tuning, in memory and in a state file.
 *
 * A state file is what a killed run goes on from and what shards are merged with: lines of JSON,
 * the first one says what was measured on, every other one is a result.  It is appended to after
 * each result, so a kill costs the measurements that were under way.
 */
#ifndef STRESS_TUNE_TUNE_STORE_H
#define STRESS_TUNE_TUNE_STORE_H

#include <stdio.h>

#include "stress/tune/tune_source.h"

#define TUNE_STATE_SCHEMA	"kmemlab-tune-state/1"

struct tune_result_entry {
	u32 point;
	struct tune_window window;
	struct tune_metrics m;
};

struct tune_store {
	const struct tune_space *space;
	const struct tune_source *sources;	/* [nr_sources] */
	u32 nr_sources;
	struct tune_result_entry *entries;
	u32 nr;
	u32 *last;		/* [space->nr] index + 1 of the point's last entry, 0: none */
	u32 *before;		/* [nr] the entry of the same point before it, likewise */
	u32 nr_foreign;		/* results in files that are of no point of the space */
	FILE *out;		/* state file, or NULL */
};

void tune_store_init(struct tune_store *store, const struct tune_space *space,
		     const struct tune_source *sources, u32 nr_sources);
void tune_store_destroy(struct tune_store *store);

/* The result, or NULL when it is not known yet. */
const struct tune_metrics *tune_store_find(const struct tune_store *store, u32 point,
					   const struct tune_window *window);

/* Keeps a result and writes it to the state file.  A known one is left as it is. */
void tune_store_add(struct tune_store *store, u32 point, const struct tune_window *window,
		    const struct tune_metrics *m);

/*
 * Reads the results of a state file.  A last line without its end is what a kill leaves behind and
 * is dropped.  0; -EINVAL when the file is of another input, seed or version, or no state file:
 * "FILE:LINE: what is wrong; what to do" in @err.
 */
__must_check int tune_store_load(struct tune_store *store, const char *path,
				 struct tune_error *err);

/*
 * Makes @path the state file: its results are read when it is there, and every new one is appended
 * from now on.  0 or -errno as tune_store_load().
 */
__must_check int tune_store_open(struct tune_store *store, const char *path,
				 struct tune_error *err);

#endif /* STRESS_TUNE_TUNE_STORE_H */
