/* SPDX-License-Identifier: MIT */
/*
 * The THREADS back end: a pthread per CPU, pinned while there are host cores enough.
 *
 * Grace periods.  liburcu's synchronize_rcu() does not answer interrupts while it waits, so no CPU
 * calls it: one thread that is no CPU does, whenever a grace period has been requested (I1: the
 * requests it has read before it began are the ones it completes).  ThreadSanitizer: rcu_token
 * carries the edge from every quiescent state to the end of the grace period; liburcu's internal
 * mutex would add edges between unrelated updaters, so the synchronisation inside is ignored.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "runtime/backend.h"
#include "runtime/bug.h"
#include "runtime/futex.h"
#include "runtime/irq.h"
#include "runtime/tsan.h"
#include "runtime/urcu_wrap.h"

/* Deep enough for the longest call chain (fault -> reclaim -> swap) with room to spare. */
#define CPU_STACK_SIZE	(1024UL * 1024)

/* Looks at a word between two offers of the host core: who must change it may be off it. */
#define SPINS_PER_YIELD	200

static void *thread_main(void *arg)
{
	struct cpu *cpu = arg;

	owner_write(cpu->tid, (int)syscall(SYS_gettid));
	current_cpu = cpu;
	irq_stack_thread_init();
	cpu_main(cpu);
	owner_write(cpu->tid, 0);
	if (cpu->rcu_registered)
		qsbr_unregister_thread();
	irq_stack_thread_exit();
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

static void threads_wake_word(u32 *word)
{
	futex_wake(word, 1);
}

static void threads_spin_while(u32 *word, u32 value)
{
	for (int i = 0; i < SPINS_PER_YIELD; i++) {
		if (smp_load_acquire(word) != value)
			return;
		cpu_pause();
	}
	sched_yield();
}

/* A CPU whose thread has ended gets nothing; what was raised waits in its word. */
static void threads_signal_cpu(struct cpu *cpu)
{
	int tid = owner_read(cpu->tid);

	if (tid)
		syscall(SYS_tgkill, getpid(), tid, IRQ_SIGNAL);
}

static void threads_membarrier(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) < 0)
		panic("membarrier failed after it was registered");
}

static u64 threads_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

static void threads_delay(u64 ns)
{
	u64 end = threads_clock_ns() + ns;

	while (threads_clock_ns() < end)
		cpu_pause();
}

/* ---- RCU: liburcu QSBR, and a thread that is no CPU to wait for grace periods ---- */

static pthread_t gp_thread;
static u32 gp_doorbell;		/* futex of the grace-period thread */
static bool gp_stop;
static char rcu_token;		/* TSan: quiescent states -> end of grace period */

static void *gp_main(void *arg)
{
	(void)arg;
	for (;;) {
		u32 seen = smp_load_acquire(&gp_doorbell);
		u64 requested = smp_load_acquire(&rcu_gp_requested);

		if (requested == rcu_gp_last_done()) {
			if (smp_load_acquire(&gp_stop))
				return NULL;
			futex_wait(&gp_doorbell, seen, 0);
			continue;
		}
		tsan_ignore_sync_begin();
		qsbr_synchronize();
		tsan_ignore_sync_end();
		tsan_acquire(&rcu_token);
		rcu_gp_done(requested);
	}
}

static void threads_rcu_request(void)
{
	fetch_add(&gp_doorbell, 1);
	futex_wake(&gp_doorbell, 1);
}

static void threads_rcu_online(struct cpu *cpu)
{
	if (!cpu->rcu_registered)
		qsbr_register_thread();
	else
		qsbr_thread_online();
	cpu->rcu_registered = true;
}

static void threads_rcu_offline(struct cpu *cpu)
{
	(void)cpu;
	tsan_release(&rcu_token);
	qsbr_thread_offline();
}

static void threads_rcu_quiescent(struct cpu *cpu)
{
	(void)cpu;
	tsan_release(&rcu_token);
	qsbr_quiescent_state();
}

/* ---- life cycle ---- */

static int threads_boot(u64 seed)
{
	(void)seed;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0)
		return -ENOSYS;
	gp_stop = false;
	return -pthread_create(&gp_thread, NULL, gp_main, NULL);
}

static void threads_shutdown(void)
{
	smp_store_release(&gp_stop, true);
	threads_rcu_request();
	pthread_join(gp_thread, NULL);
}

const struct backend backend_threads = {
	.name = "threads",
	.idle_spins = 2000,	/* an idle CPU is usually needed again within microseconds */
	.lock_spins = 100,	/* covers a critical section of the zone lock, about 1 us */
	.boot = threads_boot,
	.shutdown = threads_shutdown,
	.start_cpu = threads_start_cpu,
	.join_cpu = threads_join_cpu,
	.wait_word = futex_wait,
	.wake_word = threads_wake_word,
	.spin_while = threads_spin_while,
	.signal_cpu = threads_signal_cpu,
	.membarrier = threads_membarrier,
	.clock_ns = threads_clock_ns,
	.delay = threads_delay,
	.rcu_online = threads_rcu_online,
	.rcu_offline = threads_rcu_offline,
	.rcu_quiescent = threads_rcu_quiescent,
	.rcu_request = threads_rcu_request,
};
