/* SPDX-License-Identifier: MIT */
/*
 * Every undo path of faults, fork, exec and the calls between them: the n-th page, then the n-th
 * object is refused, for every n.  What fails has changed nothing that the oracle can see, works
 * when tried again, and nothing is left when the tasks have gone.
 */
#define _GNU_SOURCE		/* MREMAP_* */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/vma_machine.h"

#include "mm/vma/mm.h"

#define RW		(PROT_READ | PROT_WRITE)
#define FAR		(0x10000000000UL)

static struct user_task *task, *child;
static u64 refused;

static void expect_valid(void)
{
	struct mm_struct *mms[] = { task->mm, child ? child->mm : NULL };

	expect_vm_valid(mms, child ? 2 : 1);
}

/* A failed access or call says so, leaves all in order, and is tried again until it succeeds. */
#define INSIST(call, failed)						\
	do {								\
		unsigned int tries_ = 0;				\
									\
		while ((call) failed) {					\
			refused++;					\
			EXPECT(++tries_ < 3);				\
			expect_valid();					\
		}							\
	} while (0)

static int map_at(unsigned long addr, unsigned long nr, unsigned long flags)
{
	long got = do_mmap(task->mm, addr, nr * PAGE_SIZE, RW,
			   flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);

	EXPECT(got == (long)addr || got == -ENOMEM);
	return got == -ENOMEM;
}

static int peek(unsigned long addr, u64 want)
{
	u64 v;
	int err = load_u64(addr, &v);

	EXPECT(err == 0 || err == -ENOMEM);
	EXPECT(err || v == want);
	return err;
}

static int poke(unsigned long addr, u64 v)
{
	int err = store_u64(addr, v);

	EXPECT(err == 0 || err == -ENOMEM);
	return err;
}

/* Tables of every level, zero page, own page, shared page, copies. */
static void faults(void)
{
	INSIST(map_at(FAR, 4, MAP_PRIVATE), != 0);
	INSIST(map_at(3 * FAR, 4, MAP_SHARED), != 0);
	INSIST(peek(FAR, 0), != 0);
	INSIST(poke(FAR, 1), != 0);
	INSIST(poke(FAR + PAGE_SIZE, 2), != 0);
	INSIST(peek(3 * FAR, 0), != 0);
	INSIST(poke(3 * FAR + 2 * PAGE_SIZE, 3), != 0);
	EXPECT(load_word(FAR) == 1 && load_word(FAR + PAGE_SIZE) == 2);
	EXPECT(load_word(3 * FAR + 2 * PAGE_SIZE) == 3);
}

static bool try_fork(void)
{
	child = task_fork(task);
	return child == NULL;
}

/* fork in the middle of everything; then both write what they share. */
static void forks(void)
{
	faults();
	INSIST(map_at(FAR + (1UL << 30), 2, MAP_PRIVATE), != 0);
	INSIST(poke(FAR + (1UL << 30), 4), != 0);
	INSIST(try_fork(), == true);
	INSIST(poke(FAR, 5), != 0);
	task_switch(child);
	INSIST(poke(FAR + PAGE_SIZE, 6), != 0);
	EXPECT(load_word(FAR) == 1 && load_word(FAR + PAGE_SIZE) == 6);
	EXPECT(load_word(FAR + (1UL << 30)) == 4);
	expect_valid();
	task_switch(task);
	EXPECT(load_word(FAR) == 5 && load_word(FAR + PAGE_SIZE) == 2);
	task_exit(child);
	child = NULL;
}

static void execs(void)
{
	const struct program prog = {
		.image = "/bin/sh", .text = 3 * PAGE_SIZE, .data = PAGE_SIZE, .bss = PAGE_SIZE,
	};
	struct mm_struct *old;

	INSIST(map_at(FAR, 4, MAP_PRIVATE), != 0);
	INSIST(poke(FAR, 1), != 0);
	old = task->mm;
	INSIST(exec_mm(task, &prog), == -ENOMEM);
	EXPECT(task->mm != old && !vma_lookup(task->mm, FAR));
	INSIST(poke(task->mm->layout.start_data & ~7UL, 2), != 0);
	INSIST(poke((task->mm->layout.start_stack - 16) & ~7UL, 3), != 0);
}

/* Turn by turn with the n-th candidate of @attr failing. */
static void walk(struct fault_attr *attr, void (*body)(void))
{
	u64 n, before = refused;

	for (n = 1; ; n++) {
		/* The task itself is not what is tested. */
		task = task_start("inject");
		if (!fault_nth_arm(attr, n))
			break;
		body();
		WRITE_ONCE(attr->enabled, false);
		expect_valid();
		task_exit(task);
		rcu_barrier();
		EXPECT(nr_mm_structs() == 0 && nr_anon_vmas() == 0 && nr_shmem_objects() == 0);
	}
	task_exit(task);
	EXPECT(n > 4 && refused > before + 3);
}

static void (*what)(void);

static void all(void)
{
	walk(fail_page_alloc_attr(), what);
	walk(failslab_attr(), what);
}

static void run(void (*body)(void))
{
	what = body;
	vma_machine_run(&(struct vma_machine){ .slab_none = true, .tlb_oracle = true }, all);
	vma_machine_run(&(struct vma_machine){ .slab_none = true, .no_per_vma_locks = true }, all);
}

static void test_faults(void **state)
{
	(void)state;
	run(faults);
}

static void test_forks(void **state)
{
	(void)state;
	run(forks);
}

static void test_execs(void **state)
{
	(void)state;
	run(execs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults), cmocka_unit_test(test_forks),
		cmocka_unit_test(test_execs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
