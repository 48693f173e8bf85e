/* SPDX-License-Identifier: MIT */
/*
 * tune_space.h - the settings that the tuner tries: baselines, and a grid of blocks.
 *
 * A block is one policy and the values that are tried for each of its sizes; a point is one
 * setting.  Order and number of the points depend on the grid alone, so that shards and a resumed
 * run agree about them without talking to each other.
 */
#ifndef STRESS_TUNE_TUNE_SPACE_H
#define STRESS_TUNE_TUNE_SPACE_H

#include "runtime/lib/types.h"

enum tune_kind {
	TUNE_PAGES,		/* per-CPU page lists */
	TUNE_SLAB,		/* per-CPU caches of the slab allocator */
};

/* A size that is left to the policy. */
#define TUNE_UNSET	UINT32_MAX
/* Longest text of a setting, with its terminating zero. */
#define TUNE_KEY_MAX	104

enum tune_field {
	/* Page lists. */
	TUNE_BATCH,		/* pages per transfer */
	TUNE_HIGH,		/* most pages on a list; lower end of a tuned window */
	TUNE_WINDOW,		/* upper end of the window = this x high; 1: no tuning */
	TUNE_FRACTION,		/* vm.percpu_pagelist_high_fraction; 0: tuning on */
	TUNE_SCALE,		/* largest transfer is batch << this */
	/* Slab caches. */
	TUNE_ROUNDS,		/* objects per magazine or sheaf; 0: by object size */
	TUNE_DEPOT,		/* full (and empty) arrays per depot or barn */
	TUNE_STASH,		/* objects in full arrays of a CPU's own */
	TUNE_IMPORT,		/* objects per miss from the slabs (magazines) */
	NR_TUNE_FIELDS
};

struct tune_setting {
	char policy[16];
	u32 v[NR_TUNE_FIELDS];	/* or TUNE_UNSET */
};

/* Most values of one size in a grid. */
#define TUNE_AXIS_MAX	32

struct tune_axis {
	u32 v[TUNE_AXIS_MAX];	/* rising */
	u32 nr;
};

struct tune_grid {
	struct tune_axis axis[NR_TUNE_FIELDS];
	const char *policies;	/* "fixed,linux-6.1": only these blocks; NULL: all but 7.2 */
};

/* Sizes that one policy has. */
#define TUNE_DIMS_MAX	4

struct tune_point {
	struct tune_setting setting;
	char key[TUNE_KEY_MAX];	/* its text */
	const char *baseline;	/* what it is a baseline for: "linux-6.1"; NULL: of the grid */
	u32 block;		/* points of one block differ in dims only */
	u32 nr_dims;
	enum tune_field dim[TUNE_DIMS_MAX];
	u32 at[TUNE_DIMS_MAX];	/* index in the axis of each */
	bool settable;		/* Linux can be set so */
};

struct tune_space {
	enum tune_kind kind;
	struct tune_grid grid;
	struct tune_point *points;	/* baselines first */
	u32 nr, nr_baselines;
	u32 reference;		/* the baseline that all are compared with */
};

/* "batch", "high", ... and its unit; both for reports. */
const char *tune_field_name(enum tune_field field);
const char *tune_field_unit(enum tune_field field);

/* The default grid of a kind. */
void tune_grid_default(struct tune_grid *grid, enum tune_kind kind);

/*
 * Reads "15,31,63" or "16..1024" (doubling; both ends are values) into @axis.  Values lie in
 * [@low, @high].  0, or -EINVAL with @axis unchanged.
 */
__must_check int tune_axis_parse(struct tune_axis *axis, const char *text, u32 low, u32 high);

/*
 * True when @name is a policy that has a block of this kind; *@names receives all of them,
 * separated by commas.
 */
bool tune_policy_known(enum tune_kind kind, const char *name, const char **names);

/*
 * Makes all points; @grid is copied, its text must outlive the space.  Policies were checked with
 * tune_policy_known().
 */
void tune_space_make(struct tune_space *space, enum tune_kind kind, const struct tune_grid *grid);
void tune_space_destroy(struct tune_space *space);

/* The setting as people and state files name it: "linux-6.18 batch 63 high 480..1920 scale 5". */
const char *tune_setting_text(const struct tune_setting *s, char buf[TUNE_KEY_MAX]);

/* The point of a text, or space->nr. */
u32 tune_space_find(const struct tune_space *space, const char *key);

/* The point one step of @dim (index into point->dim) away, or space->nr when there is none. */
u32 tune_space_neighbour(const struct tune_space *space, u32 point, u32 dim, int step);

#endif /* STRESS_TUNE_TUNE_SPACE_H */
