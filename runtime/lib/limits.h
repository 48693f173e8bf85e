/* SPDX-License-Identifier: MIT */
/* Every hard limit of the runtime, in one place, each with the reason for its value. */
#ifndef RUNTIME_LIB_LIMITS_H
#define RUNTIME_LIB_LIMITS_H

/* CPUs: REQUIREMENTS A1 asks for 256; a cpumask is then four words. */
#define NR_CPUS			256

/* Interrupt vectors and softirqs of a CPU: one bit each in a 64-bit pending word. */
#define NR_VECTORS		64
#define NR_SOFTIRQS		16

/*
 * lock_stat: classes (one per named lock or lock family), rows (class x call site) and contended
 * pairs (class x waiter x holder x context) that one CPU can record.  A full table is reported
 * as an overflow count, never dropped in silence.
 */
#define LOCKSTAT_CLASSES	256
#define LOCKSTAT_SITES		1024
#define LOCKSTAT_ROWS		1024
#define LOCKSTAT_PAIRS		1024

/* Spinlocks one CPU may hold at once, over all its context levels (task, softirq, hardirq). */
#define LOCK_DEPTH_MAX		48

/*
 * lockdep's order graph.  Ids are one byte and sets of classes are words; the whole tree has some
 * 40 classes and 100 orders.  It is part of every snapshot of the SIM back end, hence small.
 */
#define LOCKDEP_CLASSES		128
#define LOCKDEP_EDGES		512

/* Stack of one interrupt level, bytes: the deepest handler (GFP_ATOMIC allocation) uses 3 kB. */
#define IRQ_STACK_SIZE		(64 * 1024)

#endif /* RUNTIME_LIB_LIMITS_H */
