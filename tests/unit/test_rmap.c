/* SPDX-License-Identifier: MIT */
/* The reverse map: which areas a walk visits after faults, forks, copies and exits. */
#define _GNU_SOURCE		/* MREMAP_*, MADV_* */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/vma_machine.h"

#include "mm/vma/mm.h"

#define RW		(PROT_READ | PROT_WRITE)
#define NR_VISITS_MAX	16u

/* What a walk of one page saw. */
struct visits {
	struct page *page;
	unsigned int nr, nr_mapped;
	struct mm_struct *mm[NR_VISITS_MAX];
	unsigned long addr;
};

static bool visit(struct vm_area_struct *vma, unsigned long addr, void *arg)
{
	struct visits *v = arg;
	spinlock_t *ptl;
	pte_t *ptep = pte_find_map_lock(&vma->vm_mm->context, addr, &ptl);

	EXPECT(v->nr < NR_VISITS_MAX);
	v->mm[v->nr++] = vma->vm_mm;
	v->addr = addr;
	if (ptep) {
		v->nr_mapped += pte_present(ptep_get(ptep)) && !pte_special(ptep_get(ptep)) &&
			pte_page(ptep_get(ptep)) == v->page;
		pte_unmap_unlock(ptep, ptl);
	}
	return true;
}

/* Every entry that maps the page is found: as many as _mapcount says. */
static struct visits walk(struct page *page)
{
	struct visits v = { .page = page };

	EXPECT(rmap_walk_anon(page, visit, &v));
	EXPECT((int)v.nr_mapped == page_mapcount(page));
	return v;
}

static struct page *page_at(unsigned long addr)
{
	pte_t pte = pte_at(addr);

	EXPECT(pte_present(pte) && !pte_special(pte));
	return pte_page(pte);
}

static struct user_task *fork_running(void)
{
	struct user_task *child = task_fork(current_user_task());

	EXPECT(child);
	return child;
}

/* An area gets its anon_vma with its first page, not before. */
static void body_first_page(void)
{
	struct user_task *task = task_start("rmap");
	unsigned long addr = map_anon(4, RW, MAP_PRIVATE);
	struct vm_area_struct *vma = find_vma(task->mm, addr);
	struct visits v;

	EXPECT(load_word(addr) == 0 && !vma->anon_vma && nr_anon_vmas() == 0);
	store_word(addr + PAGE_SIZE, 1);
	EXPECT(vma->anon_vma && nr_anon_vmas() == 1);
	v = walk(page_at(addr + PAGE_SIZE));
	EXPECT(v.nr == 1 && v.mm[0] == task->mm && v.addr == addr + PAGE_SIZE);
	/* Its only other user: a page that nothing maps is not found. */
	get_page(v.page);
	EXPECT(do_munmap(task->mm, addr, 4 * PAGE_SIZE) == 0);
	EXPECT(page_mapcount(v.page) == 0 && !rmap_walk_anon(v.page, visit, &v));
	put_page(v.page);
	EXPECT(nr_anon_vmas() == 0);
	task_exit(task);
}

/* A page from before the fork is looked for in all, one of the child's only in the child. */
static void body_fork(void)
{
	struct user_task *parent = task_start("parent"), *child, *grandchild;
	unsigned long addr = map_anon(2, RW, MAP_PRIVATE);
	struct mm_struct *mms[3];
	struct visits v;

	store_word(addr, 1);
	store_word(addr + PAGE_SIZE, 1);
	child = fork_running();
	EXPECT(nr_anon_vmas() == 2);
	task_switch(child);
	store_word(addr, 2);
	grandchild = fork_running();
	EXPECT(nr_anon_vmas() == 3);
	EXPECT(walk(page_at(addr + PAGE_SIZE)).nr == 3);
	v = walk(page_at(addr));
	EXPECT(v.nr == 2 && v.nr_mapped == 2 && v.mm[0] != parent->mm && v.mm[1] != parent->mm);
	task_switch(parent);
	v = walk(page_at(addr));
	EXPECT(v.nr == 3 && v.nr_mapped == 1);
	mms[0] = parent->mm;
	mms[1] = child->mm;
	mms[2] = grandchild->mm;
	expect_vm_valid(mms, 3);
	/* The child goes: its anon_vma stays for what the grandchild still shows. */
	task_exit(child);
	EXPECT(nr_anon_vmas() == 3);
	task_exit(parent);
	task_switch(grandchild);
	EXPECT(walk(page_at(addr)).nr == 1);
	/* The last user: the page moves to the grandchild's own anon_vma. */
	store_word(addr, 3);
	EXPECT((unsigned long)page_at(addr)->mapping ==
	       (unsigned long)find_vma(grandchild->mm, addr)->anon_vma + PAGE_MAPPING_ANON);
	expect_vm_valid(&grandchild->mm, 1);
	task_exit(grandchild);
}

/* A line of descendants in which each parent exits does not need more and more anon_vmas. */
static void body_line(void)
{
	struct user_task *task = task_start("line"), *child;
	unsigned long addr = map_anon(1, RW, MAP_PRIVATE);

	store_word(addr, 1);
	for (unsigned int i = 0; i < 100; i++) {
		child = fork_running();
		task_exit(task);
		task = child;
		task_switch(task);
		EXPECT(load_word(addr) == i + 1);
		store_word(addr, i + 2);
		EXPECT(nr_anon_vmas() <= 4);
	}
	expect_vm_valid(&task->mm, 1);
	task_exit(task);
}

/* Neighbours that could be merged share an anon_vma; splits and moves keep index and walk right. */
static void body_split(void)
{
	struct user_task *task = task_start("split");
	unsigned long addr = map_anon(8, RW, MAP_PRIVATE);
	struct mremap_args move = { .old_len = 2 * PAGE_SIZE, .new_len = 4 * PAGE_SIZE,
				    .flags = MREMAP_MAYMOVE };
	struct page *page;
	struct visits v;
	long to;

	write_words(addr, 8, 1);
	EXPECT(do_mprotect(task->mm, addr + 2 * PAGE_SIZE, 4 * PAGE_SIZE, PROT_READ) == 0);
	EXPECT(nr_anon_vmas() == 1);
	for (unsigned int i = 0; i < 8; i++) {
		v = walk(page_at(addr + i * PAGE_SIZE));
		EXPECT(v.nr == 1 && v.addr == addr + i * PAGE_SIZE);
	}
	page = page_at(addr + 6 * PAGE_SIZE);
	move.addr = addr + 6 * PAGE_SIZE;
	to = do_mremap(task->mm, &move);
	EXPECT(!vm_is_err(to));
	v = walk(page);
	EXPECT(v.nr_mapped == 1);
	EXPECT(page_at((unsigned long)to) == page);
	expect_vm_valid(&task->mm, 1);
	EXPECT(do_munmap(task->mm, addr, 3 * PAGE_SIZE) == 0);
	expect_vm_valid(&task->mm, 1);
	task_exit(task);
}

#define TEST(name)							\
	static void test_##name(void **state)				\
	{								\
		(void)state;						\
		vma_machine_run(&(struct vma_machine){ .tlb_oracle = true }, body_##name); \
	}

TEST(first_page)
TEST(fork)
TEST(line)
TEST(split)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_page), cmocka_unit_test(test_fork),
		cmocka_unit_test(test_line), cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
