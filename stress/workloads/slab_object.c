/* SPDX-License-Identifier: MIT */
/*
 * The ownership oracle for slab objects.
 *
 * What.  A table of records beside the machine's memory, one word for each 8 bytes of it, of which
 * the word of an object's first byte is used: who owns it, or who freed it.  The owner keeps the
 * record as its ticket.  The object's contents are filled with a pattern made of ticket and place:
 * small objects whole, large ones at both ends.
 *
 * States of a record.  0 -> owned <-> freed.
 *
 * Invariants.
 *   I1  Who is given an object finds a record that says that nobody owns it.
 *   I2  Who frees an object finds its own ticket.
 *   I3  Between the two the contents stay as the owner wrote them.
 *   I4  An object comes out of a cache with a constructor as the constructor left it.
 *   I5  An object lies in a slab of the cache that it was asked from.
 *
 * Locking.  Records are exchanged relaxed, so the oracle adds no order that could hide a race; the
 * contents are plain accesses on purpose: two owners without an order between them are a race that
 * ThreadSanitizer reports.
 * Context.  Any of a CPU.  Failure.  A finding panics, with both histories.
 * See also.  tests/mt/test_stress_slab.c; stress/harness/oracle.c does the same for frames.
 */
#include "stress/workloads/slab_object.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/hostmem.h"
#include "runtime/preempt.h"

#define T_OWNED		(1ULL << 63)
#define T_IRQ		(1ULL << 62)
#define T_CPU_SHIFT	54
#define T_OP_MASK	((1ULL << 46) - 1)

_Static_assert(NR_CPUS <= 256, "the record has 8 bits for the CPU");

/* Objects up to this size are stamped whole, of larger ones so many words at each end. */
#define STAMP_WHOLE	512u
#define STAMP_WORDS	8u

struct live_count {
	s64 objects;
} __cacheline_aligned;

static u64 *records;			/* NULL: only count */
static size_t record_bytes;
static struct live_count live[NR_CPUS];

__attribute__((noreturn)) static void report_panic(const char *text)
{
	panic("%s", text);
}

static void (*report_fn)(const char *text) = report_panic;

void slab_oracle_set_report(void (*report)(const char *text))
{
	report_fn = report ? report : report_panic;
}

static const char *describe(u64 word, char *buf, size_t size)
{
	if (!word) {
		snprintf(buf, size, "never allocated");
		return buf;
	}
	snprintf(buf, size, "%s by cpu %u%s, operation %llu",
		 word & T_OWNED ? "allocated" : "freed",
		 (unsigned int)(word >> T_CPU_SHIFT & 0xff), word & T_IRQ ? " in interrupt" : "",
		 (unsigned long long)(word & T_OP_MASK));
	return buf;
}

__cold __noinline static void finding(const struct slab_object *o, const char *what, u64 mine,
				      u64 found)
{
	char text[480], a[120], b[120];

	snprintf(text, sizeof(text), "slab oracle: %s object %p of %u bytes: %s; now: %s; on "
		 "record: %s", o->s ? o->s->name : "kmalloc", o->p, o->size, what,
		 describe(mine, a, sizeof(a)), describe(found, b, sizeof(b)));
	report_fn(text);
}

static u64 make_record(u64 op, u64 flags)
{
	return flags | (in_interrupt() ? T_IRQ : 0) | (u64)smp_processor_id() << T_CPU_SHIFT |
	       (op & T_OP_MASK);
}

static u64 *record_of(const void *p)
{
	return &records[(size_t)((const char *)p - direct_map) / sizeof(u64)];
}

/* Relaxed, see Locking above. */
static inline u64 exchange(u64 *at, u64 word)
{
	return __atomic_exchange_n(at, word, __ATOMIC_RELAXED);
}

static void count_live(s64 delta)
{
	/* Atomic: an interrupt may come between the load and the store. */
	fetch_add_relaxed(&live[smp_processor_id()].objects, delta);
}

/* ---- constructed state ---- */

void slab_ctor_built(void *p)
{
	struct slab_built *built = p;

	built->self = (u64)(uintptr_t)p ^ SLAB_CTOR_MASK;
	built->idle = 0;
}

void slab_ctor_shared(void *p)
{
	struct slab_shared *shared = p;

	/* Atomic: readers may still look at the object that was here before the free. */
	WRITE_ONCE(shared->self, (u64)(uintptr_t)p ^ SLAB_CTOR_MASK);
	WRITE_ONCE(shared->key, 0);
	WRITE_ONCE(shared->refs, 0);
}

static bool is_constructed(const struct slab_object *o)
{
	const u64 self = (u64)(uintptr_t)o->p ^ SLAB_CTOR_MASK;
	const struct slab_built *built = o->p;
	const struct slab_shared *shared = o->p;

	if (o->kind == SLAB_CTOR)
		return built->self == self && built->idle == 0;
	if (o->kind == SLAB_RCU)
		return READ_ONCE(shared->self) == self && READ_ONCE(shared->refs) == 0;
	return true;
}

/* ---- contents ---- */

/* Words [*from, *to) and [*again, *end) of the object carry the pattern. */
struct stamped {
	u32 from, to, again, end;
};

static struct stamped stamped_words(const struct slab_object *o)
{
	u32 first = o->kind == SLAB_CTOR ? sizeof(struct slab_built) / sizeof(u64) :
		    o->kind == SLAB_RCU ? sizeof(struct slab_shared) / sizeof(u64) : 0;
	u32 words = o->size / sizeof(u64);

	if (words <= first)
		return (struct stamped){ 0, 0, 0, 0 };
	if (o->size <= STAMP_WHOLE)
		return (struct stamped){ first, words, words, words };
	return (struct stamped){
		first, STAMP_WORDS, words - STAMP_WORDS, words
	};
}

static inline u64 stamp(const struct slab_object *o, u32 word)
{
	return (o->ticket ^ (u64)(uintptr_t)o->p) + word * 0x9e3779b97f4a7c15ULL;
}

static void write_stamps(const struct slab_object *o)
{
	const struct stamped w = stamped_words(o);
	u64 *at = o->p;

	for (u32 i = w.from; i < w.to; i++)
		at[i] = stamp(o, i);
	for (u32 i = w.again; i < w.end; i++)
		at[i] = stamp(o, i);
}

static void check_zeroed(const struct slab_object *o)
{
	const struct stamped w = stamped_words(o);
	const u64 *at = o->p;
	u64 bits = 0;

	for (u32 i = w.from; i < w.to; i++)
		bits |= at[i];
	for (u32 i = w.again; i < w.end; i++)
		bits |= at[i];
	if (bits)
		finding(o, "asked for with __GFP_ZERO and not zero", o->ticket, 0);
}

void slab_oracle_check(const struct slab_object *o)
{
	const struct stamped w = stamped_words(o);
	const u64 *at = o->p;
	u64 wrong = 0;

	if (!records)
		return;
	for (u32 i = w.from; i < w.to; i++)
		wrong |= at[i] ^ stamp(o, i);
	for (u32 i = w.again; i < w.end; i++)
		wrong |= at[i] ^ stamp(o, i);
	if (unlikely(wrong))					/* I3 */
		finding(o, "its contents changed under the owner's hands (I3)", o->ticket,
			READ_ONCE(*record_of(o->p)));
}

/* ---- the two hand-overs ---- */

void slab_oracle_alloc(struct slab_object *o, u64 op)
{
	u64 found;

	count_live(1);
	o->ticket = 0;
	if (!records)
		return;
	o->ticket = make_record(op, T_OWNED);
	found = exchange(record_of(o->p), o->ticket);
	if (unlikely(found & T_OWNED))				/* I1 */
		finding(o, "handed out while somebody owns it (I1)", o->ticket, found);
	if (unlikely(o->s && virt_to_page(o->p)->private != (unsigned long)o->s))	/* I5 */
		finding(o, "it lies in a slab of another cache (I5)", o->ticket, found);
	if (unlikely(!is_constructed(o)))			/* I4 */
		finding(o, "it is not in its constructed state (I4)", o->ticket, found);
	if (o->zeroed)
		check_zeroed(o);
	write_stamps(o);
	if (o->kind == SLAB_CTOR)
		((struct slab_built *)o->p)->idle = o->ticket;
}

void slab_oracle_free(const struct slab_object *o, u64 op)
{
	u64 record, found;

	count_live(-1);
	if (!records)
		return;
	slab_oracle_check(o);
	if (o->kind == SLAB_CTOR)
		((struct slab_built *)o->p)->idle = 0;
	record = make_record(op, 0);
	found = exchange(record_of(o->p), record);
	if (unlikely(found != o->ticket))			/* I2 */
		finding(o, found & T_OWNED ? "freed by who does not own it (I2)" :
			"freed twice (I2)", record, found);
}

void slab_object_free(const struct slab_object *o, u64 op)
{
	slab_oracle_free(o, op);
	if (o->s)
		kmem_cache_free(o->s, o->p);
	else
		kfree(o->p);
}

s64 slab_oracle_live(void)
{
	s64 sum = 0;

	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		sum += READ_ONCE(live[cpu].objects);
	return sum;
}

int slab_oracle_boot(bool check)
{
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		live[cpu].objects = 0;
	records = NULL;
	if (!check)
		return 0;
	record_bytes = max_pfn * PAGE_SIZE;
	records = hostmem_alloc(record_bytes);
	return records ? 0 : -ENOMEM;
}

void slab_oracle_shutdown(void)
{
	if (records)
		hostmem_free(records, record_bytes);
	records = NULL;
}
