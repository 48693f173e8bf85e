/* SPDX-License-Identifier: MIT */
/*
 * Raising and delivery of soft-masked interrupts.
 *
 * What.  irq_raise() sets a bit in the target's pending word; the target takes all pending bits at
 * a safepoint where its mask is open.  Handlers run on the CPU's interrupt stack with the mask
 * closed; softirqs they raised run afterwards with the mask open.
 *
 * States of a CPU.  task, mask open -> (safepoint with a bit set) -> hardirq, mask closed ->
 * softirq, mask open -> task.  A safepoint inside a softirq or under preempt_disable() may take
 * interrupts too; a hardirq handler is never interrupted, because its mask is closed.
 *
 * Invariants.
 *   I1  irqs_off is 1 while a handler runs; delivery starts and ends with it 0.
 *   I2  Softirqs (softirq.c) run only at the outermost interrupt exit or bh-enable in task
 *       context, so they never nest.
 *   I3  Under ThreadSanitizer the handlers run on a fiber of their own and on their own stack:
 *       what a task does with its mask open is concurrent with the handler, as on hardware, and a
 *       missing local_irq_save() is a reported race on one thread.
 *
 * By signal.  The vector waits in irq_signalled until the signal's handler, on the target's thread,
 * moves it to the pending word: an interrupt that really interrupts, yet nothing but two atomic
 * words is touched where no code expected it.  The rest is as without signals.
 *
 * Locking.  None; the pending word is atomic.  Context.  Delivery: any with the mask open.
 * Failure.  A vector without handler panics: somebody raised an interrupt nobody owns.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/backend.h"
#include "runtime/hostmem.h"
#include "runtime/hotplug.h"
#include "runtime/inject.h"
#include "runtime/irq.h"
#include "runtime/lib/limits.h"
#include "runtime/lockdep.h"
#include "runtime/rcu.h"
#include "runtime/trace.h"

static void nothing_to_do(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
}

static struct vector {
	const char *name;
	void (*handler)(unsigned int vec, void *arg);
	void *arg;
} vectors[NR_VECTORS] = {
	/* All it does is make its CPU leave an interrupt, which runs softirqs. */
	[IRQ_SOFTIRQ] = { "Softirq self-interrupts", nothing_to_do, NULL },
};

int irq_vector_register(unsigned int vec, const char *name,
			void (*handler)(unsigned int vec, void *arg), void *arg)
{
	if (vec >= NR_VECTORS)
		return -EINVAL;
	if (vectors[vec].handler)
		return -EBUSY;
	vectors[vec] = (struct vector){ name, handler, arg };
	return 0;
}

void irq_vector_unregister(unsigned int vec)
{
	vectors[vec] = (struct vector){ 0 };
}

const char *irq_vector_name(unsigned int vec)
{
	return vectors[vec].name;
}

/* ---- raising ---- */

#define DEVICE_VECTORS	(~0ULL << IRQ_FIRST_DEVICE)

static bool raise_by_signal;

static void signal_handler(int sig)
{
	struct cpu *cpu = current_cpu;
	u64 bits;

	(void)sig;
	if (!cpu)
		return;
	bits = __atomic_exchange_n(&cpu->irq_signalled, 0, __ATOMIC_ACQUIRE);
	__atomic_fetch_or(&cpu->irq_pending, bits, __ATOMIC_RELEASE);
	/* A CPU on its way to sleep must not: it has looked at the pending word already. */
	__atomic_fetch_add(&cpu->doorbell, 1, __ATOMIC_RELEASE);
}

int irq_mode_by_name(const char *name)
{
	if (strcmp(name, "safepoint") == 0)
		return 0;
	return strcmp(name, "signal") == 0 ? 1 : -EINVAL;
}

int irq_boot(bool by_signal)
{
	struct sigaction action = { .sa_handler = signal_handler, .sa_flags = SA_RESTART };

	if (by_signal && tsan_delays_signals())
		return -ENOTSUP;
	softirq_boot();
	raise_by_signal = by_signal;
	return backend->signal_cpu ? -sigaction(IRQ_SIGNAL, &action, NULL) : 0;
}

void irq_redirect(struct cpu *cpu)
{
	unsigned int heir = cpumask_next_from(0, &cpu_active_mask);
	u64 bits;

	if (heir >= nr_cpu_ids)
		return;
	bits = fetch_and(&cpu->irq_signalled, ~DEVICE_VECTORS);
	bits |= fetch_and(&cpu->irq_pending, ~DEVICE_VECTORS);
	for (bits &= DEVICE_VECTORS; bits; bits &= bits - 1)
		irq_raise(&cpus[heir], (unsigned int)__builtin_ctzll(bits));
}

/*
 * The raiser sets the bit and then looks whether the CPU still takes interrupts; a CPU that goes
 * down says so and then takes what is pending (hotplug.c).  Both with a full barrier between, so
 * one of them sees the bit.
 */
static inline void redirect_if_gone(struct cpu *cpu, unsigned int vec)
{
	if (unlikely(!cpumask_test_cpu(cpu->id, &cpu_active_mask)) && vec >= IRQ_FIRST_DEVICE)
		irq_redirect(cpu);
}

void irq_raise(struct cpu *cpu, unsigned int vec)
{
	u64 before;

	if (unlikely(raise_by_signal) && cpu != this_cpu()) {
		irq_raise_signal(cpu, vec);
		return;
	}
	sim_point(SIM_IRQ, cpu);
	/* Full order: pairs with the exchange in irq_handle_pending() and with cpu_wait_on(). */
	before = fetch_or(&cpu->irq_pending, 1ULL << vec);

	if (!(before >> vec & 1))
		cpu_kick(cpu);
	redirect_if_gone(cpu, vec);
}

void irq_raise_signal(struct cpu *cpu, unsigned int vec)
{
	/* Full order: pairs with the exchange in signal_handler(), which runs after the kill. */
	if (!backend->signal_cpu)
		irq_set_pending(cpu, vec);
	else if (!(fetch_or(&cpu->irq_signalled, 1ULL << vec) >> vec & 1))
		backend->signal_cpu(cpu);
	redirect_if_gone(cpu, vec);
}

/* ---- delivery ---- */

/* A handler leaves the context as it found it; each way not to is a bug that shows up elsewhere. */
static void check_handler(const struct vector *v, int count, unsigned int depth)
{
	if (preempt_count() != count)
		panic("interrupt handler \"%s\" left preempt_count %#x, found %#x", v->name,
		      (unsigned int)preempt_count(), (unsigned int)count);
	if (!irqs_disabled())
		panic("interrupt handler \"%s\" opened the interrupt mask", v->name);
	if (lockdep_depth() != depth)
		panic("interrupt handler \"%s\" left a lock held", v->name);
}

static void run_vector(struct cpu *cpu, unsigned int vec)
{
	const struct vector *v = &vectors[vec];
	int count = preempt_count();
	unsigned int depth = lockdep_depth();

	u64 start = trace_begin();

	owner_inc(cpu->nr_irqs[vec]);
	if (!v->handler)
		panic("interrupt on vector %u, which has no handler", vec);
	v->handler(vec, v->arg);
	trace_end(start, TRACE_IRQ, vec, 0, 0);
	if (KMEMLAB_DEBUG)
		check_handler(v, count, depth);
}

/*
 * A CPU that comes or goes takes no device interrupts: their handlers would fill what its notifiers
 * have drained.  Without another CPU it takes them all the same.
 */
static u64 pass_on_devices(u64 pending)
{
	unsigned int heir = cpumask_next_from(0, &cpu_active_mask);
	u64 devices = pending & DEVICE_VECTORS;

	if (heir >= nr_cpu_ids)
		return pending;
	for (; devices; devices &= devices - 1)
		irq_raise(&cpus[heir], (unsigned int)__builtin_ctzll(devices));
	return pending & ~DEVICE_VECTORS;
}

/* What is pending now, but for a call that the injection holds back. */
static u64 take_pending(struct cpu *cpu)
{
	const u64 call = 1ULL << IRQ_CALL_FUNCTION;
	/* Acquire: pairs with irq_raise(). */
	u64 pending = xchg_acquire(&cpu->irq_pending, 0);

	if (inject_on(INJECT_IPI_DELAY) && (pending & call) && inject_hold_call_back()) {
		irq_set_pending(cpu, IRQ_CALL_FUNCTION);
		pending &= ~call;
	}
	return pending;
}

/* Runs on the interrupt stack, on the interrupt fiber, mask closed. */
static void irq_handle_pending(void)
{
	struct cpu *cpu = this_cpu();
	u64 pending, again = 0;

	tsan_irqs_off(cpu);
	if (unlikely(sim_active))
		tsan_acquire(&sim_host_token);
	if (unlikely(cpu->irqsoff))
		irqsoff_begin(cpu, CODE_SITE());
	while ((pending = take_pending(cpu))) {
		if (unlikely(owner_read(cpu->hp_state) != CPU_ONLINE))
			pending = pass_on_devices(pending);
		for (; pending; pending &= pending - 1) {
			unsigned int vec = (unsigned int)__builtin_ctzll(pending);

			run_vector(cpu, vec);
			if (inject_on(INJECT_IRQ_STORM) && inject_storm(vec))
				again |= 1ULL << vec;
		}
	}
	/* At the next safepoint, not in this round. */
	if (unlikely(again))
		__atomic_fetch_or(&cpu->irq_pending, again, __ATOMIC_RELEASE);
	if (unlikely(cpu->irqsoff))
		irqsoff_end(cpu, CODE_SITE());
	tsan_irqs_on(cpu);
}

/*
 * Only compiled code of this function runs between the two fibers, and none of it is recorded on
 * either.
 */
TSAN_SWITCHES_FIBER static void irq_enter_stack(struct cpu *cpu)
{
	tsan_fiber_switch(cpu->irq_fiber);
	irq_call_on_stack(irq_handle_pending, cpu->irq_stack);
	tsan_fiber_switch(cpu->task_fiber);
}

void irq_deliver(void)
{
	struct cpu *cpu = this_cpu();
	bool idle = cpu->rcu_idle;

	VM_BUG_ON(in_hardirq() || irqs_disabled());		/* I1 */
	if (idle)
		rcu_idle_exit();
	owner_write(cpu->irqs_off, 1);
	owner_add(cpu->preempt_count, HARDIRQ_OFFSET);
	irq_enter_stack(cpu);
	owner_add(cpu->preempt_count, -HARDIRQ_OFFSET);
	owner_write(cpu->irqs_off, 0);
	if (unlikely(owner_read(cpu->softirq_pending)) && !in_interrupt())
		do_softirq();
	if (idle)
		rcu_idle_enter();
}

int irq_cpu_init(struct cpu *cpu)
{
	char name[32];
	char *stack = hostmem_alloc_stack(IRQ_STACK_SIZE);

	if (!stack)
		return -ENOMEM;
	cpu->irq_stack = stack + IRQ_STACK_SIZE - 64;
	snprintf(name, sizeof(name), "cpu%u/irq", cpu->id);
	cpu->task_fiber = tsan_fiber_current();
	cpu->irq_fiber = tsan_fiber_create(name);
	return 0;
}

/* Lets the joiner of this CPU's thread see what its interrupt handlers did. */
TSAN_SWITCHES_FIBER static void irq_fiber_join(struct cpu *cpu)
{
	tsan_fiber_switch(cpu->irq_fiber);
	tsan_fiber_switch_sync(cpu->task_fiber);
}

void irq_cpu_exit(struct cpu *cpu)
{
	irq_fiber_join(cpu);
	tsan_fiber_destroy(cpu->irq_fiber);
	hostmem_free_stack((char *)cpu->irq_stack + 64 - IRQ_STACK_SIZE, IRQ_STACK_SIZE);
	cpu->irq_stack = NULL;
}
