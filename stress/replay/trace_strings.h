/* SPDX-License-Identifier: MIT */
/* trace_strings.h - interned strings: each distinct text is kept once and named by a number. */
#ifndef STRESS_REPLAY_TRACE_STRINGS_H
#define STRESS_REPLAY_TRACE_STRINGS_H

#include <stddef.h>
#include <stdint.h>

/* Id of the empty string, which every pool holds. */
#define TRACE_STR_EMPTY		0u
/* Returned when memory runs out. */
#define TRACE_STR_FAIL		UINT32_MAX

struct trace_string {
	uint32_t hash;
	uint32_t len;
	char *text;		/* terminated */
	uint64_t uses;		/* how often trace_strings_add() met it */
};

struct trace_strings {
	struct trace_string *v;	/* v[id] */
	uint32_t nr;
	size_t cap;
	uint32_t *slots;	/* open addressing: id + 1, 0 = free */
	uint32_t nr_slots;	/* power of two, at least twice nr */
};

/* Makes an empty pool. Returns 0 or -ENOMEM. */
int trace_strings_init(struct trace_strings *pool);

/**
 * trace_strings_add - find or add a text.
 * @pool: the pool.
 * @s:    the text, not necessarily terminated, without NUL.
 * @len:  its length in bytes.
 *
 * Returns its id, stable for the pool's life, or TRACE_STR_FAIL. Counts one use.
 */
uint32_t trace_strings_add(struct trace_strings *pool, const char *s, size_t len);

/* The text of @id, terminated; the empty string for an id that is out of range. */
const char *trace_strings_get(const struct trace_strings *pool, uint32_t id);

/* Frees all texts; the pool may be all zero. */
void trace_strings_destroy(struct trace_strings *pool);

#endif /* STRESS_REPLAY_TRACE_STRINGS_H */
