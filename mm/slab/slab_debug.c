/* SPDX-License-Identifier: MIT */
/*
 * Debug caches: what is checked about an object at every alloc and free.
 *
 * What.  slab_debug= turns checks on per cache.  A debug cache has no per-CPU layer, so each
 * object passes here on its way out and back:
 *
 *	F  the pointer is the start of an object of this cache, and the object is live (freed
 *	   twice, foreign pointer, wrong cache)
 *	Z  the bytes before and behind the object are as they were (overrun)
 *	P  a free object is as it was left (use after free); new memory is not what it was
 *	U  the last alloc and free: place and CPU, for every report
 *	T  each alloc and free is printed
 *
 * States of an object.  SLAB_OBJ_FREE <-> SLAB_OBJ_LIVE, in its struct slab_meta; generation counts
 * the allocs, so a report says how old the memory's present use is.
 *
 * Invariants.
 *   I1  state == SLAB_OBJ_LIVE from the end of an alloc to the start of its free.
 *   I2  With Z the guards hold RED_FREE or RED_LIVE, as the state says.
 *   I3  With P a free object holds POISON_FREE and, in its last byte, POISON_END; caches with a
 *       constructor or SLAB_TYPESAFE_BY_RCU are not poisoned, for readers may still look.
 *
 * Locking.  None: an object in alloc or free belongs to the caller.  The state changes hands by
 * compare-and-swap, so that of two racing frees one is caught.
 * Context.  Any.  Failure.  A violation panics where it is found, with the object's story.
 * See also.  linux: Documentation/mm/slub.rst.
 */
#include <stdio.h>

#include "mm/slab/slab_impl.h"

#define POISON_FREE	0x6b
#define POISON_END	0xa5
#define POISON_NEW	0x5a
#define RED_FREE	0xbb
#define RED_LIVE	0xcc

/* ---- reports ---- */

static void print_track(const char *what, const struct slab_track *track)
{
	if (!track->site)
		fprintf(stderr, "  %s: never\n", what);
	else
		fprintf(stderr, "  %s: cpu %u at %s:%u in %s()\n", what, track->cpu,
			track->site->file, track->site->line, track->site->func);
}

/* Sixteen bytes around offset @at of the object. */
static void print_bytes(const struct kmem_cache *s, const void *obj, unsigned int at)
{
	unsigned int from = at & ~15u;

	fprintf(stderr, "  bytes at %u:", from);
	for (unsigned int i = from; i < from + 16 && i < s->object_size; i++)
		fprintf(stderr, " %02x", ((const u8 *)obj)[i]);
	fprintf(stderr, "\n");
}

/* True when @obj is the start of an object of @s. */
static bool is_object(const struct kmem_cache *s, const void *obj)
{
	const struct slab *slab;
	unsigned int i;

	if ((unsigned long)((const char *)obj - direct_map) >> PAGE_SHIFT >= max_pfn)
		return false;
	slab = virt_to_slab(obj);
	if (!slab || slab->cache != s ||
	    (const char *)obj < (char *)slab_address(slab) + slab->base + s->red_left)
		return false;
	i = slab_object_index(slab, s, obj);
	return i < slab->nr_objects && slab_object(slab, s, i) == obj;
}

__cold void slab_bug(const struct kmem_cache *s, const void *obj, const struct slab_site *site,
		     const char *what)
{
	fprintf(stderr, "slab: %s: object %p: %s\n", s->name, obj, what);
	if (site)
		fprintf(stderr, "  found: cpu %u at %s:%u in %s()\n", smp_processor_id(),
			site->file, site->line, site->func);
	if (s->meta && is_object(s, obj)) {
		const struct slab_meta *meta = slab_meta_of(s, obj);

		fprintf(stderr, "  generation %u\n", meta->generation);
		print_track("allocated", &meta->alloc);
		print_track("freed", &meta->free);
	}
	panic("slab: %s: object %p: %s", s->name, obj, what);
}

/* ---- guards and poison ---- */

static bool poisons(const struct kmem_cache *s)
{
	return (s->flags & SLAB_POISON) && !s->ctor && !(s->flags & SLAB_TYPESAFE_BY_RCU);
}

static u8 *right_guard(const struct kmem_cache *s, const void *obj)
{
	return (u8 *)(uintptr_t)obj + s->object_size;
}

/* From the end of the object to the free pointer. */
static unsigned int right_guard_size(const struct kmem_cache *s)
{
	return s->offset - s->object_size;
}

static void set_guards(const struct kmem_cache *s, void *obj, u8 value)
{
	if (!(s->flags & SLAB_RED_ZONE))
		return;
	memset((char *)obj - s->red_left, value, s->red_left);
	memset(right_guard(s, obj), value, right_guard_size(s));
}

/* The first byte of [p, p + n) that is not @value, or NULL. */
static const u8 *find_other(const u8 *p, size_t n, u8 value)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != value)
			return p + i;
	return NULL;
}

static void check_guards(const struct kmem_cache *s, const void *obj, u8 value,
			 const struct slab_site *site)
{
	if (!(s->flags & SLAB_RED_ZONE))
		return;
	if (find_other((const u8 *)obj - s->red_left, s->red_left, value))
		slab_bug(s, obj, site, "the bytes before it were overwritten (left red zone)");
	if (find_other(right_guard(s, obj), right_guard_size(s), value))
		slab_bug(s, obj, site, "the bytes behind it were overwritten (right red zone)");
}

static void poison(const struct kmem_cache *s, void *obj)
{
	if (!poisons(s))
		return;
	memset(obj, POISON_FREE, s->object_size);
	((u8 *)obj)[s->object_size - 1] = POISON_END;
}

static void check_poison(const struct kmem_cache *s, const void *obj, const struct slab_site *site)
{
	const u8 *bytes = obj, *bad;

	if (!poisons(s))
		return;
	bad = find_other(bytes, s->object_size - 1, POISON_FREE);
	if (!bad && bytes[s->object_size - 1] != POISON_END)
		bad = bytes + s->object_size - 1;
	if (!bad)
		return;
	print_bytes(s, obj, (unsigned int)(bad - bytes));
	slab_bug(s, obj, site, "written after it was freed (poison overwritten)");
}

/* ---- alloc and free ---- */

void slab_debug_init_object(const struct kmem_cache *s, void *obj)
{
	*slab_meta_of(s, obj) = (struct slab_meta) { .state = SLAB_OBJ_FREE };
	set_guards(s, obj, RED_FREE);
	poison(s, obj);
}

static void remember(const struct kmem_cache *s, struct slab_track *track,
		     const struct slab_site *site, u32 generation)
{
	if (s->flags & SLAB_STORE_USER)
		*track = (struct slab_track) { site, smp_processor_id(), generation };
}

static void trace(const struct kmem_cache *s, const void *obj, const struct slab_site *site,
		  const char *what)
{
	if (s->flags & SLAB_TRACE)
		fprintf(stderr, "slab: TRACE %s %s %p cpu %u at %s:%u\n", s->name, what, obj,
			smp_processor_id(), site ? site->file : "?", site ? site->line : 0);
}

void slab_debug_alloc(struct kmem_cache *s, void *obj, const struct slab_site *site)
{
	struct slab_meta *meta = slab_meta_of(s, obj);
	u32 expected = SLAB_OBJ_FREE;

	if (!is_object(s, obj))
		slab_bug(s, obj, site, "the free list holds what is no object");
	if (!try_cmpxchg(&meta->state, &expected, SLAB_OBJ_LIVE))
		slab_bug(s, obj, site, "handed out while it is live");
	check_guards(s, obj, RED_FREE, site);
	check_poison(s, obj, site);
	meta->generation++;
	remember(s, &meta->alloc, site, meta->generation);
	set_guards(s, obj, RED_LIVE);
	/* What the user reads before writing must not look like the last use of the memory. */
	if (poisons(s))
		memset(obj, POISON_NEW, s->object_size);
	trace(s, obj, site, "alloc");
}

/* Panics unless @obj is a live object of @s; makes it a free one. */
static void retire(struct kmem_cache *s, void *obj, const struct slab_site *site)
{
	const struct slab *slab;
	u32 expected = SLAB_OBJ_LIVE;

	if ((unsigned long)((char *)obj - direct_map) >> PAGE_SHIFT >= max_pfn)
		slab_bug(s, obj, site, "freed, but it lies outside the simulated memory");
	slab = virt_to_slab(obj);
	if (!slab)
		slab_bug(s, obj, site, "freed, but it lies in no slab");
	if (slab->cache != s) {
		fprintf(stderr, "  it belongs to %s\n", slab->cache->name);
		slab_bug(s, obj, site, "freed to a cache that it does not belong to");
	}
	if (!is_object(s, obj))
		slab_bug(s, obj, site, "freed, but it is not the start of an object");
	if (!try_cmpxchg(&slab_meta_of(s, obj)->state, &expected, SLAB_OBJ_FREE))
		slab_bug(s, obj, site, expected == SLAB_OBJ_FREE ? "freed twice" :
			 "its state word was overwritten");
}

void slab_debug_free(struct kmem_cache *s, void *obj, const struct slab_site *site)
{
	struct slab_meta *meta;

	retire(s, obj, site);
	meta = slab_meta_of(s, obj);
	check_guards(s, obj, RED_LIVE, site);
	remember(s, &meta->free, site, meta->generation);
	set_guards(s, obj, RED_FREE);
	poison(s, obj);
	trace(s, obj, site, "free");
}

void slab_debug_check_slab(const struct kmem_cache *s, const struct slab *slab)
{
	for (unsigned int i = 0; i < slab->nr_objects; i++) {
		const void *obj = slab_object(slab, s, i);

		if (READ_ONCE(slab_meta_of(s, obj)->state) != SLAB_OBJ_FREE)
			slab_bug(s, obj, NULL, "live in a slab whose pages are to be freed");
		check_guards(s, obj, RED_FREE, NULL);
		check_poison(s, obj, NULL);
	}
}
