/* SPDX-License-Identifier: MIT */
/* Areas: their memory, their place in the tree, the figures of an address space (mm/vma.c). */
#include "mm/vma/mm.h"

#include <errno.h>
#include <string.h>

#include "mm/page/page_alloc.h"
#include "mm/slab/kmalloc.h"
#include "mm/slab/slab.h"
#include "mm/vma/vma_impl.h"

static struct kmem_cache *vma_cache;

/* ---- page protection ---- */

/* By VM_READ, VM_WRITE, VM_EXEC, VM_SHARED in bits 0..3; private writable is read-only: COW. */
pgprot_t vm_get_page_prot(vm_flags_t flags)
{
	switch (flags & (VM_ACCESS_FLAGS | VM_SHARED)) {
	case VM_NONE:
	case VM_SHARED:
		return PAGE_NONE;
	case VM_SHARED | VM_WRITE:
	case VM_SHARED | VM_WRITE | VM_READ:
		return PAGE_SHARED;
	case VM_SHARED | VM_WRITE | VM_EXEC:
	case VM_SHARED | VM_WRITE | VM_EXEC | VM_READ:
		return PAGE_SHARED_EXEC;
	default:
		return flags & VM_EXEC ? PAGE_READONLY_EXEC : PAGE_READONLY;
	}
}

void vma_set_flags(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags = flags;
	vma->vm_page_prot = vm_get_page_prot(flags);
}

/* ---- names ---- */

struct anon_vma_name *anon_vma_name_alloc(const char *name)
{
	size_t len = strlen(name) + 1;
	struct anon_vma_name *n = kmalloc(sizeof(*n) + len, GFP_KERNEL);

	if (!n)
		return NULL;
	n->refcount = 1;
	memcpy(n->name, name, len);
	return n;
}

void anon_vma_name_get(struct anon_vma_name *name)
{
	if (name)
		fetch_add_relaxed(&name->refcount, 1);
}

void anon_vma_name_put(struct anon_vma_name *name)
{
	if (name && fetch_add(&name->refcount, (u32)-1) == 1)
		kfree(name);
}

bool anon_vma_name_eq(const struct anon_vma_name *a, const struct anon_vma_name *b)
{
	return a == b || (a && b && !strcmp(a->name, b->name));
}

/* ---- memory ---- */

struct vm_area_struct *vm_area_alloc(struct mm_struct *mm)
{
	struct vm_area_struct *vma = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!vma)
		return NULL;
	VM_BUG_ON(READ_ONCE(vma->vm_refcnt) != 0);
	/*
	 * Readers that found the slot's last area may still look at the three words of the lock:
	 * those are never written plainly.  An odd number that no live address space has soon.
	 */
	WRITE_ONCE(vma->vm_mm, mm);
	WRITE_ONCE(vma->vm_lock_seq, UINT32_MAX);
	vma->vm_start = vma->vm_end = 0;
	vma->vm_pgoff = 0;
	vma_set_flags(vma, VM_NONE);
	vma->anon_vma = NULL;
	INIT_LIST_HEAD(&vma->anon_vma_chain);
	vma->vm_shmem = NULL;
	vma->anon_name = NULL;
	vma->special = NULL;
	return vma;
}

struct vm_area_struct *vm_area_dup(struct vm_area_struct *vma, struct mm_struct *mm)
{
	struct vm_area_struct *copy = vm_area_alloc(mm);

	if (!copy)
		return NULL;
	copy->vm_start = vma->vm_start;
	copy->vm_end = vma->vm_end;
	copy->vm_pgoff = vma->vm_pgoff;
	copy->vm_flags = vma->vm_flags;
	copy->vm_page_prot = vma->vm_page_prot;
	copy->vm_shmem = vma->vm_shmem;
	if (copy->vm_shmem)
		shmem_get(copy->vm_shmem);
	copy->anon_name = vma->anon_name;
	anon_vma_name_get(copy->anon_name);
	copy->special = vma->special;
	return copy;
}

void vm_area_free(struct vm_area_struct *vma)
{
	VM_BUG_ON(READ_ONCE(vma->vm_refcnt) != 0);
	VM_BUG_ON(!list_empty(&vma->anon_vma_chain));
	if (vma->vm_shmem)
		shmem_put(vma->vm_shmem);
	anon_vma_name_put(vma->anon_name);
	kmem_cache_free(vma_cache, vma);
}

static void vma_ctor(void *obj)
{
	vma_lock_ctor(obj);
}

int vma_cache_boot(void)
{
	vma_cache = kmem_cache_create("vm_area_struct", sizeof(struct vm_area_struct), 0,
				      SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU, vma_ctor);
	return vma_cache ? 0 : -ENOMEM;
}

void vma_cache_shutdown(void)
{
	(void)kmem_cache_destroy(vma_cache);
	vma_cache = NULL;
}

/* ---- finding; mmap_lock in either mode ---- */

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	return vma_tree_find(&mm->vmas, addr);
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	return vma_tree_lookup(&mm->vmas, addr);
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long addr,
				     struct vm_area_struct **prev)
{
	*prev = vma_tree_find_prev(&mm->vmas, addr);
	return vma_tree_find(&mm->vmas, addr);
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start,
					     unsigned long end)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	return vma && vma->vm_start < end ? vma : NULL;
}

int insert_vm_struct(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vma_edit edit;

	mmap_assert_write_locked(mm);
	vma_edit_begin(&edit, &mm->vmas);
	if (vma_edit_insert(&edit, vma, vma->vm_start, vma->vm_end)) {
		vma_edit_abort(&edit);
		return -ENOMEM;
	}
	/* Locked before it can be found: the caller may go on changing it. */
	vma_start_write(vma);
	vma_mark_attached(vma);
	vma_edit_commit(&edit);
	mm->map_count++;
	vm_stat_account(mm, vma->vm_flags, (long)vma_pages(vma));
	return 0;
}

/* ---- figures and limits ---- */

void vm_stat_account(struct mm_struct *mm, vm_flags_t flags, long pages)
{
	unsigned long delta = (unsigned long)pages;

	mm->total_vm += delta;
	if (is_exec_mapping(flags))
		mm->exec_vm += delta;
	else if (is_stack_mapping(flags))
		mm->stack_vm += delta;
	else if (is_data_mapping(flags))
		mm->data_vm += delta;
}

bool may_expand_vm(struct mm_struct *mm, vm_flags_t flags, unsigned long pages)
{
	/* RLIMIT_AS and RLIMIT_DATA are unlimited here; what is left is the size of the space. */
	(void)flags;
	return mm->total_vm + pages <= TASK_SIZE_MAX >> PAGE_SHIFT;
}

int vm_enough_memory(unsigned long pages)
{
	unsigned long total = 0;
	struct zone *zone;

	for_each_zone(zone)
		total += READ_ONCE(zone->managed_pages);
	/* Overcommit mode 0: only what could never be there is refused. */
	return pages > total ? -ENOMEM : 0;
}

/* ---- the validator ---- */

static bool vma_is_valid(const struct vm_area_struct *vma, const struct mm_struct *mm)
{
	return vma->vm_mm == mm && vma->vm_start < vma->vm_end &&
	       !((vma->vm_start | vma->vm_end) & ~PAGE_MASK) && vma->vm_end <= TASK_SIZE_MAX &&
	       (READ_ONCE(vma->vm_refcnt) & VMA_REF_LIMIT) >= 1 &&
	       !!(vma->vm_flags & VM_SHARED) <= !!(vma->vm_flags & VM_MAYSHARE) &&
	       pgprot_val(vma->vm_page_prot) == pgprot_val(vm_get_page_prot(vma->vm_flags)) &&
	       (!vma->anon_vma || !list_empty(&vma->anon_vma_chain));
}

bool mm_is_valid(struct mm_struct *mm)
{
	struct mm_struct count = { 0 };
	struct vm_area_struct *vma;

	mmap_assert_locked(mm);
	if (!vma_tree_is_valid(&mm->vmas))
		return false;
	for_each_vma(mm, vma) {
		if (!vma_is_valid(vma, mm))
			return false;
		count.map_count++;
		vm_stat_account(&count, vma->vm_flags, (long)vma_pages(vma));
	}
	return count.map_count == mm->map_count && count.total_vm == mm->total_vm &&
	       count.data_vm == mm->data_vm && count.exec_vm == mm->exec_vm &&
	       count.stack_vm == mm->stack_vm;
}
