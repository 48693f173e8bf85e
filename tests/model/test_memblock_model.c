/* SPDX-License-Identifier: MIT */
/*
 * memblock against a model: an array with one cell per page.
 *
 * Random adds, removals, reservations, frees, node and flag changes and allocations run on both;
 * after each, every page must be in the same state in both, the walks must find exactly the free
 * pages of the model, and an allocation must return the address that a search page by page finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/memblock.h"
#include "mm/page/page.h"
#include "runtime/hostmem.h"
#include "runtime/lib/rand.h"

#define PAGES		2048u
#define NODES		3u
#define DEFAULT_SEED	20240607ULL

struct cell {
	s8 nid;			/* -2: no memory here */
	u8 flags;
	bool reserved;
};

static struct cell model[PAGES];
static struct rand_state rnd;

static u64 addr(unsigned int page)
{
	return (u64)page * PAGE_SIZE;
}

/* A random range, short ones more often. */
static void pick_range(unsigned int *start, unsigned int *nr)
{
	unsigned int most = 1u << rand_below(&rnd, 10);

	*start = rand_below(&rnd, PAGES);
	*nr = 1 + rand_below(&rnd, most);
	*nr = min(*nr, PAGES - *start);
}

static bool cell_is_free(unsigned int page, int nid)
{
	const struct cell *c = &model[page];

	return c->nid != -2 && !c->reserved && !(c->flags & MEMBLOCK_NOMAP) &&
	       (nid == NUMA_NO_NODE || c->nid == nid);
}

static void check_types(void)
{
	u64 memory = 0, reserved = 0;

	assert_true(memblock_is_valid());
	for (unsigned int p = 0; p < PAGES; p++) {
		const struct cell *c = &model[p];

		assert_int_equal(memblock_is_memory(addr(p)), c->nid != -2);
		assert_int_equal(memblock_is_reserved(addr(p)), c->reserved);
		if (c->nid != -2) {
			assert_int_equal(memblock_search_nid(addr(p)), c->nid);
			memory += PAGE_SIZE;
		}
		reserved += c->reserved ? PAGE_SIZE : 0;
	}
	assert_int_equal(memblock_phys_mem_size(), memory);
	assert_int_equal(memblock_reserved_size(), reserved);
}

static void check_walk(int nid)
{
	bool seen[PAGES] = { false };
	struct memblock_span span;
	u64 i, last = 0;
	unsigned int nr = 0;

	for_each_free_mem_range(i, nid, &span) {
		assert_true(span.start >= last && span.start < span.end);
		last = span.end;
		for (u64 a = span.start; a < span.end; a += PAGE_SIZE) {
			assert_int_equal(model[a / PAGE_SIZE].nid, span.nid);
			seen[a / PAGE_SIZE] = true;
		}
		nr++;
	}
	for (unsigned int p = 0; p < PAGES; p++)
		assert_int_equal(seen[p], cell_is_free(p, nid));
	last = ~0ULL;
	for_each_free_mem_range_reverse(i, nid, &span) {
		assert_true(span.end <= last && span.start < span.end);
		last = span.start;
		for (u64 a = span.start; a < span.end; a += PAGE_SIZE)
			assert_true(seen[a / PAGE_SIZE]);
		nr--;
	}
	assert_int_equal(nr, 0);
}

/* True when the @nr pages at @page are free, of one node, and hotplug only if allowed. */
static bool fits(unsigned int page, unsigned int nr, int nid, bool hotplug_ok)
{
	for (unsigned int p = page; p < page + nr; p++)
		if (p >= PAGES || !cell_is_free(p, nid) || model[p].nid != model[page].nid ||
		    model[p].flags != model[page].flags ||
		    (!hotplug_ok && (model[p].flags & MEMBLOCK_HOTPLUG)))
			return false;
	return true;
}

/* Page by page in the direction of allocation; 0 when there is no place. */
static u64 model_find(unsigned int nr, unsigned int align, int nid)
{
	for (int hotplug_ok = 0; hotplug_ok < 2; hotplug_ok++)
		for (unsigned int k = 1; k < PAGES; k++) {
			unsigned int p = memblock.bottom_up ? k : PAGES - k;

			if (p % align == 0 && fits(p, nr, nid, hotplug_ok))
				return addr(p);
		}
	return 0;
}

static void do_alloc(void)
{
	unsigned int nr = 1 + rand_below(&rnd, 1u << rand_below(&rnd, 7));
	unsigned int align = 1u << rand_below(&rnd, 6);
	int nid = (int)rand_below(&rnd, NODES + 1) - 1;
	u64 want = model_find(nr, align, nid);
	u64 got;

	if (!want && nid != NUMA_NO_NODE)
		want = model_find(nr, align, NUMA_NO_NODE);
	got = memblock_phys_alloc_try_nid(nr * PAGE_SIZE, align * PAGE_SIZE, nid);
	assert_int_equal(got, want);
	for (unsigned int p = 0; got && p < nr; p++)
		model[got / PAGE_SIZE + p].reserved = true;
}

static void change_memory(unsigned int start, unsigned int nr)
{
	s8 nid = (s8)rand_below(&rnd, NODES);
	bool add = rand_below(&rnd, 3) != 0;
	int code = add ? memblock_add_node(addr(start), addr(nr), nid, MEMBLOCK_NONE) :
			 memblock_remove(addr(start), addr(nr));

	assert_int_equal(code, 0);
	for (unsigned int p = start; p < start + nr; p++) {
		if (!add)
			model[p] = (struct cell) { -2, 0, model[p].reserved };
		else if (model[p].nid == -2)
			model[p].nid = nid;
	}
}

static void change_reserved(unsigned int start, unsigned int nr)
{
	bool reserve = rand_below(&rnd, 2) != 0;
	int code = reserve ? memblock_reserve(addr(start), addr(nr)) :
			     memblock_phys_free(addr(start), addr(nr));

	assert_int_equal(code, 0);
	for (unsigned int p = start; p < start + nr; p++)
		model[p].reserved = reserve;
}

static void change_attributes(unsigned int start, unsigned int nr)
{
	unsigned int what = rand_below(&rnd, 4);
	s8 nid = (s8)rand_below(&rnd, NODES);
	u64 base = addr(start), size = addr(nr);
	int code;

	if (what == 0)
		code = memblock_set_node(base, size, nid);
	else if (what == 1)
		code = memblock_mark_nomap(base, size);
	else if (what == 2)
		code = memblock_mark_hotplug(base, size);
	else
		code = memblock_clear_hotplug(base, size);
	assert_int_equal(code, 0);
	for (unsigned int p = start; p < start + nr; p++) {
		if (model[p].nid == -2)
			continue;
		if (what == 0)
			model[p].nid = nid;
		else if (what == 1)
			model[p].flags |= MEMBLOCK_NOMAP;
		else if (what == 2)
			model[p].flags |= MEMBLOCK_HOTPLUG;
		else
			model[p].flags &= (u8)~MEMBLOCK_HOTPLUG;
	}
}

static void run(u64 seed, unsigned int steps)
{
	print_message("seed %llu\n", (unsigned long long)seed);
	rand_init(&rnd, seed, 0);
	memblock_reset();
	memblock_set_current_limit(addr(PAGES));
	for (unsigned int p = 0; p < PAGES; p++)
		model[p] = (struct cell) { -2, 0, false };
	change_memory(0, PAGES);
	for (unsigned int step = 0; step < steps; step++) {
		unsigned int start, nr, what = rand_below(&rnd, 16);

		pick_range(&start, &nr);
		if (what < 4)
			change_memory(start, nr);
		else if (what < 9)
			change_reserved(start, nr);
		else if (what < 11)
			change_attributes(start, nr);
		else
			do_alloc();
		if (what == 15)
			memblock_set_bottom_up(rand_below(&rnd, 2) != 0);
		check_types();
		check_walk((int)(step % (NODES + 1)) - 1);
	}
	memblock_reset();
}

static u64 base_seed(void)
{
	const char *text = getenv("KMEMLAB_SEED");

	return text ? strtoull(text, NULL, 0) : DEFAULT_SEED;
}

static void test_random_operations(void **state)
{
	u64 seed = base_seed();

	(void)state;
	for (u64 i = 0; i < 8; i++)
		run(seed + i, 400);
}

/*
 * With arrays that grow: their own memory is reserved too, so the model only counts.  Every
 * second page is reserved in random order, then freed again.
 */
static void test_growth_under_load(void **state)
{
	static u16 order[PAGES * 4];
	struct hostmem_arena arena;
	u64 size = (u64)ARRAY_SIZE(order) * 2 * PAGE_SIZE, top = 2 * size;

	(void)state;
	rand_init(&rnd, base_seed(), 1);
	assert_int_equal(hostmem_arena_create(&arena, top), 0);
	direct_map = arena.base;
	memblock_reset();
	assert_int_equal(memblock_add(0, top), 0);
	memblock_set_current_limit(top);
	memblock_allow_resize();
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		unsigned int j = rand_below(&rnd, i + 1);

		order[i] = order[j];
		order[j] = (u16)i;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		assert_int_equal(memblock_reserve(addr(2 * order[i]), PAGE_SIZE), 0);
	assert_true(memblock_is_valid());
	assert_true(memblock.reserved.cnt > ARRAY_SIZE(order));
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		assert_int_equal(memblock_phys_free(addr(2 * order[i]), PAGE_SIZE), 0);
	assert_true(memblock_is_valid());
	/* Only the array itself is left. */
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_int_equal(memblock.reserved.regions[0].base, memblock.reserved.array_phys);
	memblock_reset();
	direct_map = NULL;
	hostmem_arena_destroy(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_growth_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
