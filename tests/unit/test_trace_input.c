/* SPDX-License-Identifier: MIT */
/* test_trace_input.c - the line reader at its edges, and the pool of interned strings. */
#include "tests/unit/test_trace_data.h"

#include "stress/replay/trace_input.h"
#include "stress/replay/trace_strings.h"

static struct trace_input *open_mem(const void *data, size_t size)
{
	struct trace_error err = { "" };
	struct trace_input *in = trace_input_open_mem(data, size, "m", &err);

	if (!in)
		fail_msg("%s", err.text);
	return in;
}

static void check_lines(const char *text, const char *const *want, size_t nr, bool unterminated)
{
	struct trace_input *in = open_mem(text, strlen(text));
	struct trace_error err = { "" };
	char *line;
	size_t len;

	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(trace_input_line(in, &line, &len, &err), 1);
		assert_string_equal(line, want[i]);
		assert_int_equal(len, strlen(want[i]));
		assert_int_equal(trace_input_lineno(in), i + 1);
	}
	assert_int_equal(trace_input_line(in, &line, &len, &err), 0);
	assert_int_equal(trace_input_line(in, &line, &len, &err), 0);
	assert_int_equal(trace_input_unterminated(in), unterminated);
	assert_int_equal(trace_input_bytes(in), strlen(text));
	trace_input_close(in);
}

static void test_lines(void **state)
{
	static const char *const abc[] = { "a", "", "b c", "" };

	(void)state;
	check_lines("", NULL, 0, false);
	check_lines("\n", abc + 1, 1, false);
	check_lines("a\n\nb c\n\n", abc, 4, false);
	check_lines("a\r\n\r\nb c", abc, 3, true);
	check_lines("a\n\r", abc, 2, true);
}

/* Lines of every length across the window's borders come out whole and in order. */
static void test_window_borders(void **state)
{
	enum { LINES = 3000 };
	char *text = malloc((size_t)LINES * 2100), *p = text, *line;
	struct trace_error err = { "" };
	struct trace_input *in;
	size_t len;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < LINES; i++) {
		size_t n = (size_t)(i * 7919) % 2048;

		memset(p, 'a' + i % 26, n);
		p[n] = '\n';
		p += n + 1;
	}
	in = open_mem(text, (size_t)(p - text));
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(trace_input_line(in, &line, &len, &err), 1);
		assert_int_equal(len, (size_t)(i * 7919) % 2048);
		assert_int_equal(strspn(line, (char[]){ (char)('a' + i % 26), 0 }), len);
	}
	assert_int_equal(trace_input_line(in, &line, &len, &err), 0);
	trace_input_close(in);
	free(text);
}

static void test_longest_line(void **state)
{
	char *text = malloc(TRACE_LINE_MAX + 2), *line;
	struct trace_error err = { "" };
	struct trace_input *in;
	size_t len;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', TRACE_LINE_MAX + 1);
	text[TRACE_LINE_MAX] = '\n';
	in = open_mem(text, TRACE_LINE_MAX + 1);
	assert_int_equal(trace_input_line(in, &line, &len, &err), 1);
	assert_int_equal(len, TRACE_LINE_MAX);
	trace_input_close(in);
	text[TRACE_LINE_MAX] = 'x';
	text[TRACE_LINE_MAX + 1] = '\n';
	in = open_mem(text, TRACE_LINE_MAX + 2);
	assert_true(trace_input_line(in, &line, &len, &err) < 0);
	assert_non_null(strstr(err.text, "m:1: the line is longer"));
	trace_input_close(in);
	free(text);
}

/* Two streams in one file, as `cat a.xz b.xz` makes, are one text; junk behind is not ignored. */
static void check_joined(const char *name)
{
	struct blob one = read_data(name), plain = read_data("ftrace.txt");
	char *two = malloc(2 * one.size + 16), *line;
	struct trace_error err = { "" };
	struct trace_input *in;
	uint64_t lines = 0;
	size_t len;
	int ret;

	assert_non_null(two);
	memcpy(two, one.data, one.size);
	memcpy(two + one.size, one.data, one.size);
	memset(two + 2 * one.size, 'j', 16);
	in = open_mem(two, 2 * one.size);
	while ((ret = trace_input_line(in, &line, &len, &err)) > 0)
		lines++;
	assert_int_equal(ret, 0);
	assert_int_equal(lines, 66);
	assert_int_equal(trace_input_bytes(in), 2 * plain.size);
	trace_input_close(in);
	in = open_mem(two, 2 * one.size + 16);
	while ((ret = trace_input_line(in, &line, &len, &err)) > 0)
		;
	assert_true(ret < 0);
	assert_non_null(strstr(err.text, "corrupt"));
	trace_input_close(in);
	free(two);
	free(one.data);
	free(plain.data);
}

static void test_joined_streams(void **state)
{
	(void)state;
	check_joined("ftrace.txt.xz");
	check_joined("ftrace.txt.gz");
	check_joined("ftrace.txt.zst");
}

static void test_peek(void **state)
{
	struct trace_error err = { "" };
	struct trace_input *in = trace_input_open(data_path("ftrace.txt.gz"), &err);
	char *line;
	size_t len;

	(void)state;
	assert_non_null(in);
	assert_memory_equal(trace_input_peek(in, &len, &err), "# tracer: nop\n#\n", 16);
	assert_true(len >= 16);
	assert_int_equal(trace_input_line(in, &line, &len, &err), 1);
	assert_string_equal(line, "# tracer: nop");
	trace_input_close(in);
	trace_input_close(NULL);
}

static void test_strings(void **state)
{
	struct trace_strings pool;
	char name[32];

	(void)state;
	assert_int_equal(trace_strings_init(&pool), 0);
	assert_int_equal(trace_strings_add(&pool, "", 0), TRACE_STR_EMPTY);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 1; i <= 3000; i++) {
			int len = snprintf(name, sizeof(name), "symbol_%u+0x%x", i, i);

			assert_int_equal(trace_strings_add(&pool, name, (size_t)len), i);
			assert_string_equal(trace_strings_get(&pool, i), name);
			assert_int_equal(pool.v[i].uses, round + 1);
		}
	}
	assert_int_equal(pool.nr, 3001);
	assert_string_equal(trace_strings_get(&pool, 3001), "");
	trace_strings_destroy(&pool);
	assert_null(pool.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_window_borders),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_joined_streams),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
