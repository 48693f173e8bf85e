/* SPDX-License-Identifier: MIT */
/*
 * CPU hotplug.
 *
 * What.  cpu_down() asks; the CPU itself takes the write side of cpu_hotplug_lock at its next park
 * point and dismantles itself step by step, so that whatever it still owes is paid by a CPU in full
 * working order.  Down, its thread sleeps with interrupts masked and outside RCU.
 *
 * States.  absent -> coming -> online -> going -> dead -> coming -> ...; dead or online -> absent.
 *
 * Steps down (take_down()):
 *	leave cpu_active_mask		device interrupts go elsewhere
 *	take what is pending		interrupts, softirqs, tasklets
 *	notifiers, last first		caches drain; calls are still answered
 *	leave cpu_online_mask		no call is sent any more
 *	wait for senders		those that saw the bit have queued their call
 *	take what is pending, hand over	the rest of softirqs, tasklets and RCU callbacks to an heir
 *	mask, leave RCU, sleep
 *
 * Invariants.
 *   I1  One CPU at a time changes its state: it holds cpu_hotplug_lock for writing.
 *   I2  A call that was queued runs: the sender's section (ipi_seq odd) contains its look at the
 *       online mask and the push; the CPU that leaves clears its bit, makes every thread execute a
 *       full barrier, and waits for the sections that had begun.  One that begins later sees the
 *       bit cleared.
 *   I3  A device interrupt is taken by somebody: see redirect_if_gone() in irq.c.
 *   I4  A dead CPU has no softirq, tasklet, callback, work or call, and its task holds no lock.
 *   I5  The last online CPU stays.
 *   I6  A CPU that goes down while it waits for another to go down withdraws that request: else
 *       the two would take each other down, and each would wait for the other to bring it up.
 *
 * Locking.  cpu_hotplug_lock, written by the CPU that changes.  A request is one word (hp_busy).
 * Context.  See the header.  Failure.  A notifier that refuses is undone in reverse.
 * See also.  tests/mt/test_hotplug.c; linux: kernel/cpu.c.
 */
#include <errno.h>

#include "runtime/backend.h"
#include "runtime/hotplug.h"
#include "runtime/ipi.h"
#include "runtime/tasklet.h"

#define MAX_NOTIFIERS	16
#define HOST		(~0u)		/* hp_requester of the host thread */
#define NOBODY		(~0u)		/* hp_asking of a CPU that asks nobody */

struct rw_semaphore cpu_hotplug_lock;
struct cpumask cpu_active_mask;

static const struct lock_class hotplug_class = {
	.name = "cpu_hotplug_lock", .rank = RANK_CPU_HOTPLUG,
};

static const struct cpuhp_notifier *notifiers[MAX_NOTIFIERS];
static unsigned int nr_notifiers;
static u64 nr_downs;		/* atomic */

u64 cpu_hotplug_count(void)
{
	return smp_load_acquire(&nr_downs);
}

/* ---- notifiers ---- */

void cpuhp_register(const struct cpuhp_notifier *notifier)
{
	for (unsigned int i = 0; i < nr_notifiers; i++)
		if (notifiers[i] == notifier)
			return;
	BUG_ON(nr_notifiers == MAX_NOTIFIERS);
	notifiers[nr_notifiers++] = notifier;
}

/* Undoes the first @nr of them, last first. */
static void notify_offline(unsigned int id, unsigned int nr)
{
	while (nr-- > 0)
		if (notifiers[nr]->offline)
			notifiers[nr]->offline(id);
}

static int notify_online(unsigned int id)
{
	for (unsigned int i = 0; i < nr_notifiers; i++) {
		int err = notifiers[i]->online ? notifiers[i]->online(id) : 0;

		if (err) {
			notify_offline(id, i);
			return err;
		}
	}
	return 0;
}

/* ---- handing over ---- */

struct handover {
	unsigned int softirqs;
	struct tasklet_struct *tasklets;
	struct rcu_head *callbacks;
	struct llist_node *works;
};

/* On the heir, in its hardirq context. */
static void take_over(void *info)
{
	struct handover *h = info;

	for (unsigned int bits = h->softirqs; bits; bits &= bits - 1)
		raise_softirq((enum softirq)__builtin_ctz(bits));
	tasklet_adopt(h->tasklets);
	rcu_adopt_callbacks(h->callbacks);
	workqueue_adopt(h->works);
}

static void take_pending(struct cpu *cpu)
{
	local_irq_disable();
	local_irq_enable();
	if (owner_read(cpu->softirq_pending))
		do_softirq();
}

/* What is left after running what could be run: to any other CPU (I4). */
static void hand_over(struct cpu *cpu)
{
	unsigned int heir = cpumask_next_from(0, &cpu_active_mask);
	struct handover h;

	if (heir >= nr_cpu_ids)
		return;
	local_irq_disable();
	h.softirqs = owner_read(cpu->softirq_pending);
	owner_write(cpu->softirq_pending, 0);
	h.tasklets = tasklet_take_all();
	h.callbacks = rcu_take_callbacks();
	h.works = workqueue_take_all();
	local_irq_enable();
	if (!h.softirqs && !h.tasklets && !h.callbacks && !h.works)
		return;
	/* The heir cannot leave while this CPU has the lock (I1). */
	if (smp_call_function_single(heir, take_over, &h, true))
		panic("cpu %u: the heir %u is not online", cpu->id, heir);
}

/* Without an heir all that is left must be done here: the machine stops. */
static void finish_alone(struct cpu *cpu)
{
	if (cpumask_next_from(0, &cpu_active_mask) < nr_cpu_ids)
		return;
	rcu_finish_callbacks();
	workqueue_run();
	while (owner_read(cpu->softirq_pending))
		take_pending(cpu);
}

/* ---- the steps ---- */

static void take_down(struct cpu *cpu)
{
	WRITE_ONCE(cpu->hp_state, CPU_GOING);
	cpumask_clear_cpu(cpu->id, &cpu_active_mask);		/* I3 */
	take_pending(cpu);
	hand_over(cpu);
	notify_offline(cpu->id, nr_notifiers);
	cpumask_clear_cpu(cpu->id, &cpu_online_mask);
	backend->membarrier();					/* I2 */
	ipi_wait_for_senders();
	take_pending(cpu);
	hand_over(cpu);
	finish_alone(cpu);
	local_irq_disable();
	BUG_ON(!llist_empty(&cpu->call_queue) || owner_read(cpu->softirq_pending));	/* I4 */
	fetch_add(&nr_downs, 1);
}

/* Interrupts are masked before; open afterwards when it succeeds. */
static int bring_up(struct cpu *cpu)
{
	int err;

	WRITE_ONCE(cpu->hp_state, CPU_COMING);
	local_irq_enable();
	err = notify_online(cpu->id);
	if (err) {
		take_pending(cpu);
		hand_over(cpu);
		local_irq_disable();
		return err;
	}
	cpumask_set_cpu(cpu->id, &cpu_online_mask);
	cpumask_set_cpu(cpu->id, &cpu_active_mask);
	WRITE_ONCE(cpu->hp_state, CPU_ONLINE);
	return 0;
}

/* ---- requests ---- */

static void answer(struct cpu *cpu, int err)
{
	u32 requester = READ_ONCE(cpu->hp_requester);

	WRITE_ONCE(cpu->hp_err, err);
	/* Release: pairs with request_is_answered(). */
	smp_store_release(&cpu->hp_answered, true);
	if (requester == HOST)
		cpu_tell_host();
	else
		cpu_kick(&cpus[requester]);
}

static bool request_is_answered(void *arg)
{
	struct cpu *cpu = arg;

	return smp_load_acquire(&cpu->hp_answered);
}

static bool answered_or_wanted(void *arg)
{
	return request_is_answered(arg) || READ_ONCE(this_cpu()->hp_down);
}

/* False: the request was withdrawn, and is nobody's any more. */
static bool wait_for_answer(struct cpu *cpu, bool down)
{
	struct cpu *me = this_cpu();

	if (!me) {
		cpu_host_wait_for(request_is_answered, cpu);
		return true;
	}
	me->hp_withdrawn = false;
	me->hp_asking = down ? cpu->id : NOBODY;
	while (!me->hp_withdrawn && !request_is_answered(cpu)) {
		cpu_wait_on(answered_or_wanted, cpu);
		cond_resched();
	}
	me->hp_asking = NOBODY;
	return !me->hp_withdrawn;
}

/* This CPU goes down, with the lock held: I6.  Who is asked looks again when it has the lock. */
static void withdraw_request(struct cpu *me)
{
	struct cpu *asked = me->hp_asking == NOBODY ? NULL : &cpus[me->hp_asking];

	if (!asked || request_is_answered(asked))
		return;
	me->hp_withdrawn = true;
	me->hp_asking = NOBODY;
	WRITE_ONCE(asked->hp_down, false);
	smp_store_release(&asked->hp_busy, 0);
}

static int request(unsigned int id, bool down)
{
	enum cpu_state reached = down ? CPU_DEAD : CPU_ONLINE;
	struct cpu *cpu = &cpus[id];
	u32 free = 0;
	int err = 0;

	if (id >= nr_cpu_ids || READ_ONCE(cpu->hp_state) == CPU_ABSENT)
		return -EINVAL;
	if (this_cpu()) {
		might_sleep();
		lockdep_assert_not_held(&cpu_hotplug_lock.meta);
	}
	if (!try_cmpxchg_acquire(&cpu->hp_busy, &free, 1))
		return -EAGAIN;
	if (READ_ONCE(cpu->hp_state) != reached) {
		WRITE_ONCE(cpu->hp_requester, this_cpu() ? smp_processor_id() : HOST);
		smp_store_release(&cpu->hp_answered, false);
		smp_store_release(&cpu->hp_down, down);
		cpu_kick(cpu);
		if (!wait_for_answer(cpu, down))
			return -EAGAIN;
		err = READ_ONCE(cpu->hp_err);
	}
	smp_store_release(&cpu->hp_busy, 0);
	return err;
}

int cpu_down(unsigned int id)
{
	if (this_cpu() && id == smp_processor_id())
		return -EBUSY;
	return request(id, true);
}

int cpu_up(unsigned int id)
{
	return request(id, false);
}

/* ---- the CPU's side ---- */

/* Dead: until it is wanted again.  False: the machine stops. */
static bool wait_dead(struct cpu *cpu)
{
	bool stop;

	if (cpu->irqsoff)
		irqsoff_end(cpu, CODE_SITE());
	for (;;) {
		u32 seen = smp_load_acquire(&cpu->doorbell);

		dekker_store(cpu->asleep, 1);
		smp_mb();		/* pairs with the barrier in cpu_kick() */
		stop = smp_load_acquire(&cpu->stop);
		if (stop || !smp_load_acquire(&cpu->hp_down))
			break;
		irq_redirect(cpu);	/* what a signal brought late */
		backend->wait_word(&cpu->doorbell, seen, 0);
	}
	dekker_store(cpu->asleep, 0);
	return !stop;
}

/* With the lock held, returned held when up again, and interrupts masked: dead, until up. */
static bool stay_down(struct cpu *cpu)
	__context_unsafe("gives the lock up while dead")
{
	int err = 0;

	do {
		WRITE_ONCE(cpu->hp_state, CPU_DEAD);
		/* Under the lock: a request that is withdrawn (I6) is not answered any more. */
		answer(cpu, err);
		up_write(&cpu_hotplug_lock);
		rcu_idle_enter();
		if (!wait_dead(cpu))
			return false;
		rcu_idle_exit();
		local_irq_enable();
		down_write(&cpu_hotplug_lock);
		local_irq_disable();
		err = bring_up(cpu);
		if (err)
			WRITE_ONCE(cpu->hp_down, true);
	} while (err);
	return true;
}

bool cpu_hotplug_park(void) __context_unsafe("stay_down() may keep the lock or not")
{
	struct cpu *cpu = this_cpu();
	bool up = true;

	VM_BUG_ON(lockdep_depth() != 0);	/* I4 */
	down_write(&cpu_hotplug_lock);
	if (!READ_ONCE(cpu->hp_down)) {		/* I6 */
		up_write(&cpu_hotplug_lock);
		return true;
	}
	if (num_online_cpus() == 1) {		/* I5 */
		WRITE_ONCE(cpu->hp_down, false);
		answer(cpu, -EBUSY);
		up_write(&cpu_hotplug_lock);
		return true;
	}
	withdraw_request(cpu);
	take_down(cpu);
	up = stay_down(cpu);
	if (!up)
		return false;
	answer(cpu, 0);
	up_write(&cpu_hotplug_lock);
	return true;
}

void cpu_first_up(void)
{
	struct cpu *cpu = this_cpu();
	int err;

	cpu->hp_asking = NOBODY;
	/* No lock: the host starts and stops CPUs one by one, while none has work. */
	rcu_cpu_start();
	local_irq_disable();
	err = bring_up(cpu);
	if (err)
		panic("cpu %u: a hotplug notifier refused: error %d", cpu->id, err);
}

/* The machine stops: from online or from dead to absent, with interrupts masked. */
void cpu_last_down(void)
{
	struct cpu *cpu = this_cpu();

	if (READ_ONCE(cpu->hp_state) != CPU_DEAD) {
		take_down(cpu);
		rcu_cpu_stop();
	}
	WRITE_ONCE(cpu->irq_pending, 0);
	local_irq_enable();
	WRITE_ONCE(cpu->hp_state, CPU_ABSENT);
}

void hotplug_boot(void)
{
	init_rwsem(&cpu_hotplug_lock, &hotplug_class, NULL);
	cpumask_clear(&cpu_active_mask);
	nr_downs = 0;
}

void hotplug_shutdown(void)
{
	destroy_rwsem(&cpu_hotplug_lock);
	nr_notifiers = 0;
}
