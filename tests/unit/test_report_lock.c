/* SPDX-License-Identifier: MIT */
/* test_report_lock.c - lock reports: from the machine, to JSON and back, sums and percentiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "runtime/owner_lock.h"
#include "stress/report/lock_summary.h"
#include "stress/report/result_file.h"
#include "tests/unit/report_sample.h"

static char *dump(const struct lock_report *r)
{
	json_t *json = lock_report_json(r);
	char *text = json_dumps(json, JSON_REAL_PRECISION(17));

	json_decref(json);
	assert_non_null(text);
	return text;
}

static int parse_text(struct lock_report *r, const char *text, struct report_error *err)
{
	json_t *json = json_loads(text, 0, NULL);
	int rc = lock_report_parse(r, json, err);

	assert_non_null(json);
	json_decref(json);
	return rc;
}

static void check_same_sums(const struct lock_report *a, const struct lock_report *b)
{
	assert_int_equal(a->nr_rows, b->nr_rows);
	assert_int_equal(a->nr_pairs, b->nr_pairs);
	assert_int_equal(a->nr_hists, b->nr_hists);
	assert_int_equal(a->nr_sites, b->nr_sites);
	assert_int_equal(a->nr_classes, b->nr_classes);
	for (u32 i = 0; i < a->nr_rows; i++)
		assert_memory_equal(&a->rows[i].wait, &b->rows[i].wait, sizeof(a->rows[i].wait));
	for (u32 i = 0; i < a->nr_hists; i++)
		assert_memory_equal(&a->hists[i], &b->hists[i], sizeof(a->hists[i]));
	assert_true(!(a->cost.without_ns < b->cost.without_ns) &&
		    !(a->cost.without_ns > b->cost.without_ns));
}

static void round_trip(const struct lock_report *r)
{
	struct report_error err = { "" };
	struct lock_report back;
	char *text = dump(r), *again;

	assert_int_equal(parse_text(&back, text, &err), 0);
	check_same_sums(r, &back);
	again = dump(&back);
	assert_string_equal(text, again);
	free(text);
	free(again);
	lock_report_free(&back);
}

static void test_json_round_trip(void **state)
{
	struct lock_report r;

	(void)state;
	sample_report(&r);
	round_trip(&r);
	/* The largest integer that JSON keeps here, and one that doubles would lose. */
	r.rows[0].acquired = INT64_MAX;
	r.rows[1].acquired = (1ULL << 53) + 1;
	round_trip(&r);
	lock_report_free(&r);
}

/* Damages one place of a good report; the error must name it. */
static void expect_error(const char *from, const char *to, const char *where)
{
	struct report_error err = { "" };
	struct lock_report r, back;
	char *text, *at, *damaged;

	sample_report(&r);
	text = dump(&r);
	lock_report_free(&r);
	at = strstr(text, from);
	assert_non_null(at);
	damaged = calloc(1, strlen(text) + strlen(to) + 1);
	assert_non_null(damaged);
	memcpy(damaged, text, (size_t)(at - text));
	strcat(damaged, to);
	strcat(damaged, at + strlen(from));
	assert_int_not_equal(parse_text(&back, damaged, &err), 0);
	if (!strstr(err.text, where))
		print_error("%s\n", err.text);
	assert_non_null(strstr(err.text, where));
	free(damaged);
	free(text);
}

static void test_foreign_json_is_refused_by_place(void **state)
{
	(void)state;
	expect_error(LOCK_REPORT_SCHEMA, "kmemlab-locks/9", "locks.schema: \"kmemlab-locks/9\"");
	expect_error("\"rows\": [{\"class\": 2", "\"rows\": [{\"class\": 3", "rows[0].class: 3");
	expect_error("\"acquired\": 600", "\"acquired\": -1", "rows[0].acquired: -1");
	expect_error("\"acquired\": 600", "\"acquired\": 1.5", "rows[0].acquired: an integer");
	expect_error("\"mode\": \"R\"", "\"mode\": \"X\"", "rows[3].mode: \"X\"");
	expect_error("\"context\": \"hardirq\"", "\"context\": \"nmi\"", "pairs[1].context");
	expect_error("\"holder\": 1", "\"holder\": 44", "pairs[0].holder: 44");
	expect_error("\"sites\": [{\"file\": \"mm/page/page_alloc.c\"", "\"sites\": [{\"file\": 1",
		     "sites[0].file: a string");
	expect_error("\"histograms\"", "\"histo\"", "locks.histograms: an array");
	expect_error("[39, 90]", "[256, 90]", "histograms[0].wait: 256");
	expect_error("\"cpu\": 1", "\"cpu\": 2", "cpu: 2");
	expect_error("\"mode\": \"default\"", "\"mode\": 3", "locks.mode");
}

static void test_sums_and_percentiles(void **state)
{
	struct lock_summary *list;
	struct lock_report r;

	(void)state;
	sample_report(&r);
	assert_int_equal(lock_summaries(&r, LOCK_SORT_WAIT, &list), 2);
	assert_int_equal(list[0].class, 2);
	assert_int_equal(list[0].all.acquired, 1000);
	assert_int_equal(list[0].all.contended, 100);
	assert_int_equal(list[0].all.wait.sum, 1090000);
	assert_int_equal(list[0].all.wait.min, 1000);
	assert_int_equal(list[0].all.queue_max, 2);
	/* 90 of 100 waits lie in [896, 1023], the rest in [98304, 114687], capped. */
	assert_int_equal(list[0].wait.p50, 1023);
	assert_int_equal(list[0].wait.p90, 1023);
	assert_int_equal(list[0].wait.p99, 100000);
	assert_int_equal(list[0].hold.p50, 500);	/* [448, 511], capped */
	/* 10 samples of 500 ns stand for 900 uncontended holds, and 100 more were timed. */
	assert_true(list[0].hold_total_ns > 499999 && list[0].hold_total_ns < 500001);
	assert_int_equal(list[0].nr_pairs, 2);
	assert_int_equal(list[0].pairs[0].waiter, 1);	/* 1 ms by drain comes first */
	assert_int_equal(list[1].write.acquired, 4);
	assert_int_equal(list[1].read.acquired, 40);
	assert_int_equal(list[1].read.wait.nr, 2);
	lock_summaries_free(list, 2);

	assert_int_equal(lock_summaries(&r, LOCK_SORT_NAME, &list), 2);
	assert_int_equal(list[0].class, 1);
	lock_summaries_free(list, 2);
	lock_report_free(&r);
}

static void test_hold_weights_add_up(void **state)
{
	struct lock_weights w;
	struct lock_summary *list;
	struct lock_report r;
	double sum = 0;
	u32 nr;

	(void)state;
	sample_report(&r);
	nr = lock_summaries(&r, LOCK_SORT_WAIT, &list);
	lock_hold_weights(&r, &list[0], &w);
	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++)
		sum += w.bucket[b];
	assert_true(sum > 999.999 && sum < 1000.001);
	lock_summaries_free(list, nr);
	lock_report_free(&r);
}

static void test_owner_counts_are_added(void **state)
{
	struct lock_summary *list;
	struct lock_report r;

	(void)state;
	sample_report(&r);
	lock_report_add_exact(&r, "pcp[cpu0]", 5000, 2);
	lock_report_add_exact(&r, "pcp[cpu0]", 1, 1);
	lock_report_add_exact(&r, "mmap_lock", 100, 0);
	round_trip(&r);
	assert_int_equal(lock_summaries(&r, LOCK_SORT_ACQUIRED, &list), 3);
	assert_string_equal(r.classes[list[0].class].name, "pcp[cpu0]");
	assert_string_equal(r.classes[list[0].class].class, "pcp");
	assert_int_equal(list[0].all.acquired, 5001);
	assert_int_equal(list[0].all.trylock_failed, 3);
	assert_int_equal(list[0].write.acquired, 0);
	assert_int_equal(list[2].all.acquired, 144);
	lock_summaries_free(list, 3);
	lock_report_free(&r);
}

/* ---- from the machine ---- */

static const struct lock_class live_class = { .name = "live" };
static spinlock_t lock;
static struct owner_lock owner;

static void init_lock(void *arg)
{
	(void)arg;
	spin_lock_init(&lock, &live_class, "one");
	owner_lock_init(&owner, &live_class, "owner");
}

static void take_lock(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		spin_lock(&lock);
		spin_unlock(&lock);
		preempt_disable();
		if (smp_processor_id() == 0 && owner_trylock(&owner))
			owner_unlock(&owner);
		preempt_enable();
	}
}

static void test_collect_from_the_machine(void **state)
{
	const struct machine_options opt = { .nr_cpus = 2, .nr_nodes = 1, .seed = 1 };
	int rounds[2] = { 1000, 500 };
	u64 acquired[2] = { 0 };
	struct lock_report r;

	(void)state;
	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run(0, init_lock, NULL);
	cpu_run(0, take_lock, &rounds[0]);
	cpu_run(1, take_lock, &rounds[1]);
	lock_report_collect(&r, 5 * NSEC_PER_MSEC);
	lock_report_measure_cost(&r);
	lock_report_add_exact(&r, "live[owner]", owner.nr_owner, owner.nr_failed);
	machine_shutdown();

	assert_int_equal(r.nr_cpus, 2);
	assert_int_equal(r.elapsed_ns, 5 * NSEC_PER_MSEC);
	assert_int_equal(r.hold_sample, LOCKSTAT_HOLD_SAMPLE);
	assert_int_equal(r.overflow, 0);
	assert_true(r.cost_known && r.cost.with_ns > 0);
	for (u32 i = 0; i < r.nr_rows; i++) {
		const struct lock_report_row *row = &r.rows[i];

		if (strcmp(r.classes[row->class].name, "live[one]") != 0)
			continue;
		assert_string_equal(r.classes[row->class].class, "live");
		assert_string_equal(r.sites[row->site].func, "take_lock");
		assert_non_null(strstr(r.sites[row->site].file, "test_report_lock.c"));
		acquired[row->cpu] += row->acquired;
	}
	assert_int_equal(acquired[0], 1000);
	assert_int_equal(acquired[1], 500);
	for (u32 i = 0; i < r.nr_classes; i++)
		if (strcmp(r.classes[i].name, "live[owner]") == 0)
			assert_int_equal(r.classes[i].owner_acquired, 1000);
	round_trip(&r);
	lock_report_free(&r);
}

static void test_collect_with_the_recorder_off(void **state)
{
	const struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .lockstat = "off" };
	struct lock_report r;

	(void)state;
	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
	lock_report_collect(&r, 1);
	machine_shutdown();
	assert_int_equal(r.nr_rows, 0);
	round_trip(&r);
	lock_report_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_foreign_json_is_refused_by_place),
		cmocka_unit_test(test_sums_and_percentiles),
		cmocka_unit_test(test_hold_weights_add_up),
		cmocka_unit_test(test_owner_counts_are_added),
		cmocka_unit_test(test_collect_from_the_machine),
		cmocka_unit_test(test_collect_with_the_recorder_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
