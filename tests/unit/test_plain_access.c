/* SPDX-License-Identifier: MIT */
/*
 * Plain accesses as scheduling points: a bug on words that nobody marked is found in the coverage
 * build, and in no other; what is done under a lock is never broken; a seed means one schedule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/spinlock.h"
#include "stress/explore/result.h"

static const struct lock_class class = { .name = "plain.lock", .rank = RANK_NONE };

/* As statistics of a zone: a plain word, changed by whoever comes along. */
static struct counters {
	spinlock_t lock;
	u64 nr_locked;			/* under @lock */
	u64 nr_bare;			/* the bug: changed after @lock was given back */
} counters;
static u64 updates[EXPLORE_MAX_CPUS];

static void init(void *arg)
{
	(void)arg;
	spin_lock_init(&counters.lock, &class, NULL);
}

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	counters.nr_locked = counters.nr_bare = 0;
	memset(updates, 0, sizeof(updates));
	cpu_run(0, init, NULL);
}

static void run_locked(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		spin_lock(&counters.lock);
		counters.nr_locked++;
		spin_unlock(&counters.lock);
		updates[c->id]++;
	}
}

static void run_bare(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		spin_lock(&counters.lock);
		spin_unlock(&counters.lock);
		counters.nr_bare++;
		/* Keeps the compiler from adding up once for the whole loop. */
		barrier();
		updates[c->id]++;
	}
}

static void check(unsigned int nr_cpus)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < nr_cpus; i++)
		sum += updates[i];
	if (counters.nr_locked + counters.nr_bare != sum)
		panic("an update was lost");
}

static const struct scenario locked = {
	.name = "test-plain-locked", .doc = "a plain word under its lock", .cpus = 3, .ops = 30,
	.setup = setup, .run = run_locked, .check = check,
};
static const struct scenario bare = {
	.name = "test-plain-bare", .doc = "a plain word outside its lock", .cpus = 3, .ops = 30,
	.setup = setup, .run = run_bare, .check = check,
};

EXPLORE_SCENARIO(locked);
EXPLORE_SCENARIO(bare);

static void explore(const struct scenario *s, u64 schedules, struct explore_result *result)
{
	struct explore_options opt = {
		.config = { .scenario = s, .cpus = s->cpus },
		.policy = { .portfolio = true }, .first = 1, .last = schedules,
		.shard = 1, .nr_shards = 1, .stop_on_failure = true,
	};
	char err[256];

	explore_config_set_ops(&opt.config, s->ops);
	assert_int_equal(explore_campaign(&opt, result, err, sizeof(err)), 0);
}

static void test_bare_word(void **state)
{
	struct explore_result result;

	(void)state;
	explore(&bare, 300, &result);
	/* ThreadSanitizer finds it in its own way. */
	if (SIM_PLAIN_POINTS) {
		assert_int_equal(result.nr_failures, 1);
		assert_non_null(strstr(result.failures[0].title, "an update was lost"));
		assert_true(result.failures[0].schedule.seed > 0);
		assert_int_equal(explore_replay(&result.failures[0], NULL), 1);
	} else {
#ifndef KMEMLAB_TSAN
		assert_int_equal(result.nr_failures, 0);
#endif
	}
	explore_result_free(&result);
}

static void test_locked_word(void **state)
{
	struct explore_result a, b;

	(void)state;
	explore(&locked, 300, &a);
	assert_int_equal(a.nr_failures, 0);
	explore(&locked, 300, &b);
	assert_true(a.sums.digest == b.sums.digest);
	assert_int_equal(a.sums.steps, b.sums.steps);
	explore_result_free(&a);
	explore_result_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bare_word),
		cmocka_unit_test(test_locked_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
