/* SPDX-License-Identifier: MIT */
/* Scenario: mutex, rw_semaphore and a wait queue, all contended. */
#include "runtime/mutex.h"
#include "stress/explore/scenario.h"

static const struct lock_class class = { .name = "explore.sleep", .rank = RANK_NONE };

static struct mutex mutex;
static struct rw_semaphore sem;
static struct wait_queue_head wq;
static u64 in_mutex, writers, counted;
static u32 readers;			/* atomic */
static u32 tokens;			/* atomic */

static void init(void *arg)
{
	(void)arg;
	mutex_init(&mutex, &class, "mutex");
	init_rwsem(&sem, &class, "rwsem");
	init_waitqueue_head(&wq);
}

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	in_mutex = writers = counted = 0;
	readers = tokens = 0;
	cpu_run(0, init, NULL);
}

static void use_mutex(void)
{
	mutex_lock(&mutex);
	BUG_ON(in_mutex++);
	counted++;
	sim_point(SIM_ACCESS, &in_mutex);
	in_mutex--;
	mutex_unlock(&mutex);
}

static void use_rwsem(bool write)
{
	if (!write) {
		down_read(&sem);
		fetch_add(&readers, 1);
		BUG_ON(writers);
		sim_point(SIM_ACCESS, &readers);
		fetch_add(&readers, -1u);
		up_read(&sem);
		return;
	}
	down_write(&sem);
	BUG_ON(writers++ || READ_ONCE(readers));
	sim_point(SIM_ACCESS, &writers);
	writers--;
	up_write(&sem);
}

static bool take_token(void *arg)
{
	u32 n = READ_ONCE(tokens);

	(void)arg;
	while (n)
		if (try_cmpxchg(&tokens, &n, n - 1))
			return true;
	return false;
}

/*
 * Each gives one token and then takes one, so whoever waits has a token to come: a wake-up that
 * gets lost is a deadlock.
 */
static void pass_token(void)
{
	fetch_add(&tokens, 1);
	wake_up(&wq);
	wait_event(&wq, take_token, NULL);
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		switch (rand_below(&c->rng, 3)) {
		case 0:
			use_mutex();
			break;
		case 1:
			use_rwsem(rand_one_in(&c->rng, 2));
			break;
		default:
			pass_token();
		}
	}
}

static void check(unsigned int nr_cpus)
{
	(void)nr_cpus;
	BUG_ON(tokens || readers || writers || in_mutex);
}

static const struct scenario scenario = {
	.name = "sleeping-locks",
	.doc = "mutex, rw_semaphore, wait queue: lost wake-ups (a deadlock) and shared sections",
	.cpus = 3, .ops = 60,
	.setup = setup, .run = run, .check = check,
};

EXPLORE_SCENARIO(scenario);
