/* SPDX-License-Identifier: MIT */
/*
 * Address spaces under real concurrency: faults, forks and copies of several CPUs in one and in
 * several spaces.
 *
 * Theorems.  (1) A CPU reads from its own words what it wrote last.  (2) What it reads from
 * another's words never goes back: old and new page of a copy are never both visible.  (3) A child
 * has the forking CPU's words as of the fork, and nobody's change after the child has run.  (4) At
 * the end the oracle finds every page, entry and counter in order.
 *
 * Each page of a shared area has one word per CPU; only that CPU writes it, with growing numbers,
 * and keeps a shadow of each.  The tsan build adds that no frame is used without an order to its
 * next life; a machine with the TLB oracle stops at an access through a stale translation.
 */
#define _GNU_SOURCE		/* MADV_DONTNEED */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/vma_machine.h"

#include "mm/vma/mm.h"
#include "runtime/lib/rand.h"

#define RW		(PROT_READ | PROT_WRITE)
#define MAX_CPUS	8u
#define NR_PAGES	48u
#define SEED		0x766d6d74ULL

#ifdef KMEMLAB_TSAN
#define NR_OPS		1500u
#else
#define NR_OPS		12000u
#endif

/* One CPU: its task, and what it knows of the words of its group's area. */
struct worker {
	struct user_task *task;
	struct rand_state rng;
	unsigned long area;		/* private, shared by the tasks of a group */
	unsigned long object;		/* the same of a shared object */
	u64 mine[NR_PAGES];		/* what this CPU's words hold */
	u64 object_mine[NR_PAGES];
	u64 seen[NR_PAGES][MAX_CPUS];	/* what it last saw of others */
	u64 forks, oom;
};

static struct worker workers[MAX_CPUS];
static unsigned int group_size;
static bool shortage;			/* memory may run out */

static unsigned long word(unsigned long area, unsigned int page, unsigned int cpu)
{
	return area + page * PAGE_SIZE + 512 + cpu * 8;
}

/* An access that may have to wait for memory to come back. */
static void store_patiently(struct worker *w, unsigned long addr, u64 value)
{
	int err;

	while ((err = store_u64(addr, value)) == -ENOMEM) {
		EXPECT(shortage);
		w->oom++;
		irq_safepoint();
	}
	EXPECT(err == 0);
}

static u64 load_patiently(struct worker *w, unsigned long addr)
{
	u64 v;
	int err;

	while ((err = load_u64(addr, &v)) == -ENOMEM) {
		EXPECT(shortage);
		w->oom++;
		irq_safepoint();
	}
	EXPECT(err == 0);
	return v;
}

static void write_mine(struct worker *w, unsigned int me)
{
	unsigned int page = rand_below(&w->rng, NR_PAGES);

	if (rand_one_in(&w->rng, 8))
		store_patiently(w, word(w->object, page, me), ++w->object_mine[page]);
	else
		store_patiently(w, word(w->area, page, me), ++w->mine[page]);
}

static void expect_word(struct worker *w, unsigned int page, unsigned int cpu, u64 want)
{
	u64 got = load_patiently(w, word(w->area, page, cpu));

	if (got != want)
		panic("cpu %u: page %u has %llu of cpu %u instead of %llu (pid %d)",
		      smp_processor_id(), page, (unsigned long long)got, cpu,
		      (unsigned long long)want, current_user_task()->pid);
}

/* Theorems 1 and 2. */
static void read_any(struct worker *w, unsigned int me)
{
	unsigned int page = rand_below(&w->rng, NR_PAGES);
	unsigned int cpu = rand_below(&w->rng, nr_cpu_ids);
	u64 got;

	if (cpu == me) {
		expect_word(w, page, me, w->mine[page]);
		got = load_patiently(w, word(w->object, page, me));
		EXPECT(got == w->object_mine[page]);
		return;
	}
	got = load_patiently(w, word(w->area, page, cpu));
	if (got < w->seen[page][cpu])
		panic("cpu %u: word of cpu %u in page %u: from %llu back to %llu", me, cpu, page,
		      (unsigned long long)w->seen[page][cpu], (unsigned long long)got);
	w->seen[page][cpu] = got;
}

/* Theorem 3: in the child, while the rest of the group goes on writing in the parent. */
static void live_as_child(struct worker *w, unsigned int me)
{
	unsigned int nr = 1 + rand_below(&w->rng, NR_PAGES);
	unsigned int other = (me + 1) % nr_cpu_ids;
	u64 others[NR_PAGES];

	for (unsigned int page = 0; page < nr; page++) {
		expect_word(w, page, me, w->mine[page]);
		others[page] = load_patiently(w, word(w->area, page, other));
		if (rand_one_in(&w->rng, 2))
			store_patiently(w, word(w->area, page, me), ~w->mine[page]);
		else
			store_patiently(w, word(w->area, page, me), w->mine[page]);
	}
	for (unsigned int page = 0; page < nr; page++) {
		u64 got = load_patiently(w, word(w->area, page, me));

		EXPECT(got == w->mine[page] || got == ~w->mine[page]);
		expect_word(w, page, other, others[page]);
	}
	EXPECT(load_patiently(w, word(w->object, 0, me)) == w->object_mine[0]);
}

static void fork_once(struct worker *w, unsigned int me)
{
	struct user_task *child = task_fork(w->task);

	if (!child) {
		EXPECT(shortage);
		w->oom++;
		return;
	}
	w->forks++;
	task_switch(child);
	live_as_child(w, me);
	/* Theorem 1 in the parent, while the child still has its copies. */
	if (rand_one_in(&w->rng, 2)) {
		unsigned int page = rand_below(&w->rng, NR_PAGES);

		task_switch(w->task);
		store_patiently(w, word(w->area, page, me), ++w->mine[page]);
		expect_word(w, page, me, w->mine[page]);
	}
	task_switch(w->task);
	task_exit(child);
}

/* Memory of this CPU's own in the common space: map, write, give back, look, protect, unmap. */
static void use_scratch(struct worker *w)
{
	unsigned long nr = 1 + rand_below(&w->rng, 24);
	struct mm_struct *mm = w->task->mm;
	long addr = do_mmap(mm, 0, nr * PAGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS);
	unsigned long a = (unsigned long)addr;

	if (vm_is_err(addr)) {
		EXPECT(shortage);
		return;
	}
	for (unsigned long i = 0; i < nr; i++)
		store_patiently(w, a + i * PAGE_SIZE, a + i);
	if (rand_one_in(&w->rng, 2)) {
		EXPECT(do_madvise(mm, a, nr * PAGE_SIZE, MADV_DONTNEED) == 0);
		EXPECT(load_patiently(w, a + (nr - 1) * PAGE_SIZE) == 0);
		store_patiently(w, a, 1);
	} else if (rand_one_in(&w->rng, 2)) {
		int err = do_mprotect(mm, a, PAGE_SIZE, PROT_READ);

		EXPECT(err == 0 || (shortage && err == -ENOMEM));
		if (!err)
			EXPECT(store_u64(a, 2) == -EFAULT);
		EXPECT(load_patiently(w, a) == a);
	}
	while (do_munmap(mm, a, nr * PAGE_SIZE))
		EXPECT(shortage);
}

static void work(void *arg)
{
	unsigned int me = smp_processor_id();
	struct worker *w = &workers[me];

	(void)arg;
	task_switch(w->task);
	for (unsigned int i = 0; i < NR_OPS; i++) {
		u32 what = rand_below(&w->rng, 1000);

		if (what < 450)
			write_mine(w, me);
		else if (what < 970)
			read_any(w, me);
		else if (what < 985)
			use_scratch(w);
		else if (what < 997)
			fork_once(w, me);
		else
			task_switch(NULL), task_switch(w->task);
		irq_safepoint();
	}
	task_switch(NULL);
}

static void make_tasks(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		struct worker *w = &workers[i], *leader = &workers[i / group_size * group_size];

		*w = (struct worker){ .task = NULL };
		rand_init(&w->rng, SEED, i);
		if (w == leader) {
			w->task = task_start("leader");
			w->area = map_anon(NR_PAGES, RW, MAP_PRIVATE);
			w->object = map_anon(NR_PAGES, RW, MAP_SHARED);
		} else {
			w->task = task_clone_vm(leader->task);
			w->area = leader->area;
			w->object = leader->object;
		}
		EXPECT(w->task);
	}
	task_switch(NULL);
}

/* Theorem 4, and theorem 1 for every page. */
static void judge(void *arg)
{
	struct mm_struct *mms[MAX_CPUS];
	unsigned int nr = 0;

	(void)arg;
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		task_switch(workers[i].task);
		for (unsigned int page = 0; page < NR_PAGES; page++)
			expect_word(&workers[i], page, i, workers[i].mine[page]);
		if (i % group_size == 0)
			mms[nr++] = workers[i].task->mm;
	}
	expect_vm_valid(mms, nr);
	task_switch(NULL);
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		task_exit(workers[i].task);
}

static void run(const struct vma_machine *m, unsigned int tasks_per_space)
{
	u64 forks = 0, oom = 0;

	group_size = tasks_per_space;
	vma_machine_boot(m);
	cpu_run(0, make_tasks, NULL);
	cpu_run_all(work, NULL);
	cpu_run(0, judge, NULL);
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		forks += workers[i].forks;
		oom += workers[i].oom;
	}
	print_message("%u CPUs, %u to a space: %llu forks, %llu refusals\n", m->nr_cpus,
		      tasks_per_space, (unsigned long long)forks, (unsigned long long)oom);
	assert_true(forks > m->nr_cpus);
	vma_machine_shutdown();
}

static void test_one_space(void **state)
{
	(void)state;
	run(&(struct vma_machine){ .nr_cpus = 4, .tlb_oracle = true }, 4);
	run(&(struct vma_machine){ .nr_cpus = 4 }, 4);
}

static void test_mmap_lock_only(void **state)
{
	(void)state;
	run(&(struct vma_machine){ .nr_cpus = 4, .no_per_vma_locks = true }, 4);
}

static void test_several_spaces(void **state)
{
	(void)state;
	run(&(struct vma_machine){ .nr_cpus = 6, .tlb_oracle = true }, 2);
	run(&(struct vma_machine){ .nr_cpus = 4, .no_per_vma_locks = true }, 2);
	run(&(struct vma_machine){ .nr_cpus = 4 }, 1);
}

/* One of some hundred allocations is refused: accesses are tried again, calls fail whole. */
static void test_shortage(void **state)
{
	const struct fail_page_alloc fail = {
		.enabled = true, .probability = 1, .times = -1,
	};
	const struct fail_page_alloc off = { .enabled = false };

	(void)state;
	group_size = 2;
	shortage = true;
	vma_machine_boot(&(struct vma_machine){ .nr_cpus = 4, .slab_none = true });
	cpu_run(0, make_tasks, NULL);
	fail_page_alloc_set(&fail);
	cpu_run_all(work, NULL);
	fail_page_alloc_set(&off);
	cpu_run(0, judge, NULL);
	shortage = false;
	assert_true(workers[0].oom + workers[1].oom + workers[2].oom + workers[3].oom > 0);
	vma_machine_shutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_space), cmocka_unit_test(test_mmap_lock_only),
		cmocka_unit_test(test_several_spaces), cmocka_unit_test(test_shortage),
	};

	print_message("seed %#llx\n", SEED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
