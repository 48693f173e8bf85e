/* SPDX-License-Identifier: MIT */
/*
 * The command line of a stress binary, on glibc's argp.
 *
 * argp prints errors of its own in two lines and leaves with its own status.  Here every error is
 * one sentence with a remedy and the caller leaves with status 2, so argp runs silent
 * (ARGP_NO_ERRS, which silences its --help as well) and what it would have said is worked out in
 * explain_refusal() and print_help().
 */
#include "stress/harness/options.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mm/page/layout.h"
#include "percpu/objcache_policy.h"
#include "percpu/pagelist_policy.h"
#include "runtime/spinlock.h"
#include "runtime/trace.h"
#include "stress/harness/parse.h"

#define DEFAULT_SECONDS	10
#define DEFAULT_SEED	1
#define DEFAULT_SLICES	40
#define DEFAULT_EVENTS	16384
#define DEFAULT_MEM	(256ULL << 20)
/* Least memory for each CPU: below, the per-CPU lists alone may hold all of it. */
#define MEM_PER_CPU_MIN	(1ULL << 20)

enum {
	OPT_CPUS = 0x100, OPT_SECONDS, OPT_OPS, OPT_SEED, OPT_MEM, OPT_NODES, OPT_LAYOUT, OPT_LOCK,
	OPT_LOCKSTAT, OPT_PCP, OPT_PCP_BATCH, OPT_PCP_HIGH, OPT_PCP_FRACTION, OPT_PCP_SCALE,
	OPT_SLAB, OPT_SLAB_ROUNDS, OPT_SLAB_DEPOT, OPT_SLAB_STASH, OPT_SLAB_IMPORT, OPT_SLAB_DEBUG,
	OPT_MODE, OPT_TASKS, OPT_PAGES, OPT_VMA_LOCKS,
	OPT_IRQ_RATE, OPT_IRQ_ORDER, OPT_IRQ, OPT_IRQS_OFF, OPT_HZ, OPT_HOTPLUG, OPT_INJECT,
	OPT_OUT, OPT_JSON, OPT_QUIET, OPT_PROC, OPT_ORACLE, OPT_SLICES, OPT_TRACE, OPT_TRACE_EVENTS,
	OPT_HELP, OPT_VERSION,
};

static const struct argp_option argp_options[] = {
	{ NULL, 0, NULL, 0, "Machine:", 1 },
	{ "cpus", OPT_CPUS, "N", 0, "simulated CPUs, 1..256 (default: the host's cores)", 1 },
	{ "mem", OPT_MEM, "SIZE", 0, "memory, with suffix K, M, G or T (default 256M)", 1 },
	{ "nodes", OPT_NODES, "N", 0, "NUMA nodes, 1..8 (default 1)", 1 },
	{ "layout", OPT_LAYOUT, "NAME", 0, "x86_64 (default) or x86_32, which has HighMem", 1 },
	{ "lock", OPT_LOCK, "NAME", 0,
	  "spinlocks: futex (default), fas, ticket, mcs or pthread", 1 },
	{ "irq-rate", OPT_IRQ_RATE, "N", 0,
	  "device interrupts per second and CPU that use GFP_ATOMIC memory (default 0); with --ops "
	  "an operation counts as a microsecond", 1 },
	{ "irq-order", OPT_IRQ_ORDER, "N", 0,
	  "largest block that their handlers allocate, 2^N pages (default 1)", 1 },
	{ "irq", OPT_IRQ, "MODE", 0,
	  "interrupts reach another CPU at its next safepoint (default), or by a signal", 1 },
	{ "hz", OPT_HZ, "N", 0, "timer ticks per second and CPU (default 0)", 1 },
	{ "hotplug", OPT_HOTPLUG, "N", 0,
	  "take a CPU down and up again, N times a second (default 0); never CPU 0", 1 },
	{ "inject", OPT_INJECT, "WHAT[,WHAT...]", 0,
	  "faults of timing: ipi-delay=US[/N] takes one call in N (8) up to US microseconds late, "
	  "lock-delay=US[/N] keeps one lock in N (100) so much longer, irq-storm=K[/N] repeats one "
	  "device interrupt in N (100) K times, lock-hold=NS@LOCK keeps each lock of that name NS "
	  "nanoseconds longer", 1 },
	{ NULL, 0, NULL, 0, "Per-CPU page lists:", 2 },
	{ "pcp", OPT_PCP, "POLICY", 0,
	  "none, fixed, linux-6.1, linux-6.12, linux-6.18 (default) or linux-7.2", 2 },
	{ "pcp-batch", OPT_PCP_BATCH, "PAGES", 0, "pages per transfer", 2 },
	{ "pcp-high", OPT_PCP_HIGH, "PAGES", 0, "most pages on a list, without tuning", 2 },
	{ "pcp-high-fraction", OPT_PCP_FRACTION, "N", 0,
	  "vm.percpu_pagelist_high_fraction: 0 or at least 8", 2 },
	{ "pcp-scale-max", OPT_PCP_SCALE, "N", 0, "largest transfer is batch << N, 0..6", 2 },
	{ NULL, 0, NULL, 0, "Slab allocator:", 3 },
	{ "slab", OPT_SLAB, "POLICY", 0,
	  "magazines, bonwick, sheaves, sheaves-32, none; stress-slab without it: all, changing",
	  3 },
	{ "slab-rounds", OPT_SLAB_ROUNDS, "N", 0,
	  "objects per magazine or sheaf; 0: by object size", 3 },
	{ "slab-depot", OPT_SLAB_DEPOT, "N", 0,
	  "full and empty arrays kept per depot or barn", 3 },
	{ "slab-stash", OPT_SLAB_STASH, "N", 0, "objects in a CPU's own full magazines", 3 },
	{ "slab-import", OPT_SLAB_IMPORT, "N", 0,
	  "objects per miss from the slabs (magazines)", 3 },
	{ "slab-debug", OPT_SLAB_DEBUG, "FLAGS[,CACHE...]", 0,
	  "checks of its caches: F consistency, Z red zones, P poison, U users, as slab_debug=",
	  3 },
	{ NULL, 0, NULL, 0, "Virtual memory:", 4 },
	{ "mode", OPT_MODE, "NAME", 0, "what to do; a wrong name lists the workload's modes", 4 },
	{ "tasks", OPT_TASKS, "N", 0, "simulated processes (default: by workload)", 4 },
	{ "pages", OPT_PAGES, "N", 0, "pages of each of their areas (default: by workload)", 4 },
	{ "vma-locks", OPT_VMA_LOCKS, "on|off", 0,
	  "faults take the lock of one area (default), or always mmap_lock", 4 },
	{ NULL, 0, NULL, 0, "Run:", 5 },
	{ "seconds", OPT_SECONDS, "S", 0, "run so long (default 10)", 5 },
	{ "ops", OPT_OPS, "N", 0, "run N operations on each CPU instead: counters then repeat", 5 },
	{ "seed", OPT_SEED, "N", 0, "of everything random (default 1)", 5 },
	{ "oracle", OPT_ORACLE, "on|off", 0, "check who owns each frame (default on)", 5 },
	{ NULL, 0, NULL, 0, "Output:", 6 },
	{ "lockstat", OPT_LOCKSTAT, "MODE", 0,
	  "off, default (contended and sampled holds) or all", 6 },
	{ "irqs-off", OPT_IRQS_OFF, "on|off", 0,
	  "time the sections with interrupts masked (default off)", 6 },
	{ "slices", OPT_SLICES, "N", 0,
	  "parts of the run in the result's timeline, 0 for none (default 40)", 6 },
	{ "trace", OPT_TRACE, "FILE", 0,
	  "write a timeline of events as Chrome JSON, for ui.perfetto.dev", 6 },
	{ "trace-events", OPT_TRACE_EVENTS, "N", 0,
	  "the last N events of each CPU are kept for it (default 16384)", 6 },
	{ "out", OPT_OUT, "FILE", 0, "write the result as JSON", 6 },
	{ "json", OPT_JSON, NULL, 0, "print the result as JSON instead of the summary", 6 },
	{ "quiet", OPT_QUIET, NULL, 0, "print only the seed, and what went wrong", 6 },
	{ "proc", OPT_PROC, "NAME", 0, "print this /proc text at the end; may be repeated", 6 },
	{ "help", OPT_HELP, NULL, 0, "print this text", -1 },
	{ "version", OPT_VERSION, NULL, 0, "print the version", -1 },
	{ 0 }
};

/* Options that are whole numbers: where they go and what they may be. */
static const struct number_option {
	int key;
	size_t offset;
	bool wide;			/* u64, else u32 */
	u64 min, max;
} numbers[] = {
#define NUMBER(key, field, min, max) \
	{ key, offsetof(struct stress_options, field), \
	  sizeof(((struct stress_options *)0)->field) == sizeof(u64), min, max }
	NUMBER(OPT_CPUS, cpus, 1, NR_CPUS),
	NUMBER(OPT_NODES, nodes, 1, MAX_NUMNODES),
	NUMBER(OPT_OPS, ops, 1, 1ULL << 40),
	NUMBER(OPT_SEED, seed, 0, INT64_MAX),
	NUMBER(OPT_IRQ_RATE, irq_rate, 0, STRESS_IRQ_RATE_MAX),
	NUMBER(OPT_IRQ_ORDER, irq_order, 0, MAX_PAGE_ORDER),
	NUMBER(OPT_TRACE_EVENTS, trace_events, 16, TRACE_EVENTS_MAX),
	NUMBER(OPT_SLICES, slices, 0, STRESS_SLICES_MAX),
	NUMBER(OPT_HZ, hz, 0, STRESS_HZ_MAX),
	NUMBER(OPT_HOTPLUG, hotplug, 0, STRESS_HOTPLUG_MAX),
	NUMBER(OPT_TASKS, tasks, 1, STRESS_TASKS_MAX),
	NUMBER(OPT_PAGES, pages, 1, STRESS_PAGES_MAX),
	NUMBER(OPT_PCP_BATCH, pcp_batch, 1, 16384),
	NUMBER(OPT_PCP_HIGH, pcp_high, 1, 1u << 24),
	NUMBER(OPT_PCP_FRACTION, pcp_high_fraction, 0, 1u << 30),
	NUMBER(OPT_PCP_SCALE, pcp_scale_max, 0, PAGELIST_SCALE_LIMIT),
	NUMBER(OPT_SLAB_ROUNDS, slab_rounds, 0, OBJCACHE_ROUNDS_MAX),
	NUMBER(OPT_SLAB_DEPOT, slab_depot, 0, 1u << 20),
	NUMBER(OPT_SLAB_STASH, slab_stash, 0, 1u << 20),
	NUMBER(OPT_SLAB_IMPORT, slab_import, 1, OBJCACHE_IMPORT_MAX),
};

struct parse_state {
	struct stress_options *opt;
	struct mm_error *err;
	const struct argp *argp;
	const char *program;
	bool explained;			/* @err says what was wrong */
};

static const char *option_name(int key)
{
	for (const struct argp_option *o = argp_options; o->name || o->doc; o++)
		if (o->key == key && o->name)
			return o->name;
	return "?";
}

/* Fills in the error once; @fmt begins behind the option's name. */
__printf(3, 4)
static int refuse(struct parse_state *ps, const char *option, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ps->explained = true;
	return mm_error(ps->err, EINVAL, "--%s: %s", option, text);
}

static int parse_number(struct parse_state *ps, const struct number_option *n, const char *arg)
{
	char *field = (char *)ps->opt + n->offset;
	u64 value = 0;
	int err = parse_u64(arg, &value);

	if (err == -EINVAL)
		return refuse(ps, option_name(n->key), "\"%.40s\" is not a number; give %llu..%llu",
			      arg, (unsigned long long)n->min, (unsigned long long)n->max);
	if (err || value < n->min || value > n->max)
		return refuse(ps, option_name(n->key), "%.40s is out of range; give %llu..%llu",
			      arg, (unsigned long long)n->min, (unsigned long long)n->max);
	if (n->wide)
		*(u64 *)(void *)field = value;
	else
		*(u32 *)(void *)field = (u32)value;
	return 0;
}

static int parse_mem(struct parse_state *ps, const char *arg)
{
	int err = parse_size(arg, &ps->opt->mem_bytes);

	if (!err)
		return 0;
	return refuse(ps, "mem", "\"%.40s\" is %s; give a size like 512M or 4G", arg,
		      err == -ERANGE ? "too much" : "no size");
}

static int parse_duration(struct parse_state *ps, const char *arg)
{
	int err = parse_seconds(arg, &ps->opt->seconds);

	if (!err && ps->opt->seconds > 0)
		return 0;
	return refuse(ps, "seconds", "\"%.40s\" is %s; give a number like 0.5 or 60", arg,
		      err == -ERANGE ? "too long" : "no time to run");
}

/* The words an option may be; the last is NULL. */
static int parse_word(struct parse_state *ps, int key, const char *arg, const char **out)
{
	static const char *const layouts[] = { "x86_64", "x86_32", NULL };
	static const char *const locks[] = { "futex", "fas", "ticket", "mcs", "pthread", NULL };
	static const char *const modes[] = { "off", "default", "all", NULL };
	static const char *const policies[] = {
		"none", "fixed", "linux-6.1", "linux-6.12", "linux-6.18", "linux-7.2", NULL
	};
	static const char *const slabs[] = {
		"magazines", "bonwick", "sheaves", "sheaves-32", "none", NULL
	};
	static const char *const switches[] = { "on", "off", NULL };
	static const char *const irqs[] = { "safepoint", "signal", NULL };
	const char *const *words = key == OPT_LAYOUT ? layouts : key == OPT_LOCK ? locks :
				   key == OPT_LOCKSTAT ? modes :
				   key == OPT_PCP ? policies : key == OPT_IRQ ? irqs :
				   key == OPT_SLAB ? slabs : switches;
	char list[100] = "";

	for (unsigned int i = 0; words[i]; i++) {
		if (!strcmp(arg, words[i])) {
			*out = words[i];
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	}
	return refuse(ps, option_name(key), "\"%.40s\" is unknown; choose %s", arg, list);
}

static int parse_inject(struct parse_state *ps, const char *arg)
{
	char why[160];

	if (inject_parse(arg, &ps->opt->inject, why, sizeof(why)))
		return refuse(ps, "inject", "%s", why);
	return 0;
}

static int parse_proc(struct parse_state *ps, const char *arg)
{
	struct stress_options *opt = ps->opt;

	if (opt->nr_proc == STRESS_MAX_PROC)
		return refuse(ps, "proc", "given more than %d times; leave some out",
			      STRESS_MAX_PROC);
	opt->proc[opt->nr_proc++] = arg;
	return 0;
}

/*
 * What getopt refused: it has stepped over the word in question, unless that was a group of
 * one-letter options.
 */
static void explain_refusal(struct parse_state *ps, const struct argp_state *state)
{
	int at = clamp(state->next - 1, 0, state->argc - 1);
	const char *word = state->argv[at];
	size_t len = strcspn(word, "=");

	ps->explained = true;
	if (strncmp(word, "--", 2) && state->next < state->argc)
		word = state->argv[state->next], len = strcspn(word, "=");
	for (const struct argp_option *o = argp_options; o->name || o->doc; o++) {
		if (!o->name || len < 3 || strlen(o->name) != len - 2 ||
		    strncmp(o->name, word + 2, len - 2))
			continue;
		if (o->arg)
			(void)mm_error(ps->err, EINVAL, "--%s: needs a value; give %s", o->name,
				       o->arg);
		else
			(void)mm_error(ps->err, EINVAL, "--%s: takes no value; leave it out",
				       o->name);
		return;
	}
	(void)mm_error(ps->err, EINVAL, "unknown option \"%.60s\"; --help lists them", word);
}

static void print_help(const struct parse_state *ps)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", ps->program);
	argp_help(ps->argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
	exit(0);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct parse_state *ps = state->input;
	struct stress_options *opt = ps->opt;
	const char *word = NULL;
	int err;

	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].key == key) {
			if (key == OPT_OPS)
				opt->seconds = 0;
			return parse_number(ps, &numbers[i], arg);
		}
	switch (key) {
	case OPT_MEM:
		return parse_mem(ps, arg);
	case OPT_SECONDS:
		return parse_duration(ps, arg);
	case OPT_LAYOUT:
		return parse_word(ps, key, arg, &opt->layout);
	case OPT_LOCK:
		return parse_word(ps, key, arg, &opt->lock);
	case OPT_LOCKSTAT:
		return parse_word(ps, key, arg, &opt->lockstat);
	case OPT_PCP:
		return parse_word(ps, key, arg, &opt->pcp);
	case OPT_ORACLE:
		err = parse_word(ps, key, arg, &word);
		opt->oracle = !err && !strcmp(word, "on");
		return err;
	case OPT_IRQS_OFF:
		err = parse_word(ps, key, arg, &word);
		opt->irqs_off = !err && !strcmp(word, "on");
		return err;
	case OPT_IRQ:
		return parse_word(ps, key, arg, &opt->irq);
	case OPT_INJECT:
		return parse_inject(ps, arg);
	case OPT_SLAB:
		return parse_word(ps, key, arg, &opt->slab);
	case OPT_SLAB_DEBUG:
		opt->slab_debug = arg;
		return 0;
	case OPT_MODE:
		opt->mode = arg;
		return 0;
	case OPT_VMA_LOCKS:
		err = parse_word(ps, key, arg, &word);
		opt->vma_locks = !err && !strcmp(word, "on");
		return err;
	case OPT_TRACE:
		opt->trace = arg;
		return 0;
	case OPT_OUT:
		opt->out = arg;
		return 0;
	case OPT_JSON:
		opt->json = true;
		return 0;
	case OPT_QUIET:
		opt->quiet = true;
		return 0;
	case OPT_PROC:
		return parse_proc(ps, arg);
	case OPT_HELP:
		print_help(ps);
		return 0;
	case OPT_VERSION:
		printf("%s %s (%s)\n", ps->program, KMEMLAB_VERSION, KMEMLAB_BUILD);
		exit(0);
	case ARGP_KEY_ARG:
		ps->explained = true;
		return mm_error(ps->err, EINVAL,
				"unexpected argument \"%.60s\"; --help lists the options", arg);
	case ARGP_KEY_ERROR:
		if (!ps->explained)
			explain_refusal(ps, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static long host_cores(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

void stress_options_default(struct stress_options *opt)
{
	*opt = (struct stress_options){
		.cpus = (unsigned int)clamp(host_cores(), 1L, (long)NR_CPUS),
		.seconds = DEFAULT_SECONDS, .seed = DEFAULT_SEED, .mem_bytes = DEFAULT_MEM,
		.nodes = 1, .layout = "x86_64", .lock = "futex", .lockstat = "default",
		.pcp_batch = STRESS_UNSET, .pcp_high = STRESS_UNSET,
		.pcp_high_fraction = STRESS_UNSET, .pcp_scale_max = STRESS_UNSET,
		.slab_rounds = STRESS_UNSET, .slab_depot = STRESS_UNSET,
		.slab_stash = STRESS_UNSET, .slab_import = STRESS_UNSET,
		.irq = "safepoint", .irq_order = 1, .oracle = true, .slices = DEFAULT_SLICES,
		.trace_events = DEFAULT_EVENTS,
		.tasks = STRESS_UNSET, .pages = STRESS_UNSET, .vma_locks = true,
	};
}

static int check_memory(const struct stress_options *opt, struct mm_error *err)
{
	u64 host = (u64)sysconf(_SC_PHYS_PAGES) * (u64)sysconf(_SC_PAGESIZE);
	char size[32];

	format_size(opt->mem_bytes, size, sizeof(size));
	if (opt->mem_bytes < MM_MEM_MIN)
		return mm_error(err, -EINVAL, "--mem: %s is too little; give at least 16M", size);
	if (opt->mem_bytes % PAGE_SIZE)
		return mm_error(err, -EINVAL, "--mem: %s is not a multiple of 4K; give one", size);
	/* The workload fills memory to the brim, so the host must really have it. */
	if (opt->mem_bytes > host)
		return mm_error(err, -EINVAL,
				"--mem: %s is more than the host has; give at most %lluM", size,
				(unsigned long long)(host >> 20));
	if (opt->mem_bytes / opt->cpus < MEM_PER_CPU_MIN)
		return mm_error(err, -EINVAL,
				"--mem: %s is too little for %u CPUs; give at least %uM", size,
				opt->cpus, opt->cpus);
	if (opt->mem_bytes / opt->nodes < MM_NODE_MIN)
		return mm_error(err, -EINVAL,
				"--nodes: %u nodes share %s; give at least 16M for each, or fewer "
				"nodes", opt->nodes, size);
	return 0;
}

int stress_options_check(const struct stress_options *opt, struct mm_error *err)
{
	int alg = spin_algorithm_by_name(opt->lock);

	if (opt->pcp_high_fraction != STRESS_UNSET && opt->pcp_high_fraction - 1 < 7)
		return mm_error(err, -EINVAL,
				"--pcp-high-fraction: %u is refused as by Linux; give 0 or at "
				"least 8", opt->pcp_high_fraction);
	if (opt->pcp_batch != STRESS_UNSET && opt->pcp_high != STRESS_UNSET &&
	    opt->pcp_high < opt->pcp_batch)
		return mm_error(err, -EINVAL,
				"--pcp-high: %u is less than --pcp-batch %u; give at least that",
				opt->pcp_high, opt->pcp_batch);
	if (!opt->slab && (opt->slab_rounds & opt->slab_depot & opt->slab_stash &
			   opt->slab_import) != STRESS_UNSET)
		return mm_error(err, -EINVAL,
				"--slab-*: sizes belong to a policy; add --slab POLICY");
	if (alg >= 0 && spin_algorithm_is_fifo((enum spin_algorithm)alg) &&
	    (long)opt->cpus > host_cores())
		return mm_error(err, -EINVAL,
				"--lock: %s hands over to waiters that do not run when there are "
				"more CPUs than cores; give --cpus %ld or fewer, or --lock futex",
				opt->lock, host_cores());
	if (!strcmp(opt->irq, "signal") && tsan_delays_signals())
		return mm_error(err, -EINVAL,
				"--irq: ThreadSanitizer keeps signals back; give safepoint, or use "
				"another build");
	if (opt->trace && !strcmp(opt->lockstat, "off"))
		return mm_error(err, -EINVAL,
				"--trace: locks are traced by their recorder; leave out --lockstat "
				"off");
	if (opt->hotplug && opt->cpus < 2)
		return mm_error(err, -EINVAL,
				"--hotplug: the only CPU cannot go; give --cpus 2 or more");
	if (opt->inject.rule[INJECT_IRQ_STORM].one_in && !opt->irq_rate)
		return mm_error(err, -EINVAL,
				"--inject: irq-storm repeats device interrupts, and there are "
				"none; give --irq-rate 1000");
	return check_memory(opt, err);
}

int stress_options_parse(struct stress_options *opt, int argc, char **argv, const char *doc,
			 struct mm_error *err)
{
	const struct argp argp = { .options = argp_options, .parser = parse_opt, .doc = doc };
	const char *path = argc ? argv[0] : "", *slash = strrchr(path, '/');
	struct parse_state ps = {
		.opt = opt, .err = err, .argp = &argp, .program = slash ? slash + 1 : path,
	};

	stress_options_default(opt);
	if (argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &ps)) {
		if (!ps.explained)
			return mm_error(err, -EINVAL,
					"the command line is not understood; see --help");
		return -EINVAL;
	}
	return stress_options_check(opt, err);
}

bool stress_options_fix_pcp(const struct stress_options *opt)
{
	return opt->pcp || opt->pcp_batch != STRESS_UNSET || opt->pcp_high != STRESS_UNSET ||
	       opt->pcp_high_fraction != STRESS_UNSET || opt->pcp_scale_max != STRESS_UNSET;
}
