/* SPDX-License-Identifier: MIT */
/* The texts of /proc/interrupts and /proc/softirqs, in the kernel's columns. */
#ifndef RUNTIME_PROCIRQ_H
#define RUNTIME_PROCIRQ_H

#include <stdio.h>

/*
 * One row per registered vector with a column per online CPU: devices by number, the runtime's own
 * by their three letters.  Any thread; each number is exact, the table is not of one moment.
 */
void proc_interrupts_show(FILE *out);

/* One row per softirq with an action, a column per possible CPU. */
void proc_softirqs_show(FILE *out);

#endif /* RUNTIME_PROCIRQ_H */
