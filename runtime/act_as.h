/* SPDX-License-Identifier: MIT */
/*
 * One host thread that is each CPU in turn: for work whose order across CPUs is given, such as a
 * recorded trace, where handing over between threads would cost more than the work.
 *
 * Only for a machine whose CPUs were never started.  What the acting thread runs may take locks and
 * per-CPU data of the CPU it acts as, but must not wait for another CPU: no cpu_run(), no call on
 * another CPU, no grace period, no interrupt raised.
 */
#ifndef RUNTIME_ACT_AS_H
#define RUNTIME_ACT_AS_H

#include "runtime/bug.h"
#include "runtime/cpu.h"

/*
 * From here on this thread may act; every CPU counts as online and in task context.  Host thread,
 * after machine_boot(), instead of machine_start_cpus().  The hot-plug notifiers are not called:
 * what boot set up for all possible CPUs is what holds.
 */
void act_as_begin(void);

/* Ends the acting; each CPU must be back in task context with nothing masked. */
void act_as_end(void);

/*
 * This thread is CPU @cpu now, in the context in which it left it.  Between act_as_begin() and
 * act_as_end(); holding no lock.
 */
static inline void act_as(unsigned int cpu)
{
	VM_BUG_ON(cpu >= nr_cpu_ids);
	current_cpu = &cpus[cpu];
}

#endif /* RUNTIME_ACT_AS_H */
