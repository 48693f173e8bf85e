/* SPDX-License-Identifier: MIT */
/*
 * Several workloads at once: stress-mixed.
 *
 * What.  Each operation is one of stress-fork-cow, stress-slab or stress-pages, drawn at random, on
 * the same CPU and the same memory; interrupts come in between and live on GFP_ATOMIC memory and
 * objects.  stress-pages takes memory to the brim, so that faults, forks and system calls run out
 * of it in the middle of everything.
 *
 * Each part is run as if it were alone: it has a struct stress_run of its own, whose CPUs have its
 * data; its oracles and its checks at the end hold unchanged.
 *
 * Invariants.
 *   I1  A part's operations on a CPU are counted by the part alone and draw from its own stream.
 *   I2  All pages in use are known to the page oracle (stress-pages), or lie in slabs, or are
 *       mapped or tables; beyond what there was when all parts had started.
 *
 * Locking.  None.  Context.  As the parts'.  Failure.  As the parts'; their findings are added up.
 * See also.  fork_load.c, slab_load.c, pages_load.c; tests/mt/test_stress_vm.c.
 */
#include "stress/workloads/mixed_load.h"

#include <errno.h>
#include <string.h>

#include "runtime/hostmem.h"
#include "stress/workloads/fork_load.h"
#include "stress/workloads/pages_load.h"
#include "stress/workloads/slab_load.h"

enum part { FORK_COW, SLAB, PAGES, NR_PARTS };

static const struct workload *const parts[NR_PARTS] = {
	[FORK_COW] = &workload_fork_cow, [SLAB] = &workload_slab, [PAGES] = &workload_pages,
};

/* Of 16 operations. */
static const u32 shares[NR_PARTS] = { [FORK_COW] = 3, [SLAB] = 7, [PAGES] = 6 };

static struct {
	struct stress_run run[NR_PARTS];
	bool started[NR_PARTS];
	size_t bytes[NR_PARTS];		/* of run[].cpu and the CPUs' data */
	struct vm_base base;
} mixed;

static int prepare_part(struct stress_run *run, enum part part, struct mm_error *err)
{
	struct stress_run *own = &mixed.run[part];
	size_t data = align_up(parts[part]->cpu_bytes, CACHE_LINE);
	char *at;

	*own = (struct stress_run){
		.wl = parts[part], .opt = run->opt, .program = run->program,
		.ops_max = run->ops_max,
	};
	mixed.bytes[part] = run->opt->cpus * (sizeof(*own->cpu) + data);
	own->cpu = hostmem_alloc(mixed.bytes[part]);
	if (!own->cpu)
		return mm_error(err, -ENOMEM, "--cpus: the host has no memory for %u CPUs; give "
				"fewer", run->opt->cpus);
	at = (char *)(own->cpu + run->opt->cpus);
	for (unsigned int id = 0; id < run->opt->cpus; id++) {
		struct stress_cpu *c = &own->cpu[id];

		c->id = id;
		c->run = own;
		c->data = at + id * data;
		/* Behind the streams of the harness. */
		rand_init(&c->rng, run->opt->seed, (4 + (u64)part) * NR_CPUS + id);
	}
	return 0;
}

static void mixed_stop(struct stress_run *run)
{
	for (u32 part = NR_PARTS; part-- > 0;) {
		struct stress_run *own = &mixed.run[part];

		if (mixed.started[part] && parts[part]->stop)
			parts[part]->stop(own);
		run->failures += own->failures;
		if (own->cpu)
			hostmem_free(own->cpu, mixed.bytes[part]);
	}
	memset(&mixed, 0, sizeof(mixed));
}

static int mixed_start(struct stress_run *run, struct mm_error *err)
{
	int code = 0;

	memset(&mixed, 0, sizeof(mixed));
	for (u32 part = 0; part < NR_PARTS && !code; part++)
		code = prepare_part(run, (enum part)part, err);
	for (u32 part = 0; part < NR_PARTS && !code; part++) {
		if (parts[part]->start)
			code = parts[part]->start(&mixed.run[part], err);
		mixed.started[part] = !code;
	}
	if (code) {
		mixed_stop(run);
		return code;
	}
	vm_settle(&mixed.base);
	return 0;
}

/* Findings of the parts count for the whole; host thread. */
static void collect_failures(struct stress_run *run)
{
	for (u32 part = 0; part < NR_PARTS; part++) {
		run->failures += mixed.run[part].failures;
		mixed.run[part].failures = 0;
	}
}

static void mixed_step(struct stress_cpu *c)
{
	u32 n = rand_below(&c->rng, 16), part = 0;
	struct stress_cpu *own;

	while (n >= shares[part])
		n -= shares[part++];
	own = &mixed.run[part].cpu[c->id];
	WRITE_ONCE(own->ops, own->ops + 1);				/* I1 */
	parts[part]->step(own);
}

static void mixed_finish(struct stress_cpu *c)
{
	for (u32 part = 0; part < NR_PARTS; part++)
		parts[part]->finish(&mixed.run[part].cpu[c->id]);
}

static void mixed_drain(struct stress_run *run)
{
	for (u32 part = 0; part < NR_PARTS; part++)
		if (parts[part]->drain)
			parts[part]->drain(&mixed.run[part]);
	vm_drain(run);
}

static long mixed_pages(struct stress_run *run)
{
	collect_failures(run);
	return vm_pages_beyond(run, &mixed.base);			/* I2 */
}

static json_t *each(json_t *(*of)(struct stress_run *run), json_t *obj, u32 part)
{
	if (of)
		json_object_set_new(obj, parts[part]->name, of(&mixed.run[part]));
	return obj;
}

static json_t *mixed_report(struct stress_run *run)
{
	json_t *obj = json_object();

	(void)run;
	for (u32 part = 0; part < NR_PARTS; part++)
		each(parts[part]->report, obj, part);
	return obj;
}

static json_t *mixed_sample(struct stress_run *run)
{
	json_t *obj = json_object();

	(void)run;
	for (u32 part = 0; part < NR_PARTS; part++)
		each(parts[part]->sample, obj, part);
	return obj;
}

static void mixed_print(struct stress_run *run, FILE *out)
{
	for (u32 part = 0; part < NR_PARTS; part++) {
		mixed.run[part].elapsed = run->elapsed;
		fprintf(out, "-- %s\n", parts[part]->name);
		if (parts[part]->print)
			parts[part]->print(&mixed.run[part], out);
	}
	fprintf(out, "--\n");
}

const struct workload workload_mixed = {
	.name = "mixed",
	.doc = "Stresses everything at once: fork and copy-on-write, slab, pages to the brim, and "
	       "interrupts that use GFP_ATOMIC memory.\v"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.own_device = true,
	.slab = true,
	.vm = true,
	.has_tasks = true,
	.has_pages = true,
	.start = mixed_start,
	.step = mixed_step,
	.finish = mixed_finish,
	.drain = mixed_drain,
	.pages = mixed_pages,
	.stop = mixed_stop,
	.report = mixed_report,
	.sample = mixed_sample,
	.print = mixed_print,
};
