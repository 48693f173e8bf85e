/* SPDX-License-Identifier: MIT */
/* test_trace_errors.c - every kind of bad input gives one clear error: where, what, what to do. */
#include "tests/unit/test_trace_data.h"

#include "stress/replay/trace_load.h"

#define GOOD "t-1 [000] 1.5: mm_page_free: page=0 pfn=0x10 order=0\n"

static void check_error(const void *data, size_t size, const char *where, const char *what)
{
	struct trace_error err = { "" };
	struct trace t;

	assert_true(trace_load_mem(data, size, "t.txt", &t, &err) < 0);
	if (strncmp(err.text, where, strlen(where)) != 0 || !strstr(err.text, what) ||
	    (!strstr(err.text, "; ") && !strstr(err.text, ": convert it with ")) ||
	    strchr(err.text, '\n'))
		fail_msg("want `%s` ... `%s`, got `%s`", where, what, err.text);
	assert_null(t.events);
}

static void check_text(const char *text, const char *where, const char *what)
{
	check_error(text, strlen(text), where, what);
}

static void test_foreign_files(void **state)
{
	static const char dat[] = "\x17\x08\x44tracing6";
	static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	static const char elf[] = "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0";

	(void)state;
	check_error("", 0, "t.txt:1: ", "the file is empty");
	check_error(dat, sizeof(dat), "t.txt: ", "trace.dat");
	check_error(png, sizeof(png), "t.txt:1: ", "PNG");
	check_error(elf, sizeof(elf), "t.txt:1: ", "ELF");
	check_text("PERFILE2xxxxxxxx", "t.txt:1: ", "perf script");
	check_text("{\n  \"a\": 1\n}\n", "t.txt:1: ", "JSON");
	check_text("{ \"a\": 1 }\n", "t.txt:1: ", "no kernel trace");
	check_text("[{\"a\": 1}]\n", "t.txt:1: ", "JSON");
	check_text("Node 0, zone DMA\n", "t.txt:1: ", "state file");
	check_text("hello world\n", "t.txt:1: ", "no kernel trace");
	check_text("BZh91AY&SY000000", "t.txt: ", "bzip2");
	check_text("\x04\x22\x4d\x18xxxxxxxxxxxxxx", "t.txt: ", "lz4");
	check_text("# tracer: nop\n#\n", "t.txt:2: ", "no event");
	check_text("t-1 [000] 1.5: sched_switch: a\n", "t.txt:1: ", "no event of a known name");
}

static void test_bad_lines(void **state)
{
	(void)state;
	check_text(GOOD "garbage\n" GOOD, "t.txt:2: ", "`[cpu]` column");
	check_text(GOOD "t [000] 1.5: x: y\n", "t.txt:2: ", "no pid");
	check_text(GOOD "t-1 [000] d.q1. 1.5: x: y\n", "t.txt:2: ", "context column");
	check_text(GOOD "t-1 [000] 15: x: y\n", "t.txt:2: ", "no time");
	check_text(GOOD "t-1 [000] 1.1234567890: x: y\n", "t.txt:2: ", "no time");
	check_text(GOOD "t-1 [000] 1.6: mm_page_free: page=0\n", "t.txt:2: ", "`pfn=`");
	check_text(GOOD "t-1 [000] 1.6: mm_page_free: page=0 pfn=0x1z order=0\n", "t.txt:2: ",
		   "`pfn=`");
	check_text(GOOD "t-1 [000] 1.6: mm_page_pcpu_drain: page=0 pfn=0x1 order=0\n",
		   "t.txt:2: ", "`migratetype=`");
	check_text(GOOD "t-1 [000] 1.6: mm_page_alloc: page=0 pfn=0x1 order=0 migratetype=0 "
		   "gfp_flags=gfp?\n", "t.txt:2: ", "`gfp_flags=`");
	check_text(GOOD "t-1 [000] 1.6: kmem_cache_alloc: call_site=f ptr=12 name=n\n",
		   "t.txt:2: ", "`name=`");
	check_text(GOOD "t-1 [000] 1.6: kfree: ptr=12\n", "t.txt:2: ", "`call_site=`");
	check_text(GOOD "t-1 [000] 1.6: tlb_flush: pages:1 reason:x\n", "t.txt:2: ", "`reason:`");
	check_text(GOOD "t-1 [000] 1.6: contention_begin: zz (flags=SPIN)\n", "t.txt:2: ",
		   "lock address");
	check_text(GOOD "t-1 [000] 1.6: contention_end: 12 (rat=0)\n", "t.txt:2: ", "`(ret=`");
	check_text("# entries-in-buffer/entries-written: 7/5\n" GOOD, "t.txt:1: ", "entry counts");
	check_text(GOOD "CPU:99999 [LOST 1 EVENTS]\n", "t.txt:2: ", "LOST");
	check_text(GOOD "CPU:1 [FOUND 1]\n", "t.txt:2: ", "LOST");
}

static void test_absurd_values(void **state)
{
	(void)state;
	check_text(GOOD "t-1 [000] 1.6: mm_page_free: page=0 pfn=0x1 order=99\n", "t.txt:2: ",
		   "order=99 (0x63) is absurd");
	check_text(GOOD "t-1 [000] 1.6: mm_page_free: page=0 pfn=0x10000000000 order=0\n",
		   "t.txt:2: ", "pfn=1099511627776 (0x10000000000) is absurd");
	check_text(GOOD "t-1 [100000] 1.6: mm_page_free: page=0 pfn=0x1 order=0\n", "t.txt:2: ",
		   "CPU number");
	check_text(GOOD "t-1 [000] 1.6: mm_page_pcpu_drain: page=0 pfn=0x1 order=0 "
		   "migratetype=7\n", "t.txt:2: ", "migratetype=7 ");
	check_text(GOOD "t-1 [000] 1.6: kmalloc: call_site=f ptr=1 bytes_req=99999999999 "
		   "bytes_alloc=8 gfp_flags=GFP_KERNEL\n", "t.txt:2: ", "bytes_req=");
	check_text(GOOD "t-1 [000] 1.6: kmalloc: call_site=f ptr=1 bytes_req=8 bytes_alloc=8 "
		   "gfp_flags=GFP_KERNEL node=70000 accounted=true\n", "t.txt:2: ", "node=");
	/* Also on a last line without line end: an absurd value is not a cut line. */
	check_text(GOOD "t-1 [000] 1.6: mm_page_free: page=0 pfn=0x1 order=99", "t.txt:2: ",
		   "absurd");
}

static void test_time_backwards(void **state)
{
	(void)state;
	check_text(GOOD GOOD "t-1 [000] 1.499999: mm_page_free: page=0 pfn=0x10 order=0\n" GOOD,
		   "t.txt:3: ", "time goes backwards on CPU 0 (1000 ns before");
}

static void test_nul_and_long_line(void **state)
{
	static const char nul[] = GOOD "t-1 [000] 1.6: x: \0\n" GOOD;
	size_t size = 10u << 20;
	char *big = malloc(size);

	(void)state;
	check_error(nul, sizeof(nul) - 1, "t.txt:2: ", "NUL byte");
	assert_non_null(big);
	memset(big, 'a', size);
	check_error(big, size, "t.txt:1: ", "longer than 65536");
	memcpy(big, GOOD, strlen(GOOD));
	check_error(big, size, "t.txt:2: ", "longer than 65536");
	memset(big, '[', size);
	check_error(big, 60000, "t.txt:1: ", "`[cpu]` column");
	memset(big, ' ', 60000);
	memcpy(big + 59990, "5 [1]5 [1]", 10);
	check_error(big, 60000, "t.txt:1: ", "`[cpu]` column");
	free(big);
}

static void check_damaged(const char *name, const char *format)
{
	struct blob blob = read_data(name);
	char what[64];

	/* Cut at every place behind the magic number: never accepted. */
	snprintf(what, sizeof(what), "%s stream ends early", format);
	check_error(blob.data, blob.size - 1, "t.txt:", what);
	check_error(blob.data, blob.size / 2, "t.txt:", what);
	check_error(blob.data, 20, "t.txt:", what);
	for (size_t size = 7; size < blob.size; size += 13)
		check_error(blob.data, size, "t.txt:", format);
	/* One flipped bit in the middle: the checksum or the format notices. */
	blob.data[blob.size / 2] ^= 0x10;
	check_error(blob.data, blob.size, "t.txt:", "t.txt:");
	free(blob.data);
}

static void test_damaged_compression(void **state)
{
	(void)state;
	check_damaged("ftrace.txt.xz", "xz");
	check_damaged("ftrace.txt.gz", "gzip");
	check_damaged("ftrace.txt.zst", "zstd");
}

static void test_files(void **state)
{
	struct trace_error err = { "" };
	struct trace t;

	(void)state;
	assert_true(trace_load("no/such/file", &t, &err) < 0);
	assert_non_null(strstr(err.text, "no/such/file: cannot be opened: No such file"));
	assert_true(trace_load(data_path("."), &t, &err) < 0);
	assert_non_null(strstr(err.text, "cannot be read: Is a directory"));
	/* Without a place for the text, the failure alone is told. */
	assert_true(trace_load("no/such/file", &t, NULL) < 0);
}

static void test_error_text(void **state)
{
	char path[600];
	struct trace_error err;

	(void)state;
	memset(path, 'p', sizeof(path));
	memcpy(path + sizeof(path) - 10, "/end.trace", 10);
	path[sizeof(path) - 1] = '\0';
	trace_error_set(&err, path, 7, "%s; do \x1b[31mthis\n", "what");
	assert_non_null(strstr(err.text, "/end.trac:7: what; do ?[31mthis?"));
	assert_int_equal(strncmp(err.text, "...ppp", 6), 0);
	trace_error_set(&err, "f", 0, "%s", path);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_absurd_values),
		cmocka_unit_test(test_time_backwards),
		cmocka_unit_test(test_nul_and_long_line),
		cmocka_unit_test(test_damaged_compression),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_error_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
