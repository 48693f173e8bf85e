/* SPDX-License-Identifier: MIT */
/*
 * Edits of the tree of areas: inserting, taking out and resizing in copies; commit and abort.
 *
 * The theory, and the invariants that the comments name, are in vma_tree.c.
 */
#include "mm/vma/vma_tree.h"

#include <errno.h>

#include "mm/vma/vma_tree_impl.h"

/* 3 children each at least, 4 areas per leaf: more than 2^47 / 2^12 areas fit below this. */
#define HEIGHT_MAX	24

/* ---- nodes of an edit ---- */

static struct vma_node *node_new(struct vma_edit *edit, u32 level)
{
	struct vma_node *n = kmem_cache_alloc(vma_node_cache, GFP_KERNEL);

	if (!n)
		return NULL;
	n->edit = edit->tree->edit;
	n->nr = 0;
	n->level = level;
	n->next = edit->fresh;
	edit->fresh = n;
	return n;
}

static bool node_is_fresh(const struct vma_edit *edit, const struct vma_node *n)
{
	return n->edit == edit->tree->edit;
}

/* @n leaves the tree that is being built. */
static void node_discard(struct vma_edit *edit, struct vma_node *n)
{
	if (node_is_fresh(edit, n)) {
		n->nr = 0;			/* commit frees it; nobody else has seen it */
		return;
	}
	/* The link shares memory with nothing that readers look at (I5). */
	n->next = edit->replaced;
	edit->replaced = n;
}

/* @n, or a copy that may be changed.  NULL: no memory. */
static struct vma_node *node_own(struct vma_edit *edit, struct vma_node *n)
{
	struct vma_node *copy;

	if (node_is_fresh(edit, n))
		return n;
	copy = node_new(edit, n->level);
	if (!copy)
		return NULL;
	copy->nr = n->nr;
	memcpy(copy->leaf, n->leaf, sizeof(*n) - offsetof(struct vma_node, leaf));
	node_discard(edit, n);
	return copy;
}

/* Moves the entries of @n from @from on by one place up or, @up false, down onto @from. */
static void node_shift(struct vma_node *n, unsigned int from, bool up)
{
	unsigned int behind = n->nr - from - (up ? 0 : 1);

	if (n->level)
		memmove(&n->inner[from + up], &n->inner[from + !up], behind * sizeof(n->inner[0]));
	else
		memmove(&n->leaf[from + up], &n->leaf[from + !up], behind * sizeof(n->leaf[0]));
	n->nr += up ? 1u : (u32)-1;
}

/* Copies @nr entries of @src from @from behind the last of @dst. */
static void node_append(struct vma_node *dst, const struct vma_node *src, unsigned int from,
			unsigned int nr)
{
	if (dst->level)
		memcpy(&dst->inner[dst->nr], &src->inner[from], nr * sizeof(src->inner[0]));
	else
		memcpy(&dst->leaf[dst->nr], &src->leaf[from], nr * sizeof(src->leaf[0]));
	dst->nr += nr;
}

/* ---- the way from the root to one leaf, all of it fresh ---- */

struct path {
	struct {
		struct vma_node *node;		/* [0] the root */
		unsigned int slot;		/* inner: the child that is the next node */
	} at[HEIGHT_MAX];
	unsigned int depth;			/* index of the leaf */
};

/*
 * The path to the first entry that ends above @addr; behind the last one when there is none.  The
 * tree is not empty.  0 or -ENOMEM.
 */
static int path_own(struct vma_edit *edit, struct path *p, unsigned long addr)
{
	struct vma_node *n = node_own(edit, edit->root), *child;

	if (!n)
		return -ENOMEM;
	edit->root = n;
	for (p->depth = 0;; p->depth++) {
		unsigned int i = node_slot(n, addr);

		BUG_ON(p->depth >= HEIGHT_MAX);
		p->at[p->depth].node = n;
		p->at[p->depth].slot = i;
		if (!n->level)
			return 0;
		if (i == n->nr)
			p->at[p->depth].slot = --i;
		child = node_own(edit, n->inner[i].child);
		if (!child)
			return -ENOMEM;
		n->inner[i].child = child;
		n = child;
	}
}

/* Keeps I2 from @depth upwards. */
static void path_update(struct path *p, unsigned int depth)
{
	for (; depth > 0; depth--) {
		struct vma_node *parent = p->at[depth - 1].node;

		parent->inner[p->at[depth - 1].slot] = node_summary(p->at[depth].node);
	}
}

/* ---- inserting ---- */

/* Halves the full node at @depth, whose parent has room; the upper half becomes its sibling. */
static int path_split(struct vma_edit *edit, struct path *p, unsigned int depth)
{
	struct vma_node *n = p->at[depth].node, *right = node_new(edit, n->level);
	struct vma_node *parent = depth ? p->at[depth - 1].node : node_new(edit, n->level + 1);
	unsigned int keep = n->nr / 2, i = depth ? p->at[depth - 1].slot : 0;

	if (!right || !parent)
		return -ENOMEM;
	node_append(right, n, keep, n->nr - keep);
	n->nr = keep;
	if (depth) {
		node_shift(parent, i + 1, true);
	} else {
		parent->nr = 2;
		edit->root = parent;
	}
	parent->inner[i] = node_summary(n);
	parent->inner[i + 1] = node_summary(right);
	return 0;
}

/*
 * Splits the highest of the full nodes that end at the leaf.  The path is void then; the next one
 * has fewer of them.
 */
static int path_make_room(struct vma_edit *edit, struct path *p)
{
	unsigned int depth = p->depth;

	while (depth > 0 && p->at[depth - 1].node->nr == INNER_MAX)
		depth--;
	return path_split(edit, p, depth);
}

int vma_edit_insert(struct vma_edit *edit, struct vm_area_struct *vma, unsigned long start,
		    unsigned long end)
{
	struct vma_node *leaf;
	struct path p;
	unsigned int i;
	int err;

	VM_BUG_ON(start >= end);
	if (!edit->root) {
		edit->root = node_new(edit, 0);
		if (!edit->root)
			return -ENOMEM;
	}
	err = path_own(edit, &p, start);
	while (!err && p.at[p.depth].node->nr == LEAF_MAX) {
		err = path_make_room(edit, &p);
		if (!err)
			err = path_own(edit, &p, start);
	}
	if (err)
		return err;
	leaf = p.at[p.depth].node;
	i = p.at[p.depth].slot;
	VM_BUG_ON(i < leaf->nr && leaf->leaf[i].start < end);		/* I1 */
	node_shift(leaf, i, true);
	leaf->leaf[i] = (struct leaf_entry){ .start = start, .end = end, .vma = vma };
	path_update(&p, p.depth);
	edit->nr++;
	return 0;
}

/* ---- taking out ---- */

/* Shares the entries of the fresh neighbours @l and @r, or puts all into @l: true. */
static bool nodes_balance(struct vma_node *l, struct vma_node *r)
{
	unsigned int sum = l->nr + r->nr, left = sum / 2;
	struct vma_node all = { .level = l->level };

	if (sum <= node_max(l)) {
		node_append(l, r, 0, r->nr);
		return true;
	}
	if (l->nr < left) {
		unsigned int moved = left - l->nr;

		node_append(l, r, 0, moved);
		node_append(&all, r, moved, r->nr - moved);
	} else {
		node_append(&all, l, left, l->nr - left);
		node_append(&all, r, 0, r->nr);
		l->nr = left;
	}
	r->nr = 0;
	node_append(r, &all, 0, all.nr);
	return false;
}

/* Keeps I4 for the node at @depth, which has lost an entry. */
static int path_refill(struct vma_edit *edit, struct path *p, unsigned int depth)
{
	struct vma_node *parent = p->at[depth - 1].node, *l, *r;
	unsigned int i = p->at[depth - 1].slot;

	if (i == parent->nr - 1)
		i--;
	l = node_own(edit, parent->inner[i].child);
	if (!l)
		return -ENOMEM;
	parent->inner[i].child = l;
	r = node_own(edit, parent->inner[i + 1].child);
	if (!r)
		return -ENOMEM;
	parent->inner[i + 1].child = r;
	if (nodes_balance(l, r)) {
		node_discard(edit, r);
		node_shift(parent, i + 1, false);
	} else {
		parent->inner[i + 1] = node_summary(r);
	}
	parent->inner[i] = node_summary(l);
	p->at[depth - 1].slot = i;
	p->at[depth].node = l;
	return 0;
}

int vma_edit_erase(struct vma_edit *edit, unsigned long start)
{
	struct vma_node *leaf;
	unsigned int depth;
	struct path p;
	int err = path_own(edit, &p, start);

	if (err)
		return err;
	leaf = p.at[p.depth].node;
	BUG_ON(p.at[p.depth].slot >= leaf->nr || leaf->leaf[p.at[p.depth].slot].start != start);
	node_shift(leaf, p.at[p.depth].slot, false);
	for (depth = p.depth; depth > 0; depth--) {
		if (p.at[depth].node->nr >= node_min(p.at[depth].node))
			break;
		err = path_refill(edit, &p, depth);
		if (err)
			return err;
	}
	path_update(&p, depth);
	if (edit->root->level && edit->root->nr == 1) {
		struct vma_node *old = edit->root;

		edit->root = old->inner[0].child;
		node_discard(edit, old);
	} else if (!edit->root->nr) {
		edit->root = NULL;
	}
	edit->nr--;
	return 0;
}

int vma_edit_resize(struct vma_edit *edit, unsigned long old, unsigned long start,
		    unsigned long end)
{
	struct vma_node *leaf;
	struct path p;
	unsigned int i;
	int err = path_own(edit, &p, old);

	if (err)
		return err;
	leaf = p.at[p.depth].node;
	i = p.at[p.depth].slot;
	BUG_ON(i >= leaf->nr || leaf->leaf[i].start != old);
	VM_BUG_ON(start >= end);
	VM_BUG_ON(i && leaf->leaf[i - 1].end > start);			/* I1 */
	VM_BUG_ON(i + 1 < leaf->nr && leaf->leaf[i + 1].start < end);
	leaf->leaf[i].start = start;
	leaf->leaf[i].end = end;
	path_update(&p, p.depth);
	return 0;
}

/* ---- edits ---- */

void vma_edit_begin(struct vma_edit *edit, struct vma_tree *tree)
{
	tree->edit++;
	*edit = (struct vma_edit){ .tree = tree, .root = tree->root, .nr = tree->nr };
}

void vma_edit_commit(struct vma_edit *edit)
{
	struct vma_node *n, *next;

	/* Release: pairs with the acquire of every reader. */
	rcu_assign_pointer(edit->tree->root, edit->root);
	edit->tree->nr = edit->nr;
	for (n = edit->fresh; n; n = next) {
		next = n->next;
		if (!n->nr)
			kmem_cache_free(vma_node_cache, n);
	}
	for (n = edit->replaced; n; n = next) {
		next = n->next;
		vma_node_free_rcu(n);
	}
}

void vma_edit_abort(struct vma_edit *edit)
{
	struct vma_node *n, *next;

	for (n = edit->fresh; n; n = next) {
		next = n->next;
		kmem_cache_free(vma_node_cache, n);
	}
}
