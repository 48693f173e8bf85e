/* SPDX-License-Identifier: MIT */
/*
 * vmstat: event counters and batched zone counters.
 *
 * What.  The watermark test of every allocation reads a zone's NR_FREE_PAGES, and every refill or
 * spill of a page list changes it.  One shared word would bounce between all CPUs, so each CPU
 * gathers its changes in an s8 and adds them to the shared word when they exceed a threshold.
 *
 * States.  A change is in exactly one place: a CPU's copy or the zone's word.
 *
 * Invariants.
 *   I1  word + sum over CPUs of the copies = true value.
 *   I2  |copy| <= stat_threshold <= 125, so the word is off by at most cpus * stat_threshold.
 *   I3  An event counter is written by its CPU only.
 *
 * Locking.  None.  A copy is written by its own CPU, where interrupts come at safepoints only and
 * none lies between the load and the store; it is folded by others only when that CPU is offline.
 * Context.  Any; folding in task context.  Failure.  None.
 *
 * See also.  tests/unit/test_vmstat.c.
 */
#include "mm/page/vmstat.h"

#include "mm/page/pcp.h"

/* The s8 copies must never wrap; the kernel's bound. */
#define STAT_THRESHOLD_MAX	125

/* Zone size unit of the threshold formula: 128 MiB. */
#define STAT_THRESHOLD_MEM_SHIFT	(27 - PAGE_SHIFT)

/* Any context of the owner CPU; other CPUs read. */
DEFINE_PER_CPU_ALIGNED(struct vm_event_state, vm_event_states);

#define VM_EVENT_TEXT(item, text) [item] = text,
static const char *const event_names[NR_VM_EVENT_ITEMS] = { VM_EVENTS(VM_EVENT_TEXT) };

static const char *const zone_names[NR_VM_ZONE_STAT_ITEMS] = {
	[NR_FREE_PAGES] = "nr_free_pages",
	[NR_ZONE_INACTIVE_ANON] = "nr_zone_inactive_anon",
	[NR_ZONE_ACTIVE_ANON] = "nr_zone_active_anon",
	[NR_ZONE_INACTIVE_FILE] = "nr_zone_inactive_file",
	[NR_ZONE_ACTIVE_FILE] = "nr_zone_active_file",
	[NR_ZONE_UNEVICTABLE] = "nr_zone_unevictable",
	[NR_ANON_MAPPED] = "nr_anon_pages",
	[NR_FILE_MAPPED] = "nr_mapped",
	[NR_FILE_PAGES] = "nr_file_pages",
	[NR_FILE_DIRTY] = "nr_dirty",
	[NR_WRITEBACK] = "nr_writeback",
	[NR_SLAB_RECLAIMABLE] = "nr_slab_reclaimable",
	[NR_SLAB_UNRECLAIMABLE] = "nr_slab_unreclaimable",
	[NR_KERNEL_STACK_KB] = "nr_kernel_stack",
	[NR_PAGETABLE] = "nr_page_table_pages",
	[NR_SWAPCACHE] = "nr_swapcached",
};

_Static_assert(PGALLOC_DMA + ZONE_HIGHMEM == PGALLOC_HIGH, "PGALLOC_* follow zone_type");
_Static_assert(ALLOCSTALL_DMA + ZONE_HIGHMEM == ALLOCSTALL_HIGH, "ALLOCSTALL_* follow zone_type");

const char *vm_event_name(enum vm_event_item item)
{
	return event_names[item];
}

const char *zone_stat_name(enum zone_stat_item item)
{
	return zone_names[item];
}

u64 vm_event_sum(enum vm_event_item item)
{
	unsigned int cpu;
	u64 sum = 0;

	/* Only the owner writes; a relaxed read is a moment's truth. */
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(vm_event_states, cpu).event[item]);
	return sum;
}

void all_vm_events(u64 *events)
{
	for (unsigned int i = 0; i < NR_VM_EVENT_ITEMS; i++)
		events[i] = vm_event_sum((enum vm_event_item)i);
}

static void zone_add(struct zone *zone, enum zone_stat_item item, s64 delta)
{
	fetch_add_relaxed(&zone->vm_stat[item], delta);
}

void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta)
{
	struct per_cpu_zonestat *mine;
	long sum;

	if (unlikely(!this_cpu() || !zone->zonestat)) {
		zone_add(zone, item, delta);
		return;
	}
	mine = this_cpu_ptr(zone->zonestat);
	sum = READ_ONCE(mine->vm_stat_diff[item]) + delta;
	if (sum > READ_ONCE(mine->stat_threshold) || sum < -READ_ONCE(mine->stat_threshold)) {
		zone_add(zone, item, sum);
		sum = 0;
	}
	WRITE_ONCE(mine->vm_stat_diff[item], (s8)sum);
}

s64 zone_page_state_exact(const struct zone *zone, enum zone_stat_item item)
{
	s64 value = READ_ONCE(zone->vm_stat[item]);
	unsigned int cpu;

	if (!zone->zonestat)
		return value;
	for_each_possible_cpu(cpu)
		value += READ_ONCE(per_cpu_ptr(zone->zonestat, cpu)->vm_stat_diff[item]);
	return value;
}

unsigned long zone_page_state_snapshot(const struct zone *zone, enum zone_stat_item item)
{
	s64 value = zone_page_state_exact(zone, item);

	return value < 0 ? 0 : (unsigned long)value;
}

unsigned long global_zone_page_state(enum zone_stat_item item)
{
	unsigned long sum = 0;
	struct zone *zone;

	for_each_zone(zone)
		sum += zone_page_state(zone, item);
	return sum;
}

unsigned long node_page_state(int nid, enum zone_stat_item item)
{
	unsigned long sum = 0;
	struct zone *zone;

	for_each_zone(zone)
		if (zone->node == nid)
			sum += zone_page_state(zone, item);
	return sum;
}

int calc_stat_threshold(unsigned int nr_cpus, unsigned long managed_pages)
{
	unsigned int threshold;

	threshold = 2 * fls64(nr_cpus) * (1 + fls64(managed_pages >> STAT_THRESHOLD_MEM_SHIFT));
	return (int)min(threshold, (unsigned int)STAT_THRESHOLD_MAX);
}

int calc_pressure_threshold(unsigned int nr_cpus, unsigned long low_minus_min)
{
	return (int)clamp(low_minus_min / nr_cpus, 1UL, (unsigned long)STAT_THRESHOLD_MAX);
}

static void zone_set_threshold(struct zone *zone, int threshold)
{
	unsigned int cpu;

	if (!zone->zonestat)
		return;
	/* Read relaxed by the owner: a stale threshold makes one batch bigger or smaller. */
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(zone->zonestat, cpu)->stat_threshold, (s8)threshold);
}

void refresh_zone_stat_thresholds(unsigned int nr_cpus)
{
	unsigned int nr = nr_cpus ? nr_cpus : num_online_cpus();
	struct zone *zone;

	for_each_zone(zone)
		zone_set_threshold(zone, calc_stat_threshold(max(nr, 1u), zone->managed_pages));
}

void set_node_stat_threshold(int nid, bool pressure)
{
	unsigned int nr = max(num_online_cpus(), 1u);
	struct zone *zone;

	for_each_zone(zone) {
		unsigned long room = READ_ONCE(zone->watermark[WMARK_LOW]) -
				     READ_ONCE(zone->watermark[WMARK_MIN]);

		if (zone->node != nid)
			continue;
		zone_set_threshold(zone, pressure ? calc_pressure_threshold(nr, room) :
				   calc_stat_threshold(nr, zone->managed_pages));
	}
}

/* Moves one CPU's copies of one zone to the zone; keeps I1 because nobody else writes them. */
static unsigned int fold_zone(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_zonestat *stat;
	unsigned int changed = 0;

	if (!zone->zonestat)
		return 0;
	stat = per_cpu_ptr(zone->zonestat, cpu);
	for (unsigned int i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++) {
		s8 diff = READ_ONCE(stat->vm_stat_diff[i]);

		if (!diff)
			continue;
		WRITE_ONCE(stat->vm_stat_diff[i], (s8)0);
		zone_add(zone, (enum zone_stat_item)i, diff);
		changed++;
	}
	return changed;
}

unsigned int refresh_cpu_vm_stats(void)
{
	unsigned int cpu = smp_processor_id(), changed = 0;
	struct zone *zone;

	for_each_zone(zone)
		changed += fold_zone(zone, cpu);
	return changed;
}

void cpu_vm_stats_fold(unsigned int cpu)
{
	struct zone *zone;

	for_each_zone(zone)
		fold_zone(zone, cpu);
}

bool vmstat_update_cpu(void)
{
	bool more = false;
	struct zone *zone;

	for_each_zone(zone) {
		unsigned int changed = fold_zone(zone, smp_processor_id());

		more |= changed != 0;
		more |= pcp_tick(zone, changed != 0);
	}
	return more;
}
