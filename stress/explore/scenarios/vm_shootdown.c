/* SPDX-License-Identifier: MIT */
/* Scenario: memory is unmapped, protected, moved and mapped again while other CPUs use it. */
#define _GNU_SOURCE		/* MREMAP_FIXED */
#include "stress/explore/scenarios/vm_load.h"

#define SLOT_PAGES	2u
#define NR_SLOTS	3u

static void setup(unsigned int nr_cpus)
{
	vm_load_setup(nr_cpus);
}

/* Slots are a table apart, so that unmapping one frees its table. */
static unsigned long slot_at(unsigned int slot)
{
	return VM_LOAD_BASE + slot * PMD_SIZE;
}

/*
 * What is written to a slot; a walker that takes it for an entry of a page table, because it looks
 * at a table that is a slot's page by now, finds rights to a frame that no machine has.
 */
static u64 sign(unsigned int slot)
{
	return 0x000ffff000000000ULL + ((u64)slot << PAGE_SHIFT) + _PAGE_TABLE;
}

/* A word is absent, zero or what everybody writes there: never another slot's. */
static void use_slot(struct scenario_cpu *c)
{
	unsigned int slot = rand_below(&c->rng, NR_SLOTS);
	unsigned long addr = slot_at(slot) + rand_below(&c->rng, SLOT_PAGES) * PAGE_SIZE;
	u64 got = 0;

	if (rand_one_in(&c->rng, 2)) {
		(void)store_u64(addr, sign(slot));
		return;
	}
	if (load_u64(addr, &got) == 0 && got && got != sign(slot))
		panic("slot %u shows %#llx", slot, (unsigned long long)got);
}

static void map_slot(struct mm_struct *mm, unsigned int slot)
{
	BUG_ON(vm_is_err(do_mmap(mm, slot_at(slot), SLOT_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)));
}

/* Moves the slot away, where nobody looks, and unmaps it there. */
static void move_slot_away(struct mm_struct *mm, unsigned int slot)
{
	const struct mremap_args args = {
		.addr = slot_at(slot), .old_len = SLOT_PAGES * PAGE_SIZE,
		.new_len = SLOT_PAGES * PAGE_SIZE, .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
		.new_addr = slot_at(NR_SLOTS + 1 + slot),
	};

	if (!vm_is_err(do_mremap(mm, &args)))
		BUG_ON(do_munmap(mm, args.new_addr, args.new_len));
}

/* A range that this CPU has made inaccessible stays so while nobody else changes it: slot = CPU. */
static void change_slot(struct scenario_cpu *c, struct mm_struct *mm)
{
	unsigned long addr = slot_at(c->id % NR_SLOTS), len = SLOT_PAGES * PAGE_SIZE;
	u64 got;

	switch (rand_below(&c->rng, 5)) {
	case 0:
		BUG_ON(do_munmap(mm, addr, len));
		BUG_ON(c->nr_cpus <= NR_SLOTS && load_u64(addr, &got) != -EFAULT);
		return;
	case 1:
		BUG_ON(do_munmap(mm, addr, len));
		break;
	case 2:
		move_slot_away(mm, c->id % NR_SLOTS);
		break;
	case 3:
		(void)do_madvise(mm, addr, len, MADV_DONTNEED);
		return;
	default:
		if (do_mprotect(mm, addr, PAGE_SIZE, PROT_READ))
			break;
		BUG_ON(c->nr_cpus <= NR_SLOTS && store_u64(addr, 1) != -EFAULT);
		break;
	}
	map_slot(mm, c->id % NR_SLOTS);
}

static void run(struct scenario_cpu *c)
{
	struct user_task *task = vm_load_join(c, 0);

	map_slot(task->mm, c->id % NR_SLOTS);
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 what = rand_below(&c->rng, 8);

		if (what < 5) {
			use_slot(c);
		} else if (what < 7) {
			change_slot(c, task->mm);
		} else {
			/* Lazy: flushes pass this CPU by, until it comes back. */
			task_switch(NULL);
			sim_point(SIM_ACCESS, task);
			task_switch(task);
		}
	}
	vm_load_leave();
}

static const struct scenario scenario = {
	.name = "vm-shootdown",
	.doc = "memory taken away from other CPUs: one that reaches a freed frame or table",
	.cpus = 3, .ops = 72, .vm = true,
	.setup = setup, .run = run, .check = vm_load_check,
};

EXPLORE_SCENARIO(scenario);
