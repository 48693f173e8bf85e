/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU areas: the static copies and the allocator behind them.
 *
 * What.  One map holds an area per CPU.  An area is the image of the linker section followed by
 * the dynamic part:
 *
 *	page of the section's start
 *	v
 *	| .. | static copy | pad to a page |  dynamic part, bitmap allocator  |	CPU 0
 *	| .. | static copy | pad to a page |  ...                             |	CPU 1
 *
 * An address in the section's page range plus percpu_off[cpu] is the copy; percpu_off is a
 * multiple of the page size, so every alignment up to a page survives.  A dynamic "address" lies
 * behind the section in the same numbering and is never dereferenced itself.
 *
 * States.  A unit (16 bytes on every CPU) is free or allocated; the first unit of an allocation
 * is marked in a second bitmap, which is how free finds the end.
 *
 * Invariants.
 *   I1  starts is a subset of used; the unit after an allocation's end is free or a start.
 *   I2  used_units == number of bits in used.
 *   I3  No unit below first_free is free.
 *
 * Locking.  percpu_lock, a host mutex: boot allocates before any CPU exists, and a spinlock needs
 * a CPU.  Nothing is called and no safepoint is passed while it is held, so no interrupt can find
 * it taken by its own CPU and no waiter waits longer than one search.
 * Context.  Task context or host thread.  Failure.  NULL when no run of free units is long enough.
 * See also.  linux: mm/percpu.c.
 */
#include "percpu/percpu.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "runtime/hostmem.h"

#define PERCPU_PAGE	4096UL
#define UNIT		16UL	/* malloc's alignment: enough for any type without __aligned */

/* Weak: a program without per-CPU variables has no such section. */
extern char __start_kmem_percpu[] __attribute__((weak));
extern char __stop_kmem_percpu[] __attribute__((weak));

static struct {
	char *areas;		/* nr_cpu_ids areas of @stride bytes */
	size_t stride, bytes;
	size_t dynamic;		/* offset of the dynamic part in an area; page multiple, not 0 */

	/* Under percpu_lock. */
	u64 *used, *starts;	/* one bit per unit */
	size_t map_bytes;	/* both bitmaps together */
	size_t nr_units, used_units;
	size_t first_free;
} percpu;

static pthread_mutex_t percpu_lock = PTHREAD_MUTEX_INITIALIZER;

/* The number that offset 0 of an area has in the section's numbering. */
static uintptr_t percpu_origin(void)
{
	return (uintptr_t)__start_kmem_percpu & ~(PERCPU_PAGE - 1);
}

static bool test_unit(const u64 *map, size_t unit)
{
	return map[unit / 64] >> (unit % 64) & 1;
}

static void set_unit(u64 *map, size_t unit)
{
	map[unit / 64] |= 1ULL << (unit % 64);
}

static void clear_unit(u64 *map, size_t unit)
{
	map[unit / 64] &= ~(1ULL << (unit % 64));
}

int percpu_boot(size_t dynamic_bytes)
{
	size_t head = (uintptr_t)__start_kmem_percpu - percpu_origin();
	size_t size = (size_t)(__stop_kmem_percpu - __start_kmem_percpu);

	BUG_ON(percpu.areas);
	/* At least one page before it, so that no allocation is NULL without a section. */
	percpu.dynamic = max(align_up(head + size, PERCPU_PAGE), PERCPU_PAGE);
	percpu.nr_units = align_up(dynamic_bytes, PERCPU_PAGE) / UNIT;
	percpu.stride = percpu.dynamic + percpu.nr_units * UNIT;
	percpu.bytes = percpu.stride * nr_cpu_ids;
	percpu.used_units = 0;
	percpu.first_free = 0;
	percpu.map_bytes = 2 * align_up(percpu.nr_units, 64) / 8;

	percpu.areas = hostmem_alloc(percpu.bytes);
	if (!percpu.areas)
		return -ENOMEM;
	percpu.used = hostmem_alloc(max(percpu.map_bytes, PERCPU_PAGE));
	if (!percpu.used) {
		hostmem_free(percpu.areas, percpu.bytes);
		percpu.areas = NULL;
		return -ENOMEM;
	}
	percpu.starts = percpu.used + align_up(percpu.nr_units, 64) / 64;

	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		char *area = percpu.areas + cpu * percpu.stride;

		if (size)
			memcpy(area + head, __start_kmem_percpu, size);
		cpus[cpu].percpu_off = (uintptr_t)area - percpu_origin();
	}
	return 0;
}

void percpu_shutdown(void)
{
	hostmem_free(percpu.used, max(percpu.map_bytes, PERCPU_PAGE));
	hostmem_free(percpu.areas, percpu.bytes);
	percpu.used = NULL;
	percpu.areas = NULL;
}

/*
 * Finds the first @n free units that start at a multiple of @step; returns nr_units when there
 * are none.  Each used unit met moves the start beyond it, so the search is linear.
 */
static size_t find_units(size_t n, size_t step)
{
	size_t start = align_up(percpu.first_free, step);
	size_t at = start;

	while (at - start < n) {
		if (start + n > percpu.nr_units)
			return percpu.nr_units;
		if (at % 64 == 0 && percpu.used[at / 64] == ~0ULL) {
			at = start = align_up(at + 64, step);
		} else if (test_unit(percpu.used, at)) {
			at = start = align_up(at + 1, step);
		} else {
			at++;
		}
	}
	return start;
}

/* Marks @n free units from @start; percpu_lock held. */
static void take_units(size_t start, size_t n)
{
	set_unit(percpu.starts, start);
	for (size_t i = 0; i < n; i++) {
		VM_BUG_ON(test_unit(percpu.used, start + i));
		set_unit(percpu.used, start + i);
	}
	percpu.used_units += n;
	while (percpu.first_free < percpu.nr_units && test_unit(percpu.used, percpu.first_free))
		percpu.first_free++;
}

void *__alloc_percpu(size_t size, size_t align)
{
	size_t n = max(align_up(size, UNIT) / UNIT, 1UL);
	size_t offset, start;

	VM_BUG_ON(this_cpu() && in_interrupt());
	VM_BUG_ON(align == 0 || (align & (align - 1)) || align > PERCPU_PAGE);
	/* A size this large would overflow the search's sums. */
	if (size > percpu.nr_units * UNIT)
		return NULL;

	pthread_mutex_lock(&percpu_lock);
	start = find_units(n, max(align / UNIT, 1UL));
	if (start != percpu.nr_units)
		take_units(start, n);
	pthread_mutex_unlock(&percpu_lock);
	if (start == percpu.nr_units)
		return NULL;

	offset = percpu.dynamic + start * UNIT;
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		memset(percpu.areas + cpu * percpu.stride + offset, 0, n * UNIT);
	return (void *)(percpu_origin() + offset);
}

void free_percpu(void *ptr)
{
	size_t start, unit;

	if (!ptr)
		return;
	VM_BUG_ON(this_cpu() && in_interrupt());
	start = ((uintptr_t)ptr - percpu_origin() - percpu.dynamic) / UNIT;

	pthread_mutex_lock(&percpu_lock);
	/* A foreign pointer or a second free: going on would free somebody else's memory. */
	BUG_ON(start >= percpu.nr_units || !test_unit(percpu.starts, start));
	clear_unit(percpu.starts, start);
	unit = start;
	do {
		clear_unit(percpu.used, unit);
		percpu.used_units--;
		unit++;
	} while (unit < percpu.nr_units && test_unit(percpu.used, unit) &&
		 !test_unit(percpu.starts, unit));
	percpu.first_free = min(percpu.first_free, start);
	pthread_mutex_unlock(&percpu_lock);
}

void percpu_usage(size_t *used, size_t *total)
{
	pthread_mutex_lock(&percpu_lock);
	*used = percpu.used_units * UNIT;
	*total = percpu.nr_units * UNIT;
	pthread_mutex_unlock(&percpu_lock);
}
