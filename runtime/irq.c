/* SPDX-License-Identifier: MIT */
/*
 * Delivery of soft-masked interrupts and softirqs.
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
 *   I2  Softirqs run only at the outermost interrupt exit or bh-enable in task context, so they
 *       never nest.
 *   I3  Under ThreadSanitizer the handlers run on a fiber of their own and on their own stack:
 *       what a task does with its mask open is concurrent with the handler, as on hardware, and a
 *       missing local_irq_save() is a reported race on one thread.
 *
 * Locking.  None; the pending word is atomic.  Context.  Delivery: any with the mask open.
 * Failure.  A vector without handler panics: somebody raised an interrupt nobody owns.
 */
#include <errno.h>
#include <stdio.h>

#include "runtime/hostmem.h"
#include "runtime/irq.h"
#include "runtime/lib/limits.h"
#include "runtime/rcu.h"

/* A raised softirq may raise itself again; the rest waits for the next interrupt exit. */
#define MAX_SOFTIRQ_RESTART	10

static struct vector {
	const char *name;
	void (*handler)(unsigned int vec, void *arg);
	void *arg;
} vectors[NR_VECTORS];

static struct {
	const char *name;
	void (*action)(void);
} softirqs[NR_SOFTIRQS];

/* Calls fn() with the stack pointer at @top, and comes back. */
void irq_call_on_stack(void (*fn)(void), void *top);
__asm__(".text\n"
	".globl irq_call_on_stack\n"
	".type irq_call_on_stack,@function\n"
	"irq_call_on_stack:\n"
	"	pushq %rbp\n"
	"	movq %rsp, %rbp\n"
	"	movq %rsi, %rsp\n"
	"	call *%rdi\n"
	"	movq %rbp, %rsp\n"
	"	popq %rbp\n"
	"	ret\n"
	".size irq_call_on_stack,.-irq_call_on_stack\n");

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

void open_softirq(enum softirq nr, const char *name, void (*action)(void))
{
	softirqs[nr].name = name;
	softirqs[nr].action = action;
}

const char *softirq_name(unsigned int nr)
{
	return softirqs[nr].name;
}

void irq_raise(struct cpu *cpu, unsigned int vec)
{
	u64 before;

	sim_point(SIM_IRQ, cpu);
	/* Full order: pairs with the exchange in irq_handle_pending() and with cpu_wait_on(). */
	before = fetch_or(&cpu->irq_pending, 1ULL << vec);

	if (!(before >> vec & 1))
		cpu_kick(cpu);
}

/* Runs on the interrupt stack, on the interrupt fiber, mask closed. */
static void irq_handle_pending(void)
{
	struct cpu *cpu = this_cpu();
	u64 pending;

	tsan_irqs_off(cpu);
	/* Acquire: pairs with irq_raise(). */
	while ((pending = xchg_acquire(&cpu->irq_pending, 0))) {
		while (pending) {
			unsigned int vec = (unsigned int)__builtin_ctzll(pending);

			pending &= pending - 1;
			owner_inc(cpu->nr_irqs[vec]);
			if (!vectors[vec].handler)
				panic("interrupt on vector %u, which has no handler", vec);
			vectors[vec].handler(vec, vectors[vec].arg);
		}
	}
	tsan_irqs_on(cpu);
}

/* Handlers raise softirqs, so the word changes hands with interrupts masked. */
static unsigned int take_softirqs(struct cpu *cpu)
{
	unsigned int pending;

	local_irq_disable();
	pending = cpu->softirq_pending;
	owner_write(cpu->softirq_pending, 0);
	local_irq_enable();
	return pending;
}

static void do_softirq(void)
{
	struct cpu *cpu = this_cpu();

	owner_add(cpu->preempt_count, SOFTIRQ_OFFSET);
	for (int i = 0; i < MAX_SOFTIRQ_RESTART; i++) {
		unsigned int pending = take_softirqs(cpu);

		if (!pending)
			break;
		while (pending) {
			unsigned int nr = (unsigned int)__builtin_ctz(pending);

			pending &= pending - 1;
			owner_inc(cpu->nr_softirqs[nr]);
			softirqs[nr].action();
		}
	}
	owner_add(cpu->preempt_count, -SOFTIRQ_OFFSET);
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

void raise_softirq(enum softirq nr)
{
	unsigned long flags;

	local_irq_save(flags);
	owner_write(this_cpu()->softirq_pending, this_cpu()->softirq_pending | 1u << nr);
	local_irq_restore(flags);
}

void local_bh_enable(void)
{
	struct cpu *cpu = this_cpu();

	barrier();
	VM_BUG_ON((preempt_count() & SOFTIRQ_MASK) < 2 * SOFTIRQ_OFFSET);
	owner_add(cpu->preempt_count, -2 * SOFTIRQ_OFFSET);
	if (unlikely(owner_read(cpu->softirq_pending)) && !in_interrupt() && !irqs_disabled())
		do_softirq();
	irq_safepoint();
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
