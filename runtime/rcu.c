/* SPDX-License-Identifier: MIT */
/*
 * RCU: numbered grace periods, callbacks and waiting; the back end finds out when one is over.
 *
 * What.  A request raises rcu_gp_requested; the back end (liburcu's QSBR on a helper thread under
 * THREADS, a set of CPUs still to be heard of under SIM) calls rcu_gp_done() when every read-side
 * section open at the request has ended.  CPUs never block inside the back end: a CPU that waits
 * goes on answering interrupts.
 *
 * States of a callback.  queued on rcu_next -> (a grace period is requested for the whole list)
 * rcu_wait -> (that grace period is over) run in softirq.
 *
 * Invariants.
 *   I1  gp_completed = R means: every request numbered <= R was made before the start of a grace
 *       period that has ended.
 *   I2  A CPU announces a quiescent state only with no read-side section open: between two pieces
 *       of work, or from idle.
 *   I3  An idle CPU is in an extended quiescent state; an interrupt that hits it leaves that state
 *       first (irq_deliver()).
 *
 * Locking.  None; the callback lists belong to their CPU, with interrupts masked.
 * Context.  call_rcu(): any; synchronize_rcu(), rcu_barrier(): task.
 * Failure.  None: a grace period always ends, or the CPU that withholds it is the bug.
 */
#include <errno.h>

#include "runtime/backend.h"
#include "runtime/hotplug.h"
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "runtime/rcu.h"

u64 rcu_gp_requested;
static u64 gp_completed;	/* release by rcu_gp_done() */

u64 rcu_gp_last_done(void)
{
	return smp_load_acquire(&gp_completed);
}

void rcu_gp_done(u64 gp)
{
	unsigned int id;

	smp_store_release(&gp_completed, gp);			/* I1 */
	for_each_possible_cpu(id) {
		u32 state = READ_ONCE(cpus[id].hp_state);

		/* Also those that come or go: their notifiers may wait for a grace period. */
		if (state != CPU_ABSENT && state != CPU_DEAD)
			irq_raise(&cpus[id], IRQ_RCU);
	}
}

static u64 request_gp(void)
{
	u64 gp = fetch_add(&rcu_gp_requested, 1) + 1;

	backend->rcu_request();
	return gp;
}

static bool gp_is_over(u64 gp)
{
	/* Acquire: pairs with the release in rcu_gp_done(). */
	return smp_load_acquire(&gp_completed) >= gp;
}

/* ---- quiescent states ---- */

void rcu_quiescent(void)
{
	backend->rcu_quiescent(this_cpu());
}

void rcu_idle_enter(void)
{
	this_cpu()->rcu_idle = true;
	backend->rcu_offline(this_cpu());
}

void rcu_idle_exit(void)
{
	backend->rcu_online(this_cpu());
	this_cpu()->rcu_idle = false;
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

static void barrier_round(void)
{
	struct barrier_state state;

	state.pending = 0;
	state.waiter = this_cpu();
	on_each_cpu(queue_barrier, &state, true);
	rcu_idle_enter();
	cpu_wait_on(barrier_is_over, &state);
	rcu_idle_exit();
}

void rcu_barrier(void)
{
	u64 downs;

	might_sleep();
	/*
	 * A CPU that goes down gives its callbacks to another, which may have answered before.  The
	 * hotplug lock would exclude that, but it ranks above what callers hold.
	 */
	do {
		downs = cpu_hotplug_count();
		barrier_round();
	} while (cpu_hotplug_count() != downs);
}

/* ---- life cycle ---- */

void rcu_cpu_start(void)
{
	backend->rcu_online(this_cpu());
}

void rcu_finish_callbacks(void)
{
	struct cpu *cpu = this_cpu();

	while (cpu->rcu_next || cpu->rcu_wait) {
		synchronize_rcu();
		local_bh_disable();
		run_callbacks();
		local_bh_enable();
	}
}

struct rcu_head *rcu_take_callbacks(void)
{
	struct cpu *cpu = this_cpu();
	struct rcu_head *first = cpu->rcu_wait, **tail = &first;

	VM_BUG_ON(!irqs_disabled());
	while (*tail)
		tail = &(*tail)->next;
	*tail = cpu->rcu_next;
	cpu->rcu_wait = cpu->rcu_next = NULL;
	cpu->rcu_next_tail = &cpu->rcu_next;
	return first;
}

void rcu_adopt_callbacks(struct rcu_head *list)
{
	while (list) {
		struct rcu_head *next = list->next;

		call_rcu(list, list->func);
		list = next;
	}
}

void rcu_cpu_stop(void)
{
	backend->rcu_offline(this_cpu());
}

int rcu_boot(void)
{
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpus[i].rcu_next_tail = &cpus[i].rcu_next;
	open_softirq(SOFTIRQ_RCU, "RCU", run_callbacks);
	return irq_vector_register(IRQ_RCU, "RCU callbacks", rcu_interrupt, NULL);
}

void rcu_shutdown(void)
{
	irq_vector_unregister(IRQ_RCU);
	rcu_gp_requested = gp_completed = 0;
}
