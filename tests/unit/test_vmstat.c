/* SPDX-License-Identifier: MIT */
/* Event and zone counters: exact totals, bounded drift, folding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/vmstat.h"
#include "tests/support/page_machine.h"

/* Values read on a live 2-CPU machine: Normal, DMA32, DMA. */
static void test_thresholds_of_a_live_machine(void **state)
{
	(void)state;
	assert_int_equal(calc_stat_threshold(2, 1736704), 28);
	assert_int_equal(calc_stat_threshold(2, 772928), 24);
	assert_int_equal(calc_stat_threshold(2, 3840), 4);
	/* The copies are s8: never above 125. */
	assert_int_equal(calc_stat_threshold(256, 1UL << 30), 125);
}

static void test_pressure_threshold(void **state)
{
	(void)state;
	assert_int_equal(calc_pressure_threshold(4, 400), 100);
	assert_int_equal(calc_pressure_threshold(4, 4000), 125);
	assert_int_equal(calc_pressure_threshold(4, 3), 1);
}

static void test_names_are_complete_and_unique(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR_VM_EVENT_ITEMS; i++) {
		assert_non_null(vm_event_name((enum vm_event_item)i));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(vm_event_name((enum vm_event_item)i),
						vm_event_name((enum vm_event_item)j));
	}
	for (unsigned int i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
		assert_non_null(zone_stat_name((enum zone_stat_item)i));
	assert_string_equal(vm_event_name(PGALLOC_NORMAL), "pgalloc_normal");
	assert_string_equal(zone_stat_name(NR_FREE_PAGES), "nr_free_pages");
}

static void test_events_sum_over_cpus(void **state)
{
	u64 events[NR_VM_EVENT_ITEMS];

	(void)state;
	count_vm_events(PGFAULT, 5);
	become_cpu(1);
	count_vm_event(PGFAULT);
	become_cpu(0);
	assert_int_equal(vm_event_sum(PGFAULT), 6);
	all_vm_events(events);
	assert_int_equal(events[PGFAULT], 6);
	assert_int_equal(events[PGMAJFAULT], 0);
}

/* I2 of vmstat.c: up to the threshold a change stays with the CPU; one more and all of it goes. */
static void test_batching_and_drift(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	int threshold = per_cpu_ptr(zone->zonestat, 0)->stat_threshold;

	(void)state;
	assert_int_equal(threshold, calc_stat_threshold(2, zone->managed_pages));
	for (int i = 0; i < threshold; i++)
		inc_zone_page_state(zone, NR_PAGETABLE);
	assert_int_equal(zone_page_state(zone, NR_PAGETABLE), 0);
	assert_int_equal(zone_page_state_snapshot(zone, NR_PAGETABLE), threshold);
	inc_zone_page_state(zone, NR_PAGETABLE);
	assert_int_equal(zone_page_state(zone, NR_PAGETABLE), threshold + 1);
	assert_int_equal(per_cpu_ptr(zone->zonestat, 0)->vm_stat_diff[NR_PAGETABLE], 0);

	/* Down again on the other CPU: the word goes below the truth, never below zero. */
	become_cpu(1);
	for (int i = 0; i < threshold + 1; i++)
		dec_zone_page_state(zone, NR_PAGETABLE);
	assert_int_equal(zone_page_state_snapshot(zone, NR_PAGETABLE), 0);
	dec_zone_page_state(zone, NR_PAGETABLE);
	assert_int_equal(zone_page_state_exact(zone, NR_PAGETABLE), -1);
	assert_int_equal(zone_page_state_snapshot(zone, NR_PAGETABLE), 0);
	inc_zone_page_state(zone, NR_PAGETABLE);
}

static void test_big_change_goes_at_once(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);

	(void)state;
	mod_zone_page_state(zone, NR_FILE_PAGES, 100000);
	assert_int_equal(zone_page_state(zone, NR_FILE_PAGES), 100000);
	mod_zone_page_state(zone, NR_FILE_PAGES, -100000);
	assert_int_equal(zone_page_state(zone, NR_FILE_PAGES), 0);
}

static void test_refresh_and_fold(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);

	(void)state;
	mod_zone_page_state(zone, NR_WRITEBACK, 2);
	mod_zone_page_state(zone, NR_FILE_DIRTY, -2);
	assert_int_equal(refresh_cpu_vm_stats(), 2);
	assert_int_equal(refresh_cpu_vm_stats(), 0);
	assert_int_equal(zone_page_state(zone, NR_WRITEBACK), 2);
	assert_int_equal(zone->vm_stat[NR_FILE_DIRTY], -2);

	become_cpu(1);
	mod_zone_page_state(zone, NR_WRITEBACK, -2);
	mod_zone_page_state(zone, NR_FILE_DIRTY, 2);
	become_cpu(0);
	assert_int_equal(zone_page_state(zone, NR_WRITEBACK), 2);
	cpu_vm_stats_fold(1);
	assert_int_equal(zone_page_state(zone, NR_WRITEBACK), 0);
	assert_int_equal(zone->vm_stat[NR_FILE_DIRTY], 0);
}

static void test_pressure_lowers_the_drift(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	s8 before = per_cpu_ptr(zone->zonestat, 1)->stat_threshold;
	unsigned long room = zone->watermark[WMARK_LOW] - zone->watermark[WMARK_MIN];

	(void)state;
	set_node_stat_threshold(0, true);
	assert_int_equal(per_cpu_ptr(zone->zonestat, 1)->stat_threshold,
			 calc_pressure_threshold(2, room));
	set_node_stat_threshold(0, false);
	assert_int_equal(per_cpu_ptr(zone->zonestat, 1)->stat_threshold, before);
}

static void test_worker_folds_and_decays(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	struct page *pages[400];
	int high;

	(void)state;
	/* Frees raise high; the worker's turns bring it and the count down again. */
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 400; i++) {
			pages[i] = alloc_page(GFP_KERNEL);
			assert_non_null(pages[i]);
		}
		for (int i = 0; i < 400; i++)
			__free_page(pages[i]);
	}
	high = list_of(zone, 0)->high;
	assert_true(high > list_of(zone, 0)->high_min);
	assert_true(vmstat_update_cpu());
	assert_true(list_of(zone, 0)->high < high);
	for (int i = 0; i < 100 && vmstat_update_cpu(); i++)
		;
	assert_int_equal(list_of(zone, 0)->high, list_of(zone, 0)->high_min);
	assert_int_equal(zone->vm_stat[NR_FREE_PAGES],
			 zone_page_state_exact(zone, NR_FREE_PAGES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thresholds_of_a_live_machine),
		cmocka_unit_test(test_pressure_threshold),
		cmocka_unit_test(test_names_are_complete_and_unique),
		cmocka_unit_test_setup_teardown(test_events_sum_over_cpus, page_machine_setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_batching_and_drift, page_machine_setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_big_change_goes_at_once, page_machine_setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_refresh_and_fold, page_machine_setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_pressure_lowers_the_drift, page_machine_setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_worker_folds_and_decays, page_machine_setup,
						page_machine_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
