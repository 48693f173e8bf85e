/* SPDX-License-Identifier: MIT */
/* Tests of the state file: what is kept, what a kill leaves, what is refused. */
#include "tests/unit/tune_sample.h"

#include "stress/tune/tune_store.h"

static struct tune_space space;
static struct tune_source source;
static const struct tune_window whole = { .to = TUNE_PARTS };

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
	return 0;
}

static struct tune_metrics metrics(u32 point, struct tune_window w)
{
	struct tune_metrics m;
	struct tune_error err;

	assert_int_equal(sample_measure(&source, &space.points[point].setting, &w, &m, &err), 0);
	/* A value that few digits do not bring back. */
	m.v[TUNE_MEAN] /= 3;
	return m;
}

static void open_state(struct tune_store *store)
{
	struct tune_error err;

	tune_store_init(store, &space, &source, 1);
	if (tune_store_open(store, sample_path("state"), &err))
		fail_msg("%s", err.text);
}

static void append(const char *text)
{
	FILE *f = fopen(sample_path("state"), "a");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void results_come_back_exactly(void **state)
{
	const struct tune_window half = { .from = 512, .to = TUNE_PARTS, .run = 3 };
	struct tune_metrics a = metrics(5, whole), b = metrics(5, half), c = metrics(9, whole);
	struct tune_store store;

	(void)state;
	open_state(&store);
	tune_store_add(&store, 5, &whole, &a);
	tune_store_add(&store, 5, &half, &b);
	tune_store_add(&store, 9, &whole, &c);
	tune_store_destroy(&store);
	open_state(&store);
	assert_int_equal(store.nr, 3);
	assert_memory_equal(tune_store_find(&store, 5, &whole), &a, sizeof(a));
	assert_memory_equal(tune_store_find(&store, 5, &half), &b, sizeof(b));
	assert_memory_equal(tune_store_find(&store, 9, &whole), &c, sizeof(c));
	assert_null(tune_store_find(&store, 9, &half));
	assert_null(tune_store_find(&store, 6, &whole));
	tune_store_destroy(&store);
}

/* I1. */
static void the_first_result_stays(void **state)
{
	struct tune_metrics a = metrics(5, whole), b = metrics(6, whole);
	struct tune_store store;

	(void)state;
	open_state(&store);
	tune_store_add(&store, 5, &whole, &a);
	tune_store_add(&store, 5, &whole, &b);
	assert_int_equal(store.nr, 1);
	assert_memory_equal(tune_store_find(&store, 5, &whole), &a, sizeof(a));
	tune_store_destroy(&store);
}

static void a_torn_last_line_is_dropped(void **state)
{
	struct tune_metrics a = metrics(5, whole), b = metrics(6, whole);
	struct tune_store store;

	(void)state;
	open_state(&store);
	tune_store_add(&store, 5, &whole, &a);
	tune_store_destroy(&store);
	append("{\"setting\":\"fixed batch 15 high 12");
	open_state(&store);
	assert_int_equal(store.nr, 1);
	tune_store_add(&store, 6, &whole, &b);
	tune_store_destroy(&store);
	/* What came after the torn line is whole. */
	open_state(&store);
	assert_int_equal(store.nr, 2);
	assert_memory_equal(tune_store_find(&store, 6, &whole), &b, sizeof(b));
	tune_store_destroy(&store);
}

static void another_input_is_refused(void **state)
{
	struct tune_store store;
	struct tune_error err;

	(void)state;
	open_state(&store);
	tune_store_destroy(&store);
	source.digest++;
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_store_open(&store, sample_path("state"), &err), -EINVAL);
	assert_non_null(strstr(err.text, "belongs to another input"));
	tune_store_destroy(&store);
}

static void damage_is_named_by_its_line(void **state)
{
	struct tune_store store;
	struct tune_error err;

	(void)state;
	append("no json at all\n");
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_store_load(&store, sample_path("state"), &err), -EINVAL);
	assert_non_null(strstr(err.text, ":1: is no state file"));
	tune_store_destroy(&store);
	unlink(sample_path("state"));
	open_state(&store);
	tune_store_destroy(&store);
	append("{\"setting\":\"fixed\",\"window\":[0,9,3,0]}\n");
	tune_store_init(&store, &space, &source, 1);
	assert_int_equal(tune_store_load(&store, sample_path("state"), &err), -EINVAL);
	assert_non_null(strstr(err.text, ":2: is no result"));
	tune_store_destroy(&store);
}

static void settings_of_another_grid_are_skipped(void **state)
{
	struct tune_metrics a = metrics(5, whole);
	struct tune_space small;
	struct tune_store store;
	struct tune_error err;
	struct tune_grid grid;

	(void)state;
	open_state(&store);
	tune_store_add(&store, 5, &whole, &a);
	tune_store_destroy(&store);
	tune_grid_default(&grid, TUNE_PAGES);
	grid.policies = "linux-6.1";
	tune_space_make(&small, TUNE_PAGES, &grid);
	tune_store_init(&store, &small, &source, 1);
	assert_int_equal(tune_store_load(&store, sample_path("state"), &err), 0);
	assert_int_equal(store.nr, 0);
	assert_int_equal(store.nr_foreign, 1);
	tune_store_destroy(&store);
	tune_space_destroy(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(results_come_back_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(the_first_result_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_last_line_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(another_input_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_named_by_its_line, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_of_another_grid_are_skipped, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
