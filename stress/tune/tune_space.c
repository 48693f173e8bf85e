/* SPDX-License-Identifier: MIT */
/*
 * tune_space.c - the settings that the tuner tries.
 *
 * What.  Baselines are settings as they come: no cache at all, the presets, Linux as it ships.
 * Behind them stand the blocks: for each policy every combination of the values of its sizes, less
 * those that make no sense (a batch above high).  Values double from one to the next, because that
 * is how costs react: half a batch is twice the transfers.  Sizes like a batch of Linux are one
 * less than a power of two.
 *
 * The baseline of slab caches.  Linux 6.1 has no arrays of objects but per-CPU slabs and a list of
 * partial ones whose length was chosen so that about 120, 52, 24 or 6 objects (by size) wait per
 * CPU; what is beyond goes to the node under its list_lock, for nothing is shared in between.  The
 * nearest thing here are sheaves whose two arrays hold as many (60, 28, 12, 4 objects each) over a
 * barn that keeps nothing.
 *
 * Invariants.  I1  Points and their order are a function of kind and grid.
 * Locking.  None.  Context.  Host thread.  Failure.  Too little memory panics.
 * See also.  tests/unit/test_tune_space.c, docs/tune.md.
 */
#include "stress/tune/tune_space.h"

#include <errno.h>
#include <stdio.h>

#include "stress/report/array.h"

static const struct {
	const char *name, *unit;
} fields[NR_TUNE_FIELDS] = {
	[TUNE_BATCH] = { "batch", "pages" },
	[TUNE_HIGH] = { "high", "pages" },
	[TUNE_WINDOW] = { "window", "x high" },
	[TUNE_FRACTION] = { "fraction", "1/zone" },
	[TUNE_SCALE] = { "scale", "log2" },
	[TUNE_ROUNDS] = { "rounds", "objects" },
	[TUNE_DEPOT] = { "depot", "arrays" },
	[TUNE_STASH] = { "stash", "objects" },
	[TUNE_IMPORT] = { "import", "objects" },
};

const char *tune_field_name(enum tune_field field)
{
	return fields[field].name;
}

const char *tune_field_unit(enum tune_field field)
{
	return fields[field].unit;
}

/* ---- blocks and baselines ---- */

struct block {
	const char *policy;
	u32 nr_dims;
	enum tune_field dim[TUNE_DIMS_MAX];
	bool settable;		/* Linux can be set so */
	bool by_size;		/* slab: rounds by object size */
	bool optional;		/* only when asked for by name */
};

static const struct block page_blocks[] = {
	{ "fixed", 2, { TUNE_BATCH, TUNE_HIGH }, false, false, false },
	{ "linux-6.1", 3, { TUNE_BATCH, TUNE_HIGH, TUNE_SCALE }, false, false, false },
	{ "linux-6.18", 4, { TUNE_BATCH, TUNE_HIGH, TUNE_WINDOW, TUNE_SCALE }, false, false,
	  false },
	/* What can be set on a running or rebuilt kernel: no batch. */
	{ "linux-6.18", 2, { TUNE_FRACTION, TUNE_SCALE }, true, false, false },
	{ "linux-7.2", 4, { TUNE_BATCH, TUNE_HIGH, TUNE_WINDOW, TUNE_SCALE }, false, false, true },
};

static const struct block slab_blocks[] = {
	{ "magazines", 4, { TUNE_ROUNDS, TUNE_DEPOT, TUNE_STASH, TUNE_IMPORT }, false, false,
	  false },
	{ "magazines", 3, { TUNE_DEPOT, TUNE_STASH, TUNE_IMPORT }, false, true, false },
	{ "bonwick", 2, { TUNE_ROUNDS, TUNE_DEPOT }, false, false, false },
	{ "sheaves", 2, { TUNE_ROUNDS, TUNE_DEPOT }, false, false, false },
	{ "sheaves", 1, { TUNE_DEPOT }, false, true, false },
};

struct baseline {
	const char *name, *policy;
	u32 depot;		/* or TUNE_UNSET */
	bool settable;
};

static const struct baseline page_baselines[] = {
	{ "none", "none", TUNE_UNSET, false },
	{ "fixed", "fixed", TUNE_UNSET, false },
	{ "linux-6.1", "linux-6.1", TUNE_UNSET, false },
	{ "linux-6.18 auto", "linux-6.18", TUNE_UNSET, true },
};

static const struct baseline slab_baselines[] = {
	{ "none", "none", TUNE_UNSET, false },
	{ "kmemlab default", "magazines", TUNE_UNSET, false },
	{ "linux-6.1 equivalent", "sheaves", 0, false },
	{ "linux-6.18", "sheaves-32", TUNE_UNSET, true },
	{ "linux-7.2", "sheaves", TUNE_UNSET, false },
	{ "Bonwick", "bonwick", TUNE_UNSET, false },
};

/* Index of the linux-6.1 line in both tables. */
#define REFERENCE	2u

struct kind {
	const struct block *blocks;
	u32 nr_blocks;
	const struct baseline *baselines;
	u32 nr_baselines;
	const char *names;
};

static const struct kind kinds[] = {
	[TUNE_PAGES] = { page_blocks, ARRAY_SIZE(page_blocks), page_baselines,
			 ARRAY_SIZE(page_baselines), "fixed,linux-6.1,linux-6.18,linux-7.2" },
	[TUNE_SLAB] = { slab_blocks, ARRAY_SIZE(slab_blocks), slab_baselines,
			ARRAY_SIZE(slab_baselines), "magazines,bonwick,sheaves" },
};

/* True when the comma-separated @list holds @name. */
static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		size_t word = strcspn(list, ",");

		if (word == len && strncmp(list, name, len) == 0)
			return true;
		list += word + (list[word] == ',');
	}
	return false;
}

bool tune_policy_known(enum tune_kind kind, const char *name, const char **names)
{
	*names = kinds[kind].names;
	return list_has(kinds[kind].names, name);
}

/* ---- axes ---- */

void tune_grid_default(struct tune_grid *grid, enum tune_kind kind)
{
	static const char *const texts[][NR_TUNE_FIELDS] = {
		[TUNE_PAGES] = {
			[TUNE_BATCH] = "7,15,31,63,127,255", [TUNE_HIGH] = "64..8192",
			[TUNE_WINDOW] = "1,4,16", [TUNE_FRACTION] = "8..16384",
			[TUNE_SCALE] = "0,1,2,3,4,5,6",
		},
		[TUNE_SLAB] = {
			[TUNE_ROUNDS] = "7,15,31,63,127,255", [TUNE_DEPOT] = "0,5,10,20,40",
			[TUNE_STASH] = "0,256,1024", [TUNE_IMPORT] = "1,4,16,64",
		},
	};

	*grid = (struct tune_grid){ .policies = NULL };
	for (unsigned int i = 0; i < NR_TUNE_FIELDS; i++)
		if (texts[kind][i])
			BUG_ON(tune_axis_parse(&grid->axis[i], texts[kind][i], 0, UINT32_MAX - 1));
}

/* Reads a number at *@text and moves behind it; UINT64_MAX: there is none. */
static u64 take_number(const char **text)
{
	u64 n = 0;

	if (**text < '0' || **text > '9')
		return UINT64_MAX;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		n = min(n * 10 + (u64)(**text - '0'), (u64)UINT32_MAX);
	return n;
}

static bool axis_add(struct tune_axis *axis, u64 value, u32 low, u32 high)
{
	if (value < low || value > high || axis->nr == TUNE_AXIS_MAX)
		return false;
	if (axis->nr && axis->v[axis->nr - 1] >= value)
		return false;
	axis->v[axis->nr++] = (u32)value;
	return true;
}

/* "16..1024" after its first number. */
static bool axis_range(struct tune_axis *axis, u64 from, const char **text, u32 low, u32 high)
{
	u64 to;

	*text += 2;
	to = take_number(text);
	if (!from || to == UINT64_MAX || to < from)
		return false;
	for (u64 v = from; v < to; v *= 2)
		if (!axis_add(axis, v, low, high))
			return false;
	return axis_add(axis, to, low, high);
}

int tune_axis_parse(struct tune_axis *axis, const char *text, u32 low, u32 high)
{
	struct tune_axis new = { .nr = 0 };

	for (;;) {
		u64 value = take_number(&text);
		bool ok = value != UINT64_MAX;

		if (ok && strncmp(text, "..", 2) == 0)
			ok = axis_range(&new, value, &text, low, high);
		else
			ok = ok && axis_add(&new, value, low, high);
		if (!ok)
			return -EINVAL;
		if (!*text)
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	*axis = new;
	return 0;
}

/* ---- points ---- */

static struct tune_point *add_point(struct tune_space *space, const char *policy)
{
	struct tune_point *p = array_add(space->points, space->nr);

	snprintf(p->setting.policy, sizeof(p->setting.policy), "%s", policy);
	for (unsigned int i = 0; i < NR_TUNE_FIELDS; i++)
		p->setting.v[i] = TUNE_UNSET;
	return p;
}

/* A batch fits below high; an import, with the object that is handed out, into an array. */
static bool makes_sense(const struct tune_setting *s)
{
	const u32 *v = s->v;

	if (v[TUNE_BATCH] != TUNE_UNSET && v[TUNE_HIGH] != TUNE_UNSET &&
	    v[TUNE_HIGH] < v[TUNE_BATCH])
		return false;
	return v[TUNE_IMPORT] == TUNE_UNSET || v[TUNE_ROUNDS] == TUNE_UNSET || !v[TUNE_ROUNDS] ||
	       v[TUNE_IMPORT] <= v[TUNE_ROUNDS] + 1;
}

static void add_block(struct tune_space *space, const struct block *block, u32 number)
{
	u64 nr = 1;

	for (u32 d = 0; d < block->nr_dims; d++)
		nr *= space->grid.axis[block->dim[d]].nr;
	for (u64 i = 0; i < nr; i++) {
		struct tune_point *p = add_point(space, block->policy);
		u64 rest = i;

		p->block = number;
		p->settable = block->settable;
		p->nr_dims = block->nr_dims;
		for (u32 d = block->nr_dims; d-- > 0;) {
			const struct tune_axis *axis = &space->grid.axis[block->dim[d]];

			p->dim[d] = block->dim[d];
			p->at[d] = (u32)(rest % axis->nr);
			p->setting.v[block->dim[d]] = axis->v[rest % axis->nr];
			rest /= axis->nr;
		}
		if (block->by_size)
			p->setting.v[TUNE_ROUNDS] = 0;
		if (!makes_sense(&p->setting))
			space->nr--;
	}
}

static bool same_setting(const struct tune_setting *a, const struct tune_setting *b)
{
	return memcmp(a->v, b->v, sizeof(a->v)) == 0 && strcmp(a->policy, b->policy) == 0;
}

/* A setting that two blocks have is tried once. */
static void drop_doubles(struct tune_space *space)
{
	u32 nr = 0;

	for (u32 i = 0; i < space->nr; i++) {
		bool seen = false;

		for (u32 j = 0; j < nr && !seen; j++)
			seen = same_setting(&space->points[j].setting, &space->points[i].setting);
		if (!seen)
			space->points[nr++] = space->points[i];
	}
	space->nr = nr;
}

/* A cache of Linux may ask for a capacity; the limits of a barn are constants. */
#define LINUX_BARN	10u

static void finish_points(struct tune_space *space)
{
	for (u32 i = 0; i < space->nr; i++) {
		struct tune_point *p = &space->points[i];
		const u32 *v = p->setting.v;

		tune_setting_text(&p->setting, p->key);
		if (!p->baseline && strcmp(p->setting.policy, "sheaves") == 0)
			p->settable = v[TUNE_DEPOT] == LINUX_BARN && v[TUNE_ROUNDS];
	}
}

void tune_space_make(struct tune_space *space, enum tune_kind kind, const struct tune_grid *grid)
{
	const struct kind *k = &kinds[kind];

	*space = (struct tune_space){
		.kind = kind, .grid = *grid, .nr_baselines = k->nr_baselines,
		.reference = REFERENCE,
	};
	for (u32 i = 0; i < k->nr_baselines; i++) {
		struct tune_point *p = add_point(space, k->baselines[i].policy);

		p->baseline = k->baselines[i].name;
		p->settable = k->baselines[i].settable;
		p->block = UINT32_MAX;
		p->setting.v[TUNE_DEPOT] = k->baselines[i].depot;
	}
	for (u32 i = 0; i < k->nr_blocks; i++) {
		const struct block *b = &k->blocks[i];

		if (grid->policies ? list_has(grid->policies, b->policy) : !b->optional)
			add_block(space, b, i);
	}
	drop_doubles(space);
	finish_points(space);
}

void tune_space_destroy(struct tune_space *space)
{
	free(space->points);
	*space = (struct tune_space){ .kind = space->kind };
}

/* ---- texts ---- */

const char *tune_setting_text(const struct tune_setting *s, char buf[TUNE_KEY_MAX])
{
	size_t at = (size_t)snprintf(buf, TUNE_KEY_MAX, "%s", s->policy);

	for (unsigned int i = 0; i < NR_TUNE_FIELDS && at < TUNE_KEY_MAX; i++) {
		u64 v = s->v[i];

		if (v == TUNE_UNSET || i == TUNE_WINDOW)
			continue;
		at += (size_t)snprintf(buf + at, TUNE_KEY_MAX - at, " %s %llu", fields[i].name,
				       (unsigned long long)v);
		if (i == TUNE_HIGH && s->v[TUNE_WINDOW] != TUNE_UNSET && s->v[TUNE_WINDOW] > 1 &&
		    at < TUNE_KEY_MAX)
			at += (size_t)snprintf(buf + at, TUNE_KEY_MAX - at, "..%llu",
					       (unsigned long long)(v * s->v[TUNE_WINDOW]));
	}
	return buf;
}

u32 tune_space_find(const struct tune_space *space, const char *key)
{
	u32 i;

	for (i = 0; i < space->nr; i++)
		if (strcmp(key, space->points[i].key) == 0)
			break;
	return i;
}

u32 tune_space_neighbour(const struct tune_space *space, u32 point, u32 dim, int step)
{
	const struct tune_point *p = &space->points[point];
	u32 i;

	if (dim >= p->nr_dims)
		return space->nr;
	for (i = 0; i < space->nr; i++) {
		const struct tune_point *q = &space->points[i];
		bool found = q->block == p->block && q->nr_dims == p->nr_dims;

		for (u32 d = 0; found && d < p->nr_dims; d++)
			found = (s64)q->at[d] == (s64)p->at[d] + (d == dim ? step : 0);
		if (found)
			break;
	}
	return i;
}
