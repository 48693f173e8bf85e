/* SPDX-License-Identifier: MIT */
/* madvise(MADV_DONTNEED), and names for anonymous areas (mm/madvise.c). */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "mm/vma/fault.h"
#include "mm/vma/vma_impl.h"

/* As the kernel: 79 characters and the terminating zero. */
#define ANON_VMA_NAME_MAX_LEN	80

/* The whole range lies in one area that can be locked alone: mmap_lock is not needed. */
static bool dontneed_one_area(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, start);
	bool whole;

	if (!vma)
		return false;
	whole = end <= vma->vm_end && !(vma->vm_flags & VM_LOCKED);
	if (whole)
		zap_page_range_single(vma, start, end - start);
	vma_end_read(vma);
	return whole;
}

/* mmap_lock for reading: faults may go on beside it and bring fresh pages. */
static int dontneed(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long at = start;
	int err = 0;

	for_each_vma_range(mm, vma, start, end) {
		unsigned long from = max(vma->vm_start, start), to = min(vma->vm_end, end);

		if (from > at)
			err = -ENOMEM;		/* a hole: noted, and on */
		if (vma->vm_flags & VM_LOCKED)
			return -EINVAL;
		zap_page_range_single(vma, from, to - from);
		at = to;
	}
	return at < end ? -ENOMEM : err;
}

/* What do_madvise() and naming ask of a range.  0: go on; 1: nothing to do; -EINVAL. */
static int check_range(unsigned long addr, unsigned long len, unsigned long *end)
{
	unsigned long bytes = align_up(len, PAGE_SIZE);

	if (addr & ~PAGE_MASK || (len && !bytes) || addr + bytes < addr)
		return -EINVAL;
	*end = addr + bytes;
	return *end == addr;
}

int do_madvise(struct mm_struct *mm, unsigned long addr, unsigned long len, int advice)
{
	unsigned long end;
	int err;

	if (advice != MADV_DONTNEED)
		return -EINVAL;
	err = check_range(addr, len, &end);
	if (err)
		return min(err, 0);
	vm_call_begin();
	if (dontneed_one_area(mm, addr, end))
		return 0;
	mmap_read_lock(mm);
	err = dontneed(mm, addr, end);
	mmap_read_unlock(mm);
	return err;
}

/* ---- names ---- */

/* Each area of the range gets @name, whose reference stays the caller's. */
static int name_range(struct mm_struct *mm, unsigned long start, unsigned long end,
		      struct anon_vma_name *name)
{
	struct vma_modify m = { .start = start, .name = name };
	struct vm_area_struct *vma;
	int err = 0;

	for (; m.start < end; m.start = m.end) {
		vma = find_vma(mm, m.start);
		if (!vma || vma->vm_start >= end)
			return -ENOMEM;
		if (vma->vm_start > m.start) {
			err = -ENOMEM;			/* a hole: noted, and on */
			m.start = vma->vm_start;
		}
		m.end = min(vma->vm_end, end);
		if (vma->special)
			return -EBADF;
		if (anon_vma_name_eq(vma->anon_name, name))
			continue;
		m.flags = vma->vm_flags;
		vma = vma_modify(vma, &m);
		if (!vma)
			return -ENOMEM;
		if (anon_vma_name_eq(vma->anon_name, name))
			continue;			/* merged with one that has it */
		anon_vma_name_put(vma->anon_name);
		vma->anon_name = name;
		anon_vma_name_get(name);
	}
	return err;
}

static bool name_is_valid(const char *name)
{
	size_t len = strnlen(name, ANON_VMA_NAME_MAX_LEN);

	if (len == ANON_VMA_NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x20 || name[i] > 0x7e || strchr("\\`$[]", name[i]))
			return false;
	return true;
}

int do_set_vma_anon_name(struct mm_struct *mm, unsigned long addr, unsigned long len,
			 const char *text)
{
	struct anon_vma_name *name = NULL;
	unsigned long end;
	int err;

	if (text && !name_is_valid(text))
		return -EINVAL;
	err = check_range(addr, len, &end);
	if (err)
		return min(err, 0);
	if (text) {
		name = anon_vma_name_alloc(text);
		if (!name)
			return -ENOMEM;
	}
	mmap_write_lock(mm);
	err = name_range(mm, addr, end, name);
	VM_CHECK(mm_is_valid(mm));
	mmap_write_unlock(mm);
	anon_vma_name_put(name);
	return err;
}
