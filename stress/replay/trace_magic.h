/* SPDX-License-Identifier: MIT */
/* trace_magic.h - recognises files that are not trace text by their first bytes. */
#ifndef STRESS_REPLAY_TRACE_MAGIC_H
#define STRESS_REPLAY_TRACE_MAGIC_H

#include <stddef.h>

/*
 * Returns why a file with these first bytes (after decompression) is refused and what to do, or
 * NULL when it may be text. @len may be 0: an empty file is refused.
 */
const char *trace_magic_refuse(const char *head, size_t len);

#endif /* STRESS_REPLAY_TRACE_MAGIC_H */
