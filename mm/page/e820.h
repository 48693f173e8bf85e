/* SPDX-License-Identifier: MIT */
/* The firmware's memory map (arch/x86/kernel/e820.c): which physical addresses are RAM. */
#ifndef MM_PAGE_E820_H
#define MM_PAGE_E820_H

#include "mm/page/mm_options.h"

#define E820_MAX_ENTRIES	128

enum e820_type { E820_USABLE, E820_RESERVED, E820_ACPI, E820_NVS, E820_UNUSABLE, NR_E820_TYPES };

struct e820_entry {
	u64 start, end;			/* bytes, [start, end) */
	enum e820_type type;
};

struct e820_map {
	unsigned int nr;
	struct e820_entry entries[E820_MAX_ENTRIES];	/* sorted, disjoint */
};

/*
 * Reads a map from text: entries "START-END TYPE" separated by commas.  START and END are bytes,
 * decimal or 0x hexadecimal, with an optional K, M, G or T; END is exclusive.  TYPE is usable,
 * reserved, acpi, nvs or unusable; without one the entry is usable.  "END" may be "+SIZE".
 * Returns 0, or -EINVAL with the offending entry in @err.  Host thread.
 */
__must_check int e820_parse(const char *text, struct e820_map *map, struct mm_error *err);

/*
 * The map of a PC with @mem_bytes of RAM: the first page and 639K-1M taken by the firmware, and
 * with more than 3 GiB a hole for devices from 3 to 4 GiB, above which memory continues.
 */
__must_check int e820_preset(u64 mem_bytes, struct e820_map *map, struct mm_error *err);

/* Adds one entry; -EINVAL when it is empty or overlaps, -ENOSPC when the map is full. */
__must_check int e820_add(struct e820_map *map, const struct e820_entry *entry);

/* Name as in /proc/iomem: "System RAM", "Reserved", "ACPI Tables", ... */
const char *e820_type_name(enum e820_type type);

/* Whole usable pages in [start_pfn, end_pfn). */
unsigned long e820_usable_pages(const struct e820_map *map, unsigned long start_pfn,
				unsigned long end_pfn);

/* The usable entry @i as whole pages; false when it holds none or is not usable. */
bool e820_usable_pfns(const struct e820_map *map, unsigned int i, unsigned long *start_pfn,
		      unsigned long *end_pfn);

#endif /* MM_PAGE_E820_H */
