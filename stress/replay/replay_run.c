/* SPDX-License-Identifier: MIT */
/*
 * replay_run.c - runs a plan, in order on one thread or side by side on one thread per CPU.
 *
 * What.  A run boots the recorded machine, brings it into its start state, replays, collects what
 * the locks and lists counted, and takes it down.
 *
 * Order.  Deterministic: this thread acts as the CPU of each operation (runtime/act_as.h), in the
 * order of the trace.  Nothing ever waits, nothing is timed: two runs are equal to the last count.
 * Concurrent: each CPU goes through its own operations as fast as it can.  What ties CPUs together
 * is that a block must be allocated before it is freed: a put waits for its slot to be filled.  It
 * waits for an earlier operation of the trace (I1 of replay_plan.c), so some CPU can always go on.
 *
 * Locking.  None here.  Context.  Host thread.  Failure.  -errno from the boot.
 * See also.  replay_step.c, replay_state.c; tests/unit/test_replay_run.c.
 */
#include "stress/replay/replay_run.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/act_as.h"
#include "stress/replay/replay_step.h"
#include "stress/report/array.h"

static struct runner *runner_new(const struct replay_machine *m)
{
	const struct replay_plan *plan = m->plan;
	struct runner *r = calloc(1, sizeof(*r));
	u32 nr = plan->nr_cpus * plan->nr_zones;

	if (!r)
		panic("out of memory for a replay");
	r->lists = calloc(nr, sizeof(*r->lists));
	r->refilled = calloc(nr, sizeof(*r->refilled));
	r->ordinal = calloc(plan->nr_cpus, sizeof(*r->ordinal));
	if (!r->lists || !r->refilled || !r->ordinal)
		panic("out of memory for a replay");
	r->m = m;
	r->ops = plan->ops;
	r->nr = plan->nr_ops;
	r->out.as_recorded = replay_as_recorded(plan, &m->opt->setting);
	for (u32 i = 0; i < nr; i++)
		r->lists[i] = replay_machine_list(m, i / plan->nr_zones, i % plan->nr_zones);
	return r;
}

static void runner_free(struct runner *r)
{
	free((u32 *)r->mine);
	free(r->lists);
	free(r->refilled);
	free(r->ordinal);
	free(r);
}

/* Pages on the lists of one CPU, or of all (REPLAY_NONE). */
static s64 count_listed(const struct runner *r, u32 cpu)
{
	const struct replay_plan *plan = r->m->plan;
	s64 pages = 0;

	for (u32 i = 0; i < plan->nr_cpus * plan->nr_zones; i++)
		if (cpu == REPLAY_NONE || i / plan->nr_zones == cpu)
			pages += r->lists[i]->count;
	return pages;
}

static u64 longest_transfer(const struct replay_machine *m)
{
	u64 most = 0;

	for (u32 i = 0; i < m->plan->nr_cpus * m->plan->nr_zones; i++) {
		const struct pagelist *pl = replay_machine_list(m, i / m->plan->nr_zones,
								i % m->plan->nr_zones);

		most = max(most, READ_ONCE(pl->stats.transfer_max));
	}
	return most;
}

/* What the operations so far did was preparation. */
static void start_counting(struct runner *r)
{
	free(r->out.transfers);
	r->out = (struct replay_outcome){ .as_recorded = r->out.as_recorded };
	r->listed_max = 0;
	r->listed_sum = 0;
	replay_machine_reset_counts(r->m);
}

static void runner_finish(struct runner *r)
{
	r->out.ops = r->nr;
	r->out.stranded_max = (u64)r->listed_max;
	r->out.stranded_mean = r->nr ? r->listed_sum / r->nr : 0;
}

static struct replay_outcome run_deterministic(const struct replay_machine *m)
{
	struct runner *r = runner_new(m);
	const u32 to = m->opt->to ? min(m->opt->to, r->nr) : r->nr;
	const u32 from = min(m->opt->from, to);
	struct replay_outcome out;
	u64 start;

	r->listed = count_listed(r, REPLAY_NONE);
	if (from) {
		run_in_order(r, 0, from);
		start_counting(r);
	}
	start = clock_ns();
	run_in_order(r, from, to);
	run_ticks(r, to);
	act_as(0);
	r->out.ns = clock_ns() - start;
	BUG_ON(r->listed != count_listed(r, REPLAY_NONE));	/* I2 */
	r->nr = to - from;
	runner_finish(r);
	out = r->out;
	runner_free(r);
	return out;
}

static void add_outcome(struct replay_outcome *sum, struct replay_outcome *more)
{
	sum->ops += more->ops;
	sum->failed += more->failed;
	sum->fallbacks += more->fallbacks;
	sum->refills += more->refills;
	sum->drains += more->drains;
	sum->refilled += more->refilled;
	sum->drained += more->drained;
	sum->worker_drained += more->worker_drained;
	sum->irq_takes += more->irq_takes;
	sum->waits += more->waits;
	sum->stranded_max += more->stranded_max;
	sum->stranded_mean += more->stranded_mean;
	for (unsigned int o = 0; o < REPLAY_ORDERS; o++)
		for (unsigned int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			sum->takes_by[o][mt] += more->takes_by[o][mt];
	for (u32 i = 0; i < more->nr_transfers; i++)
		*array_add(sum->transfers, sum->nr_transfers) = more->transfers[i];
	free(more->transfers);
}

static struct replay_outcome run_concurrent(const struct replay_machine *m)
{
	const struct replay_plan *plan = m->plan;
	struct runner *r[NR_CPUS];
	struct replay_outcome out;
	u64 start;

	for (unsigned int cpu = 0; cpu < plan->nr_cpus; cpu++) {
		u32 *mine = malloc((plan->nr_ops + 1ull) * sizeof(*mine));

		r[cpu] = runner_new(m);
		if (!mine)
			panic("out of memory for a replay of %u operations", plan->nr_ops);
		r[cpu]->nr = 0;
		for (u32 i = 0; i < plan->nr_ops; i++)
			if (plan->ops[i].cpu == cpu)
				mine[r[cpu]->nr++] = i;
		r[cpu]->mine = mine;
		r[cpu]->cpu = cpu;
		r[cpu]->listed = count_listed(r[cpu], cpu);
	}
	start = clock_ns();
	cpu_run_all(run_on_cpu, r);
	start = clock_ns() - start;
	out = (struct replay_outcome){ .ns = start, .as_recorded = r[0]->out.as_recorded };
	for (unsigned int cpu = 0; cpu < plan->nr_cpus; cpu++) {
		runner_finish(r[cpu]);
		add_outcome(&out, &r[cpu]->out);
		runner_free(r[cpu]);
	}
	return out;
}

/* ---- entry points ---- */

const char *replay_recorded_policy(const struct replay_plan *plan)
{
	return plan->state->has_high_window ? "linux-6.18" : "linux-6.1";
}

bool replay_as_recorded(const struct replay_plan *plan, const struct replay_setting *set)
{
	if (set->policy && strcmp(set->policy, replay_recorded_policy(plan)) != 0)
		return false;
	return set->batch == REPLAY_NONE && set->high == REPLAY_NONE &&
	       set->high_fraction == REPLAY_NONE && set->scale_max == REPLAY_NONE &&
	       set->high_max == REPLAY_NONE;
}

static void on_cpu0(const struct replay_machine *m, void (*fn)(void *machine))
{
	if (m->opt->mode == REPLAY_DETERMINISTIC)
		fn((void *)m);
	else
		cpu_run(0, fn, (void *)m);
}

static u64 count_zone_locks(const struct lock_report *locks)
{
	u64 nr = 0;

	for (u32 i = 0; i < locks->nr_rows; i++)
		if (strcmp(locks->classes[locks->rows[i].class].class, "zone->lock") == 0)
			nr += locks->rows[i].acquired;
	return nr;
}

int replay_run(const struct replay_plan *plan, const struct replay_options *opt,
	       struct replay_outcome *out, struct mm_error *err)
{
	struct replay_machine m;
	int code = replay_machine_boot(&m, plan, opt, err);

	if (code)
		return code;
	on_cpu0(&m, replay_machine_fill);
	if (opt->mode == REPLAY_DETERMINISTIC)
		*out = run_deterministic(&m);
	else
		*out = run_concurrent(&m);
	out->policy = opt->setting.policy ? opt->setting.policy : replay_recorded_policy(plan);
	lock_report_collect(&out->locks, out->ns);
	out->zone_locks = count_zone_locks(&out->locks);
	out->transfer_max = longest_transfer(&m);
	on_cpu0(&m, replay_machine_empty);
	replay_machine_shutdown(&m);
	return 0;
}

void replay_outcome_free(struct replay_outcome *out)
{
	free(out->transfers);
	lock_report_free(&out->locks);
	*out = (struct replay_outcome){ 0 };
}

/* What the count at the first drain of (@cpu, @zone) should have been, less what it is. */
static int probe_error(const struct runner *r, unsigned int cpu, unsigned int zone)
{
	const struct replay_start *s = replay_start(r->m->plan, cpu, zone);
	const struct pagelist *pl = r->lists[cpu * r->m->plan->nr_zones + zone];
	int high = clamp(pl->high, pl->high_min, pl->high_max);

	if (!s->probe_worker)
		return READ_ONCE(*pl->hints) & PAGELIST_BELOW_HIGH ? 0 : high - pl->count;
	/* A full transfer may have left more than it took. */
	if ((int)s->probe_pages >= pl->batch << pl->tun->scale_max)
		return 0;
	high = max(high - (high >> pl->tun->decay_shift), pl->high_min);
	return high + (int)s->probe_pages - pl->count;
}

int replay_calibrate(struct replay_plan *plan, const struct replay_options *opt,
		     struct mm_error *err)
{
	const struct replay_options as_recorded = {
		.setting = REPLAY_SETTING_RECORDED,
		.mode = REPLAY_DETERMINISTIC, .seed = opt->seed, .small_cache = opt->small_cache,
		.lockstat = "off",
	};
	struct replay_machine m;
	struct runner *r;
	u32 at = 0;
	int code = replay_machine_boot(&m, plan, &as_recorded, err);

	if (code)
		return code;
	replay_machine_fill(&m);
	r = runner_new(&m);
	r->probe = true;
	/* The first drains in the order in which they come. */
	for (;;) {
		struct replay_start *next = NULL;
		u32 i, found = 0;

		for (i = 0; i < plan->nr_cpus * plan->nr_zones; i++)
			if (plan->start[i].probed &&
			    (!next || plan->start[i].probe_op < next->probe_op)) {
				next = &plan->start[i];
				found = i;
			}
		if (!next)
			break;
		run_in_order(r, at, next->probe_op);
		at = next->probe_op;
		next->probed = false;
		replay_plan_correct(plan, found / plan->nr_zones, found % plan->nr_zones,
				    probe_error(r, found / plan->nr_zones,
						found % plan->nr_zones));
	}
	free(r->out.transfers);
	runner_free(r);
	replay_machine_empty(&m);
	replay_machine_shutdown(&m);
	return 0;
}
