/* SPDX-License-Identifier: MIT */
/*
 * vmstat: event counters of each CPU, and zone counters batched per CPU (include/linux/vmstat.h).
 *
 * Events are exact: each CPU adds to its own array, a reader sums them up.  Zone counters are
 * exact only in total: a CPU keeps up to stat_threshold pages of each in its own copy, so the
 * zone's word may be off by num_online_cpus() * stat_threshold (mm/page/vmstat.c).
 */
#ifndef MM_PAGE_VMSTAT_H
#define MM_PAGE_VMSTAT_H

#include "mm/page/zone.h"

/* The events: enum name, and the name in /proc/vmstat.  The first two rows follow zone_type. */
#define VM_EVENTS(X)							\
	X(PGALLOC_DMA, "pgalloc_dma")					\
	X(PGALLOC_DMA32, "pgalloc_dma32")				\
	X(PGALLOC_NORMAL, "pgalloc_normal")				\
	X(PGALLOC_HIGH, "pgalloc_high")					\
	X(ALLOCSTALL_DMA, "allocstall_dma")				\
	X(ALLOCSTALL_DMA32, "allocstall_dma32")				\
	X(ALLOCSTALL_NORMAL, "allocstall_normal")			\
	X(ALLOCSTALL_HIGH, "allocstall_high")				\
	X(PGFREE, "pgfree")						\
	X(PGALLOC_FAIL, "pgalloc_fail")					\
	X(PGALLOC_FAIL_WARN, "pgalloc_fail_warn")			\
	X(PGALLOC_FAIL_INJECTED, "pgalloc_fail_injected")		\
	X(PCP_REFILL, "pcp_refill")					\
	X(PCP_REFILL_PAGES, "pcp_refill_pages")				\
	X(PCP_SPILL, "pcp_spill")					\
	X(PCP_SPILL_PAGES, "pcp_spill_pages")				\
	X(PCP_ALLOC_BYPASS, "pcp_alloc_bypass")				\
	X(PCP_FREE_BYPASS, "pcp_free_bypass")				\
	X(PCP_DRAIN_ALL, "pcp_drain_all")				\
	X(PAGEBLOCK_CLAIM, "pageblock_claim")				\
	X(PAGEBLOCK_STEAL, "pageblock_steal")				\
	X(HIGHATOMIC_RESERVE, "highatomic_reserve")			\
	X(HIGHATOMIC_UNRESERVE, "highatomic_unreserve")			\
	X(KSWAPD_WAKEUP, "kswapd_wakeup")				\
	X(PGACTIVATE, "pgactivate")					\
	X(PGDEACTIVATE, "pgdeactivate")					\
	X(PGFAULT, "pgfault")						\
	X(PGMAJFAULT, "pgmajfault")					\
	X(PGREFILL, "pgrefill")						\
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd")				\
	X(PGSTEAL_DIRECT, "pgsteal_direct")				\
	X(PGSCAN_KSWAPD, "pgscan_kswapd")				\
	X(PGSCAN_DIRECT, "pgscan_direct")				\
	X(PGPGIN, "pgpgin")						\
	X(PGPGOUT, "pgpgout")						\
	X(PSWPIN, "pswpin")						\
	X(PSWPOUT, "pswpout")						\
	X(PAGEOUTRUN, "pageoutrun")					\
	X(PGROTATED, "pgrotated")					\
	X(WORKINGSET_REFAULT_ANON, "workingset_refault_anon")		\
	X(WORKINGSET_REFAULT_FILE, "workingset_refault_file")		\
	X(WORKINGSET_ACTIVATE_ANON, "workingset_activate_anon")		\
	X(WORKINGSET_ACTIVATE_FILE, "workingset_activate_file")		\
	X(SLABS_SCANNED, "slabs_scanned")				\
	X(OOM_KILL, "oom_kill")						\
	X(COMPACT_STALL, "compact_stall")				\
	X(COMPACT_FAIL, "compact_fail")					\
	X(COMPACT_SUCCESS, "compact_success")				\
	X(COMPACT_MIGRATE_SCANNED, "compact_migrate_scanned")		\
	X(COMPACT_FREE_SCANNED, "compact_free_scanned")			\
	X(COMPACT_ISOLATED, "compact_isolated")				\
	X(PGMIGRATE_SUCCESS, "pgmigrate_success")			\
	X(PGMIGRATE_FAIL, "pgmigrate_fail")				\
	X(THP_FAULT_ALLOC, "thp_fault_alloc")				\
	X(THP_FAULT_FALLBACK, "thp_fault_fallback")			\
	X(THP_SPLIT_PMD, "thp_split_pmd")				\
	X(NR_TLB_REMOTE_FLUSH, "nr_tlb_remote_flush")			\
	X(NR_TLB_REMOTE_FLUSH_RECEIVED, "nr_tlb_remote_flush_received")	\
	X(NR_TLB_LOCAL_FLUSH_ALL, "nr_tlb_local_flush_all")		\
	X(NR_TLB_LOCAL_FLUSH_ONE, "nr_tlb_local_flush_one")		\
	X(VMA_LOCK_SUCCESS, "vma_lock_success")				\
	X(VMA_LOCK_ABORT, "vma_lock_abort")				\
	X(VMA_LOCK_RETRY, "vma_lock_retry")				\
	X(VMA_LOCK_MISS, "vma_lock_miss")

#define VM_EVENT_ENUM(item, text) item,
enum vm_event_item { VM_EVENTS(VM_EVENT_ENUM) NR_VM_EVENT_ITEMS };
#undef VM_EVENT_ENUM

struct vm_event_state {
	u64 event[NR_VM_EVENT_ITEMS];
};

/* Any context of the owner CPU; other CPUs read. */
DECLARE_PER_CPU(struct vm_event_state, vm_event_states);

static inline void count_vm_events(enum vm_event_item item, u64 n)
{
	this_cpu_add(vm_event_states.event[item], n);
}

static inline void count_vm_event(enum vm_event_item item)
{
	count_vm_events(item, 1);
}

/* Names as in /proc/vmstat. */
const char *vm_event_name(enum vm_event_item item);
const char *zone_stat_name(enum zone_stat_item item);

/* Sum over all CPUs, offline ones included: events[NR_VM_EVENT_ITEMS].  Any thread. */
void all_vm_events(u64 *events);
u64 vm_event_sum(enum vm_event_item item);

/*
 * Adds @delta to a counter of @zone through this CPU's copy; past the threshold the copy goes to
 * the zone.  Any context; on a host thread (boot) it goes there at once.  Callers that change
 * NR_FREE_PAGES hold zone->lock and have already changed the free lists.
 */
void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta);

static inline void inc_zone_page_state(struct zone *zone, enum zone_stat_item item)
{
	mod_zone_page_state(zone, item, 1);
}

static inline void dec_zone_page_state(struct zone *zone, enum zone_stat_item item)
{
	mod_zone_page_state(zone, item, -1);
}

/* The zone's word, never below 0: cheap, and off by what the CPUs keep. */
static inline unsigned long zone_page_state(const struct zone *zone, enum zone_stat_item item)
{
	s64 value = READ_ONCE(zone->vm_stat[item]);

	return value < 0 ? 0 : (unsigned long)value;
}

/* The word plus every CPU's copy; exact on a quiescent machine.  Reads every CPU's line. */
unsigned long zone_page_state_snapshot(const struct zone *zone, enum zone_stat_item item);
s64 zone_page_state_exact(const struct zone *zone, enum zone_stat_item item);

/* Sum over all zones, and over one node's zones. */
unsigned long global_zone_page_state(enum zone_stat_item item);
unsigned long node_page_state(int nid, enum zone_stat_item item);

/* Pages a CPU may keep: min(125, 2 * fls(cpus) * (1 + fls(zone / 128 MiB))).  Pure. */
int calc_stat_threshold(unsigned int nr_cpus, unsigned long managed_pages);
/* Under memory pressure: min(125, max(1, (low - min) / cpus)).  Pure. */
int calc_pressure_threshold(unsigned int nr_cpus, unsigned long low_minus_min);

/* Sets every zone's threshold from the online CPUs.  @nr_cpus 0: ask the online mask. */
void refresh_zone_stat_thresholds(unsigned int nr_cpus);
/* Lowers (@pressure) or restores the thresholds of one node: kswapd going to work or to sleep. */
void set_node_stat_threshold(int nid, bool pressure);

/* Moves this CPU's copies to the zones.  Owner CPU, task context.  Returns how many were not 0. */
unsigned int refresh_cpu_vm_stats(void);

/* The same for a CPU that is offline, or for any on a quiescent machine. */
void cpu_vm_stats_fold(unsigned int cpu);

/*
 * The vmstat worker's turn on this CPU, every vm.stat_interval (1 s of the clock in use): folds
 * the counters and lets the page lists decay.  Owner CPU, task context, interrupts on.
 * Returns true when there is more to do at the next turn.
 */
bool vmstat_update_cpu(void);

#endif /* MM_PAGE_VMSTAT_H */
