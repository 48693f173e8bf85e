/* SPDX-License-Identifier: MIT */
/*
 * The B-tree of areas: nodes of 256 bytes, copied on the way down, published at once.
 *
 * What.  A leaf holds up to 9 areas with their ranges, an inner node up to 7 children, each with
 * the range [lo, hi) from the start of its first area to the end of its last, and the largest gap
 * between two neighbouring areas inside it.  So an inner node knows all gaps of its subtree: those
 * inside a child by the child's figure, those between two children by hi and the next lo.
 *
 * States of a node.  Fresh: made by the open edit (node->edit is the edit's number), seen by its
 * writer only, changed in place.  Published: part of a committed tree, constant.  Replaced: part of
 * no tree that a new reader could find; freed after a grace period.  A fresh node that the same
 * edit threw away again has nr 0.
 *
 * Invariants.
 *   I1  Areas are in order and do not overlap: end[i] <= start[i + 1].
 *   I2  lo, hi and gap of an inner entry are what its child says (node_summary()).
 *   I3  All leaves have level 0 and the same distance from the root; a child's level is one less.
 *   I4  A leaf other than the root has 4..9 areas, an inner node 3..7 children, an inner root 2..7.
 *   I5  A published node never changes.  Hence a reader that loads the root once walks one version.
 *   I6  Between begin and commit nothing of the published tree is touched, so abort only frees.
 *
 * Locking.  Writers hold the mmap lock for writing.  Readers hold it in either mode or are between
 * rcu_read_lock() and rcu_read_unlock(); the only word that both touch is tree->root.
 *
 * Context.  Task; freeing happens in softirq context.
 *
 * Failure.  Inserting and resizing take the nodes they need before they change any; taking out
 * does not (a sibling may be needed for I4), so it leaves an edit that can only be aborted.
 *
 * Costs.  A lookup in n areas reads log(n) nodes (n = 1000: 4 or 5), each four cache lines at most.
 * A change copies one path, and a sibling when a node runs empty.
 *
 * See also.  lib/maple_tree.c does the same job with in-place writes and pivots instead of ranges.
 */
#include "mm/vma/vma_tree.h"

#include <errno.h>

#include "mm/vma/vma_tree_impl.h"

struct kmem_cache *vma_node_cache;

struct inner_entry node_summary(struct vma_node *n)
{
	struct inner_entry e = { .lo = node_start(n, 0), .hi = node_end(n, n->nr - 1), .child = n };

	for (unsigned int i = 0; i < n->nr; i++) {
		if (i)
			e.gap = max(e.gap, node_start(n, i) - node_end(n, i - 1));
		if (n->level)
			e.gap = max(e.gap, n->inner[i].gap);
	}
	return e;
}

/* ---- reading ---- */

struct vm_area_struct *vma_tree_find(const struct vma_tree *tree, unsigned long addr)
{
	/* Acquire: pairs with the release in vma_edit_commit(), for every node below. */
	const struct vma_node *n = rcu_dereference(tree->root);

	while (n) {
		unsigned int i = node_slot(n, addr);

		if (i == n->nr)
			return NULL;	/* at the root only: below it hi > addr was checked */
		if (!n->level)
			return n->leaf[i].vma;
		n = n->inner[i].child;
	}
	return NULL;
}

struct vm_area_struct *vma_tree_lookup(const struct vma_tree *tree, unsigned long addr)
{
	const struct vma_node *n = rcu_dereference(tree->root);

	while (n) {
		unsigned int i = node_slot(n, addr);

		if (i == n->nr || node_start(n, i) > addr)
			return NULL;
		if (!n->level)
			return n->leaf[i].vma;
		n = n->inner[i].child;
	}
	return NULL;
}

struct vm_area_struct *vma_tree_find_prev(const struct vma_tree *tree, unsigned long addr)
{
	const struct vma_node *n = rcu_dereference(tree->root);
	const struct vma_node *before = NULL;	/* its last area is the nearest so far */
	unsigned int i;

	while (n) {
		i = node_slot(n, addr);
		if (!n->level) {
			if (i)
				return n->leaf[i - 1].vma;
			break;
		}
		if (i)
			before = n->inner[i - 1].child;
		n = i < n->nr ? n->inner[i].child : NULL;
	}
	while (before && before->level)
		before = before->inner[before->nr - 1].child;
	return before ? before->leaf[before->nr - 1].vma : NULL;
}

/* ---- gaps ---- */

struct gap_search {
	unsigned long len, low, high;
	struct vma_gap *found;
};

static bool gap_take(const struct gap_search *s, unsigned long start, unsigned long end)
{
	start = max(start, s->low);
	end = min(end, s->high);
	if (start >= end || end - start < s->len)
		return false;
	*s->found = (struct vma_gap){ .start = start, .end = end };
	return true;
}

/*
 * The recursion is as deep as the tree.  It enters a subtree in vain only where @low or @high cuts
 * the gap that promised room: once per level and bound.
 */
static bool gap_down_in(const struct vma_node *n, const struct gap_search *s)
{
	for (unsigned int i = n->nr; i-- > 0;) {
		if (i + 1 < n->nr && gap_take(s, node_end(n, i), node_start(n, i + 1)))
			return true;
		if (node_end(n, i) <= s->low)
			return false;
		if (n->level && n->inner[i].gap >= s->len && n->inner[i].lo < s->high &&
		    gap_down_in(n->inner[i].child, s))
			return true;
	}
	return false;
}

static bool gap_up_in(const struct vma_node *n, const struct gap_search *s)
{
	for (unsigned int i = 0; i < n->nr; i++) {
		if (i && gap_take(s, node_end(n, i - 1), node_start(n, i)))
			return true;
		if (node_start(n, i) >= s->high)
			return false;
		if (n->level && n->inner[i].gap >= s->len && n->inner[i].hi > s->low &&
		    gap_up_in(n->inner[i].child, s))
			return true;
	}
	return false;
}

bool vma_tree_gap_down(const struct vma_tree *tree, unsigned long len, unsigned long low,
		       unsigned long high, struct vma_gap *gap)
{
	const struct gap_search s = { .len = len, .low = low, .high = high, .found = gap };
	const struct vma_node *n = rcu_dereference(tree->root);

	if (!n)
		return gap_take(&s, low, high);
	return gap_take(&s, node_end(n, n->nr - 1), high) || gap_down_in(n, &s) ||
	       gap_take(&s, low, node_start(n, 0));
}

bool vma_tree_gap_up(const struct vma_tree *tree, unsigned long len, unsigned long low,
		     unsigned long high, struct vma_gap *gap)
{
	const struct gap_search s = { .len = len, .low = low, .high = high, .found = gap };
	const struct vma_node *n = rcu_dereference(tree->root);

	if (!n)
		return gap_take(&s, low, high);
	return gap_take(&s, low, node_start(n, 0)) || gap_up_in(n, &s) ||
	       gap_take(&s, node_end(n, n->nr - 1), high);
}

/* ---- life cycle and checks ---- */

void vma_tree_init(struct vma_tree *tree)
{
	*tree = (struct vma_tree){ 0 };
}

static void node_free(struct rcu_head *head)
{
	kmem_cache_free(vma_node_cache, container_of(head, struct vma_node, rcu));
}

void vma_node_free_rcu(struct vma_node *n)
{
	call_rcu(&n->rcu, node_free);
}

/* Recursion as deep as the tree. */
static void free_below(struct vma_node *n)
{
	for (unsigned int i = 0; n->level && i < n->nr; i++)
		free_below(n->inner[i].child);
	vma_node_free_rcu(n);
}

void vma_tree_destroy(struct vma_tree *tree)
{
	struct vma_node *root = tree->root;

	WRITE_ONCE(tree->root, NULL);
	tree->nr = 0;
	if (root)
		free_below(root);
}

static bool inner_is_valid(const struct vma_node *n, unsigned int i)
{
	const struct inner_entry *e = &n->inner[i];
	struct inner_entry says = node_summary(e->child);

	return says.lo == e->lo && says.hi == e->hi && says.gap == e->gap &&	/* I2 */
	       e->child->level == n->level - 1;					/* I3 */
}

static bool area_is_valid(const struct leaf_entry *e)
{
	return e->vma->vm_start == e->start && e->vma->vm_end == e->end && e->start < e->end;
}

/* Adds the areas below @n to *@nr. */
static bool node_is_valid(const struct vma_node *n, bool root, unsigned int *nr)
{
	if (n->nr > node_max(n) || n->nr < (root ? (n->level ? 2 : 1) : node_min(n)))
		return false;							/* I4 */
	for (unsigned int i = 0; i < n->nr; i++) {
		if (i && node_start(n, i) < node_end(n, i - 1))
			return false;						/* I1 */
		if (n->level ? !inner_is_valid(n, i) || !node_is_valid(n->inner[i].child, false, nr)
			     : !area_is_valid(&n->leaf[i]))
			return false;
	}
	if (!n->level)
		*nr += n->nr;
	return true;
}

bool vma_tree_is_valid(const struct vma_tree *tree)
{
	unsigned int nr = 0;

	if (tree->root && !node_is_valid(tree->root, true, &nr))
		return false;
	return nr == tree->nr;
}

unsigned int vma_tree_height(const struct vma_tree *tree)
{
	const struct vma_node *root = rcu_dereference(tree->root);

	return root ? root->level + 1 : 0;
}

int vma_tree_boot(void)
{
	vma_node_cache = kmem_cache_create("vma_node", sizeof(struct vma_node), 0,
					   SLAB_HWCACHE_ALIGN, NULL);
	return vma_node_cache ? 0 : -ENOMEM;
}

void vma_tree_shutdown(void)
{
	if (!vma_node_cache)
		return;
	/* Nodes may still wait for their grace period. */
	rcu_barrier();
	(void)kmem_cache_destroy(vma_node_cache);
	vma_node_cache = NULL;
}
