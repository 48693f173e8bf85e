/* SPDX-License-Identifier: MIT */
/*
 * The areas of an address space by address: a B-tree of ranges whose nodes never change once
 * readers can see them.
 *
 * Reading.  Under rcu_read_lock(), or with the mmap lock held in either mode.  A reader under RCU
 * sees the tree as of one commit, from top to bottom.
 *
 * Writing.  With the mmap lock held for writing, by an edit: begin, any number of changes, commit
 * or abort.  Changes are made to copies and may fail (-ENOMEM); commit cannot fail and shows all
 * of them at once; abort leaves the tree as it was.  So whatever can fail comes first.
 */
#ifndef MM_VMA_VMA_TREE_H
#define MM_VMA_VMA_TREE_H

#include "runtime/lib/compiler.h"
#include "runtime/lib/types.h"

struct vm_area_struct;
struct vma_node;

struct vma_tree {
	struct vma_node *root;		/* RCU; NULL: no areas */
	u64 edit;			/* number of the last edit; mmap lock */
	unsigned int nr;		/* areas; mmap lock */
};

/* ---- reading ---- */

/* The area that contains @addr or, if there is none, the next one above; NULL behind the last. */
struct vm_area_struct *vma_tree_find(const struct vma_tree *tree, unsigned long addr);
/* The area that contains @addr, or NULL. */
struct vm_area_struct *vma_tree_lookup(const struct vma_tree *tree, unsigned long addr);
/* The last area that ends at or below @addr, or NULL. */
struct vm_area_struct *vma_tree_find_prev(const struct vma_tree *tree, unsigned long addr);

/*
 * The highest (down) or lowest (up) gap of @len bytes within [@low, @high): *@gap is its whole
 * extent, cut to the bounds.  False: there is none.  Logarithmic.
 */
struct vma_gap {
	unsigned long start, end;
};
bool vma_tree_gap_down(const struct vma_tree *tree, unsigned long len, unsigned long low,
		       unsigned long high, struct vma_gap *gap) __must_check;
bool vma_tree_gap_up(const struct vma_tree *tree, unsigned long len, unsigned long low,
		     unsigned long high, struct vma_gap *gap) __must_check;

/* ---- writing ---- */

/* One open edit of one tree; on the stack of the writer. */
struct vma_edit {
	struct vma_tree *tree;
	struct vma_node *root;		/* as it will be */
	struct vma_node *fresh;		/* made by this edit, part of the new tree */
	struct vma_node *replaced;	/* part of the old tree only */
	unsigned int nr;
};

void vma_edit_begin(struct vma_edit *edit, struct vma_tree *tree);
/*
 * Enters @vma for [@start, @end), which is free.  0; or -ENOMEM, and the edit is as it was: like
 * after a failed resize it may be committed without this change.
 */
int vma_edit_insert(struct vma_edit *edit, struct vm_area_struct *vma, unsigned long start,
		    unsigned long end) __must_check;
/* Takes out the area that starts at @start.  0; or -ENOMEM, and the edit must be aborted. */
int vma_edit_erase(struct vma_edit *edit, unsigned long start) __must_check;
/* Gives the area that starts at @old the range [@start, @end); the rest of that is free. */
int vma_edit_resize(struct vma_edit *edit, unsigned long old, unsigned long start,
		    unsigned long end) __must_check;
/* Shows the changes; nodes that are no longer part of the tree go after a grace period. */
void vma_edit_commit(struct vma_edit *edit);
void vma_edit_abort(struct vma_edit *edit);

/* ---- life cycle and checks ---- */

void vma_tree_init(struct vma_tree *tree);
/* Forgets all areas, which the caller has taken care of; no reader is left.  Task context. */
void vma_tree_destroy(struct vma_tree *tree);

/* All invariants, the areas' own vm_start and vm_end included; the mmap lock is held.  VM_CHECK. */
bool vma_tree_is_valid(const struct vma_tree *tree);
unsigned int vma_tree_height(const struct vma_tree *tree);

/* Slab cache of the nodes; on a CPU.  vma_boot() and vma_shutdown() call these. */
int vma_tree_boot(void) __must_check;
void vma_tree_shutdown(void);

#endif /* MM_VMA_VMA_TREE_H */
