/* SPDX-License-Identifier: MIT */
/*
 * stress-irq-atomic's parts: tasks that drain the zones (irq_atomic_task.c), a device whose
 * interrupts live on GFP_ATOMIC memory (irq_atomic_device.c), and the depth of the reserve over
 * time (irq_atomic_depth.c).
 */
#ifndef STRESS_WORKLOADS_IRQ_ATOMIC_H
#define STRESS_WORKLOADS_IRQ_ATOMIC_H

#include "mm/page/watermark.h"
#include "stress/harness/harness.h"
#include "stress/workloads/pages_mail.h"

extern const struct workload workload_irq_atomic;

/* ---- the device ---- */

enum irq_atomic_ctx { IN_HARDIRQ, IN_SOFTIRQ, NR_IRQ_ATOMIC_CTX };

/* What one context of one CPU did, or the sum over them.  Exact. */
struct irq_atomic_stats {
	u64 runs;			/* interrupts taken, softirqs run */
	u64 owner_hits;			/* runs that interrupted a holder of this CPU's page list */
	u64 allocs, frees, sent, received;	/* blocks; sent: to be freed by another CPU */
	u64 from_reserve;		/* blocks that came from a HIGHATOMIC pageblock */
	u64 allocs_by_order[NR_PAGE_ORDERS];
	u64 refused[NR_WMARK_REFUSALS][NR_PAGE_ORDERS];
};

/* Takes the device's vector and softirq.  Host thread, machine idle.  0 or -errno. */
__must_check int irq_atomic_device_start(const struct stress_options *opt);
/* Frees what this CPU's device holds or was sent.  Task context, no interrupt under way. */
void irq_atomic_device_finish(void);
void irq_atomic_device_stop(void);
/* The sum over the CPUs; host thread, machine idle. */
void irq_atomic_device_stats(enum irq_atomic_ctx ctx, struct irq_atomic_stats *sum);
const char *irq_atomic_ctx_name(enum irq_atomic_ctx ctx);

/* ---- the depth of the reserve ---- */

#define IRQ_ATOMIC_SAMPLES	512u

/* Pages at one moment. */
struct irq_atomic_sample {
	u64 at;				/* ns since the first sample; operations with --ops */
	u64 depth;			/* single pages that GFP_ATOMIC could still have */
	u64 reserved, reserved_free;	/* HIGHATOMIC: in its pageblocks, and free of these */
};

/* One CPU's task writes it. */
struct irq_atomic_depth {
	struct irq_atomic_sample sample[IRQ_ATOMIC_SAMPLES];
	unsigned int nr;
	u64 interval, next, start;	/* in the unit of @at */
};

/* @interval: between two samples, doubled whenever the room is used up. */
void irq_atomic_depth_init(struct irq_atomic_depth *d, u64 interval);
/* Takes a sample if one is due at @now. */
void irq_atomic_depth_look(struct irq_atomic_depth *d, u64 now);

struct irq_atomic_depth_sum {
	u64 min, median, max;		/* of depth */
	u64 reserved_max;
};

void irq_atomic_depth_sum(const struct irq_atomic_depth *d, struct irq_atomic_depth_sum *sum);
/* The series and its sum; @unit: of the times. */
json_t *irq_atomic_depth_json(const struct irq_atomic_depth *d, const char *unit);

#endif /* STRESS_WORKLOADS_IRQ_ATOMIC_H */
