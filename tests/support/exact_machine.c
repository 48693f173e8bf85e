/* SPDX-License-Identifier: MIT */
/* Machines whose page counts are exact. */
#include "tests/support/exact_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/page/vmstat.h"
#include "mm/page/watermark.h"

void exact_set_marks(struct zone *zone, unsigned long min)
{
	for (unsigned int i = 0; i < NR_WMARK; i++)
		zone->watermark[i] = min + i * (min / 4);
}

void exact_boot(const char *e820, const char *layout, unsigned int nr_nodes)
{
	const struct mm_options opt = {
		.e820 = e820, .layout = layout, .nr_nodes = nr_nodes, .no_memmap = true,
	};
	struct zone *zone;
	unsigned int cpu;

	nr_held = 0;
	page_machine_boot(2, &opt);
	watermark_tunables.boost_factor = 0;
	assert_int_equal(pcp_set_policy(NULL, "none"), 0);
	for_each_zone(zone) {
		exact_set_marks(zone, zone->type == ZONE_DMA ? EXACT_MIN_DMA : EXACT_MIN);
		for_each_possible_cpu(cpu)
			per_cpu_ptr(zone->zonestat, cpu)->stat_threshold = 0;
	}
}

int exact_setup_small(void **state)
{
	(void)state;
	exact_boot("0-64M usable", NULL, 1);
	return 0;
}

int exact_setup_x86_64(void **state)
{
	(void)state;
	exact_boot("0-32M usable, 4G-4128M usable", NULL, 1);
	return 0;
}

int exact_setup_x86_32(void **state)
{
	(void)state;
	exact_boot("0-32M usable, 1G-1056M usable", "x86_32", 1);
	return 0;
}

int exact_setup_two_nodes(void **state)
{
	(void)state;
	exact_boot("0-64M usable", NULL, 2);
	return 0;
}

unsigned long exact_free_pages(const struct zone *zone)
{
	return zone_page_state_snapshot(zone, NR_FREE_PAGES);
}
