/* SPDX-License-Identifier: MIT */
/* User accesses: sizes, alignment, page crossing, faults and their flags, copies, A and D bits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/mmu/access.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

#define NR_PAGES	16UL
#define END		(SPACE_BASE + NR_PAGES * PAGE_SIZE)

static struct space s;

static pte_t pte_at(unsigned long addr)
{
	pte_t *pte = mmu_find_pte(&s.ctx, addr);

	return pte ? ptep_get(pte) : __pte(0);
}

static void sizes(void *arg)
{
	u64 v64 = 1;
	u32 v32 = 1;
	u16 v16 = 1;
	u8 v8 = 1;

	(void)arg;
	space_init(&s, NR_PAGES);
	CHECK(load_u64(SPACE_BASE, &v64) == 0 && v64 == 0);	/* demand zero */
	CHECK(s.nr_faults == 1);
	CHECK(store_u64(SPACE_BASE, 0x1122334455667788ULL) == 0);
	CHECK(load_u32(SPACE_BASE + 4, &v32) == 0 && v32 == 0x11223344);
	CHECK(load_u16(SPACE_BASE + 2, &v16) == 0 && v16 == 0x5566);
	CHECK(load_u8(SPACE_BASE, &v8) == 0 && v8 == 0x88);
	CHECK(store_u8(SPACE_BASE + 7, 0xff) == 0);
	CHECK(store_u16(SPACE_BASE, 0xabcd) == 0);
	CHECK(store_u32(SPACE_BASE + 8, 0xdeadbeef) == 0);
	CHECK(load_u64(SPACE_BASE, &v64) == 0 && v64 == 0xff2233445566abcdULL);
	/* Not aligned, within a page and across two. */
	CHECK(load_u64(SPACE_BASE + 4, &v64) == 0 && v64 == 0xdeadbeefff223344ULL);
	CHECK(store_u64(SPACE_BASE + PAGE_SIZE - 3, 0x0807060504030201ULL) == 0);
	CHECK(s.nr_faults == 2);
	CHECK(load_u32(SPACE_BASE + PAGE_SIZE, &v32) == 0 && v32 == 0x07060504);
	CHECK(load_u64(SPACE_BASE + PAGE_SIZE - 3, &v64) == 0 && v64 == 0x0807060504030201ULL);
	space_destroy(&s);
}

static void test_sizes(void **state)
{
	(void)state;
	on_cpu(sizes, NULL);
	assert_int_equal(s.nr_faults, 2);
}

static void faults(void *arg)
{
	u64 v = 5;
	u32 w = 0;

	(void)arg;
	space_init(&s, NR_PAGES);
	CHECK(load_u64(END, &v) == -EFAULT && v == 0);
	CHECK(s.last_addr == END && s.last_flags == FAULT_FLAG_USER);
	CHECK(store_u8(SPACE_BASE - 1, 1) == -EFAULT);
	CHECK(s.last_flags == (FAULT_FLAG_USER | FAULT_FLAG_WRITE));
	/* The second page of a crossing store is missing: the first is not written. */
	CHECK(store_u64(END - 8, 7) == 0);
	CHECK(store_u64(END - 4, ~0ULL) == -EFAULT && s.last_addr == END);
	CHECK(load_u64(END - 8, &v) == 0 && v == 7);
	/* The kernel's half and addresses that do not exist. */
	CHECK(load_u64(VMALLOC_START, &v) == -EFAULT);
	CHECK(load_u64(1UL << 55, &v) == -EFAULT);
	CHECK(load_u64(~7UL, &v) == -EFAULT);
	/* A page without write permission: not present first, then protection. */
	s.read_only = true;
	CHECK(store_u32(SPACE_BASE, 1) == -EFAULT);
	CHECK(s.last_flags == (FAULT_FLAG_USER | FAULT_FLAG_WRITE | FAULT_FLAG_PROT));
	CHECK(load_u32(SPACE_BASE, &w) == 0 && w == 0);
	CHECK(exec_user(SPACE_BASE) == -EFAULT);
	CHECK(s.last_flags == (FAULT_FLAG_USER | FAULT_FLAG_INSTRUCTION | FAULT_FLAG_PROT));
	/* Atomic context: no handler. */
	s.nr_faults = 0;
	preempt_disable();
	CHECK(load_u64(SPACE_BASE + PAGE_SIZE, &v) == -EFAULT);
	preempt_enable();
	pagefault_disable();
	CHECK(copy_from_user(&v, SPACE_BASE + PAGE_SIZE, 8) == 8);
	pagefault_enable();
	CHECK(s.nr_faults == 0);
	CHECK(load_u64(SPACE_BASE + PAGE_SIZE, &v) == 0 && s.nr_faults == 1);
	space_destroy(&s);
}

static void test_faults(void **state)
{
	(void)state;
	on_cpu(faults, NULL);
	assert_int_equal(s.nr_faults, 1);
}

static void accessed_dirty(void *arg)
{
	pte_t *pte;
	u64 v;

	(void)arg;
	space_init(&s, NR_PAGES);
	CHECK(load_u64(SPACE_BASE, &v) == 0);
	CHECK(pte_young(pte_at(SPACE_BASE)) && !pte_dirty(pte_at(SPACE_BASE)));
	CHECK(store_u64(SPACE_BASE, 1) == 0);
	CHECK(pte_dirty(pte_at(SPACE_BASE)));

	/* Cleared bits come back only after a flush: hardware remembers that they are set. */
	pte = mmu_find_pte(&s.ctx, SPACE_BASE);
	fetch_and(&pte->pte, ~(_PAGE_ACCESSED | _PAGE_DIRTY));
	CHECK(store_u64(SPACE_BASE, 2) == 0);
	CHECK(!pte_dirty(ptep_get(pte)) && !pte_young(ptep_get(pte)));
	flush_tlb_page(&s.ctx, SPACE_BASE);
	CHECK(load_u64(SPACE_BASE, &v) == 0 && v == 2);
	CHECK(pte_young(ptep_get(pte)) && !pte_dirty(ptep_get(pte)));
	CHECK(store_u64(SPACE_BASE, 3) == 0);
	CHECK(pte_dirty(ptep_get(pte)));

	/* Rights taken away count after the flush, rights given count at once. */
	ptep_set_wrprotect(pte);
	s.read_only = true;
	CHECK(store_u64(SPACE_BASE, 4) == 0);
	flush_tlb_page(&s.ctx, SPACE_BASE);
	CHECK(store_u64(SPACE_BASE, 5) == -EFAULT);
	(void)ptep_set_access_flags(pte, pte_mkwrite(ptep_get(pte)), 0);
	CHECK(store_u64(SPACE_BASE, 6) == 0);
	space_destroy(&s);
}

static void test_accessed_dirty(void **state)
{
	(void)state;
	on_cpu(accessed_dirty, NULL);
	assert_int_equal(s.nr_faults, 2);
}

static void swap_words(void *arg)
{
	u64 old = 0;
	u32 old32 = 1;

	(void)arg;
	space_init(&s, NR_PAGES);
	CHECK(cmpxchg_user_u64(SPACE_BASE, &old, 42) == 0 && old == 0);
	CHECK(cmpxchg_user_u64(SPACE_BASE, &old, 43) == 0 && old == 42);
	CHECK(cmpxchg_user_u32(SPACE_BASE, &old32, 5) == 0 && old32 == 42);
	CHECK(cmpxchg_user_u64(SPACE_BASE + 4, &old, 1) == -EINVAL);
	CHECK(cmpxchg_user_u64(END, &old, 1) == -EFAULT);
	space_destroy(&s);
}

static void test_cmpxchg(void **state)
{
	(void)state;
	on_cpu(swap_words, NULL);
	assert_int_equal(s.nr_faults, 2);
}

static u8 buf[4 * PAGE_SIZE], back[4 * PAGE_SIZE];

static void copies(void *arg)
{
	const unsigned long at = SPACE_BASE + 1000;

	(void)arg;
	space_init(&s, NR_PAGES);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)(i * 7 + i / 256);
	CHECK(copy_to_user(at, buf, sizeof(buf)) == 0);
	CHECK(s.nr_faults == 5 && !(s.last_flags & FAULT_FLAG_USER));
	CHECK(copy_from_user(back, at, sizeof(back)) == 0);
	CHECK(memcmp(buf, back, sizeof(buf)) == 0);
	CHECK(clear_user(at + 10, 2 * PAGE_SIZE) == 0);
	memset(buf + 10, 0, 2 * PAGE_SIZE);
	CHECK(copy_from_user(back, at, sizeof(back)) == 0);
	CHECK(memcmp(buf, back, sizeof(buf)) == 0);
	/* What does not fit is left over, to the byte. */
	CHECK(copy_to_user(END - 100, buf, 150) == 50);
	CHECK(copy_from_user(back, END - 100, 150) == 50);
	CHECK(clear_user(END - 100, 150) == 50);
	CHECK(copy_to_user(TASK_SIZE_MAX - 8, buf, 16) == 16);
	CHECK(copy_to_user(END - 8, buf, 0) == 0);
	space_destroy(&s);
}

static void test_copies(void **state)
{
	(void)state;
	on_cpu(copies, NULL);
	assert_true(s.nr_faults >= 8);
}

static void out_of_memory(void *arg)
{
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .times = -1 };
	u64 v;

	(void)arg;
	space_init(&s, NR_PAGES);
	fail_page_alloc_set(&fail);
	CHECK(load_u64(SPACE_BASE, &v) == -ENOMEM);
	fail_page_alloc_set(&(struct fail_page_alloc){ .enabled = false });
	CHECK(load_u64(SPACE_BASE, &v) == 0);
	space_destroy(&s);
}

static void test_out_of_memory(void **state)
{
	(void)state;
	on_cpu(out_of_memory, NULL);
	assert_int_equal(s.nr_faults, 2);
}

static int boot(void **state)
{
	(void)state;
	space_machine_boot(&(struct space_options){ .nr_cpus = 1 });
	return 0;
}

static int shutdown(void **state)
{
	(void)state;
	space_machine_shutdown(3);
	return 0;
}

/* Death: a lazy CPU has no user addresses. */
static void lazy_access(void *arg)
{
	u64 v;

	(void)arg;
	space_init(&s, NR_PAGES);
	CHECK(store_u64(SPACE_BASE, 1) == 0);
	enter_lazy_tlb();
	(void)load_u64(SPACE_BASE, &v);
}

static void die_lazy(void *arg)
{
	(void)boot(arg);
	on_cpu(lazy_access, NULL);
}

/* Death: the frame is freed without a flush; the oracle sees the next access. */
static void stale_access(void *arg)
{
	pte_t *pte;
	u64 v;

	(void)arg;
	tlb_set_checks(true, false);
	space_init(&s, NR_PAGES);
	CHECK(store_u64(SPACE_BASE, 1) == 0);
	pte = mmu_find_pte(&s.ctx, SPACE_BASE);
	__free_page(pte_page(ptep_get_and_clear(pte)));
	(void)load_u64(SPACE_BASE, &v);
}

static void die_stale(void *arg)
{
	(void)boot(arg);
	on_cpu(stale_access, NULL);
}

static void test_deaths(void **state)
{
	(void)state;
	assert_panics(die_lazy, NULL, "without an address space");
	assert_panics(die_stale, NULL, "stale translation");
}

int main(void)
{
	const struct CMUnitTest death[] = { cmocka_unit_test(test_deaths) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_accessed_dirty),
		cmocka_unit_test(test_cmpxchg),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_out_of_memory),
	};
	int failed = cmocka_run_group_tests_name("access deaths", death, NULL, NULL);

	return failed + cmocka_run_group_tests_name("access", tests, boot, shutdown);
}
