/* SPDX-License-Identifier: MIT */
/* Scenario: page tables come and go under a walker that holds nothing but RCU. */
#include "mm/mmu/pgtable.h"
#include "runtime/rcu.h"
#include "stress/explore/scenarios/vm_load.h"

/* A walk is much shorter than what the others do: this many last about as long. */
#define WALKS_PER_OP	24u

static void setup(unsigned int nr_cpus)
{
	vm_load_setup(nr_cpus);
}

/* Each CPU's page is a table apart. */
static unsigned long page_of(unsigned int cpu)
{
	return VM_LOAD_BASE + cpu * PMD_SIZE;
}

/* A table that was reached stays one until the walker is done. */
static void walk(struct scenario_cpu *c, struct mm_struct *mm)
{
	unsigned long addr = page_of(rand_below(&c->rng, c->nr_cpus));
	const pte_t *ptep;

	rcu_read_lock();
	ptep = mmu_find_pte(&mm->context, addr);
	for (unsigned int i = 0; ptep && i < 4; i++) {
		sim_point(SIM_ACCESS, ptep);
		BUG_ON(!page_test_flags(virt_to_page(ptep), PG_table));
		(void)ptep_get(ptep);
	}
	rcu_read_unlock();
}

static void renew(struct scenario_cpu *c, struct mm_struct *mm)
{
	unsigned long addr = page_of(c->id);

	BUG_ON(vm_is_err(do_mmap(mm, addr, PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)));
	vm_store_word(addr, c->op);
	BUG_ON(vm_load_word(addr) != c->op);
	BUG_ON(do_munmap(mm, addr, PAGE_SIZE));
}

static void run(struct scenario_cpu *c)
{
	struct user_task *task = vm_load_join(c, 0);

	/*
	 * The last CPU looks on from outside, as reclaim does: no flush interrupts a CPU that has
	 * left the space, so only the grace period keeps the tables.
	 */
	if (c->id == c->nr_cpus - 1) {
		task_switch(NULL);
		switch_mm(&init_mm);
	}
	for (c->op = 1; c->op <= c->ops; c->op++) {
		if (c->id < c->nr_cpus - 1)
			renew(c, task->mm);
		for (unsigned int i = 0; c->id == c->nr_cpus - 1 && i < WALKS_PER_OP; i++) {
			walk(c, task->mm);
			irq_safepoint();
		}
	}
	vm_load_leave();
}

static const struct scenario scenario = {
	.name = "vm-tables",
	.doc = "page tables freed under a walker outside the space: one that goes too early",
	.cpus = 2, .ops = 24, .vm = true,
	.setup = setup, .run = run, .check = vm_load_check,
};

EXPLORE_SCENARIO(scenario);
