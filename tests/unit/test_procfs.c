/* SPDX-License-Identifier: MIT */
/* The /proc texts, character by character against those of real kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/machine.h"
#include "mm/page/boot.h"
#include "mm/procfs.h"

#define MIB(n)	((u64)(n) << 20)
#define TEXT_MAX	65536

static struct mm_error err;

static void boot(const struct mm_options *mm)
{
	struct kmemlab_options opt = { .cpu = { .nr_cpus = 2, .seed = 1 }, .mm = *mm };
	int code = kmemlab_boot(&opt, &err);

	if (code)
		fail_msg("boot: %d %s", code, err.text);
}

/* The file @name of the machine. */
static char *show(const char *name)
{
	static char text[TEXT_MAX];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	assert_int_equal(proc_show(name, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* A file of a recorded kernel. */
static const char *sample(const char *name, char *buf)
{
	const char *folder = getenv("KMEMLAB_DATA");
	char path[1024];
	FILE *in;
	size_t len;

	snprintf(path, sizeof(path), "%s/trace/%s", folder ? folder : "tests/data", name);
	in = fopen(path, "r");
	if (!in)
		fail_msg("cannot open %s; set KMEMLAB_DATA", path);
	len = fread(buf, 1, TEXT_MAX - 1, in);
	buf[len] = 0;
	fclose(in);
	return buf;
}

/* Zones with the borders and sizes of the recorded machine. */
static const struct zone_spec recorded[] = {
	{ .type = ZONE_DMA, .start_pfn = 1, .spanned = 4095, .present = 3998, .managed = 3840 },
	{ .type = ZONE_DMA32, .start_pfn = 4096, .spanned = 1044480, .present = 782336,
	  .managed = 772917 },
	{ .type = ZONE_NORMAL, .start_pfn = 1048576, .spanned = 5505024, .present = 5505024,
	  .managed = 360448 },
};

/* Counter lines come and go with the kernel; only those that both know are compared. */
static bool is_counter(const char *line)
{
	return strncmp(line, "      ", 6) == 0 && line[6] >= 'a' && line[6] <= 'z';
}

/* The value of these depends on what ran before; the text before it does not. */
static size_t fixed_length(const char *line)
{
	static const char *const moving[] = {
		"  pages free     ", "              count:    ", "              high:     ",
	};
	size_t len = strcspn(line, "\n");

	for (size_t i = 0; i < ARRAY_SIZE(moving); i++)
		if (strncmp(line, moving[i], strlen(moving[i])) == 0)
			return strlen(moving[i]);
	return len;
}

static const char *next_line(const char *text)
{
	return text + strcspn(text, "\n") + (strchr(text, '\n') ? 1 : 0);
}

static const char *skip_counters(const char *text)
{
	while (is_counter(text))
		text = next_line(text);
	return text;
}

/* A counter line: our format is the kernel's when its name and value stand in the same columns. */
static void check_counters(const char *ours, const char *theirs)
{
	for (; is_counter(ours); ours = next_line(ours)) {
		size_t name = strcspn(ours + 6, " ") + 6, value = name + strspn(ours + name, " ");
		const char *match = theirs;

		while (is_counter(match) && strncmp(match, ours, value) != 0)
			match = next_line(match);
		if (!is_counter(match) || match[value] == ' ')
			fail_msg("not in the kernel's format: %.*s", (int)strcspn(ours, "\n"),
				 ours);
	}
}

static void test_zoneinfo(void **state)
{
	static char buf[TEXT_MAX];
	const struct mm_options mm = { .zones = recorded, .nr_zones = 3, .thp_min_free = true };
	const char *theirs = sample("zoneinfo-6.18", buf), *ours;
	unsigned int lines = 0;

	(void)state;
	boot(&mm);
	ours = show("zoneinfo");
	while (*ours || *theirs) {
		size_t len;

		check_counters(ours, theirs);
		ours = skip_counters(ours);
		theirs = skip_counters(theirs);
		len = fixed_length(theirs);
		if (strncmp(ours, theirs, len) != 0 || fixed_length(ours) != len)
			fail_msg("line %u: ours \"%.*s\", the kernel's \"%.*s\"", lines,
				 (int)strcspn(ours, "\n"), ours, (int)strcspn(theirs, "\n"),
				 theirs);
		ours = next_line(ours);
		theirs = next_line(theirs);
		lines++;
	}
	assert_int_equal(lines, 112);
	kmemlab_shutdown();
}

/* The recorded numbers, put into zones by hand, give the recorded file. */
static void test_buddyinfo(void **state)
{
	static const char *const names[] = { "DMA", "DMA32", "Normal" };
	static char buf[TEXT_MAX];
	const char *theirs = sample("buddyinfo", buf), *line = theirs;

	(void)state;
	memset(zones, 0, sizeof(zones));
	for (u8 i = 0; i < 3; i++) {
		const char *p = strstr(line, names[i]);

		assert_non_null(p);
		p += strlen(names[i]);
		zones[i].name = names[i];
		for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
			char *end;

			zones[i].free_area[order].nr_free = strtoul(p, &end, 10);
			p = end;
		}
		line = next_line(line);
	}
	nr_zones = 3;
	assert_string_equal(show("buddyinfo"), theirs);
	nr_zones = 0;
}

#define FIVE		"      0      0      0      0      0"
#define ZEROES()	FIVE FIVE "      0 \n"

/* A kernel's text; its free DMA pages lie as ours do after boot. */
static void test_pagetypeinfo(void **state)
{
	static const char expected[] =
		"Page block order: 9\n"
		"Pages per block:  512\n"
		"\n"
		"Free pages count per migrate type at order       0      1      2      3      4"
		"      5      6      7      8      9     10 \n"
		"Node    0, zone      DMA, type    Unmovable" ZEROES()
		"Node    0, zone      DMA, type      Movable"
		"      0      0      0      0      0      0      0      0      1      1      3 \n"
		"Node    0, zone      DMA, type  Reclaimable" ZEROES()
		"Node    0, zone      DMA, type   HighAtomic" ZEROES()
		"Node    0, zone      DMA, type      Isolate" ZEROES()
		"Node    0, zone    DMA32, type    Unmovable" ZEROES()
		"Node    0, zone    DMA32, type      Movable"
		"      0      0      0      0      0      0      0      0      0      0     12 \n"
		"Node    0, zone    DMA32, type  Reclaimable" ZEROES()
		"Node    0, zone    DMA32, type   HighAtomic" ZEROES()
		"Node    0, zone    DMA32, type      Isolate" ZEROES()
		"\n"
		"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic"
		"      Isolate \n"
		"Node 0, zone      DMA            0            8            0            0"
		"            0 \n"
		"Node 0, zone    DMA32            0           24            0            0"
		"            0 \n";
	const struct mm_options mm = { .mem_bytes = MIB(64), .no_memmap = true };

	(void)state;
	boot(&mm);
	assert_string_equal(show("pagetypeinfo"), expected);
	kmemlab_shutdown();
}

static void test_iomem(void **state)
{
	static const char expected[] =
		"00000000-00000fff : Reserved\n"
		"00001000-0009fbff : System RAM\n"
		"0009fc00-000fffff : Reserved\n"
		"00100000-bfffffff : System RAM\n"
		"c0000000-ffffffff : Reserved\n"
		"100000000-13fffffff : System RAM\n"
		"  13c001000-13fffffff : memmap\n";
	const struct mm_options mm = { .mem_bytes = MIB(4096) };

	(void)state;
	boot(&mm);
	assert_string_equal(show("iomem"), expected);
	kmemlab_shutdown();
}

static void test_vmstat(void **state)
{
	const struct mm_options mm = { .mem_bytes = MIB(64), .no_memmap = true };
	const char *text;
	unsigned int lines = 0;

	(void)state;
	boot(&mm);
	text = show("vmstat");
	assert_int_equal(strncmp(text, "nr_free_pages 16128\n", 20), 0);
	assert_non_null(strstr(text, "\npgalloc_normal 0\n"));
	assert_non_null(strstr(text, "\npgfree 0\n"));
	for (; *text; text = next_line(text)) {
		char name[64];
		unsigned long value;
		int used = 0;

		assert_int_equal(sscanf(text, "%63[a-z0-9_] %lu%n", name, &value, &used), 2);
		assert_int_equal(text[used], '\n');
		lines++;
	}
	assert_true(lines > 40);
	kmemlab_shutdown();
}

static void test_meminfo(void **state)
{
	struct mm_options mm = { .mem_bytes = MIB(64), .no_memmap = true };
	const char *text;

	(void)state;
	boot(&mm);
	text = show("meminfo");
	assert_int_equal(strncmp(text, "MemTotal:          64512 kB\n"
				 "MemFree:           64512 kB\n"
				 "MemAvailable:   ", 28 + 28 + 16), 0);
	assert_non_null(strstr(text, "\nInactive(file):        0 kB\n"));
	assert_null(strstr(text, "HighTotal"));
	kmemlab_shutdown();

	mm.layout = "x86_32";
	mm.mem_bytes = MIB(1024);
	boot(&mm);
	text = show("meminfo");
	assert_non_null(strstr(text, "\nHighTotal:        131072 kB\nHighFree:         131072 kB\n"
			       "LowTotal:         916480 kB\nLowFree:          916480 kB\n"));
	kmemlab_shutdown();
}

static void show_on_cpu(void *arg)
{
	const char *name;

	(void)arg;
	for (unsigned int i = 0; (name = proc_name(i)) != NULL; i++)
		BUG_ON(strlen(show(name)) < 40);
}

static void show_hello(FILE *out)
{
	fputs("A text of somebody else, forty characters\n", out);
}

static void test_table(void **state)
{
	const struct mm_options mm = { .mem_bytes = MIB(64), .nr_nodes = 2 };

	(void)state;
	assert_int_equal(proc_show("nothing", stderr), -2);
	proc_register("hello", show_hello);
	proc_register("hello", show_hello);
	assert_string_equal(show("hello"), "A text of somebody else, forty characters\n");
	boot(&mm);
	cpu_run(1, show_on_cpu, NULL);
	assert_non_null(strstr(show("zoneinfo"), "Node 1, zone      DMA\n  pages free     0\n"));
	kmemlab_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zoneinfo),
		cmocka_unit_test(test_buddyinfo),
		cmocka_unit_test(test_pagetypeinfo),
		cmocka_unit_test(test_iomem),
		cmocka_unit_test(test_vmstat),
		cmocka_unit_test(test_meminfo),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
