/* SPDX-License-Identifier: MIT */
/* Object-cache policies: names, presets, the magazine types and the size rules. */
#include "percpu/objcache_policy.h"

#include <errno.h>
#include <string.h>

#include "runtime/bug.h"

static const char *const names[NR_OBJCACHE_POLICIES] = {
	[OBJCACHE_NONE] = "none",
	[OBJCACHE_MAGAZINES] = "magazines",
	[OBJCACHE_BONWICK] = "bonwick",
	[OBJCACHE_SHEAVES] = "sheaves",
	[OBJCACHE_SHEAVES_32] = "sheaves-32",
};

const char *objcache_policy_name(enum objcache_policy policy)
{
	return policy < NR_OBJCACHE_POLICIES ? names[policy] : "?";
}

int objcache_policy_by_name(const char *name)
{
	for (int i = 0; i < NR_OBJCACHE_POLICIES; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

/*
 * The magazine types of illumos.  (rounds + 1) words fill whole cache lines from the fourth on.  A
 * cache starts at the first type whose min_buf its objects exceed, and grows while they are
 * smaller than the type's max_buf.
 */
static const struct magazine_type {
	u32 rounds;
	size_t min_buf, max_buf;
} types[] = {
	{ 1, 3200, 65536 },
	{ 3, 256, 32768 },
	{ 7, 64, 16384 },
	{ 15, 0, 8192 },
	{ 31, 0, 4096 },
	{ 47, 0, 2048 },
	{ 63, 0, 1024 },
	{ 95, 0, 512 },
	{ 143, 0, 0 },
};

#define KIND(k, full, empty, batch, flush)				\
	.kind = (k), .full_max = (full), .empty_max = (empty),		\
	.import_batch = (batch), .flush_chunk = (flush),		\
	.contention_max = 3, .reap_interval_ms = 15000

void objcache_tunables_preset(struct objcache_tunables *tun, enum objcache_policy policy)
{
	static const struct objcache_tunables presets[NR_OBJCACHE_POLICIES] = {
		[OBJCACHE_NONE] = { KIND(OBJCACHE_KIND_NONE, 0, 0, 1, 32) },
		[OBJCACHE_MAGAZINES] = {
			KIND(OBJCACHE_KIND_MAGAZINE, 16, 16, 16, 32), .stash_objects = 1024,
		},
		/* The depot of illumos has no limit but the reaper. */
		[OBJCACHE_BONWICK] = { KIND(OBJCACHE_KIND_MAGAZINE, 1 << 20, 1 << 20, 1, 1) },
		[OBJCACHE_SHEAVES] = { KIND(OBJCACHE_KIND_SHEAF, 10, 10, 1, 32) },
		[OBJCACHE_SHEAVES_32] = { KIND(OBJCACHE_KIND_SHEAF, 10, 10, 1, 32), .rounds = 32 },
	};

	BUG_ON(policy >= NR_OBJCACHE_POLICIES);
	*tun = presets[policy];
	tun->policy = policy;
}

static u32 bonwick_start(size_t size)
{
	unsigned int i = 0;

	while (size <= types[i].min_buf && types[i].min_buf)
		i++;
	return types[i].rounds;
}

/*
 * The default start: a thousand small objects in seven exchanges, and never more than 124 KiB of
 * objects per magazine.
 */
static u32 magazine_start(size_t size)
{
	if (size <= 256)
		return 143;
	if (size <= 512)
		return 95;
	if (size <= 1024)
		return 63;
	return size <= 4096 ? 31 : size <= 8192 ? 15 : bonwick_start(size);
}

/* Linux 7.2: by object size, then rounded so that header and array fill a kmalloc bucket. */
static u32 sheaf_capacity(size_t size)
{
	if (size >= 4096)
		return 4;
	if (size >= 1024)
		return 12;
	return size >= 256 ? 28 : 60;
}

u32 objcache_rounds_default(const struct objcache_tunables *tun, size_t size)
{
	if (tun->kind == OBJCACHE_KIND_NONE)
		return 0;
	if (tun->rounds)
		return tun->rounds;
	if (tun->kind == OBJCACHE_KIND_SHEAF)
		return sheaf_capacity(size);
	return tun->policy == OBJCACHE_BONWICK ? bonwick_start(size) : magazine_start(size);
}

u32 objcache_rounds_limit(const struct objcache_tunables *tun, size_t size)
{
	unsigned int i = 0;

	if (tun->rounds_max)
		return tun->rounds_max;
	while (i + 1 < ARRAY_SIZE(types) && size < types[i].max_buf)
		i++;
	return types[i].rounds;
}

u32 objcache_rounds_next(u32 rounds)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].rounds > rounds)
			return types[i].rounds;
	return rounds;
}

#define SIZE(field, u, lo, hi, text) \
	{ #field, u, text, offsetof(struct objcache_tunables, field), lo, hi }

const struct objcache_tunable_info objcache_tunable_info[] = {
	SIZE(rounds, "objects", 0, OBJCACHE_ROUNDS_MAX,
	     "capacity of a magazine or sheaf; 0: by object size"),
	SIZE(rounds_max, "objects", 0, OBJCACHE_ROUNDS_MAX,
	     "largest magazine that resizing may choose; 0: by object size"),
	SIZE(stash_objects, "objects", 0, 1 << 20,
	     "objects that a CPU keeps in full magazines of its own before it uses the depot"),
	SIZE(full_max, "arrays", 0, 1 << 20, "full arrays kept per depot or barn"),
	SIZE(empty_max, "arrays", 0, 1 << 20, "empty arrays kept per depot or barn"),
	SIZE(import_batch, "objects", 1, OBJCACHE_IMPORT_MAX,
	     "objects taken from the slabs per miss (magazines)"),
	SIZE(flush_chunk, "objects", 1, OBJCACHE_ROUNDS_MAX,
	     "objects given back to the slabs per hold of their lock"),
	SIZE(contention_max, "tries", 0, 1 << 30,
	     "failed tries on the depot lock per interval above which magazines grow"),
	SIZE(reap_interval_ms, "ms", 1, 3600000, "interval of the working-set estimate"),
};

const unsigned int nr_objcache_tunables = ARRAY_SIZE(objcache_tunable_info);

int objcache_tunable_set(struct objcache_tunables *tun, const char *name, u32 value)
{
	for (unsigned int i = 0; i < nr_objcache_tunables; i++) {
		const struct objcache_tunable_info *info = &objcache_tunable_info[i];

		if (strcmp(info->name, name) != 0)
			continue;
		if (value < info->min || value > info->max)
			return -ERANGE;
		*(u32 *)((char *)tun + info->offset) = value;
		return 0;
	}
	return -ENOENT;
}

u32 objcache_tunable_get(const struct objcache_tunables *tun,
			 const struct objcache_tunable_info *info)
{
	return *(const u32 *)((const char *)tun + info->offset);
}
