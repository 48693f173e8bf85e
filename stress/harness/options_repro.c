/* SPDX-License-Identifier: MIT */
/* Options the other way round: the command line that repeats a run, and the machine's options. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stress/harness/options.h"
#include "stress/harness/parse.h"

struct line {
	char *buf;
	size_t size, len;
};

__printf(2, 3)
static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, l->size - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len = min(l->len + (size_t)n, l->size - 1);
}

static void add_number(struct line *l, const char *name, u32 value)
{
	if (value != STRESS_UNSET)
		add(l, " --%s %u", name, value);
}

static void add_changed(struct line *l, const char *name, const char *value, const char *normal)
{
	if (strcmp(value, normal))
		add(l, " --%s %s", name, value);
}

/* What shapes a run is always written out; what has its usual value otherwise is not. */
const char *stress_options_repro(const struct stress_options *opt, const char *program, char *buf,
				 size_t size)
{
	struct line l = { buf, size, 0 };
	struct stress_options normal;
	char mem[32], inject[INJECT_TEXT_MAX];

	stress_options_default(&normal);
	add(&l, "%s --seed %llu --cpus %u --mem %s", program, (unsigned long long)opt->seed,
	    opt->cpus, format_size(opt->mem_bytes, mem, sizeof(mem)));
	if (opt->ops)
		add(&l, " --ops %llu", (unsigned long long)opt->ops);
	else
		add(&l, " --seconds %g", opt->seconds);
	if (opt->nodes != 1)
		add_number(&l, "nodes", opt->nodes);
	add_changed(&l, "layout", opt->layout, normal.layout);
	add_changed(&l, "lock", opt->lock, normal.lock);
	add_changed(&l, "lockstat", opt->lockstat, normal.lockstat);
	if (opt->pcp)
		add(&l, " --pcp %s", opt->pcp);
	add_number(&l, "pcp-batch", opt->pcp_batch);
	add_number(&l, "pcp-high", opt->pcp_high);
	add_number(&l, "pcp-high-fraction", opt->pcp_high_fraction);
	add_number(&l, "pcp-scale-max", opt->pcp_scale_max);
	if (opt->slab)
		add(&l, " --slab %s", opt->slab);
	add_number(&l, "slab-rounds", opt->slab_rounds);
	add_number(&l, "slab-depot", opt->slab_depot);
	add_number(&l, "slab-stash", opt->slab_stash);
	add_number(&l, "slab-import", opt->slab_import);
	if (opt->slab_debug)
		add(&l, " --slab-debug %s", opt->slab_debug);
	if (opt->mode)
		add(&l, " --mode %s", opt->mode);
	add_number(&l, "tasks", opt->tasks);
	add_number(&l, "pages", opt->pages);
	if (!opt->vma_locks)
		add(&l, " --vma-locks off");
	if (opt->irq_rate)
		add_number(&l, "irq-rate", opt->irq_rate);
	if (opt->irq_order != normal.irq_order)
		add_number(&l, "irq-order", opt->irq_order);
	add_changed(&l, "irq", opt->irq, normal.irq);
	if (opt->hz)
		add_number(&l, "hz", opt->hz);
	if (opt->hotplug)
		add_number(&l, "hotplug", opt->hotplug);
	if (inject_wanted(&opt->inject))
		/* A lock's name may hold what means something to a shell. */
		add(&l, opt->inject.lock[0] ? " --inject '%s'" : " --inject %s",
		    inject_text(&opt->inject, inject, sizeof(inject)));
	if (opt->irqs_off)
		add(&l, " --irqs-off on");
	if (!opt->oracle)
		add(&l, " --oracle off");
	return buf;
}

bool stress_options_slab(const struct stress_options *opt, struct objcache_tunables *tun)
{
	if (!opt->slab)
		return false;
	/* The option parser knows the policy. */
	objcache_tunables_preset(tun, (enum objcache_policy)objcache_policy_by_name(opt->slab));
	if (opt->slab_rounds != STRESS_UNSET)
		tun->rounds = opt->slab_rounds;
	if (opt->slab_stash != STRESS_UNSET)
		tun->stash_objects = opt->slab_stash;
	if (opt->slab_import != STRESS_UNSET)
		tun->import_batch = opt->slab_import;
	if (opt->slab_depot != STRESS_UNSET)
		tun->full_max = tun->empty_max = opt->slab_depot;
	return true;
}

void stress_options_machine(const struct stress_options *opt, struct kmemlab_options *machine)
{
	*machine = (struct kmemlab_options){
		.cpu = {
			.nr_cpus = opt->cpus, .seed = opt->seed, .spinlock = opt->lock,
			.lockstat = opt->lockstat, .irq = opt->irq, .hz = opt->hz,
			.irqsoff_tracer = opt->irqs_off,
		},
		.mm = {
			.mem_bytes = opt->mem_bytes, .nr_nodes = opt->nodes, .layout = opt->layout,
			.pcp_policy = opt->pcp,
		},
	};
	if (opt->pcp_high_fraction != STRESS_UNSET)
		machine->mm.high_fraction = opt->pcp_high_fraction;
}
