/* SPDX-License-Identifier: MIT */
/* Numbers as people write them: what is taken, what is refused, and the way back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "stress/harness/parse.h"

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		int err;
		u64 value;
	} cases[] = {
		{ "0", 0, 0 }, { "42", 0, 42 }, { "0x1F", 0, 31 }, { "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 }, { "1k", -EINVAL, 0 }, { "0x", -EINVAL, 0 },
		{ "x", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 value = 4711;

		assert_int_equal(parse_u64(cases[i].text, &value), cases[i].err);
		assert_int_equal(value, cases[i].err ? 4711 : cases[i].value);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int err;
		u64 value;
	} cases[] = {
		{ "4096", 0, 4096 }, { "1K", 0, 1024 }, { "2k", 0, 2048 }, { "3M", 0, 3ULL << 20 },
		{ "4GiB", 0, 4ULL << 30 }, { "5TB", 0, 5ULL << 40 }, { "7B", 0, 7 }, { "0", 0, 0 },
		{ "16777215T", 0, 16777215ULL << 40 }, { "16777216T", -ERANGE, 0 },
		{ "M", -EINVAL, 0 }, { "1X", -EINVAL, 0 }, { "1Mi", -EINVAL, 0 },
		{ "1MM", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 }, { "-1M", -EINVAL, 0 }, { "", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 value = 4711;

		assert_int_equal(parse_size(cases[i].text, &value), cases[i].err);
		assert_int_equal(value, cases[i].err ? 4711 : cases[i].value);
	}
}

static void test_format_is_the_inverse(void **state)
{
	static const struct {
		u64 value;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 1, "1" }, { 1024, "1K" }, { 1025, "1025" }, { 256ULL << 20, "256M" },
		{ 3ULL << 40, "3T" }, { 4096ULL << 40, "4096T" }, { 1536ULL << 20, "1536M" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 back = 0;

		assert_string_equal(format_size(cases[i].value, buf, sizeof(buf)), cases[i].text);
		assert_int_equal(parse_size(buf, &back), 0);
		assert_int_equal(back, cases[i].value);
	}
}

static void test_seconds(void **state)
{
	static const char *const bad[] = {
		"", "x", "-1", "1s", "1e3", "inf", "nan", "0x10", ".5", "1.2.3", " 1",
	};
	double value = -1;

	(void)state;
	assert_int_equal(parse_seconds("60", &value), 0);
	assert_true(value == 60);
	assert_int_equal(parse_seconds("0.25", &value), 0);
	assert_true(value == 0.25);
	assert_int_equal(parse_seconds("99999999999", &value), -ERANGE);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_seconds(bad[i], &value), -EINVAL);
	assert_true(value == 0.25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_format_is_the_inverse),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
