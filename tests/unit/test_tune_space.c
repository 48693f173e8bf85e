/* SPDX-License-Identifier: MIT */
/* Tests of the grid: axes, points, their texts and neighbours. */
#include "tests/unit/tune_sample.h"

#include "stress/tune/tune_space.h"

static void axes_are_lists_or_doubling_ranges(void **state)
{
	struct tune_axis axis = { .nr = 0 };

	(void)state;
	assert_int_equal(tune_axis_parse(&axis, "15,31,63", 1, 100), 0);
	assert_int_equal(axis.nr, 3);
	assert_int_equal(axis.v[1], 31);
	assert_int_equal(tune_axis_parse(&axis, "16..100", 1, 100), 0);
	assert_int_equal(axis.nr, 4);
	assert_int_equal(axis.v[2], 64);
	assert_int_equal(axis.v[3], 100);
	assert_int_equal(tune_axis_parse(&axis, "0,4..16", 0, 100), 0);
	assert_int_equal(axis.nr, 4);
	assert_int_equal(axis.v[0], 0);
	assert_int_equal(tune_axis_parse(&axis, "7", 0, 100), 0);
	assert_int_equal(axis.nr, 1);
}

static void bad_axes_are_refused_and_change_nothing(void **state)
{
	static const char *const bad[] = {
		"", "a", "1,", ",1", "2,1", "1,1", "101", "0..8", "8..4", "1..", "1...2", "-1",
		"1;2", "99999999999999999999",
	};
	struct tune_axis axis = { { 5 }, 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(tune_axis_parse(&axis, bad[i], 0, 100), -EINVAL);
		assert_int_equal(axis.nr, 1);
		assert_int_equal(axis.v[0], 5);
	}
}

static void points_are_all_that_make_sense(void **state)
{
	struct tune_space space;
	struct tune_grid grid;

	(void)state;
	sample_space(&space);
	assert_int_equal(space.nr_baselines, 4);
	assert_int_equal(space.nr, 24);
	assert_string_equal(space.points[space.reference].baseline, "linux-6.1");
	tune_space_destroy(&space);
	/* A batch above high is left out: 127 and 255 at 64, 255 at 128. */
	tune_grid_default(&grid, TUNE_PAGES);
	grid.policies = "fixed";
	sample_axis(&grid, TUNE_BATCH, "63,127,255");
	sample_axis(&grid, TUNE_HIGH, "64..256");
	tune_space_make(&space, TUNE_PAGES, &grid);
	assert_int_equal(space.nr, 4 + 9 - 3);
	tune_space_destroy(&space);
}

static void every_point_has_its_own_text(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < 2; kind++) {
		struct tune_space space;
		struct tune_grid grid;

		tune_grid_default(&grid, (enum tune_kind)kind);
		tune_space_make(&space, (enum tune_kind)kind, &grid);
		assert_true(space.nr > 100);
		for (u32 i = 0; i < space.nr; i++)
			assert_int_equal(tune_space_find(&space, space.points[i].key), i);
		assert_int_equal(tune_space_find(&space, "no such"), space.nr);
		tune_space_destroy(&space);
	}
}

static void texts_name_every_size(void **state)
{
	struct tune_setting s = { .policy = "linux-6.18" };
	char text[TUNE_KEY_MAX];

	(void)state;
	memset(s.v, 0xff, sizeof(s.v));
	assert_string_equal(tune_setting_text(&s, text), "linux-6.18");
	s.v[TUNE_BATCH] = 63;
	s.v[TUNE_HIGH] = 480;
	s.v[TUNE_WINDOW] = 4;
	s.v[TUNE_SCALE] = 5;
	assert_string_equal(tune_setting_text(&s, text),
			    "linux-6.18 batch 63 high 480..1920 scale 5");
	s.v[TUNE_WINDOW] = 1;
	assert_string_equal(tune_setting_text(&s, text), "linux-6.18 batch 63 high 480 scale 5");
}

static void neighbours_differ_in_one_size(void **state)
{
	struct tune_space space;
	u32 at, next;

	(void)state;
	sample_space(&space);
	at = tune_space_find(&space, "fixed batch 31 high 512");
	next = tune_space_neighbour(&space, at, 0, 1);
	assert_string_equal(space.points[next].key, "fixed batch 63 high 512");
	next = tune_space_neighbour(&space, at, 1, -1);
	assert_string_equal(space.points[next].key, "fixed batch 31 high 256");
	at = tune_space_find(&space, "fixed batch 15 high 2048");
	assert_int_equal(tune_space_neighbour(&space, at, 0, -1), space.nr);
	assert_int_equal(tune_space_neighbour(&space, at, 1, 1), space.nr);
	/* Baselines have no sizes to step along. */
	assert_int_equal(tune_space_neighbour(&space, 0, 0, 1), space.nr);
	tune_space_destroy(&space);
}

static void what_linux_can_be_set_to_is_marked(void **state)
{
	struct tune_space space;
	struct tune_grid grid;
	u32 nr = 0;

	(void)state;
	tune_grid_default(&grid, TUNE_PAGES);
	tune_space_make(&space, TUNE_PAGES, &grid);
	for (u32 i = space.nr_baselines; i < space.nr; i++) {
		const u32 *v = space.points[i].setting.v;

		nr += space.points[i].settable;
		assert_int_equal(space.points[i].settable, v[TUNE_FRACTION] != TUNE_UNSET);
		assert_true(!space.points[i].settable || v[TUNE_BATCH] == TUNE_UNSET);
	}
	assert_true(nr > 10);
	tune_space_destroy(&space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(axes_are_lists_or_doubling_ranges),
		cmocka_unit_test(bad_axes_are_refused_and_change_nothing),
		cmocka_unit_test(points_are_all_that_make_sense),
		cmocka_unit_test(every_point_has_its_own_text),
		cmocka_unit_test(texts_name_every_size),
		cmocka_unit_test(neighbours_differ_in_one_size),
		cmocka_unit_test(what_linux_can_be_set_to_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
