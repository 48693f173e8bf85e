/* SPDX-License-Identifier: MIT */
/*
 * Generators of interrupts.
 *
 * What.  A source has a period and a next moment.  Whoever keeps the time (the host thread, the
 * SIM scheduler, a CPU that polls) raises every source that is due and moves its moment on.
 *
 * Invariants.
 *   I1  A source is complete before @active is set with release; its moments belong to the one
 *       keeper of its kind, except for polled ones, whose moment moves by compare-and-swap.
 *   I2  A keeper that comes late raises at most MAX_CATCH_UP at once and forgets the rest: an
 *       overloaded host must not turn lateness into a storm.
 *
 * Locking.  sources_lock (host mutex) for adding and removing.
 * Context.  Keepers: host thread, scheduler, task.  Failure.  See irqgen_add().
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "runtime/backend.h"
#include "runtime/futex.h"
#include "runtime/irqgen.h"

#define MAX_SOURCES	8
#define MAX_CATCH_UP	64
#define MAX_HOOKS	4
/* The host thread looks at least this often; a source that is added rings its doorbell. */
#define IDLE_NS		(100 * NSEC_PER_MSEC)

static struct source {
	struct irq_source opt;
	u64 period;		/* ns */
	u64 next;		/* ns; atomic */
	u64 raised;		/* atomic */
	u32 turn;		/* IRQ_ROUND_ROBIN, IRQ_RANDOM; atomic */
	bool active;
} sources[MAX_SOURCES];
static pthread_mutex_t sources_lock = PTHREAD_MUTEX_INITIALIZER;
static u32 nr_polled;		/* atomic */
static u32 nr_active;		/* atomic */

static pthread_t keeper;
static bool keeper_runs, keeper_stop;
static u32 keeper_doorbell;

static void (*hooks[MAX_HOOKS])(void);
static unsigned int nr_hooks;

int irq_spread_by_name(const char *name)
{
	static const char *const names[NR_IRQ_SPREADS] = {
		[IRQ_TO_ALL] = "all", [IRQ_ROUND_ROBIN] = "round-robin", [IRQ_TO_ONE] = "one",
		[IRQ_RANDOM] = "random",
	};

	for (int i = 0; i < NR_IRQ_SPREADS; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -EINVAL;
}

/* ---- raising ---- */

static void raise_on(struct source *s, unsigned int cpu)
{
	__atomic_fetch_add(&s->raised, 1, __ATOMIC_RELAXED);
	if (sim_active)
		irq_set_pending(&cpus[cpu], s->opt.vec);
	else
		irq_raise(&cpus[cpu], s->opt.vec);
}

/* The @n-th active CPU, counting round; nr_cpu_ids when none is active. */
static unsigned int nth_active(unsigned int n)
{
	unsigned int weight = cpumask_weight(&cpu_active_mask), cpu;

	if (!weight)
		return nr_cpu_ids;
	n %= weight;
	for_each_cpu(cpu, &cpu_active_mask)
		if (n-- == 0)
			return cpu;
	return cpumask_next_from(0, &cpu_active_mask);	/* the mask shrank meanwhile */
}

/*
 * No scheduling points here and in keep_time(): in SIM they run inside the scheduler.  The random
 * choice is a function of the seed and the turn, so it needs no state that belongs to somebody.
 */
static void raise_once(struct source *s)
{
	u32 turn = __atomic_fetch_add(&s->turn, 1, __ATOMIC_RELAXED);
	unsigned int cpu = s->opt.cpu;
	u64 x = s->opt.seed + turn;

	switch (s->opt.spread) {
	case IRQ_TO_ALL:
		for_each_cpu(cpu, &cpu_active_mask)
			raise_on(s, cpu);
		return;
	case IRQ_ROUND_ROBIN:
		cpu = nth_active(turn);
		break;
	case IRQ_RANDOM:
		cpu = nth_active((unsigned int)(splitmix64(&x) >> 32));
		break;
	default:
		break;
	}
	if (cpu < nr_cpu_ids)
		raise_on(s, cpu);
}

/* Raises what is due at @now; returns the next moment. */
static u64 keep_time(struct source *s, u64 now)
{
	u64 next = owner_read(s->next);
	unsigned int due;

	if (now < next)
		return next;
	due = (unsigned int)min((now - next) / s->period + 1, (u64)MAX_CATCH_UP);
	while (due--)
		raise_once(s);
	next += ((now - next) / s->period + 1) * s->period;
	owner_write(s->next, next);
	return next;
}

static bool source_is(struct source *s, bool polled)
{
	return smp_load_acquire(&s->active) && s->opt.polled == polled;
}

static u64 keep_all(u64 now)
{
	u64 next = now + IDLE_NS;

	for (unsigned int i = 0; i < MAX_SOURCES; i++)
		if (source_is(&sources[i], false))
			next = min(next, keep_time(&sources[i], now));
	return next;
}

void irqgen_poll(void)
{
	u64 now;

	if (!READ_ONCE(nr_polled))
		return;
	now = clock_ns();
	for (unsigned int i = 0; i < MAX_SOURCES; i++) {
		struct source *s = &sources[i];
		u64 next = READ_ONCE(s->next);

		/* Who moves the moment on raises the interrupt (I1). */
		if (source_is(s, true) && now >= next &&
		    try_cmpxchg(&s->next, &next, now + s->period))
			raise_once(s);
	}
}

/* ---- keepers ---- */

static void *keeper_main(void *arg)
{
	(void)arg;
	while (!smp_load_acquire(&keeper_stop)) {
		u32 seen = smp_load_acquire(&keeper_doorbell);
		u64 now = clock_ns(), next = keep_all(now);

		futex_wait(&keeper_doorbell, seen, next - now);
	}
	return NULL;
}

/* The SIM scheduler calls it at every step; it raises by setting bits only. */
static void sim_step(u64 now_ns)
{
	keep_all(now_ns);
}

static int start_keeper(void)
{
	int err;

	if (keeper_runs)
		return 0;
	if (sim_active) {
		sim_step_hook = sim_step;
		return 0;
	}
	smp_store_release(&keeper_stop, false);
	err = pthread_create(&keeper, NULL, keeper_main, NULL);
	keeper_runs = err == 0;
	return -err;
}

/* ---- adding and removing ---- */

static bool source_is_valid(const struct irq_source *opt)
{
	return opt->vec < NR_VECTORS && irq_vector_name(opt->vec) && opt->rate >= 1 &&
		opt->rate <= MAX_IRQ_RATE && opt->spread < NR_IRQ_SPREADS &&
		opt->cpu < nr_cpu_ids;
}

int irqgen_add(const struct irq_source *opt)
{
	int id, err = -ENOSPC;

	if (!source_is_valid(opt))
		return -EINVAL;
	pthread_mutex_lock(&sources_lock);
	for (id = 0; id < MAX_SOURCES; id++)
		if (!sources[id].active)
			break;
	if (id == MAX_SOURCES)
		goto out;
	sources[id].opt = *opt;
	sources[id].period = NSEC_PER_SEC / opt->rate;
	sources[id].next = clock_ns() + sources[id].period;
	sources[id].raised = 0;
	sources[id].turn = 0;
	smp_store_release(&sources[id].active, true);		/* I1 */
	fetch_add(&nr_active, 1);
	if (opt->polled)
		fetch_add(&nr_polled, 1);
	err = opt->polled ? 0 : start_keeper();
	fetch_add(&keeper_doorbell, 1);
	futex_wake(&keeper_doorbell, 1);
out:
	pthread_mutex_unlock(&sources_lock);
	return err ? err : id;
}

void irqgen_remove(int id)
{
	struct source *s = &sources[id];

	pthread_mutex_lock(&sources_lock);
	if (s->active) {
		smp_store_release(&s->active, false);
		fetch_add(&nr_active, (u32)-1);
		if (s->opt.polled)
			fetch_add(&nr_polled, (u32)-1);
	}
	pthread_mutex_unlock(&sources_lock);
}

u64 irqgen_raised(int id)
{
	return READ_ONCE(sources[id].raised);
}

/* ---- the tick ---- */

void tick_hook_register(void (*fn)(void))
{
	BUG_ON(nr_hooks == MAX_HOOKS);
	hooks[nr_hooks++] = fn;
}

static void tick(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	for (unsigned int i = 0; i < nr_hooks; i++)
		hooks[i]();
	if (softirq_name(SOFTIRQ_TIMER))
		raise_softirq(SOFTIRQ_TIMER);
}

static unsigned int tick_hz;

int irqgen_boot(unsigned int hz)
{
	tick_hz = hz;
	return irq_vector_register(IRQ_TIMER, "Local timer interrupts", tick, NULL);
}

int irqgen_start(void)
{
	struct irq_source opt = { .vec = IRQ_TIMER, .rate = tick_hz, .spread = IRQ_TO_ALL };
	int id;

	if (!tick_hz)
		return 0;
	id = irqgen_add(&opt);
	return id < 0 ? id : 0;
}

void irqgen_stop(void)
{
	for (int id = 0; id < MAX_SOURCES; id++)
		irqgen_remove(id);
	sim_step_hook = NULL;
	if (!keeper_runs)
		return;
	smp_store_release(&keeper_stop, true);
	fetch_add(&keeper_doorbell, 1);
	futex_wake(&keeper_doorbell, 1);
	pthread_join(keeper, NULL);
	keeper_runs = false;
}

void irqgen_shutdown(void)
{
	irq_vector_unregister(IRQ_TIMER);
	nr_hooks = 0;
}
