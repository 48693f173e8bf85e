/* SPDX-License-Identifier: MIT */
/* Memory taken from the host: lazily backed anonymous maps and the memfd arena. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/hostmem.h"

#define HOST_PAGE	4096UL

/* More tables than any machine has; a table beyond it is only missing from snapshots. */
#define MAX_TABLES	128

static struct {
	void *p;
	size_t bytes;
} tables[MAX_TABLES];
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_anonymous(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Finds the slot that holds @old and gives it to @p. */
static void replace_table(void *old, void *p, size_t bytes)
{
	pthread_mutex_lock(&tables_lock);
	for (int i = 0; i < MAX_TABLES; i++)
		if (tables[i].p == old) {
			tables[i].p = p;
			tables[i].bytes = bytes;
			break;
		}
	pthread_mutex_unlock(&tables_lock);
}

void *hostmem_alloc(size_t bytes)
{
	void *p = map_anonymous(bytes);

	if (p)
		replace_table(NULL, p, bytes);
	return p;
}

void hostmem_free(void *p, size_t bytes)
{
	if (!p)
		return;
	replace_table(p, NULL, 0);
	munmap(p, bytes);
}

void hostmem_for_each(void (*fn)(void *p, size_t bytes, void *arg), void *arg)
{
	for (int i = 0; i < MAX_TABLES; i++)
		if (tables[i].p)
			fn(tables[i].p, tables[i].bytes, arg);
}

void *hostmem_alloc_stack(size_t bytes)
{
	void *stack = map_anonymous(bytes);

	if (stack)
		mprotect(stack, HOST_PAGE, PROT_NONE);
	return stack;
}

void hostmem_free_stack(void *stack, size_t bytes)
{
	if (stack)
		munmap(stack, bytes);
}

int hostmem_arena_create(struct hostmem_arena *arena, size_t bytes)
{
	int err;

	arena->bytes = bytes;
	arena->fd = memfd_create("kmemlab-arena", MFD_CLOEXEC);
	if (arena->fd < 0)
		return -errno;
	if (ftruncate(arena->fd, (off_t)bytes) < 0)
		goto fail;
	arena->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			   arena->fd, 0);
	if (arena->base != MAP_FAILED)
		return 0;
fail:
	err = -errno;
	close(arena->fd);
	arena->base = NULL;
	return err;
}

void hostmem_arena_destroy(struct hostmem_arena *arena)
{
	if (!arena->base)
		return;
	munmap(arena->base, arena->bytes);
	close(arena->fd);
	arena->base = NULL;
}

size_t hostmem_resident(const void *p, size_t bytes)
{
	unsigned char vec[1024];
	size_t resident = 0;
	uintptr_t at = (uintptr_t)p & ~(HOST_PAGE - 1);
	uintptr_t end = align_up((uintptr_t)p + bytes, HOST_PAGE);

	while (at < end) {
		size_t pages = min((end - at) / HOST_PAGE, sizeof(vec));

		if (mincore((void *)at, pages * HOST_PAGE, vec) == 0)
			for (size_t i = 0; i < pages; i++)
				resident += vec[i] & 1;
		at += pages * HOST_PAGE;
	}
	return resident * HOST_PAGE;
}
