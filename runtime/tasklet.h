/* SPDX-License-Identifier: MIT */
/*
 * Tasklets: functions that an interrupt handler leaves to a softirq (include/linux/interrupt.h).
 *
 * A tasklet runs once per scheduling, on one CPU at a time, in softirq context.
 */
#ifndef RUNTIME_TASKLET_H
#define RUNTIME_TASKLET_H

#include "runtime/irq.h"

struct tasklet_struct {
	struct tasklet_struct *next;	/* on the list of the CPU that scheduled it */
	u32 state;			/* atomic: TASKLET_SCHED, TASKLET_RUN */
	void (*func)(unsigned long data);
	unsigned long data;
};

void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long data), unsigned long data);

/*
 * Lets @t run on this CPU soon; does nothing when it is scheduled and has not begun.  Any context.
 * Full order: what the caller wrote before is visible to the function.
 */
void tasklet_schedule(struct tasklet_struct *t);

/* Returns when @t is neither scheduled nor running; nobody schedules it any more.  Task context. */
void tasklet_kill(struct tasklet_struct *t);

/* CPU hotplug: this CPU's list, taken and put; interrupts masked. */
struct tasklet_struct *tasklet_take_all(void);
void tasklet_adopt(struct tasklet_struct *list);

/* Host thread. */
void tasklet_boot(void);

#endif /* RUNTIME_TASKLET_H */
