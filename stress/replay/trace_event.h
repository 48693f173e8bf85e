/* SPDX-License-Identifier: MIT */
/*
 * trace_event.h - a recorded kernel trace as a compact array of events, and its side tables.
 *
 * Page events, nine of ten in a trace, are complete in 24 bytes. Events with more fields keep the
 * rest in a side table of their kind, found by the index in the event.
 */
#ifndef STRESS_REPLAY_TRACE_EVENT_H
#define STRESS_REPLAY_TRACE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/page/gfp.h"
#include "stress/replay/trace_strings.h"

enum trace_type {
	TRACE_PAGE_ALLOC,		/* kmem:mm_page_alloc */
	TRACE_PAGE_FREE,		/* kmem:mm_page_free */
	TRACE_PAGE_FREE_BATCHED,	/* kmem:mm_page_free_batched, repeats a mm_page_free */
	TRACE_PAGE_ZONE_LOCKED,		/* kmem:mm_page_alloc_zone_locked */
	TRACE_PAGE_PCPU_DRAIN,		/* kmem:mm_page_pcpu_drain */
	TRACE_PAGE_EXTFRAG,		/* kmem:mm_page_alloc_extfrag, see trace->extfrag */
	TRACE_KMALLOC,			/* kmem:kmalloc (and kmalloc_node), see trace->slab */
	TRACE_KFREE,			/* kmem:kfree, see trace->slab */
	TRACE_CACHE_ALLOC,		/* kmem:kmem_cache_alloc (and _node), see trace->slab */
	TRACE_CACHE_FREE,		/* kmem:kmem_cache_free, see trace->slab */
	TRACE_TLB_FLUSH,		/* tlb:tlb_flush, see trace->tlb */
	TRACE_CONTENTION_BEGIN,		/* lock:contention_begin, see trace->contention */
	TRACE_CONTENTION_END,		/* lock:contention_end, see trace->contention */
	TRACE_NR_TYPES,
};

/* Event flags. The upper four bits are the preemption depth, see trace_preempt_depth(). */
#define TRACE_F_HARDIRQ		0x01u	/* in a hardware interrupt (or NMI) */
#define TRACE_F_SOFTIRQ		0x02u	/* in a softirq */
#define TRACE_F_IRQS_OFF	0x04u
/*
 * mm_page_alloc_zone_locked printed percpu_refill=1. That only says that order and migrate type
 * are allowed on the per-CPU lists, not that the block was moved there.
 */
#define TRACE_F_PERCPU_REFILL	0x08u
#define TRACE_F_DEPTH_SHIFT	4

#define TRACE_PFN_BITS		40
/* pfn of a failed allocation (printed as 0x0 or as all ones). */
#define TRACE_PFN_NONE		((1ull << TRACE_PFN_BITS) - 1)
#define TRACE_CPU_MAX		4096u	/* CPU numbers are below this */
#define TRACE_ORDER_MAX		15u	/* largest order that is accepted */
#define TRACE_MIGRATETYPE_MAX	6u	/* largest migrate type that is accepted */
/* The event carries no migrate type: a free takes it from the page's pageblock. */
#define TRACE_MIGRATETYPE_NONE	7u
#define TRACE_TASK_MAX		(1u << 24)

struct trace_event {
	uint64_t time_ns;	/* of the trace clock */
	union {
		gfp_t gfp;	/* TRACE_PAGE_ALLOC */
		uint32_t side;	/* index into the side table of the type */
	};
	uint32_t task : 24;	/* index into trace->tasks */
	uint32_t flags : 8;	/* TRACE_F_* */
	uint64_t pfn : TRACE_PFN_BITS;	/* page events */
	uint64_t cpu : 12;
	uint64_t type : 5;	/* enum trace_type */
	uint64_t order : 4;	/* page events; always 0 in TRACE_PAGE_FREE_BATCHED, as printed */
	uint64_t migratetype : 3;
};

_Static_assert(sizeof(struct trace_event) == 24, "a page event takes 24 bytes");
_Static_assert(TRACE_NR_TYPES <= 32, "the type fits its five bits");

struct trace_task {
	int32_t pid;
	uint32_t comm;		/* in trace->strings */
};

struct trace_extfrag_event {
	uint8_t alloc_order;		/* also the event's order */
	uint8_t fallback_order;
	uint8_t block_order;		/* of a whole pageblock */
	uint8_t alloc_migratetype;	/* also the event's migratetype */
	uint8_t fallback_migratetype;
	bool fragmenting;
	bool change_ownership;
};

#define TRACE_NODE_NONE		(-1)

struct trace_slab_event {
	uint64_t ptr;		/* key only: a hash in ftrace text; 0 is NULL */
	uint32_t call_site;	/* in trace->strings */
	uint32_t cache;		/* in trace->strings; empty for kmalloc and where not printed */
	uint32_t bytes_req;	/* allocations, else 0 */
	uint32_t bytes_alloc;	/* allocations, else 0 */
	gfp_t gfp;		/* allocations, else 0 */
	int16_t node;		/* requested node or TRACE_NODE_NONE */
	bool accounted;
};

struct trace_tlb_event {
	int64_t pages;		/* -1 is a full flush */
	uint8_t reason;		/* the number in brackets at the end of the line */
};

/* Bits of trace_contention_event.flags, numbered as the kernel does. */
#define TRACE_LCB_SPIN		0x01u
#define TRACE_LCB_READ		0x02u
#define TRACE_LCB_WRITE		0x04u
#define TRACE_LCB_RT		0x08u
#define TRACE_LCB_PERCPU	0x10u
#define TRACE_LCB_MUTEX		0x20u

struct trace_contention_event {
	uint64_t lock;		/* key only: a hash in ftrace text */
	int32_t ret;		/* contention_end, else 0 */
	uint8_t flags;		/* contention_begin, else 0 */
};

/* A gap: @count events of @cpu (0: unknown number) were lost before event number @at. */
struct trace_lost {
	uint64_t at;
	uint64_t count;
	uint32_t cpu;
};

struct trace_cpu {
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t nr_events;	/* of known types */
	uint64_t lost;		/* events known to be lost */
	uint32_t gaps;		/* how many times */
};

enum trace_format {
	TRACE_FORMAT_UNKNOWN,
	TRACE_FORMAT_FTRACE,	/* the tracefs file `trace` */
	TRACE_FORMAT_TRACE_CMD,	/* trace-cmd report */
	TRACE_FORMAT_PERF,	/* perf script */
	TRACE_FORMAT_DAT,	/* trace.dat */
};

struct trace {
	struct trace_event *events;
	uint64_t nr_events;
	size_t cap_events;
	struct trace_slab_event *slab;
	uint32_t nr_slab;
	size_t cap_slab;
	struct trace_extfrag_event *extfrag;
	uint32_t nr_extfrag;
	size_t cap_extfrag;
	struct trace_tlb_event *tlb;
	uint32_t nr_tlb;
	size_t cap_tlb;
	struct trace_contention_event *contention;
	uint32_t nr_contention;
	size_t cap_contention;

	struct trace_task *tasks;
	uint32_t nr_tasks;
	size_t cap_tasks;
	struct trace_cpu *cpus;	/* cpus[cpu], also for CPUs without events */
	uint32_t nr_cpus;	/* highest CPU number met + 1, at least the header's number */
	size_t cap_cpus;
	struct trace_lost *lost;
	uint32_t nr_lost;
	size_t cap_lost;
	struct trace_strings strings;	/* task names, call sites, cache names */
	struct trace_strings unknown;	/* names of skipped events, uses = how many */

	enum trace_format format;
	bool has_irq_flags;	/* the context columns were present in every event */
	uint64_t nr_by_type[TRACE_NR_TYPES];
	uint64_t nr_lines;
	uint64_t text_bytes;
	/* What the quality grade is made of; see trace_quality.h for the derived part. */
	uint64_t lost_events;	/* by LOST lines, all CPUs; gaps of unknown size add nothing */
	uint64_t overrun_events;	/* header: entries written minus entries in the buffer */
	uint64_t nr_unknown;	/* events of unknown name, skipped */
	uint64_t nr_unknown_gfp;	/* events with a flag name that is not known here */
	uint64_t nr_inversions;	/* events earlier than the one before, on another CPU */
	uint64_t truncated_line;	/* number of an incomplete last line, 0 if none */
};

/* True for a mm_page_alloc that got no page. */
static inline bool trace_alloc_failed(const struct trace_event *ev)
{
	return ev->type == TRACE_PAGE_ALLOC && ev->pfn == TRACE_PFN_NONE;
}

/* preempt_disable() depth as recorded, 0..15; 0 where the trace has no context columns. */
static inline unsigned int trace_preempt_depth(const struct trace_event *ev)
{
	return ev->flags >> TRACE_F_DEPTH_SHIFT;
}

/* Event name without its subsystem, e.g. "mm_page_alloc". */
const char *trace_type_name(enum trace_type type);

/* Name of the format for reports, e.g. "ftrace". */
const char *trace_format_name(enum trace_format format);

#endif /* STRESS_REPLAY_TRACE_EVENT_H */
