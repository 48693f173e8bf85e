/* SPDX-License-Identifier: MIT */
/* The machine option vm: up in the right order, down without a page left, limits and errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/kva/vmalloc.h"
#include "mm/page/page_check.h"
#include "tests/support/vma_machine.h"

static struct kmemlab_options options(const struct vm_options *vm)
{
	return (struct kmemlab_options){
		.cpu = { .nr_cpus = 2, .seed = VMA_MACHINE_SEED, .no_pin = true },
		.mm = { .mem_bytes = 64ULL << 20 },
		.vm = vm,
	};
}

static void use_all(void *arg)
{
	struct user_task *task = task_start("boot"), *child;
	char *area = vmalloc(3 * PAGE_SIZE);

	(void)arg;
	EXPECT(area);
	strcpy(area, "kernel");
	vfree(area);
	write_words(map_anon(4, PROT_READ | PROT_WRITE, MAP_PRIVATE), 4, 1);
	child = task_fork(task);
	EXPECT(child);
	task_exit(child);
	task_exit(task);
	EXPECT(nr_mm_structs() == 0);
	switch_mm(&init_mm);
}

static void test_up_and_down(void **state)
{
	const struct vm_options vm = { .vma = { .no_per_vma_locks = true } };
	const struct kmemlab_options opt = options(&vm);
	struct page_check_result result;
	struct mm_error err;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		if (kmemlab_boot(&opt, &err))
			fail_msg("%s", err.text);
		assert_false(per_vma_locks);
		cpu_run(0, use_all, NULL);
		assert_int_equal(kmemlab_vm_shutdown(), 0);
		result = page_alloc_check(true, 0);
		if (!result.ok)
			fail_msg("%s", result.text);
		kmemlab_shutdown();
	}
}

static void test_bad_option(void **state)
{
	const struct vm_options vm = { .tlb = { .sets = 300 } };
	const struct kmemlab_options opt = options(&vm);
	struct mm_error err;

	(void)state;
	assert_int_equal(kmemlab_boot(&opt, &err), -EINVAL);
	assert_string_equal(err.text, "tlb: 300 sets of 0 ways are not possible; give powers of "
				      "two up to 4096 and 1..16");
}

/* ---- vm.max_map_count ---- */

#define MAX_AREAS	20u

static void fill_up(void *arg)
{
	const unsigned long base = 0x10000000UL, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct mm_struct *mm = task_start("limit")->mm;
	unsigned int i = 0;
	long got = 0;

	(void)arg;
	/* Every second page: nothing merges.  mmap() itself goes one beyond the limit. */
	while (got >= 0)
		got = do_mmap(mm, base + 4 * PAGE_SIZE * i++, 3 * PAGE_SIZE, PROT_READ, flags);
	EXPECT(got == -ENOMEM && mm->map_count == MAX_AREAS + 1);
	/* Nothing may be divided now; taking out whole areas and ends works. */
	EXPECT(do_munmap(mm, base + PAGE_SIZE, PAGE_SIZE) == -ENOMEM);
	EXPECT(do_mprotect(mm, base + PAGE_SIZE, PAGE_SIZE, PROT_NONE) == -ENOMEM);
	EXPECT(do_munmap(mm, base, PAGE_SIZE) == 0);
	EXPECT(do_munmap(mm, base + 4 * PAGE_SIZE, 6 * PAGE_SIZE) == 0);
	EXPECT(mm->map_count == MAX_AREAS);
	EXPECT(do_munmap(mm, base + 13 * PAGE_SIZE, PAGE_SIZE) == -ENOMEM);
	EXPECT(do_munmap(mm, base + 12 * PAGE_SIZE, 3 * PAGE_SIZE) == 0);
	EXPECT(do_munmap(mm, base + 17 * PAGE_SIZE, PAGE_SIZE) == 0);
	EXPECT(mm->map_count == MAX_AREAS);
	task_exit(current_user_task());
	switch_mm(&init_mm);
}

static void test_max_map_count(void **state)
{
	const struct vm_options vm = { .vma = { .max_map_count = MAX_AREAS } };
	const struct kmemlab_options opt = options(&vm);

	(void)state;
	assert_int_equal(kmemlab_boot(&opt, NULL), 0);
	cpu_run(0, fill_up, NULL);
	kmemlab_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_and_down), cmocka_unit_test(test_bad_option),
		cmocka_unit_test(test_max_map_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
