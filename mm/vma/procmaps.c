/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps, smaps and smaps_rollup (fs/proc/task_mmu.c).
 *
 * mmap_lock is held for reading while the text is written, so it shows one moment's areas; entries
 * are read table by table, so the pages of an area are each of its own moment, as in Linux.
 */
#include "mm/vma/procmaps.h"

#include <errno.h>
#include <string.h>

#include "mm/mmu/pgtable.h"
#include "mm/vma/mm.h"
#include "mm/vma/rmap.h"
#include "mm/vma/shmem.h"

/* The name starts one column behind this one, or behind what comes before it. */
#define NAME_COLUMN	72

/* Proportional shares are summed in units of 2^-12 bytes. */
#define PSS_SHIFT	12

/* ---- one line of maps ---- */

struct map_line {
	unsigned long start, end;
	vm_flags_t flags;
	u64 offset;
	unsigned int minor;		/* of the device; its major number is 0 */
	unsigned long ino;
};

static void show_line(FILE *out, const struct map_line *l, const char *name, const char *text)
{
	int width = fprintf(out, "%08lx-%08lx %c%c%c%c %08llx 00:%02x %lu ", l->start, l->end,
			    l->flags & VM_READ ? 'r' : '-', l->flags & VM_WRITE ? 'w' : '-',
			    l->flags & VM_EXEC ? 'x' : '-', l->flags & VM_MAYSHARE ? 's' : 'p',
			    (unsigned long long)l->offset, l->minor, l->ino);

	if (name) {
		fprintf(out, "%*s ", max(NAME_COLUMN - width, 0), "");
		fprintf(out, name, text);
	}
	fputc('\n', out);
}

/* Areas that hold the heap and the first stack are known by what lies in them. */
static const char *place_name(const struct vm_area_struct *vma)
{
	const struct mm_layout *l = &vma->vm_mm->layout;

	if (vma->vm_start < l->brk && vma->vm_end > l->start_brk)
		return "[heap]";
	if (vma->vm_start <= l->start_stack && vma->vm_end >= l->start_stack)
		return "[stack]";
	return NULL;
}

static void show_map(FILE *out, const struct vm_area_struct *vma)
{
	struct map_line l = { .start = vma->vm_start, .end = vma->vm_end, .flags = vma->vm_flags };
	const char *place;

	if (vma->vm_shmem) {
		/* As Linux, where the object is a deleted file of a kernel's own tmpfs. */
		l.offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
		l.minor = 1;
		l.ino = shmem_id(vma->vm_shmem);
		if (vma->anon_name)
			show_line(out, &l, "[anon_shmem:%s]", vma->anon_name->name);
		else
			show_line(out, &l, "%s", "/dev/zero (deleted)");
		return;
	}
	place = vma->special ? vma->special : place_name(vma);
	if (place)
		show_line(out, &l, "%s", place);
	else if (vma->anon_name)
		show_line(out, &l, "[anon:%s]", vma->anon_name->name);
	else
		show_line(out, &l, NULL, NULL);
}

int proc_pid_maps(struct mm_struct *mm, FILE *out)
{
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	for_each_vma(mm, vma)
		show_map(out, vma);
	mmap_read_unlock(mm);
	return ferror(out) ? -EIO : 0;
}

/* ---- what an area's pages add up to ---- */

/* Bytes; pss_*: shifted by PSS_SHIFT. */
struct mem_sizes {
	u64 resident, shared_clean, shared_dirty, private_clean, private_dirty;
	u64 referenced, anonymous, lazyfree;
	u64 pss, pss_dirty, pss_anon, pss_shmem, pss_locked;
};

static void account_page(struct mem_sizes *s, pte_t pte, bool locked)
{
	const struct page *page = pte_page(pte);
	int mapcount = page_mapcount(page);
	bool dirty = pte_dirty(pte);
	u64 pss = (u64)PAGE_SIZE << PSS_SHIFT;

	s->resident += PAGE_SIZE;
	if (pte_young(pte))
		s->referenced += PAGE_SIZE;
	if (page_is_anon(page)) {
		s->anonymous += PAGE_SIZE;
		if (!page_test_flags(page, PG_swapbacked) && !dirty)
			s->lazyfree += PAGE_SIZE;
	}
	if (mapcount >= 2) {
		pss /= (u64)mapcount;
		*(dirty ? &s->shared_dirty : &s->shared_clean) += PAGE_SIZE;
	} else {
		*(dirty ? &s->private_dirty : &s->private_clean) += PAGE_SIZE;
	}
	s->pss += pss;
	*(page_is_anon(page) ? &s->pss_anon : &s->pss_shmem) += pss;
	if (dirty)
		s->pss_dirty += pss;
	if (locked)
		s->pss_locked += pss;
}

static void account_table(struct mem_sizes *s, pmd_t *pmd, unsigned long addr,
			  const struct vm_area_struct *vma)
	__context_unsafe("the lock is known by its table")
{
	unsigned long end = pmd_addr_end(addr, vma->vm_end);
	spinlock_t *ptl;
	pte_t *ptep = pte_offset_map_lock(pmd, addr, &ptl);

	for (; addr != end; addr += PAGE_SIZE, ptep++) {
		pte_t pte = ptep_get(ptep);

		if (pte_present(pte) && !pte_special(pte))
			account_page(s, pte, (vma->vm_flags & VM_LOCKED) != 0);
	}
	spin_unlock(ptl);
}

static void account_area(struct mem_sizes *s, const struct vm_area_struct *vma)
{
	const struct mmu_context *ctx = &vma->vm_mm->context;
	unsigned long addr = vma->vm_start;
	pmd_t *pmd;

	while ((addr = mmu_next_table(ctx, addr, vma->vm_end, &pmd)) != vma->vm_end) {
		account_table(s, pmd, addr, vma);
		addr = pmd_addr_end(addr, vma->vm_end);
	}
}

/* ---- smaps ---- */

/* "Label:" padded to 16 columns, the value in 8. */
static void show_kb(FILE *out, const char *label, u64 bytes)
{
	fprintf(out, "%-16s%8llu kB\n", label, (unsigned long long)(bytes >> 10));
}

static void show_sizes(FILE *out, const struct mem_sizes *s, bool rollup)
{
	show_kb(out, "Rss:", s->resident);
	show_kb(out, "Pss:", s->pss >> PSS_SHIFT);
	show_kb(out, "Pss_Dirty:", s->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		show_kb(out, "Pss_Anon:", s->pss_anon >> PSS_SHIFT);
		show_kb(out, "Pss_File:", 0);
		show_kb(out, "Pss_Shmem:", s->pss_shmem >> PSS_SHIFT);
	}
	show_kb(out, "Shared_Clean:", s->shared_clean);
	show_kb(out, "Shared_Dirty:", s->shared_dirty);
	show_kb(out, "Private_Clean:", s->private_clean);
	show_kb(out, "Private_Dirty:", s->private_dirty);
	show_kb(out, "Referenced:", s->referenced);
	show_kb(out, "Anonymous:", s->anonymous);
	show_kb(out, "KSM:", 0);
	show_kb(out, "LazyFree:", s->lazyfree);
	show_kb(out, "AnonHugePages:", 0);
	show_kb(out, "ShmemPmdMapped:", 0);
	show_kb(out, "FilePmdMapped:", 0);
	show_kb(out, "Shared_Hugetlb:", 0);
	/* The one label that is longer than its column: its value gives way. */
	fprintf(out, "Private_Hugetlb: %7u kB\n", 0u);
	show_kb(out, "Swap:", 0);
	show_kb(out, "SwapPss:", 0);
	show_kb(out, "Locked:", s->pss_locked >> PSS_SHIFT);
}

/* In the order of the bits. */
static const struct {
	vm_flags_t flag;
	const char *code;
} vm_flag_codes[] = {
	{ VM_READ, "rd" }, { VM_WRITE, "wr" }, { VM_EXEC, "ex" }, { VM_SHARED, "sh" },
	{ VM_MAYREAD, "mr" }, { VM_MAYWRITE, "mw" }, { VM_MAYEXEC, "me" }, { VM_MAYSHARE, "ms" },
	{ VM_GROWSDOWN, "gd" }, { VM_LOCKED, "lo" }, { VM_DONTCOPY, "dc" },
	{ VM_DONTEXPAND, "de" }, { VM_ACCOUNT, "ac" }, { VM_NORESERVE, "nr" },
	{ VM_SOFTDIRTY, "sd" }, { VM_NOHUGEPAGE, "nh" },
};

static void show_vm_flags(FILE *out, vm_flags_t flags)
{
	fputs("VmFlags: ", out);
	for (unsigned int i = 0; i < ARRAY_SIZE(vm_flag_codes); i++)
		if (flags & vm_flag_codes[i].flag)
			fprintf(out, "%s ", vm_flag_codes[i].code);
	fputc('\n', out);
}

int proc_pid_smaps(struct mm_struct *mm, FILE *out)
{
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	for_each_vma(mm, vma) {
		struct mem_sizes s = { 0 };

		account_area(&s, vma);
		show_map(out, vma);
		show_kb(out, "Size:", vma->vm_end - vma->vm_start);
		show_kb(out, "KernelPageSize:", PAGE_SIZE);
		show_kb(out, "MMUPageSize:", PAGE_SIZE);
		show_sizes(out, &s, false);
		fprintf(out, "THPeligible:    %8u\n", 0u);
		show_vm_flags(out, vma->vm_flags);
	}
	mmap_read_unlock(mm);
	return ferror(out) ? -EIO : 0;
}

int proc_pid_smaps_rollup(struct mm_struct *mm, FILE *out)
{
	struct map_line l = { 0 };
	struct mem_sizes s = { 0 };
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	for_each_vma(mm, vma) {
		account_area(&s, vma);
		l.start = l.end ? l.start : vma->vm_start;
		l.end = vma->vm_end;
	}
	mmap_read_unlock(mm);
	show_line(out, &l, "%s", "[rollup]");
	show_sizes(out, &s, true);
	return ferror(out) ? -EIO : 0;
}
