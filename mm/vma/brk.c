/* SPDX-License-Identifier: MIT */
/*
 * The heap, the stack and the layout of a program: brk, stack growth, set_up_layout (mm/mmap.c,
 * mm/vma.c, fs/binfmt_elf.c).
 *
 * Invariants.
 *   I1  Between a stack and the area below it STACK_GUARD_GAP bytes stay free, so that an overflow
 *       faults instead of writing into a neighbour.
 *   I2  The heap is [start_brk, PAGE_ALIGN(brk)): one area, unless a part was given other rights.
 *
 * Context.  Task.
 */
#include <errno.h>

#include "mm/vma/vma_impl.h"
#include "runtime/lib/rand.h"

/* ---- brk ---- */

/* [@start, @end) is free and joins the heap. */
static int brk_grow(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct vma_wish w = {
		.mm = mm, .start = start, .end = end, .pgoff = start >> PAGE_SHIFT,
		.flags = VM_DATA_FLAGS | VM_ACCOUNT | VM_SOFTDIRTY | mm->def_flags,
	};
	unsigned long pages = (end - start) >> PAGE_SHIFT;
	struct vm_area_struct *vma;

	if (!may_expand_vm(mm, w.flags, pages) || vm_enough_memory(pages))
		return -ENOMEM;
	if (mm->map_count > sysctl_max_map_count)
		return -ENOMEM;
	if (vma_merge_new_range(&w)) {
		vm_stat_account(mm, w.flags, (long)pages);
		return 0;
	}
	vma = vm_area_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_pgoff = w.pgoff;
	vma_set_flags(vma, w.flags);
	if (!insert_vm_struct(mm, vma))
		return 0;
	vm_area_free(vma);
	return -ENOMEM;
}

static bool brk_locked(struct mm_struct *mm, unsigned long brk)
{
	unsigned long old_end = align_up(mm->layout.brk, PAGE_SIZE);
	unsigned long new_end = align_up(brk, PAGE_SIZE);
	struct vm_area_struct *next;

	if (brk < mm->layout.start_brk)
		return false;
	if (brk > TASK_SIZE_MAX)
		return false;
	if (new_end == old_end)
		return true;
	/* Giving back what somebody unmapped or moved away already is refused, as by Linux. */
	if (new_end < old_end)
		return find_vma_intersection(mm, new_end, old_end) &&
		       !do_vma_munmap(mm, new_end, old_end);
	next = find_vma(mm, old_end);
	if (next && new_end + PAGE_SIZE > vm_start_gap(next))
		return false;
	return !brk_grow(mm, old_end, new_end);					/* I2 */
}

unsigned long do_brk(struct mm_struct *mm, unsigned long brk)
{
	vm_call_begin();
	mmap_write_lock(mm);
	if (brk_locked(mm, brk))
		mm->layout.brk = brk;
	brk = mm->layout.brk;
	VM_CHECK(mm_is_valid(mm));
	mmap_write_unlock(mm);
	return brk;
}

/* ---- the stack ---- */

static int check_growth(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *prev = vma_tree_find_prev(&mm->vmas, vma->vm_start);
	unsigned long grow = (vma->vm_start - addr) >> PAGE_SHIFT;

	if (addr < MMAP_MIN_ADDR)
		return -EPERM;
	/* Another stack right below may be part of this one, split by mprotect(). */
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && (prev->vm_flags & VM_ACCESS_FLAGS) &&
	    (addr < prev->vm_end || addr - prev->vm_end < STACK_GUARD_GAP))	/* I1 */
		return -ENOMEM;
	if (prev && addr < prev->vm_end)
		return -ENOMEM;
	if (grow > vma->vm_pgoff || !may_expand_vm(mm, vma->vm_flags, grow))
		return -ENOMEM;
	if (vma->vm_end - addr > mm->layout.stack_limit)
		return -ENOMEM;
	return vm_enough_memory(grow);
}

int expand_stack_locked(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vma_edit edit;
	long grow;
	int err;

	mmap_assert_write_locked(mm);
	addr &= PAGE_MASK;
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return -EFAULT;
	if (addr >= vma->vm_start)
		return 0;			/* somebody else was faster */
	err = check_growth(vma, addr);
	if (err)
		return err;
	if (anon_vma_prepare(vma))
		return -ENOMEM;
	vma_start_write(vma);
	vma_edit_begin(&edit, &mm->vmas);
	if (vma_edit_resize(&edit, vma->vm_start, addr, vma->vm_end)) {
		vma_edit_abort(&edit);
		return -ENOMEM;
	}
	grow = (long)((vma->vm_start - addr) >> PAGE_SHIFT);
	anon_vma_lock_write(vma->anon_vma);
	vma->vm_start = addr;
	vma->vm_pgoff -= (unsigned long)grow;
	vma_edit_commit(&edit);
	anon_vma_unlock_write(vma->anon_vma);
	vm_stat_account(mm, vma->vm_flags, grow);
	return 0;
}

struct vm_area_struct *expand_stack(struct mm_struct *mm, unsigned long addr)
	__context_unsafe("gives one mode of the lock for the other")
{
	struct vm_area_struct *vma;

	mmap_read_unlock(mm);
	mmap_write_lock(mm);
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start > addr && expand_stack_locked(vma, addr))
		vma = NULL;
	if (!vma) {
		mmap_write_unlock(mm);
		return NULL;
	}
	mmap_write_downgrade(mm);
	return vma;
}

/* ---- the layout ---- */

#define TEXT_BASE	0x400000UL
#define STACK_BYTES	(128UL << 10)
#define STACK_LIMIT	(8UL << 20)
/* mmap_base stays at least 128 MiB below the top, and at most five sixths of it. */
#define MMAP_GAP_MIN	(128UL << 20)
#define MMAP_GAP_MAX	(TASK_SIZE_MAX / 6 * 5)

/* One area of a program; nothing for no bytes. */
static int add_area(struct mm_struct *mm, unsigned long start, unsigned long bytes,
		    vm_flags_t flags, const char *special)
{
	struct vm_area_struct *vma;

	if (!bytes)
		return 0;
	vma = vm_area_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->vm_start = start;
	vma->vm_end = start + bytes;
	vma->vm_pgoff = start >> PAGE_SHIFT;
	vma_set_flags(vma, flags | VM_SOFTDIRTY);
	vma->special = special;
	if (!insert_vm_struct(mm, vma))
		return 0;
	vm_area_free(vma);
	return -ENOMEM;
}

/* @bits random pages; none without a seed. */
static unsigned long random_bytes(struct rand_state *r, const struct program *prog,
				  unsigned int bits)
{
	return prog->seed ? (rand_u64(r) & ((1UL << bits) - 1)) << PAGE_SHIFT : 0;
}

static int layout_locked(struct mm_struct *mm, const struct program *prog)
{
	struct mm_layout *l = &mm->layout;
	unsigned long text = align_up(prog->text, PAGE_SIZE), bss = align_up(prog->bss, PAGE_SIZE);
	unsigned long data = align_up(prog->data, PAGE_SIZE), top, gap;
	unsigned long stack = prog->stack ? align_up(prog->stack, PAGE_SIZE) : STACK_BYTES;
	struct rand_state r;

	rand_init(&r, prog->seed, 0);
	l->stack_limit = prog->stack_limit ? prog->stack_limit : STACK_LIMIT;
	l->start_code = TEXT_BASE + random_bytes(&r, prog, 28);
	l->end_code = l->start_code + prog->text;
	l->start_data = l->start_code + text;
	l->end_data = l->start_data + prog->data;
	l->start_brk = l->start_data + data + bss + random_bytes(&r, prog, 13);
	l->brk = l->start_brk;
	top = TASK_SIZE_MAX - random_bytes(&r, prog, 22);
	l->start_stack = top - 16;
	gap = clamp(l->stack_limit + STACK_GUARD_GAP + (TASK_SIZE_MAX - top), MMAP_GAP_MIN,
		    MMAP_GAP_MAX);
	l->mmap_base = align_up(TASK_SIZE_MAX - gap, PAGE_SIZE) - random_bytes(&r, prog, 28);
	if (add_area(mm, l->start_code, text, VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE |
		     VM_MAYEXEC, prog->image) ||
	    add_area(mm, l->start_data, data, VM_DATA_FLAGS | VM_ACCOUNT, prog->image) ||
	    add_area(mm, l->start_data + data, bss, VM_DATA_FLAGS | VM_ACCOUNT, NULL) ||
	    add_area(mm, top - stack, stack, VM_STACK_FLAGS, NULL))
		return -ENOMEM;
	return 0;
}

int set_up_layout(struct mm_struct *mm, const struct program *prog)
{
	int err;

	mmap_write_lock(mm);
	err = layout_locked(mm, prog);
	VM_CHECK(mm_is_valid(mm));
	mmap_write_unlock(mm);
	return err;
}
