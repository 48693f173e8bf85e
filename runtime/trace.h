/* SPDX-License-Identifier: MIT */
/*
 * Event rings: what happened when on each CPU, for timelines.
 *
 * Off by default.  A tracepoint that is off is one load of this CPU's own line and a branch that is
 * never taken, and there is none on a fast path: locks are traced where lock_stat has a clock
 * in hand anyway (waits, and the holds that it times), besides interrupts, calls between CPUs and
 * whatever upper layers do once per batch.  Follows kernel/trace/ring_buffer.c in the idea only.
 */
#ifndef RUNTIME_TRACE_H
#define RUNTIME_TRACE_H

#include "runtime/cpu.h"

enum trace_kind {
	TRACE_LOCK_WAIT,	/* span: a class, b waiter's site, c holder's site */
	TRACE_LOCK_HOLD,	/* span: a class, b site */
	TRACE_IRQ,		/* span: a vector */
	TRACE_IPI_CALL,		/* span: a CPUs called, b 1 when it waits for them */
	TRACE_IPI_SEND,		/* point: a target CPU, b number of the call from here to there */
	TRACE_IPI_RUN,		/* span: a sender CPU, b number of the call from there to here */
	TRACE_IPI_ACK,		/* point: a target CPU, b number of the last call to it */
	TRACE_PCP_REFILL,	/* span: a zone, b pages */
	TRACE_PCP_SPILL,	/* span: a zone, b pages */
	NR_TRACE_KINDS,
};

struct trace_event {
	u64 start;			/* ns of the machine's clock */
	u32 dur;			/* ns, at most 4 s; 0 for a point */
	u16 kind, a;
	u32 b, c;
};

/*
 * One CPU's ring.  Written by that CPU only, in any context; the oldest events give way.  Read by
 * the host thread while the machine is idle.
 */
struct trace_ring {
	u64 nr;				/* events ever written */
	u64 mask;			/* size - 1; a power of two */
	u32 *sent, *run;		/* [nr_cpu_ids] calls to, and calls run from, each CPU */
	struct trace_event *events;	/* [mask + 1] */
};

#define TRACE_EVENTS_MAX	(1U << 22)

/*
 * Starts empty rings of @events each (rounded up to a power of two, at most TRACE_EVENTS_MAX) on
 * every CPU.  Host thread, CPUs idle.  Returns 0 or -ENOMEM.
 */
__must_check int trace_start(u32 events);
/* Ends tracing; the rings can be read until trace_free().  Host thread, CPUs idle. */
void trace_stop(void);
void trace_free(void);

/* The ring of a CPU after trace_stop(); NULL when nothing was traced. */
const struct trace_ring *trace_ring_of(unsigned int cpu);

/* Slow parts. */
void __trace_add(struct trace_ring *ring, const struct trace_event *event);
void __trace_span(u64 start, enum trace_kind kind, u32 a, u32 b, u32 c);
void __trace_sent(unsigned int target);
void __trace_acked(unsigned int target);
void __trace_ran(u64 start, unsigned int src);

/* This CPU's ring; NULL when tracing is off, and on a thread that is no CPU. */
static inline struct trace_ring *trace_ring(void)
{
	struct cpu *cpu = this_cpu();

	return cpu ? cpu->trace : NULL;
}

/* The start of a span; 0 when tracing is off. */
static inline u64 trace_begin(void)
{
	return unlikely(trace_ring() != NULL) ? clock_ns() : 0;
}

/* The end of the span that began at @start, now. */
static inline void trace_end(u64 start, enum trace_kind kind, u32 a, u32 b, u32 c)
{
	if (unlikely(start))
		__trace_span(start, kind, a, b, c);
}

/* A call to @target was queued; was acknowledged; the one from @src that began at @start ran. */
static inline void trace_ipi_sent(unsigned int target)
{
	if (unlikely(trace_ring() != NULL))
		__trace_sent(target);
}

static inline void trace_ipi_acked(unsigned int target)
{
	if (unlikely(trace_ring() != NULL))
		__trace_acked(target);
}

static inline void trace_ipi_ran(u64 start, unsigned int src)
{
	if (unlikely(start))
		__trace_ran(start, src);
}

#endif /* RUNTIME_TRACE_H */
