/* SPDX-License-Identifier: MIT */
/* What stress-slab reports: its own counts, and every cache's. */
#include "stress/report/text.h"
#include "stress/workloads/slab_load.h"

static void put_count(json_t *obj, const char *name, u64 value)
{
	json_object_set_new(obj, name, json_integer((json_int_t)value));
}

static void cache_json(struct kmem_cache *s, void *arg)
{
	struct kmem_cache_stats stats;
	json_t *list = arg, *obj = json_object();
	const struct objcache_stats *cpu = &stats.cpu.stats;

	kmem_cache_stats(s, &stats);
	json_object_set_new(obj, "name", json_string(s->name));
	put_count(obj, "object_bytes", s->object_size);
	json_object_set_new(obj, "policy", json_string(objcache_policy_name(
				(enum objcache_policy)s->oc.tun.policy)));
	put_count(obj, "rounds", s->oc.rounds);
	put_count(obj, "alloc_hits", cpu->alloc_hits);
	put_count(obj, "alloc_misses", cpu->alloc_misses);
	put_count(obj, "free_hits", cpu->free_hits);
	put_count(obj, "free_misses", cpu->free_misses);
	put_count(obj, "refills", cpu->imports);
	put_count(obj, "refilled_objects", cpu->imported);
	put_count(obj, "flushes", cpu->releases);
	put_count(obj, "flushed_objects", cpu->released);
	put_count(obj, "depot_gets", cpu->depot_gets);
	put_count(obj, "depot_puts", cpu->depot_puts);
	put_count(obj, "depot_operations", stats.cpu.depot_ops);
	put_count(obj, "depot_waits", stats.cpu.contention);
	put_count(obj, "resizes", s->oc.nr_resizes);
	put_count(obj, "remote_frees", stats.remote_frees);
	put_count(obj, "stranded_in_cpus", stats.cpu.cpu_objects);
	put_count(obj, "stranded_in_depots", stats.cpu.depot_objects);
	put_count(obj, "live_objects", stats.live_objects);
	put_count(obj, "slabs", stats.nr_slabs);
	put_count(obj, "pages", stats.pages);
	json_array_append_new(list, obj);
}

static json_t *device_json(void)
{
	struct slab_device_stats d;
	json_t *obj = json_object();

	slab_device_stats(&d);
	put_count(obj, "interrupts", d.interrupts);
	put_count(obj, "allocs", d.allocs);
	put_count(obj, "frees", d.frees);
	put_count(obj, "sent", d.sent);
	put_count(obj, "refused", d.refused);
	return obj;
}

json_t *slab_report(struct stress_run *run)
{
	struct slab_stats s = slab_add_up(run);
	json_t *obj = json_object(), *caches = json_array();

#define PUT(member) put_count(obj, #member, s.member)
	PUT(allocs);
	PUT(frees);
	PUT(refused);
	PUT(bulk_objects);
	PUT(kmallocs);
	PUT(large);
	PUT(kreallocs);
	PUT(moved);
	PUT(sent);
	PUT(received);
	PUT(delayed);
	PUT(bursts);
	PUT(shrinks);
	PUT(retunes);
	PUT(updates);
	PUT(slabinfos);
	PUT(temps);
	PUT(temps_destroyed);
	PUT(published);
	PUT(lookups);
	PUT(found);
	PUT(stale);
#undef PUT
	json_object_set_new(obj, "device", device_json());
	slab_for_each_cache(cache_json, caches);
	json_object_set_new(obj, "caches", caches);
	return obj;
}

static void add_cache(struct kmem_cache *s, void *arg)
{
	struct kmem_cache_stats one, *sum = arg;

	kmem_cache_stats(s, &one);
	sum->cpu.stats.alloc_hits += one.cpu.stats.alloc_hits;
	sum->cpu.stats.alloc_misses += one.cpu.stats.alloc_misses;
	sum->cpu.stats.free_hits += one.cpu.stats.free_hits;
	sum->cpu.stats.free_misses += one.cpu.stats.free_misses;
	sum->cpu.stats.imports += one.cpu.stats.imports;
	sum->cpu.stats.releases += one.cpu.stats.releases;
	sum->cpu.depot_ops += one.cpu.depot_ops;
	sum->cpu.contention += one.cpu.contention;
	sum->cpu.cpu_objects += one.cpu.cpu_objects;
	sum->cpu.depot_objects += one.cpu.depot_objects;
	sum->live_objects += one.live_objects;
	sum->remote_frees += one.remote_frees;
	sum->pages += one.pages;
}

void slab_print(struct stress_run *run, FILE *out)
{
	struct kmem_cache_stats sum = { .pages = 0 };
	struct slab_stats s = slab_add_up(run);
	struct slab_device_stats d;
	u64 allocs, frees;

	slab_device_stats(&d);
	slab_for_each_cache(add_cache, &sum);
	allocs = sum.cpu.stats.alloc_hits + sum.cpu.stats.alloc_misses;
	frees = sum.cpu.stats.free_hits + sum.cpu.stats.free_misses;
	fprintf(out, "slab      policy %s; %s of %s allocs and %s of %s frees hit\n",
		run->opt->slab ? run->opt->slab : "all, changing",
		text_share((double)sum.cpu.stats.alloc_hits, (double)allocs).s,
		text_count(allocs).s,
		text_share((double)sum.cpu.stats.free_hits, (double)frees).s, text_count(frees).s);
	fprintf(out, "depots    %s operations, %s waits; slabs: %s refills, %s flushes, %s remote "
		"frees\n",
		text_count(sum.cpu.depot_ops).s, text_count(sum.cpu.contention).s,
		text_count(sum.cpu.stats.imports).s, text_count(sum.cpu.stats.releases).s,
		text_count(sum.remote_frees).s);
	fprintf(out, "objects   %s live, stranded %s at CPUs and %s in depots, in %s pages\n",
		text_count(sum.live_objects).s, text_count(sum.cpu.cpu_objects).s,
		text_count(sum.cpu.depot_objects).s, text_count(sum.pages).s);
	fprintf(out, "load      %s sent to other CPUs, %s in bulk, %s after a grace period, %s "
		"krealloc (%s moved), %s refused\n",
		text_count(s.sent).s, text_count(s.bulk_objects).s, text_count(s.delayed).s,
		text_count(s.kreallocs).s, text_count(s.moved).s, text_count(s.refused).s);
	fprintf(out, "events    %s bursts, %s shrinks, %s retunes, %s updates, %s caches made and "
		"%s destroyed\n",
		text_count(s.bursts).s, text_count(s.shrinks).s, text_count(s.retunes).s,
		text_count(s.updates).s, text_count(s.temps).s, text_count(s.temps_destroyed).s);
	fprintf(out, "rcu       %s lookups found %s objects and %s stale; %s published\n",
		text_count(s.lookups).s, text_count(s.found).s, text_count(s.stale).s,
		text_count(s.published).s);
	fprintf(out, "device    %s interrupts, %s allocs, %s frees, %s sent, %s refused\n",
		text_count(d.interrupts).s, text_count(d.allocs).s, text_count(d.frees).s,
		text_count(d.sent).s, text_count(d.refused).s);
	slab_skewed_print(out);
}
