/* SPDX-License-Identifier: MIT */
/*
 * What virtual memory costs, beside the host kernel: the same operations in turn, as real system
 * calls of a small process and on the simulated machine; and how the simulated one scales.
 *
 * usage: bench_vm [rounds]        default 15
 *
 * Everything that an operation does is in it: zeroing, copying, the system call's own work.  A
 * ratio is of medians; the rounds of both sides alternate.
 */
#include <string.h>

#include "mm/machine.h"
#include "mm/mmu/access.h"
#include "mm/vma/fork.h"
#include "mm/vma/mmap.h"
#include "mm/vma/task.h"
#include "runtime/hotplug.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_vm_host.h"

#define BASE		0x10000000UL
#define SEED		1
#define SCALE_MAX	64u

static struct user_task *task;		/* the one that CPU 0 runs */

static void map(struct user_task *t, unsigned long addr, unsigned long pages)
{
	if (do_mmap(t->mm, addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) != (long)addr)
		panic("bench_vm: no memory");
}

static void unmap(struct user_task *t, unsigned long addr, unsigned long pages)
{
	if (do_munmap(t->mm, addr, pages * PAGE_SIZE))
		panic("bench_vm: munmap");
}

static void touch(unsigned long addr, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		if (store_u8(addr + i * PAGE_SIZE, 1))
			panic("bench_vm: no memory");
}

static struct user_task *fork_timed(u64 *ns)
{
	u64 start = CPU_NS();
	struct user_task *child = task_fork(task);

	*ns = CPU_NS() - start;
	if (!child)
		panic("bench_vm: no memory");
	return child;
}

/* ---- the operations on the simulated machine ---- */

static double sim_write_fault(void)
{
	u64 start, ns;

	map(task, BASE, FAULT_PAGES);
	start = CPU_NS();
	touch(BASE, FAULT_PAGES);
	ns = CPU_NS() - start;
	unmap(task, BASE, FAULT_PAGES);
	return (double)ns / FAULT_PAGES;
}

static double sim_cow_copy(void)
{
	struct user_task *child;
	u64 start, ns;

	map(task, BASE, COW_PAGES);
	touch(BASE, COW_PAGES);
	child = fork_timed(&ns);
	start = CPU_NS();
	touch(BASE, COW_PAGES);
	ns = CPU_NS() - start;
	task_exit(child);
	unmap(task, BASE, COW_PAGES);
	return (double)ns / COW_PAGES;
}

static double sim_fork(void)
{
	u64 ns;

	map(task, BASE, FORK_PAGES);
	touch(BASE, FORK_PAGES);
	task_exit(fork_timed(&ns));
	unmap(task, BASE, FORK_PAGES);
	return (double)ns;
}

static double sim_mmap_munmap(void)
{
	u64 start = CPU_NS();

	for (unsigned long i = 0; i < MMAP_PAIRS; i++) {
		long at = do_mmap(task->mm, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS);

		if (vm_is_err(at) || do_munmap(task->mm, (unsigned long)at, PAGE_SIZE))
			panic("bench_vm: mmap");
	}
	return (double)(CPU_NS() - start) / MMAP_PAIRS;
}

static u32 phase;

static void sim_peer(void)
{
	struct user_task *me = task_clone_vm(task);
	u64 v;

	if (!me)
		panic("bench_vm: no memory");
	task_switch(me);
	smp_store_release(&phase, 1);
	while (smp_load_acquire(&phase) == 1)
		if (load_u64(BASE, &v))
			panic("bench_vm: the peer's page is gone");
	task_switch(NULL);
	task_exit(me);
}

static double sim_flush_pairs(void)
{
	u64 start = bench_ns(CLOCK_MONOTONIC);

	for (unsigned long i = 0; i < FLUSH_PAIRS; i++) {
		touch(BASE, 1);
		if (do_mprotect(task->mm, BASE, PAGE_SIZE, PROT_READ) ||
		    do_mprotect(task->mm, BASE, PAGE_SIZE, PROT_READ | PROT_WRITE))
			panic("bench_vm: mprotect");
	}
	return (double)(bench_ns(CLOCK_MONOTONIC) - start) / FLUSH_PAIRS;
}

static double shootdown_ns;

/* On two CPUs at once. */
static void sim_shootdown(void *arg)
{
	double alone;

	(void)arg;
	if (smp_processor_id()) {
		/* Only when the time alone has been taken. */
		while (smp_load_acquire(&phase) != 3)
			cpu_pause();
		sim_peer();
		return;
	}
	task_switch(task);
	map(task, BASE, 1);
	touch(BASE, 1);
	alone = sim_flush_pairs();
	smp_store_release(&phase, 3);
	while (smp_load_acquire(&phase) != 1)
		cpu_pause();
	shootdown_ns = sim_flush_pairs() - alone;
	smp_store_release(&phase, 2);
	unmap(task, BASE, 1);
	task_switch(NULL);
}

struct measure {
	double (*fn)(void);
	double ns;
};

static void on_cpu0(void *arg)
{
	struct measure *m = arg;

	task_switch(task);
	m->ns = m->fn();
	task_switch(NULL);
}

static double sim_measure(enum bench_op op)
{
	static double (*const ops[NR_BENCH_OPS])(void) = {
		[WRITE_FAULT] = sim_write_fault, [COW_COPY] = sim_cow_copy, [FORK_4096] = sim_fork,
		[MMAP_MUNMAP] = sim_mmap_munmap,
	};
	struct measure m = { .fn = ops[op] };

	if (op == SHOOTDOWN) {
		phase = 0;
		cpu_run_all(sim_shootdown, NULL);
		return shootdown_ns;
	}
	cpu_run(0, on_cpu0, &m);
	return m.ns;
}

/* ---- beside the host ---- */

static void make_task(void *arg)
{
	(void)arg;
	task = task_create("bench");
	if (!task)
		panic("bench_vm: no memory");
}

static void end_task(void *arg)
{
	(void)arg;
	task_exit(task);
}

static void boot(unsigned int nr_cpus, bool vma_locks)
{
	const struct vm_options vm = { .vma.no_per_vma_locks = !vma_locks };
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = nr_cpus, .seed = SEED },
		.mm = { .mem_bytes = 256ULL << 20 },
		.vm = &vm,
	};
	struct mm_error err;

	if (kmemlab_boot(&opt, &err)) {
		fprintf(stderr, "bench_vm: %s\n", err.text);
		exit(1);
	}
}

static void beside_host(unsigned int rounds)
{
	static const struct {
		const char *name;
		double bound;
	} ops[NR_BENCH_OPS] = {
		[WRITE_FAULT] = { "anonymous write fault, page", 1.0 / 4 },
		[COW_COPY] = { "copy-on-write fault, page", 1.0 / 4 },
		[FORK_4096] = { "fork with 4 096 pages", 1.0 / 3 },
		[MMAP_MUNMAP] = { "mmap + munmap, untouched page", 1.0 / 4 },
		[SHOOTDOWN] = { "shootdown, busy peer, by difference", 1.0 / 10 },
	};
	static struct bench_series host[NR_BENCH_OPS], sim[NR_BENCH_OPS];

	boot(2, true);
	cpu_run(0, make_task, NULL);
	for (unsigned int round = 0; round < rounds; round++)
		for (u32 op = 0; op < NR_BENCH_OPS; op++) {
			bench_add(&host[op], host_measure((enum bench_op)op));
			bench_add(&sim[op], sim_measure((enum bench_op)op));
		}
	printf("%-36s %12s %12s %12s %7s %6s\n", "median, ns (min)", "host", "here", "(min)",
	       "ratio", "bound");
	for (u32 op = 0; op < NR_BENCH_OPS; op++) {
		double h = bench_median(&host[op]), s = bench_median(&sim[op]);

		printf("%-36s %12.0f %12.0f %12.0f %7.3f %6.3f%s\n", ops[op].name, h, s,
		       bench_min(&sim[op]), s / h, ops[op].bound,
		       s / h > ops[op].bound ? "  missed" : "");
	}
	cpu_run(0, end_task, NULL);
	kmemlab_shutdown();
}

/* ---- scaling ---- */

enum load { FAULTS, MAPS };

static struct {
	enum load load;
	bool one_space;
	unsigned int cpus;		/* that take part */
	u64 end;			/* ns */
	u64 done[SCALE_MAX];
	struct user_task *task[SCALE_MAX];
} scale;

/* Tasks before the clock runs: all of one space, or each of its own. */
static void scale_prepare(void *arg)
{
	(void)arg;
	for (unsigned int cpu = 0; cpu < scale.cpus; cpu++) {
		struct user_task *t = cpu && scale.one_space ? task_clone_vm(scale.task[0]) :
							       task_create("scale");

		if (!t)
			panic("bench_vm: no memory");
		scale.task[cpu] = t;
		scale.done[cpu] = 0;
		/* Apart by more than a table covers. */
		map(t, BASE + cpu * 2 * PMD_SIZE, SCALE_PAGES);
	}
}

static void scale_finish(void *arg)
{
	(void)arg;
	for (unsigned int cpu = 0; cpu < scale.cpus; cpu++)
		task_exit(scale.task[cpu]);
}

static void scale_run(void *arg)
{
	unsigned int cpu = smp_processor_id();
	unsigned long at = BASE + cpu * 2 * PMD_SIZE;
	struct user_task *t;

	(void)arg;
	if (cpu >= scale.cpus)
		return;
	t = scale.task[cpu];
	task_switch(t);
	while (bench_ns(CLOCK_MONOTONIC) < scale.end) {
		if (scale.load == FAULTS) {
			touch(at, SCALE_PAGES);
			if (do_madvise(t->mm, at, SCALE_PAGES * PAGE_SIZE, MADV_DONTNEED))
				panic("bench_vm: madvise");
			scale.done[cpu] += SCALE_PAGES;
		} else {
			for (u32 i = 0; i < 64; i++) {
				map(t, at + PMD_SIZE, 1);
				unmap(t, at + PMD_SIZE, 1);
			}
			scale.done[cpu] += 64;
		}
		cond_resched();
	}
	task_switch(NULL);
}

/* Operations per second of @nr CPUs together. */
static double scale_rate(unsigned int nr)
{
	u64 start, sum = 0;

	scale.cpus = nr;
	cpu_run(0, scale_prepare, NULL);
	start = bench_ns(CLOCK_MONOTONIC);
	scale.end = start + SCALE_NS;
	cpu_run_all(scale_run, NULL);
	start = bench_ns(CLOCK_MONOTONIC) - start;
	for (unsigned int cpu = 0; cpu < nr; cpu++)
		sum += scale.done[cpu];
	cpu_run(0, scale_finish, NULL);
	return (double)sum / (double)start * (double)NSEC_PER_SEC;
}

static void print_scaling(const char *what, struct bench_series *ratios, double bound)
{
	double median = bench_median(ratios);

	printf("%-58s %5.2f x (%4.2f to %4.2f)", what, median, bench_min(ratios),
	       bench_max(ratios));
	if (bound > 0)
		printf("  bound %.2f%s", bound, median < bound ? "  missed" : "");
	printf("\n");
}

static void scaling(const char *what, bool one_space, double bound, unsigned int rounds)
{
	static const char *const loads[] = { "faults", "mmap + munmap" };
	char text[100];

	for (u32 load = FAULTS; load <= MAPS; load++) {
		const enum bench_op host = load == FAULTS ? HOST_FAULTS_1 : HOST_MAPS_1;
		struct bench_series ratios = { .nr = 0 }, ceiling = { .nr = 0 };

		/* mmap_lock is for writing: of one space only faults can scale. */
		if (load == MAPS && one_space)
			continue;
		scale.load = (enum load)load;
		scale.one_space = one_space;
		for (unsigned int round = 0; round < rounds; round++) {
			double one = scale_rate(1);

			bench_add(&ratios, scale_rate(2) / one);
			if (one_space)
				continue;
			one = host_measure(host);
			bench_add(&ceiling, host_measure((enum bench_op)(host + 1)) / one);
		}
		snprintf(text, sizeof(text), "%s, %s, 2 CPUs to 1", loads[load], what);
		print_scaling(text, &ratios, bound);
		if (!one_space)
			print_scaling("  the host kernel: 2 processes to 1", &ceiling, 0);
	}
}

static void oversubscribed(unsigned int rounds)
{
	struct bench_series ratios = { .nr = 0 };

	scale.load = FAULTS;
	scale.one_space = true;
	for (unsigned int round = 0; round < rounds; round++) {
		double two = scale_rate(2);

		bench_add(&ratios, scale_rate(SCALE_MAX) / two);
	}
	print_scaling("faults, one address space, 64 CPUs to 2", &ratios, 0);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 15;

	if (argc > 2 || !rounds || rounds > BENCH_MAX_ROUNDS) {
		fprintf(stderr, "usage: bench_vm [rounds 1..%d]\n", BENCH_MAX_ROUNDS);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	host_side_start();
	printf("build %s, %u rounds\n", KMEMLAB_BUILD, rounds);
	beside_host(rounds);
	boot(2, true);
	scaling("disjoint address spaces", false, 1.9, rounds);
	scaling("one address space, per-VMA locks", true, 1.7, rounds);
	kmemlab_shutdown();
	boot(2, false);
	scaling("one address space, mmap_lock only", true, 0, rounds);
	kmemlab_shutdown();
	boot(SCALE_MAX, true);
	oversubscribed(rounds);
	kmemlab_shutdown();
	return 0;
}
