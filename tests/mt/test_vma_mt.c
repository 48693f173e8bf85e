/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs in one address space: each maps, unmaps, protects, moves and faults, with area locks
 * and with mmap_lock alone.
 *
 * Theorems checked.  In its own window a CPU finds what it has written, wherever it has moved it,
 * and never what it has given up.  In the window that all change at will an access either works or
 * is refused with a signal, and a page never shows another address's contents: words are written
 * once with their page's address and a round number.  At the end the oracle of areas, tables, pages
 * and counters finds nothing, and nothing is lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/page/vmstat.h"
#include "mm/vma/procmaps.h"
#include "runtime/hotplug.h"
#include "runtime/lib/rand.h"
#include "tests/support/vma_machine.h"

#define CPUS		4u
#define OWN_PAGES	64u
#define ALL_PAGES	48u
#define OWN_BASE	0x10000000UL
#define ALL_BASE	0x40000000UL
#define RW		(PROT_READ | PROT_WRITE)
#define ANON		(MAP_PRIVATE | MAP_ANONYMOUS)

#ifdef KMEMLAB_TSAN
#define NR_STEPS	1500u
#else
#define NR_STEPS	12000u
#endif

static struct user_task *tasks[CPUS];
static struct mm_struct *mm;

/* What a CPU knows of its own window; page i belongs to it alone. */
struct own {
	struct rand_state rand;
	unsigned long base;
	bool mapped[OWN_PAGES], writable[OWN_PAGES];
	u64 value[OWN_PAGES];		/* 0: untouched */
	u64 next;
};

static struct own owns[CPUS];

static u32 draw(struct own *o, u32 n)
{
	return rand_below(&o->rand, n);
}

static unsigned long page_at(const struct own *o, u32 page)
{
	return o->base + page * PAGE_SIZE;
}

static void must_be_refused(int err)
{
	if (err != -EFAULT)
		panic("access: %d instead of -EFAULT", err);
	EXPECT(task_take_signal(current_user_task()).signo == SIGSEGV);
}

/* ---- the own window: every result is known ---- */

static void own_access(struct own *o, u32 page)
{
	unsigned long elsewhere = page_at(o, page) + 8 + draw(o, 8) * 8;
	u64 value = 0;
	int err;

	if (draw(o, 2)) {
		err = load_u64(page_at(o, page), &value);
		if (!o->mapped[page])
			must_be_refused(err);
		else if (err || value != o->value[page])
			panic("cpu %u page %u: %d, %llu instead of %llu", smp_processor_id(), page,
			      err, (unsigned long long)value, (unsigned long long)o->value[page]);
		return;
	}
	err = store_u64(page_at(o, page), o->next);
	if (!o->mapped[page] || !o->writable[page]) {
		must_be_refused(err);
		return;
	}
	EXPECT(err == 0);
	o->value[page] = o->next++;
	EXPECT(store_u64(elsewhere, o->next) == 0);
}

static void own_set(struct own *o, u32 page, u32 nr, bool mapped)
{
	for (u32 i = page; i < page + nr; i++) {
		o->mapped[i] = mapped;
		o->writable[i] = mapped;
		o->value[i] = 0;
	}
}

static bool own_all_mapped(const struct own *o, u32 page, u32 nr)
{
	for (u32 i = page; i < page + nr; i++)
		if (!o->mapped[i])
			return false;
	return true;
}

/* Moves @nr pages within the window; where they overlap the call is refused. */
static void own_move(struct own *o, u32 from, u32 nr)
{
	u32 to = draw(o, OWN_PAGES - nr + 1);
	const struct mremap_args args = {
		.addr = page_at(o, from), .old_len = nr * PAGE_SIZE, .new_len = nr * PAGE_SIZE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED, .new_addr = page_at(o, to),
	};
	long got = do_mremap(mm, &args);

	if (from < to + nr && to < from + nr) {
		EXPECT(got == -EINVAL);
		return;
	}
	if (!o->mapped[from]) {
		EXPECT(got == -EFAULT);
		return;
	}
	EXPECT(got == (long)page_at(o, to));
	/* Holes do not move: what is at their new place stays. */
	for (u32 i = 0; i < nr; i++) {
		if (!o->mapped[from + i])
			continue;
		o->mapped[to + i] = true;
		o->writable[to + i] = o->writable[from + i];
		o->value[to + i] = o->value[from + i];
	}
	own_set(o, from, nr, false);
}

static void own_step(struct own *o)
{
	u32 nr = 1 + draw(o, 8), page = draw(o, OWN_PAGES - nr + 1), kind = draw(o, 16);
	unsigned long addr = page_at(o, page), len = nr * PAGE_SIZE;
	bool all = own_all_mapped(o, page, nr);
	int err;

	switch (kind) {
	case 0:
	case 1:
		EXPECT(do_mmap(mm, addr, len, RW, ANON | MAP_FIXED) == (long)addr);
		own_set(o, page, nr, true);
		break;
	case 2:
		EXPECT(do_munmap(mm, addr, len) == 0);
		own_set(o, page, nr, false);
		break;
	case 3:
	case 4:
		if (!all)
			break;
		EXPECT(do_mprotect(mm, addr, len, kind == 3 ? PROT_READ : RW) == 0);
		for (u32 i = page; i < page + nr; i++)
			o->writable[i] = kind == 4;
		break;
	case 5:
		own_move(o, page, nr);
		break;
	case 6:
		err = do_madvise(mm, addr, len, MADV_DONTNEED);
		EXPECT(err == (all ? 0 : -ENOMEM));
		for (u32 i = page; i < page + nr; i++)
			o->value[i] = 0;
		break;
	default:
		own_access(o, page);
	}
}

/* ---- the window of all ---- */

/* A word of a page is 0 or the address it was written at. */
static void all_access(struct own *o, unsigned long addr)
{
	u64 value;

	if (draw(o, 2)) {
		if (store_u64(addr, addr) == -EFAULT)
			(void)task_take_signal(current_user_task());
		return;
	}
	if (load_u64(addr, &value) == -EFAULT)
		(void)task_take_signal(current_user_task());
	else if (value && value != addr)
		panic("%#lx shows %#llx", addr, (unsigned long long)value);
}

static void all_step(struct own *o)
{
	u32 nr = 1 + draw(o, 6), page = draw(o, ALL_PAGES - nr + 1);
	unsigned long addr = ALL_BASE + page * PAGE_SIZE, len = nr * PAGE_SIZE;
	int err;

	switch (draw(o, 12)) {
	case 0:
		EXPECT(do_mmap(mm, addr, len, RW, ANON | MAP_FIXED) == (long)addr);
		break;
	case 1:
		EXPECT(do_munmap(mm, addr, len) == 0);
		break;
	case 2:
		err = do_mprotect(mm, addr, len, draw(o, 2) ? PROT_READ : RW);
		EXPECT(err == 0 || err == -ENOMEM);
		break;
	case 3:
		err = do_madvise(mm, addr, len, MADV_DONTNEED);
		EXPECT(err == 0 || err == -ENOMEM);
		break;
	default:
		all_access(o, addr + draw(o, 8) * 8);
	}
}

/* ---- the run ---- */

static void work(void *arg)
{
	struct own *o = &owns[smp_processor_id()];

	(void)arg;
	task_switch(tasks[smp_processor_id()]);
	for (unsigned int i = 0; i < NR_STEPS; i++) {
		if (draw(o, 3))
			own_step(o);
		else
			all_step(o);
		if (i % 16 == 0)
			cond_resched();
	}
	task_switch(NULL);
}

static void begin(void *arg)
{
	u64 seed = *(u64 *)arg;

	tasks[0] = task_create("mt");
	EXPECT(tasks[0]);
	mm = tasks[0]->mm;
	for (unsigned int i = 0; i < CPUS; i++) {
		if (i)
			tasks[i] = task_clone_vm(tasks[0]);
		EXPECT(tasks[i]);
		memset(&owns[i], 0, sizeof(owns[i]));
		rand_init(&owns[i].rand, seed, i);
		owns[i].base = OWN_BASE + i * OWN_PAGES * PAGE_SIZE;	/* neighbours: they merge */
		owns[i].next = (u64)i << 32 | 1;
	}
}

static void judge(void *arg)
{
	(void)arg;
	expect_vm_valid(&mm, 1);
	for (unsigned int i = 0; i < CPUS; i++)
		task_exit(tasks[i]);
}

static void run(const struct vma_machine *m)
{
	u64 seed = VMA_MACHINE_SEED, retries, success;

	print_message("seed %#llx\n", (unsigned long long)seed);
	vma_machine_boot(m);
	cpu_run(0, begin, &seed);
	cpu_run_all(work, NULL);
	cpu_run(0, judge, NULL);
	success = vm_event_sum(VMA_LOCK_SUCCESS);
	retries = vm_event_sum(VMA_LOCK_RETRY) + vm_event_sum(VMA_LOCK_ABORT) +
		  vm_event_sum(VMA_LOCK_MISS);
	print_message("faults %llu, of these by area lock %llu, not so %llu\n",
		      (unsigned long long)vm_event_sum(PGFAULT), (unsigned long long)success,
		      (unsigned long long)retries);
	assert_true(m->no_per_vma_locks ? !success : success > retries / 8);
	vma_machine_shutdown();
}

static void test_area_locks(void **state)
{
	(void)state;
	run(&(const struct vma_machine){ .nr_cpus = CPUS, .tlb_oracle = true });
}

static void test_mmap_lock(void **state)
{
	(void)state;
	run(&(const struct vma_machine){ .nr_cpus = CPUS, .no_per_vma_locks = true });
}

static void test_sim(void **state)
{
	(void)state;
	run(&(const struct vma_machine){ .nr_cpus = CPUS, .backend = "sim" });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_area_locks), cmocka_unit_test(test_mmap_lock),
		cmocka_unit_test(test_sim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
