/* SPDX-License-Identifier: MIT */
/* The plan of physical memory: maps as text, presets, nodes, zones, recorded zones, bad wishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/layout.h"

#define GIB(n)	((u64)(n) << 30)
#define MIB(n)	((u64)(n) << 20)

static struct layout layout;
static struct mm_error err;

static void test_parse(void **state)
{
	struct e820_map map;

	(void)state;
	assert_int_equal(e820_parse("0-640K usable, 1M-16G usable", &map, &err), 0);
	assert_int_equal(map.nr, 2);
	assert_int_equal(map.entries[0].end, 640 * 1024);
	assert_int_equal(map.entries[1].start, MIB(1));
	assert_int_equal(map.entries[1].end, GIB(16));
	assert_int_equal(map.entries[1].type, E820_USABLE);

	/* Sorted on the way in; hexadecimal; sizes; types; a type may be left out. */
	assert_int_equal(e820_parse(" 4g+0x10M ,0x1000-0x9fc00,1M-3G usable,3G-4G reserved,"
				    "0-4K nvs , 0x9fc00-0xa0000 acpi,640K-1M unusable", &map, &err),
			 0);
	assert_int_equal(map.nr, 7);
	assert_int_equal(map.entries[0].type, E820_NVS);
	assert_int_equal(map.entries[1].start, 0x1000);
	assert_int_equal(map.entries[2].type, E820_ACPI);
	assert_int_equal(map.entries[5].type, E820_RESERVED);
	assert_int_equal(map.entries[6].start, GIB(4));
	assert_int_equal(map.entries[6].end, GIB(4) + MIB(16));
}

static void test_parse_errors(void **state)
{
	static const struct { const char *text, *says; } t[] = {
		{ "", "empty" },
		{ "  ", "empty" },
		{ "1M", "START-END" },
		{ "x-1M", "START is not a size" },
		{ "1M-", "END is not a size" },
		{ "1M-0xg", "END is not a size" },
		{ "2M-1M", "END is not above START" },
		{ "1M-1M", "END is not above START" },
		{ "1M-2M free", "TYPE is not one of usable" },
		{ "1M-2M usable usable", "comma" },
		{ "0-2M, 1M-3M", "overlaps" },
		{ "1M-65T", "64T" },
		{ "1M-99999999999999999999999", "END is not a size" },
		{ "1M-0xfffffffffT", "END is not a size" },
	};
	struct e820_map map;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		err.text[0] = 0;
		assert_int_equal(e820_parse(t[i].text, &map, &err), -22);
		if (!strstr(err.text, t[i].says))
			fail_msg("\"%s\" says \"%s\", not \"%s\"", t[i].text, err.text, t[i].says);
		assert_int_equal(strncmp(err.text, "e820: ", 6), 0);
	}
}

static void test_too_many_entries(void **state)
{
	char text[4096], *p = text;
	struct e820_map map;

	(void)state;
	for (int i = 0; i <= E820_MAX_ENTRIES; i++)
		p += sprintf(p, "%dM-%dM reserved,", 2 * i, 2 * i + 1);
	assert_int_equal(e820_parse(text, &map, &err), -22);
	assert_non_null(strstr(err.text, "128 entries"));
}

/* start, spanned, present of zone @i. */
static void assert_zone(unsigned int i, enum zone_type type, unsigned long start,
			unsigned long spanned, unsigned long present)
{
	const struct zone_spec *z = &layout.zones[i];

	assert_true(i < layout.nr_zones);
	assert_int_equal(z->type, type);
	assert_int_equal(z->start_pfn, start);
	assert_int_equal(z->spanned, spanned);
	assert_int_equal(z->present, present);
}

/* The numbers of a real x86-64 machine: 3 GiB below the hole, 21 GiB above 4 GiB. */
static void test_x86_64_24g(void **state)
{
	struct mm_options opt = { .mem_bytes = GIB(24) };

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.nr_nodes, 1);
	assert_int_equal(layout.nr_zones, 3);
	assert_zone(0, ZONE_DMA, 1, 4095, 3998);
	assert_zone(1, ZONE_DMA32, 4096, 1044480, 782336);
	assert_zone(2, ZONE_NORMAL, 1048576, 5505024, 5505024);
	assert_int_equal(layout.max_pfn, 6553600);
	assert_int_equal(layout.nodes[0].start_pfn, 1);
	assert_int_equal(layout.nodes[0].end_pfn, 6553600);
	/* Three times the whole: nothing lost, nothing twice. */
	assert_int_equal(layout.nodes[0].present, 3998 + 782336 + 5505024);
}

static void test_x86_64_small(void **state)
{
	struct mm_options opt = { .mem_bytes = MIB(64), .layout = "x86_64" };

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.nr_zones, 2);
	assert_zone(0, ZONE_DMA, 1, 4095, 3998);
	assert_zone(1, ZONE_DMA32, 4096, 12288, 12288);
}

static void test_x86_32(void **state)
{
	struct mm_options opt = { .mem_bytes = GIB(2), .layout = "x86_32" };

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.nr_zones, 3);
	assert_zone(0, ZONE_DMA, 1, 4095, 3998);
	assert_zone(1, ZONE_NORMAL, 4096, 225280, 225280);	/* 16..896 MiB */
	assert_zone(2, ZONE_HIGHMEM, 229376, 294912, 294912);	/* 896 MiB..2 GiB */
}

static void test_nodes(void **state)
{
	struct mm_options opt = { .mem_bytes = GIB(16), .nr_nodes = 4 };
	unsigned long present = 0, total = 0;

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.nr_nodes, 4);
	for (unsigned int i = 0; i < 4; i++) {
		present += layout.nodes[i].present;
		assert_in_range(layout.nodes[i].present, 1048576 - 1024, 1048576 + 1024);
		if (i) {
			assert_int_equal(layout.nodes[i].start_pfn % MAX_ORDER_NR_PAGES, 0);
			assert_true(layout.nodes[i].start_pfn >= layout.nodes[i - 1].end_pfn);
		}
	}
	for (unsigned int i = 0; i < layout.nr_zones; i++)
		total += layout.zones[i].present;
	assert_int_equal(present, total);
	assert_int_equal(present, (GIB(16) - MIB(1)) / 4096 + 158);
	/* Node 0 has DMA, DMA32 and the start of NORMAL; the others only NORMAL. */
	assert_int_equal(layout.nr_zones, 3 + 3);
	assert_int_equal(layout_pfn_to_nid(&layout, 100), 0);
	assert_int_equal(layout_pfn_to_nid(&layout, layout.max_pfn - 1), 3);
	assert_int_equal(layout_pfn_to_nid(&layout, layout.max_pfn), -1);
	assert_int_equal(layout.distance[1][1], 10);
	assert_int_equal(layout.distance[1][3], 20);
}

static void test_distance(void **state)
{
	struct mm_options opt = { .mem_bytes = GIB(1), .nr_nodes = 2, .distance = "10 21,31 10" };

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.distance[0][1], 21);
	assert_int_equal(layout.distance[1][0], 31);
}

/* /proc/zoneinfo of a 6.18.44 machine. */
static const struct zone_spec recorded[] = {
	{ .type = ZONE_DMA, .start_pfn = 1, .spanned = 4095, .present = 3998, .managed = 3840 },
	{ .type = ZONE_DMA32, .start_pfn = 4096, .spanned = 1044480, .present = 782336,
	  .managed = 772917 },
	{ .type = ZONE_NORMAL, .start_pfn = 1048576, .spanned = 5505024, .present = 5505024,
	  .managed = 983040 },
};

static unsigned long reserved_within(const struct zone_spec *z)
{
	unsigned long pages = 0;

	for (unsigned int i = 0; i < layout.nr_reserves; i++)
		if (layout.reserves[i].start_pfn >= z->start_pfn &&
		    layout.reserves[i].end_pfn <= z->start_pfn + z->spanned)
			pages += layout.reserves[i].end_pfn - layout.reserves[i].start_pfn;
	return pages;
}

static void test_recorded_zones(void **state)
{
	struct mm_options opt = { .zones = recorded, .nr_zones = 3 };

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_true(layout.replayed);
	assert_int_equal(layout.max_pfn, 6553600);
	for (unsigned int i = 0; i < 3; i++) {
		const struct zone_spec *z = &recorded[i];
		unsigned long end = z->start_pfn + z->spanned;

		assert_int_equal(e820_usable_pages(&layout.e820, z->start_pfn, end), z->present);
		assert_int_equal(z->present - reserved_within(z), z->managed);
	}
	/* The firmware hole ends at 1 MiB, the device hole begins at 3 GiB. */
	assert_int_equal(e820_usable_pages(&layout.e820, 1, 159), 158);
	assert_int_equal(e820_usable_pages(&layout.e820, 159, 256), 0);
	assert_int_equal(e820_usable_pages(&layout.e820, 786432, 1048576), 0);
	/* Normal: what is managed comes first. */
	assert_int_equal(layout.reserves[layout.nr_reserves - 1].start_pfn, 1048576 + 983040);
}

static void test_bad_wishes(void **state)
{
	static const struct zone_spec overlap[] = {
		{ .type = ZONE_DMA, .start_pfn = 0, .spanned = 4096, .present = 4096 },
		{ .type = ZONE_DMA32, .start_pfn = 4095, .spanned = 4096, .present = 4096 },
	};
	static const struct zone_spec upside_down = {
		.type = ZONE_DMA, .start_pfn = 0, .spanned = 10, .present = 20, .managed = 5,
	};
	static const struct zone_spec far_node = {
		.node = 1, .type = ZONE_DMA, .spanned = 4096, .present = 4096,
	};
	static const struct { struct mm_options opt; const char *says; } t[] = {
		{ { .mem_bytes = 0 }, "mem: 0 bytes is too little; give at least 16M" },
		{ { .mem_bytes = MIB(15) }, "at least 16M" },
		{ { .mem_bytes = MM_MEM_MAX + 4096 }, "at most 64T" },
		{ { .mem_bytes = MIB(64) + 100 }, "round it to 67108864" },
		{ { .mem_bytes = MIB(64), .nr_nodes = 5 }, "nodes: 5 nodes need at least 80M" },
		{ { .mem_bytes = GIB(1), .nr_nodes = 9 }, "nodes: 9 is too many; give 1..8" },
		{ { .mem_bytes = GIB(1), .layout = "sparc" }, "choose x86_64 or x86_32" },
		{ { .mem_bytes = GIB(65), .layout = "x86_32" }, "at most 64G" },
		{ { .e820 = "1M-9M" }, "only 8192 kB are usable" },
		{ { .e820 = "1M-64M reserved" }, "only 0 kB are usable" },
		{ { .mem_bytes = GIB(1), .nr_nodes = 2, .distance = "10 20" }, "2 rows of 2" },
		{ { .mem_bytes = GIB(1), .nr_nodes = 2, .distance = "10 5,5 10" }, "10..254" },
		{ { .mem_bytes = GIB(1), .nr_nodes = 2, .distance = "10 10,20 10" }, "local" },
		{ { .mem_bytes = GIB(1), .distance = "10,10" }, "more rows" },
		{ { .mem_bytes = GIB(1), .high_fraction = 7 }, "at least 8" },
		{ { .zones = overlap, .nr_zones = 2 }, "share a 4 MiB block" },
		{ { .zones = &upside_down, .nr_zones = 1 }, "managed 5 <= present 20" },
		{ { .zones = &far_node, .nr_zones = 1 }, "node 0 has no zone" },
		{ { .zones = recorded, .nr_zones = 33 }, "at most 32" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		err.text[0] = 0;
		assert_int_equal(layout_build(&t[i].opt, &layout, &err), -22);
		if (!strstr(err.text, t[i].says))
			fail_msg("case %zu says \"%s\", not \"%s\"", i, err.text, t[i].says);
	}
}

/* The greatest machine, and the smallest. */
static void test_extremes(void **state)
{
	struct mm_options opt = { .mem_bytes = MM_MEM_MAX };

	(void)state;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.max_pfn, (MM_MEM_MAX + GIB(1)) >> 12);
	opt.mem_bytes = MM_MEM_MIN;
	assert_int_equal(layout_build(&opt, &layout, &err), 0);
	assert_int_equal(layout.nr_zones, 1);
	assert_zone(0, ZONE_DMA, 1, 4095, 3998);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_errors),
		cmocka_unit_test(test_too_many_entries),
		cmocka_unit_test(test_x86_64_24g),
		cmocka_unit_test(test_x86_64_small),
		cmocka_unit_test(test_x86_32),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_recorded_zones),
		cmocka_unit_test(test_bad_wishes),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
