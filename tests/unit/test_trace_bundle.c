/* SPDX-License-Identifier: MIT */
/* test_trace_bundle.c - finding a trace and its state files in a folder or beside a file. */
#include "tests/unit/test_trace_data.h"

#include <sys/stat.h>
#include <unistd.h>

#include "stress/replay/trace_bundle.h"
#include "stress/replay/trace_load.h"

#define NR_FILES	8

struct folder {
	char dir[64];
	char files[NR_FILES][128];
	int nr;
};

static void copy_in(struct folder *f, const char *sample, const char *name)
{
	struct blob blob = read_data(sample);
	FILE *file;
	char *path;

	assert_true(f->nr < NR_FILES);
	path = f->files[f->nr++];
	strcpy(path, f->dir);
	strcat(path, "/");
	strncat(path, name, 32);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(blob.data, 1, blob.size, file), blob.size);
	assert_int_equal(fclose(file), 0);
	free(blob.data);
}

static void folder_make(struct folder *f)
{
	*f = (struct folder){ .dir = "/tmp/test_trace_bundle.XXXXXX" };
	assert_non_null(mkdtemp(f->dir));
}

static void folder_remove(struct folder *f)
{
	for (int i = 0; i < f->nr; i++)
		unlink(f->files[i]);
	assert_int_equal(rmdir(f->dir), 0);
}

static void test_folder(void **state)
{
	struct trace_error err = { "" };
	struct proc_state st;
	struct folder f;
	struct bundle b;
	char missing[128];

	(void)state;
	folder_make(&f);
	assert_true(bundle_open(f.dir, &b, &err) < 0);
	assert_non_null(strstr(err.text, "the folder holds no trace.txt"));
	copy_in(&f, "ftrace.txt.xz", "trace.txt.xz");
	assert_int_equal(bundle_open(f.dir, &b, &err), 0);
	assert_int_equal(bundle_missing(&b, missing, sizeof(missing)), 6);
	assert_string_equal(missing, "zoneinfo.before, zoneinfo.after, buddyinfo.before, "
			    "buddyinfo.after, vmstat.before, vmstat.after");
	assert_false(bundle_has_start_state(&b));
	bundle_close(&b);
	copy_in(&f, "zoneinfo-6.18", "zoneinfo.before");
	copy_in(&f, "buddyinfo", "buddyinfo.before");
	copy_in(&f, "vmstat", "vmstat.before");
	copy_in(&f, "vmstat", "vmstat.after");
	copy_in(&f, "zoneinfo-6.18", "zoneinfo.after");
	assert_int_equal(bundle_open(f.dir, &b, &err), 0);
	assert_int_equal(bundle_missing(&b, missing, sizeof(missing)), 1);
	assert_string_equal(missing, "buddyinfo.after");
	assert_true(bundle_has_start_state(&b));
	assert_non_null(strstr(b.trace_path, "/trace.txt.xz"));
	assert_int_equal(bundle_read_state(&b, BUNDLE_BEFORE, &st, &err), 0);
	assert_true(st.has_zoneinfo && st.has_buddyinfo && st.has_vmstat);
	proc_state_destroy(&st);
	assert_int_equal(bundle_read_state(&b, BUNDLE_AFTER, &st, &err), 0);
	assert_false(st.has_buddyinfo);
	proc_state_destroy(&st);
	bundle_close(&b);
	assert_null(b.trace_path);
	folder_remove(&f);
}

static void test_plain_file(void **state)
{
	struct trace_error err = { "" };
	struct folder f;
	struct bundle b;
	struct trace t;
	char missing[128];

	(void)state;
	folder_make(&f);
	copy_in(&f, "zoneinfo-6.1", "zoneinfo.before");
	copy_in(&f, "perf.txt", "my-own-name");
	assert_int_equal(bundle_open(f.files[1], &b, &err), 0);
	assert_int_equal(bundle_missing(&b, missing, sizeof(missing)), 5);
	assert_true(bundle_has_start_state(&b));
	assert_int_equal(trace_load(b.trace_path, &t, &err), 0);
	assert_int_equal(t.format, TRACE_FORMAT_PERF);
	trace_destroy(&t);
	bundle_close(&b);
	assert_int_equal(bundle_open("-", &b, &err), 0);
	assert_int_equal(bundle_missing(&b, missing, sizeof(missing)), 6);
	bundle_close(&b);
	assert_true(bundle_open("/no/such/file", &b, &err) < 0);
	assert_non_null(strstr(err.text, "/no/such/file: cannot be opened"));
	folder_remove(&f);
}

/* The text wins over trace.dat beside it; trace.dat alone leads to the error that explains it. */
static void test_trace_dat(void **state)
{
	struct trace_error err = { "" };
	struct folder f;
	struct bundle b;
	struct trace t;
	FILE *file;

	(void)state;
	folder_make(&f);
	copy_in(&f, "perf.txt", "trace.dat");
	file = fopen(f.files[0], "wb");
	assert_non_null(file);
	assert_int_equal(fwrite("\x17\x08\x44tracing6\0", 1, 12, file), 12);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(bundle_open(f.dir, &b, &err), 0);
	assert_true(trace_load(b.trace_path, &t, &err) < 0);
	assert_non_null(strstr(err.text, "trace.dat"));
	assert_non_null(strstr(err.text, "; "));
	bundle_close(&b);
	copy_in(&f, "ftrace.txt.gz", "trace.gz");
	assert_int_equal(bundle_open(f.dir, &b, &err), 0);
	assert_non_null(strstr(b.trace_path, "/trace.gz"));
	bundle_close(&b);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_plain_file),
		cmocka_unit_test(test_trace_dat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
