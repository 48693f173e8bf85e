/* SPDX-License-Identifier: MIT */
/*
 * Magazines: what an alloc does when both arrays and the depot are empty.
 *
 * The object comes from the backing store, with a few more for the loaded magazine: as many as
 * import_batch says (1 is what Solaris does).  Full magazines arise from frees only, so the
 * magazines never hold more than what was once allocated, plus a batch.
 */
#include "percpu/objcache_impl.h"

/* Puts objs[1..got) into the loaded magazine so that they come out in order; returns how many. */
static unsigned int stow(struct objcache_cpu *cc, void **objs, unsigned int got)
{
	unsigned int room, n;

	if (!cc->loaded)
		return 0;
	room = cc->cap - cc->rounds;
	n = min(got - 1, room);
	for (unsigned int i = 0; i < n; i++)
		cc->objs[cc->rounds + i] = objs[n - i];
	WRITE_ONCE(cc->rounds, cc->rounds + n);
	return n;
}

/* The first magazine of a CPU: without it a batch would have no place. */
static u32 ensure_loaded(struct objcache *oc, struct cpu *cpu, struct objcache_cpu *cc, u32 was)
{
	u32 cap = cc->cap, gen = cc->gen;
	struct magazine *mag;

	objcache_unmask(cpu, was);
	mag = oc->ops->mag_alloc(oc, cap);
	was = objcache_mask(cpu);
	if (!mag) {
		owner_inc(cc->stats.mag_failed);
		return was;
	}
	owner_inc(cc->stats.mags_new);
	if (objcache_place_empty(oc, cc, mag, gen))
		return was;
	owner_inc(cc->stats.mags_freed);
	objcache_unmask(cpu, was);
	oc->ops->mag_free(oc, mag, cap);
	return objcache_mask(cpu);
}

void *magazine_import(struct objcache *oc, struct cpu *cpu, u32 was, u32 flags)
{
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	unsigned int got, stowed = 0, want = min(oc->tun.import_batch, cc->cap);
	void *objs[OBJCACHE_IMPORT_MAX];

	if (unlikely(!cc->loaded) && want > 1)
		was = ensure_loaded(oc, cpu, cc, was);
	if (!cc->loaded)
		want = 1;
	objcache_unmask(cpu, was);
	got = oc->ops->import(oc, objs, clamp(want, 1u, (unsigned int)OBJCACHE_IMPORT_MAX), flags);

	was = objcache_mask(cpu);
	owner_inc(cc->stats.imports);
	owner_add(cc->stats.imported, got);
	if (got > 1)
		stowed = stow(cc, objs, got);
	if (unlikely(got > 1 + stowed)) {
		owner_inc(cc->stats.releases);
		owner_add(cc->stats.released, got - 1 - stowed);
	}
	objcache_unmask(cpu, was);
	/* Handlers filled the magazine, or it was taken away meanwhile. */
	if (unlikely(got > 1 + stowed))
		oc->ops->release(oc, objs + 1 + stowed, got - 1 - stowed);
	return got ? objs[0] : NULL;
}
