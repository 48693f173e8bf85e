/* SPDX-License-Identifier: MIT */
/*
 * test_trace_fuzz.c - seeded mutations of valid input: every outcome is a result or an error text.
 *
 * The theorem: whatever bytes come in, the readers neither crash nor leak (the sanitizer builds
 * check that), and they fail with "NAME...: what; what to do" or succeed with a consistent trace.
 */
#include "tests/unit/test_trace_data.h"

#include "stress/replay/proc_state.h"
#include "stress/replay/trace_load.h"
#include "stress/replay/trace_quality.h"

#define SEED		0x6b6d656d6c616221ull
#define ROUNDS		20000

static uint64_t rng;

static uint64_t next(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull >> 16;
}

/* One to four of: flip a bit, set a byte, cut, repeat, shorten, change digits. */
static size_t mutate(char *buf, size_t size, size_t cap)
{
	for (uint64_t n = 1 + next() % 4; n && size > 1; n--) {
		size_t at = next() % size, len = 1 + next() % 40;

		len = len < size - at ? len : size - at;
		switch (next() % 6) {
		case 0:
			buf[at] ^= (char)(1 << next() % 8);
			break;
		case 1:
			buf[at] = (char)next();
			break;
		case 2:
			memmove(buf + at, buf + at + len, size - at - len);
			size -= len;
			break;
		case 3:
			if (size + len > cap)
				break;
			memmove(buf + at + len, buf + at, size - at);
			size += len;
			break;
		case 4:
			size -= len;
			break;
		default:
			for (size_t i = at; i < at + len; i++)
				if (buf[i] >= '0' && buf[i] <= '9')
					buf[i] = (char)('0' + next() % 10);
			break;
		}
	}
	return size;
}

static void check_trace(const struct trace *t)
{
	struct trace_quality q;
	uint64_t by_type = 0, by_cpu = 0;

	for (int i = 0; i < TRACE_NR_TYPES; i++)
		by_type += t->nr_by_type[i];
	for (uint32_t i = 0; i < t->nr_cpus; i++)
		by_cpu += t->cpus[i].nr_events;
	assert_int_equal(by_type, t->nr_events);
	assert_int_equal(by_cpu, t->nr_events);
	for (uint64_t i = 0; i < t->nr_events; i++) {
		assert_true(t->events[i].task < t->nr_tasks);
		assert_true(t->events[i].cpu < t->nr_cpus);
	}
	assert_int_equal(trace_quality_measure(t, true, &q), 0);
	assert_true(q.grade >= 'A' && q.grade <= 'D');
}

static int try_one(const char *name, const char *buf, size_t size)
{
	struct trace_error err = { "" };
	struct proc_state st = { 0 };
	struct trace t;
	int ret;

	if (strncmp(name, "zoneinfo", 8) == 0)
		ret = proc_state_read_mem(&st, PROC_ZONEINFO, buf, size, "f", &err);
	else if (strcmp(name, "buddyinfo") == 0)
		ret = proc_state_read_mem(&st, PROC_BUDDYINFO, buf, size, "f", &err);
	else if (strcmp(name, "vmstat") == 0)
		ret = proc_state_read_mem(&st, PROC_VMSTAT, buf, size, "f", &err);
	else
		ret = trace_load_mem(buf, size, "f", &t, &err);
	proc_state_destroy(&st);
	if (ret < 0) {
		assert_true(strncmp(err.text, "f:", 2) == 0);
		assert_true(strstr(err.text, "; ") || strstr(err.text, ": convert it with "));
		return 0;
	}
	assert_string_equal(err.text, "");
	if (strncmp(name, "zoneinfo", 8) && strcmp(name, "buddyinfo") && strcmp(name, "vmstat")) {
		check_trace(&t);
		trace_destroy(&t);
	}
	return 1;
}

static void test_mutations(void **state)
{
	static const char *const names[] = {
		"ftrace.txt", "ftrace-old.txt", "trace-cmd.txt", "perf.txt", "ftrace.txt.xz",
		"ftrace.txt.gz", "ftrace.txt.zst", "zoneinfo-6.18", "zoneinfo-6.1", "buddyinfo",
		"vmstat",
	};
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	struct blob blobs[NAMES];
	int accepted[NAMES] = { 0 };
	char *buf = malloc(16384);

	(void)state;
	rng = SEED;
	print_message("seed 0x%llx, %d mutations\n", (unsigned long long)rng, ROUNDS);
	assert_non_null(buf);
	for (int i = 0; i < NAMES; i++)
		blobs[i] = read_data(names[i]);
	for (int round = 0; round < ROUNDS; round++) {
		int i = round % NAMES;
		size_t size = blobs[i].size;

		memcpy(buf, blobs[i].data, size);
		size = mutate(buf, size, 16384);
		accepted[i] += try_one(names[i], buf, size);
	}
	for (int i = 0; i < NAMES; i++) {
		/* Every text meets both outcomes; a checksum lets hardly anything through. */
		assert_true(accepted[i] < ROUNDS / NAMES);
		assert_true(accepted[i] > 0 || strncmp(names[i], "ftrace.txt.", 11) == 0);
		print_message("  %-16s %4d of %d accepted\n", names[i], accepted[i],
			      ROUNDS / NAMES);
		free(blobs[i].data);
	}
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
