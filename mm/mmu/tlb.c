/* SPDX-License-Identifier: MIT */
/*
 * The simulated TLB: lookup, fill and invalidation.
 *
 * What.  An entry belongs to a life of its ASID: a flush of the whole ASID starts the next life, so
 * that it costs the same for one entry and for a thousand.  Lives are 64-bit numbers and never come
 * back.  The front's keys have room for nine bits only: its salts do come back, so when they run
 * out the whole front is cleared and every ASID gets a new salt.
 *
 * States of an entry.  invalid (life of no ASID) -> valid -> invalid by a flush, an eviction, or
 * the end of its life.
 *
 * Invariants.
 *   I1  A main entry is valid iff entry->life is the life of its ASID (global: life_global).
 *   I2  nr_live[a] is the number of valid entries of ASID a: what a flush drops is counted exactly.
 *   I3  A front key that can match repeats the rights of a valid main entry of the loaded ASID:
 *       whatever invalidates or evicts a main entry clears the front slots of its page.
 *   I4  A wkey is set only when the leaf is dirty already: a write that must set D walks.
 *
 * Locking.  None.  Context.  The CPU itself, interrupts off or inside an access.
 * Failure.  None after boot.
 * Costs.  A hit here about 5 ns; flush of an ASID constant, of a page two sets.
 * See also.  tests/unit/test_tlb.c; Intel SDM volume 3, 4.10.
 */
#include <errno.h>
#include <string.h>

#include "mm/mmu/phys.h"
#include "mm/mmu/tlb.h"
#include "runtime/hostmem.h"

#define TAG_HUGE	1UL

DEFINE_PER_CPU_ALIGNED(struct cpu_tlb, cpu_tlbs);

struct tlb_options tlb_options;
bool tlb_front_off;

/* ---- the front ---- */

static void front_clear_page(struct cpu_tlb *tlb, unsigned long addr)
{
	struct tlb_front *f = &tlb->front[(addr >> PAGE_SHIFT) & (TLB_FRONT_SIZE - 1)];

	f->rkey = TLB_NO_KEY;
	f->wkey = TLB_NO_KEY;
}

static void front_clear_all(struct cpu_tlb *tlb)
{
	/* All ones in both keys; what is in the other words does not matter. */
	memset(tlb->front, 0xff, sizeof(tlb->front));
}

static void set_front_salt(struct cpu_tlb *tlb, unsigned long salt)
{
	tlb->front_salt = tlb_front_off ? 0 : salt << TLB_SALT_SHIFT;
}

/* A salt that no key of the front carries. */
static u16 new_salt(struct cpu_tlb *tlb)
{
	if (tlb->next_salt > TLB_SALT_MAX) {
		front_clear_all(tlb);
		for (unsigned int a = 0; a < TLB_NR_TAGS; a++)
			tlb->salt[a] = (u16)(a + 1);
		tlb->next_salt = TLB_NR_TAGS + 1;
	}
	return tlb->next_salt++;
}

/* Makes every front entry of @asid unreachable. */
static void front_flush_asid(struct cpu_tlb *tlb, unsigned int asid)
{
	tlb->salt[asid] = new_salt(tlb);
	if (tlb->front_salt)
		set_front_salt(tlb, tlb->salt[tlb->asid]);
}

void tlb_front_fill(struct cpu_tlb *tlb, unsigned long addr, const struct tlb_entry *entry)
{
	unsigned long page = addr & PAGE_MASK;
	struct tlb_front *f = &tlb->front[(addr >> PAGE_SHIFT) & (TLB_FRONT_SIZE - 1)];
	unsigned long key = page | tlb->front_salt;
	bool write = (entry->pte & (_PAGE_RW | _PAGE_DIRTY)) == (_PAGE_RW | _PAGE_DIRTY);

	if (!tlb->front_salt || !(entry->pte & _PAGE_USER))
		return;
	f->addend = (unsigned long)tlb_entry_host(entry, page) - page;
	f->rkey = key;
	f->wkey = write ? key : TLB_NO_KEY;			/* I4 */
}

/* ---- entries ---- */

static u64 entry_life(const struct cpu_tlb *tlb, const struct tlb_entry *e)
{
	return e->global ? tlb->life_global : tlb->life[e->asid];
}

static bool entry_valid(const struct cpu_tlb *tlb, const struct tlb_entry *e)
{
	return e->life == entry_life(tlb, e);			/* I1 */
}

static u32 *live_counter(struct cpu_tlb *tlb, const struct tlb_entry *e)
{
	return e->global ? &tlb->nr_live_global : &tlb->nr_live[e->asid];
}

static u32 *huge_counter(struct cpu_tlb *tlb, const struct tlb_entry *e)
{
	return e->global ? &tlb->nr_huge_global : &tlb->nr_huge[e->asid];
}

/* 2 MiB entries that an access under the loaded ASID could hit. */
static bool may_hit_huge(const struct cpu_tlb *tlb)
{
	return unlikely(tlb->nr_huge[tlb->asid] + tlb->nr_huge_global);
}

/* Clears the front of a page that a main entry has just lost: I3. */
static void entry_drop(struct cpu_tlb *tlb, struct tlb_entry *e)
{
	e->life = 0;
	(*live_counter(tlb, e))--;				/* I2 */
	if (e->tag & TAG_HUGE) {
		(*huge_counter(tlb, e))--;
		front_flush_asid(tlb, e->asid);
	} else {
		front_clear_page(tlb, e->tag);
	}
}

static struct tlb_entry *set_of(struct cpu_tlb *tlb, unsigned long tag)
{
	unsigned long vpn = tag & TAG_HUGE ? tag >> PMD_SHIFT : tag >> PAGE_SHIFT;

	return tlb->entries + (size_t)(vpn & tlb->set_mask) * tlb->ways;
}

static struct tlb_entry *find(struct cpu_tlb *tlb, unsigned long tag)
{
	struct tlb_entry *e = set_of(tlb, tag), *end = e + tlb->ways;
	u64 life = tlb->life[tlb->asid];

	for (; e < end; e++)
		if (e->tag == tag && (e->life == life || e->life == tlb->life_global))
			return e;
	return NULL;
}

struct tlb_entry *tlb_lookup(struct cpu_tlb *tlb, unsigned long addr)
{
	struct tlb_entry *e = find(tlb, addr & PAGE_MASK);

	if (!e && may_hit_huge(tlb))
		e = find(tlb, (addr & PMD_MASK) | TAG_HUGE);
	return e;
}

/* The way to fill: the page's own stale entry, an invalid one, or the next in turn. */
static struct tlb_entry *choose_way(struct cpu_tlb *tlb, unsigned long tag)
{
	struct tlb_entry *set = set_of(tlb, tag), *e = find(tlb, tag);
	size_t index = (size_t)(set - tlb->entries) / tlb->ways;

	if (e)
		return e;
	for (e = set; e < set + tlb->ways; e++)
		if (!entry_valid(tlb, e))
			return e;
	e = set + tlb->next_way[index];
	tlb->next_way[index] = (u8)((tlb->next_way[index] + 1) % tlb->ways);
	return e;
}

struct tlb_entry *tlb_fill(struct cpu_tlb *tlb, unsigned long addr, const struct tlb_walk *walk)
{
	unsigned long tag = walk->huge ? (addr & PMD_MASK) | TAG_HUGE : addr & PAGE_MASK;
	struct tlb_entry *e = choose_way(tlb, tag);

	if (entry_valid(tlb, e)) {
		if (e->tag != tag)
			owner_inc(tlb->stats.evictions);
		entry_drop(tlb, e);
	}
	e->tag = tag;
	e->pte = walk->pte;
	e->asid = tlb->asid;
	e->global = (walk->pte & _PAGE_GLOBAL) != 0;
	e->life = entry_life(tlb, e);
	(*live_counter(tlb, e))++;
	if (walk->huge)
		(*huge_counter(tlb, e))++;
	return e;
}

/* ---- flushes ---- */

static unsigned int drop_tag(struct cpu_tlb *tlb, unsigned long tag)
{
	struct tlb_entry *e = find(tlb, tag);

	if (!e)
		return 0;
	entry_drop(tlb, e);
	return 1;
}

unsigned int tlb_drop_page(struct cpu_tlb *tlb, unsigned long addr)
{
	unsigned int dropped = drop_tag(tlb, addr & PAGE_MASK);

	if (may_hit_huge(tlb))
		dropped += drop_tag(tlb, (addr & PMD_MASK) | TAG_HUGE);
	return dropped;
}

void tlb_flush_one(struct cpu_tlb *tlb, unsigned long addr)
{
	owner_inc(tlb->stats.flushes_page);
	owner_add(tlb->stats.entries_flushed, tlb_drop_page(tlb, addr));
}

static void drop_in_set(struct cpu_tlb *tlb, unsigned long tag)
{
	struct tlb_entry *set = set_of(tlb, tag);

	for (struct tlb_entry *e = set; e < set + tlb->ways; e++)
		if (e->tag == tag && entry_valid(tlb, e)) {
			entry_drop(tlb, e);
			owner_inc(tlb->stats.entries_flushed);
		}
}

void tlb_flush_one_kernel(struct cpu_tlb *tlb, unsigned long addr)
{
	drop_in_set(tlb, addr & PAGE_MASK);
	if (tlb->nr_huge_global)
		drop_in_set(tlb, (addr & PMD_MASK) | TAG_HUGE);
	owner_inc(tlb->stats.flushes_page);
}

/* Starts the next life of @asid; what it had is gone. */
static void next_life(struct cpu_tlb *tlb, unsigned int asid)
{
	owner_add(tlb->stats.entries_flushed, tlb->nr_live[asid]);
	tlb->nr_live[asid] = 0;
	tlb->nr_huge[asid] = 0;
	tlb->life[asid] = tlb->next_life++;
	front_flush_asid(tlb, asid);
}

static u32 nr_live_all(const struct cpu_tlb *tlb)
{
	u32 sum = tlb->nr_live_global;

	for (unsigned int a = 0; a < TLB_NR_TAGS; a++)
		sum += tlb->nr_live[a];
	return sum;
}

void tlb_flush_asid(struct cpu_tlb *tlb, unsigned int asid)
{
	next_life(tlb, asid);
	owner_inc(tlb->stats.flushes_asid);
}

void tlb_flush_everything(struct cpu_tlb *tlb)
{
	for (unsigned int a = 0; a < TLB_NR_TAGS; a++)
		next_life(tlb, a);
	owner_add(tlb->stats.entries_flushed, tlb->nr_live_global);
	tlb->nr_live_global = 0;
	tlb->life_global = tlb->next_life++;
	tlb->nr_huge_global = 0;
	owner_inc(tlb->stats.flushes_all);
}

void tlb_load_asid(struct cpu_tlb *tlb, unsigned int asid)
{
	tlb->asid = (u8)asid;
	tlb->suspended = false;
	set_front_salt(tlb, tlb->salt[asid]);
}

void tlb_suspend(struct cpu_tlb *tlb)
{
	tlb->front_salt = 0;
	tlb->suspended = true;
}

/* ---- checks, statistics, life cycle ---- */

unsigned int tlb_nr_valid(const struct cpu_tlb *tlb)
{
	return nr_live_all(tlb);
}

static bool front_is_backed(const struct cpu_tlb *tlb, const struct tlb_front *f)
{
	unsigned long page = f->rkey & PAGE_MASK;
	struct cpu_tlb *t = (struct cpu_tlb *)(uintptr_t)tlb;
	const struct tlb_entry *e;

	if (!tlb->front_salt || (f->rkey & ~PAGE_MASK) != tlb->front_salt)
		return true;			/* not reachable now */
	e = find(t, page);
	if (!e)
		e = find(t, (page & PMD_MASK) | TAG_HUGE);
	return e && (unsigned long)tlb_entry_host(e, page) - page == f->addend;
}

bool tlb_is_valid(const struct cpu_tlb *tlb)
{
	size_t nr = (size_t)(tlb->set_mask + 1) * tlb->ways;
	u32 live = 0;

	for (size_t i = 0; i < nr; i++)
		live += entry_valid(tlb, &tlb->entries[i]);
	if (live != nr_live_all(tlb))				/* I2 */
		return false;
	for (unsigned int i = 0; i < TLB_FRONT_SIZE; i++)
		if (!front_is_backed(tlb, &tlb->front[i]))	/* I3 */
			return false;
	return true;
}

struct tlb_stats tlb_stats_sum(void)
{
	struct tlb_stats sum = { 0 };
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		const u64 *from = (const u64 *)&per_cpu(cpu_tlbs, cpu).stats;
		u64 *to = (u64 *)&sum;

		/* Owner-written words: a moment's truth while CPUs run. */
		for (size_t i = 0; i < sizeof(sum) / sizeof(u64); i++)
			to[i] += owner_read(from[i]);
	}
	return sum;
}

void tlb_stats_reset(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		memset(&per_cpu(cpu_tlbs, cpu).stats, 0, sizeof(struct tlb_stats));
}

void tlb_set_checks(bool oracle, bool count_hits)
{
	unsigned int cpu;

	tlb_options.oracle = oracle;
	tlb_options.count_hits = count_hits;
	tlb_front_off = oracle || count_hits;
	for_each_possible_cpu(cpu) {
		struct cpu_tlb *tlb = &per_cpu(cpu_tlbs, cpu);	/* quiescent machine */

		tlb_flush_everything(tlb);
		if (!tlb->suspended)
			tlb_load_asid(tlb, tlb->asid);
	}
}

static size_t entries_bytes(void)
{
	return (size_t)tlb_options.sets * tlb_options.ways * sizeof(struct tlb_entry);
}

static int tlb_init(struct cpu_tlb *tlb)
{
	memset(tlb, 0, sizeof(*tlb));
	tlb->entries = hostmem_alloc(entries_bytes());
	tlb->next_way = hostmem_alloc(tlb_options.sets);
	if (!tlb->entries || !tlb->next_way)
		return -ENOMEM;
	tlb->set_mask = tlb_options.sets - 1;
	tlb->ways = tlb_options.ways;
	tlb->next_life = 1;			/* an entry of zeroes is in no life */
	tlb->next_salt = TLB_SALT_MAX + 1;	/* the first flush hands salts to everybody */
	tlb_flush_everything(tlb);
	memset(&tlb->stats, 0, sizeof(tlb->stats));
	return 0;
}

int tlb_boot(const struct tlb_options *opt)
{
	unsigned int cpu, sets = opt->sets ? opt->sets : TLB_DEFAULT_SETS;
	unsigned int ways = opt->ways ? opt->ways : TLB_DEFAULT_WAYS;

	if (sets > 4096 || (sets & (sets - 1)) || ways > 16)
		return -EINVAL;
	tlb_options = *opt;
	tlb_options.sets = sets;
	tlb_options.ways = ways;
	tlb_front_off = opt->oracle || opt->count_hits;
	for_each_possible_cpu(cpu)
		if (tlb_init(&per_cpu(cpu_tlbs, cpu))) {
			tlb_shutdown();
			return -ENOMEM;
		}
	return 0;
}

void tlb_shutdown(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct cpu_tlb *tlb = &per_cpu(cpu_tlbs, cpu);

		hostmem_free(tlb->entries, entries_bytes());
		hostmem_free(tlb->next_way, tlb_options.sets);
		tlb->entries = NULL;
		tlb->next_way = NULL;
		tlb->front_salt = 0;
	}
}
