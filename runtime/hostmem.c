/* SPDX-License-Identifier: MIT */
/* Memory taken from the host: lazily backed anonymous maps and the memfd arena. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/hostmem.h"

#define HOST_PAGE	4096UL

void *hostmem_alloc(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void hostmem_free(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
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
