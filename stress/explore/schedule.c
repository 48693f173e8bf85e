/* SPDX-License-Identifier: MIT */
/*
 * One schedule, from the starting state to the verdict.
 *
 * What.  A small machine is booted once and a snapshot taken of it; every schedule starts from the
 * snapshot.  The scenario runs on all CPUs under the seeded scheduler; the step oracle looks every
 * so many points, the others at the end.
 *
 * Invariants.
 *   I1  A schedule depends on config and schedule only: the random streams of the load, of the
 *       policy and of the injected events are all made of the seed; the machine is the snapshot.
 *   I2  The expected length that PCT needs is measured on the serial schedule of seed 0, the same
 *       in every process.
 *   I3  The explorer's own state is on the heap: going back to a snapshot does not touch it.
 *
 * Context.  Host thread.  Failure.  Findings panic.
 * See also.  tests/unit/test_explore.c: the same seed gives the same hash, whatever ran before.
 */
#include "stress/explore/schedule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mm/machine.h"
#include "mm/page/pcp.h"
#include "runtime/irq.h"
#include "stress/explore/frames.h"
#include "stress/explore/page_oracle.h"
#include "stress/harness/oracle.h"

/* Two zones of 16 MiB, so that allocations also fall back; its page array is 512 KiB. */
#define MEMORY		"0-32M usable"
/* Page lists and counters of two zones, and a few slab caches. */
#define PERCPU_BYTES	(48UL * 1024)
/* And the arrays' heads of some fifty caches. */
#define PERCPU_BYTES_SLAB	(64 * 1024)
/* The vector whose handler is the scenario's. */
#define EXPLORE_VECTOR	IRQ_FIRST_DEVICE
/* A schedule that takes so many times the serial one's points makes no progress. */
#define LIVELOCK_FACTOR	50
#define LIVELOCK_MIN	100000
/* One schedule in so many looks at every struct page. */
#define DEEP_ONE_IN	16

/*
 * The step oracle reads what locks protect without taking them: right while the world is stopped,
 * but a race in ThreadSanitizer's eyes, which are the better oracle there.
 */
#ifdef KMEMLAB_TSAN
#define STEP_ORACLE	NULL
#else
#define STEP_ORACLE	page_oracle_step
#endif

struct explorer {
	struct explore_config config;
	struct scenario_cpu cpu[EXPLORE_MAX_CPUS];
	struct page_oracle_base base;
	u64 expected_steps;
	bool snapshot;
	struct frames frames;		/* beside the snapshot */
};

static struct explorer *explorer;	/* I3 */

void explore_config_set_ops(struct explore_config *config, unsigned int ops)
{
	for (unsigned int i = 0; i < config->cpus; i++)
		config->ops[i] = ops / config->cpus + (i < ops % config->cpus);
}

unsigned int explore_config_ops(const struct explore_config *config)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < config->cpus; i++)
		sum += config->ops[i];
	return sum;
}

static void run_on_cpu(void *arg)
{
	(void)arg;
	explorer->config.scenario->run(&explorer->cpu[smp_processor_id()]);
}

static void irq_on_cpu(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	explorer->config.scenario->irq(&explorer->cpu[smp_processor_id()]);
}

/* ---- the machine ---- */

/* Areas and address spaces are objects too. */
static bool uses_slab(const struct scenario *scenario)
{
	return scenario->slab || scenario->vm;
}

static int boot(void)
{
	const struct explore_config *config = &explorer->config;
	const struct slab_options slab = { .policy = "magazines", .no_reap = true };
	const struct vm_options vm = { .tlb = { .sets = 16, .ways = 2, .oracle = true } };
	const struct kmemlab_options opt = {
		.cpu = {
			.nr_cpus = config->cpus, .nr_nodes = 1, .seed = 1, .backend = "sim",
			.lockstat = "off", .no_pin = true,
		},
		.mm = { .e820 = MEMORY, .no_memmap = true },
		.slab = uses_slab(config->scenario) ? &slab : NULL,
		.vm = config->scenario->vm ? &vm : NULL,
		.percpu_bytes = uses_slab(config->scenario) ? PERCPU_BYTES_SLAB : PERCPU_BYTES,
	};
	struct mm_error err;
	int code = kmemlab_boot(&opt, &err);

	if (code) {
		fprintf(stderr, "kmemlab explore: no machine: %s\n", err.text);
		return code;
	}
	code = oracle_boot(true);
	if (code) {
		fprintf(stderr, "kmemlab explore: no memory for the ownership oracle\n");
		kmemlab_shutdown();
		return code;
	}
	if (config->scenario->irq &&
	    irq_vector_register(EXPLORE_VECTOR, "explore", irq_on_cpu, NULL))
		panic("vector %d is taken", EXPLORE_VECTOR);
	if (config->scenario->setup)
		config->scenario->setup(config->cpus);
	if (inject_start(&config->inject, 0))
		panic("no memory for the injection");
	if (config->scenario->pages)
		page_oracle_begin(&explorer->base);
	return 0;
}

static void shut_down(void)
{
	if (explorer->config.scenario->irq)
		irq_vector_unregister(EXPLORE_VECTOR);
	oracle_shutdown();
	kmemlab_shutdown();
}

static void start_over(void)
{
	if (explorer->snapshot) {
		sim_snapshot_restore();
		frames_restore(&explorer->frames);
		return;
	}
	shut_down();
	if (boot())
		panic("the machine does not boot again");
}

int explore_machine_up(const struct explore_config *config)
{
	struct explore_schedule serial = { .policy = SIM_REPLAY };
	int code;

	explorer = calloc(1, sizeof(*explorer));
	if (!explorer)
		return -ENOMEM;
	explorer->config = *config;
	code = boot();
	if (code) {
		free(explorer);
		return code;
	}
	code = sim_snapshot_take();
	explorer->snapshot = code == 0;
	if (explorer->snapshot && uses_slab(config->scenario))
		frames_save(&explorer->frames);
	if (code && code != -ENOTSUP)
		panic("no memory for a snapshot");
	explorer->expected_steps = explore_run_schedule(&serial, NULL).steps;	/* I2 */
	return 0;
}

void explore_machine_down(void)
{
	struct explorer *e = explorer;

	if (e->snapshot) {
		sim_snapshot_restore();
		frames_restore(&e->frames);
	}
	frames_free(&e->frames);
	sim_snapshot_drop();
	shut_down();
	free(e);
	explorer = NULL;
}

size_t explore_reset_bytes(void)
{
	return sim_snapshot_bytes();
}

/* ---- one schedule ---- */

static void prepare_cpus(u64 seed)
{
	const struct explore_config *config = &explorer->config;

	for (unsigned int i = 0; i < config->cpus; i++) {
		struct scenario_cpu *c = &explorer->cpu[i];

		*c = (struct scenario_cpu){
			.id = i, .ops = config->ops[i], .nr_cpus = config->cpus,
		};
		rand_init(&c->rng, seed, 1000 + i);
	}
}

static struct sim_options options_of(const struct explore_schedule *s,
				     const struct explore_record *record)
{
	const struct explore_config *config = &explorer->config;
	struct sim_options opt = {
		.seed = s->seed, .policy = s->policy, .param = s->param,
		.expected_steps = explorer->expected_steps,
		.step_limit = explorer->expected_steps * LIVELOCK_FACTOR + LIVELOCK_MIN,
		.irq_one_in = config->irq_one_in, .irq_vec = EXPLORE_VECTOR,
		.store_buffer = config->store_buffer,
		.replay = s->replay, .nr_replay = s->nr_replay,
		.step_every = config->check_every,
	};

	if (config->check_every && config->scenario->pages)
		opt.step_hook = STEP_ORACLE;
	if (record) {
		opt.record = record->switches;
		opt.record_max = record->max;
		opt.switch_hook = record->switch_hook;
	}
	return opt;
}

/* The host thread is ordered behind work, not behind interrupts that hit an idle CPU later. */
static void be_ordered_behind_interrupts(void *arg)
{
	(void)arg;
}

static void judge(u64 seed)
{
	const struct scenario *scenario = explorer->config.scenario;
	u64 x = seed;

	cpu_run_all(be_ordered_behind_interrupts, NULL);
	if (warnings_seen())
		panic("a warning was given, see above");
	if (scenario->check)
		scenario->check(explorer->config.cpus);
	if (scenario->pages)
		page_oracle_end(&explorer->base, splitmix64(&x) % DEEP_ONE_IN == 0);
}

/* Before the oracles look: they take locks as well. */
static void note_injected(struct sim_stats *stats)
{
	for (int i = 0; i < NR_INJECT; i++)
		stats->faults += inject_stats((enum inject_kind)i).injected;
}

struct sim_stats explore_run_schedule(const struct explore_schedule *s,
				      const struct explore_record *record)
{
	struct sim_options opt = options_of(s, record);
	struct sim_stats stats;

	start_over();
	prepare_cpus(s->seed);
	inject_seed(s->seed);
	sim_begin(&opt);
	cpu_run_all(run_on_cpu, NULL);
	stats = sim_end();
	note_injected(&stats);
	judge(s->seed);
	return stats;
}
