/* SPDX-License-Identifier: MIT */
/*
 * kmem_cache: creation, destruction, bootstrap, and the misses of alloc and free.
 *
 * What.  A cache is a per-CPU layer (percpu/objcache.c) in front of slabs (slab_pages.c).  Its
 * descriptor comes from the cache of descriptors, whose own descriptor is static; magazines come
 * from caches that have none themselves.  So no alloc ever waits for another alloc of the same
 * cache: descriptor -> slabs -> pages, magazine -> slabs -> pages, object -> magazine.
 *
 * States of a cache.  being made -> listed -> (destroy: per-CPU layer off, everything drained) ->
 * gone, or listed again when objects are still live.
 *
 * Invariants.
 *   I1  A listed cache has its per-CPU layer as its tunables say, debug and internal ones none.
 *   I2  live objects = sum of nodes' out_objects - objects in magazines and depots.
 *   I3  The per-CPU layer is changed by one task at a time: under slab_mutex.
 *
 * Locking.  slab_mutex (RANK_SLAB_LIST, sleeping): the list, create, destroy, shrink, configure.
 * Context.  Those: task context; alloc and free: any.
 * Failure.  create: NULL, or panic with SLAB_PANIC; destroy: -EBUSY and a report.
 * See also.  linux: mm/slab_common.c, mm/slub.c.
 */
#include "mm/slab/slab_impl.h"

#include <errno.h>
#include <stdio.h>

#include "mm/page/mm_options.h"
#include "mm/slab/kmalloc.h"
#include "runtime/hostmem.h"

static const struct lock_class slab_mutex_class = { .name = "slab_mutex", .rank = RANK_SLAB_LIST };

struct mutex slab_mutex;
struct list_head slab_caches;
struct kmem_cache **slab_map;

/* The descriptor of the descriptors, with room for every node. */
static struct {
	struct kmem_cache cache;
	struct kmem_cache_node node[MAX_NUMNODES];
	struct depot depots[MAX_NUMNODES];
} boot_cache;

static struct {
	bool up;
	enum slab_colour colour;
	struct objcache_tunables tun;		/* (slab_mutex) of caches to come */
	struct objcache_tunables none;
} slab;

/* ---- creation ---- */

/* Bytes of a descriptor with what stands behind it. */
static size_t descriptor_size(void)
{
	return sizeof(struct kmem_cache) + nr_node_ids *
		(sizeof(struct kmem_cache_node) + sizeof(struct depot));
}

/* Kernel: log2(size) / 2 within 5..10. */
static unsigned int default_min_partial(unsigned int size)
{
	return clamp(ilog2(size) / 2, 5u, 10u);
}

/* Makes a cache of a zeroed descriptor.  0 or -errno. */
static int init_cache(struct kmem_cache *s, const struct slab_create *args,
		      struct kmem_cache_node *node, struct depot *depots)
{
	struct objcache_setup setup = {
		.ops = &slab_objcache_ops, .name = args->lock_name, .tun = args->tun,
		.depots = depots, .nr_depots = nr_node_ids,
	};
	int err;

	snprintf(s->name, sizeof(s->name), "%s", args->name);
	s->object_size = args->size;
	s->align = args->align;
	s->flags = args->flags;
	s->ctor = args->ctor;
	s->internal = args->internal;
	s->magazine = args->magazine;
	s->node = node;
	s->updated_ns = clock_ns();
	err = slab_calculate_sizes(s, slab.colour);
	if (err)
		return err;
	s->allocflags = (s->order ? __GFP_COMP : 0) |
		(s->flags & SLAB_CACHE_DMA ? __GFP_DMA : 0) |
		(s->flags & SLAB_RECLAIM_ACCOUNT ? __GFP_RECLAIMABLE : 0);
	s->min_partial = default_min_partial(s->size);
	/* A magazine would hand objects round the checks (I1). */
	if (s->flags & SLAB_DEBUG_FLAGS)
		setup.tun = &slab.none;
	setup.object_size = s->object_size;
	err = objcache_init(&s->oc, &setup);
	if (err)
		return err;
	for (unsigned int i = 0; i < nr_node_ids; i++)
		slab_node_init(&s->node[i], args->lock_name);
	list_add_tail(&s->list, &slab_caches);
	return 0;
}

struct kmem_cache *__kmem_cache_create(const struct slab_create *args)
{
	struct kmem_cache *s = kmem_cache_zalloc(&boot_cache.cache, GFP_KERNEL);
	struct kmem_cache_node *node;

	if (!s)
		return NULL;
	node = (struct kmem_cache_node *)(s + 1);
	if (init_cache(s, args, node, (struct depot *)(node + nr_node_ids)) == 0)
		return s;
	kmem_cache_free(&boot_cache.cache, s);
	return NULL;
}

/* What is wrong with the arguments of a create, or NULL. */
static const char *bad_arguments(const char *name, unsigned int size, unsigned int align)
{
	if (!name || !*name || strlen(name) >= SLAB_NAME_MAX)
		return "a name has 1 to 39 characters";
	if (size < 1 || size > SLAB_SIZE_MAX)
		return "an object has 1 byte to 4 MiB";
	if (align & (align - 1) || align > PAGE_SIZE)
		return "an alignment is a power of two up to a page";
	return NULL;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     slab_flags_t flags, void (*ctor)(void *obj))
{
	const char *wrong = bad_arguments(name, size, align);
	struct kmem_cache *s = NULL;

	might_sleep();
	if (!wrong) {
		struct slab_create args = {
			.name = name, .lock_name = name, .size = size, .align = align,
			.flags = flags | slab_debug_flags(name), .ctor = ctor, .tun = &slab.tun,
		};

		mutex_lock(&slab_mutex);
		s = __kmem_cache_create(&args);
		mutex_unlock(&slab_mutex);
		wrong = "no memory for it";
	}
	if (s)
		return s;
	if (flags & SLAB_PANIC)
		panic("kmem_cache_create(\"%s\", %u): %s", name ? name : "", size, wrong);
	fprintf(stderr, "kmem_cache_create(\"%s\", %u) failed: %s\n", name ? name : "", size,
		wrong);
	return NULL;
}

/* ---- destruction ---- */

static u64 out_objects(const struct kmem_cache *s)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < nr_node_ids; i++)
		sum += READ_ONCE(s->node[i].out_objects);
	return sum;
}

/* Nobody finds the cache any more; no object is live and the per-CPU layer is off. */
static void unlist(struct kmem_cache *s)
{
	slab_free_empty(s, 0);
	list_del(&s->list);
}

/*
 * Everything but the descriptor.  Without slab_mutex where other CPUs work: a CPU that sleeps on
 * it passes no quiescent state, and the barrier would wait for it.
 */
static void dismantle(struct kmem_cache *s)
{
	/* The callbacks that free the pages read the descriptor. */
	if (s->flags & SLAB_TYPESAFE_BY_RCU)
		rcu_barrier();
	objcache_destroy(&s->oc);
	for (unsigned int i = 0; i < nr_node_ids; i++)
		slab_node_destroy(&s->node[i]);
}

int kmem_cache_destroy(struct kmem_cache *s)
{
	u64 live;

	if (!s)
		return 0;
	might_sleep();
	BUG_ON(s->internal);
	mutex_lock(&slab_mutex);
	objcache_disable(&s->oc);
	live = out_objects(s);
	if (live) {
		fprintf(stderr, "kmem_cache_destroy(%s): refused, %llu objects are live:\n",
			s->name, (unsigned long long)live);
		slab_report_live(s);
		objcache_enable(&s->oc);
		mutex_unlock(&slab_mutex);
		return -EBUSY;
	}
	unlist(s);
	mutex_unlock(&slab_mutex);
	dismantle(s);
	kmem_cache_free(&boot_cache.cache, s);
	return 0;
}

unsigned long kmem_cache_shrink(struct kmem_cache *s)
{
	unsigned long pages;

	might_sleep();
	mutex_lock(&slab_mutex);
	objcache_drain(&s->oc);
	pages = slab_free_empty(s, 0);
	mutex_unlock(&slab_mutex);
	return pages;
}

/* ---- sizes ---- */

static void configure(struct kmem_cache *s, const struct objcache_tunables *tun)
{
	if (!s->magazine && s != &boot_cache.cache && !(s->flags & SLAB_DEBUG_FLAGS))	/* I1 */
		objcache_configure(&s->oc, tun);
}

void kmem_cache_configure(struct kmem_cache *s, const struct objcache_tunables *tun)
{
	might_sleep();
	mutex_lock(&slab_mutex);
	configure(s, tun);
	slab_reap_retime();
	mutex_unlock(&slab_mutex);
}

void slab_configure_all(const struct objcache_tunables *tun)
{
	struct kmem_cache *s;

	might_sleep();
	mutex_lock(&slab_mutex);
	slab.tun = *tun;
	list_for_each_entry(s, &slab_caches, list)
		configure(s, tun);
	slab_reap_retime();
	mutex_unlock(&slab_mutex);
}

const struct objcache_tunables *slab_default_tunables(void)
{
	return &slab.tun;
}

unsigned int slab_update_all(void)
{
	unsigned int freed;
	struct kmem_cache *s;

	might_sleep();
	mutex_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		s->due = s->oc.kind != OBJCACHE_KIND_NONE;
	freed = slab_update_due();
	mutex_unlock(&slab_mutex);
	return freed;
}

void slab_for_each_cache(void (*fn)(struct kmem_cache *s, void *arg), void *arg)
	__context_unsafe("the host thread holds no lock: it asks while no CPU works")
{
	bool on_cpu = this_cpu() != NULL;
	struct kmem_cache *s;

	if (!slab.up)
		return;
	if (on_cpu)
		mutex_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		fn(s, arg);
	if (on_cpu)
		mutex_unlock(&slab_mutex);
}

struct find {
	const char *name;
	struct kmem_cache *found;
};

static void find_one(struct kmem_cache *s, void *arg)
{
	struct find *find = arg;

	if (!find->found && strcmp(s->name, find->name) == 0)
		find->found = s;
}

struct kmem_cache *kmem_cache_find(const char *name)
{
	struct find find = { .name = name };

	slab_for_each_cache(find_one, &find);
	return find.found;
}

/* ---- CPUs that come and go ---- */

/* On the CPU itself, task context: nothing may stay in arrays that nobody looks at. */
static void slab_cpu_offline(unsigned int cpu)
{
	struct kmem_cache *s;

	(void)cpu;
	if (!slab.up)
		return;
	mutex_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		objcache_cpu_offline(&s->oc);
	mutex_unlock(&slab_mutex);
}

static int slab_cpu_online(unsigned int cpu)
{
	struct kmem_cache *s;

	(void)cpu;
	if (!slab.up)
		return 0;
	mutex_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		objcache_cpu_online(&s->oc);
	mutex_unlock(&slab_mutex);
	return 0;
}

static const struct cpuhp_notifier slab_cpuhp = {
	.name = "slab", .online = slab_cpu_online, .offline = slab_cpu_offline,
};

/* ---- bootstrap ---- */

static const struct slab_create boot_args = {
	.name = "kmem_cache", .lock_name = "kmem_cache", .flags = SLAB_HWCACHE_ALIGN,
	.internal = true,
};

static int parse_slab_options(const struct slab_options *opt, struct mm_error *err)
{
	const char *policy = opt->policy ? opt->policy : "magazines";
	int code = objcache_policy_by_name(policy);

	if (code < 0)
		return mm_error(err, code, "slab-policy: \"%s\" is unknown; give magazines, "
				"bonwick, sheaves, sheaves-32 or none", policy);
	objcache_tunables_preset(&slab.tun, (enum objcache_policy)code);
	objcache_tunables_preset(&slab.none, OBJCACHE_NONE);
	if (opt->rounds && objcache_tunable_set(&slab.tun, "rounds", opt->rounds))
		return mm_error(err, -ERANGE, "slab-rounds: %u is out of range; give 1..%d",
				opt->rounds, OBJCACHE_ROUNDS_MAX);
	if (opt->tun)
		slab.tun = *opt->tun;
	slab.colour = opt->colour ? (enum slab_colour)opt->colour : SLAB_COLOUR_OBJECTS;
	return slab_debug_parse(opt->debug, err);
}

static void free_map(void)
{
	hostmem_free(slab_map, max_pfn * sizeof(struct kmem_cache *));
	slab_map = NULL;
}

int slab_boot(const struct slab_options *opt, struct mm_error *err)
{
	struct slab_create args = boot_args;
	int code = parse_slab_options(opt, err);

	if (code)
		return code;
	BUG_ON(slab.up);
	slab_map = hostmem_alloc(max_pfn * sizeof(struct kmem_cache *));
	if (!slab_map)
		return mm_error(err, -ENOMEM, "slab: the host has no memory for a word per frame");
	memset(&boot_cache, 0, sizeof(boot_cache));
	mutex_init(&slab_mutex, &slab_mutex_class, NULL);
	INIT_LIST_HEAD(&slab_caches);
	args.size = (unsigned int)descriptor_size();
	args.tun = &slab.none;
	code = init_cache(&boot_cache.cache, &args, boot_cache.node, boot_cache.depots);
	if (code) {
		free_map();
		return mm_error(err, code, "slab: no per-CPU memory; give fewer CPUs");
	}
	slab.up = true;
	cpuhp_register(&slab_cpuhp);
	code = slab_magazines_boot();
	if (!code)
		code = kmalloc_boot();
	if (code) {
		slab_shutdown();
		return mm_error(err, code,
				"slab: no memory for the kmalloc caches; give more memory");
	}
	if (!opt->no_reap)
		slab_reap_start();
	return 0;
}

/* Drains one cache for the last time; returns its live objects. */
static u64 shut_down_cache(struct kmem_cache *s, bool report)
{
	u64 live;

	objcache_disable(&s->oc);
	live = out_objects(s);
	if (live && report) {
		fprintf(stderr, "slab: leak: %llu objects of %s are live at the end:\n",
			(unsigned long long)live, s->name);
		slab_report_live(s);
	}
	if (live)
		slab_abandon(s);
	unlist(s);
	dismantle(s);
	return live;
}

u64 slab_shutdown(void)
{
	struct kmem_cache *s, *next;
	u64 leaked = 0;

	if (!slab.up)
		return 0;
	slab_reap_stop();
	mutex_lock(&slab_mutex);
	/* Users first: their magazines go back to the caches that hold magazines. */
	for (int internal = 0; internal < 2; internal++) {
		list_for_each_entry_safe(s, next, &slab_caches, list) {
			if (s->magazine != internal || s == &boot_cache.cache)
				continue;
			leaked += shut_down_cache(s, true);
			kmem_cache_free(&boot_cache.cache, s);
		}
	}
	leaked += shut_down_cache(&boot_cache.cache, true);
	mutex_unlock(&slab_mutex);
	kmalloc_shutdown();
	free_map();
	mutex_destroy(&slab_mutex);
	slab.up = false;
	return leaked;
}
