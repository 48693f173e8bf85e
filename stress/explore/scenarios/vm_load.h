/* SPDX-License-Identifier: MIT */
/* What the scenarios of virtual memory share: tasks of the CPUs, and the judgement at the end. */
#ifndef STRESS_EXPLORE_SCENARIOS_VM_LOAD_H
#define STRESS_EXPLORE_SCENARIOS_VM_LOAD_H

#include <errno.h>

#include "mm/mmu/access.h"
#include "mm/vma/fork.h"
#include "mm/vma/task.h"
#include "stress/explore/scenario.h"

/* Host thread: no tasks, and how many of the CPUs share an address space. */
void vm_load_setup(unsigned int group);

/*
 * This CPU's task, which runs from now on: the first of a group makes the address space, with
 * @nr_pages of private memory at VM_LOAD_BASE (0: none).
 */
struct user_task *vm_load_join(const struct scenario_cpu *c, unsigned long nr_pages);
/* The task stays for the judgement; this CPU goes lazy. */
void vm_load_leave(void);

/* Host thread: vm_check() of all, then the tasks end and nothing must be left. */
void vm_load_check(unsigned int nr_cpus);

#define VM_LOAD_BASE	0x10000000UL

/* Memory is never short here. */
u64 vm_load_word(unsigned long addr);
void vm_store_word(unsigned long addr, u64 value);

#endif /* STRESS_EXPLORE_SCENARIOS_VM_LOAD_H */
