/* SPDX-License-Identifier: MIT */
/*
 * The SIM back end: fibers as CPUs, waiting as a condition, time as a step count.
 *
 * What.  The host thread and every CPU are fibers of one thread.  A CPU runs until it passes a
 * scheduling point where the policy prefers another, or waits for a word to change.  The host runs
 * again as soon as the word it waits for has changed.
 *
 * Invariants.
 *   I1  Exactly one fiber runs; current_cpu names its CPU (NULL in the host).
 *   I2  A waiting CPU names its word, so "nobody can run and the host waits" is a deadlock, found
 *       at the point where it happens, not by a timeout.
 *   I3  The scheduler's own memory accesses are no scheduling points (@scheduling).
 *   I4  For ThreadSanitizer a switch orders nothing, except to the host, which joins.
 *
 * Locking.  One thread: none.  Context.  Scheduling points may lie in any context of a CPU.
 * Failure.  Deadlock and a step limit panic with what every CPU waits for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/backend.h"
#include "runtime/irq.h"
#include "runtime/sim/sched.h"

/* Simulated time per scheduling point: about what the code between two points takes. */
#define STEP_NS		20

struct sim *sim;
bool sim_active;
char sim_host_token;
void (*sim_step_hook)(u64 now_ns);

/* ---- switching ---- */

bool sim_cpu_runnable(const struct sim_cpu *c)
{
	if (!c->started || c->ended)
		return false;
	if (c->wait_word && __atomic_load_n(c->wait_word, __ATOMIC_ACQUIRE) == c->wait_value &&
	    (!owner_read(c->cpu->irq_pending) || owner_read(c->cpu->irqs_off)))
		return false;
	return c->stalled_until <= sim->stats.steps;
}

TSAN_SWITCHES_FIBER static void switch_to(unsigned int id)
{
	struct fiber *from = sim->current == SIM_HOST ? &sim->host :
		&sim->cpus[sim->current].fiber;
	struct fiber *to = id == SIM_HOST ? &sim->host : &sim->cpus[id].fiber;

	sim->current = id;
	current_cpu = id == SIM_HOST ? NULL : sim->cpus[id].cpu;	/* I1 */
	fiber_switch(from, to, id == SIM_HOST);				/* I4 */
}

static void hash_step(enum sim_point_kind kind)
{
	u64 x = sim->stats.hash ^ (((u64)sim->current << 8) | (u64)kind);

	sim->stats.hash = splitmix64(&x);
}

static void record_switch(unsigned int to, enum sim_point_kind kind)
{
	const struct sim_switch s = {
		.step = sim->stats.steps, .from_step = sim->cpus[sim->current].own_steps,
		.cpu = to, .kind = (u16)kind, .from = (u16)sim->current,
	};
	size_t n = sim->stats.nr_recorded++;

	sim->stats.switches++;
	if (sim->opt.record && n < sim->opt.record_max)
		sim->opt.record[n] = s;
	if (unlikely(sim->opt.switch_hook) && sim->running)
		sim->opt.switch_hook(&s);
}

static void print_waiters(void)
{
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		const struct sim_cpu *c = &sim->cpus[i];

		fprintf(stderr, "  cpu %u: %s\n", i, !c->started ? "not started" :
			c->ended ? "ended" : c->wait_word ? "waits" : "can run");
	}
}

/* The end of every stall, when nobody else can run: time passes. */
static bool end_stalls(void)
{
	bool any = false;

	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		any |= sim->cpus[i].stalled_until > sim->stats.steps;
		sim->cpus[i].stalled_until = 0;
	}
	return any;
}

static bool host_can_run(void)
{
	return sim->host_word &&
		__atomic_load_n(sim->host_word, __ATOMIC_ACQUIRE) != sim->host_value;
}

static unsigned int pick_next(enum sim_point_kind kind, bool must)
{
	unsigned int next;

	if (host_can_run())
		return SIM_HOST;
	next = sim_policy_pick(kind, must);
	if (must && next == sim->current && end_stalls())
		next = sim_policy_pick(kind, must);
	return next;
}

/* ---- scheduling points ---- */

static void inject_irq(void)
{
	struct cpu *cpu = current_cpu;

	if (sim->running && sim_step_hook)
		sim_step_hook(sim->clock);
	/* Not while a handler runs: it passes points itself, and would never come to an end. */
	if (!sim->running || !sim->opt.irq_one_in || in_hardirq() ||
	    !rand_one_in(&sim->cpus[sim->current].irq_rand, sim->opt.irq_one_in))
		return;
	sim->stats.irqs_injected++;
	__atomic_fetch_or(&cpu->irq_pending, 1ULL << sim->opt.irq_vec, __ATOMIC_RELAXED);
}

static void count_step(enum sim_point_kind kind)
{
	sim->stats.steps++;
	sim->cpus[sim->current].own_steps++;
	sim->clock += STEP_NS;
	hash_step(kind);
	if (sim->opt.step_limit && sim->running && sim->stats.steps > sim->opt.step_limit) {
		sim_active = false;
		print_waiters();
		panic("livelock: more than %llu scheduling points in one schedule",
		      (unsigned long long)sim->opt.step_limit);
	}
}

static void run_step_hook(void)
{
	if (!sim->opt.step_hook || !sim->running || --sim->hook_left)
		return;
	sim->hook_left = max(sim->opt.step_every, 1u);
	sim->opt.step_hook();
}

void sim_yield(enum sim_point_kind kind, const void *what)
{
	unsigned int next;

	(void)what;
	if (sim->scheduling || sim->current == SIM_HOST)
		return;
	sim->scheduling = true;
	count_step(kind);
	run_step_hook();
	if (sim->cpus[sim->current].nr_stores)
		sim_buffer_flush(&sim->cpus[sim->current], false);
	inject_irq();
	next = pick_next(kind, false);
	sim->scheduling = false;
	if (next == sim->current)
		return;
	if (next != SIM_HOST)
		record_switch(next, kind);
	switch_to(next);
}

/*
 * The CPU is stalled, and the others run: one point, at which it must give way if it can.  In a
 * replay the recorded switches say who runs.
 */
static void sim_delay(u64 ns)
{
	u64 end = sim->clock + ns;
	unsigned int next;
	bool stall;

	if (sim->scheduling || sim->current == SIM_HOST || !sim->running)
		return;
	sim->scheduling = true;
	count_step(SIM_LOCK);
	run_step_hook();
	stall = sim->opt.policy != SIM_REPLAY;
	if (stall)
		sim->cpus[sim->current].stalled_until = sim->stats.steps + ns / STEP_NS + 1;
	next = pick_next(SIM_LOCK, stall);
	sim->scheduling = false;
	if (next != sim->current) {
		if (next != SIM_HOST)
			record_switch(next, SIM_LOCK);
		switch_to(next);
	}
	/* With nobody else to run, the time is over at once. */
	sim->clock = max(sim->clock, end);
}

__attribute__((noreturn)) static void report_deadlock(void)
{
	sim_active = false;
	print_waiters();
	panic("deadlock: no CPU can run");
}

/* The host waits: some CPU runs, chosen as if another had just stopped. */
static unsigned int pick_for_host(u32 *word, u32 value)
{
	unsigned int next;

	sim->host_word = word;
	sim->host_value = value;
	sim->current = nr_cpu_ids;		/* nobody */
	sim->cpus[nr_cpu_ids].own_steps++;
	next = pick_next(SIM_BLOCK, true);
	if (next == nr_cpu_ids)
		report_deadlock();
	if (next != SIM_HOST)
		record_switch(next, SIM_BLOCK);
	sim->current = SIM_HOST;
	return next;
}

/* The running CPU or the host cannot go on until *word != value. */
static void sim_wait_word(u32 *word, u32 value, u64 limit_ns)
{
	unsigned int next;

	(void)limit_ns;
	sim->scheduling = true;
	if (sim->current == SIM_HOST) {
		next = pick_for_host(word, value);
	} else {
		struct sim_cpu *me = &sim->cpus[sim->current];

		count_step(SIM_BLOCK);
		run_step_hook();
		sim_buffer_flush(me, true);
		me->wait_word = word;
		me->wait_value = value;
		next = pick_next(SIM_BLOCK, true);
		if (next == sim->current && !sim_cpu_runnable(me))
			report_deadlock();
		if (next != sim->current && next != SIM_HOST)
			record_switch(next, SIM_BLOCK);
	}
	sim->scheduling = false;
	if (next != sim->current)
		switch_to(next);
	if (sim->current == SIM_HOST)
		sim->host_word = NULL;
	else
		sim->cpus[sim->current].wait_word = NULL;
}

static void sim_wake_word(u32 *word)
{
	(void)word;		/* who waits looks at the word itself */
	sim_point(SIM_IRQ, word);
}

static void sim_spin_while(u32 *word, u32 value)
{
	sim_wait_word(word, value, 0);
}

/* membarrier(2): every CPU's stores reach memory. */
static void sim_membarrier(void)
{
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		sim_buffer_flush(&sim->cpus[i], true);
	sim_point(SIM_IRQ, NULL);
}

static u64 sim_clock_ns(void)
{
	return sim->clock++;
}

/* ---- CPUs ---- */

static void fiber_main(void *arg)
{
	struct sim_cpu *c = arg;

	cpu_main(c->cpu);
	c->ended = true;
	switch_to(pick_next(SIM_BLOCK, true));
	panic("a CPU that has ended was run again");
}

static int sim_start_cpu(struct cpu *cpu, bool pin)
{
	struct sim_cpu *c;
	char name[32];

	(void)pin;
	if (cpu->id >= SIM_MAX_CPUS)
		return -EINVAL;
	c = &sim->cpus[cpu->id];
	snprintf(name, sizeof(name), "cpu%u", cpu->id);
	c->cpu = cpu;
	c->started = true;
	return fiber_create(&c->fiber, name, fiber_main, c);
}

/*
 * Lends the thread to one CPU after the other, in order and up to its next scheduling point, until
 * done(id): the host's own doings between schedules.
 */
static void run_cpus_until(bool (*done)(unsigned int id), unsigned int id)
{
	static u32 never;

	/* A word that differs from the value waited for: the host runs again at the next point. */
	sim->host_word = &never;
	sim->host_value = 1;
	while (!done(id)) {
		unsigned int i = 0;

		while (i < nr_cpu_ids && !sim_cpu_runnable(&sim->cpus[i]))
			i++;
		if (i < nr_cpu_ids)
			switch_to(i);
		else if (!end_stalls())
			report_deadlock();
	}
	sim->host_word = NULL;
}

static bool cpu_has_ended(unsigned int id)
{
	return sim->cpus[id].ended;
}

static void sim_join_cpu(struct cpu *cpu)
{
	run_cpus_until(cpu_has_ended, cpu->id);
	fiber_destroy(&sim->cpus[cpu->id].fiber);
}

/* ---- schedules ---- */

static bool all_at_rest(unsigned int unused)
{
	(void)unused;
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		if (sim_cpu_runnable(&sim->cpus[i]))
			return false;
	return true;
}

static void settle(void)
{
	sim->running = false;
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		sim->cpus[i].stalled_until = 0;
		sim_buffer_flush(&sim->cpus[i], true);
	}
	run_cpus_until(all_at_rest, 0);
}

void sim_begin(const struct sim_options *opt)
{
	settle();
	sim->opt = *opt;
	sim->hook_left = max(opt->step_every, 1u);
	sim->stats = (struct sim_stats){ .hash = opt->seed };
	sim->clock = 0;
	sim_policy_begin();
	tsan_release(&sim_host_token);
	sim->running = true;
}

struct sim_stats sim_end(void)
{
	struct sim_stats stats = sim->stats;

	settle();
	return stats;
}

struct sim_stats sim_stats_now(void)
{
	return sim ? sim->stats : (struct sim_stats){ 0 };
}

const struct sim_options *sim_options_now(void)
{
	return &sim->opt;
}

/* ---- life cycle ---- */

static int sim_boot(u64 seed)
{
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return -ENOMEM;
	sim->opt = (struct sim_options){ .seed = seed, .policy = SIM_RANDOM, .param = 4 };
	sim->current = SIM_HOST;
	fiber_init_self(&sim->host);
	sim_policy_begin();
	sim->running = true;
	sim_active = true;
	return 0;
}

static void sim_shutdown(void)
{
	sim_active = false;
	sim_buffer_exit();
	free(sim);
	sim = NULL;
}

const struct backend backend_sim = {
	.name = "sim",
	.boot = sim_boot,
	.shutdown = sim_shutdown,
	.start_cpu = sim_start_cpu,
	.join_cpu = sim_join_cpu,
	.wait_word = sim_wait_word,
	.wake_word = sim_wake_word,
	.spin_while = sim_spin_while,
	.membarrier = sim_membarrier,
	.clock_ns = sim_clock_ns,
	.delay = sim_delay,
	.rcu_online = sim_rcu_online,
	.rcu_offline = sim_rcu_offline,
	.rcu_quiescent = sim_rcu_quiescent,
	.rcu_request = sim_rcu_request,
};
