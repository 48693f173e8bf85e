/* SPDX-License-Identifier: MIT */
/*
 * kmap and kmap_local: permanent and temporary addresses of HIGHMEM frames.
 *
 * What.  Permanent: a pool of slots, each with a count.  A slot that nobody uses keeps its mapping
 * until the pool runs out; then all unused slots are unmapped at once and all CPUs flushed once.
 * When every slot is in use, kmap() sleeps until a kunmap().  Temporary: a stack of slots per CPU,
 * used in strict nesting, so that an interrupt handler's maps lie above those of what it
 * interrupted.
 *
 * States of a permanent slot (count).  0 free -> (kmap) 2 -> 3 ... -> (kunmap) 1 unused but mapped
 * -> (kmap of the same page) 2, or -> (flush) SLOT_FLUSHING -> 0.
 *
 * Invariants.
 *   I1  slot_of[frame] is the frame's slot + 1 while the slot's count is >= 1, else 0.
 *   I2  A host address shows a HIGHMEM frame only in a slot that is mapped to it.
 *
 * Locking.  kmap_lock for counts and slot_of; the address of a page that the caller has mapped may
 * be asked for without it.  Context.  kmap: task; kunmap: task, any lock below RANK_VMAP's; the
 * temporary ones any.  Failure.  None; a host without mappings left is a panic.
 * See also.  tests/unit/test_kmap.c; mm/highmem.c in Linux.
 */
#include "mm/kva/highmem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/kva/kva_impl.h"
#include "mm/mmu/access.h"
#include "mm/mmu/tlbflush.h"
#include "mm/page/boot.h"
#include "runtime/hostmem.h"
#include "runtime/wait.h"

#define SLOT_FLUSHING	(-1)
#define MAX_PKMAP	4096u

static const struct lock_class kmap_lock_class = {
	.name = "kmap_lock", .rank = RANK_VMAP,
};

static spinlock_t kmap_lock;
static struct wait_queue_head kmap_wait;
static int slot_count[MAX_PKMAP] __guarded_by(kmap_lock);
static unsigned long slot_pfn[MAX_PKMAP] __guarded_by(kmap_lock);
static unsigned int next_slot __guarded_by(kmap_lock);
static unsigned int nr_slots;
static u32 nr_usable;			/* atomic: slots with a count of 0 or 1 */
static char *pkmap_base;

static u16 *slot_of;			/* I1; by pfn - first_high; relaxed readers */
static unsigned long first_high, end_high;

static struct kmap_stats stats;

static void count(u64 *counter)
{
	fetch_add_relaxed(counter, 1);
}

struct kmap_stats kmap_stats(void)
{
	return (struct kmap_stats){
		READ_ONCE(stats.maps), READ_ONCE(stats.hits), READ_ONCE(stats.flushes),
		READ_ONCE(stats.waits), READ_ONCE(stats.local_maps),
	};
}

/* ---- permanent ---- */

static char *slot_addr(unsigned int slot)
{
	return pkmap_base + (size_t)slot * PAGE_SIZE;
}

static u16 *slot_ptr(unsigned long pfn)
{
	return &slot_of[pfn - first_high];
}

static void map_frame(void *addr, unsigned long pfn)
{
	if (host_map_frames(addr, pfn, 1))
		panic("kmap: the host has no mapping left");
}

/* The page's address if it has a permanent mapping: page_address() of a HIGHMEM page. */
static void *kmapped_address(const struct page *page)
{
	/* Acquire: pairs with the release in take_slot(): the mapping is there. */
	u16 slot = smp_load_acquire(slot_ptr(page_to_pfn(page)));

	return slot ? slot_addr(slot - 1u) : NULL;
}

/* A free slot for @pfn, mapped; NULL when there is none. */
static void *take_slot(unsigned long pfn) __must_hold(kmap_lock)
{
	for (unsigned int i = 0; i < nr_slots; i++) {
		unsigned int slot = (next_slot + i) % nr_slots;

		if (slot_count[slot] != 0)
			continue;
		next_slot = (slot + 1) % nr_slots;
		map_frame(slot_addr(slot), pfn);
		slot_count[slot] = 2;
		slot_pfn[slot] = pfn;
		fetch_add(&nr_usable, (u32)-1);
		smp_store_release(slot_ptr(pfn), (u16)(slot + 1));	/* I1 */
		count(&stats.maps);
		return slot_addr(slot);
	}
	return NULL;
}

/* Another user of a mapped page; NULL when it is not mapped. */
static void *use_slot(unsigned long pfn) __must_hold(kmap_lock)
{
	unsigned int slot = READ_ONCE(*slot_ptr(pfn));

	if (!slot--)
		return NULL;
	if (slot_count[slot]++ == 1)
		fetch_add(&nr_usable, (u32)-1);
	count(&stats.hits);
	return slot_addr(slot);
}

/* Takes every unused slot out of use; returns how many, marked SLOT_FLUSHING. */
static unsigned int begin_flush(void) __must_hold(kmap_lock)
{
	unsigned int nr = 0;

	for (unsigned int slot = 0; slot < nr_slots; slot++) {
		if (slot_count[slot] != 1)
			continue;
		slot_count[slot] = SLOT_FLUSHING;
		WRITE_ONCE(*slot_ptr(slot_pfn[slot]), 0);		/* I1 */
		host_unmap(slot_addr(slot), 1);				/* I2 */
		nr++;
	}
	return nr;
}

static void end_flush(void)
{
	spin_lock(&kmap_lock);
	for (unsigned int slot = 0; slot < nr_slots; slot++)
		if (slot_count[slot] == SLOT_FLUSHING)
			slot_count[slot] = 0;
	spin_unlock(&kmap_lock);
	wake_up_all(&kmap_wait);
}

static bool slot_is_usable(void *arg)
{
	(void)arg;
	return smp_load_acquire(&nr_usable) > 0;
}

void *kmap(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	might_sleep();
	if (!page_is_highmem(page))
		return page_address(page);
	for (;;) {
		unsigned int flushing = 0;
		void *addr;

		spin_lock(&kmap_lock);
		addr = use_slot(pfn);
		if (!addr)
			addr = take_slot(pfn);
		if (!addr)
			flushing = begin_flush();
		spin_unlock(&kmap_lock);
		if (addr)
			return addr;
		if (flushing) {
			/* No lock: every CPU answers. */
			flush_tlb_kernel_range(VMALLOC_END - nr_slots * PAGE_SIZE, VMALLOC_END);
			count(&stats.flushes);
			end_flush();
			continue;
		}
		count(&stats.waits);
		wait_event(&kmap_wait, slot_is_usable, NULL);
	}
}

void kunmap(struct page *page)
{
	unsigned int slot;
	bool unused;

	if (!page_is_highmem(page))
		return;
	spin_lock(&kmap_lock);
	slot = READ_ONCE(*slot_ptr(page_to_pfn(page)));
	BUG_ON(!slot || slot_count[slot - 1] < 2);	/* not mapped by kmap() */
	unused = --slot_count[slot - 1] == 1;
	if (unused)
		fetch_add(&nr_usable, 1);
	spin_unlock(&kmap_lock);
	if (unused)
		wake_up(&kmap_wait);
}

/* ---- temporary ---- */

/*
 * This CPU's stack of slots.  Task and interrupts: an interrupt leaves depth as it found it, and
 * comes only at safepoints, of which there is none between taking a slot and counting it.
 */
struct kmap_ctrl {
	unsigned int depth;
	unsigned long pfn[KM_MAX_IDX];	/* shown by the slot; 0: nothing */
	char *base;
};
static DEFINE_PER_CPU(struct kmap_ctrl, kmap_ctrls);

/*
 * A slot may keep showing its last frame: the next map of the same frame is then free.  Debug
 * builds unmap at once, so that a use after kunmap_local() faults.
 */
#define KMAP_LOCAL_EAGER	KMEMLAB_DEBUG

void *kmap_local_page(struct page *page)
{
	struct kmap_ctrl *c = this_cpu_ptr(&kmap_ctrls);
	unsigned long pfn = page_to_pfn(page);
	unsigned int i = owner_read(c->depth);
	char *addr;

	if (!page_is_highmem(page))
		return page_address(page);
	BUG_ON(i == KM_MAX_IDX);		/* maps without unmaps */
	owner_write(c->depth, i + 1);
	addr = c->base + i * PAGE_SIZE;
	if (owner_read(c->pfn[i]) != pfn) {
		map_frame(addr, pfn);
		owner_write(c->pfn[i], pfn);
		count(&stats.local_maps);
	}
	return addr;
}

void kunmap_local(const void *addr)
{
	struct kmap_ctrl *c = this_cpu_ptr(&kmap_ctrls);
	const char *page = (const char *)((uintptr_t)addr & PAGE_MASK);
	unsigned int i = owner_read(c->depth);

	if (!c->base || page < c->base || page >= c->base + KM_MAX_IDX * PAGE_SIZE)
		return;				/* a direct address */
	/* Must be the last one mapped. */
	BUG_ON(i == 0 || page != c->base + (i - 1) * PAGE_SIZE);
	if (KMAP_LOCAL_EAGER) {
		host_unmap(c->base + (i - 1) * PAGE_SIZE, 1);
		owner_write(c->pfn[i - 1], 0);
	}
	owner_write(c->depth, i - 1);
}

void *kmap_atomic(struct page *page)
{
	preempt_disable();
	pagefault_disable();
	return kmap_local_page(page);
}

void kunmap_atomic(const void *addr)
{
	kunmap_local(addr);
	pagefault_enable();
	preempt_enable();
}

void clear_highpage(struct page *page)
{
	void *p = kmap_local_page(page);

	memset(p, 0, PAGE_SIZE);
	kunmap_local(p);
}

void copy_highpage(struct page *to, struct page *from)
{
	void *src = kmap_local_page(from);
	void *dst = kmap_local_page(to);

	memcpy(dst, src, PAGE_SIZE);
	kunmap_local(dst);
	kunmap_local(src);
}

/* ---- life cycle ---- */

bool highmem_describe(const void *addr, char *buf, size_t size)
{
	unsigned long pfn = (unsigned long)((const char *)addr - direct_map) >> PAGE_SHIFT;

	if (!direct_map || (const char *)addr < direct_map || pfn < first_high || pfn >= end_high)
		return false;
	snprintf(buf, size, "%p is HIGHMEM frame %lu in the direct map: kmap() it", addr, pfn);
	return true;
}

static int protect_direct_map(int prot)
{
	struct zone *zone;

	for_each_zone(zone)
		if (zone->type == ZONE_HIGHMEM &&
		    mprotect(direct_map + zone->zone_start_pfn * PAGE_SIZE,
			     zone->spanned_pages * PAGE_SIZE, prot))
			return -errno;
	return 0;
}

static void find_highmem(void)
{
	struct zone *zone;

	first_high = ~0UL;
	end_high = 0;
	for_each_zone(zone) {
		if (zone->type != ZONE_HIGHMEM)
			continue;
		first_high = min(first_high, zone->zone_start_pfn);
		end_high = max(end_high, zone_end_pfn(zone));
	}
}

static int reserve_slots(void)
{
	unsigned int cpu;

	slot_of = hostmem_alloc((end_high - first_high) * sizeof(*slot_of));
	pkmap_base = host_reserve((nr_slots + (size_t)nr_cpu_ids * KM_MAX_IDX) * PAGE_SIZE);
	if (!slot_of || !pkmap_base)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		per_cpu(kmap_ctrls, cpu).base = slot_addr(nr_slots + cpu * KM_MAX_IDX);
	return 0;
}

int highmem_boot(unsigned int nr_pkmaps) __context_unsafe("boot")
{
	unsigned int cpu;
	int err;

	nr_slots = nr_pkmaps ? nr_pkmaps : LAST_PKMAP;
	if (nr_slots > MAX_PKMAP)
		return -EINVAL;
	stats = (struct kmap_stats){ .maps = 0 };
	memset(slot_count, 0, sizeof(slot_count));
	nr_usable = nr_slots;
	next_slot = 0;
	for_each_possible_cpu(cpu)
		memset(&per_cpu(kmap_ctrls, cpu), 0, sizeof(struct kmap_ctrl));
	find_highmem();
	if (first_high >= end_high)
		return 0;		/* every frame has an address */
	spin_lock_init(&kmap_lock, &kmap_lock_class, NULL);
	init_waitqueue_head(&kmap_wait);
	err = reserve_slots();
	if (!err)
		err = protect_direct_map(PROT_NONE);
	if (err) {
		highmem_shutdown();
		return err;
	}
	highmem_page_address = kmapped_address;
	highmem_clear_page = clear_highpage;
	return 0;
}

void highmem_shutdown(void)
{
	if (first_high >= end_high)
		return;
	highmem_page_address = NULL;
	highmem_clear_page = NULL;
	if (direct_map && protect_direct_map(PROT_READ | PROT_WRITE))
		panic("the host does not give the direct map back");
	hostmem_free(slot_of, (end_high - first_high) * sizeof(*slot_of));
	hostmem_free(pkmap_base, (nr_slots + (size_t)nr_cpu_ids * KM_MAX_IDX) * PAGE_SIZE);
	slot_of = NULL;
	pkmap_base = NULL;
	first_high = end_high = 0;
}
