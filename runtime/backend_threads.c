/* SPDX-License-Identifier: MIT */
/* The THREADS back end: a pthread per CPU, pinned while there are host cores enough. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "runtime/backend.h"
#include "runtime/futex.h"

/* Deep enough for the longest call chain (fault -> reclaim -> swap) with room to spare. */
#define CPU_STACK_SIZE	(1024UL * 1024)

static void *thread_main(void *arg)
{
	cpu_main(arg);
	return NULL;
}

/* The n-th host core this process may run on. */
static int nth_host_core(unsigned int n)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return -1;
	for (int core = 0; core < CPU_SETSIZE; core++)
		if (CPU_ISSET((size_t)core, &allowed) && n-- == 0)
			return core;
	return -1;
}

static int threads_start_cpu(struct cpu *cpu, bool pin)
{
	pthread_attr_t attr;
	pthread_t thread;
	int core = pin ? nth_host_core(cpu->id) : -1;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CPU_STACK_SIZE);
	if (core >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)core, &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	err = pthread_create(&thread, &attr, thread_main, cpu);
	pthread_attr_destroy(&attr);
	if (err)
		return -err;
	cpu->thread = thread;
	return 0;
}

static void threads_join_cpu(struct cpu *cpu)
{
	pthread_join(cpu->thread, NULL);
}

static void threads_sleep(struct cpu *cpu, u32 seen)
{
	futex_wait(&cpu->doorbell, seen, 0);
}

static void threads_wake(struct cpu *cpu)
{
	futex_wake(&cpu->doorbell, 1);
}

static void threads_host_sleep(u32 *word, u32 seen)
{
	futex_wait(word, seen, 0);
}

static void threads_host_wake(u32 *word)
{
	futex_wake(word, 1);
}

static u64 threads_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

const struct backend backend_threads = {
	.name = "threads",
	.start_cpu = threads_start_cpu,
	.join_cpu = threads_join_cpu,
	.sleep = threads_sleep,
	.wake = threads_wake,
	.host_sleep = threads_host_sleep,
	.host_wake = threads_host_wake,
	.clock_ns = threads_clock_ns,
};
