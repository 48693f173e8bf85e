/* SPDX-License-Identifier: MIT */
/*
 * Event rings.
 *
 * What.  Each CPU appends to a ring of its own: a store of 24 bytes and an increment, no atomic, no
 * lock, nothing shared.  Calls between CPUs are matched without a word in the call itself: a queue
 * keeps the order of one sender, so the n-th call that CPU a sent to CPU b is the n-th that b ran
 * from a, and both sides count.
 *
 * Invariants.
 *   I1  cpu->trace is written by its CPU alone, between two pieces of work: what the host prepared
 *       and what it reads later is ordered by the hand-over of that work.
 *   I2  Interrupts come at safepoints only and there is none in this file, so an append is never
 *       cut in two; ThreadSanitizer is told as in lockstat.c.
 *   I3  Tracing starts and ends on an idle machine, so that the two counts of a pair of CPUs are of
 *       the same calls.
 *
 * Locking.  None.  Context.  Appending: any context of a CPU.  Failure.  A full ring forgets its
 * oldest events; @nr says how many there were.  See also.  tests/unit/test_trace_ring.c.
 */
#include "runtime/trace.h"

#include <errno.h>

#include "runtime/hostmem.h"
#include "runtime/irq.h"

static struct trace_ring *rings;	/* [nr_cpu_ids] */
static size_t rings_bytes;		/* of the one piece of memory that holds everything */
static bool tracing;

static bool ring_enter(void)
{
	bool open = !irqs_disabled();

	if (open)
		tsan_irqs_off(this_cpu());
	return open;
}

static void ring_exit(bool open)
{
	if (open)
		tsan_irqs_on(this_cpu());
}

void __trace_add(struct trace_ring *ring, const struct trace_event *event)
{
	bool open = ring_enter();

	ring->events[ring->nr & ring->mask] = *event;
	ring->nr++;
	ring_exit(open);
}

void __trace_span(u64 start, enum trace_kind kind, u32 a, u32 b, u32 c)
{
	struct trace_ring *ring = trace_ring();
	u64 now = clock_ns();

	if (ring)
		__trace_add(ring, &(struct trace_event){
			.start = start, .dur = (u32)min(now - start, (u64)UINT32_MAX),
			.kind = (u16)kind, .a = (u16)a, .b = b, .c = c,
		});
}

static void add_point(struct trace_ring *ring, enum trace_kind kind, unsigned int cpu, u32 number)
{
	__trace_add(ring, &(struct trace_event){
		.start = clock_ns(), .kind = (u16)kind, .a = (u16)cpu, .b = number,
	});
}

void __trace_sent(unsigned int target)
{
	struct trace_ring *ring = trace_ring();
	bool open = ring_enter();
	u32 number = ring->sent[target]++;

	ring_exit(open);
	add_point(ring, TRACE_IPI_SEND, target, number);
}

void __trace_acked(unsigned int target)
{
	struct trace_ring *ring = trace_ring();
	bool open = ring_enter();
	u32 sent = ring->sent[target];

	ring_exit(open);
	if (sent)
		add_point(ring, TRACE_IPI_ACK, target, sent - 1);
}

void __trace_ran(u64 start, unsigned int src)
{
	struct trace_ring *ring = trace_ring();

	if (ring)
		__trace_span(start, TRACE_IPI_RUN, src, ring->run[src]++, 0);
}

/* ---- life cycle ---- */

/* As an append: an interrupt of before or after looks at the pointer too. */
static void attach(void *arg)
{
	struct cpu *cpu = this_cpu();
	bool open = ring_enter();

	cpu->trace = arg ? &((struct trace_ring *)arg)[cpu->id] : NULL;	/* I1 */
	ring_exit(open);
}

int trace_start(u32 events)
{
	u64 size = 16, words = 2 * (u64)nr_cpu_ids;
	char *at;

	while (size < min(events, TRACE_EVENTS_MAX))
		size *= 2;
	rings_bytes = nr_cpu_ids * (sizeof(*rings) + size * sizeof(struct trace_event) +
				    words * sizeof(u32));
	rings = hostmem_alloc(rings_bytes);
	if (!rings)
		return -ENOMEM;
	at = (char *)(rings + nr_cpu_ids);
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		rings[cpu].mask = size - 1;
		rings[cpu].events = (struct trace_event *)(void *)at;
		at += size * sizeof(struct trace_event);
	}
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		rings[cpu].sent = (u32 *)(void *)at;
		rings[cpu].run = rings[cpu].sent + nr_cpu_ids;
		at += words * sizeof(u32);
	}
	tracing = true;
	cpu_run_all(attach, rings);
	return 0;
}

void trace_stop(void)
{
	if (tracing)
		cpu_run_all(attach, NULL);
	tracing = false;
}

void trace_free(void)
{
	if (rings)
		hostmem_free(rings, rings_bytes);
	rings = NULL;
}

const struct trace_ring *trace_ring_of(unsigned int cpu)
{
	return rings && !tracing ? &rings[cpu] : NULL;
}
