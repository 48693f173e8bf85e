/* SPDX-License-Identifier: MIT */
/* Scenario: copies on write by several CPUs of a space, before, during and after its forks. */
#include "stress/explore/scenarios/vm_load.h"

#define NR_PAGES	2u

/* What each CPU has written to its word of each page (read by all), and seen in those of others. */
static u64 mine[EXPLORE_MAX_CPUS][NR_PAGES];
static u64 seen[EXPLORE_MAX_CPUS][NR_PAGES][EXPLORE_MAX_CPUS];

static void setup(unsigned int nr_cpus)
{
	vm_load_setup(nr_cpus);
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++)
		for (unsigned int page = 0; page < NR_PAGES; page++) {
			mine[i][page] = 0;
			for (unsigned int k = 0; k < EXPLORE_MAX_CPUS; k++)
				seen[i][page][k] = 0;
		}
}

static unsigned long word(unsigned int page, unsigned int cpu)
{
	return VM_LOAD_BASE + page * PAGE_SIZE + cpu * 8;
}

static void write_mine(struct scenario_cpu *c)
{
	unsigned int page = rand_below(&c->rng, NR_PAGES);
	u64 value = mine[c->id][page] + 1;

	vm_store_word(word(page, c->id), value);
	/* Release: pairs with the acquire in read_other(): the word is written. */
	smp_store_release(&mine[c->id][page], value);
	BUG_ON(vm_load_word(word(page, c->id)) != value);
}

/*
 * Another CPU's word never goes back, nor behind what that CPU says it has written: a page that a
 * copy has replaced is never seen again.
 */
static void read_other(struct scenario_cpu *c)
{
	unsigned int page = rand_below(&c->rng, NR_PAGES);
	unsigned int cpu = rand_below(&c->rng, c->nr_cpus);
	u64 *last = &seen[c->id][page][cpu], got;
	u64 floor = max(*last, smp_load_acquire(&mine[cpu][page]));

	got = vm_load_word(word(page, cpu));
	if (got < floor)
		panic("page %u: the word of cpu %u is %llu and was %llu before", page, cpu,
		      (unsigned long long)got, (unsigned long long)floor);
	*last = got;
}

/* A child has its maker's words as of the fork, whatever the others do meanwhile. */
static void fork_once(struct scenario_cpu *c, struct user_task *task)
{
	struct user_task *child = task_fork(task);
	u64 other[NR_PAGES];

	BUG_ON(!child);
	task_switch(child);
	for (unsigned int page = 0; page < NR_PAGES; page++) {
		other[page] = vm_load_word(word(page, (c->id + 1) % c->nr_cpus));
		BUG_ON(vm_load_word(word(page, c->id)) != mine[c->id][page]);
		if (rand_one_in(&c->rng, 2))
			vm_store_word(word(page, c->id), ~0ULL);
	}
	for (unsigned int page = 0; page < NR_PAGES; page++)
		BUG_ON(vm_load_word(word(page, (c->id + 1) % c->nr_cpus)) != other[page]);
	task_switch(task);
	task_exit(child);
}

static void run(struct scenario_cpu *c)
{
	struct user_task *task = vm_load_join(c, NR_PAGES);

	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 what = rand_below(&c->rng, 8);

		if (what < 3)
			write_mine(c);
		else if (what < 7)
			read_other(c);
		else
			fork_once(c, task);
	}
	for (unsigned int page = 0; page < NR_PAGES; page++)
		BUG_ON(vm_load_word(word(page, c->id)) != mine[c->id][page]);
	vm_load_leave();
}

static const struct scenario scenario = {
	.name = "vm-cow",
	.doc = "threads of a space that forks: a write lost, or seen in a wrong space",
	.cpus = 3, .ops = 48, .vm = true,
	.setup = setup, .run = run, .check = vm_load_check,
};

EXPLORE_SCENARIO(scenario);
