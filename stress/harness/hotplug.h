/* SPDX-License-Identifier: MIT */
/* --hotplug: CPU 0 takes another CPU down, and a while later up again. */
#ifndef STRESS_HARNESS_HOTPLUG_H
#define STRESS_HARNESS_HOTPLUG_H

#include "stress/harness/harness.h"

/*
 * The next change if it is due at @now (ns of the run's time).  CPU 0's task between two
 * operations; returns when the change is done.
 */
void stress_hotplug_turn(struct stress_cpu *c, u64 now);

/* Brings up what is down.  CPU 0's task after its last operation. */
void stress_hotplug_end(struct stress_cpu *c);

#endif /* STRESS_HARNESS_HOTPLUG_H */
