/* SPDX-License-Identifier: MIT */
/*
 * What one operation of stress-pages does, cut out of one random word.
 *
 * Drawing once per operation instead of once per question matters in the tsan build, where each of
 * a draw's eight accesses to the stream's state is checked.
 */
#ifndef STRESS_WORKLOADS_PAGES_PICK_H
#define STRESS_WORKLOADS_PAGES_PICK_H

#include "mm/page/gfp.h"
#include "mm/page/page.h"

/* The fields of the word: first bit, number of bits.  Every operation asks for the first three. */
#define PICK_RARE	0, 12
#define PICK_AWAY	12, 2
#define PICK_BULK	14, 6
/* An allocation asks for these ... */
#define PICK_ORDER	20, 12
#define PICK_GFP	32, 4
#define PICK_ZERO	36, 4
#define PICK_COMP	40, 1
#define PICK_DMA	41, 8
#define PICK_MASKED	49, 2
#define PICK_SPLIT	51, 4
#define PICK_NODE	55, 3
/* ... and a free for these. */
#define PICK_REMOTE	20, 3
#define PICK_COLD	23, 5
#define PICK_GET	28, 5
#define PICK_INDEX	33, 31

static inline u32 __pick(u64 word, unsigned int first, unsigned int bits)
{
	return (u32)(word >> first) & ((1u << bits) - 1);
}

/* The value of a field; true in one of 2^bits operations. */
#define pick(word, field)	__pick((word), field)
#define pick_once(word, field)	(__pick((word), field) == 0)

/* An index below @nr, which is not 0. */
static inline unsigned int pick_index(u64 word, unsigned int nr)
{
	return (unsigned int)((u64)pick(word, PICK_INDEX) * nr >> 31);
}

/*
 * Mostly single pages.  With @big also orders 4 and up, rarely: a block of order 10 is as many
 * pages as a thousand other requests.
 */
static inline unsigned int pick_order(u64 word, bool big)
{
	unsigned int r = pick(word, PICK_ORDER);

	if (r < 3600)
		return 0;
	if (r < 3810)
		return 1;
	if (r < 3950)
		return 2;
	if (r < 4062 || !big)
		return 3;
	if (r < 4090)
		return 4 + r % 5;
	return r < 4094 ? HPAGE_PMD_ORDER : MAX_PAGE_ORDER;
}

static inline gfp_t pick_gfp(u64 word, unsigned int order)
{
	static const gfp_t mix[16] = {
		GFP_KERNEL, GFP_KERNEL | __GFP_NORETRY, GFP_KERNEL | __GFP_NORETRY,
		GFP_HIGHUSER_MOVABLE | __GFP_NORETRY, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY,
		GFP_HIGHUSER_MOVABLE | __GFP_NORETRY, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY,
		GFP_ATOMIC, GFP_ATOMIC, GFP_NOWAIT, GFP_USER | __GFP_NORETRY,
		GFP_NOFS | __GFP_RECLAIMABLE | __GFP_NORETRY, GFP_NOIO | __GFP_NORETRY,
		GFP_NOWAIT | __GFP_RECLAIMABLE, GFP_NOWAIT | GFP_DMA32,
		GFP_NOWAIT | __GFP_HIGH | __GFP_NOMEMALLOC,
	};
	gfp_t gfp = mix[pick(word, PICK_GFP)] | __GFP_NOWARN;

	if (pick_once(word, PICK_DMA))
		return GFP_NOWAIT | GFP_DMA;
	if (pick_once(word, PICK_ZERO) && !(gfp & __GFP_HIGHMEM))
		gfp |= __GFP_ZERO;
	if (order && pick(word, PICK_COMP))
		gfp |= __GFP_COMP;
	return gfp;
}

#endif /* STRESS_WORKLOADS_PAGES_PICK_H */
