/* SPDX-License-Identifier: MIT */
/*
 * Scenario: faults that find an area under RCU, while areas are unmapped and their memory becomes
 * areas again, in this space or in another one.
 */
#include "mm/vma/mm.h"
#include "stress/explore/scenarios/vm_load.h"

#define NR_AREAS	3u
#define AREA_PAGES	2u

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	/* CPUs 0 and 1 share a space; the next two have another one with areas at other places. */
	vm_load_setup(2);
}

static unsigned long area_at(unsigned int group, unsigned int area)
{
	return VM_LOAD_BASE + group * PAGE_SIZE + area * 16 * PAGE_SIZE;
}

static u64 sign(unsigned int group, unsigned int area)
{
	return 0xa4ea0000ULL + group * 256 + area;
}

/* A fault may find no area; one that it finds must be of this space and of this place. */
static void touch(struct scenario_cpu *c, unsigned int group)
{
	unsigned int area = rand_below(&c->rng, NR_AREAS);
	unsigned long addr = area_at(group, area) + rand_below(&c->rng, AREA_PAGES) * PAGE_SIZE;
	u64 got = 0;
	int err;

	if (rand_one_in(&c->rng, 2))
		err = store_u64(addr, sign(group, area));
	else
		err = load_u64(addr, &got);
	if (err == 0 && got && got != sign(group, area))
		panic("area %u of space %u shows %#llx", area, group, (unsigned long long)got);
	BUG_ON(err && err != -EFAULT);
	/* The hole below the areas of the second space belongs to nobody. */
	BUG_ON(group && load_u64(addr - 3 * PAGE_SIZE, &got) != -EFAULT);
}

/* Unmaps and maps one area; what is there afterwards is new. */
static void renew(struct scenario_cpu *c, struct mm_struct *mm, unsigned int group)
{
	unsigned int area = rand_below(&c->rng, NR_AREAS);
	unsigned long len = AREA_PAGES * PAGE_SIZE, addr = area_at(group, area);

	BUG_ON(do_munmap(mm, addr, len));
	if (rand_one_in(&c->rng, 4))
		return;
	BUG_ON(vm_is_err(do_mmap(mm, addr, len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)));
}

static void run(struct scenario_cpu *c)
{
	struct user_task *task = vm_load_join(c, 0);
	unsigned int group = c->id / 2;

	for (c->op = 1; c->op <= c->ops; c->op++) {
		if (rand_one_in(&c->rng, 3))
			renew(c, task->mm, group);
		else
			touch(c, group);
	}
	vm_load_leave();
}

static const struct scenario scenario = {
	.name = "vm-lock",
	.doc = "faults on areas being freed and used again: one that trusts another area's fields",
	.cpus = 3, .ops = 72, .vm = true,
	.setup = setup, .run = run, .check = vm_load_check,
};

EXPLORE_SCENARIO(scenario);
