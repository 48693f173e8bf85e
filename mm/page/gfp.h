/* SPDX-License-Identifier: MIT */
/*
 * gfp.h - the allocation flags (gfp_t), their composites, and their text form.
 *
 * Bit positions are those of an x86-64 Linux 6.18 (include/linux/gfp_types.h). They move between
 * kernel releases, so a recorded trace is read by flag name, never by number.
 */
#ifndef MM_PAGE_GFP_H
#define MM_PAGE_GFP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t gfp_t;

/* Zone modifiers: which zone the request prefers. */
#define __GFP_DMA		((gfp_t)1 << 0)
#define __GFP_HIGHMEM		((gfp_t)1 << 1)
#define __GFP_DMA32		((gfp_t)1 << 2)
#define __GFP_MOVABLE		((gfp_t)1 << 3)	/* also: pages can be migrated */
#define GFP_ZONEMASK		(__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)

/* Mobility and placement. */
#define __GFP_RECLAIMABLE	((gfp_t)1 << 4)
#define __GFP_WRITE		((gfp_t)1 << 12)	/* the caller will dirty the page */
#define __GFP_HARDWALL		((gfp_t)1 << 20)	/* stay inside the cpuset */
#define __GFP_THISNODE		((gfp_t)1 << 21)	/* no fallback to another node */
#define __GFP_ACCOUNT		((gfp_t)1 << 22)	/* charge to the task's cgroup */

/* Watermarks: access to the reserves. */
#define __GFP_HIGH		((gfp_t)1 << 5)	/* may use half of the min reserve */
#define __GFP_MEMALLOC		((gfp_t)1 << 17)	/* may use all of the reserves */
#define __GFP_NOMEMALLOC	((gfp_t)1 << 19)	/* never the reserves; beats MEMALLOC */

/* Reclaim. */
#define __GFP_IO		((gfp_t)1 << 6)
#define __GFP_FS		((gfp_t)1 << 7)
#define __GFP_DIRECT_RECLAIM	((gfp_t)1 << 10)	/* the caller may block and reclaim */
#define __GFP_KSWAPD_RECLAIM	((gfp_t)1 << 11)	/* wake kswapd below the low mark */
#define __GFP_RECLAIM		(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define __GFP_RETRY_MAYFAIL	((gfp_t)1 << 14)
#define __GFP_NOFAIL		((gfp_t)1 << 15)
#define __GFP_NORETRY		((gfp_t)1 << 16)

/* Action. */
#define __GFP_ZERO		((gfp_t)1 << 8)
#define __GFP_NOWARN		((gfp_t)1 << 13)
#define __GFP_COMP		((gfp_t)1 << 18)	/* make a compound page */
#define __GFP_ZEROTAGS		((gfp_t)1 << 23)
#define __GFP_NO_OBJ_EXT	((gfp_t)1 << 24)

/*
 * Flags that a kernel has only in some configurations. They have no effect here, but traces of
 * such kernels name them, so each needs a bit.
 */
#define __GFP_SKIP_ZERO		((gfp_t)1 << 25)
#define __GFP_SKIP_KASAN	((gfp_t)1 << 26)
#define __GFP_NOLOCKDEP		((gfp_t)1 << 27)

/*
 * Names of older kernels that current ones dropped without a successor: bits above the kernel's.
 * __GFP_COLD prefers a cache-cold page (tail of the per-CPU list); __GFP_NO_GROW forbids a slab
 * cache to take new pages.
 */
#define __GFP_COLD		((gfp_t)1 << 28)
#define __GFP_NO_GROW		((gfp_t)1 << 29)

#define __GFP_BITS_SHIFT	30
#define __GFP_BITS_MASK		(((gfp_t)1 << __GFP_BITS_SHIFT) - 1)

/*
 * Older names with a successor. __GFP_WAIT meant "may sleep and reclaim", which became
 * __GFP_RECLAIM in 4.4; __GFP_REPEAT became __GFP_RETRY_MAYFAIL in 4.13; __GFP_ATOMIC, gone since
 * 6.3, only marked requests that also carried __GFP_HIGH.
 */
#define __GFP_WAIT		__GFP_RECLAIM
#define __GFP_REPEAT		__GFP_RETRY_MAYFAIL
#define __GFP_ATOMIC		__GFP_HIGH

/* Composites: what callers normally write. */
#define GFP_ATOMIC		(__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_NOWAIT		(__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO		(__GFP_RECLAIM)
#define GFP_NOFS		(__GFP_RECLAIM | __GFP_IO)
#define GFP_KERNEL		(__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_USER		(GFP_KERNEL | __GFP_HARDWALL)
#define GFP_DMA			__GFP_DMA
#define GFP_DMA32		__GFP_DMA32
#define GFP_HIGHUSER		(GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE	(GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_TRANSHUGE_LIGHT	((GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOMEMALLOC | \
				  __GFP_NOWARN) & ~__GFP_RECLAIM)
#define GFP_TRANSHUGE		(GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM)

/**
 * gfp_parse - read the text form of a flag set.
 * @s:   "A|B|C" of flag and composite names as the kernel's trace events print them; "none" is the
 *       empty set; an item may be a hexadecimal remainder such as 0x200.
 * @len: length of @s in bytes; @s need not be terminated.
 * @out: receives the union of all items that are known, also when false is returned.
 *
 * Returns true when every item is known. Any context, any thread, no locks; the last few texts are
 * remembered per thread, so a repeated text costs one comparison.
 */
bool gfp_parse(const char *s, size_t len, gfp_t *out);

/**
 * gfp_format - print a flag set as the kernel's trace events do.
 * @gfp:  the flags.
 * @buf:  receives the terminated text, cut when it does not fit; may be NULL when @size is 0.
 * @size: size of @buf in bytes.
 *
 * The largest matching composite comes first, then single flags in bit order, then unnamed bits in
 * hexadecimal; the empty set is "none". Returns the length of the whole text, as snprintf() does.
 * Follows include/trace/events/mmflags.h. Any context, no locks.
 */
size_t gfp_format(gfp_t gfp, char *buf, size_t size);

/* True when the allocation may sleep and reclaim in the caller's context. */
static inline bool gfp_can_block(gfp_t gfp)
{
	return (gfp & __GFP_DIRECT_RECLAIM) != 0;
}

/* True when the allocation wakes kswapd at the low watermark. */
static inline bool gfp_wakes_kswapd(gfp_t gfp)
{
	return (gfp & __GFP_KSWAPD_RECLAIM) != 0;
}

/* True when reclaim on behalf of this request may start block I/O. */
static inline bool gfp_can_io(gfp_t gfp)
{
	return (gfp & __GFP_IO) != 0;
}

/* True when reclaim on behalf of this request may call into a file system. */
static inline bool gfp_can_fs(gfp_t gfp)
{
	return (gfp & __GFP_FS) != 0;
}

/* True when the request may dip into the min reserve and must not sleep (GFP_ATOMIC). */
static inline bool gfp_is_atomic(gfp_t gfp)
{
	return (gfp & (__GFP_HIGH | __GFP_DIRECT_RECLAIM)) == __GFP_HIGH;
}

/* True when the whole reserve is open to the request; __GFP_NOMEMALLOC beats __GFP_MEMALLOC. */
static inline bool gfp_may_use_all_reserves(gfp_t gfp)
{
	return (gfp & (__GFP_MEMALLOC | __GFP_NOMEMALLOC)) == __GFP_MEMALLOC;
}

/*
 * The migrate type the flags ask for: 0 unmovable, 1 movable, 2 reclaimable. The two mobility bits
 * lie side by side in the order of the types. Both together are a caller's bug, and unmovable is
 * the answer that breaks nothing.
 */
static inline int gfp_migratetype(gfp_t gfp)
{
	unsigned int mobility = (gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3;

	return mobility == 3 ? 0 : (int)mobility;
}

#endif /* MM_PAGE_GFP_H */
