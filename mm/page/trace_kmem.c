/* SPDX-License-Identifier: MIT */
/* The one tracer of the page allocator's events. */
#include "mm/page/trace_kmem.h"

const struct kmem_tracer *kmem_tracer;

void kmem_tracer_set(const struct kmem_tracer *tracer)
{
	WRITE_ONCE(kmem_tracer, tracer);
}
