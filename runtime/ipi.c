/* SPDX-License-Identifier: MIT */
/*
 * Function calls on other CPUs.
 *
 * What.  A call is a call_single_data pushed on the target's lock-free queue.  The push that finds
 * the queue empty raises the call-function interrupt; the target takes the whole queue, oldest
 * first.  A call without wait uses the sender's record for that target and waits first until its
 * previous use is over, so a sender has at most one such call per target under way.
 *
 * Invariants.
 *   I1  A record is on at most one queue: @busy is 1 from before the push until the target has
 *       copied what it needs (no wait) or has run the function (wait).
 *   I2  After clearing @busy the target does not touch the record again: it may be a dead stack
 *       frame.
 *   I3  Nobody waits for another CPU with interrupts masked or under a spinlock: the peer may be
 *       doing the same to us, or spin on that lock, and neither would answer.
 *   I4  A call that was queued runs.  A sender's ipi_seq is odd from before it looks whether the
 *       target is online until the call is queued; a CPU that leaves the online mask waits for the
 *       sections that may have seen it there, then answers what they queued.
 *
 * Locking.  None.  Context.  Senders: task or softirq.  Functions: hardirq.
 * Failure.  -ENXIO for a CPU that is not online.
 */
#include <errno.h>

#include "runtime/backend.h"
#include "runtime/hostmem.h"
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "runtime/lockdep.h"
#include "runtime/trace.h"

static bool csd_is_free(void *arg)
{
	struct call_single_data *csd = arg;

	/* Acquire: pairs with the release in csd_done(). */
	return smp_load_acquire(&csd->busy) == 0;
}

static void csd_wait(struct call_single_data *csd)
{
	if (!csd_is_free(csd))
		cpu_wait_on(csd_is_free, csd);
}

static void csd_done(struct call_single_data *csd)
{
	struct cpu *src = &cpus[csd->src];

	/* Release: pairs with csd_is_free(); I2 from here on. */
	smp_store_release(&csd->busy, 0);
	/* Without wait too: the sender's next call to us waits for this record. */
	cpu_kick(src);
}

static void handle_calls(unsigned int vec, void *arg)
{
	struct llist_node *node = llist_reverse_order(llist_del_all(&this_cpu()->call_queue));

	(void)vec;
	(void)arg;
	while (node) {
		struct call_single_data *csd =
			container_of(node, struct call_single_data, node);
		smp_call_func_t func = csd->func;
		void *info = csd->info;
		unsigned int src = csd->src;
		u64 start = trace_begin();

		node = node->next;
		if (csd->wait) {
			func(info);
			csd_done(csd);
		} else {
			csd_done(csd);
			func(info);
		}
		trace_ipi_ran(start, src);
	}
}

/*
 * The sender's section (I4): from before the look at the online mask until the call is queued.
 * Store, then load, without a barrier: who goes offline makes every thread execute one.
 */
static bool send_begin(struct cpu *me, unsigned int target)
{
	dekker_store(me->ipi_seq, dekker_load(me->ipi_seq) + 1);
	barrier();
	return cpu_online(target);
}

static void send_end(struct cpu *me)
{
	/* Release: pairs with the acquire in ipi_wait_for_senders(). */
	dekker_store_release(me->ipi_seq, dekker_load(me->ipi_seq) + 1);
}

void ipi_wait_for_senders(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		u32 *seq = &cpus[cpu].ipi_seq, seen = smp_load_acquire(seq);

		while ((seen & 1) && smp_load_acquire(seq) == seen) {
			irq_safepoint();
			backend->spin_while(seq, seen);
		}
	}
}

/* Queues the call; false when the target is not online. */
static bool send_call(unsigned int target, struct call_single_data *csd)
{
	struct cpu *me = this_cpu();

	if (!send_begin(me, target)) {
		send_end(me);
		return false;
	}
	csd->src = (u16)me->id;
	WRITE_ONCE(csd->busy, 1);		/* I1; published by the push's release */
	owner_inc(me->nr_ipis_sent);
	trace_ipi_sent(target);
	if (llist_add(&csd->node, &cpus[target].call_queue))
		irq_raise(&cpus[target], IRQ_CALL_FUNCTION);
	else
		owner_inc(me->nr_ipis_coalesced);
	send_end(me);
	return true;
}

static void assert_may_wait(void)
{
	VM_BUG_ON(irqs_disabled() || in_hardirq());	/* I3 */
	lockdep_assert_no_spinlock();			/* I3 */
}

static void call_local(smp_call_func_t func, void *info)
{
	unsigned long flags;

	local_irq_save(flags);
	func(info);
	local_irq_restore(flags);
}

int smp_call_function_single(unsigned int cpu, smp_call_func_t func, void *info, bool wait)
{
	struct call_single_data on_stack = { .func = func, .info = info, .wait = true };
	struct call_single_data *csd;
	u64 start = trace_begin();

	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -ENXIO;
	if (cpu == smp_processor_id()) {
		call_local(func, info);
		return 0;
	}
	assert_may_wait();
	if (wait) {
		if (!send_call(cpu, &on_stack))
			return -ENXIO;
		csd_wait(&on_stack);
		trace_ipi_acked(cpu);
		trace_end(start, TRACE_IPI_CALL, 1, 1, 0);
		return 0;
	}
	csd = &this_cpu()->csd[cpu];
	csd_wait(csd);
	csd->func = func;
	csd->info = info;
	csd->wait = false;
	if (!send_call(cpu, csd))
		return -ENXIO;
	trace_end(start, TRACE_IPI_CALL, 1, 0, 0);
	return 0;
}

void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info,
			    bool wait)
{
	struct cpu *me = this_cpu();
	u64 start = trace_begin();
	unsigned int cpu, called = 0;

	assert_may_wait();
	for_each_cpu(cpu, mask) {
		struct call_single_data *csd = &me->csd[cpu];

		if (cpu == me->id || !cpu_online(cpu))
			continue;
		csd_wait(csd);
		csd->func = func;
		csd->info = info;
		csd->wait = wait;
		called += send_call(cpu, csd);
	}
	if (wait)
		for_each_cpu(cpu, mask)
			if (cpu != me->id) {
				csd_wait(&me->csd[cpu]);
				trace_ipi_acked(cpu);
			}
	trace_end(start, TRACE_IPI_CALL, called, wait, 0);
}

void smp_call_function(smp_call_func_t func, void *info, bool wait)
{
	preempt_disable();
	smp_call_function_many(&cpu_online_mask, func, info, wait);
	preempt_enable();
}

void on_each_cpu(smp_call_func_t func, void *info, bool wait)
{
	preempt_disable();
	smp_call_function_many(&cpu_online_mask, func, info, wait);
	call_local(func, info);
	preempt_enable();
}

void on_each_cpu_cond(bool (*cond)(unsigned int cpu, void *info), smp_call_func_t func,
		      void *info, bool wait)
{
	struct cpumask mask = { { 0 } };
	unsigned int cpu;

	preempt_disable();
	for_each_online_cpu(cpu)
		if (cond(cpu, info))
			cpumask_set_cpu(cpu, &mask);
	smp_call_function_many(&mask, func, info, wait);
	if (cpumask_test_cpu(smp_processor_id(), &mask))
		call_local(func, info);
	preempt_enable();
}

static size_t csd_bytes(void)
{
	return (size_t)nr_cpu_ids * nr_cpu_ids * sizeof(struct call_single_data);
}

static struct call_single_data *csds;	/* [sender][target] */

int ipi_boot(void)
{
	csds = hostmem_alloc(csd_bytes());
	if (!csds)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpus[i].csd = csds + (size_t)i * nr_cpu_ids;
	return irq_vector_register(IRQ_CALL_FUNCTION, "Function call interrupts", handle_calls,
				   NULL);
}

void ipi_shutdown(void)
{
	irq_vector_unregister(IRQ_CALL_FUNCTION);
	hostmem_free(csds, csd_bytes());
	csds = NULL;
}
