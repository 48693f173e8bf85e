/* SPDX-License-Identifier: MIT */
/*
 * mmap, munmap, mprotect, mremap, brk and stacks: which areas there are afterwards, what the pages
 * hold, and every error.
 *
 * A picture shows a window of 24 pages, one character each: '.' nothing, and for areas in order of
 * address 'a', 'b', ...; so "aa.bbb" is two areas of two and three pages with a page between them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/vma/procmaps.h"
#include "tests/support/vma_machine.h"

#define WINDOW_PAGES	24u
#define BASE		0x10000000UL
#define RW		(PROT_READ | PROT_WRITE)
#define FIXED		(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct mm_struct *mm;

static unsigned long at(unsigned long page)
{
	return BASE + page * PAGE_SIZE;
}

static void paint(char picture[WINDOW_PAGES + 1])
{
	struct vm_area_struct *vma;
	char letter = 'a';

	memset(picture, '.', WINDOW_PAGES);
	picture[WINDOW_PAGES] = '\0';
	mmap_read_lock(mm);
	EXPECT(mm_is_valid(mm));
	for_each_vma_range(mm, vma, BASE, at(WINDOW_PAGES)) {
		unsigned long page = (max(vma->vm_start, BASE) - BASE) >> PAGE_SHIFT;

		for (; page < WINDOW_PAGES && at(page) < vma->vm_end; page++)
			picture[page] = letter;
		letter++;
	}
	mmap_read_unlock(mm);
}

/* @expected may be shorter: then nothing follows. */
static void expect_at(int line, const char *expected)
{
	char picture[WINDOW_PAGES + 1], padded[WINDOW_PAGES + 1];

	memset(padded, '.', WINDOW_PAGES);
	padded[WINDOW_PAGES] = '\0';
	memcpy(padded, expected, strlen(expected));
	paint(picture);
	if (strcmp(picture, padded))
		panic("line %d: expected %s, found %s", line, padded, picture);
}

#define EXPECT_AREAS(text)	expect_at(__LINE__, text)

static void map(unsigned long page, unsigned long nr, unsigned long prot)
{
	long got = do_mmap(mm, at(page), nr * PAGE_SIZE, prot, FIXED);

	EXPECT(got == (long)at(page));
}

static void unmap(unsigned long page, unsigned long nr)
{
	EXPECT(do_munmap(mm, at(page), nr * PAGE_SIZE) == 0);
}

static void protect(unsigned long page, unsigned long nr, unsigned long prot)
{
	EXPECT(do_mprotect(mm, at(page), nr * PAGE_SIZE, prot) == 0);
}

static long remap(unsigned long page, unsigned long nr, unsigned long new_nr, unsigned long to)
{
	const struct mremap_args args = {
		.addr = at(page), .old_len = nr * PAGE_SIZE, .new_len = new_nr * PAGE_SIZE,
		.flags = MREMAP_MAYMOVE | (to ? MREMAP_FIXED : 0), .new_addr = to,
	};

	return do_mremap(mm, &args);
}

static void touch(unsigned long page)
{
	store_word(at(page), page);
}

/* A fault here is refused. */
static void expect_fault(unsigned long addr)
{
	u64 value;

	EXPECT(load_u64(addr, &value) == -EFAULT);
	EXPECT(task_take_signal(current_user_task()).signo == SIGSEGV);
}

static void run(void (*body)(void))
{
	const struct vma_machine m = { .nr_cpus = 2, .tlb_oracle = true };

	vma_machine_run(&m, body);
}

static void begin(void)
{
	mm = task_start("test")->mm;
}

static void end(void)
{
	expect_vm_valid(&mm, 1);
	task_exit(current_user_task());
}

/* ---- areas: mapping, unmapping, merging, splitting ---- */

static void merges(void)
{
	begin();
	map(0, 2, RW);
	map(4, 2, RW);
	EXPECT_AREAS("aa..bb");
	map(2, 2, RW);			/* joins both */
	EXPECT_AREAS("aaaaaa");
	map(6, 1, PROT_READ);		/* other rights */
	EXPECT_AREAS("aaaaaab");
	map(8, 1, RW);
	map(7, 1, RW);			/* joins the one above */
	EXPECT_AREAS("aaaaaabcc");
	map(1, 2, PROT_READ);		/* over the middle of one */
	EXPECT_AREAS("abbcccdee");
	map(1, 2, RW);			/* and back: one again */
	EXPECT_AREAS("aaaaaabcc");
	map(0, 24, RW);			/* over all */
	EXPECT_AREAS("aaaaaaaaaaaaaaaaaaaaaaaa");
	EXPECT(mm->map_count == 1 && mm->total_vm == 24 && mm->data_vm == 24);
	unmap(0, 1);
	unmap(10, 4);			/* a hole */
	unmap(23, 1);
	EXPECT_AREAS(".aaaaaaaaa....bbbbbbbbb.");
	unmap(5, 12);			/* over both borders */
	EXPECT_AREAS(".aaaa............bbbbbb.");
	unmap(0, 24);
	EXPECT_AREAS("");
	EXPECT(mm->map_count == 0 && mm->total_vm == 0 && mm->data_vm == 0);
	unmap(0, 24);			/* nothing there: no error */
	end();
}

/* Areas with anonymous pages of different origin stay apart; one origin joins. */
static void merges_faulted(void)
{
	begin();
	map(0, 2, RW);
	map(4, 2, RW);
	touch(0);
	touch(4);
	map(2, 2, RW);			/* two anon_vmas: joins only the lower one */
	EXPECT_AREAS("aaaabb");
	unmap(0, 24);
	map(0, 6, RW);
	touch(0);
	protect(2, 2, PROT_READ);
	EXPECT_AREAS("aabbcc");
	touch(5);			/* takes the neighbours' anon_vma */
	protect(2, 2, RW);
	EXPECT_AREAS("aaaaaa");
	protect(2, 2, PROT_NONE);
	expect_fault(at(2));
	protect(2, 1, RW);		/* the border moves */
	EXPECT_AREAS("aaabcc");
	protect(3, 1, RW);
	EXPECT_AREAS("aaaaaa");
	EXPECT(load_word(at(0)) == 0 && load_word(at(5)) == 5);
	end();
}

/* A private read-only area that was once writable keeps VM_ACCOUNT only if it has pages. */
static void accounts(void)
{
	begin();
	map(0, 2, PROT_READ);
	map(2, 2, RW);
	protect(2, 2, PROT_READ);
	EXPECT_AREAS("aaaa");
	map(4, 2, RW);
	touch(4);
	protect(4, 2, PROT_READ);
	EXPECT_AREAS("aaaabb");
	end();
}

/* Shared areas have an object each: nothing joins them, but parts of one do join. */
static void shared(void)
{
	const unsigned long flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;

	begin();
	EXPECT(do_mmap(mm, at(0), 2 * PAGE_SIZE, RW, flags) == (long)at(0));
	EXPECT(do_mmap(mm, at(2), 4 * PAGE_SIZE, RW, flags) == (long)at(2));
	EXPECT_AREAS("aabbbb");
	touch(1);
	touch(5);
	protect(3, 1, PROT_READ);
	EXPECT_AREAS("aabcdd");
	protect(3, 1, RW);
	EXPECT_AREAS("aabbbb");
	touch(3);
	unmap(2, 2);
	EXPECT(load_word(at(5)) == 5 && load_word(at(1)) == 1);
	/* A second view of the same pages. */
	EXPECT(remap(4, 0, 2, at(10)) == (long)at(10));
	EXPECT_AREAS("aa..bb....cc");
	EXPECT(load_word(at(11)) == 5);
	store_word(at(11), 77);
	EXPECT(load_word(at(5)) == 77);
	end();
}

/* ---- placing ---- */

static void places(void)
{
	const unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS;
	long a, b, c;

	begin();
	a = do_mmap(mm, 0, PAGE_SIZE, RW, flags);
	EXPECT(a == (long)(mm->layout.mmap_base - PAGE_SIZE));
	b = do_mmap(mm, 0, PAGE_SIZE, PROT_READ, flags);
	EXPECT(b == a - (long)PAGE_SIZE);
	c = do_mmap(mm, 0, PAGE_SIZE, RW, flags);
	EXPECT(c == b - (long)PAGE_SIZE && mm->map_count == 3);
	EXPECT(do_munmap(mm, (unsigned long)b, PAGE_SIZE) == 0);
	EXPECT(do_mmap(mm, 0, PAGE_SIZE, RW, flags) == b);	/* fills the gap, joins all */
	EXPECT(mm->map_count == 1);
	/* Hints: taken when free, moved up to the least address, dropped when in the way. */
	EXPECT(do_mmap(mm, BASE + 5, PAGE_SIZE, RW, flags) == (long)BASE);
	EXPECT(do_mmap(mm, 4096, PAGE_SIZE, RW, flags) == (long)MMAP_MIN_ADDR);
	EXPECT(do_mmap(mm, BASE, PAGE_SIZE, RW, flags) == c - (long)PAGE_SIZE);
	/* Below a stack the guard gap stays free. */
	EXPECT(do_mmap(mm, at(300), PAGE_SIZE, RW, flags | MAP_GROWSDOWN) == (long)at(300));
	a = do_mmap(mm, at(299), PAGE_SIZE, PROT_READ, flags);
	EXPECT(a == c - (long)(2 * PAGE_SIZE));
	EXPECT(do_mmap(mm, at(43), PAGE_SIZE, PROT_READ, flags) == (long)at(43));
	/* No room below mmap_base: from TASK_UNMAPPED_BASE upwards. */
	EXPECT(do_mmap(mm, MMAP_MIN_ADDR, mm->layout.mmap_base - MMAP_MIN_ADDR, PROT_NONE,
		       flags | MAP_FIXED | MAP_NORESERVE) == (long)MMAP_MIN_ADDR);
	EXPECT(do_mmap(mm, 0, PAGE_SIZE, RW, flags) == (long)mm->layout.mmap_base);
	end();
}

static void errors(void)
{
	const unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS;

	begin();
	EXPECT(do_mmap(mm, 0, 0, RW, flags) == -EINVAL);
	EXPECT(do_mmap(mm, 0, PAGE_SIZE, RW, MAP_ANONYMOUS) == -EINVAL);
	EXPECT(do_mmap(mm, 0, PAGE_SIZE, RW, MAP_PRIVATE) == -EBADF);
	EXPECT(do_mmap(mm, 0, ~0UL, RW, flags) == -ENOMEM);
	EXPECT(do_mmap(mm, 0, TASK_SIZE_MAX + PAGE_SIZE, RW, flags) == -ENOMEM);
	EXPECT(do_mmap(mm, 0, 1UL << 40, RW, flags) == -ENOMEM);	/* overcommit */
	EXPECT(do_mmap(mm, BASE + 1, PAGE_SIZE, RW, flags | MAP_FIXED) == -EINVAL);
	EXPECT(do_mmap(mm, TASK_SIZE_MAX, PAGE_SIZE, RW, flags | MAP_FIXED) == -ENOMEM);
	EXPECT(do_mmap(mm, 4096, PAGE_SIZE, RW, flags | MAP_FIXED) == -EPERM);
	EXPECT(do_mmap(mm, 0, PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN) ==
	       -EINVAL);
	map(0, 4, RW);
	EXPECT(do_mmap(mm, at(3), 2 * PAGE_SIZE, RW, flags | MAP_FIXED_NOREPLACE) == -EEXIST);
	EXPECT(do_mmap(mm, at(4), PAGE_SIZE, RW, flags | MAP_FIXED_NOREPLACE) == (long)at(4));
	EXPECT(do_munmap(mm, BASE + 1, PAGE_SIZE) == -EINVAL);
	EXPECT(do_munmap(mm, BASE, 0) == -EINVAL);
	EXPECT(do_munmap(mm, BASE, ~0UL) == -EINVAL);
	EXPECT(do_munmap(mm, TASK_SIZE_MAX, PAGE_SIZE) == -EINVAL);
	EXPECT(do_mprotect(mm, BASE + 1, PAGE_SIZE, RW) == -EINVAL);
	EXPECT(do_mprotect(mm, BASE, PAGE_SIZE, 0x100) == -EINVAL);
	EXPECT(do_mprotect(mm, BASE, 0, RW) == 0);
	EXPECT(do_mprotect(mm, BASE, ~0UL, RW) == -ENOMEM);
	EXPECT(do_mprotect(mm, at(6), PAGE_SIZE, RW) == -ENOMEM);
	EXPECT(do_mprotect(mm, at(3), 4 * PAGE_SIZE, PROT_READ) == -ENOMEM);
	EXPECT_AREAS("aaabb");				/* what lies before the hole is done */
	EXPECT(do_madvise(mm, BASE + 1, PAGE_SIZE, MADV_DONTNEED) == -EINVAL);
	EXPECT(do_madvise(mm, BASE, PAGE_SIZE, MADV_FREE) == -EINVAL);
	EXPECT(do_madvise(mm, BASE, 0, MADV_DONTNEED) == 0);
	touch(0);
	EXPECT(do_madvise(mm, at(0), 9 * PAGE_SIZE, MADV_DONTNEED) == -ENOMEM);
	EXPECT(load_word(at(0)) == 0);			/* and yet it is gone */
	EXPECT(remap(9, 1, 2, 0) == -EFAULT);
	EXPECT(remap(0, 9, 10, 0) == -EFAULT);
	EXPECT(remap(0, 1, 0, 0) == -EINVAL);
	EXPECT(remap(0, 0, 1, 0) == -EINVAL);		/* private: nothing to see twice */
	EXPECT(remap(0, 2, 2, at(1)) == -EINVAL);	/* overlap */
	end();
}

/* ---- mprotect and copy on write ---- */

static void protects(void)
{
	struct user_task *parent, *child;
	struct mm_struct *mms[2];

	begin();
	parent = current_user_task();
	map(0, 4, RW);
	write_words(at(0), 4, 1);
	child = task_fork(parent);
	EXPECT(child);
	/* Pages that two spaces share do not become writable by taking the right and giving it. */
	protect(0, 4, PROT_READ);
	EXPECT(store_u64(at(0), 1) == -EFAULT);
	EXPECT(task_take_signal(parent).code == SEGV_ACCERR);
	protect(0, 4, RW);
	EXPECT(!pte_write(pte_at(at(0))));
	write_words(at(0), 2, 2);
	/* These are ours alone now: no fault is needed for them. */
	protect(0, 4, PROT_READ);
	protect(0, 4, RW);
	EXPECT(pte_write(pte_at(at(0))) && !pte_write(pte_at(at(2))));
	mms[0] = parent->mm;
	mms[1] = child->mm;
	expect_vm_valid(mms, 2);
	task_switch(child);
	expect_words(at(0), 4, 1);
	task_switch(parent);
	expect_words(at(0), 2, 2);
	expect_words(at(2), 2, 1);
	task_exit(child);
	EXPECT(exec_user(at(0)) == -EFAULT);
	(void)task_take_signal(parent);
	protect(0, 1, PROT_READ | PROT_EXEC);
	EXPECT(exec_user(at(0)) == 0);
	end();
}

/* ---- mremap ---- */

static void fill(unsigned long page, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++)
		store_word(at(page + i), 100 + i);
}

/* Pages from @page on are those that fill() wrote, from its number @first on. */
static void expect_filled(unsigned long page, unsigned long nr, unsigned long first)
{
	for (unsigned long i = 0; i < nr; i++)
		EXPECT(load_word(at(page + i)) == 100 + first + i);
}

static void remaps(void)
{
	long to;

	begin();
	map(0, 4, RW);
	fill(0, 4);
	EXPECT(remap(0, 4, 6, 0) == (long)at(0));	/* free space behind: in place */
	EXPECT_AREAS("aaaaaa");
	EXPECT(remap(0, 6, 3, 0) == (long)at(0));
	EXPECT_AREAS("aaa");
	map(4, 2, PROT_READ);
	EXPECT(remap(0, 3, 4, 0) == (long)at(0));
	EXPECT_AREAS("aaaabb");
	EXPECT(remap(0, 4, 8, at(10)) == (long)at(10));
	EXPECT_AREAS("....aa....bbbbbbbb");
	expect_filled(10, 3, 0);
	EXPECT(load_word(at(13)) == 0);
	expect_fault(at(0));
	/* Only the middle moves; the rest stays where it is. */
	EXPECT(remap(11, 1, 1, at(20)) == (long)at(20));
	EXPECT_AREAS("....aa....b.cccccc..d");
	/* Back: offset and anon_vma agree again. */
	EXPECT(remap(20, 1, 1, at(11)) == (long)at(11));
	EXPECT_AREAS("....aa....bbbbbbbb");
	expect_filled(10, 3, 0);
	/* Over another area, which goes. */
	EXPECT(remap(10, 8, 8, at(2)) == (long)at(2));
	EXPECT_AREAS("..aaaaaaaa");
	expect_filled(2, 3, 0);
	/* No room behind it, and it may move. */
	map(10, 1, PROT_READ);
	to = remap(2, 8, 16, 0);
	EXPECT(to == (long)(mm->layout.mmap_base - 16 * PAGE_SIZE));
	EXPECT_AREAS("..........a");
	end();
}

static void remap_contents(void)
{
	const struct mremap_args keep = {
		.addr = at(0), .old_len = 4 * PAGE_SIZE, .new_len = 4 * PAGE_SIZE,
		.flags = MREMAP_MAYMOVE | 4, .new_addr = at(12),
	};

	begin();
	map(0, 4, RW);
	fill(0, 4);
	EXPECT(remap(0, 4, 4, at(8)) == (long)at(8));
	expect_filled(8, 4, 0);
	EXPECT(remap(8, 4, 4, at(0)) == (long)at(0));
	/* MREMAP_DONTUNMAP: the old place stays, empty. */
	EXPECT(do_mremap(mm, &keep) == (long)at(12));
	EXPECT_AREAS("aaaa........bbbb");
	EXPECT(load_word(at(1)) == 0 && load_word(at(13)) == 101);
	/* Across the border of a page table, both ways. */
	EXPECT(remap(12, 4, 4, BASE + PMD_SIZE - 2 * PAGE_SIZE) ==
	       (long)(BASE + PMD_SIZE - 2 * PAGE_SIZE));
	EXPECT(load_word(BASE + PMD_SIZE - PAGE_SIZE) == 101);
	EXPECT(load_word(BASE + PMD_SIZE) == 102);
	end();
}

/* ---- brk, stacks, layout ---- */

static const struct program program = {
	.image = "/bin/test", .text = 3 * PAGE_SIZE, .data = PAGE_SIZE + 1, .bss = PAGE_SIZE,
};

static void breaks(void)
{
	unsigned long brk, heap;

	begin();
	EXPECT(set_up_layout(mm, &program) == 0);
	EXPECT(mm->map_count == 4);		/* text, data, bss, stack */
	end();
	begin();
	EXPECT(set_up_layout(mm, &program) == 0);
	brk = heap = do_brk(mm, 0);
	EXPECT(heap == mm->layout.start_brk);
	brk = do_brk(mm, heap + 3 * PAGE_SIZE + 5);
	EXPECT(brk == heap + 3 * PAGE_SIZE + 5);
	store_word(heap + 3 * PAGE_SIZE, 3);
	expect_fault(heap + 4 * PAGE_SIZE);
	EXPECT(do_brk(mm, heap - 1) == brk);	/* below the heap: refused */
	EXPECT(do_brk(mm, ~0UL - 5) == brk);
	EXPECT(do_brk(mm, heap + PAGE_SIZE) == heap + PAGE_SIZE);
	expect_fault(heap + 3 * PAGE_SIZE);
	/* Something in the way, and a page must stay free before it. */
	EXPECT(do_mmap(mm, heap + 4 * PAGE_SIZE, PAGE_SIZE, PROT_READ, FIXED) > 0);
	EXPECT(do_brk(mm, heap + 4 * PAGE_SIZE) == heap + PAGE_SIZE);
	EXPECT(do_brk(mm, heap + 3 * PAGE_SIZE) == heap + 3 * PAGE_SIZE);
	EXPECT(do_brk(mm, heap) == heap);
	end();
}

static void stacks(void)
{
	unsigned long sp, low;
	struct program p = program;

	begin();
	p.stack_limit = 600 * PAGE_SIZE;
	EXPECT(set_up_layout(mm, &p) == 0);
	sp = mm->layout.start_stack & PAGE_MASK;
	low = find_vma(mm, sp)->vm_start;
	store_word(low - 8, 1);			/* the page below */
	store_word(low - 100 * PAGE_SIZE, 2);	/* and far below: all between joins */
	EXPECT(find_vma(mm, sp)->vm_start == low - 100 * PAGE_SIZE);
	EXPECT(mm->stack_vm == vma_pages(find_vma(mm, sp)));
	expect_fault(sp - 700 * PAGE_SIZE);	/* beyond the limit */
	/* A neighbour: the guard gap stays free. */
	EXPECT(do_mmap(mm, sp - 400 * PAGE_SIZE, PAGE_SIZE, RW, FIXED) > 0);
	expect_fault(sp - 150 * PAGE_SIZE);
	store_word(sp - 143 * PAGE_SIZE, 3);
	expect_fault(sp - 144 * PAGE_SIZE - 8);
	end();
}

/* ---- the texts ---- */

static void expect_text(int (*show)(struct mm_struct *mm, FILE *out), const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	EXPECT(out && show(mm, out) == 0);
	fclose(out);
	if (!strstr(text, expected))
		panic("missing:\n%s\nin:\n%s", expected, text);
	free(text);
}

static void texts(void)
{
	begin();
	EXPECT(set_up_layout(mm, &program) == 0);
	EXPECT(do_brk(mm, mm->layout.start_brk + PAGE_SIZE) != 0);
	map(0, 2, RW);
	map(4, 2, PROT_READ);
	EXPECT(do_set_vma_anon_name(mm, at(4), PAGE_SIZE, "arena") == 0);
	EXPECT(do_set_vma_anon_name(mm, at(4), PAGE_SIZE, "a[b") == -EINVAL);
	EXPECT_AREAS("aa..bc");
	touch(0);
	EXPECT(do_mmap(mm, at(8), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED) >
	       0);
	expect_text(proc_pid_maps,
		"00400000-00403000 r-xp 00000000 00:00 0 "
		"                                 /bin/test\n"
		"00403000-00405000 rw-p 00000000 00:00 0 "
		"                                 /bin/test\n"
		"00405000-00407000 rw-p 00000000 00:00 0 "
		"                                 [heap]\n"
		"10000000-10002000 rw-p 00000000 00:00 0 \n"
		"10004000-10005000 r--p 00000000 00:00 0 "
		"                                 [anon:arena]\n"
		"10005000-10006000 r--p 00000000 00:00 0 \n"
		"10008000-10009000 r--s 00000000 00:01 ");
	expect_text(proc_pid_maps, "/dev/zero (deleted)\n7ffffffdf000-7ffffffff000 rw-p 00000000 "
				   "00:00 0                          [stack]\n");
	expect_text(proc_pid_smaps,
		"10000000-10002000 rw-p 00000000 00:00 0 \n"
		"Size:                  8 kB\n"
		"KernelPageSize:        4 kB\n"
		"MMUPageSize:           4 kB\n"
		"Rss:                   4 kB\n"
		"Pss:                   4 kB\n"
		"Pss_Dirty:             4 kB\n"
		"Shared_Clean:          0 kB\n"
		"Shared_Dirty:          0 kB\n"
		"Private_Clean:         0 kB\n"
		"Private_Dirty:         4 kB\n"
		"Referenced:            4 kB\n"
		"Anonymous:             4 kB\n"
		"KSM:                   0 kB\n"
		"LazyFree:              0 kB\n"
		"AnonHugePages:         0 kB\n"
		"ShmemPmdMapped:        0 kB\n"
		"FilePmdMapped:         0 kB\n"
		"Shared_Hugetlb:        0 kB\n"
		"Private_Hugetlb:       0 kB\n"
		"Swap:                  0 kB\n"
		"SwapPss:               0 kB\n"
		"Locked:                0 kB\n"
		"THPeligible:           0\n"
		"VmFlags: rd wr mr mw me ac sd \n");
	expect_text(proc_pid_smaps_rollup,
		"00400000-7ffffffff000 ---p 00000000 00:00 0 "
		"                             [rollup]\n"
		"Rss:                   4 kB\n");
	end();
}

#define TEST(name)							\
	static void test_##name(void **state)				\
	{								\
		(void)state;						\
		run(name);						\
	}

TEST(merges)
TEST(merges_faulted)
TEST(accounts)
TEST(shared)
TEST(places)
TEST(errors)
TEST(protects)
TEST(remaps)
TEST(remap_contents)
TEST(breaks)
TEST(stacks)
TEST(texts)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merges), cmocka_unit_test(test_merges_faulted),
		cmocka_unit_test(test_accounts), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_places), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_protects), cmocka_unit_test(test_remaps),
		cmocka_unit_test(test_remap_contents), cmocka_unit_test(test_breaks),
		cmocka_unit_test(test_stacks), cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
