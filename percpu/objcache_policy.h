/* SPDX-License-Identifier: MIT */
/*
 * Object-cache policies: which engine stands in front of a cache, and every size it uses.
 *
 * A policy is an engine (magazines, sheaves or none) and a preset of its sizes; each size can be
 * changed by name.  Sizes of 0 mean "by the size of the object", see objcache_rounds_default().
 */
#ifndef PERCPU_OBJCACHE_POLICY_H
#define PERCPU_OBJCACHE_POLICY_H

#include "runtime/lib/types.h"

enum objcache_policy {
	OBJCACHE_NONE,		/* "none": every operation reaches the backing store */
	OBJCACHE_MAGAZINES,	/* "magazines": the default, sized for this kind of machine */
	OBJCACHE_BONWICK,	/* "bonwick": magazines with the sizes of Solaris and illumos */
	OBJCACHE_SHEAVES,	/* "sheaves": Linux 7.2, capacity by object size */
	OBJCACHE_SHEAVES_32,	/* "sheaves-32": Linux 6.18's capacity for caches that ask */
	NR_OBJCACHE_POLICIES
};

/* What stands between a CPU and the backing store when its two arrays do not help. */
enum objcache_kind {
	OBJCACHE_KIND_NONE,
	OBJCACHE_KIND_MAGAZINE,	/* one depot per cache, resizing, working-set reaping */
	OBJCACHE_KIND_SHEAF,	/* one barn per node with fixed limits, refill to capacity */
};

/* Most rounds of one magazine or sheaf: with its header it then fills 8 KiB. */
#define OBJCACHE_ROUNDS_MAX	1023
/* Most objects one miss may take from the backing store outside a sheaf: they wait on the stack. */
#define OBJCACHE_IMPORT_MAX	64

struct objcache_tunables {
	u32 policy;		/* enum objcache_policy the rest was preset from */
	u32 kind;		/* enum objcache_kind */
	u32 rounds;		/* objects per magazine or sheaf; 0: by object size */
	u32 rounds_max;		/* resizing stops here; 0: by object size */
	u32 stash_objects;	/* objects a CPU keeps in full arrays of its own before the depot */
	u32 full_max;		/* full arrays per depot or barn; more go to the backing store */
	u32 empty_max;		/* empty arrays per depot or barn; more are freed */
	u32 import_batch;	/* objects taken per miss (magazines), 1..OBJCACHE_IMPORT_MAX */
	u32 flush_chunk;	/* objects given back per hold of the backing store's lock */
	u32 contention_max;	/* failed tries on the depot lock per interval that grow it */
	u32 reap_interval_ms;	/* time between two updates of the working set */
};

const char *objcache_policy_name(enum objcache_policy policy);
/* The policy of a name, or -EINVAL. */
int objcache_policy_by_name(const char *name);

void objcache_tunables_preset(struct objcache_tunables *tun, enum objcache_policy policy);

/* One size, for option parsers and help texts. */
struct objcache_tunable_info {
	const char *name, *unit, *help;
	size_t offset;
	u32 min, max;
};

extern const struct objcache_tunable_info objcache_tunable_info[];
extern const unsigned int nr_objcache_tunables;

/*
 * Sets the size called @name: 0, -ENOENT (no such size) or -ERANGE.  On a copy; the cache takes it
 * over with objcache_configure().
 */
__must_check int objcache_tunable_set(struct objcache_tunables *tun, const char *name, u32 value);
u32 objcache_tunable_get(const struct objcache_tunables *tun,
			 const struct objcache_tunable_info *info);

/* Rounds to start with, and to stop growing at, for objects of @size bytes. */
u32 objcache_rounds_default(const struct objcache_tunables *tun, size_t size);
u32 objcache_rounds_limit(const struct objcache_tunables *tun, size_t size);
/* The next larger magazine type, or @rounds when there is none. */
u32 objcache_rounds_next(u32 rounds);

#endif /* PERCPU_OBJCACHE_POLICY_H */
