/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator against a naive model: random operations on a few caches and on kmalloc, each
 * checked against a list of what is live.
 *
 * The model knows, for each live object: its address, its size, and the byte it was filled with.
 * Checked: no object overlaps another (sorted addresses), contents survive, zeroed memory is zero,
 * the allocator's count of live objects is the model's, its own validator agrees.
 */
#include "tests/unit/slab_test.h"

#include "mm/slab/slab.h"
#include "runtime/lib/rand.h"

#define NR_MODEL_CACHES	6
#define MAX_LIVE	4000
#define NR_STEPS	30000
#define CHECK_EVERY	2000

struct entry {
	u8 *p;
	size_t size;
	int cache;			/* -1: kmalloc */
	u8 fill;
};

static struct {
	struct kmem_cache *caches[NR_MODEL_CACHES];
	struct entry live[MAX_LIVE];
	unsigned int nr_live, nr_of[NR_MODEL_CACHES];
	struct rand_state rand;
	u64 seed;
} model;

static const unsigned int sizes[NR_MODEL_CACHES] = { 8, 24, 100, 256, 1024, 5000 };

static u32 draw(u32 n)
{
	return rand_below(&model.rand, n);
}

static void check_contents(const struct entry *e)
{
	for (size_t i = 0; i < e->size; i++)
		EXPECT(e->p[i] == e->fill);
}

static void add(u8 *p, size_t size, int cache, bool zeroed)
{
	struct entry *e = &model.live[model.nr_live++];

	EXPECT(p && ksize(p) >= size);
	for (size_t i = 0; zeroed && i < size; i++)
		EXPECT(p[i] == 0);
	*e = (struct entry) { p, size, cache, (u8)draw(256) };
	memset(p, e->fill, size);
	if (cache >= 0)
		model.nr_of[cache]++;
}

static struct entry take_away(unsigned int i)
{
	struct entry e = model.live[i];

	check_contents(&e);
	model.live[i] = model.live[--model.nr_live];
	if (e.cache >= 0)
		model.nr_of[e.cache]--;
	return e;
}

static void step_alloc(void)
{
	int c = (int)draw(NR_MODEL_CACHES);
	bool zero = draw(4) == 0;

	add(kmem_cache_alloc(model.caches[c], GFP_KERNEL | (zero ? __GFP_ZERO : 0)), sizes[c], c,
	    zero);
}

static void step_kmalloc(void)
{
	size_t size = 1 + draw(draw(8) ? 600 : 40000);
	bool zero = draw(4) == 0;

	add(kmalloc(size, GFP_KERNEL | (zero ? __GFP_ZERO : 0)), size, -1, zero);
}

static void step_bulk(void)
{
	int c = (int)draw(NR_MODEL_CACHES);
	unsigned int nr = 1 + draw(60);
	void *objs[60];

	if (model.nr_live + nr > MAX_LIVE)
		return;
	EXPECT(kmem_cache_alloc_bulk(model.caches[c], GFP_KERNEL, nr, objs) == nr);
	for (unsigned int i = 0; i < nr; i++)
		add(objs[i], sizes[c], c, false);
}

static void step_free(void)
{
	struct entry e = take_away(draw(model.nr_live));

	if (e.cache >= 0 && draw(2))
		kmem_cache_free(model.caches[e.cache], e.p);
	else
		kfree(e.p);
}

static void step_free_bulk(void)
{
	void *objs[60];
	unsigned int nr = min(1 + draw(60), model.nr_live);

	for (unsigned int i = 0; i < nr; i++)
		objs[i] = take_away(draw(model.nr_live)).p;
	kfree_bulk(nr, objs);
}

static void step_realloc(void)
{
	unsigned int i = draw(model.nr_live);
	struct entry *e = &model.live[i];
	size_t size = 1 + draw(3000);
	u8 *p;

	if (e->cache >= 0)
		return;
	p = krealloc(e->p, size, GFP_KERNEL);
	for (size_t at = 0; at < min(size, e->size); at++)
		EXPECT(p[at] == e->fill);
	memset(p, e->fill, size);
	e->p = p;
	e->size = size;
}

static int by_address(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->p > y->p) - (x->p < y->p);
}

static void check_everything(void)
{
	struct kmem_cache_stats st;

	qsort(model.live, model.nr_live, sizeof(model.live[0]), by_address);
	for (unsigned int i = 0; i < model.nr_live; i++) {
		check_contents(&model.live[i]);
		EXPECT(i == 0 || model.live[i - 1].p + model.live[i - 1].size <= model.live[i].p);
	}
	for (unsigned int c = 0; c < NR_MODEL_CACHES; c++) {
		kmem_cache_stats(model.caches[c], &st);
		EXPECT(st.live_objects == model.nr_of[c]);
		EXPECT(kmem_cache_is_valid(model.caches[c]));
		EXPECT(st.cpu.cpu_objects + st.cpu.depot_objects + st.live_objects +
		       (st.nr_objects - st.out_objects) == st.nr_objects);
	}
}

static void step_rare(void)
{
	struct objcache_tunables tun;
	unsigned int c = draw(NR_MODEL_CACHES);

	switch (draw(4)) {
	case 0:
		kmem_cache_shrink(model.caches[c]);
		break;
	case 1:
		slab_update_all();
		break;
	case 2:
		objcache_tunables_preset(&tun, (enum objcache_policy)draw(NR_OBJCACHE_POLICIES));
		kmem_cache_configure(model.caches[c], &tun);
		break;
	default:
		EXPECT(kmem_cache_is_valid(model.caches[c]));
	}
}

static void model_body(void)
{
	rand_init(&model.rand, model.seed, 0);
	model.nr_live = 0;
	memset(model.nr_of, 0, sizeof(model.nr_of));
	for (unsigned int c = 0; c < NR_MODEL_CACHES; c++)
		model.caches[c] = kmem_cache_create("model", sizes[c], 0, c & 1 ?
						    SLAB_HWCACHE_ALIGN : 0, NULL);
	for (unsigned int step = 1; step <= NR_STEPS; step++) {
		/* Growing and shrinking phases, so that slabs come and go. */
		bool grow = draw(100) < (step / 3000 % 2 ? 35u : 60u);

		if (draw(200) == 0)
			step_rare();
		else if (draw(20) == 0 && model.nr_live)
			step_realloc();
		else if (grow && model.nr_live < MAX_LIVE)
			draw(10) ? draw(2) ? step_alloc() : step_kmalloc() : step_bulk();
		else if (model.nr_live)
			draw(10) ? step_free() : step_free_bulk();
		if (step % CHECK_EVERY == 0)
			check_everything();
	}
	while (model.nr_live)
		step_free();
	check_everything();
	for (unsigned int c = 0; c < NR_MODEL_CACHES; c++)
		EXPECT(kmem_cache_destroy(model.caches[c]) == 0);
}

static void run_model(struct slab_test t, u64 seed)
{
	print_message("seed %#llx, policy %s, debug %s\n", (unsigned long long)seed,
		      t.options.policy ? t.options.policy : "magazines",
		      t.options.debug ? t.options.debug : "off");
	model.seed = seed;
	t.body = model_body;
	slab_test_run(t);
	assert_int_equal(model.nr_live, 0);
}

static void test_model(void **state)
{
	(void)state;
	run_model((struct slab_test) { .nr_cpus = 2 }, 1);
	run_model((struct slab_test) { .options.policy = "bonwick" }, 2);
	run_model((struct slab_test) { .options.policy = "sheaves", .nr_nodes = 2 }, 3);
	run_model((struct slab_test) { .options.policy = "none" }, 4);
	run_model((struct slab_test) { .options.debug = "FZPU" }, 5);
	run_model((struct slab_test) { .options.debug = "FZ,kmalloc-*" }, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
