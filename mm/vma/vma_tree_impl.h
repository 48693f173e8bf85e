/* SPDX-License-Identifier: MIT */
/* The nodes of the tree of areas; internal to vma_tree.c and vma_tree_edit.c. */
#ifndef MM_VMA_VMA_TREE_IMPL_H
#define MM_VMA_VMA_TREE_IMPL_H

#include "mm/slab/slab.h"
#include "mm/vma/mm_types.h"

#define LEAF_MAX	9u
#define LEAF_MIN	4u
#define INNER_MAX	7u
#define INNER_MIN	3u

struct leaf_entry {
	unsigned long start, end;
	struct vm_area_struct *vma;
};

struct inner_entry {
	unsigned long lo, hi, gap;
	struct vma_node *child;
};

struct vma_node {
	union {
		struct rcu_head rcu;		/* replaced */
		struct vma_node *next;		/* in the edit's list */
	};
	u64 edit;
	u32 nr;
	u32 level;				/* 0: leaf */
	union {
		struct leaf_entry leaf[LEAF_MAX];
		struct inner_entry inner[INNER_MAX];
	};
};

_Static_assert(sizeof(struct vma_node) == 256, "four cache lines");

extern struct kmem_cache *vma_node_cache;

/* ---- what a node says about itself ---- */

static inline unsigned long node_start(const struct vma_node *n, unsigned int i)
{
	return n->level ? n->inner[i].lo : n->leaf[i].start;
}

static inline unsigned long node_end(const struct vma_node *n, unsigned int i)
{
	return n->level ? n->inner[i].hi : n->leaf[i].end;
}

static inline unsigned int node_max(const struct vma_node *n)
{
	return n->level ? INNER_MAX : LEAF_MAX;
}

static inline unsigned int node_min(const struct vma_node *n)
{
	return n->level ? INNER_MIN : LEAF_MIN;
}

/* The entry that stands for @n in its parent (I2). */
struct inner_entry node_summary(struct vma_node *n);

/* The first entry that ends above @addr; nr when there is none. */
static inline unsigned int node_slot(const struct vma_node *n, unsigned long addr)
{
	unsigned int i = 0;

	if (n->level)
		while (i < n->nr && n->inner[i].hi <= addr)
			i++;
	else
		while (i < n->nr && n->leaf[i].end <= addr)
			i++;
	return i;
}

/* Frees a node that readers may still be in; task context. */
void vma_node_free_rcu(struct vma_node *n);

#endif /* MM_VMA_VMA_TREE_IMPL_H */
