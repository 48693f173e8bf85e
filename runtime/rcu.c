/* SPDX-License-Identifier: MIT */
/*
 * RCU: grace periods from liburcu QSBR (through urcu_wrap.h), callbacks and waiting of our own.
 *
 * What.  A grace-period thread, which is no CPU, runs liburcu's synchronize_rcu() whenever a grace
 * period has been requested.  CPUs never call it themselves: a CPU that waits must go on
 * answering interrupts, and liburcu's wait does not.
 *
 * States of a callback.  queued on rcu_next -> (a grace period is requested for the whole list)
 * rcu_wait -> (that grace period is over) run in softirq.
 *
 * Invariants.
 *   I1  Grace periods are numbered.  The thread reads gp_requested = R, runs one full
 *       synchronize_rcu(), then publishes gp_completed = R: every request numbered <= R was made
 *       before that grace period began.
 *   I2  A CPU announces a quiescent state only with no read-side section open, that is with
 *       preempt_count 0, or from idle.
 *   I3  An idle CPU is offline for liburcu; an interrupt that hits it comes online first.
 *
 * Locking.  None of ours; the callback lists belong to their CPU, with interrupts masked.
 * Context.  call_rcu(): any; synchronize_rcu(), rcu_barrier(): task.
 *
 * ThreadSanitizer.  A grace period orders readers before the reclaimer; rcu_token carries that
 * edge.  liburcu's internal mutex would add edges between unrelated callers of synchronize_rcu();
 * only one thread of ours calls it, and it ignores the synchronisation inside.
 */
#include <errno.h>
#include <pthread.h>

#include "runtime/futex.h"
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "runtime/rcu.h"
#include "runtime/urcu_wrap.h"

static u64 gp_requested;	/* atomic */
static u64 gp_completed;	/* written by the grace-period thread, release */
static u32 gp_doorbell;		/* futex of the grace-period thread */
static bool gp_stop;
static pthread_t gp_thread;
static char rcu_token;		/* TSan: quiescent states -> end of grace period */

/* ---- the grace-period thread ---- */

static void announce_completed(void)
{
	unsigned int id;

	for_each_online_cpu(id)
		irq_raise(&cpus[id], IRQ_RCU);
}

static void *gp_main(void *arg)
{
	(void)arg;
	for (;;) {
		u32 seen = smp_load_acquire(&gp_doorbell);
		u64 requested = smp_load_acquire(&gp_requested);

		if (requested == gp_completed) {
			if (smp_load_acquire(&gp_stop))
				return NULL;
			futex_wait(&gp_doorbell, seen, 0);
			continue;
		}
		tsan_ignore_sync_begin();
		qsbr_synchronize();
		tsan_ignore_sync_end();
		tsan_acquire(&rcu_token);
		smp_store_release(&gp_completed, requested);	/* I1 */
		announce_completed();
	}
}

static void ring_gp_thread(void)
{
	fetch_add(&gp_doorbell, 1);
	futex_wake(&gp_doorbell, 1);
}

static u64 request_gp(void)
{
	u64 gp = fetch_add(&gp_requested, 1) + 1;

	ring_gp_thread();
	return gp;
}

static bool gp_is_over(u64 gp)
{
	/* Acquire: pairs with the release in gp_main(). */
	return smp_load_acquire(&gp_completed) >= gp;
}

/* ---- quiescent states ---- */

void rcu_quiescent(void)
{
	tsan_release(&rcu_token);
	qsbr_quiescent_state();
}

void rcu_idle_enter(void)
{
	tsan_release(&rcu_token);
	qsbr_thread_offline();
	this_cpu()->rcu_idle = true;
}

void rcu_idle_exit(void)
{
	this_cpu()->rcu_idle = false;
	qsbr_thread_online();
}

/* ---- waiting ---- */

static bool gp_is_over_cond(void *gp)
{
	return gp_is_over(*(u64 *)gp);
}

void synchronize_rcu(void)
{
	u64 gp;

	might_sleep();
	rcu_idle_enter();
	gp = request_gp();
	cpu_wait_on(gp_is_over_cond, &gp);
	rcu_idle_exit();
}

/* ---- callbacks ---- */

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	struct cpu *cpu = this_cpu();
	unsigned long flags;

	head->next = NULL;
	head->func = func;
	local_irq_save(flags);
	*cpu->rcu_next_tail = head;
	cpu->rcu_next_tail = &head->next;
	if (!cpu->rcu_wait) {
		cpu->rcu_wait = cpu->rcu_next;
		cpu->rcu_next = NULL;
		cpu->rcu_next_tail = &cpu->rcu_next;
		cpu->rcu_wait_gp = request_gp();
	}
	local_irq_restore(flags);
}

/* Takes the callbacks whose grace period is over and requests one for those behind them. */
static struct rcu_head *take_ready(struct cpu *cpu)
{
	struct rcu_head *ready = NULL;
	unsigned long flags;

	local_irq_save(flags);
	if (cpu->rcu_wait && gp_is_over(cpu->rcu_wait_gp)) {
		ready = cpu->rcu_wait;
		cpu->rcu_wait = cpu->rcu_next;
		cpu->rcu_next = NULL;
		cpu->rcu_next_tail = &cpu->rcu_next;
		if (cpu->rcu_wait)
			cpu->rcu_wait_gp = request_gp();
	}
	local_irq_restore(flags);
	return ready;
}

static void run_callbacks(void)
{
	struct rcu_head *head = take_ready(this_cpu());

	while (head) {
		struct rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}

static void rcu_interrupt(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	if (this_cpu()->rcu_wait)
		raise_softirq(SOFTIRQ_RCU);
}

/* ---- barrier ---- */

struct barrier_state {
	u32 pending;
	struct cpu *waiter;
	struct barrier_head {
		struct rcu_head head;
		struct barrier_state *state;
	} heads[NR_CPUS];
};

static bool barrier_is_over(void *arg)
{
	struct barrier_state *state = arg;

	return smp_load_acquire(&state->pending) == 0;
}

static void barrier_callback(struct rcu_head *head)
{
	struct barrier_state *state = container_of(head, struct barrier_head, head)->state;
	struct cpu *waiter = state->waiter;

	fetch_add(&state->pending, (u32)-1);
	cpu_kick(waiter);
}

static void queue_barrier(void *arg)
{
	struct barrier_state *state = arg;
	struct barrier_head *b = &state->heads[smp_processor_id()];

	b->state = state;
	fetch_add(&state->pending, 1);
	call_rcu(&b->head, barrier_callback);
}

void rcu_barrier(void)
{
	struct barrier_state state;

	might_sleep();
	state.pending = 0;
	state.waiter = this_cpu();
	on_each_cpu(queue_barrier, &state, true);
	rcu_idle_enter();
	cpu_wait_on(barrier_is_over, &state);
	rcu_idle_exit();
}

/* ---- life cycle ---- */

void rcu_cpu_start(void)
{
	qsbr_register_thread();
}

void rcu_cpu_stop(void)
{
	struct cpu *cpu = this_cpu();

	while (cpu->rcu_next || cpu->rcu_wait) {
		synchronize_rcu();
		local_bh_disable();
		run_callbacks();
		local_bh_enable();
	}
	tsan_release(&rcu_token);
	qsbr_unregister_thread();
}

int rcu_boot(void)
{
	int err;

	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpus[i].rcu_next_tail = &cpus[i].rcu_next;
	gp_stop = false;
	open_softirq(SOFTIRQ_RCU, "RCU", run_callbacks);
	err = irq_vector_register(IRQ_RCU, "RCU callbacks", rcu_interrupt, NULL);
	if (err)
		return err;
	err = pthread_create(&gp_thread, NULL, gp_main, NULL);
	if (err)
		irq_vector_unregister(IRQ_RCU);
	return -err;
}

void rcu_shutdown(void)
{
	smp_store_release(&gp_stop, true);
	ring_gp_thread();
	pthread_join(gp_thread, NULL);
	irq_vector_unregister(IRQ_RCU);
}
