/* SPDX-License-Identifier: MIT */
/*
 * The ownership oracle.
 *
 * What.  A shadow word for each frame says who has it now, or who freed it last:
 *
 *	bit 63     owned
 *	bit 62     head of its block
 *	bit 61     the owner was an interrupt
 *	53..60     CPU of the allocation, or of the free
 *	49..52     order of the block
 *	40..48     low bits of page->generation of the block's head
 *	0..39      number of the operation, counted by the CPU
 *
 * The word is also the ticket that the owner keeps.  No two allocations of a frame have the same
 * one: CPU and operation number differ, or at least the generation.
 *
 * States of a frame.  never used (0) -> owned -> freed -> owned ...
 *
 * Invariants.
 *   I1  An allocation finds every frame of its block not owned.
 *   I2  A free finds on the head the ticket, on the tails the ticket without the head bit.
 *   I3  The head's page->generation does not change while the block is owned.
 *   I4  The stamps in the first and last 8 bytes of a block are there at the free as they were
 *       written at the allocation.
 *
 * Locking.  None, and none is wanted: an oracle that orders the CPUs hides the races it is there to
 * find.  The shadow words are exchanged relaxed, which is enough: if the allocator is right, the
 * free of a frame happens before its next allocation by the allocator's own locks, and coherence
 * then shows the later exchange what the earlier one wrote.  If it is wrong, a stale or torn
 * hand-over is exactly what must be seen.  ThreadSanitizer takes no order from relaxed
 * exchanges.  The stamps are plain stores on purpose: two owners without an order between them
 * are a race that ThreadSanitizer reports.
 *
 * Context.  Any of a CPU.  Failure.  A finding panics, with both histories.
 * Costs.  One exchange per frame and hand-over; the words are mapped lazily.
 * See also.  tests/unit/test_harness_oracle.c has a test for each invariant.
 */
#include "stress/harness/oracle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "mm/page/page_alloc.h"
#include "runtime/hostmem.h"
#include "runtime/preempt.h"

#define W_OWNED		(1ULL << 63)
#define W_HEAD		(1ULL << 62)
#define W_IRQ		(1ULL << 61)
#define W_CPU_SHIFT	53
#define W_ORDER_SHIFT	ORACLE_ORDER_SHIFT
#define W_GEN_SHIFT	40
#define W_GEN_MASK	0x1ffu
#define W_OP_MASK	((1ULL << 40) - 1)

_Static_assert(NR_CPUS <= 256, "the record has 8 bits for the CPU");
_Static_assert(MAX_PAGE_ORDER < 16, "the record has 4 bits for the order");

/*
 * Blocks of one operation in so many are stamped, in every build: a stamp touches the block's
 * memory, which costs more than the allocation.  Single pages are checked for their zone as often.
 */
#define SAMPLE_PERIOD	8

struct oracle_cpu {
	s64 pages;		/* allocated minus freed here; this CPU writes, in any context */
} __cacheline_aligned;

static u64 *shadow;			/* [max_pfn]; NULL: only count */
static unsigned long shadow_frames;
static struct oracle_cpu counts[NR_CPUS];

__attribute__((noreturn)) static void report_panic(const char *text)
{
	panic("%s", text);
}

static void (*report_fn)(const char *text) = report_panic;

void oracle_set_report(void (*report)(const char *text))
{
	report_fn = report ? report : report_panic;
}

/* One line on a record, for people. */
static const char *describe(u64 word, char *buf, size_t size)
{
	if (!word) {
		snprintf(buf, size, "never allocated");
		return buf;
	}
	snprintf(buf, size, "%s by cpu %u%s, operation %llu, order %u, generation ..%u%s",
		 word & W_OWNED ? "allocated" : "freed", (unsigned int)(word >> W_CPU_SHIFT & 0xff),
		 word & W_IRQ ? " in interrupt" : "", (unsigned long long)(word & W_OP_MASK),
		 (unsigned int)(word >> W_ORDER_SHIFT & 0xf),
		 (unsigned int)(word >> W_GEN_SHIFT & W_GEN_MASK),
		 word & W_HEAD ? "" : ", not the first page of its block");
	return buf;
}

/* Reports @what about a frame: what this CPU does now, and what the frame's record says. */
__cold __noinline static void finding(const struct page *page, const char *what, u64 mine,
				      u64 found)
{
	char text[480], a[120], b[120];

	snprintf(text, sizeof(text), "oracle: pfn %#lx: %s; now: %s; on record: %s",
		 page_to_pfn(page), what, describe(mine, a, sizeof(a)),
		 describe(found, b, sizeof(b)));
	report_fn(text);
}

static u64 make_record(const struct page *page, unsigned int order, u64 op, u64 flags)
{
	u64 generation = READ_ONCE(page->generation) & W_GEN_MASK;

	if (in_interrupt())
		flags |= W_IRQ;
	return flags | (u64)smp_processor_id() << W_CPU_SHIFT | (u64)order << W_ORDER_SHIFT |
	       generation << W_GEN_SHIFT | (op & W_OP_MASK);
}

static void count_pages(long delta)
{
	owner_add(counts[smp_processor_id()].pages, delta);
}

/* Relaxed, see Locking above. */
static inline u64 exchange(u64 *at, u64 word)
{
	return __atomic_exchange_n(at, word, __ATOMIC_RELAXED);
}

/* ---- stamps ---- */

static u64 stamp_of(u64 ticket, unsigned long pfn)
{
	u64 x = ticket ^ (u64)pfn << 32;

	return splitmix64(&x);
}

static inline bool is_sampled(u64 ticket)
{
	return (ticket & W_OP_MASK) % SAMPLE_PERIOD == 0;
}

static u64 *last_word(u64 *first, unsigned int order)
{
	return first + (PAGE_SIZE << order) / sizeof(*first) - 1;
}

/* Plain accesses, see Locking above.  A HIGHMEM block has no address and no stamp. */
static void check_zeroed(struct page *page, unsigned int order, u64 ticket)
{
	u64 *first = page_address(page);

	if (first && (*first || *last_word(first, order)))
		finding(page, "a block asked for with __GFP_ZERO is not zero", ticket, 0);
}

static void write_stamps(struct page *page, unsigned int order, u64 ticket)
{
	u64 *first = page_address(page);

	if (!first)
		return;
	*first = stamp_of(ticket, page_to_pfn(page));
	*last_word(first, order) = ~*first;
}

static void check_stamps(struct page *page, unsigned int order, u64 ticket)
{
	u64 *first = page_address(page);
	u64 stamp;

	if (!first)
		return;
	stamp = stamp_of(ticket, page_to_pfn(page));
	if (*first != stamp || *last_word(first, order) != ~stamp)
		finding(page, "its contents changed under the owner's hands (I4)", ticket,
			READ_ONCE(shadow[page_to_pfn(page)]));
}

/* ---- the two hand-overs ---- */

/* What the allocator promises about a fresh block, beyond that nobody else has it. */
static void check_block(const struct page *page, gfp_t gfp, unsigned int order, u64 ticket)
{
	unsigned long pfn = page_to_pfn(page), last = pfn + (1UL << order) - 1;

	if (pfn & ((1UL << order) - 1))
		finding(page, "the block is not aligned to its size", ticket, 0);
	if (last >= shadow_frames || page_zone(page) != page_zone(page + (last - pfn)))
		finding(page, "the block reaches out of its zone", ticket, 0);
	if (page_zone(page)->type > gfp_zone(gfp))
		finding(page, "the zone is above the highest that the flags allow", ticket, 0);
}

oracle_ticket_t oracle_alloc(struct page *page, gfp_t gfp, unsigned int order, u64 op)
{
	u64 *words = shadow, ticket, found;

	count_pages(1L << order);
	if (!words)
		return (u64)order << W_ORDER_SHIFT;
	ticket = make_record(page, order, op, W_OWNED | W_HEAD);
	if (page_count(page) != 1)
		finding(page, "the reference count is not 1", ticket, 0);
	if (unlikely(order) || is_sampled(ticket))
		check_block(page, gfp, order, ticket);
	words += page_to_pfn(page);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		found = exchange(&words[i], i ? ticket & ~W_HEAD : ticket);
		if (unlikely(found & W_OWNED))		/* I1 */
			finding(page + i, "handed out while somebody owns it (I1)", ticket, found);
	}
	if (gfp & __GFP_ZERO)
		check_zeroed(page, order, ticket);
	if (is_sampled(ticket))
		write_stamps(page, order, ticket);
	return ticket;
}

void oracle_free(struct page *page, unsigned int order, oracle_ticket_t ticket, u64 op)
{
	u64 *words = shadow, record, found;

	count_pages(-(1L << order));
	if (!words)
		return;
	record = make_record(page, order, op, W_HEAD);
	if (oracle_ticket_order(ticket) != order) {
		/* How many words to look at is then anybody's guess. */
		finding(page, "freed with another order than it was allocated with (I2)", record,
			ticket);
		return;
	}
	words += page_to_pfn(page);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		found = exchange(&words[i], i ? record & ~W_HEAD : record);
		if (unlikely(found != (i ? ticket & ~W_HEAD : ticket)))
			finding(page + i, found & W_OWNED ? "freed by who does not own it (I2)" :
				"freed twice (I2)", record, found);
	}
	if ((record ^ ticket) >> W_GEN_SHIFT & W_GEN_MASK)
		finding(page, "changed hands while it was owned (I3)", record, ticket);
	if (is_sampled(ticket))
		check_stamps(page, order, ticket);
}

long oracle_pages(void)
{
	s64 sum = 0;

	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		sum += READ_ONCE(counts[cpu].pages);
	return (long)sum;
}

int oracle_boot(bool check)
{
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		counts[cpu].pages = 0;
	shadow_frames = max_pfn;
	shadow = NULL;
	if (!check)
		return 0;
	shadow = hostmem_alloc(shadow_frames * sizeof(*shadow));
	return shadow ? 0 : -ENOMEM;
}

void oracle_shutdown(void)
{
	if (shadow)
		hostmem_free(shadow, shadow_frames * sizeof(*shadow));
	shadow = NULL;
}
