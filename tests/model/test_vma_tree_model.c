/* SPDX-License-Identifier: MIT */
/*
 * The tree of areas against a sorted array: random edits of one or several changes, committed or
 * aborted, with and without allocation failures; after each the tree says what the array says.
 *
 * Checked: every invariant of vma_tree.c (vma_tree_is_valid()), find, lookup and find_prev at the
 * borders of areas, gaps from above and below, no node lost.
 */
#include <errno.h>

#include "tests/unit/slab_test.h"

#include "mm/vma/mm_types.h"
#include "runtime/lib/rand.h"

#define SPACE_PAGES	2000u
#define MAX_AREAS	900u
#define NR_EDITS	6000u

static struct {
	struct vma_tree tree;
	struct vm_area_struct areas[MAX_AREAS];
	struct vm_area_struct *sorted[MAX_AREAS];	/* the model */
	struct vm_area_struct *spare[MAX_AREAS];
	unsigned int nr, nr_spare;
	unsigned int height_max;
	bool shrinking;
	struct rand_state rand;
} m;

static u32 draw(u32 n)
{
	return rand_below(&m.rand, n);
}

static unsigned long addr_of(u32 page)
{
	return (unsigned long)page << PAGE_SHIFT;
}

/* Index of the first area of the model that ends above @addr. */
static unsigned int model_find(unsigned long addr)
{
	unsigned int i = 0;

	while (i < m.nr && m.sorted[i]->vm_end <= addr)
		i++;
	return i;
}

static void check_at(unsigned long addr)
{
	unsigned int i = model_find(addr);
	struct vm_area_struct *next = i < m.nr ? m.sorted[i] : NULL;

	EXPECT(vma_tree_find(&m.tree, addr) == next);
	EXPECT(vma_tree_lookup(&m.tree, addr) == (next && next->vm_start <= addr ? next : NULL));
	EXPECT(vma_tree_find_prev(&m.tree, addr) == (i ? m.sorted[i - 1] : NULL));
}

/* The model's gap number @i, cut to the bounds: empty when it has fewer than @len bytes. */
static struct vma_gap model_gap(unsigned int i, unsigned long len, unsigned long low,
				unsigned long high)
{
	struct vma_gap gap = {
		.start = max(low, i ? m.sorted[i - 1]->vm_end : 0),
		.end = min(high, i < m.nr ? m.sorted[i]->vm_start : ~0UL),
	};

	if (gap.start >= gap.end || gap.end - gap.start < len)
		gap.start = gap.end = 0;
	return gap;
}

static void check_gaps(void)
{
	unsigned long low = addr_of(draw(SPACE_PAGES)), high = addr_of(draw(SPACE_PAGES + 100));
	unsigned long len = addr_of(1 + draw(1u << draw(7)));
	struct vma_gap want = { 0, 0 }, got;
	bool found;

	for (unsigned int i = m.nr + 1; i-- > 0 && !want.end;)
		want = model_gap(i, len, low, high);
	found = vma_tree_gap_down(&m.tree, len, low, high, &got);
	EXPECT(found == (want.end != 0));
	EXPECT(!found || (got.start == want.start && got.end == want.end));
	want.end = 0;
	for (unsigned int i = 0; i <= m.nr && !want.end; i++)
		want = model_gap(i, len, low, high);
	found = vma_tree_gap_up(&m.tree, len, low, high, &got);
	EXPECT(found == (want.end != 0));
	EXPECT(!found || (got.start == want.start && got.end == want.end));
}

static void check_all(void)
{
	EXPECT(vma_tree_is_valid(&m.tree));
	EXPECT(m.tree.nr == m.nr);
	m.height_max = max(m.height_max, vma_tree_height(&m.tree));
	for (unsigned int i = 0; i < 8; i++)
		check_at(addr_of(draw(SPACE_PAGES)) + draw(2));
	if (m.nr) {
		check_at(m.sorted[draw(m.nr)]->vm_start);
		check_at(m.sorted[draw(m.nr)]->vm_end);
	}
	check_at(0);
	check_at(~0UL);
	check_gaps();
}

/* ---- changes: in the edit first, in the model when the edit is committed ---- */

struct change {
	struct vm_area_struct *vma;
	unsigned long start, end;	/* both 0: erased */
	bool inserted;
};

static void model_apply(const struct change *c)
{
	unsigned int i;

	if (c->inserted) {
		i = model_find(c->start);
		memmove(&m.sorted[i + 1], &m.sorted[i], (m.nr - i) * sizeof(m.sorted[0]));
		m.sorted[i] = c->vma;
		m.nr++;
	} else if (!c->end) {
		for (i = 0; m.sorted[i] != c->vma; i++)
			;
		m.nr--;
		memmove(&m.sorted[i], &m.sorted[i + 1], (m.nr - i) * sizeof(m.sorted[0]));
		m.spare[m.nr_spare++] = c->vma;
		return;
	}
	c->vma->vm_start = c->start;
	c->vma->vm_end = c->end;
}

/* A change that is possible now; false: none was found. */
static bool pick_change(struct change *c)
{
	unsigned int i, kind = m.shrinking ? 8 : draw(10);

	if ((kind < 5 || !m.nr) && m.nr_spare) {
		unsigned long start = addr_of(draw(SPACE_PAGES)), end;

		i = model_find(start);
		end = start + addr_of(1 + draw(3));
		if (i < m.nr && m.sorted[i]->vm_start < end)
			return false;
		*c = (struct change){ m.spare[--m.nr_spare], start, end, true };
		return true;
	}
	if (!m.nr)
		return false;
	i = draw(m.nr);
	*c = (struct change){ m.sorted[i], 0, 0, false };
	if (kind < 8) {
		unsigned long low = i ? m.sorted[i - 1]->vm_end : 0;
		unsigned long high = addr_of(SPACE_PAGES);
		u32 pages, from;

		high = i + 1 < m.nr ? m.sorted[i + 1]->vm_start : max(high, m.sorted[i]->vm_end);
		pages = (u32)((high - low) >> PAGE_SHIFT);
		from = draw(pages);
		c->start = low + addr_of(from);
		c->end = c->start + addr_of(1 + draw(pages - from));
	}
	return true;
}

static int tree_apply(struct vma_edit *edit, const struct change *c)
{
	if (c->inserted)
		return vma_edit_insert(edit, c->vma, c->start, c->end);
	if (!c->end)
		return vma_edit_erase(edit, c->vma->vm_start);
	return vma_edit_resize(edit, c->vma->vm_start, c->start, c->end);
}

/* One edit of @changes changes; each is put into the model at once, for the next to build on. */
static void step_commit(unsigned int changes)
{
	struct vma_edit edit;
	struct change c;

	vma_edit_begin(&edit, &m.tree);
	while (changes--) {
		if (!pick_change(&c))
			continue;
		EXPECT(tree_apply(&edit, &c) == 0);
		model_apply(&c);
	}
	vma_edit_commit(&edit);
}

/* A change whose n-th allocation fails, for every n, leaves the tree as it was. */
static void step_inject(void)
{
	struct change c;
	int err = 0;

	if (!pick_change(&c))
		return;
	for (u64 n = 1; fault_nth_arm(failslab_attr(), n); n++) {
		struct vma_edit edit;

		vma_edit_begin(&edit, &m.tree);
		err = tree_apply(&edit, &c);
		EXPECT(err == 0 || err == -ENOMEM);
		vma_edit_abort(&edit);
		check_all();
	}
	EXPECT(err == 0);
	if (c.inserted)
		m.nr_spare++;
}

static u64 live_nodes(void)
{
	struct kmem_cache_stats stats;

	rcu_barrier();
	kmem_cache_stats(kmem_cache_find("vma_node"), &stats);
	return stats.live_objects;
}

static void body(void)
{
	u64 seed = SLAB_TEST_SEED;

	fprintf(stderr, "seed %#llx\n", (unsigned long long)seed);
	memset(&m, 0, sizeof(m));
	rand_init(&m.rand, seed, 0);
	EXPECT(vma_tree_boot() == 0);
	vma_tree_init(&m.tree);
	for (unsigned int i = 0; i < MAX_AREAS; i++)
		m.spare[m.nr_spare++] = &m.areas[i];
	check_all();
	for (unsigned int i = 0; i < NR_EDITS; i++) {
		if (draw(8) == 0)
			step_inject();
		else
			step_commit(1 + draw(4));
		check_all();
		if (i % 1500 == 1499) {
			m.shrinking = true;
			while (m.nr > 2) {
				step_commit(3);
				check_all();
			}
			m.shrinking = false;
		}
	}
	EXPECT(m.height_max >= 4);
	EXPECT(live_nodes() > 0);
	vma_tree_destroy(&m.tree);
	EXPECT(live_nodes() == 0);
	vma_tree_shutdown();
}

static void test_model(void **state)
{
	(void)state;
	slab_test_run((struct slab_test){ .body = body, .options = { .policy = "none" } });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
