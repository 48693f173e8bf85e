/* SPDX-License-Identifier: MIT */
/*
 * One host thread that is each CPU in turn.
 *
 * What.  A CPU is what current_cpu points at: per-CPU data, masks, counts and recorders all hang on
 * struct cpu.  A thread that moves current_cpu between two operations is therefore another CPU for
 * the second one, at the price of one store.
 *
 * States.  Off -> acting -> off.
 *
 * Invariants.
 *   I1  While acting no CPU has a thread of its own, so nothing runs beside the acting thread.
 *   I2  A CPU that is left keeps no lock and has nothing masked; the next one to act as it finds it
 *       as a CPU that sat between two pieces of work.
 *
 * What this takes away.  Nobody ever waits: locks are always free, their counts stay exact and
 * their contention is 0.  No interrupt arrives, no grace period ends, no IPI is answered.
 *
 * Locking.  None needed (I1).  Context.  Host thread.  Failure.  Misuse panics.
 * See also.  tests/unit/test_replay_act_as.c.
 */
#include "runtime/act_as.h"

static bool acting;

void act_as_begin(void)
{
	BUG_ON(acting || current_cpu || !cpus || num_online_cpus());
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		cpumask_set_cpu(cpu, &cpu_online_mask);
	acting = true;
	act_as(0);
}

void act_as_end(void)
{
	BUG_ON(!acting);
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		BUG_ON(cpus[cpu].preempt_count || cpus[cpu].irqs_off || cpus[cpu].irq_pending);
		cpumask_clear_cpu(cpu, &cpu_online_mask);
	}
	current_cpu = NULL;
	acting = false;
}
