/* SPDX-License-Identifier: MIT */
/*
 * What the runtime's primitives cost: interrupt mask, locks, calls, wake-ups, RCU, and a lock under
 * more CPUs than cores.  Rounds of all measurements are interleaved, so that a slow moment of the
 * host hits all of them; minimum and median of the rounds are printed.
 *
 * usage: bench_runtime [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/hotplug.h"
#include "runtime/ipi.h"
#include "runtime/owner_lock.h"
#include "tests/bench/bench.h"

#define PAIRS		200000
#define TRIPS		4000
#define CALLBACKS	20000
#define LOAD_MS		60

static const struct lock_class bench_class = { .name = "bench" };

static spinlock_t spin;
static struct mutex mutex;
static struct owner_lock owner;
static double result[4];

/* ---- one CPU: ns per pair ---- */

#define TIME_PAIRS(nr, body)						\
	do {								\
		u64 start_ = clock_ns();				\
		for (int i_ = 0; i_ < (nr); i_++) {			\
			body;						\
		}							\
		result[0] = (double)(clock_ns() - start_) / (nr);	\
	} while (0)

static void irq_mask_pair(void *arg)
{
	unsigned long flags;

	(void)arg;
	TIME_PAIRS(PAIRS, local_irq_save(flags); local_irq_restore(flags));
}

static void spin_pair(void *arg)
{
	(void)arg;
	spin_lock_init(&spin, &bench_class, "spin");
	TIME_PAIRS(PAIRS, spin_lock(&spin); spin_unlock(&spin));
	spin_lock_destroy(&spin);
}

static void mutex_pair(void *arg)
{
	(void)arg;
	mutex_init(&mutex, &bench_class, "mutex");
	TIME_PAIRS(PAIRS, mutex_lock(&mutex); mutex_unlock(&mutex));
	mutex_destroy(&mutex);
}

static void owner_pair(void *arg) __context_unsafe("the owner cannot fail here")
{
	(void)arg;
	owner_lock_init(&owner, &bench_class, "owner");
	preempt_disable();
	TIME_PAIRS(PAIRS, if (owner_trylock(&owner)) owner_unlock(&owner));
	preempt_enable();
	owner_lock_destroy(&owner);
}

static void rcu_pair(void *arg)
{
	(void)arg;
	TIME_PAIRS(PAIRS, rcu_read_lock(); rcu_read_unlock());
}

static void resched(void *arg)
{
	(void)arg;
	TIME_PAIRS(PAIRS, cond_resched());
}

static struct rcu_head heads[CALLBACKS];

static void nothing_to_free(struct rcu_head *head)
{
	(void)head;
}

static void callbacks(void *arg)
{
	u64 start = clock_ns();

	(void)arg;
	for (int i = 0; i < CALLBACKS; i++)
		call_rcu(&heads[i], nothing_to_free);
	rcu_barrier();
	result[0] = (double)(clock_ns() - start) / CALLBACKS;
}

/* ---- two CPUs: one asks, the other answers; p50 and p99 in result[0] and [1] ---- */

static double trip[TRIPS];
static bool trips_done;
static u32 turn;		/* kick: whose turn it is */

static void quantiles(void)
{
	qsort(trip, TRIPS, sizeof(trip[0]), bench_compare);
	result[0] = trip[TRIPS / 2];
	result[1] = trip[TRIPS * 99 / 100];
}

static void nothing(void *info)
{
	(void)info;
}

/* CPU 1 polls as a busy task does: a safepoint every few instructions. */
static void ipi_busy(void *arg)
{
	(void)arg;
	if (smp_processor_id() == 1) {
		while (!smp_load_acquire(&trips_done)) {
			irq_safepoint();
			cpu_pause();
		}
		return;
	}
	if (smp_processor_id() > 1)
		return;
	for (int i = 0; i < TRIPS; i++) {
		u64 start = clock_ns();

		if (smp_call_function_single(1, nothing, NULL, true))
			panic("cpu 1 is not online");
		trip[i] = (double)(clock_ns() - start);
	}
	smp_store_release(&trips_done, true);
	quantiles();
}

static bool is_my_turn(void *arg)
{
	return smp_load_acquire(&turn) == *(u32 *)arg;
}

/* A ball between two CPUs that wait for it, spinning: half a round. */
static void kick_ping_pong(void *arg)
{
	u32 me = smp_processor_id();

	(void)arg;
	if (me > 1)
		return;
	for (int i = 0; i < TRIPS; i++) {
		u64 start = clock_ns();

		cpu_wait_on(is_my_turn, &me);
		smp_store_release(&turn, !me);
		cpu_kick(&cpus[!me]);
		if (me == 0)
			trip[i] = (double)(clock_ns() - start) / 2;
	}
	if (me == 0)
		quantiles();
}

#define WAKE_UPS	300

static u64 woken_at;

/* CPU 1 sleeps in the host; from the kick until it runs again. */
static void wake_sleeper(void *arg)
{
	u32 me = smp_processor_id();

	(void)arg;
	for (int i = 0; me < 2 && i < WAKE_UPS; i++) {
		u64 start;

		if (me == 1) {
			cpu_wait_on(is_my_turn, &me);
			woken_at = clock_ns();
			smp_store_release(&turn, 0);
			cpu_kick(&cpus[0]);
			continue;
		}
		for (start = clock_ns(); clock_ns() - start < 100000;)
			cpu_pause();
		start = clock_ns();
		smp_store_release(&turn, 1);
		cpu_kick(&cpus[1]);
		while (smp_load_acquire(&turn))
			cpu_pause();
		trip[i] = (double)(woken_at - start);
	}
	if (me == 0) {
		qsort(trip, WAKE_UPS, sizeof(trip[0]), bench_compare);
		result[0] = trip[WAKE_UPS / 2];
		result[1] = trip[WAKE_UPS * 99 / 100];
	}
}

/* ---- many CPUs: pairs per second on one lock; a pause inside and one outside ---- */

static bool load_stop;
static u64 load_ops[NR_CPUS];

static void lock_load(void *arg)
{
	u64 ops = 0;

	(void)arg;
	while (!READ_ONCE(load_stop)) {
		spin_lock(&spin);
		cpu_pause();
		spin_unlock(&spin);
		cpu_pause();
		ops++;
	}
	load_ops[smp_processor_id()] = ops;
}

static void init_spin(void *arg)
{
	(void)arg;
	spin_lock_init(&spin, &bench_class, "load");
}

/* ---- the rows ---- */

static struct row {
	const char *name, *unit;
	void (*fn)(void *arg);
	unsigned int nr_cpus;
	const char *spinlock, *lockstat;
	bool load;			/* lock_load() for LOAD_MS instead of fn on every CPU */
	struct bench_series first, second;
} rows[] = {
	{ .name = "irq save+restore", .unit = "ns", .fn = irq_mask_pair, .nr_cpus = 1 },
	{ .name = "spin futex, lockstat off", .unit = "ns", .fn = spin_pair, .nr_cpus = 1 },
	{ .name = "spin futex, default", .unit = "ns", .fn = spin_pair, .nr_cpus = 1,
	  .lockstat = "default" },
	{ .name = "spin futex, all", .unit = "ns", .fn = spin_pair, .nr_cpus = 1,
	  .lockstat = "all" },
	{ .name = "spin fas, lockstat off", .unit = "ns", .fn = spin_pair, .nr_cpus = 1,
	  .spinlock = "fas" },
	{ .name = "spin ticket, lockstat off", .unit = "ns", .fn = spin_pair, .nr_cpus = 1,
	  .spinlock = "ticket" },
	{ .name = "spin mcs, lockstat off", .unit = "ns", .fn = spin_pair, .nr_cpus = 1,
	  .spinlock = "mcs" },
	{ .name = "spin pthread, lockstat off", .unit = "ns", .fn = spin_pair, .nr_cpus = 1,
	  .spinlock = "pthread" },
	{ .name = "owner_lock try+unlock", .unit = "ns", .fn = owner_pair, .nr_cpus = 1 },
	{ .name = "mutex, lockstat off", .unit = "ns", .fn = mutex_pair, .nr_cpus = 1 },
	{ .name = "rcu read section", .unit = "ns", .fn = rcu_pair, .nr_cpus = 1 },
	{ .name = "cond_resched", .unit = "ns", .fn = resched, .nr_cpus = 1 },
	{ .name = "call_rcu + its callback", .unit = "ns", .fn = callbacks, .nr_cpus = 2 },
	{ .name = "call + wait, p50 (p99)", .unit = "ns", .fn = ipi_busy, .nr_cpus = 2 },
	{ .name = "hand-over, p50 (p99)", .unit = "ns", .fn = kick_ping_pong, .nr_cpus = 2 },
	{ .name = "wake-up, p50 (p99)", .unit = "ns", .fn = wake_sleeper, .nr_cpus = 2 },
	{ .name = "one lock, 2 CPUs", .unit = "M/s", .nr_cpus = 2, .load = true },
	{ .name = "one lock, 8 CPUs", .unit = "M/s", .nr_cpus = 8, .load = true },
	{ .name = "one lock, 64 CPUs", .unit = "M/s", .nr_cpus = 64, .load = true },
	{ .name = "one lock, 64 CPUs, fas", .unit = "M/s", .nr_cpus = 64, .load = true,
	  .spinlock = "fas" },
};

static void run_load(void)
{
	u64 start, ops = 0, least = ~0ULL, most = 0;

	cpu_run(0, init_spin, NULL);
	load_stop = false;
	start = clock_ns();
	cpu_start_all(lock_load, NULL);
	while (clock_ns() - start < LOAD_MS * NSEC_PER_MSEC)
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
	WRITE_ONCE(load_stop, true);
	cpu_wait_all();
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		ops += load_ops[i];
		least = min(least, load_ops[i]);
		most = max(most, load_ops[i]);
	}
	result[0] = (double)ops * 1e3 / (double)(clock_ns() - start);
	result[1] = least ? (double)most / (double)least : 0;
}

static void run_row(struct row *r)
{
	struct machine_options opt = {
		.nr_cpus = r->nr_cpus, .nr_nodes = 1, .seed = 1, .spinlock = r->spinlock,
		.lockstat = r->lockstat ? r->lockstat : "off",
	};

	result[0] = result[1] = 0;
	trips_done = false;
	turn = 0;
	if (machine_boot(&opt) || machine_start_cpus()) {
		fprintf(stderr, "bench_runtime: no machine of %u CPUs\n", r->nr_cpus);
		exit(1);
	}
	if (r->load)
		run_load();
	else if (r->nr_cpus > 1 && r->fn != callbacks)
		cpu_run_all(r->fn, NULL);
	else
		cpu_run(0, r->fn, NULL);
	machine_shutdown();
	bench_add(&r->first, result[0]);
	if (result[1] > 0)
		bench_add(&r->second, result[1]);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9;

	if (rounds < 1 || rounds > BENCH_MAX_ROUNDS) {
		fprintf(stderr, "usage: bench_runtime [ROUNDS]   1..%d\n", BENCH_MAX_ROUNDS);
		return 2;
	}
	for (int i = 0; i < rounds; i++)
		for (size_t r = 0; r < ARRAY_SIZE(rows); r++)
			run_row(&rows[r]);
	printf("%-28s %10s %10s %-4s %12s\n", "what", "min", "median", "", "p99 | max/min");
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		struct row *row = &rows[r];

		printf("%-28s %10.2f %10.2f %-4s", row->name, bench_min(&row->first),
		       bench_median(&row->first), row->unit);
		if (row->second.nr)
			printf(" %12.1f", bench_median(&row->second));
		putchar('\n');
	}
	return 0;
}
