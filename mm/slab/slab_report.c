/* SPDX-License-Identifier: MIT */
/*
 * Reports of the slab allocator: live objects, statistics, /proc/slabinfo, and the validator.
 *
 * Statistics read each counter on its own: while CPUs work, two of them may be a moment apart.
 */
#include <errno.h>
#include <stdio.h>

#include "mm/slab/slab_impl.h"

#define REPORT_MAX	16		/* live objects listed: a screenful */
/* Most objects of a slab: 8-byte objects in the largest order that small objects get. */
#define SLAB_OBJECTS_MAX	((PAGE_SIZE << 3) / 8)

/* ---- live objects ---- */

struct object_map {
	u64 free[SLAB_OBJECTS_MAX / 64];
	unsigned int nr_free;
	bool ok;			/* the free list is a chain of objects without a loop */
};

/* Which objects of @slab are on its free list. */
static void map_free(const struct kmem_cache *s, const struct slab *slab, struct object_map *map)
{
	memset(map, 0, sizeof(*map));
	for (void *obj = slab->freelist; obj; obj = get_freepointer(s, obj)) {
		unsigned int i = slab_object_index(slab, s, obj);

		if (i >= slab->nr_objects || slab_object(slab, s, i) != obj ||
		    (map->free[i / 64] >> (i % 64) & 1))
			return;
		map->free[i / 64] |= 1ULL << (i % 64);
		map->nr_free++;
	}
	map->ok = true;
}

static void report_object(const struct kmem_cache *s, const void *obj)
{
	const struct slab_meta *meta = s->meta ? slab_meta_of(s, obj) : NULL;

	if (meta && meta->alloc.site)
		fprintf(stderr, "  %p generation %u, allocated on cpu %u at %s:%u in %s()\n", obj,
			meta->generation, meta->alloc.cpu, meta->alloc.site->file,
			meta->alloc.site->line, meta->alloc.site->func);
	else
		fprintf(stderr, "  %p (slab_debug=U,%s would say who allocated it)\n", obj,
			s->name);
}

static unsigned int report_list(const struct kmem_cache *s, struct list_head *slabs,
				unsigned int room)
{
	static struct object_map map;	/* under slab_mutex */
	struct slab *slab;

	list_for_each_entry(slab, slabs, list) {
		map_free(s, slab, &map);
		for (unsigned int i = 0; i < slab->nr_objects && room; i++)
			if (!(map.free[i / 64] >> (i % 64) & 1)) {
				report_object(s, slab_object(slab, s, i));
				room--;
			}
	}
	return room;
}

void slab_report_live(struct kmem_cache *s)
{
	unsigned int room = REPORT_MAX;

	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		room = report_list(s, &s->node[nid].full, room);
		room = report_list(s, &s->node[nid].partial, room);
	}
	if (!room)
		fprintf(stderr, "  ... (the first %d are shown)\n", REPORT_MAX);
}

/* ---- statistics ---- */

void kmem_cache_stats(const struct kmem_cache *s, struct kmem_cache_stats *stats)
{
	u64 cached;

	*stats = (struct kmem_cache_stats) { .nr_slabs = 0 };
	objcache_sum(&s->oc, &stats->cpu);
	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		const struct kmem_cache_node *n = &s->node[nid];

		stats->nr_partial += READ_ONCE(n->nr_partial);
		stats->nr_full += READ_ONCE(n->nr_full);
		stats->nr_free += READ_ONCE(n->nr_free);
		stats->nr_objects += READ_ONCE(n->nr_objects);
		stats->out_objects += READ_ONCE(n->out_objects);
		stats->pages += READ_ONCE(n->pages);
		stats->slabs_new += READ_ONCE(n->slabs_new);
		stats->slabs_freed += READ_ONCE(n->slabs_freed);
		stats->remote_frees += READ_ONCE(n->remote_frees);
	}
	stats->nr_slabs = stats->nr_partial + stats->nr_full + stats->nr_free;
	cached = stats->cpu.cpu_objects + stats->cpu.depot_objects;
	stats->live_objects = stats->out_objects > cached ? stats->out_objects - cached : 0;
}

static void show_cache_stats(struct kmem_cache *s, void *arg)
{
	struct kmem_cache_stats st;
	u64 allocs, frees;

	kmem_cache_stats(s, &st);
	allocs = st.cpu.stats.alloc_hits + st.cpu.stats.alloc_misses;
	frees = st.cpu.stats.free_hits + st.cpu.stats.free_misses;
	if (!allocs && !frees)
		return;
	fprintf(arg, "%-17s %5u %6u %10llu %10llu %6.2f%% %8llu %8llu %8llu %6llu %8llu %8llu\n",
		s->name, s->size, READ_ONCE(s->oc.rounds), (unsigned long long)allocs,
		(unsigned long long)frees, allocs + frees ?
		100.0 * (double)(st.cpu.stats.alloc_hits + st.cpu.stats.free_hits) /
		(double)(allocs + frees) : 0.0,
		(unsigned long long)st.live_objects, (unsigned long long)st.cpu.cpu_objects,
		(unsigned long long)st.cpu.depot_objects, (unsigned long long)st.cpu.contention,
		(unsigned long long)(st.cpu.stats.depot_gets + st.cpu.stats.depot_puts),
		(unsigned long long)st.cpu.net_remote);
}

void slab_stats_show(FILE *out)
{
	fprintf(out, "%-17s %5s %6s %10s %10s %7s %8s %8s %8s %6s %8s %8s\n", "# cache", "size",
		"rounds", "allocs", "frees", "hits", "live", "in-cpus", "in-depot", "waits",
		"exchange", "remote");
	slab_for_each_cache(show_cache_stats, out);
}

/* ---- /proc/slabinfo ---- */

static void show_slabinfo_row(struct kmem_cache *s, void *arg)
{
	bool is_none = READ_ONCE(s->oc.kind) == OBJCACHE_KIND_NONE;
	struct kmem_cache_stats st;

	kmem_cache_stats(s, &st);
	fprintf(arg, "%-17s %6llu %6llu %6u %4u %4d : tunables %4u %4u %4u : slabdata "
		"%6llu %6llu %6llu\n", s->name,
		(unsigned long long)st.live_objects, (unsigned long long)st.nr_objects, s->size,
		(unsigned int)((PAGE_SIZE << s->order) / s->size), 1 << s->order,
		READ_ONCE(s->oc.rounds), is_none ? 0 : READ_ONCE(s->oc.tun.import_batch),
		is_none ? 0 : READ_ONCE(s->oc.tun.full_max),
		(unsigned long long)(st.nr_slabs - st.nr_free), (unsigned long long)st.nr_slabs,
		(unsigned long long)st.cpu.depot_objects);
}

int proc_slabinfo_show(FILE *out)
{
	fprintf(out, "slabinfo - version: 2.1\n");
	fprintf(out, "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		"<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		"<active_slabs> <num_slabs> <sharedavail>\n");
	slab_for_each_cache(show_slabinfo_row, out);
	return ferror(out) ? -EIO : 0;
}

/* ---- the validator ---- */

struct list_sums {
	u64 slabs, objects, out;
	bool ok;
};

static struct list_sums check_list(const struct kmem_cache *s, struct list_head *slabs,
				   bool (*belongs)(const struct slab *slab))
{
	struct list_sums sums = { .ok = true };
	struct object_map map;
	struct slab *slab;

	list_for_each_entry(slab, slabs, list) {
		map_free(s, slab, &map);
		if (!map.ok || map.nr_free != (unsigned int)slab->nr_objects - slab->inuse ||
		    slab->cache != s || !belongs(slab)) {
			sums.ok = false;
			break;
		}
		sums.slabs++;
		sums.objects += slab->nr_objects;
		sums.out += slab->inuse;
	}
	return sums;
}

static bool is_full(const struct slab *slab)
{
	return slab->inuse == slab->nr_objects;
}

static bool is_free(const struct slab *slab)
{
	return slab->inuse == 0;
}

static bool is_partial(const struct slab *slab)
{
	return slab->inuse && slab->inuse < slab->nr_objects;
}

bool kmem_cache_is_valid(struct kmem_cache *s)
{
	struct objcache_sum sum;
	u64 out = 0;

	if (!objcache_is_valid(&s->oc))
		return false;
	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		struct kmem_cache_node *n = &s->node[nid];
		struct list_sums full = check_list(s, &n->full, is_full);
		struct list_sums part = check_list(s, &n->partial, is_partial);
		struct list_sums empty = check_list(s, &n->free, is_free);

		if (!full.ok || !part.ok || !empty.ok || full.slabs != n->nr_full ||
		    part.slabs != n->nr_partial || empty.slabs != n->nr_free ||
		    full.objects + part.objects + empty.objects != n->nr_objects ||
		    full.out + part.out != n->out_objects)
			return false;
		out += n->out_objects;
	}
	objcache_sum(&s->oc, &sum);
	return out >= sum.cpu_objects + sum.depot_objects;
}
