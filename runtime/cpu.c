/* SPDX-License-Identifier: MIT */
/*
 * The machine's life cycle, the CPU loop, waiting and waking.
 *
 * What.  machine_boot() lays out struct cpu[]; machine_start_cpus() starts each CPU's flow of
 * control in cpu_main(), which runs one piece of work at a time and idles in between.
 *
 * States of a CPU.  stopped -> online idle <-> online working -> stopped.
 *
 * Invariants.
 *   I1  work_fn/work_arg belong to the submitter while work_seq == work_done, to the CPU otherwise.
 *   I2  A CPU that sleeps has announced it in @asleep and looked once more at everything that could
 *       have woken it; a waker makes its change visible before it looks at @asleep.  Both sides put
 *       a full barrier between, so at least one of them sees the other.
 *   I3  While idle a CPU is in an RCU quiescent state and answers interrupts.
 *
 * Locking.  None: hand-over by work_seq (release) and work_done (release).  Context.  The host
 * thread submits; CPUs run.  Failure.  machine_boot() undoes everything it did.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/backend.h"
#include "runtime/hostmem.h"
#include "runtime/hotplug.h"
#include "runtime/inject.h"
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "runtime/irqgen.h"
#include "runtime/owner_lock.h"
#include "runtime/rcu.h"
#include "runtime/tasklet.h"
#include "runtime/workqueue.h"

struct cpu *cpus;
unsigned int nr_cpu_ids;
struct cpumask cpu_online_mask;
__thread struct cpu *current_cpu;
const struct backend *backend = &backend_threads;

static bool pin_cpus;
static u32 host_doorbell;	/* changes whenever a CPU finishes work or starts */

u64 clock_ns(void)
{
	return backend->clock_ns();
}

/* ---- waiting and waking ---- */

void cpu_kick(struct cpu *cpu)
{
	smp_mb();		/* I2: pairs with the barrier in cpu_sleep() */
	if (dekker_load(cpu->asleep)) {
		fetch_add(&cpu->doorbell, 1);
		backend->wake_word(&cpu->doorbell);
	}
}

/*
 * One sleep of this CPU, unless cond(arg) holds or an interrupt can be taken.  Returns what cond()
 * said: it may have taken what it waits for, so its answer must not be asked for twice.
 */
static bool cpu_sleep(struct cpu *cpu, bool (*cond)(void *arg), void *arg)
{
	u32 seen = smp_load_acquire(&cpu->doorbell);
	bool done;

	dekker_store(cpu->asleep, 1);
	smp_mb();		/* I2: pairs with the barrier in cpu_kick() */
	done = cond(arg);
	if (!done && !READ_ONCE(cpu->irq_pending)) {
		owner_inc(cpu->nr_idle_sleeps);
		backend->wait_word(&cpu->doorbell, seen, 0);
	}
	dekker_store(cpu->asleep, 0);
	return done;
}

/*
 * @quiesce: no read-side section of RCU is open, so a sleep is a quiescent state.  Without it a
 * grace period would wait for this CPU, which may be waiting for who waits for the grace period.
 */
static void wait_until(bool (*cond)(void *arg), void *arg, bool quiesce)
{
	struct cpu *cpu = this_cpu();

	for (unsigned int spins = 0; !cond(arg); spins++) {
		bool done;

		irq_safepoint();
		if (spins < backend->idle_spins) {
			cpu_pause();
			continue;
		}
		if (quiesce)
			rcu_idle_enter();
		done = cpu_sleep(cpu, cond, arg);
		if (quiesce)
			rcu_idle_exit();
		if (done)
			return;
	}
}

void cpu_wait_on(bool (*cond)(void *arg), void *arg)
{
	VM_BUG_ON(irqs_disabled());
	lockdep_assert_no_spinlock();
	wait_until(cond, arg, preempt_count() == 0 && !this_cpu()->rcu_idle);
}

/* ---- the CPU's own loop ---- */

static bool work_or_stop(void *arg)
{
	struct cpu *cpu = arg;

	/* Acquire: pairs with the release in cpu_submit(), machine_stop_cpus() and request(). */
	return smp_load_acquire(&cpu->work_seq) != cpu->work_done ||
		smp_load_acquire(&cpu->stop) || smp_load_acquire(&cpu->hp_down) ||
		workqueue_pending(cpu);
}

void cpu_tell_host(void)
{
	fetch_add(&host_doorbell, 1);
	backend->wake_word(&host_doorbell);
}

static void do_work(struct cpu *cpu)
{
	cpu->work_fn(cpu->work_arg);
	BUG_ON(preempt_count() || irqs_disabled());
	/* Work is done when the handlers it was interrupted by are seen to be done. */
	local_irq_disable();
	local_irq_enable();
	rcu_quiescent();
	/* Release: the work's results are visible to whoever sees it done. */
	smp_store_release(&cpu->work_done, cpu->work_seq);
	cpu_tell_host();
}

void cpu_main(struct cpu *cpu)
{
	bool up = true;

	if (irq_cpu_init(cpu) != 0)
		panic("cpu %u: no memory for an interrupt stack", cpu->id);
	cpu_first_up();
	cpu_tell_host();

	while (up) {
		rcu_idle_enter();
		wait_until(work_or_stop, cpu, false);
		rcu_idle_exit();
		if (workqueue_pending(cpu)) {
			workqueue_run();
			rcu_quiescent();
			continue;
		}
		/* Acquire: it may be other news than the one seen there that ended the wait. */
		if (smp_load_acquire(&cpu->work_seq) != cpu->work_done)
			do_work(cpu);
		else if (smp_load_acquire(&cpu->stop))
			break;
		else if (READ_ONCE(cpu->hp_down))
			up = cpu_hotplug_park();
	}
	cpu_last_down();
	irq_cpu_exit(cpu);
}

/* ---- submitting work (host thread) ---- */

void cpu_host_wait_for(bool (*cond)(void *arg), void *arg)
{
	for (;;) {
		u32 seen = smp_load_acquire(&host_doorbell);

		if (cond(arg))
			return;
		backend->wait_word(&host_doorbell, seen, 0);
	}
}

static void cpu_submit(struct cpu *cpu, void (*fn)(void *arg), void *arg)
{
	BUG_ON(smp_load_acquire(&cpu->work_done) != cpu->work_seq);
	cpu->work_fn = fn;
	cpu->work_arg = arg;
	smp_store_release(&cpu->work_seq, cpu->work_seq + 1);	/* I1 */
	cpu_kick(cpu);
}

static bool cpu_is_done(void *arg)
{
	struct cpu *cpu = arg;

	return smp_load_acquire(&cpu->work_done) == cpu->work_seq;
}

void cpu_run(unsigned int id, void (*fn)(void *arg), void *arg)
{
	BUG_ON(this_cpu() || !cpu_online(id));
	cpu_submit(&cpus[id], fn, arg);
	cpu_host_wait_for(cpu_is_done, &cpus[id]);
}

void cpu_start_all(void (*fn)(void *arg), void *arg)
{
	struct cpumask online;
	unsigned int id;

	BUG_ON(this_cpu());
	/* As it is now: the first to run may take down a CPU that has no work yet. */
	cpumask_copy(&online, &cpu_online_mask);
	for_each_cpu(id, &online)
		cpu_submit(&cpus[id], fn, arg);
}

bool cpu_all_done(void)
{
	unsigned int id;

	/* Possible, not online: work may wait on a CPU that is down. */
	for_each_possible_cpu(id)
		if (!cpu_is_done(&cpus[id]))
			return false;
	return true;
}

void cpu_wait_all(void)
{
	unsigned int id;

	for_each_possible_cpu(id)
		cpu_host_wait_for(cpu_is_done, &cpus[id]);
}

void cpu_run_all(void (*fn)(void *arg), void *arg)
{
	cpu_start_all(fn, arg);
	cpu_wait_all();
}

/* ---- life cycle (host thread) ---- */

static long host_cores(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

static int parse_irq_mode(const struct machine_options *opt)
{
	int by_signal = opt->irq ? irq_mode_by_name(opt->irq) : 0;

	return by_signal > 0 && !backend->signal_cpu ? -EINVAL : by_signal;
}

static int parse_options(const struct machine_options *opt, enum lockstat_mode *mode)
{
	const char *name = opt->backend ? opt->backend : "threads";
	int alg = spin_algorithm_by_name(opt->spinlock ? opt->spinlock : "futex");
	int m = lockstat_mode_by_name(opt->lockstat ? opt->lockstat : "default");

	if (opt->nr_cpus < 1 || opt->nr_cpus > NR_CPUS || opt->nr_nodes < 1 || alg < 0 || m < 0)
		return -EINVAL;
	/* FIFO locks hand over to waiters that do not run: see runtime/spinlock.h. */
	if (spin_algorithm_is_fifo((enum spin_algorithm)alg) && (long)opt->nr_cpus > host_cores())
		return -EINVAL;
	if (strcmp(name, backend_threads.name) == 0)
		backend = &backend_threads;
	else if (strcmp(name, backend_sim.name) == 0 && alg == SPIN_FUTEX)
		backend = &backend_sim;
	else
		return -EINVAL;
	if (parse_irq_mode(opt) < 0 || opt->hz > MAX_HZ)
		return -EINVAL;
	spin_algorithm = (enum spin_algorithm)alg;
	*mode = (enum lockstat_mode)m;
	return 0;
}

static void cpu_init(struct cpu *cpu, unsigned int id, const struct machine_options *opt)
{
	cpu->id = id;
	cpu->node = (int)(id * opt->nr_nodes / opt->nr_cpus);
	rand_init(&cpu->rand, opt->seed, id);
}

/* What each part of the runtime sets up at boot, in this order, and takes down in reverse. */
static int boot_parts(const struct machine_options *opt, enum lockstat_mode mode)
{
	int err = lockstat_boot(mode);

	if (err)
		return err;
	err = lockdep_boot();
	if (err)
		goto stop_lockstat;
	err = irqsoff_boot(opt->irqsoff_tracer);
	if (err)
		goto stop_lockdep;
	err = irq_boot(parse_irq_mode(opt) > 0);
	if (err)
		goto stop_irqsoff;
	hotplug_boot();
	tasklet_boot();
	err = ipi_boot();
	if (err)
		goto stop_hotplug;
	err = rcu_boot();
	if (err)
		goto stop_ipi;
	err = irqgen_boot(opt->hz);
	if (err)
		goto stop_rcu;
	err = workqueue_boot();
	if (err)
		goto stop_irqgen;
	irq_stack_watch();
	return 0;

stop_irqgen:
	irqgen_shutdown();
stop_rcu:
	rcu_shutdown();
stop_ipi:
	ipi_shutdown();
stop_hotplug:
	hotplug_shutdown();
stop_irqsoff:
	irqsoff_shutdown();
stop_lockdep:
	lockdep_shutdown();
stop_lockstat:
	lockstat_shutdown();
	return err;
}

static void shutdown_parts(void)
{
	irq_stack_unwatch();
	workqueue_shutdown();
	irqgen_shutdown();
	inject_shutdown();
	rcu_shutdown();
	ipi_shutdown();
	hotplug_shutdown();
	irqsoff_shutdown();
	lockdep_shutdown();
	lockstat_shutdown();
}

int machine_boot(const struct machine_options *opt)
{
	enum lockstat_mode mode;
	int err = parse_options(opt, &mode);

	if (err)
		return err;
	err = backend->boot(opt->seed);
	if (err)
		return err;
	cpus = hostmem_alloc(opt->nr_cpus * sizeof(*cpus));
	if (!cpus) {
		err = -ENOMEM;
		goto stop_backend;
	}
	nr_cpu_ids = opt->nr_cpus;
	pin_cpus = !opt->no_pin && (long)opt->nr_cpus <= host_cores();
	cpumask_clear(&cpu_online_mask);
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpu_init(&cpus[i], i, opt);
	err = boot_parts(opt, mode);
	if (err)
		goto free_cpus;
	return 0;

free_cpus:
	hostmem_free(cpus, nr_cpu_ids * sizeof(*cpus));
	cpus = NULL;
stop_backend:
	backend->shutdown();
	return err;
}

static bool is_online(void *arg)
{
	return READ_ONCE(((struct cpu *)arg)->hp_state) == CPU_ONLINE;
}

int machine_start_cpus(void)
{
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		int err = backend->start_cpu(&cpus[i], pin_cpus);

		if (err)
			return err;
		cpu_host_wait_for(is_online, &cpus[i]);
	}
	return irqgen_start();
}

void machine_stop_cpus(void)
{
	unsigned int id;

	irqgen_stop();
	/* The last CPU to stop is CPU 0, which may still be asked to drain for the others. */
	for (id = nr_cpu_ids; id-- > 0;) {
		if (READ_ONCE(cpus[id].hp_state) == CPU_ABSENT)
			continue;
		smp_store_release(&cpus[id].stop, true);
		cpu_kick(&cpus[id]);
		backend->join_cpu(&cpus[id]);
	}
}

void machine_shutdown(void)
{
	machine_stop_cpus();
	backend->shutdown();
	shutdown_parts();
	hostmem_free(cpus, nr_cpu_ids * sizeof(*cpus));
	cpus = NULL;
}
