/* SPDX-License-Identifier: MIT */
/*
 * The harness's device: interrupts at a chosen rate whose handler lives on GFP_ATOMIC memory, as a
 * network card's does; half of the frees happen in the softirq behind it.
 */
#ifndef STRESS_HARNESS_DEVICE_H
#define STRESS_HARNESS_DEVICE_H

#include "runtime/irq.h"

/* The vector that --irq-rate raises. */
#define DEVICE_VECTOR	IRQ_FIRST_DEVICE

/* Interrupts handled and pages refused, summed over the CPUs.  Exact. */
struct device_stats {
	u64 interrupts, softirqs, allocs, frees, failed;
};

/*
 * Takes the vector and memory for the rings; some buffers are of 2^@max_order pages.  Host thread,
 * machine idle.  0 or -errno.
 */
__must_check int device_start(u64 seed, unsigned int max_order);

/* Makes one interrupt pending on @cpu.  Any thread. */
void device_interrupt(unsigned int cpu);

/* Frees what the calling CPU's ring holds.  Task context. */
void device_finish(void);

/* Gives everything back and adds up the statistics.  Host thread, machine idle. */
void device_stop(void);
void device_get_stats(struct device_stats *sum);

#endif /* STRESS_HARNESS_DEVICE_H */
