/* SPDX-License-Identifier: MIT */
/* Page faults: what each kind of access to each kind of memory leaves in tables and counters. */
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

static struct user_task *task;

static void begin(void)
{
	task = task_start("fault");
}

/* The task's memory must be right, then everything goes. */
static void end(void)
{
	expect_vm_valid(&task->mm, 1);
	task_exit(task);
}

static unsigned long rss(int member)
{
	return get_mm_counter(task->mm, member);
}

static struct task_signal fault_signal(int result)
{
	EXPECT(result == -EFAULT);
	return task_take_signal(task);
}

/* Reading untouched memory: zeroes, one page for all, no rss; the write makes it the task's. */
static void body_zero_page(void)
{
	unsigned long addr;
	int refs;

	begin();
	addr = map_anon(4, RW, MAP_PRIVATE);
	refs = page_count(zero_page);
	EXPECT(pte_none(pte_at(addr)));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT(load_word(addr + i * PAGE_SIZE + 8) == 0);
	for (unsigned int i = 0; i < 4; i++) {
		pte_t pte = pte_at(addr + i * PAGE_SIZE);

		EXPECT(pte_special(pte) && !pte_write(pte) && pte_page(pte) == zero_page);
	}
	EXPECT(rss(MM_ANONPAGES) == 0 && page_count(zero_page) == refs);
	store_word(addr + PAGE_SIZE + 8, 7);
	EXPECT(!pte_special(pte_at(addr + PAGE_SIZE)) && pte_write(pte_at(addr + PAGE_SIZE)));
	EXPECT(rss(MM_ANONPAGES) == 1);
	EXPECT(load_word(addr + PAGE_SIZE + 8) == 7 && load_word(addr + PAGE_SIZE) == 0);
	EXPECT(load_word(addr + 8) == 0 && *(u64 *)((char *)page_address(zero_page) + 8) == 0);
	EXPECT(page_count(zero_page) == refs);
	end();
}

/* Writing first: an own page at once, exclusive, mapped once; one fault for a page. */
static void body_demand_zero(void)
{
	u64 faults = vm_event_sum(PGFAULT), locked = vm_event_sum(VMA_LOCK_SUCCESS);
	unsigned long addr;
	struct page *page;

	begin();
	addr = map_anon(64, RW, MAP_PRIVATE);
	write_words(addr, 64, 1);
	expect_words(addr, 64, 1);
	EXPECT(rss(MM_ANONPAGES) == 64);
	EXPECT(vm_event_sum(PGFAULT) - faults == 64 && task->min_flt == 64);
	EXPECT(vm_event_sum(VMA_LOCK_SUCCESS) - locked == (per_vma_locks ? 64 : 0));
	page = pte_page(pte_at(addr));
	EXPECT(page_anon_exclusive(page) && page_is_anon(page));
	EXPECT(page_count(page) == 1 && page_mapcount(page) == 1);
	EXPECT(global_zone_page_state(NR_ANON_MAPPED) <= 64);
	end();
}

/* No area: SEGV_MAPERR; an area that forbids it: SEGV_ACCERR; the access says -EFAULT. */
static void body_signals(void)
{
	unsigned long none, ro, hidden, rw;
	struct task_signal sig;
	u64 v;

	begin();
	rw = map_anon(1, RW, MAP_PRIVATE);
	ro = map_anon(1, PROT_READ, MAP_PRIVATE);
	hidden = map_anon(1, PROT_NONE, MAP_PRIVATE);
	none = 0x12345000;
	sig = fault_signal(load_u64(none + 8, &v));
	EXPECT(sig.signo == SIGSEGV && sig.code == SEGV_MAPERR && sig.addr == none + 8);
	sig = fault_signal(store_u64(ro, 1));
	EXPECT(sig.signo == SIGSEGV && sig.code == SEGV_ACCERR && sig.addr == ro);
	EXPECT(load_word(ro) == 0);
	sig = fault_signal(store_u64(ro + 16, 1));
	EXPECT(sig.code == SEGV_ACCERR && sig.addr == ro + 16);
	sig = fault_signal(load_u64(hidden, &v));
	EXPECT(sig.code == SEGV_ACCERR);
	sig = fault_signal(exec_user(rw));
	EXPECT(sig.code == SEGV_ACCERR);
	sig = fault_signal(load_u64(TASK_SIZE_MAX, &v));
	EXPECT(sig.code == SEGV_MAPERR);
	EXPECT(task->nr_signals == 6 && task_take_signal(task).signo == 0);
	/* A copy by the kernel fails without a signal. */
	EXPECT(copy_from_user(&v, none, 8) == 8 && copy_to_user(ro, &v, 8) == 8);
	EXPECT(task->nr_signals == 6);
	end();
}

static unsigned int nr_handled;
static unsigned long handler_page;

/* The handler maps what was missing, with calls that take every lock. */
static void map_what_is_missing(struct user_task *t, const struct task_signal *sig)
{
	long addr = do_mmap(t->mm, sig->addr & PAGE_MASK, PAGE_SIZE, RW,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);

	EXPECT(!vm_is_err(addr));
	handler_page = (unsigned long)addr;
	store_word(handler_page, 99);
	nr_handled++;
}

static void body_handler(void)
{
	u64 v;

	begin();
	nr_handled = 0;
	task->handler = map_what_is_missing;
	EXPECT(load_u64(0x20000000, &v) == -EFAULT && nr_handled == 1);
	EXPECT(handler_page == 0x20000000 && load_word(0x20000000) == 99);
	EXPECT(task->pending.signo == 0);
	end();
}

/* A stack grows down to the address that is touched; not below its limit, nor into a neighbour. */
static void body_stack(void)
{
	const unsigned long top = 0x7f0000000000UL;
	struct mm_struct *mm;
	u64 v;

	begin();
	mm = task->mm;
	EXPECT(do_mmap(mm, top - 4 * PAGE_SIZE, 4 * PAGE_SIZE, RW,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE) ==
	       (long)(top - 4 * PAGE_SIZE));
	store_word(top - 8, 1);
	store_word(top - 10 * PAGE_SIZE, 2);
	EXPECT(find_vma(mm, top - 1)->vm_start == top - 10 * PAGE_SIZE);
	EXPECT(load_word(top - 8) == 1 && load_word(top - 10 * PAGE_SIZE) == 2);
	EXPECT(load_u64(top - (64UL << 20), &v) == -EFAULT);
	EXPECT(task_take_signal(task).code == SEGV_MAPERR);
	EXPECT(find_vma(mm, top - 1)->vm_start == top - 10 * PAGE_SIZE);
	end();
}

/* Shared memory: one object, its pages counted as shmem, the same for all mappings of it. */
static void body_shared(void)
{
	unsigned long addr;
	struct page *page;

	begin();
	addr = map_anon(8, RW, MAP_SHARED);
	EXPECT(load_word(addr) == 0);
	EXPECT(!pte_special(pte_at(addr)) && rss(MM_SHMEMPAGES) == 1);
	write_words(addr, 8, 3);
	expect_words(addr, 8, 3);
	EXPECT(rss(MM_SHMEMPAGES) == 8 && rss(MM_ANONPAGES) == 0);
	page = pte_page(pte_at(addr));
	EXPECT(page_count(page) == 2 && page_mapcount(page) == 1 && !page_is_anon(page));
	EXPECT(do_madvise(task->mm, addr, 8 * PAGE_SIZE, MADV_DONTNEED) == 0);
	EXPECT(rss(MM_SHMEMPAGES) == 0 && page_count(page) == 1);
	expect_words(addr, 8, 3);
	end();
}

/* Beyond the end of the object: SIGBUS. */
static void body_sigbus(void)
{
	struct mremap_args grow = { .old_len = PAGE_SIZE, .new_len = 3 * PAGE_SIZE,
				    .flags = MREMAP_MAYMOVE };
	struct task_signal sig;
	unsigned long addr;
	long moved;
	u64 v;

	begin();
	addr = map_anon(1, RW, MAP_SHARED);
	store_word(addr, 5);
	grow.addr = addr;
	moved = do_mremap(task->mm, &grow);
	EXPECT(!vm_is_err(moved));
	EXPECT(load_word((unsigned long)moved) == 5);
	sig = fault_signal(load_u64((unsigned long)moved + PAGE_SIZE, &v));
	EXPECT(sig.signo == SIGBUS && sig.code == BUS_ADRERR);
	end();
}

/* MADV_DONTNEED gives pages back; the next touch finds zeroes. */
static void body_dontneed(void)
{
	unsigned long addr;

	begin();
	addr = map_anon(1200, RW, MAP_PRIVATE);
	write_words(addr, 1200, 4);
	EXPECT(do_madvise(task->mm, addr + PAGE_SIZE, 1198 * PAGE_SIZE, MADV_DONTNEED) == 0);
	EXPECT(rss(MM_ANONPAGES) == 2);
	EXPECT(load_word(addr + 5 * PAGE_SIZE) == 0);
	expect_words(addr, 1, 4);
	expect_words(addr + 1199 * PAGE_SIZE, 1, 4);
	write_words(addr, 1200, 5);
	expect_words(addr, 1200, 5);
	end();
}

/* An entry between the two halves of a copy, found by another writer, is finished by him. */
static void body_join_copy(void)
{
	unsigned long addr;
	struct page *page;
	pte_t *ptep;

	begin();
	addr = map_anon(1, RW, MAP_PRIVATE);
	write_words(addr, 1, 6);
	ptep = mmu_find_pte(&task->mm->context, addr);
	page = pte_page(ptep_get(ptep));
	(void)ptep_modify(ptep, pte_set_flags(pte_wrprotect(ptep_get(ptep)), _PAGE_COW_FLUSH));
	flush_tlb_page(&task->mm->context, addr);
	expect_words(addr, 1, 6);
	write_words(addr, 1, 7);
	EXPECT(pte_page(ptep_get(ptep)) == page && page_count(page) == 1);
	EXPECT(pte_write(ptep_get(ptep)) && !(pte_val(ptep_get(ptep)) & _PAGE_COW_FLUSH));
	end();
}

/* An exclusive page that lost its write permission is written in place. */
static void body_reuse(void)
{
	unsigned long addr;
	struct page *page;

	begin();
	addr = map_anon(1, RW, MAP_PRIVATE);
	write_words(addr, 1, 8);
	page = pte_page(pte_at(addr));
	EXPECT(do_mprotect(task->mm, addr, PAGE_SIZE, PROT_READ) == 0);
	EXPECT(store_u64(addr, 1) == -EFAULT);
	EXPECT(do_mprotect(task->mm, addr, PAGE_SIZE, PROT_NONE) == 0);
	EXPECT(do_mprotect(task->mm, addr, PAGE_SIZE, RW) == 0);
	expect_words(addr, 1, 8);
	write_words(addr, 1, 9);
	EXPECT(pte_page(pte_at(addr)) == page);
	end();
}

static void run(void (*body)(void))
{
	vma_machine_run(&(struct vma_machine){ .tlb_oracle = true }, body);
	vma_machine_run(&(struct vma_machine){ .no_per_vma_locks = true }, body);
}

#define TEST(name)							\
	static void test_##name(void **state)				\
	{								\
		(void)state;						\
		run(body_##name);					\
	}

TEST(zero_page)
TEST(demand_zero)
TEST(signals)
TEST(handler)
TEST(stack)
TEST(shared)
TEST(sigbus)
TEST(dontneed)
TEST(join_copy)
TEST(reuse)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_page), cmocka_unit_test(test_demand_zero),
		cmocka_unit_test(test_signals), cmocka_unit_test(test_handler),
		cmocka_unit_test(test_stack), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_sigbus), cmocka_unit_test(test_dontneed),
		cmocka_unit_test(test_join_copy), cmocka_unit_test(test_reuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
