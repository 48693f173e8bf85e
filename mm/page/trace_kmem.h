/* SPDX-License-Identifier: MIT */
/*
 * Tracepoints of the page allocator (include/trace/events/kmem.h): one table of callbacks.
 *
 * With no tracer a tracepoint is one load and a branch that is never taken.
 */
#ifndef MM_PAGE_TRACE_KMEM_H
#define MM_PAGE_TRACE_KMEM_H

#include "mm/page/gfp.h"
#include "mm/page/page.h"

/* A block taken from the pageblocks of another type. */
struct extfrag_event {
	const struct page *page;
	unsigned int alloc_order;	/* what was asked for */
	unsigned int fallback_order;	/* the free block it was cut from */
	int alloc_migratetype, fallback_migratetype;
	bool change_ownership;		/* the whole pageblock changed its type */
};

/*
 * Called on the CPU where the event happens, in its context, so a callback neither sleeps nor
 * allocates.  Entries may be NULL.
 */
struct kmem_tracer {
	/* End of an allocation; @page is NULL when it failed. */
	void (*page_alloc)(const struct page *page, unsigned int order, gfp_t gfp,
			   int migratetype);
	/* Start of a free, before any lock. */
	void (*page_free)(const struct page *page, unsigned int order);
	/* A block left the buddy by its own type's list; zone->lock is held. */
	void (*page_alloc_zone_locked)(const struct page *page, unsigned int order,
				       int migratetype, bool percpu_refill);
	/* A block went from a per-CPU list to the buddy; zone->lock is held. */
	void (*page_pcpu_drain)(const struct page *page, unsigned int order, int migratetype);
	/* A block was claimed or stolen from another type; zone->lock is held. */
	void (*page_alloc_extfrag)(const struct extfrag_event *event);
};

extern const struct kmem_tracer *kmem_tracer;

/* Sets the tracer, NULL for none.  Host thread; no CPU may be running work. */
void kmem_tracer_set(const struct kmem_tracer *tracer);

static inline const struct kmem_tracer *kmem_tracing(void)
{
	return READ_ONCE(kmem_tracer);
}

#define trace_kmem(event, ...)						\
	do {								\
		const struct kmem_tracer *tracer_ = kmem_tracing();	\
		if (unlikely(tracer_) && tracer_->event)		\
			tracer_->event(__VA_ARGS__);			\
	} while (0)

#endif /* MM_PAGE_TRACE_KMEM_H */
