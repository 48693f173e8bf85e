/* SPDX-License-Identifier: MIT */
/* Scenario: flushes of several CPUs at the same time, while all of them use the memory. */
#include "stress/explore/scenarios/vm_load.h"

#define NR_PAGES	3u

static void setup(unsigned int nr_cpus)
{
	vm_load_setup(nr_cpus);
}

static u64 sign(unsigned int page)
{
	return 0x600d0000ULL + page;
}

static void run(struct scenario_cpu *c)
{
	struct user_task *task = vm_load_join(c, NR_PAGES);

	for (c->op = 1; c->op <= c->ops; c->op++) {
		unsigned int page = rand_below(&c->rng, NR_PAGES);
		unsigned long addr = VM_LOAD_BASE + page * PAGE_SIZE;
		u32 what = rand_below(&c->rng, 5);
		u64 got;

		/* MADV_DONTNEED holds the mmap lock for reading: several run at once. */
		if (what == 0) {
			BUG_ON(do_madvise(task->mm, addr, PAGE_SIZE, MADV_DONTNEED));
			continue;
		}
		if (what == 1) {
			/* Lazy: flushes pass this CPU by, until it comes back. */
			task_switch(NULL);
			sim_point(SIM_ACCESS, task);
			task_switch(task);
			continue;
		}
		if (what == 2) {
			vm_store_word(addr, sign(page));
			continue;
		}
		got = vm_load_word(addr);
		if (got && got != sign(page))
			panic("page %u shows %#llx", page, (unsigned long long)got);
	}
	vm_load_leave();
}

static const struct scenario scenario = {
	.name = "vm-dontneed",
	.doc = "pages given back by several CPUs, some of them lazy: a flush that is lost",
	.cpus = 3, .ops = 60, .vm = true,
	.setup = setup, .run = run, .check = vm_load_check,
};

EXPLORE_SCENARIO(scenario);
