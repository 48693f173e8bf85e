/* SPDX-License-Identifier: MIT */
/* test_trace_data.h - what the tests of the trace readers share: cmocka and the sample files. */
#ifndef TESTS_UNIT_TEST_TRACE_DATA_H
#define TESTS_UNIT_TEST_TRACE_DATA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct blob {
	char *data;
	size_t size;
};

/* Path of a sample; ctest sets KMEMLAB_DATA, by hand the root of the tree is assumed. */
static inline const char *data_path(const char *name)
{
	static char path[4096];
	const char *data = getenv("KMEMLAB_DATA");

	snprintf(path, sizeof(path), "%s/trace/%s", data ? data : "tests/data", name);
	return path;
}

/* The content of a sample, with a NUL behind it that does not count. */
static inline struct blob read_data(const char *name)
{
	FILE *file = fopen(data_path(name), "rb");
	struct blob blob = { 0 };

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	blob.size = (size_t)ftell(file);
	rewind(file);
	blob.data = malloc(blob.size + 1);
	assert_non_null(blob.data);
	assert_int_equal(fread(blob.data, 1, blob.size, file), blob.size);
	blob.data[blob.size] = '\0';
	fclose(file);
	return blob;
}

#endif /* TESTS_UNIT_TEST_TRACE_DATA_H */
