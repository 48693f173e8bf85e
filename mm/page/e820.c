/* SPDX-License-Identifier: MIT */
/* The firmware's memory map: its text form, the preset of a PC, and page counts. */
#include "mm/page/e820.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int mm_error(struct mm_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return code;
}

static const struct {
	const char *option, *iomem;
} type_names[NR_E820_TYPES] = {
	[E820_USABLE]	= { "usable", "System RAM" },
	[E820_RESERVED]	= { "reserved", "Reserved" },
	[E820_ACPI]	= { "acpi", "ACPI Tables" },
	[E820_NVS]	= { "nvs", "ACPI Non-volatile Storage" },
	[E820_UNUSABLE]	= { "unusable", "Unusable memory" },
};

const char *e820_type_name(enum e820_type type)
{
	return type_names[type].iomem;
}

int e820_add(struct e820_map *map, const struct e820_entry *entry)
{
	unsigned int at = map->nr;

	if (entry->end <= entry->start)
		return -EINVAL;
	if (map->nr == E820_MAX_ENTRIES)
		return -ENOSPC;
	while (at > 0 && map->entries[at - 1].start > entry->start)
		at--;
	if (at > 0 && map->entries[at - 1].end > entry->start)
		return -EINVAL;
	if (at < map->nr && map->entries[at].start < entry->end)
		return -EINVAL;
	memmove(&map->entries[at + 1], &map->entries[at],
		(map->nr - at) * sizeof(map->entries[0]));
	map->entries[at] = *entry;
	map->nr++;
	return 0;
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t' || *s == '\n')
		s++;
	return s;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Reads a size at *@s; false when there is none or it does not fit 64 bits. */
static bool parse_size(const char **s, u64 *out)
{
	static const char suffixes[] = "KMGT";
	const char *p = skip_blanks(*s), *suffix;
	u64 base = 10, value = 0;
	unsigned int shift = 0;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (digit_value(*p) >= (int)base)
		return false;
	for (; digit_value(*p) < (int)base; p++) {
		u64 next = value * base + (u64)digit_value(*p);

		if (value > ~0ULL / 16)
			return false;
		value = next;
	}
	suffix = *p ? strchr(suffixes, toupper((unsigned char)*p)) : NULL;
	if (suffix) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		p++;
	}
	if (shift && value >> (64 - shift))
		return false;
	*out = value << shift;
	*s = p;
	return true;
}

/* Reads one entry at *@s up to a comma or the end; NULL, or what is wrong with it. */
static const char *parse_entry(const char **s, struct e820_entry *entry)
{
	const char *p = *s;
	size_t len;
	bool relative;

	if (!parse_size(&p, &entry->start))
		return "START is not a size";
	p = skip_blanks(p);
	relative = *p == '+';
	if (*p != '-' && *p != '+')
		return "expected START-END or START+SIZE";
	p++;
	if (!parse_size(&p, &entry->end))
		return "END is not a size";
	if (relative)
		entry->end += entry->start;
	if (entry->end <= entry->start)
		return "END is not above START";
	if (entry->end > MM_MEM_MAX)
		return "END is above 64T, the largest physical address";
	p = skip_blanks(p);
	len = strcspn(p, ", \t\n");
	entry->type = E820_USABLE;
	if (len) {
		int type = 0;

		while (type < NR_E820_TYPES &&
		       (strlen(type_names[type].option) != len ||
			memcmp(type_names[type].option, p, len) != 0))
			type++;
		if (type == NR_E820_TYPES)
			return "TYPE is not one of usable, reserved, acpi, nvs, unusable";
		entry->type = (enum e820_type)type;
	}
	p = skip_blanks(p + len);
	if (*p && *p != ',')
		return "expected a comma after TYPE";
	*s = *p ? p + 1 : p;
	return NULL;
}

int e820_parse(const char *text, struct e820_map *map, struct mm_error *err)
{
	const char *p = skip_blanks(text);

	map->nr = 0;
	if (!*p)
		return mm_error(err, -EINVAL,
				"e820: the map is empty; give entries like \"1M-16G usable\"");
	while (*p) {
		struct e820_entry entry;
		const char *at = skip_blanks(p), *wrong = parse_entry(&p, &entry);
		int len = (int)strcspn(at, ",");

		if (!wrong) {
			int code = e820_add(map, &entry);

			if (code == -ENOSPC)
				wrong = "more than 128 entries";
			else if (code)
				wrong = "overlaps an earlier entry";
		}
		if (wrong)
			return mm_error(err, -EINVAL, "e820: entry %u \"%.*s\": %s", map->nr + 1,
					min(len, 60), at, wrong);
		p = skip_blanks(p);
	}
	return 0;
}

/* The firmware's part of the first MiB, and where devices live below 4 GiB. */
#define LOW_USABLE_START	0x1000ULL
#define LOW_USABLE_END		0x9fc00ULL
#define HIGH_START		0x100000ULL
#define DEVICE_HOLE_START	(3ULL << 30)
#define DEVICE_HOLE_END		(4ULL << 30)

int e820_preset(u64 mem_bytes, struct e820_map *map, struct mm_error *err)
{
	const struct e820_entry low[] = {
		{ 0, LOW_USABLE_START, E820_RESERVED },
		{ LOW_USABLE_START, LOW_USABLE_END, E820_USABLE },
		{ LOW_USABLE_END, HIGH_START, E820_RESERVED },
		{ HIGH_START, min(mem_bytes, DEVICE_HOLE_START), E820_USABLE },
	};
	const struct e820_entry high[] = {
		{ DEVICE_HOLE_START, DEVICE_HOLE_END, E820_RESERVED },
		{ DEVICE_HOLE_END, DEVICE_HOLE_END + mem_bytes - DEVICE_HOLE_START, E820_USABLE },
	};
	int code = 0;

	if (mem_bytes < MM_MEM_MIN)
		return mm_error(err, -EINVAL, "mem: %llu bytes is too little; give at least 16M",
				(unsigned long long)mem_bytes);
	if (mem_bytes > MM_MEM_MAX)
		return mm_error(err, -EINVAL, "mem: %llu bytes is too much; give at most 64T",
				(unsigned long long)mem_bytes);
	if (mem_bytes % PAGE_SIZE)
		return mm_error(err, -EINVAL,
				"mem: %llu bytes is not a multiple of the page size; "
				"round it to %llu",
				(unsigned long long)mem_bytes,
				(unsigned long long)(mem_bytes & ~(PAGE_SIZE - 1)));
	map->nr = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(low) && !code; i++)
		code = e820_add(map, &low[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(high) && !code; i++)
		if (mem_bytes > DEVICE_HOLE_START)
			code = e820_add(map, &high[i]);
	return code;
}

bool e820_usable_pfns(const struct e820_map *map, unsigned int i, unsigned long *start_pfn,
		      unsigned long *end_pfn)
{
	const struct e820_entry *entry = &map->entries[i];

	*start_pfn = (unsigned long)((entry->start + PAGE_SIZE - 1) >> PAGE_SHIFT);
	*end_pfn = (unsigned long)(entry->end >> PAGE_SHIFT);
	return entry->type == E820_USABLE && *start_pfn < *end_pfn;
}

unsigned long e820_usable_pages(const struct e820_map *map, unsigned long start_pfn,
				unsigned long end_pfn)
{
	unsigned long pages = 0, start, end;

	for (unsigned int i = 0; i < map->nr; i++) {
		if (!e820_usable_pfns(map, i, &start, &end))
			continue;
		start = max(start, start_pfn);
		end = min(end, end_pfn);
		if (start < end)
			pages += end - start;
	}
	return pages;
}
