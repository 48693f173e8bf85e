/* SPDX-License-Identifier: MIT */
/*
 * Grace periods of the SIM back end.
 *
 * What.  A grace period starts by noting every CPU that is online (not idle) as owing a quiescent
 * state; it ends when none owes one any more.  liburcu cannot serve fibers: its readers are
 * threads.
 *
 * Invariants.
 *   I1  gp_target is the number of the running grace period, 0 when none runs; requests made
 *       while it runs are served by the next one.
 *   I2  The requester owes one too, unless it has gone offline to wait.
 *   I3  Ending one grace period and starting the next is one step of the scheduler.
 */
#include "runtime/backend.h"
#include "runtime/sim/sched.h"

static char rcu_token;		/* TSan: quiescent states -> end of grace period */

static struct sim_cpu *sim_cpu_of(struct cpu *cpu)
{
	return &sim->cpus[cpu->id];
}

static bool somebody_owes(void)
{
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		if (sim->cpus[i].rcu_owes)
			return true;
	return false;
}

/* Ends the running grace period if it can end, and starts the next if one is wanted. */
static void advance(void)
{
	bool nested = sim->scheduling;

	sim->scheduling = true;		/* I3: no other CPU runs until the numbers agree again */
	while (sim->gp_target ? !somebody_owes() :
	       __atomic_load_n(&rcu_gp_requested, __ATOMIC_ACQUIRE) != rcu_gp_last_done()) {
		if (sim->gp_target) {
			u64 done = sim->gp_target;

			sim->gp_target = 0;
			tsan_acquire(&rcu_token);
			rcu_gp_done(done);
			continue;
		}
		sim->gp_target = __atomic_load_n(&rcu_gp_requested, __ATOMIC_ACQUIRE);
		for (unsigned int i = 0; i < nr_cpu_ids; i++)
			sim->cpus[i].rcu_owes = sim->cpus[i].rcu_online;
	}
	sim->scheduling = nested;
}

void sim_rcu_online(struct cpu *cpu)
{
	sim_cpu_of(cpu)->rcu_online = true;
}

void sim_rcu_offline(struct cpu *cpu)
{
	sim_cpu_of(cpu)->rcu_online = false;
	sim_rcu_quiescent(cpu);
}

void sim_rcu_quiescent(struct cpu *cpu)
{
	tsan_release(&rcu_token);
	sim_cpu_of(cpu)->rcu_owes = false;
	advance();
}

void sim_rcu_request(void)
{
	advance();
}
