/* SPDX-License-Identifier: MIT */
/* Comparability, exact and sampled metrics, verdicts and gate rules, on synthetic results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stress/compare/gate.h"
#include "tests/unit/compare_sample.h"

#define SEED	11

static const struct sample_machine plain = {
	.speed_cv = 0.02, .lock_cv = 0.015, .tail = 0.0005, .seconds = 2, .planted_factor = 1,
};

struct world {
	struct rand_state rng;
	struct run_set a, b;
	struct comparison c;
	struct gate g;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	print_message("seed %d\n", SEED);
	rand_init(&w->rng, SEED, 0);
	*state = w;
	return 0;
}

static void reset(struct world *w)
{
	comparison_free(&w->c);
	gate_free(&w->g);
	run_set_free(&w->a);
	run_set_free(&w->b);
}

static int teardown(void **state)
{
	reset(*state);
	free(*state);
	return 0;
}

static void make(struct world *w, u32 na, u32 nb, double factor)
{
	struct sample_machine m = plain;

	reset(w);
	m.planted_factor = factor;
	sample_set(&w->rng, &w->a, "old", na, &plain);
	sample_set(&w->rng, &w->b, "new", nb, &m);
}

static void compare(struct world *w)
{
	comparison_free(&w->c);
	compare_sets(&w->c, &w->a, &w->b, &COMPARE_DEFAULTS);
}

static const struct compare_row *row(const struct world *w, const char *name)
{
	for (u32 i = 0; i < w->c.nr_rows; i++)
		if (strcmp(w->c.rows[i].m->name, name) == 0)
			return &w->c.rows[i];
	fail_msg("no metric '%s'", name);
	return NULL;
}

static bool has_remark(const struct world *w, enum remark_kind kind, const char *text)
{
	for (u32 i = 0; i < w->c.remarks.nr; i++)
		if (w->c.remarks.list[i].kind == kind &&
		    strstr(w->c.remarks.list[i].text, text))
			return true;
	return false;
}

/* Sets a member of the header, of its settings, or of the whole result, in runs @first .. */
static void set_member(struct run_set *set, u32 first, const char *where, const char *key,
		       json_t *value)
{
	for (u32 i = first; i < set->nr; i++) {
		json_t *obj = set->runs[i].file.json;

		if (*where)
			obj = json_object_get(obj, "header");
		if (strcmp(where, "settings") == 0)
			obj = json_object_get(obj, "settings");
		json_object_set(obj, key, value);
	}
	json_decref(value);
}

/* ---- comparability ---- */

static void test_obstacles(void **state)
{
	static const struct {
		const char *where, *key, *text;
	} cases[] = {
		{ "header", "workload", "workload" }, { "header", "build", "build" },
		{ "header", "cpus", "CPUs" }, { "header", "nodes", "nodes" },
		{ "header", "host_cores", "host cores" }, { "settings", "mem_bytes", "memory" },
		{ "settings", "oracle", "oracle" }, { "settings", "lockstat", "lockstat" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(w, 2, 2, 1);
		set_member(&w->b, 0, cases[i].where, cases[i].key, json_string("other"));
		compare(w);
		assert_int_equal(w->c.remarks.nr_obstacles, 1);
		assert_true(has_remark(w, REMARK_OBSTACLE, cases[i].text));
		assert_int_equal(w->c.nr_rows, 0);
	}
}

static void test_differences_are_no_obstacles(void **state)
{
	struct world *w = *state;

	make(w, 2, 2, 1);
	set_member(&w->b, 0, "settings", "pcp_batch", json_integer(31));
	set_member(&w->b, 0, "header", "version", json_string("0.2.0"));
	compare(w);
	assert_int_equal(w->c.remarks.nr_obstacles, 0);
	assert_true(has_remark(w, REMARK_DIFFERENCE, "pcp_batch default -> 31"));
	assert_true(has_remark(w, REMARK_DIFFERENCE, "version 0.1.0 -> 0.2.0"));
	assert_true(has_remark(w, REMARK_NOTE, "not known to be interleaved"));
}

static void test_runs_of_a_set_must_be_repetitions(void **state)
{
	struct world *w = *state;

	make(w, 3, 3, 1);
	set_member(&w->b, 2, "settings", "pcp_batch", json_integer(31));
	compare(w);
	assert_true(has_remark(w, REMARK_OBSTACLE, "no repetitions: pcp_batch is default"));
}

static void test_sick_runs_are_refused(void **state)
{
	struct world *w = *state;

	make(w, 2, 2, 1);
	set_member(&w->b, 1, "", "findings", json_integer(3));
	compare(w);
	assert_true(has_remark(w, REMARK_OBSTACLE, "3 findings"));

	make(w, 2, 2, 1);
	w->b.runs[0].file.locks.overflow = 1000000;
	compare(w);
	assert_true(has_remark(w, REMARK_OBSTACLE, "lost 1000000 records"));

	make(w, 2, 2, 1);
	/* 58 acquisitions per 1k op, 2e6 ops: 116e3 x 1 us of 4 s is 2.9 %. */
	for (u32 i = 0; i < w->b.nr; i++)
		w->b.runs[i].file.locks.cost.with_ns += 1000;
	compare(w);
	assert_true(has_remark(w, REMARK_OBSTACLE, "recorder cost"));
}

static void test_interleaving_is_seen(void **state)
{
	struct world *w = *state;

	make(w, 3, 3, 1);
	for (u32 i = 0; i < 3; i++) {
		json_object_set_new(w->a.runs[i].file.json, "bench",
				    json_pack("{s:i}", "sequence", (int)(2 * i)));
		json_object_set_new(w->b.runs[i].file.json, "bench",
				    json_pack("{s:i}", "sequence", (int)(2 * i + 1)));
	}
	assert_true(runs_interleaved(&w->a, &w->b));
	assert_false(runs_interleaved(&w->b, &w->a));
}

/* ---- sampled metrics ---- */

static void test_same_setting_and_planted_hold(void **state)
{
	const u32 trials = 10;
	struct world *w = *state;
	u32 same = 0, found = 0;

	for (u32 i = 0; i < trials; i++) {
		make(w, 10, 10, 1);
		compare(w);
		same += !w->c.worse && !w->c.better;
		make(w, 10, 10, 1.2);
		compare(w);
		found += w->c.worse && strstr(w->c.verdict, sample_locks[0].name) != NULL;
		assert_true(w->c.nr_tested > 5);
	}
	/* bench_diff measures the rates over many trials; this is only that they are not off. */
	assert_in_range(same, trials - 1, trials);
	assert_in_range(found, trials - 1, trials);
	assert_string_equal(change_name(row(w, "mmap_lock hold p50")->change), "");
}

static void test_three_runs_are_never_significant(void **state)
{
	struct world *w = *state;

	make(w, 3, 3, 5);
	compare(w);
	assert_false(w->c.worse);
	assert_true(has_remark(w, REMARK_NOTE, "the smallest p possible is 0.100"));
}

static void test_change_needs_its_minimum(void **state)
{
	struct compare_options strict = COMPARE_DEFAULTS;
	struct world *w = *state;

	make(w, 10, 10, 1.5);
	strict.min_effect = 3;
	strict.min_share = 0.5;
	compare_sets(&w->c, &w->a, &w->b, &strict);
	assert_false(w->c.worse);
}

static void test_explains_by_site(void **state)
{
	struct world *w = *state;

	make(w, 10, 10, 2);
	compare(w);
	assert_true(w->c.worse);
	assert_non_null(row(w, "zone->lock[Normal] hold mean")->why);
	assert_non_null(strstr(row(w, "zone->lock[Normal] hold mean")->why, "refill pcp.c:0"));
	assert_true(row(w, "zone->lock[Normal] hold mean")->shift.interval.low > 0);
}

static void test_new_and_vanished_locks(void **state)
{
	struct world *w = *state;

	make(w, 2, 2, 1);
	for (u32 i = 0; i < w->b.nr; i++) {
		free(w->b.runs[i].file.locks.classes[1].name);
		w->b.runs[i].file.locks.classes[1].name = string_copy("depot->lock[vma]");
	}
	compare(w);
	assert_int_equal(w->c.nr_new, 1);
	assert_string_equal(w->c.new_locks[0], "depot->lock[vma]");
	assert_int_equal(w->c.nr_gone, 1);
	assert_string_equal(w->c.gone_locks[0], "depot->lock[mm_struct]");
}

/* ---- exact metrics ---- */

/* Gives every run the same operations, and pcp_refill = @base + what the seed adds. */
static void set_counter(struct run_set *set, json_int_t base, json_int_t by_seed)
{
	for (u32 i = 0; i < set->nr; i++) {
		json_t *json = set->runs[i].file.json;
		json_t *events = json_object_get(json_object_get(json, "exact"), "vm_events");

		json_object_set_new(json_object_get(json, "ops"), "total", json_integer(1000));
		json_object_set_new(events, "pcp_refill", json_integer(base + by_seed * i));
	}
}

static void test_constant_counter_is_exact(void **state)
{
	struct world *w = *state;

	make(w, 3, 3, 1);
	set_counter(&w->a, 500, 0);
	set_counter(&w->b, 501, 0);
	compare(w);
	assert_true(row(w, "vm_events.pcp_refill")->exact);
	/* Any change counts: one in 500. */
	assert_int_equal(row(w, "vm_events.pcp_refill")->change, CHANGE_WORSE);
	assert_true(w->c.worse);
	set_counter(&w->b, 499, 0);
	compare(w);
	assert_int_equal(row(w, "vm_events.pcp_refill")->change, CHANGE_BETTER);
}

static void test_counter_that_varies_is_a_sample(void **state)
{
	struct world *w = *state;

	/* One run per seed on two CPUs: nobody knows whether it repeats. */
	make(w, 3, 3, 1);
	set_counter(&w->a, 500, 1);
	set_counter(&w->b, 600, 1);
	compare(w);
	assert_false(row(w, "vm_events.pcp_refill")->exact);
	assert_int_equal(row(w, "vm_events.pcp_refill")->change, CHANGE_NONE);

	/* The same seed in every run, different values: measured not to repeat. */
	set_member(&w->a, 0, "header", "seed", json_integer(1));
	set_member(&w->b, 0, "header", "seed", json_integer(1));
	compare(w);
	assert_false(row(w, "vm_events.pcp_refill")->exact);

	/* Two runs of each seed that agree: exact, and compared seed by seed. */
	make(w, 4, 4, 1);
	set_counter(&w->a, 500, 1);
	set_counter(&w->b, 500, 1);
	for (u32 i = 2; i < 4; i++) {
		json_t *ev_a = json_object_get(json_object_get(w->a.runs[i].file.json, "exact"),
					       "vm_events");
		json_t *ev_b = json_object_get(json_object_get(w->b.runs[i].file.json, "exact"),
					       "vm_events");

		json_object_set_new(ev_a, "pcp_refill", json_integer(500 + i - 2));
		json_object_set_new(ev_b, "pcp_refill", json_integer(500 + i - 2));
		set_member(&w->a, i, "header", "seed", json_integer(i - 1));
		set_member(&w->b, i, "header", "seed", json_integer(i - 1));
	}
	compare(w);
	assert_true(row(w, "vm_events.pcp_refill")->exact);
	assert_int_equal(row(w, "vm_events.pcp_refill")->change, CHANGE_NONE);
}

static void test_one_repeatable_run_is_enough(void **state)
{
	struct world *w = *state;

	make(w, 1, 1, 1);
	set_counter(&w->a, 500, 0);
	set_counter(&w->b, 400, 0);
	for (u32 i = 0; i < 2; i++) {
		set_member(i ? &w->b : &w->a, 0, "settings", "ops", json_integer(1000));
		set_member(i ? &w->b : &w->a, 0, "header", "cpus", json_integer(1));
	}
	compare(w);
	assert_true(row(w, "vm_events.pcp_refill")->exact);
	assert_int_equal(row(w, "vm_events.pcp_refill")->change, CHANGE_BETTER);
	/* Other seeds make other counts: one run of each is no comparison. */
	set_member(&w->b, 0, "header", "seed", json_integer(9));
	compare(w);
	assert_false(row(w, "vm_events.pcp_refill")->exact);
}

/* ---- gate ---- */

static void test_bad_rules(void **state)
{
	static const char *const rules[] = {
		"", "zone.acq", ">+2%", "zone.acq>", "zone.acq>+", "zone.acq>+2x",
		"zone.acq>+2%,p<", "zone.acq>+2%,p<2", "zone.acq>+2pp", "zone.wait%>5,p<.01",
		"zone.acq>+2%,q<.1",
	};
	struct world *w = *state;
	struct report_error err;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (gate_add_rule(&w->g, rules[i], &err) != -22)
			fail_msg("accepted '%s'", rules[i]);
	assert_int_equal(w->g.nr_rules, 0);
}

static enum gate_outcome judge(struct world *w, const char *rule)
{
	struct report_error err;

	gate_free(&w->g);
	if (gate_add_rule(&w->g, rule, &err) || gate_apply(&w->g, &w->c, &err))
		fail_msg("%s", err.text);
	assert_true(w->g.nr_results >= 1);
	return w->g.results[0].outcome;
}

static void test_rules_on_many_runs(void **state)
{
	struct world *w = *state;
	struct report_error err;

	make(w, 10, 10, 2);
	compare(w);
	assert_int_equal(judge(w, "zone.hold>+50%"), GATE_FAIL);
	assert_int_equal(judge(w, "zone->lock[Normal].hold>+50%,p<.001"), GATE_FAIL);
	assert_int_equal(judge(w, "zone.hold>+150%"), GATE_PASS);
	assert_int_equal(judge(w, "mmap_lock.hold>+10%"), GATE_PASS);
	assert_int_equal(judge(w, "zone.hold>100"), GATE_FAIL);
	assert_int_equal(judge(w, "zone.hold>100000"), GATE_PASS);
	assert_int_equal(judge(w, "ops/s<-20%"), GATE_PASS);
	assert_int_equal(judge(w, "wait%>+50pp"), GATE_PASS);
	assert_int_equal(w->g.nr_results, 1);
	assert_int_equal(judge(w, "vm_events.oom_kill>+0"), GATE_PASS);
	gate_free(&w->g);
	assert_int_equal(gate_add_rule(&w->g, "zoen->lock.hold>+1%", &err), 0);
	assert_int_equal(gate_apply(&w->g, &w->c, &err), -22);
	assert_non_null(strstr(err.text, "did you mean 'zone->lock'?"));
}

static void test_rules_on_few_runs(void **state)
{
	struct world *w = *state;

	make(w, 3, 3, 2);
	compare(w);
	assert_int_equal(judge(w, "zone.hold>+50%"), GATE_UNDECIDED);
	assert_int_equal(judge(w, "zone.hold<-50%"), GATE_PASS);
	set_counter(&w->a, 500, 0);
	set_counter(&w->b, 520, 0);
	compare(w);
	assert_int_equal(judge(w, "vm_events.pcp_refill>+2%"), GATE_FAIL);
	assert_int_equal(judge(w, "vm_events.pcp_refill>+5%"), GATE_PASS);
}

static void test_gate_without_rules(void **state)
{
	struct world *w = *state;

	make(w, 10, 10, 2);
	compare(w);
	gate_apply_default(&w->g, &w->c);
	assert_true(w->g.nr_failed >= 1);
	gate_free(&w->g);
	make(w, 10, 10, 1);
	compare(w);
	gate_apply_default(&w->g, &w->c);
	assert_int_equal(w->g.nr_failed, 0);
	assert_true(w->g.nr_results > 5);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_obstacles), TEST(test_differences_are_no_obstacles),
		TEST(test_runs_of_a_set_must_be_repetitions), TEST(test_sick_runs_are_refused),
		TEST(test_interleaving_is_seen), TEST(test_same_setting_and_planted_hold),
		TEST(test_three_runs_are_never_significant), TEST(test_change_needs_its_minimum),
		TEST(test_explains_by_site), TEST(test_new_and_vanished_locks),
		TEST(test_constant_counter_is_exact), TEST(test_counter_that_varies_is_a_sample),
		TEST(test_one_repeatable_run_is_enough), TEST(test_bad_rules),
		TEST(test_rules_on_many_runs), TEST(test_rules_on_few_runs),
		TEST(test_gate_without_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
