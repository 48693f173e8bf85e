/* SPDX-License-Identifier: MIT */
/* What the scenarios of virtual memory share. */
#include "stress/explore/scenarios/vm_load.h"

#include "mm/vma/mm.h"
#include "mm/vma/rmap.h"
#include "mm/vma/shmem.h"
#include "mm/vma/vm_check.h"
#include "runtime/rcu.h"

static const struct lock_class join_class = { .name = "vm_load join", .rank = RANK_NONE };

static struct mutex join_lock;
static struct user_task *tasks[EXPLORE_MAX_CPUS];	/* under join_lock */
static unsigned int group_size;

void vm_load_setup(unsigned int group)
{
	mutex_init(&join_lock, &join_class, NULL);
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++)
		tasks[i] = NULL;
	group_size = group;
}

/* A task of the group that is there already, or NULL. */
static struct user_task *find_member(unsigned int cpu)
{
	unsigned int first = cpu / group_size * group_size;

	for (unsigned int i = first; i < first + group_size && i < EXPLORE_MAX_CPUS; i++)
		if (tasks[i])
			return tasks[i];
	return NULL;
}

struct user_task *vm_load_join(const struct scenario_cpu *c, unsigned long nr_pages)
{
	struct user_task *member, *task;

	mutex_lock(&join_lock);
	member = find_member(c->id);
	task = member ? task_clone_vm(member) : task_create("explore");
	BUG_ON(!task);
	if (!member && nr_pages)
		BUG_ON(do_mmap(task->mm, VM_LOAD_BASE, nr_pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE) !=
		       (long)VM_LOAD_BASE);
	tasks[c->id] = task;
	mutex_unlock(&join_lock);
	task_switch(task);
	return task;
}

void vm_load_leave(void)
{
	task_switch(NULL);
}

/* ---- the end ---- */

static void leave_user_space(void *arg)
{
	(void)arg;
	task_switch(NULL);
	switch_mm(&init_mm);
	rcu_barrier();
}

static void judge(void *arg)
{
	unsigned int nr_cpus = *(unsigned int *)arg, nr = 0;
	struct mm_struct *mms[EXPLORE_MAX_CPUS] = { NULL };
	struct vm_check_result result;

	for (unsigned int i = 0; i < nr_cpus; i++)
		if (tasks[i] && i % group_size == 0)
			mms[nr++] = tasks[i]->mm;
	result = vm_check(mms, nr);
	if (!result.ok)
		panic("%s", result.text);
	for (unsigned int i = 0; i < nr_cpus; i++) {
		if (tasks[i])
			task_exit(tasks[i]);
		tasks[i] = NULL;
	}
	BUG_ON(nr_mm_structs());
	BUG_ON(nr_anon_vmas());
	BUG_ON(nr_shmem_objects());
}

void vm_load_check(unsigned int nr_cpus)
{
	cpu_run_all(leave_user_space, NULL);
	cpu_run(0, judge, &nr_cpus);
}

/* ---- accesses ---- */

u64 vm_load_word(unsigned long addr)
{
	u64 value;

	BUG_ON(load_u64(addr, &value));
	return value;
}

void vm_store_word(unsigned long addr, u64 value)
{
	BUG_ON(store_u64(addr, value));
}
