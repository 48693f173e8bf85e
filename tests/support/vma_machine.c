/* SPDX-License-Identifier: MIT */
/* A machine with address spaces, for tests. */
#include "tests/support/vma_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/mmu/mmu.h"
#include "mm/page/page_check.h"
#include "mm/vma/mm.h"

static struct vma_options vma_options;
static bool slab_none;
static int boot_code;

static void bring_up(void *arg)
{
	(void)arg;
	if (slab_none) {
		struct objcache_tunables none;

		objcache_tunables_preset(&none, OBJCACHE_NONE);
		slab_configure_all(&none);
	}
	boot_code = vma_boot(&vma_options);
}

void vma_machine_boot(const struct vma_machine *m)
{
	static const struct slab_options slab;
	struct kmemlab_options opt = {
		.cpu = { .nr_cpus = m->nr_cpus ? m->nr_cpus : 2, .seed = VMA_MACHINE_SEED,
			 .no_pin = true, .backend = m->backend },
		.mm = { .mem_bytes = (u64)(m->mem_mb ? m->mem_mb : 64) << 20, .layout = m->layout },
		.slab = &slab,
	};
	struct tlb_options tlb = { .oracle = m->tlb_oracle };
	struct mm_error err;

	if (kmemlab_boot(&opt, &err))
		fail_msg("%s", err.text);
	assert_int_equal(mmu_boot(&tlb), 0);
	vma_options = (struct vma_options){ .no_per_vma_locks = m->no_per_vma_locks };
	slab_none = m->slab_none;
	cpu_run(0, bring_up, NULL);
	assert_int_equal(boot_code, 0);
}

static void leave_user_space(void *arg)
{
	(void)arg;
	task_switch(NULL);
	switch_mm(&init_mm);
	rcu_barrier();
}

static u64 leaked;

static void take_down(void *arg)
{
	(void)arg;
	rcu_barrier();
	EXPECT(nr_mm_structs() == 0);
	EXPECT(nr_anon_vmas() == 0);
	EXPECT(nr_shmem_objects() == 0);
	vma_shutdown();
	leaked = slab_shutdown();
}

/* All CPUs' shares counted. */
static long exact_pages(enum zone_stat_item item)
{
	long sum = 0;

	for (unsigned int i = 0; i < nr_zones; i++)
		sum += (long)zone_page_state_exact(&zones[i], item);
	return sum;
}

void vma_machine_shutdown(void)
{
	struct page_check_result result;

	cpu_run_all(leave_user_space, NULL);
	cpu_run(0, take_down, NULL);
	assert_int_equal(leaked, 0);
	result = page_alloc_check(true, (long)(init_mm.pgtables_bytes / (s64)PAGE_SIZE));
	if (!result.ok)
		fail_msg("%s", result.text);
	assert_int_equal(exact_pages(NR_ANON_MAPPED), 0);
	assert_int_equal(exact_pages(NR_FILE_MAPPED), 0);
	assert_int_equal(exact_pages(NR_FILE_PAGES), 0);
	mmu_shutdown();
	kmemlab_shutdown();
}

static void run_body(void *arg)
{
	(*(void (**)(void))arg)();
}

void vma_machine_run(const struct vma_machine *m, void (*body)(void))
{
	vma_machine_boot(m);
	cpu_run(0, run_body, &body);
	vma_machine_shutdown();
}

void expect_vm_valid(struct mm_struct *const *mms, unsigned int nr)
{
	struct vm_check_result result = vm_check(mms, nr);

	if (!result.ok)
		panic("%s", result.text);
}

struct user_task *task_start(const char *comm)
{
	struct user_task *task = task_create(comm);

	EXPECT(task);
	task_switch(task);
	return task;
}

unsigned long map_anon(unsigned long nr_pages, unsigned long prot, unsigned long flags)
{
	long addr = do_mmap(current_user_task()->mm, 0, nr_pages * PAGE_SIZE, prot,
			    flags | MAP_ANONYMOUS);

	EXPECT(!vm_is_err(addr));
	return (unsigned long)addr;
}

pte_t pte_at(unsigned long addr)
{
	const pte_t *ptep = mmu_find_pte(&current_user_task()->mm->context, addr);

	return ptep ? ptep_get(ptep) : __pte(0);
}

u64 load_word(unsigned long addr)
{
	u64 v;

	EXPECT(load_u64(addr, &v) == 0);
	return v;
}

void store_word(unsigned long addr, u64 value)
{
	EXPECT(store_u64(addr, value) == 0);
}

static u64 word_of(unsigned long addr, u64 key)
{
	return addr * 0x9e3779b97f4a7c15ULL ^ key;
}

void write_words(unsigned long addr, unsigned long nr_pages, u64 key)
{
	for (unsigned long a = addr; a < addr + nr_pages * PAGE_SIZE; a += PAGE_SIZE / 4)
		store_word(a, word_of(a, key));
}

void expect_words(unsigned long addr, unsigned long nr_pages, u64 key)
{
	for (unsigned long a = addr; a < addr + nr_pages * PAGE_SIZE; a += PAGE_SIZE / 4) {
		u64 got = load_word(a);

		if (got != word_of(a, key))
			panic("%#lx holds %#llx instead of %#llx", a, (unsigned long long)got,
			      (unsigned long long)word_of(a, key));
	}
}
