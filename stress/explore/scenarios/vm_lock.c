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
	vm_load_setup(nr_cpus);
}

static unsigned long area_at(unsigned int area)
{
	return VM_LOAD_BASE + area * 16 * PAGE_SIZE;
}

static u64 sign(unsigned int area)
{
	return 0xa4ea0000ULL + area;
}

/* A fault may find no area; one that it finds must be of this space and of this place. */
static void touch(struct scenario_cpu *c)
{
	unsigned int area = rand_below(&c->rng, NR_AREAS);
	unsigned long addr = area_at(area) + rand_below(&c->rng, AREA_PAGES) * PAGE_SIZE;
	u64 got = 0;
	int err;

	if (rand_one_in(&c->rng, 2))
		err = store_u64(addr, sign(area));
	else
		err = load_u64(addr, &got);
	if (err == 0 && got && got != sign(area))
		panic("area %u shows %#llx", area, (unsigned long long)got);
	BUG_ON(err && err != -EFAULT);
}

/*
 * Unmaps one area and maps another, here or in @other, a space that nobody uses: its struct may be
 * the one that was freed last.
 */
static void renew(struct scenario_cpu *c, struct mm_struct *mm, struct mm_struct *other)
{
	unsigned int gone = rand_below(&c->rng, NR_AREAS), made = rand_below(&c->rng, NR_AREAS);
	unsigned long len = AREA_PAGES * PAGE_SIZE;

	BUG_ON(do_munmap(rand_one_in(&c->rng, 4) ? other : mm, area_at(gone), len));
	BUG_ON(vm_is_err(do_mmap(rand_one_in(&c->rng, 3) ? other : mm, area_at(made), len,
				 PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)));
}

static void run(struct scenario_cpu *c)
{
	struct user_task *task = vm_load_join(c, 0);
	struct mm_struct *other = mm_alloc();

	BUG_ON(!other);
	for (c->op = 1; c->op <= c->ops; c->op++) {
		if (rand_one_in(&c->rng, 2))
			renew(c, task->mm, other);
		else
			touch(c);
	}
	mmput(other);
	vm_load_leave();
}

static const struct scenario scenario = {
	.name = "vm-lock",
	.doc = "faults on areas being freed and used again: one that trusts another area's fields",
	.cpus = 2, .ops = 40, .vm = true,
	.setup = setup, .run = run, .check = vm_load_check,
};

EXPLORE_SCENARIO(scenario);
