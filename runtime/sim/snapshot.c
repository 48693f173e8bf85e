/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of the machine's state, so that a schedule costs microseconds to undo.
 *
 * What.  The state of a machine at rest is plain memory: the program's static data and the tables
 * from hostmem_alloc().  A snapshot is a copy of both; restoring it is a few memory copies instead
 * of a shutdown and a boot.  The scheduler's own state is on the heap and stays.
 *
 * Invariants.
 *   I1  Taken and restored with every CPU waiting for work, so that no stack holds anything but the
 *       idle loop, which re-reads all it looks at.
 *   I2  The set of tables does not change between taking and restoring.
 *
 * Frames' contents are not part of it: a free frame's contents mean nothing, and an allocated one's
 * are its owner's to initialise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bug.h"
#include "runtime/hostmem.h"
#include "runtime/sim/sched.h"

#if defined(KMEMLAB_TSAN) || defined(__SANITIZE_ADDRESS__)
#define SNAPSHOTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SNAPSHOTS 0
#endif
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 1
#endif

/* The linker's bounds of initialised and zeroed static data. */
extern char __data_start[], _edata[], __bss_start[], _end[];

#define MAX_PIECES	160

struct snapshot {
	struct piece {
		char *live;
		char *copy;
		size_t bytes;
	} pieces[MAX_PIECES];
	size_t nr, bytes;
};

static struct snapshot *snapshot;

static void add_piece(void *p, size_t bytes, void *arg)
{
	struct snapshot *s = arg;

	if (bytes == 0)
		return;
	if (s->nr == MAX_PIECES)
		panic("snapshot: more than %d pieces", MAX_PIECES);
	s->pieces[s->nr++] = (struct piece){ .live = p, .bytes = bytes };
	s->bytes += bytes;
}

int sim_snapshot_take(void)
{
	struct snapshot *s;
	char *copy;

	if (!SNAPSHOTS)
		return -ENOTSUP;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	add_piece(__data_start, (size_t)(_edata - __data_start), s);
	add_piece(__bss_start, (size_t)(_end - __bss_start), s);
	hostmem_for_each(add_piece, s);
	copy = malloc(s->bytes);
	if (!copy) {
		free(s);
		return -ENOMEM;
	}
	snapshot = s;		/* before copying: the copy must know it exists */
	for (size_t i = 0; i < s->nr; i++) {
		s->pieces[i].copy = copy;
		memcpy(copy, s->pieces[i].live, s->pieces[i].bytes);
		copy += s->pieces[i].bytes;
	}
	return 0;
}

void sim_snapshot_restore(void)
{
	struct snapshot *s = snapshot;

	for (size_t i = 0; i < s->nr; i++)
		memcpy(s->pieces[i].live, s->pieces[i].copy, s->pieces[i].bytes);
	/*
	 * Each CPU waits for a doorbell to differ from what it read after the snapshot was taken:
	 * let it read again, or a ring that leads back to that value would not be heard.
	 */
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		sim->cpus[i].wait_word = NULL;
}

size_t sim_snapshot_bytes(void)
{
	return snapshot ? snapshot->bytes : 0;
}

void sim_snapshot_drop(void)
{
	if (!snapshot)
		return;
	free(snapshot->pieces[0].copy);
	free(snapshot);
	snapshot = NULL;
}
