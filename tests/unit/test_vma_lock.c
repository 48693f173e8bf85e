/* SPDX-License-Identifier: MIT */
/* The locks of single areas: who gets in beside whom, what is counted, and who waits for whom. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/page/vmstat.h"
#include "tests/support/vma_machine.h"

#define RW	(PROT_READ | PROT_WRITE)
#define BASE	0x10000000UL
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct mm_struct *mm;
static struct user_task *task;

static void begin(void)
{
	task = task_start("lock");
	mm = task->mm;
	EXPECT(do_mmap(mm, BASE, 4 * PAGE_SIZE, RW, ANON) == (long)BASE);
}

/* ---- one CPU: the states of vm_refcnt ---- */

static void states(void)
{
	struct vm_area_struct *vma, *again;
	u64 aborts;

	begin();
	vma = lock_vma_under_rcu(mm, BASE);
	EXPECT(vma && vma->vm_start == BASE && READ_ONCE(vma->vm_refcnt) == 2);
	again = lock_vma_under_rcu(mm, BASE + 3 * PAGE_SIZE);
	EXPECT(again == vma && READ_ONCE(vma->vm_refcnt) == 3);
	vma_assert_locked(vma);
	vma_end_read(vma);
	vma_end_read(vma);
	EXPECT(READ_ONCE(vma->vm_refcnt) == 1);
	aborts = vm_event_sum(VMA_LOCK_ABORT);
	EXPECT(!lock_vma_under_rcu(mm, BASE - 1) && !lock_vma_under_rcu(mm, BASE + 4 * PAGE_SIZE));
	EXPECT(vm_event_sum(VMA_LOCK_ABORT) == aborts + 2);

	mmap_write_lock(mm);
	/* mmap_lock alone keeps no reader out. */
	EXPECT(!vma_is_write_locked(vma) && lock_vma_under_rcu(mm, BASE) == vma);
	vma_end_read(vma);
	vma_start_write(vma);
	vma_start_write(vma);			/* nests as it is */
	EXPECT(vma_is_write_locked(vma) && READ_ONCE(vma->vm_refcnt) == 1);
	EXPECT(!lock_vma_under_rcu(mm, BASE));
	mmap_write_unlock(mm);
	EXPECT(!vma_is_write_locked(vma) && lock_vma_under_rcu(mm, BASE) == vma);
	vma_end_read(vma);

	mmap_read_lock(mm);
	vma_start_read_locked(vma);
	mmap_read_unlock(mm);
	EXPECT(READ_ONCE(vma->vm_refcnt) == 2);
	vma_end_read(vma);
	EXPECT(do_munmap(mm, BASE, 4 * PAGE_SIZE) == 0);
	EXPECT(!lock_vma_under_rcu(mm, BASE));
	task_exit(task);
}

static void test_states(void **state)
{
	(void)state;
	vma_machine_run(&(const struct vma_machine){ 0 }, states);
}

static void off(void)
{
	begin();
	EXPECT(!lock_vma_under_rcu(mm, BASE));
	mmap_write_lock(mm);
	vma_start_write(find_vma(mm, BASE));
	vma_assert_write_locked(find_vma(mm, BASE));
	mmap_write_unlock(mm);
	store_word(BASE, 1);
	EXPECT(vm_event_sum(VMA_LOCK_SUCCESS) == 0 && vm_event_sum(VMA_LOCK_ABORT) == 0);
	task_exit(task);
}

static void test_off(void **state)
{
	(void)state;
	vma_machine_run(&(const struct vma_machine){ .no_per_vma_locks = true }, off);
}

/* ---- two CPUs: a writer waits for the reader, in every schedule ---- */

static u32 reader_in, reader_out;

/* Other CPUs' turn. */
static void pass(void)
{
	sim_point(SIM_ACCESS, &reader_in);
	irq_safepoint();
	cpu_pause();
}

/* Holds the area until a writer waits for it, if one comes soon, and some time longer. */
static void reads(void)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, BASE);

	if (!vma)
		return;
	WRITE_ONCE(reader_in, 1u);
	for (unsigned int i = 0; i < 2000 && READ_ONCE(vma->vm_refcnt) < VMA_LOCK_OFFSET; i++)
		pass();
	for (unsigned int i = 0; i < 50; i++) {
		EXPECT(vma->vm_start == BASE && vma->vm_end == BASE + 4 * PAGE_SIZE);
		pass();
	}
	WRITE_ONCE(reader_out, 1u);
	vma_end_read(vma);
}

static void writes(void)
{
	struct vm_area_struct *vma;

	mmap_write_lock(mm);
	vma = find_vma(mm, BASE);
	vma_start_write(vma);
	/* Whoever came in before has gone; nobody comes in now. */
	for (unsigned int i = 0; i < 50; i++) {
		EXPECT(READ_ONCE(reader_in) == READ_ONCE(reader_out));
		EXPECT(READ_ONCE(vma->vm_refcnt) <= 2);
		pass();
	}
	mmap_write_unlock(mm);
	EXPECT(do_munmap(mm, BASE, PAGE_SIZE) == 0);
}

static void either(void *arg)
{
	(void)arg;
	if (smp_processor_id())
		writes();
	else
		reads();
}

static void set_up(void *arg)
{
	(void)arg;
	begin();
	task_switch(NULL);
	WRITE_ONCE(reader_in, 0u);
	WRITE_ONCE(reader_out, 0u);
}

static void finish(void *arg)
{
	(void)arg;
	EXPECT(find_vma(mm, 0)->vm_start == BASE + PAGE_SIZE);
	expect_vm_valid(&mm, 1);
	task_exit(task);
}

static void pair(const char *backend, unsigned int rounds)
{
	vma_machine_boot(&(const struct vma_machine){ .nr_cpus = 2, .backend = backend });
	for (unsigned int i = 0; i < rounds; i++) {
		cpu_run(0, set_up, NULL);
		cpu_run_all(either, NULL);
		cpu_run(0, finish, NULL);
	}
	vma_machine_shutdown();
}

static void test_pair(void **state)
{
	(void)state;
	pair(NULL, 200);
}

static void test_pair_sim(void **state)
{
	(void)state;
	/* Where every access is a point the schedules differ more, and take longer. */
	pair("sim", KMEMLAB_EXPLORE ? 400 : 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states), cmocka_unit_test(test_off),
		cmocka_unit_test(test_pair), cmocka_unit_test(test_pair_sim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
