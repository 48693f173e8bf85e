/* SPDX-License-Identifier: MIT */
/*
 * trace_strings.c - interned strings for task names, call sites, cache names, event names.
 *
 * What. An array of texts and an open-addressing hash of their ids.
 * States. empty (all zero) -> initialised (holds "") -> destroyed (all zero).
 * Invariants. I1: v[slots[i] - 1] is in the pool for every non-zero slot. I2: nr * 2 <= nr_slots,
 *   so a probe always ends at a free slot. I3: no two entries have the same text.
 * Locking. None; one thread per pool.
 * Context. Task.
 * Failure. TRACE_STR_FAIL or -ENOMEM; the pool stays valid.
 * See also. trace_store.c.
 */
#include "stress/replay/trace_strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS	64u

/* Multiplies eight bytes at a time; texts are short symbols, so speed beats perfect mixing. */
static uint32_t hash_text(const char *s, size_t len)
{
	uint64_t hash = len * 0x9e3779b97f4a7c15ull, word;

	while (len >= 8) {
		memcpy(&word, s, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
		s += 8;
		len -= 8;
	}
	word = 0;
	memcpy(&word, s, len);
	hash = (hash ^ word) * 0xff51afd7ed558ccdull;
	return (uint32_t)(hash >> 32);
}

/* Doubles the hash; keeps I2. */
static int grow_slots(struct trace_strings *pool)
{
	uint32_t nr_slots = pool->nr_slots ? pool->nr_slots * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(nr_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t id = 0; id < pool->nr; id++) {
		uint32_t i = pool->v[id].hash & (nr_slots - 1);

		while (slots[i])
			i = (i + 1) & (nr_slots - 1);
		slots[i] = id + 1;
	}
	free(pool->slots);
	pool->slots = slots;
	pool->nr_slots = nr_slots;
	return 0;
}

static int grow_array(struct trace_strings *pool)
{
	size_t cap = pool->cap ? pool->cap * 2 : FIRST_SLOTS / 2;
	struct trace_string *v = realloc(pool->v, cap * sizeof(*v));

	if (!v)
		return -ENOMEM;
	pool->v = v;
	pool->cap = cap;
	return 0;
}

int trace_strings_init(struct trace_strings *pool)
{
	*pool = (struct trace_strings){ 0 };
	return trace_strings_add(pool, "", 0) == TRACE_STR_EMPTY ? 0 : -ENOMEM;
}

uint32_t trace_strings_add(struct trace_strings *pool, const char *s, size_t len)
{
	uint32_t hash = hash_text(s, len), i;
	char *text;

	if ((pool->nr + 1) * 2 > pool->nr_slots && grow_slots(pool) < 0)
		return TRACE_STR_FAIL;
	i = hash & (pool->nr_slots - 1);
	for (; pool->slots[i]; i = (i + 1) & (pool->nr_slots - 1)) {
		struct trace_string *str = &pool->v[pool->slots[i] - 1];

		if (str->hash == hash && str->len == len && memcmp(str->text, s, len) == 0) {
			str->uses++;
			return pool->slots[i] - 1;
		}
	}
	if (pool->nr == pool->cap && grow_array(pool) < 0)
		return TRACE_STR_FAIL;
	text = malloc(len + 1);
	if (!text)
		return TRACE_STR_FAIL;
	memcpy(text, s, len);
	text[len] = '\0';
	pool->v[pool->nr] = (struct trace_string){ hash, (uint32_t)len, text, 1 };
	pool->slots[i] = ++pool->nr;
	return pool->nr - 1;
}

const char *trace_strings_get(const struct trace_strings *pool, uint32_t id)
{
	return id < pool->nr ? pool->v[id].text : "";
}

void trace_strings_destroy(struct trace_strings *pool)
{
	for (uint32_t id = 0; id < pool->nr; id++)
		free(pool->v[id].text);
	free(pool->v);
	free(pool->slots);
	*pool = (struct trace_strings){ 0 };
}
