/* SPDX-License-Identifier: MIT */
/* Tests of a whole tuning: workers, resuming, shards, halving, and a real trace. */
#include "tests/unit/tune_sample.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "stress/tune/tune_pool.h"

static struct tune_space space;
static struct tune_source source;

static int setup(void **state)
{
	(void)state;
	sample_space(&space);
	source = sample_source();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tune_space_destroy(&space);
	unlink(sample_path("state"));
	unlink(sample_path("shard"));
	return 0;
}

static struct tune_options quiet_options(u32 jobs)
{
	return (struct tune_options){ .jobs = jobs, .quiet = true, .runs = 3,
				      .goal = TUNE_GOAL_BALANCED };
}

/* The result as JSON text; what is in @store beforehand is not measured. */
static char *tuned(struct tune_store *store, const struct tune_options *opt)
{
	struct tune_result r;
	struct tune_error err;
	char *text;
	json_t *json;

	if (tune_run(&r, opt, store, &err))
		fail_msg("%s", err.text);
	json = tune_json(&r);
	text = json_dumps(json, JSON_REAL_PRECISION(17));
	json_decref(json);
	tune_result_free(&r);
	assert_non_null(text);
	return text;
}

static char *tuned_afresh(const struct tune_options *opt)
{
	struct tune_store store;
	char *text;

	tune_store_init(&store, &space, &source, 1);
	text = tuned(&store, opt);
	tune_store_destroy(&store);
	return text;
}

static void the_number_of_workers_changes_nothing(void **state)
{
	struct tune_options one = quiet_options(1), two = quiet_options(2), many = quiet_options(9);
	char *a = tuned_afresh(&one), *b = tuned_afresh(&two), *c = tuned_afresh(&many);

	(void)state;
	assert_string_equal(a, b);
	assert_string_equal(a, c);
	assert_non_null(strstr(a, "\"schema\": \"kmemlab-tune/1\""));
	free(a);
	free(b);
	free(c);
}

static void the_pick_is_right(void **state)
{
	struct tune_options opt = quiet_options(2);
	struct tune_store store;
	struct tune_result r;
	struct tune_error err;

	(void)state;
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_run(&r, &opt, &store, &err), 0);
	/*
	 * The reference is batch 63, high 256: twice its memory allows high 512 with batch 63, and
	 * batch 127 needs the limit on the hold, 126, to be above 127.
	 */
	assert_string_equal(space.points[r.choice[TUNE_GOAL_BALANCED].row].key,
			    "fixed batch 63 high 512");
	assert_true(r.held_rows[r.choice[TUNE_GOAL_BALANCED].row].measured);
	assert_int_equal(r.nr_steps, 4);
	for (u32 i = 0; i < r.nr_steps; i++)
		assert_true(r.rows[r.steps[i].row].measured);
	tune_result_free(&r);
	tune_store_destroy(&store);
}

/* A run that was killed: the results in its state file are not measured again. */
static void a_killed_run_goes_on(void **state)
{
	struct tune_options opt = quiet_options(2);
	const struct timespec nap = { 0, 2000000 };
	char *whole = tuned_afresh(&opt), *resumed;
	struct tune_store store;
	struct tune_error err;
	u32 before;
	pid_t pid;

	(void)state;
	assert_int_not_equal(access(sample_path("state"), F_OK), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		tune_store_init(&store, &space, &source, 1);
		if (tune_store_open(&store, sample_path("state"), &err))
			_exit(1);
		for (u32 i = 0; i < 10; i++) {
			struct tune_window w = { .to = TUNE_PARTS / 2 };
			struct tune_metrics m;

			sample_measure(&source, &space.points[i].setting, &w, &m, &err);
			tune_store_add(&store, i, &w, &m);
		}
		for (;;)
			nanosleep(&nap, NULL);
	}
	/* Killed once it has written something. */
	for (u32 i = 0; i < 2000; i++) {
		FILE *f = fopen(sample_path("state"), "r");
		long size = 0;

		if (f) {
			fseek(f, 0, SEEK_END);
			size = ftell(f);
			fclose(f);
		}
		if (size > 1000)
			break;
		nanosleep(&nap, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	tune_store_init(&store, &space, &source, 1);
	if (tune_store_open(&store, sample_path("state"), &err))
		fail_msg("%s", err.text);
	before = store.nr;
	assert_in_range(before, 1, 10);
	resumed = tuned(&store, &opt);
	assert_string_equal(whole, resumed);
	assert_true(store.nr > before);
	free(resumed);
	/* And once more: now everything is known, and a source that only fails will do. */
	refused_high = 512;
	resumed = tuned(&store, &opt);
	assert_string_equal(whole, resumed);
	tune_store_destroy(&store);
	free(resumed);
	free(whole);
}

static void merged_shards_are_the_whole(void **state)
{
	struct tune_options opt = quiet_options(1), part = quiet_options(1);
	char *whole = tuned_afresh(&opt), *merged;
	struct tune_store all, store;
	struct tune_result r;
	struct tune_error err;
	u32 measured = 0;

	(void)state;
	tune_store_init(&all, &space, &source, 1);
	for (part.shard = 1, part.nr_shards = 3; part.shard <= 3; part.shard++) {
		tune_store_init(&store, &space, &source, 1);
		assert_int_equal(tune_store_open(&store, sample_path("shard"), &err), 0);
		assert_int_equal(tune_run(&r, &part, &store, &err), 0);
		assert_int_equal(r.nr_front, 0);
		measured += r.nr_measured;
		tune_result_free(&r);
		tune_store_destroy(&store);
		assert_int_equal(tune_store_load(&all, sample_path("shard"), &err), 0);
		unlink(sample_path("shard"));
	}
	/* Without overlap, without a gap. */
	assert_int_equal(measured, space.nr);
	assert_int_equal(all.nr, space.nr);
	merged = tuned(&all, &opt);
	assert_string_equal(whole, merged);
	tune_store_destroy(&all);
	free(merged);
	free(whole);
}

static void halving_measures_less_and_finds_the_same(void **state)
{
	struct tune_options full = quiet_options(2), half = quiet_options(2);
	struct tune_result a, b;
	struct tune_store store;
	struct tune_error err;

	(void)state;
	half.halving = TUNE_HALVING_ON;
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_run(&a, &full, &store, &err), 0);
	tune_store_destroy(&store);
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_run(&b, &half, &store, &err), 0);
	assert_int_equal(a.rungs, 1);
	assert_int_equal(b.rungs, 4);
	assert_int_equal(b.rung_points[0], space.nr);
	assert_true(b.rung_points[3] <= b.rung_points[1]);
	for (u32 i = 0; i < space.nr_baselines; i++)
		assert_true(b.rows[i].measured);
	assert_int_equal(a.choice[TUNE_GOAL_BALANCED].row, b.choice[TUNE_GOAL_BALANCED].row);
	tune_result_free(&a);
	tune_result_free(&b);
	tune_store_destroy(&store);
}

static void a_setting_that_fails_is_named(void **state)
{
	struct tune_options opt = quiet_options(2);
	struct tune_store store;
	struct tune_result r;
	struct tune_error err;

	(void)state;
	refused_high = 1024;
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_run(&r, &opt, &store, &err), -EINVAL);
	assert_non_null(strstr(err.text, "high 1024: high is refused"));
	refused_high = 0;
	deadly_high = 256;
	assert_int_equal(tune_run(&r, &opt, &store, &err), -EIO);
	assert_non_null(strstr(err.text, "high 256: the worker ended with status 3"));
	tune_store_destroy(&store);
	/* Nothing is left behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void reports_fit_their_width(void **state)
{
	struct tune_options opt = quiet_options(2);
	struct tune_store store;
	struct tune_result r;
	struct tune_error err;
	char *text = NULL;
	size_t size, widest = 0;
	FILE *out;

	(void)state;
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_run(&r, &opt, &store, &err), 0);
	out = open_memstream(&text, &size);
	tune_print(&r, out);
	fclose(out);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		size_t width = strcspn(line, "\n");

		widest = max(widest, width);
	}
	assert_in_range(widest, 60, 100);
	assert_non_null(strstr(text, "pick      fixed batch 63 high 512"));
	assert_non_null(strstr(text, "vm.percpu_pagelist_high_fraction=976"));
	free(text);
	out = open_memstream(&text, &size);
	assert_int_equal(tune_html(&r, out), 0);
	fclose(out);
	assert_null(strstr(text, "@DATA@</script>"));
	assert_non_null(strstr(text, "\"schema\":\"kmemlab-tune/1\""));
	free(text);
	tune_result_free(&r);
	tune_store_destroy(&store);
}

static const char *recording(const char *name)
{
	static char path[4096];
	const char *slash = strrchr(__FILE__, '/'), *data = getenv("KMEMLAB_DATA");
	int dir = slash ? (int)(slash - __FILE__) : 1;

	if (data && *data)
		snprintf(path, sizeof(path), "%.4000s/traces/%.40s", data, name);
	else
		snprintf(path, sizeof(path), "%.*s/../data/traces/%.40s", dir,
			 slash ? __FILE__ : ".", name);
	return path;
}

/* The bundled recordings: the same with one worker and with two; windows add up to the whole. */
static void recordings_are_measured_exactly(void **state)
{
	static const char *const names[] = { "fork", "slab-cc" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tune_options one = quiet_options(1), two = quiet_options(2);
		const struct tune_window half = { .to = 512 }, rest = { .from = 512, .to = 1024 },
					 all = { .to = 1024 };
		struct tune_metrics h, r, w;
		struct tune_error err;
		struct tune_grid grid;
		char *a, *b;

		tune_space_destroy(&space);
		if (tune_source_open_trace(&source, recording(names[i]), 1, &err))
			fail_msg("%s", err.text);
		tune_grid_default(&grid, source.kind);
		if (source.kind == TUNE_PAGES) {
			grid.policies = "fixed";
			sample_axis(&grid, TUNE_BATCH, "63");
			sample_axis(&grid, TUNE_HIGH, "512,1024");
		} else {
			grid.policies = "sheaves";
			sample_axis(&grid, TUNE_ROUNDS, "31,63");
			sample_axis(&grid, TUNE_DEPOT, "10");
		}
		tune_space_make(&space, source.kind, &grid);
		a = tuned_afresh(&one);
		b = tuned_afresh(&two);
		assert_string_equal(a, b);
		free(a);
		free(b);
		assert_int_equal(source.measure(&source, &space.points[2].setting, &half, &h, &err),
				 0);
		assert_int_equal(source.measure(&source, &space.points[2].setting, &rest, &r, &err),
				 0);
		assert_int_equal(source.measure(&source, &space.points[2].setting, &all, &w, &err),
				 0);
		assert_int_equal(h.ops + r.ops, w.ops);
		assert_int_equal(h.acq + r.acq, w.acq);
		assert_true(w.v[TUNE_MAX] >= h.v[TUNE_MAX] && w.v[TUNE_MAX] >= r.v[TUNE_MAX]);
		assert_true(w.v[TUNE_HOLD] >= h.v[TUNE_HOLD] && w.v[TUNE_HOLD] >= r.v[TUNE_HOLD]);
		assert_true(w.v[TUNE_MEAN] > 0 && w.v[TUNE_MEAN] < w.v[TUNE_MAX]);
		tune_source_close(&source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_number_of_workers_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_pick_is_right, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_run_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(merged_shards_are_the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(halving_measures_less_and_finds_the_same, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_setting_that_fails_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_fit_their_width, setup, teardown),
		cmocka_unit_test_setup_teardown(recordings_are_measured_exactly, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
