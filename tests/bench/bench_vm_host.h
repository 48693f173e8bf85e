/* SPDX-License-Identifier: MIT */
/*
 * The host kernel's side of bench_vm: the same operations as real system calls, in a small process
 * of its own that measures when it is asked.
 */
#ifndef TESTS_BENCH_BENCH_VM_HOST_H
#define TESTS_BENCH_BENCH_VM_HOST_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/lib/atomic.h"

enum bench_op {
	WRITE_FAULT, COW_COPY, FORK_4096, MMAP_MUNMAP, SHOOTDOWN, NR_BENCH_OPS,
	/* What limits scaling here: the same loads of one or two processes of the host. */
	HOST_FAULTS_1 = NR_BENCH_OPS, HOST_FAULTS_2, HOST_MAPS_1, HOST_MAPS_2, NR_HOST_OPS
};

#define FAULT_PAGES	2048ul
#define COW_PAGES	1024ul
#define FORK_PAGES	4096ul
#define MMAP_PAIRS	2000ul
#define FLUSH_PAIRS	2000ul
/* One scaling measurement. */
#define SCALE_NS	(40 * NSEC_PER_MSEC)
#define SCALE_PAGES	256ul

static inline u64 bench_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

/* What one thread does alone is timed by its own clock. */
#define CPU_NS()	bench_ns(CLOCK_THREAD_CPUTIME_ID)

static inline char *host_map(unsigned long pages)
{
	char *p = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	/* The simulated machine has pages of 4 KiB in these ranges, and so has the host then. */
	(void)madvise(p, pages * PAGE_SIZE, MADV_NOHUGEPAGE);
	return p;
}

static inline void host_touch(char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		WRITE_ONCE(p[i * PAGE_SIZE], (char)1);
}

static inline double host_write_fault(void)
{
	char *p = host_map(FAULT_PAGES);
	u64 start = CPU_NS(), ns;

	host_touch(p, FAULT_PAGES);
	ns = CPU_NS() - start;
	munmap(p, FAULT_PAGES * PAGE_SIZE);
	return (double)ns / FAULT_PAGES;
}

/* A child that lives until it is killed. */
static inline pid_t host_child(u64 *fork_ns)
{
	u64 start = CPU_NS();
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0)
		for (;;)
			pause();
	*fork_ns = CPU_NS() - start;
	return pid;
}

static inline void host_end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static inline double host_cow_copy(void)
{
	char *p = host_map(COW_PAGES);
	u64 start, ns;
	pid_t pid;

	host_touch(p, COW_PAGES);
	pid = host_child(&ns);
	start = CPU_NS();
	host_touch(p, COW_PAGES);
	ns = CPU_NS() - start;
	host_end_child(pid);
	munmap(p, COW_PAGES * PAGE_SIZE);
	return (double)ns / COW_PAGES;
}

static inline double host_fork(void)
{
	char *p = host_map(FORK_PAGES);
	u64 ns;

	host_touch(p, FORK_PAGES);
	host_end_child(host_child(&ns));
	munmap(p, FORK_PAGES * PAGE_SIZE);
	return (double)ns;
}

static inline double host_mmap_munmap(void)
{
	u64 start = CPU_NS();

	for (unsigned long i = 0; i < MMAP_PAIRS; i++) {
		char *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED || munmap(p, PAGE_SIZE))
			abort();
	}
	return (double)(CPU_NS() - start) / MMAP_PAIRS;
}

/* ---- shootdown: protecting and unprotecting a page, with a busy peer less without ---- */

static char *host_page;
static u32 host_phase;

static inline void *host_peer(void *arg)
{
	smp_store_release(&host_phase, 1);
	while (smp_load_acquire(&host_phase) == 1)
		(void)READ_ONCE(*host_page);
	return arg;
}

static inline double host_flush_pairs(void)
{
	u64 start = bench_ns(CLOCK_MONOTONIC);

	for (unsigned long i = 0; i < FLUSH_PAIRS; i++) {
		WRITE_ONCE(*host_page, (char)1);
		if (mprotect(host_page, PAGE_SIZE, PROT_READ) ||
		    mprotect(host_page, PAGE_SIZE, PROT_READ | PROT_WRITE))
			abort();
	}
	return (double)(bench_ns(CLOCK_MONOTONIC) - start) / FLUSH_PAIRS;
}

static inline double host_shootdown(void)
{
	double alone, busy;
	pthread_t peer;

	host_page = host_map(1);
	host_touch(host_page, 1);
	alone = host_flush_pairs();
	host_phase = 0;
	if (pthread_create(&peer, NULL, host_peer, NULL))
		abort();
	while (smp_load_acquire(&host_phase) != 1)
		;
	busy = host_flush_pairs();
	smp_store_release(&host_phase, 2);
	pthread_join(peer, NULL);
	munmap(host_page, PAGE_SIZE);
	return busy - alone;
}

/* ---- scaling: processes that share nothing ---- */

struct host_scale {
	u32 ready, go;			/* atomic */
	u64 end;			/* ns; written before go */
	u64 done[2];
};

static inline void host_scale_load(struct host_scale *s, unsigned int id, bool maps)
{
	char *p = host_map(SCALE_PAGES);

	fetch_add(&s->ready, 1);
	while (!smp_load_acquire(&s->go))
		;
	while (bench_ns(CLOCK_MONOTONIC) < s->end) {
		if (maps) {
			for (unsigned int i = 0; i < 64; i++)
				munmap(host_map(1), PAGE_SIZE);
			s->done[id] += 64;
		} else {
			host_touch(p, SCALE_PAGES);
			if (madvise(p, SCALE_PAGES * PAGE_SIZE, MADV_DONTNEED))
				abort();
			s->done[id] += SCALE_PAGES;
		}
	}
	_exit(0);
}

/* Operations per second of @nr processes together. */
static inline double host_scale_rate(unsigned int nr, bool maps)
{
	struct host_scale *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[2];
	double rate;

	if (s == MAP_FAILED)
		abort();
	for (unsigned int id = 0; id < nr; id++) {
		pid[id] = fork();
		if (pid[id] < 0)
			abort();
		if (pid[id] == 0)
			host_scale_load(s, id, maps);
	}
	while (READ_ONCE(s->ready) != nr)
		;
	s->end = bench_ns(CLOCK_MONOTONIC) + SCALE_NS;
	smp_store_release(&s->go, 1);
	for (unsigned int id = 0; id < nr; id++)
		waitpid(pid[id], NULL, 0);
	rate = (double)(s->done[0] + s->done[1]) / SCALE_NS * NSEC_PER_SEC;
	munmap(s, sizeof(*s));
	return rate;
}

static inline double host_faults_1(void)
{
	return host_scale_rate(1, false);
}

static inline double host_faults_2(void)
{
	return host_scale_rate(2, false);
}

static inline double host_maps_1(void)
{
	return host_scale_rate(1, true);
}

static inline double host_maps_2(void)
{
	return host_scale_rate(2, true);
}

static double (*const host_ops[NR_HOST_OPS])(void) = {
	[WRITE_FAULT] = host_write_fault, [COW_COPY] = host_cow_copy, [FORK_4096] = host_fork,
	[MMAP_MUNMAP] = host_mmap_munmap, [SHOOTDOWN] = host_shootdown,
	[HOST_FAULTS_1] = host_faults_1, [HOST_FAULTS_2] = host_faults_2,
	[HOST_MAPS_1] = host_maps_1, [HOST_MAPS_2] = host_maps_2,
};

/* ---- the process that measures ---- */

static int host_ask, host_answer;	/* pipe ends of this side */

static inline void host_serve(int from, int to)
{
	u8 op;

	while (read(from, &op, 1) == 1) {
		double ns = host_ops[op]();

		if (write(to, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

/* Before the machine boots: the process is small then. */
static inline void host_side_start(void)
{
	int ask[2], answer[2];
	pid_t pid;

	if (pipe(ask) || pipe(answer))
		abort();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		close(ask[1]);
		host_serve(ask[0], answer[1]);
	}
	close(ask[0]);
	host_ask = ask[1];
	host_answer = answer[0];
}

static inline double host_measure(enum bench_op op)
{
	u8 what = (u8)op;
	double ns;

	if (write(host_ask, &what, 1) != 1 || read(host_answer, &ns, sizeof(ns)) != sizeof(ns))
		abort();
	return ns;
}

#endif /* TESTS_BENCH_BENCH_VM_HOST_H */
