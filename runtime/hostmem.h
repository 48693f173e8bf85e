/* SPDX-License-Identifier: MIT */
/*
 * Memory taken from the host: boot-time tables, and the arena that poses as physical memory.
 *
 * Nothing below the harness calls malloc(); what a layer needs it takes here at boot and gives
 * back at shutdown.  Everything is mapped zeroed and lazily: untouched pages cost nothing.
 */
#ifndef RUNTIME_HOSTMEM_H
#define RUNTIME_HOSTMEM_H

#include "runtime/lib/types.h"

/*
 * Maps @bytes of zeroed memory, page aligned.  Any host thread; may sleep.  Returns NULL when the
 * host refuses.
 */
void *hostmem_alloc(size_t bytes) __must_check;
void hostmem_free(void *p, size_t bytes);

/*
 * A stack of @bytes whose lowest page is a guard: an overflow faults instead of eating a
 * neighbour.  Returns its lowest address.
 */
void *hostmem_alloc_stack(size_t bytes) __must_check;
void hostmem_free_stack(void *stack, size_t bytes);

/*
 * The state of the machine that a snapshot has to keep: everything from hostmem_alloc(), neither
 * stacks nor the arena.  Calls fn(p, bytes) for each piece.
 */
void hostmem_for_each(void (*fn)(void *p, size_t bytes, void *arg), void *arg);

/* The arena: one memfd mapped at @base, so that vmalloc and kmap can map its frames again. */
struct hostmem_arena {
	char *base;
	size_t bytes;
	int fd;
};

/* Returns 0 or -errno. */
__must_check int hostmem_arena_create(struct hostmem_arena *arena, size_t bytes);
void hostmem_arena_destroy(struct hostmem_arena *arena);

/* Bytes of [p, p + bytes) that the host really holds in memory. */
size_t hostmem_resident(const void *p, size_t bytes);

#endif /* RUNTIME_HOSTMEM_H */
