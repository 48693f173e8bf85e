/* SPDX-License-Identifier: MIT */
/*
 * A run: boot, step on every CPU, stop, check, give back, check again, shut down.
 *
 * What.  Each CPU calls the workload's step() until its operations are done or the beat says
 * stop, and raises the device's interrupts.  The host thread meanwhile counts seconds, draws the
 * progress bar and watches for a CPU that no longer gets on.
 *
 * States.  booted -> stepping -> idle, pages held (first census) -> everything freed (second)
 * -> page lists drained (third, against the booted state) -> down.
 *
 * Invariants.
 *   I1  Workload state of a CPU is touched by that CPU's task only while stepping; between the
 *       phases the hand-over of work orders it for whoever looks.
 *   I2  With --ops nothing depends on time: seconds and device interrupts follow the operation
 *       count, an operation standing for a microsecond.  With one CPU the counters are then a
 *       function of the options.
 *
 * Locking.  None.  The beat, which counts seconds and says stop, is a relaxed word: it orders
 * nothing, so it hides no race.  Context.  Host thread; step() and finish() in task context.
 * Failure.  Findings are counted and told; a CPU without progress is a panic with every context.
 * See also.  tests/mt/test_stress_pages.c, tests/cli/stress.bats.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mm/page/page_alloc.h"
#include "mm/page/pcp.h"
#include "mm/procfs.h"
#include "runtime/hostmem.h"
#include "runtime/irq.h"
#include "runtime/hotplug.h"
#include "runtime/trace.h"
#include "stress/harness/conserve.h"
#include "stress/harness/hotplug.h"
#include "stress/harness/live.h"
#include "stress/harness/progress.h"
#include "stress/harness/result.h"
#include "stress/harness/timeline.h"
#include "stress/harness/trace_json.h"

/* Operations between quiescent states. */
#define OPS_PER_TASK		STRESS_LOOK_OPS
/* With --ops, operations that count as a second. */
#define OPS_PER_SECOND		1000000
/* run->beat: the run is over. */
#define BEAT_STOP		UINT32_MAX
/* Operations between two looks at the clock, for device interrupts. */
#define OPS_PER_LOOK		8
/* The host thread's rhythm, and the one of its first tenth of a second. */
#define WATCH_NS		((long)(50 * NSEC_PER_MSEC))
#define WATCH_MIN_NS		((long)NSEC_PER_MSEC)
/* No operation of a CPU takes so long, not even in a sanitizer build on a busy host. */
#define STUCK_SECONDS		60

static u32 interrupted;			/* relaxed */
static struct stress_run *current_run;	/* for the panic dumper */

void stress_interrupt(void)
{
	WRITE_ONCE(interrupted, 1);
}

void stress_fail(struct stress_run *run, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	run->failures++;
	fprintf(stderr, "%s: FAIL: %s\n", run->program, text);
}

struct stress_ops stress_count_ops(const struct stress_run *run)
{
	struct stress_ops ops = { 0, UINT64_MAX, 0 };

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		u64 n = READ_ONCE(run->cpu[cpu].ops);

		ops.sum += n;
		ops.min = min(ops.min, n);
		ops.max = max(ops.max, n);
	}
	return ops;
}

/* What a panic adds: how far every CPU was, and the command that repeats the run. */
static void dump_run(void)
{
	const struct stress_run *run = current_run;
	char repro[512];

	if (!run)
		return;
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++)
		fprintf(stderr, "  cpu %u: in operation %llu\n", cpu,
			(unsigned long long)READ_ONCE(run->cpu[cpu].ops));
	fprintf(stderr, "REPRO: %s\n",
		stress_options_repro(run->opt, run->program, repro, sizeof(repro)));
}

/* ---- on the CPUs ---- */

/* To a random CPU, at any point of what it does; one alone takes it at its next safepoint. */
static void raise_device(struct stress_cpu *c)
{
	device_interrupt(rand_below(&c->rng, c->run->opt->cpus));
}

/* Gap to the next interrupt: @period on average, never 0. */
static u64 irq_gap(struct stress_cpu *c, u64 period)
{
	return 1 + rand_below(&c->rng, (u32)(2 * period));
}

/* Seconds and interrupts by the number of operations (I2). */
static void virtual_time(struct stress_cpu *c, u64 ops)
{
	unsigned int rate = c->run->opt->irq_rate;

	if (ops % OPS_PER_SECOND == 0)
		(void)vmstat_update_cpu();	/* as the kernel's worker, once a second */
	if (!rate || ops < c->next_irq)
		return;
	if (c->next_irq)
		raise_device(c);
	c->next_irq = ops + irq_gap(c, OPS_PER_SECOND / rate);
}

/* Interrupts by the clock; a CPU that was not run for a while catches up, one at a time. */
static void real_time(struct stress_cpu *c)
{
	if (clock_ns() < c->next_irq)
		return;
	if (c->next_irq)
		raise_device(c);
	else
		c->next_irq = clock_ns();
	c->next_irq += irq_gap(c, NSEC_PER_SEC / c->run->opt->irq_rate);
}

/* Counts what waits on this CPU's page lists. */
static void look_at_lists(struct stress_cpu *c)
{
	struct stress_listed *l = &c->listed;
	struct zone *zone;
	u64 pages = 0;

	for_each_zone(zone)
		pages += (u64)READ_ONCE(this_zone_pcp(zone)->pl.count);
	l->looks++;
	l->pages_sum += pages;
	l->pages_max = max(l->pages_max, pages);
}

/* Work on a CPU is a series of short tasks, and between two of them the CPU may go down. */
static void between_tasks(struct stress_cpu *c, u64 ops)
{
	const struct stress_options *opt = c->run->opt;

	look_at_lists(c);
	cond_resched();
	if (c->id)
		return;
	live_turn();
	if (unlikely(opt->hotplug))
		stress_hotplug_turn(c, opt->ops ? ops * NSEC_PER_USEC : clock_ns());
}

static void step_until_done(void *arg)
{
	struct stress_run *run = arg;
	struct stress_cpu *c = &run->cpu[smp_processor_id()];
	const bool by_ops = run->opt->ops != 0, irqs = run->opt->irq_rate != 0;
	void (*const step)(struct stress_cpu *c) = run->wl->step;
	const u64 last = run->ops_max;
	u32 beat = 0, now;

	for (u64 ops = 1; ops <= last; ops++) {
		now = READ_ONCE(run->beat);
		if (unlikely(now != beat)) {
			if (now == BEAT_STOP)
				break;
			beat = now;
			(void)vmstat_update_cpu();
		}
		WRITE_ONCE(c->ops, ops);
		step(c);
		if (by_ops)
			virtual_time(c, ops);
		else if (irqs && ops % OPS_PER_LOOK == 0)
			real_time(c);
		if (ops % OPS_PER_TASK == 0)
			between_tasks(c, ops);
	}
	stress_hotplug_end(c);
}

/*
 * A CPU whose stepping is over still takes interrupts that others raised.  Once nobody raises any,
 * this takes the last ones, and the end of the work orders what their handlers did.
 */
static void settle(void *arg)
{
	(void)arg;
	irq_safepoint();
}

static void give_back(void *arg)
{
	struct stress_run *run = arg;

	run->wl->finish(&run->cpu[smp_processor_id()]);
	device_finish();
}

static void drain_everything(void *arg)
{
	struct stress_run *run = arg;
	struct zone *zone;

	if (run->wl->drain)
		run->wl->drain(run);
	for_each_zone(zone)
		drain_all_pages(zone);
}

/* ---- the host thread while the CPUs step ---- */

struct watch {
	u64 start, last_second;			/* ns of the machine's clock */
	u64 seen[NR_CPUS];			/* operations at the last look */
	unsigned int still[NR_CPUS];		/* seconds without one more */
	struct progress progress;
	struct timeline *timeline;		/* may be NULL */
};

static void watch_stuck(struct stress_run *run, struct watch *w)
{
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		u64 ops = READ_ONCE(run->cpu[cpu].ops);
		bool done = ops == run->ops_max;

		w->still[cpu] = ops == w->seen[cpu] && !done ? w->still[cpu] + 1 : 0;
		w->seen[cpu] = ops;
		if (w->still[cpu] >= STUCK_SECONDS)
			panic("cpu %u has not finished operation %llu for %d s", cpu,
			      (unsigned long long)ops, STUCK_SECONDS);
	}
}

static void watch_progress(struct stress_run *run, struct watch *w, double elapsed)
{
	const struct stress_options *opt = run->opt;
	struct stress_ops ops = stress_count_ops(run);
	double done = opt->ops ? (double)ops.sum / ((double)opt->ops * opt->cpus) :
				 elapsed / opt->seconds;
	char text[80];

	snprintf(text, sizeof(text), "%3.0f %%  %.0f s  %.3g M ops/s", done * 100, elapsed,
		 elapsed > 0 ? (double)ops.sum / elapsed / 1e6 : 0);
	progress_update(&w->progress, elapsed, done, text);
}

static void watch_run(struct stress_run *run, struct watch *w)
{
	const struct stress_options *opt = run->opt;
	long nap;

	while (!cpu_all_done()) {
		u64 now = clock_ns();
		double elapsed = (double)(now - w->start) / NSEC_PER_SEC;

		if (READ_ONCE(interrupted) || (!opt->ops && elapsed >= opt->seconds))
			WRITE_ONCE(run->beat, BEAT_STOP);
		timeline_look(w->timeline, run);
		if (now - w->last_second >= NSEC_PER_SEC) {
			w->last_second = now;
			/* With --ops the operations make the seconds (I2). */
			if (!opt->ops && run->beat != BEAT_STOP)
				WRITE_ONCE(run->beat, run->beat + 1);
			watch_stuck(run, w);
			watch_progress(run, w, elapsed);
		}
		/* A run that ends soon must not wait for a whole beat. */
		nap = elapsed < 0.1 ? WATCH_MIN_NS : WATCH_NS;
		nap = min(nap, timeline_due(w->timeline));
		if (!opt->ops && opt->seconds - elapsed < (double)nap / NSEC_PER_SEC)
			nap = (long)(max(opt->seconds - elapsed, 1e-5) * NSEC_PER_SEC);
		live_sleep(nap);
	}
	progress_end(&w->progress);
}

static int step_all(struct stress_run *run)
{
	struct watch *w = hostmem_alloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	progress_init(&w->progress, stderr, !run->opt->quiet);
	if (inject_start(&run->opt->inject, run->opt->seed)) {
		hostmem_free(w, sizeof(*w));
		return -ENOMEM;
	}
	live_open(run);
	w->timeline = timeline_start(run);
	run->started = w->start = w->last_second = clock_ns();
	periodic_works_resume();
	cpu_start_all(step_until_done, run);
	watch_run(run, w);
	cpu_wait_all();
	live_close();
	timeline_end(w->timeline, run);
	periodic_works_pause();
	/* What follows is the checks' business; the counts stay. */
	inject_stop();
	cpu_run_all(settle, NULL);
	run->elapsed = (double)(clock_ns() - w->start) / NSEC_PER_SEC;
	run->ops = stress_count_ops(run);
	run->timeline = timeline_json(w->timeline);
	timeline_free(w->timeline);
	hostmem_free(w, sizeof(*w));
	return 0;
}

/* ---- before and after ---- */

static int prepare_cpus(struct stress_run *run)
{
	size_t bytes = align_up(run->wl->cpu_bytes, CACHE_LINE);
	char *data;

	run->cpu = hostmem_alloc(run->opt->cpus * (sizeof(*run->cpu) + bytes));
	if (!run->cpu)
		return -ENOMEM;
	data = (char *)(run->cpu + run->opt->cpus);
	for (unsigned int id = 0; id < run->opt->cpus; id++) {
		struct stress_cpu *c = &run->cpu[id];

		c->id = id;
		c->run = run;
		c->data = data + id * bytes;
		/* The machine's streams have the CPUs' numbers; these follow the device's. */
		rand_init(&c->rng, run->opt->seed, 2 * NR_CPUS + id);
	}
	run->ops_max = run->opt->ops ? run->opt->ops : UINT64_MAX;
	return 0;
}

/* Undoes prepare(), whatever of it was done. */
static void unprepare(struct stress_run *run)
{
	size_t bytes = align_up(run->wl->cpu_bytes, CACHE_LINE);

	device_stop();
	oracle_shutdown();
	if (run->cpu)
		hostmem_free(run->cpu, run->opt->cpus * (sizeof(*run->cpu) + bytes));
	run->cpu = NULL;
	current_run = NULL;
}

static int prepare(struct stress_run *run, struct mm_error *err)
{
	int code = stress_apply_options(run->opt, err);

	if (code)
		return code;
	code = prepare_cpus(run);
	if (!code)
		code = oracle_boot(run->opt->oracle);
	if (!code && run->opt->irq_rate && !run->wl->own_device)
		code = device_start(run->opt->seed, run->opt->irq_order);
	if (code)
		return mm_error(err, code,
				"--mem: the host has no memory for the checks: %s; give less",
				strerror(-code));
	current_run = run;
	panic_dumper_register(dump_run);
	return run->wl->start ? run->wl->start(run, err) : 0;
}

/* Locks as recorded while stepping; the page lists' own locks count for themselves. */
static void collect_locks(struct stress_run *run)
{
	struct zone *zone;
	unsigned int cpu;

	lock_report_collect(&run->locks, (u64)(run->elapsed * NSEC_PER_SEC));
	for_each_zone(zone)
		for_each_possible_cpu(cpu) {
			const struct owner_lock *lock = &remote_zone_pcp(zone, cpu)->pl.lock;

			lock_report_add_exact(&run->locks,
					      lockstat_class_name(lock->remote.meta.class),
					      owner_read(lock->nr_owner),
					      owner_read(lock->nr_failed));
		}
	lock_report_measure_cost(&run->locks);
}

static void collect(struct stress_run *run)
{
	size_t size;
	FILE *out = open_memstream(&run->summary, &size);

	device_get_stats(&run->device);
	collect_locks(run);
	run->result = result_collect(run);
	if (!out)
		return;
	if (!run->opt->quiet)
		result_print(run, out);
	for (unsigned int i = 0; i < run->opt->nr_proc; i++) {
		fprintf(out, "==> /proc/%s <==\n", run->opt->proc[i]);
		if (proc_show(run->opt->proc[i], out))
			stress_fail(run, "/proc/%s cannot be written", run->opt->proc[i]);
	}
	fclose(out);
}

/* The timeline of events, when it was asked for. */
static void write_trace(struct stress_run *run)
{
	const char *path = run->opt->trace;
	FILE *out = path ? fopen(path, "we") : NULL;
	int err = out ? trace_json_write(run, out) : path ? -errno : 0;

	if (out && fclose(out) && !err)
		err = -EIO;
	if (err)
		stress_fail(run, "--trace: cannot write %s: %s; give another file", path,
			    strerror(-err));
	trace_free();
}

/* Pages that the oracle knows of, and those that the workload's own allocators hold. */
static long pages_in_use(struct stress_run *run)
{
	return oracle_pages() + (run->wl->pages ? run->wl->pages(run) : 0);
}

/* The phases from stepping to the last check. */
static int step_and_check(struct stress_run *run, struct mm_error *err)
{
	struct conserve_base *base = hostmem_alloc(sizeof(*base));
	unsigned int warnings = warnings_seen();
	int code;

	if (!base)
		return mm_error(err, -ENOMEM, "--mem: no memory for the checks; give less");
	conserve_snapshot(run, base);
	lockstat_reset();
	code = run->opt->trace ? trace_start(run->opt->trace_events) : 0;
	if (!code)
		code = step_all(run);
	trace_stop();
	if (code)
		goto out;
	collect(run);
	write_trace(run);
	conserve_check_held(run, base, pages_in_use(run), "with the workload's pages held");
	cpu_run_all(give_back, run);
	if (oracle_pages())
		stress_fail(run, "the workload kept %ld pages", oracle_pages());
	conserve_check_held(run, base, pages_in_use(run), "with everything freed");
	cpu_run(0, drain_everything, run);
	conserve_check_end(run, base);
	if (warnings_seen() != warnings)
		stress_fail(run, "%u warning(s), see above", warnings_seen() - warnings);
	result_finish(run);
out:
	hostmem_free(base, sizeof(*base));
	if (code)
		return mm_error(err, code, "--mem: no memory for the run; give less");
	return 0;
}

int stress_execute(struct stress_run *run, struct mm_error *err)
{
	struct objcache_tunables tun;
	struct slab_options slab = {
		.policy = run->opt->slab, .debug = run->opt->slab_debug,
		.no_reap = run->opt->ops != 0,				/* I2 */
	};
	const struct vm_options vm = {
		.vma.no_per_vma_locks = !run->opt->vma_locks,
	};
	struct kmemlab_options machine;
	int code;

	code = stress_check_own_options(run, err);
	if (code)
		return code;
	stress_options_machine(run->opt, &machine);
	if (stress_options_slab(run->opt, &tun))
		slab.tun = &tun;
	if (run->wl->slab || run->wl->vm || slab.policy || slab.debug)
		machine.slab = &slab;
	if (run->wl->vm)
		machine.vm = &vm;
	WRITE_ONCE(interrupted, 0);
	code = kmemlab_boot(&machine, err);
	if (code)
		return code;
	/* Housekeeping by time only while stepping: else the host thread looks at what rests. */
	periodic_works_pause();
	code = prepare(run, err);
	if (code)
		goto down;
	code = step_and_check(run, err);
	if (run->wl->stop)
		run->wl->stop(run);
down:
	unprepare(run);
	kmemlab_shutdown();
	return code;
}

void stress_run_free(struct stress_run *run)
{
	json_decref(run->result);
	json_decref(run->timeline);
	free(run->summary);
	lock_report_free(&run->locks);
	run->result = run->timeline = NULL;
	run->summary = NULL;
}
