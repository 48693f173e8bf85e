/* SPDX-License-Identifier: MIT */
/* What the engines of the object caches share; internal to percpu. */
#ifndef PERCPU_OBJCACHE_IMPL_H
#define PERCPU_OBJCACHE_IMPL_H

#include "percpu/objcache.h"

/* Tries of a miss before it goes past the arrays: interrupts may undo each of its steps. */
#define OBJCACHE_TRIES	8

/* The depot this CPU exchanges with: magazines have one per cache, sheaves one per node. */
struct depot *objcache_depot(const struct objcache *oc, const struct cpu *cpu);

/* All of the following: owner CPU, interrupts masked. */

/* Makes @mag with @rounds objects the loaded array; the old one becomes the previous. */
void objcache_load(const struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
		   u32 rounds);
/* Exchanges loaded and previous. */
void objcache_swap(const struct objcache *oc, struct objcache_cpu *cc);
/* Sets the loaded array; NULL: none. */
void objcache_set_loaded(const struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
			 u32 rounds);
/*
 * Finds a place for an empty array on this CPU: loaded, previous or depot.  False: nowhere, or the
 * arrays were given up since @gen was read; the caller frees it.
 */
bool objcache_place_empty(struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
			  u32 gen);

/*
 * The rest of a miss once no array helps.  Called with interrupts masked, @was being the mask
 * before; returns with the mask as before.  NULL when the owner has no object.
 */
void *magazine_import(struct objcache *oc, struct cpu *cpu, u32 was, u32 flags);
void *sheaf_refill(struct objcache *oc, struct cpu *cpu, u32 was, u32 flags);

#endif /* PERCPU_OBJCACHE_IMPL_H */
