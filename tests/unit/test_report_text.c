/* SPDX-License-Identifier: MIT */
/* test_report_text.c - report texts: lock_stat byte for byte, the table, one lock's page, units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "stress/report/lock_text.h"
#include "stress/report/result_file.h"
#include "stress/report/spelling.h"
#include "stress/report/text.h"
#include "tests/unit/report_sample.h"

/* What @print writes about the sample report. */
static char *output_of(void (*print)(const struct lock_report *r, FILE *out))
{
	struct lock_report r;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	sample_report(&r);
	lock_report_add_exact(&r, "pcp[cpu0]", 5000, 2);
	print(&r, out);
	lock_report_free(&r);
	fclose(out);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("missing: %s\nin:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

/* ---- /proc/lock_stat ---- */

static void repeat(char *to, char c, int n)
{
	memset(to, c, (size_t)n);
	to[n] = '\0';
}

static void test_lock_stat_layout(void **state)
{
	char *text = output_of(lock_report_write_lock_stat), *line, *save = NULL;
	char dashes[256], dots[256];
	int nr_dashes = 0, nr_dots = 0;

	(void)state;
	repeat(dashes, '-', 221);
	repeat(dots, '.', 221);
	assert_memory_equal(text, "lock_stat version 0.4\n-----", 27);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		nr_dashes += strcmp(line, dashes) == 0;
		nr_dots += strcmp(line, dots) == 0;
		if (strstr(line, "class name"))
			assert_int_equal(strlen(line), 220);
		if (strstr(line, "]:") || strstr(line, "-W:") || strstr(line, "-R:")) {
			assert_int_equal(strlen(line), 220);
			assert_int_equal(line[40], ':');
		}
	}
	assert_int_equal(nr_dashes, 2);
	assert_int_equal(nr_dots, 2);
	free(text);
}

/*
 * Computed by hand from the sample.  mmap_lock's writers: one sampled hold of 20 006 ns stands for
 * four, 80.024 us.
 */
static void test_lock_stat_rows(void **state)
{
	char *text = output_of(lock_report_write_lock_stat);

	(void)state;
	assert_has(text, "\n                      zone->lock[Normal]:"
		   "            90            100           1.00         100.00        1090.00"
		   "          10.90            600           1000           0.50           0.50"
		   "         500.00           0.50\n");
	assert_has(text, "\n                             mmap_lock-W:"
		   "             0              0           0.00           0.00           0.00"
		   "           0.00              1              4          20.01          20.01"
		   "          80.02          20.01\n");
	assert_has(text, "\n                             mmap_lock-R:"
		   "             0              2           4.99           5.01          10.00"
		   "           5.00              0             40           0.00           0.00"
		   "           0.00           0.00\n");
	/* The points: where it was waited for, then where it was held. */
	assert_has(text, "\n                             -----------\n"
		   "                               mmap_lock              2"
		   "          [<0000000000000003>] fault+0x21/0x0 [mm/vma/fault.c:33]\n"
		   "                             -----------\n"
		   "                               mmap_lock              2"
		   "          [<0000000000000004>] unmap+0x7/0x0 [mm/vma/mmap.c:7]\n\n......");
	assert_true(strstr(text, "zone->lock") < strstr(text, "mmap_lock"));
	assert_null(strstr(text, "idle"));
	assert_null(strstr(text, "pcp"));	/* its owner's counts have no times */
	free(text);
}

static void many_points(const struct lock_report *sample, FILE *out)
{
	struct lock_report r;

	(void)sample;
	sample_report(&r);
	free(r.classes[2].name);
	r.classes[2].name = string_copy("a-name-of-a-lock-class-that-is-over-thirty-seven-letters");
	for (u32 i = 0; i < 6; i++) {
		struct lock_report_pair pair = r.pairs[0];

		sample_site(&r, "f.c", "more", 100 + i);
		pair.waiter = pair.holder = r.nr_sites - 1;
		pair.contended = 200 + i;
		*array_add(r.pairs, r.nr_pairs) = pair;
	}
	lock_report_write_lock_stat(&r, out);
	lock_report_free(&r);
}

static void test_lock_stat_limits(void **state)
{
	char *text = output_of(many_points);
	int points = 0;

	(void)state;
	/* Names are cut to 37 letters, points to the four most frequent of each kind. */
	assert_has(text, "   a-name-of-a-lock-class-that-is-over-t:  ");
	assert_has(text, "\n   -------------------------------------\n");
	for (const char *at = text; (at = strstr(at, "more+0x")) != NULL; at++)
		points++;
	assert_int_equal(points, 8);
	assert_has(text, "more+0x69/0x0");
	assert_null(strstr(text, "more+0x65/0x0"));
	free(text);
}

/* ---- the table and the page ---- */

static void print_table(const struct lock_report *r, FILE *out)
{
	const struct lock_text_options opt = { .sort = LOCK_SORT_WAIT };

	lock_text_recorder(r, out);
	lock_text_table(r, &opt, out);
}

static void test_table(void **state)
{
	char *text = output_of(print_table), *save = NULL;

	(void)state;
	assert_has(text, "10.8 ns per uncontended lock+unlock (14.1 ns with, 3.3 without)");
	assert_has(text, "1 in 64 sampled (11) and all after a wait (100)");
	assert_has(text, "100/1 000   10 %    100 us    500 ns    60 %\n");
	assert_has(text, "drain page_alloc.c:498 -> refill :412  92 % of its wait\n");
	assert_has(text, "fault fault.c:33 -> unmap mmap.c:7  100 % of its wait\n");
	assert_has(text, "why: 92 % of the waiting for zone->lock[Normal] is one pair");
	assert_has(text, "0/5 000");
	assert_null(strchr(text, '\033'));
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		assert_true(strlen(l) <= 100);
	free(text);
}

static void print_top(const struct lock_report *r, FILE *out)
{
	const struct lock_text_options opt = { .sort = LOCK_SORT_ACQUIRED, .top = 1 };

	lock_text_table(r, &opt, out);
}

static void test_top_and_sort(void **state)
{
	char *text = output_of(print_top);

	(void)state;
	assert_has(text, "\npcp[cpu0]");
	assert_null(strstr(text, "\nmmap_lock"));
	assert_has(text, "1 of 3 locks");
	free(text);
}

static void print_quiet(const struct lock_report *sample, FILE *out)
{
	const struct lock_text_options opt = { .sort = LOCK_SORT_WAIT };
	struct lock_report r = { .elapsed_ns = 1, .nr_cpus = 1 };

	(void)sample;
	lock_text_table(&r, &opt, out);
	lock_report_free(&r);
}

static void test_nothing_recorded_gives_no_reasons(void **state)
{
	char *text = output_of(print_quiet);

	(void)state;
	assert_has(text, "0 of 0 locks");
	assert_null(strstr(text, "why:"));
	free(text);
}

static void print_page(const struct lock_report *r, FILE *out)
{
	const struct lock_text_options opt = { .sort = LOCK_SORT_WAIT };

	assert_true(lock_text_has_page(r, "zone->lock"));
	assert_true(lock_text_has_page(r, "zone->lock[Normal]"));
	assert_false(lock_text_has_page(r, "idle"));
	assert_string_equal(lock_text_nearest(r, "zone->lokc"), "zone->lock[Normal]");
	assert_null(lock_text_nearest(r, "qqqqqqqqqqq"));
	lock_text_page(r, "zone->lock", &opt, out);
}

static void test_page(void **state)
{
	char *text = output_of(print_page);

	(void)state;
	assert_has(text, "contended         100 = 10 % of acquired\n");
	assert_has(text, "spun / slept      90 / 10");
	assert_has(text, "deepest queue     2 CPUs");
	assert_has(text, "held, estimated   500 us = <0.1 % of 1.0 s\n");
	assert_has(text, "   512 ns ..               90    90 %  ################################"
		   "########\n");
	assert_has(text, "    66 us ..               10    10 %  ####\n");
	assert_has(text, "   256 ns ..            1 000   100 %  ");
	assert_has(text, "     1              400              10     75 %         1.0 ms");
	assert_has(text, "  hardirq                          10         1.0 ms       92 %\n");
	assert_has(text, "             600              90   refill page_alloc.c:412\n");
	assert_has(text, "-> drain :498\n");
	free(text);
}

/* ---- units ---- */

static void test_units(void **state)
{
	(void)state;
	assert_string_equal(text_ns(0).s, "0 ns");
	assert_string_equal(text_ns(999).s, "999 ns");
	assert_string_equal(text_ns(999.6).s, "1.0 us");
	assert_string_equal(text_ns(1449).s, "1.4 us");
	assert_string_equal(text_ns(61200).s, "61 us");
	assert_string_equal(text_ns(472e6).s, "472 ms");
	assert_string_equal(text_ns(5.24e9).s, "5.2 s");
	assert_string_equal(text_count(0).s, "0");
	assert_string_equal(text_count(999).s, "999");
	assert_string_equal(text_count(1000).s, "1 000");
	assert_string_equal(text_count(96310123).s, "96 310 123");
	assert_string_equal(text_count(UINT64_MAX).s, "18 446 744 073 709 551 615");
	assert_string_equal(text_share(0, 10).s, "0 %");
	assert_string_equal(text_share(1, 0).s, "-");
	assert_string_equal(text_share(1, 10000).s, "<0.1 %");
	assert_string_equal(text_share(59, 1000).s, "5.9 %");
	assert_string_equal(text_share(1, 1).s, "100 %");
}

static void test_spelling(void **state)
{
	static const char *const names[] = { "report", "stress", "doctor", "help" };

	(void)state;
	assert_int_equal(spelling_distance("", "abc"), 3);
	assert_int_equal(spelling_distance("report", "report"), 0);
	assert_int_equal(spelling_distance("repotr", "report"), 1);
	assert_int_equal(spelling_distance("kitten", "sitting"), 3);
	assert_string_equal(spelling_nearest("repotr", names, 4), "report");
	assert_string_equal(spelling_nearest("Stres", names, 4), "stress");
	assert_string_equal(spelling_nearest("do", names, 4), "doctor");
	assert_null(spelling_nearest("qwerty", names, 4));
	assert_null(spelling_nearest("x", names, 0));
}

static void test_colour_is_a_decision(void **state)
{
	FILE *out = tmpfile();

	(void)state;
	assert_non_null(out);
	unsetenv("NO_COLOR");
	unsetenv("CLICOLOR_FORCE");
	assert_string_equal(text_colours(out).red, "");		/* no terminal */
	setenv("CLICOLOR_FORCE", "1", 1);
	assert_string_not_equal(text_colours(out).red, "");
	setenv("NO_COLOR", "1", 1);
	assert_string_equal(text_colours(out).red, "");		/* the stronger wish */
	setenv("NO_COLOR", "", 1);
	assert_string_not_equal(text_colours(out).red, "");
	setenv("CLICOLOR_FORCE", "0", 1);
	assert_string_equal(text_colours(out).red, "");
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock_stat_layout),
		cmocka_unit_test(test_lock_stat_rows),
		cmocka_unit_test(test_lock_stat_limits),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_top_and_sort),
		cmocka_unit_test(test_nothing_recorded_gives_no_reasons),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_colour_is_a_decision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
