/* SPDX-License-Identifier: MIT */
/* Contents of the slab allocator's frames, which a snapshot of the machine leaves out. */
#ifndef STRESS_EXPLORE_FRAMES_H
#define STRESS_EXPLORE_FRAMES_H

#include "runtime/lib/types.h"

struct frames {
	unsigned long *pfns;
	char *copy;			/* on the heap, which no snapshot touches */
	size_t nr;
};

/* Copies every frame that is part of a slab now.  Host thread, machine idle. */
void frames_save(struct frames *f);
/* Puts the contents back, after a snapshot made the frames slabs again. */
void frames_restore(const struct frames *f);
void frames_free(struct frames *f);

#endif /* STRESS_EXPLORE_FRAMES_H */
