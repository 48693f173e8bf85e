/* SPDX-License-Identifier: MIT */
/*
 * The layout of objects in slabs: alignment, guards, free pointer, order, colour.
 *
 * What.  A slot, from its start, with everything a debug cache may have:
 *
 *	| left red zone | object ... pad | right red zone | free pointer | slab_meta | pad |
 *	^ slot          ^ what users get                  ^ + offset     ^ + meta
 *	|<------------------------------- size ------------------------------------------>|
 *
 * Without debugging, constructor or SLAB_TYPESAFE_BY_RCU the free pointer lies in the object
 * itself and a slot is just the object, rounded up to the alignment.
 *
 * Order.  The smallest that holds enough objects (four per bit of the number of CPUs) and wastes
 * at most 1/16 of the slab, else 1/8, else 1/4, and is at most 3; else the smallest that holds one.
 *
 * Colour.  Slab number k starts its first slot k * colour_off bytes into the slab, modulo what is
 * left over.  That leaves sizes that are powers of two alone: all their objects start at the same
 * few sets of the host's caches, and a batch of a thousand 4096-byte objects misses the second
 * level on every first word.  SLAB_COLOUR_OBJECTS makes such slots one line longer, which spreads
 * the starts over all sets, for at most 1/16 more memory.
 *
 * See also.  linux: mm/slub.c, calculate_sizes() and calculate_order(); Bonwick 1994, section 4.1.
 */
#include <errno.h>

#include "mm/slab/slab_impl.h"

#define SLUB_MAX_ORDER		3
/* Below this size a line per object is more than 1/16 of it. */
#define STRIDE_MIN_SIZE		1024

static int order_for(unsigned int size, unsigned int order_min, unsigned int fraction)
{
	unsigned int order;

	for (order = order_min; order <= SLUB_MAX_ORDER; order++) {
		size_t bytes = PAGE_SIZE << order;

		if (bytes % size <= bytes / fraction)
			return (int)order;
	}
	return -1;
}

int slab_calculate_order(unsigned int size, unsigned int nr_cpus)
{
	unsigned int most = max((unsigned int)(PAGE_SIZE << SLUB_MAX_ORDER) / size, 1u);
	unsigned int objects = min(4 * (fls64(nr_cpus) + 1), most);
	unsigned int order_min = get_order((size_t)objects * size);
	int order;

	for (unsigned int fraction = 16; fraction > 1; fraction /= 2) {
		order = order_for(size, order_min, fraction);
		if (order >= 0)
			return order;
	}
	order = (int)get_order(size);
	return order <= MAX_PAGE_ORDER ? order : -1;
}

unsigned int slab_calculate_alignment(slab_flags_t flags, unsigned int align, unsigned int size)
{
	unsigned int line = CACHE_LINE;

	if (flags & SLAB_HWCACHE_ALIGN) {
		/* Two small objects may share a line, if neither crosses into another. */
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return (unsigned int)align_up(max(align, (unsigned int)sizeof(void *)), sizeof(void *));
}

/* Guards, free pointer and meta data around the object; returns the bytes of a slot. */
static unsigned int lay_out_slot(struct kmem_cache *s)
{
	bool debug = s->flags & SLAB_DEBUG_FLAGS;
	unsigned int word = sizeof(void *);
	unsigned int size = (unsigned int)align_up(s->object_size, word);

	s->red_left = 0;
	s->inuse = size;
	if (s->flags & SLAB_RED_ZONE) {
		/* A guard of at least one word, also when the object fills its words. */
		s->red_left = (unsigned int)align_up(word, s->align);
		size += word;
	}
	s->offset = 0;
	if (debug || s->ctor || (s->flags & SLAB_TYPESAFE_BY_RCU)) {
		/* What the user or a constructor wrote must survive the free. */
		s->offset = size;
		size += word;
	}
	s->meta = 0;
	if (debug) {
		s->meta = size;
		size += (unsigned int)sizeof(struct slab_meta);
	}
	if (debug)
		s->inuse = s->object_size;
	return (unsigned int)align_up(size + s->red_left, s->align);
}

/* One line more per slot where all objects would start at the same sets. */
static void widen_stride(struct kmem_cache *s)
{
	unsigned int wide = s->size + CACHE_LINE;

	if (s->size < STRIDE_MIN_SIZE || s->size % STRIDE_MIN_SIZE || s->align > CACHE_LINE ||
	    s->size >= PAGE_SIZE << (SLUB_MAX_ORDER - 1))
		return;
	s->size = (unsigned int)align_up(wide, s->align);
}

int slab_calculate_sizes(struct kmem_cache *s, enum slab_colour colour)
{
	int order;

	s->align = slab_calculate_alignment(s->flags, s->align, s->object_size);
	s->size = lay_out_slot(s);
	if (colour >= SLAB_COLOUR_OBJECTS)
		widen_stride(s);
	order = slab_calculate_order(s->size, nr_cpu_ids);
	if (order < 0)
		return -EINVAL;
	s->order = (unsigned int)order;
	s->order_min = get_order(s->size);
	s->colour_off = colour >= SLAB_COLOUR_SLABS ? max(s->align, (unsigned int)CACHE_LINE) : 0;
	return 0;
}
