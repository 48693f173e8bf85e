/* SPDX-License-Identifier: MIT */
/* Tests of the fidelity score: rows of transfers with a known best match. */
#include "tests/unit/test_replay_data.h"

#include "stress/replay/replay_score.h"

#define T(o, p, d) { .ordinal = (o), .pages = (p), .list = MIGRATE_MOVABLE, .drain = (d) }

/* Scores @nr_kernel against @nr_ours transfers. */
static struct replay_score score_of(struct replay_transfer *kernel, u32 nr_kernel,
				    struct replay_transfer *ours, u32 nr_ours)
{
	struct replay_plan plan = { .nr_cpus = 1, .transfers = kernel, .nr_transfers = nr_kernel };
	struct replay_outcome out = { .transfers = ours, .nr_transfers = nr_ours };
	struct replay_score score;

	replay_score(&plan, &out, &score);
	return score;
}

static void equal_rows_score_one(void **state)
{
	struct replay_transfer row[] = { T(10, 63, false), T(80, 126, false), T(90, 63, true) };
	struct replay_score s = score_of(row, 3, row, 3);

	(void)state;
	assert_int_equal(s.all.matched[SCORE_EXACT], 3);
	assert_true(score_f1(&s.all, SCORE_EXACT) == 1.0);
	assert_int_equal(s.refills.pages, 189);
	assert_int_equal(s.drains.kernel_pages, 63);
	replay_score_free(&s);
}

static void a_shift_costs_one_element(void **state)
{
	/* All of ours come 50 operations late: only the first gap differs. */
	struct replay_transfer a[] = { T(10, 63, false), T(80, 63, false), T(150, 63, false) };
	struct replay_transfer b[] = { T(60, 63, false), T(130, 63, false), T(200, 63, false) };
	struct replay_score s = score_of(a, 3, b, 3);

	(void)state;
	assert_int_equal(s.all.matched[SCORE_EXACT], 2);
	assert_int_equal(s.all.matched[SCORE_NEAR], 2);
	assert_int_equal(s.all.matched[SCORE_SIZE], 3);
	replay_score_free(&s);
}

static void near_gaps_are_two_or_five_percent_apart(void **state)
{
	static const struct {
		u32 a, b;
		u32 near;
	} cases[] = { { 10, 12, 1 }, { 10, 13, 0 }, { 100, 105, 1 }, { 1000, 1052, 1 },
		      { 1000, 1053, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct replay_transfer a[] = { T(cases[i].a, 63, false) };
		struct replay_transfer b[] = { T(cases[i].b, 63, false) };
		struct replay_score s = score_of(a, 1, b, 1);

		assert_int_equal(s.all.matched[SCORE_NEAR], cases[i].near);
		assert_int_equal(s.all.matched[SCORE_EXACT], 0);
		replay_score_free(&s);
	}
}

static void matches_keep_the_order_and_are_one_to_one(void **state)
{
	/* Sizes 1 2 3 4 against 3 1 2 4 4: best in order is 1 2 4. */
	struct replay_transfer a[] = { T(1, 1, false), T(2, 2, false), T(3, 3, false),
				       T(4, 4, false) };
	struct replay_transfer b[] = { T(1, 3, false), T(2, 1, false), T(3, 2, false),
				       T(4, 4, false), T(5, 4, false) };
	struct replay_score s = score_of(a, 4, b, 5);

	(void)state;
	assert_int_equal(s.all.matched[SCORE_SIZE], 3);
	assert_true(score_f1(&s.all, SCORE_SIZE) == 6.0 / 9.0);
	replay_score_free(&s);
}

static void refills_and_drains_never_match_each_other(void **state)
{
	struct replay_transfer a[] = { T(10, 63, false) };
	struct replay_transfer b[] = { T(10, 63, true) };
	struct replay_score s = score_of(a, 1, b, 1);

	(void)state;
	assert_int_equal(s.all.matched[SCORE_SIZE], 0);
	assert_true(score_f1(&s.all, SCORE_SIZE) == 0.0);
	replay_score_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_rows_score_one),
		cmocka_unit_test(a_shift_costs_one_element),
		cmocka_unit_test(near_gaps_are_two_or_five_percent_apart),
		cmocka_unit_test(matches_keep_the_order_and_are_one_to_one),
		cmocka_unit_test(refills_and_drains_never_match_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
