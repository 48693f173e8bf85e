/* SPDX-License-Identifier: MIT */
/*
 * Plain memory accesses as scheduling points: the coverage build.
 *
 * What.  The compiler calls one of the functions below before every load and store of the layers
 * under test, marked or not, so another CPU can run between any two of them.  Bugs on words that
 * nobody marked then show to the oracles, which ThreadSanitizer would have to see as a race.
 *
 * Invariants.
 *   I1  Nothing of the scheduler, of lockdep or of a panic is compiled that way: it would be
 *       scheduled itself (toolchain/cmake/Layers.cmake has the list).
 *   I2  What only one CPU can see is no point: its stacks, the first lines of its struct cpu, the
 *       thread-local pointer to it, constants.
 *   I3  A marked access has its point already (sim_load_point(), sim_store_point()); the call that
 *       follows for the same word adds none.
 *   I4  A plain store is not seen before the stores in the store buffer, as any other store.
 *
 * See also.  tests/unit/test_plain_access.c; docs/explore.md.
 */
#include "runtime/sim/sched.h"

#include "runtime/lib/limits.h"

/* The linker's bounds of the program's text and constants. */
extern char __executable_start[], __data_start[];

static bool within(uintptr_t at, const void *start, size_t bytes)
{
	return at - (uintptr_t)start < bytes;
}

/* Whether no other CPU can see @p (I2). */
static bool is_private(const void *p)
{
	const struct sim_cpu *c = &sim->cpus[sim->current];
	const uintptr_t at = (uintptr_t)p;

	return within(at, c->fiber.stack, FIBER_STACK_SIZE) ||
		within(at, (char *)c->cpu->irq_stack + 64 - IRQ_STACK_SIZE, IRQ_STACK_SIZE) ||
		within(at, c->cpu, offsetof(struct cpu, irq_pending)) ||
		at == (uintptr_t)&current_cpu ||
		within(at, __executable_start, (size_t)(__data_start - __executable_start));
}

static __noinline void plain_access(const void *p, bool store)
{
	struct sim_cpu *c;

	if (sim->scheduling || !sim->running || sim->current == SIM_HOST)
		return;
	c = &sim->cpus[sim->current];
	if (c->marked == p) {					/* I3 */
		c->marked = NULL;
		return;
	}
	if (is_private(p))
		return;
	if (store && c->nr_stores)
		sim_buffer_flush(c, true);			/* I4 */
	sim_yield(SIM_ACCESS, p);
}

#define ACCESS_POINT(name, bytes, is_store)				\
	void __sanitizer_cov_##name##bytes(const void *p);		\
	void __sanitizer_cov_##name##bytes(const void *p)		\
	{								\
		if (unlikely(sim_active))				\
			plain_access(p, is_store);			\
	}

ACCESS_POINT(load, 1, false)
ACCESS_POINT(load, 2, false)
ACCESS_POINT(load, 4, false)
ACCESS_POINT(load, 8, false)
ACCESS_POINT(load, 16, false)
ACCESS_POINT(store, 1, true)
ACCESS_POINT(store, 2, true)
ACCESS_POINT(store, 4, true)
ACCESS_POINT(store, 8, true)
ACCESS_POINT(store, 16, true)
