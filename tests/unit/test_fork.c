/* SPDX-License-Identifier: MIT */
/*
 * fork, copy-on-write, exec, exit: who shows which page, and that nobody ever sees another's words.
 *
 * All tasks of a test run on CPU 0 in turn, unless it says otherwise.
 */
#define _GNU_SOURCE		/* MREMAP_*, MADV_* */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/vma_machine.h"

#include "mm/vma/fault.h"
#include "mm/vma/mm.h"

#define RW		(PROT_READ | PROT_WRITE)

static struct user_task *fork_running(void)
{
	struct user_task *child = task_fork(current_user_task());

	EXPECT(child);
	return child;
}

static void expect_valid(struct user_task *a, struct user_task *b)
{
	struct mm_struct *mms[] = { a->mm, b ? b->mm : NULL };

	expect_vm_valid(mms, b ? 2 : 1);
}

static struct page *page_of(struct user_task *task, unsigned long addr)
{
	const pte_t *ptep = mmu_find_pte(&task->mm->context, addr);

	return ptep && !pte_none(ptep_get(ptep)) ? pte_page(ptep_get(ptep)) : NULL;
}

/* After fork both show the same pages read-only; each write copies one, for the writer alone. */
static void body_cow(void)
{
	struct user_task *parent = task_start("parent"), *child;
	unsigned long addr = map_anon(600, RW, MAP_PRIVATE);
	struct page *page;

	write_words(addr, 600, 1);
	child = fork_running();
	expect_valid(parent, child);
	EXPECT(get_mm_counter(child->mm, MM_ANONPAGES) == 600);
	for (unsigned int i = 0; i < 600; i++) {
		page = page_of(parent, addr + i * PAGE_SIZE);
		EXPECT(page && page == page_of(child, addr + i * PAGE_SIZE));
		EXPECT(page_count(page) == 2 && page_mapcount(page) == 2);
		EXPECT(!page_anon_exclusive(page) && !pte_write(pte_at(addr + i * PAGE_SIZE)));
	}
	task_switch(child);
	expect_words(addr, 600, 1);
	write_words(addr, 300, 2);
	task_switch(parent);
	expect_words(addr, 600, 1);
	page = page_of(parent, addr);
	write_words(addr, 150, 3);
	EXPECT(page_of(parent, addr) == page && page_anon_exclusive(page));
	write_words(addr + 400 * PAGE_SIZE, 50, 3);
	task_switch(child);
	expect_words(addr, 300, 2);
	expect_words(addr + 300 * PAGE_SIZE, 300, 1);
	expect_valid(parent, child);
	task_exit(child);
	task_switch(parent);
	expect_words(addr, 150, 3);
	expect_words(addr + 150 * PAGE_SIZE, 250, 1);
	expect_words(addr + 400 * PAGE_SIZE, 50, 3);
	expect_valid(parent, NULL);
	task_exit(parent);
}

/* A page whose other users are gone is written in place: nothing is copied. */
static void body_last_owner(void)
{
	struct user_task *parent = task_start("parent"), *child;
	unsigned long addr = map_anon(8, RW, MAP_PRIVATE);
	struct page *pages[8];

	write_words(addr, 8, 1);
	for (unsigned int i = 0; i < 8; i++)
		pages[i] = page_of(parent, addr + i * PAGE_SIZE);
	child = fork_running();
	task_exit(child);
	write_words(addr, 4, 2);
	for (unsigned int i = 0; i < 8; i++)
		EXPECT(page_of(parent, addr + i * PAGE_SIZE) == pages[i]);
	EXPECT(page_anon_exclusive(pages[0]) && !page_anon_exclusive(pages[7]));
	/* The other way round: the child is the one that stays. */
	child = fork_running();
	task_exit(parent);
	task_switch(child);
	expect_words(addr, 4, 2);
	write_words(addr, 8, 3);
	for (unsigned int i = 0; i < 8; i++)
		EXPECT(page_of(child, addr + i * PAGE_SIZE) == pages[i]);
	expect_valid(child, NULL);
	task_exit(child);
}

/* An extra reference (somebody reads the page by other means) forbids writing in place. */
static void body_reference(void)
{
	struct user_task *parent = task_start("parent"), *child;
	unsigned long addr = map_anon(1, RW, MAP_PRIVATE);
	struct page *page;

	write_words(addr, 1, 1);
	page = page_of(parent, addr);
	child = fork_running();
	task_exit(child);
	get_page(page);
	write_words(addr, 1, 2);
	EXPECT(page_of(parent, addr) != page && page_count(page) == 1);
	EXPECT(page_mapcount(page) == 0);
	put_page(page);
	expect_words(addr, 1, 2);
	expect_valid(parent, NULL);
	task_exit(parent);
}

/* The zero page stays nobody's on both sides. */
static void body_zero_page(void)
{
	struct user_task *parent = task_start("parent"), *child;
	unsigned long addr = map_anon(3, RW, MAP_PRIVATE);

	store_word(addr, 1);
	EXPECT(load_word(addr + PAGE_SIZE) == 0);
	child = fork_running();
	EXPECT(page_of(child, addr + PAGE_SIZE) == zero_page);
	EXPECT(get_mm_counter(child->mm, MM_ANONPAGES) == 1);
	store_word(addr + PAGE_SIZE, 2);
	task_switch(child);
	EXPECT(load_word(addr) == 1 && load_word(addr + PAGE_SIZE) == 0);
	store_word(addr + PAGE_SIZE, 3);
	store_word(addr + 2 * PAGE_SIZE, 4);
	expect_valid(parent, child);
	task_exit(child);
	task_switch(parent);
	EXPECT(load_word(addr + PAGE_SIZE) == 2 && load_word(addr + 2 * PAGE_SIZE) == 0);
	task_exit(parent);
}

/* Shared memory is one memory before and after fork, touched or not. */
static void body_shared(void)
{
	struct user_task *parent = task_start("parent"), *child;
	unsigned long addr = map_anon(4, RW, MAP_SHARED);

	store_word(addr, 1);
	child = fork_running();
	EXPECT(nr_shmem_objects() == 1);
	store_word(addr + PAGE_SIZE, 2);
	task_switch(child);
	EXPECT(load_word(addr) == 1 && load_word(addr + PAGE_SIZE) == 2);
	store_word(addr + 2 * PAGE_SIZE, 3);
	EXPECT(page_of(child, addr) == page_of(parent, addr));
	EXPECT(page_count(page_of(child, addr)) == 3);
	expect_valid(parent, child);
	task_exit(parent);
	task_switch(child);
	EXPECT(load_word(addr + PAGE_SIZE) == 2 && load_word(addr + 2 * PAGE_SIZE) == 3);
	task_exit(child);
	EXPECT(nr_shmem_objects() == 0);
}

/* VM_DONTCOPY stays with the parent; read-only and hidden areas come along as they are. */
static void body_areas(void)
{
	struct user_task *parent = task_start("parent"), *child;
	unsigned long stays = map_anon(2, RW, MAP_PRIVATE), ro = map_anon(2, RW, MAP_PRIVATE);
	struct vm_area_struct *vma;
	u64 v;

	EXPECT(do_mprotect(parent->mm, ro, PAGE_SIZE, PROT_READ) == 0);
	store_word(stays, 1);
	store_word(ro + PAGE_SIZE, 2);
	EXPECT(do_mprotect(parent->mm, ro + PAGE_SIZE, PAGE_SIZE, PROT_NONE) == 0);
	mmap_write_lock(parent->mm);
	vma = vma_lookup(parent->mm, stays);
	vma_start_write(vma);
	vma_set_flags(vma, vma->vm_flags | VM_DONTCOPY);
	mmap_write_unlock(parent->mm);
	child = fork_running();
	expect_valid(parent, child);
	EXPECT(!vma_lookup(child->mm, stays));
	EXPECT(child->mm->map_count + 1 == parent->mm->map_count);
	EXPECT(child->mm->total_vm + vma_pages(vma) == parent->mm->total_vm);
	task_switch(child);
	EXPECT(load_u64(stays, &v) == -EFAULT && store_u64(ro, 1) == -EFAULT);
	EXPECT(load_u64(ro + PAGE_SIZE, &v) == -EFAULT);
	EXPECT(do_mprotect(child->mm, ro + PAGE_SIZE, PAGE_SIZE, RW) == 0);
	EXPECT(load_word(ro + PAGE_SIZE) == 2);
	store_word(ro + PAGE_SIZE, 3);
	expect_valid(parent, child);
	task_exit(child);
	task_switch(parent);
	EXPECT(do_mprotect(parent->mm, ro + PAGE_SIZE, PAGE_SIZE, RW) == 0);
	EXPECT(load_word(ro + PAGE_SIZE) == 2);
	task_exit(parent);
}

/* A family of eight: each writes its page, and sees the others' as they were at its birth. */
static void body_family(void)
{
	struct user_task *task[8];
	struct mm_struct *mms[8];
	unsigned long addr;

	task[0] = task_start("ancestor");
	addr = map_anon(8, RW, MAP_PRIVATE);
	write_words(addr, 8, 100);
	for (unsigned int i = 1; i < 8; i++) {
		task[i] = fork_running();
		task_switch(task[i]);
		write_words(addr + i * PAGE_SIZE, 1, i);
	}
	for (unsigned int i = 0; i < 8; i++)
		mms[i] = task[i]->mm;
	expect_vm_valid(mms, 8);
	for (unsigned int i = 0; i < 8; i++) {
		task_switch(task[i]);
		for (unsigned int k = 0; k < 8; k++)
			expect_words(addr + k * PAGE_SIZE, 1, k && k <= i ? k : 100);
	}
	/* Out of the middle first. */
	for (unsigned int i = 0; i < 8; i++)
		task_exit(task[(i * 3 + 4) % 8]);
}

/* A thread shares everything, and the space outlives either. */
static void body_thread(void)
{
	struct user_task *a = task_start("a"), *b = task_clone_vm(a);
	unsigned long addr = map_anon(1, RW, MAP_PRIVATE);

	EXPECT(b && b->mm == a->mm && b->pid != a->pid);
	store_word(addr, 1);
	task_switch(b);
	EXPECT(load_word(addr) == 1);
	store_word(addr, 2);
	task_exit(a);
	EXPECT(load_word(addr) == 2);
	task_exit(b);
	EXPECT(current_user_task() == NULL && nr_mm_structs() == 0);
}

static const struct program prog = {
	.image = "/bin/true", .text = 5 * PAGE_SIZE, .data = 2 * PAGE_SIZE, .bss = 3 * PAGE_SIZE,
	.stack = 0, .seed = 7,
};

/* exec: another space in place of the old one; code may be fetched, data written, stack grown. */
static void body_exec(void)
{
	struct user_task *task = task_start("shell");
	unsigned long addr = map_anon(4, RW, MAP_PRIVATE);
	struct mm_struct *old = task->mm;
	const struct mm_layout *l;
	u64 v;

	store_word(addr, 1);
	EXPECT(exec_mm(task, &prog) == 0);
	EXPECT(task->mm != old && nr_mm_structs() == 1);
	EXPECT(load_u64(addr, &v) == -EFAULT);
	l = &task->mm->layout;
	EXPECT(exec_user(l->start_code) == 0 && store_u64(l->start_code, 1) == -EFAULT);
	store_word(l->start_data & ~7UL, 2);
	EXPECT(exec_user(l->start_data) == -EFAULT);
	store_word((l->start_stack - 16) & ~7UL, 3);
	EXPECT(do_brk(task->mm, l->start_brk + PAGE_SIZE) == l->start_brk + PAGE_SIZE);
	store_word(l->start_brk, 4);
	expect_valid(task, NULL);
	task_exit(task);
}

static void test_one(void (*body)(void))
{
	vma_machine_run(&(struct vma_machine){ .tlb_oracle = true }, body);
	vma_machine_run(&(struct vma_machine){ .no_per_vma_locks = true }, body);
}

/* ---- several CPUs ---- */

static struct user_task *mover, *stay;
static unsigned long where;

static void start_mover(void *arg)
{
	(void)arg;
	mover = task_start("mover");
	where = map_anon(32, RW, MAP_PRIVATE);
	write_words(where, 32, 1);
	task_switch(NULL);
}

static void run_elsewhere(void *arg)
{
	(void)arg;
	task_switch(mover);
	write_words(where, 16, 2);
	/* Lazily loaded: this CPU does not hear of what follows. */
	task_switch(NULL);
}

static void fork_and_exit(void *arg)
{
	(void)arg;
	task_switch(mover);
	stay = fork_running();
	write_words(where, 32, 3);
	task_exit(mover);
}

static void look_again(void *arg)
{
	(void)arg;
	task_switch(stay);
	expect_words(where, 16, 2);
	expect_words(where + 16 * PAGE_SIZE, 16, 1);
	expect_vm_valid(&stay->mm, 1);
	task_exit(stay);
}

/* A task moves from CPU to CPU; the space ends while another CPU still has it loaded lazily. */
static void test_lazy(void **state)
{
	(void)state;
	vma_machine_boot(&(struct vma_machine){ .nr_cpus = 3, .tlb_oracle = true });
	cpu_run(0, start_mover, NULL);
	cpu_run(1, run_elsewhere, NULL);
	cpu_run(2, fork_and_exit, NULL);
	cpu_run(1, look_again, NULL);
	vma_machine_shutdown();
}

#define TEST(name)							\
	static void test_##name(void **state)				\
	{								\
		(void)state;						\
		test_one(body_##name);					\
	}

TEST(cow)
TEST(last_owner)
TEST(reference)
TEST(zero_page)
TEST(shared)
TEST(areas)
TEST(family)
TEST(thread)
TEST(exec)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cow), cmocka_unit_test(test_last_owner),
		cmocka_unit_test(test_reference), cmocka_unit_test(test_zero_page),
		cmocka_unit_test(test_shared), cmocka_unit_test(test_areas),
		cmocka_unit_test(test_family), cmocka_unit_test(test_thread),
		cmocka_unit_test(test_exec), cmocka_unit_test(test_lazy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
