/* SPDX-License-Identifier: MIT */
/*
 * Every undo path of the system calls on address spaces: the n-th page or object is refused, for
 * every n.  A call that fails with -ENOMEM has changed nothing: the maps text and the contents are
 * what they were, the oracle finds nothing, and at the end nothing is lost.
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

#define BASE	0x20000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct mm_struct *mm;

static unsigned long at(unsigned long page)
{
	return BASE + page * PAGE_SIZE;
}

/* Eight areas of faulted pages with holes and alternating rights, a shared one, many neighbours. */
static void build(void)
{
	mm = task_start("inject")->mm;
	for (unsigned long i = 0; i < 24; i += 3) {
		EXPECT(do_mmap(mm, at(i), 2 * PAGE_SIZE, RW, ANON) == (long)at(i));
		store_word(at(i), i);
		store_word(at(i + 1), i + 1);
		EXPECT(i % 2 || do_mprotect(mm, at(i), PAGE_SIZE, PROT_READ) == 0);
	}
	EXPECT(do_mmap(mm, at(40), 8 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED) > 0);
	EXPECT(do_mmap(mm, at(60), 8 * PAGE_SIZE, RW, ANON) > 0);
	for (unsigned long i = 0; i < 8; i++) {
		store_word(at(40 + i), 40 + i);
		store_word(at(60 + i), 60 + i);
	}
}

static char *maps(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	EXPECT(out && proc_pid_maps(mm, out) == 0);
	fclose(out);
	return text;
}

/* Whether every page that build() wrote holds what it wrote. */
static void expect_contents(void)
{
	for (unsigned long i = 0; i < 24; i++)
		EXPECT(i % 3 == 2 || load_word(at(i)) == i);
	for (unsigned long i = 40; i < 48; i++)
		EXPECT(load_word(at(i)) == i && load_word(at(i + 20)) == i + 20);
}

/* ---- the calls: 0 or the error ---- */

static int result(long got)
{
	return vm_is_err(got) ? (int)got : 0;
}

static int call_mmap(void)
{
	return result(do_mmap(mm, 0, PAGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS));
}

static int call_mmap_shared(void)
{
	return result(do_mmap(mm, 0, PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS));
}

static int call_mmap_over(void)
{
	return result(do_mmap(mm, at(4), 12 * PAGE_SIZE, RW, ANON));
}

static int call_mmap_in_hole(void)
{
	return result(do_mmap(mm, at(64), PAGE_SIZE, PROT_READ, ANON));
}

static int call_munmap_many(void)
{
	return do_munmap(mm, at(1), 20 * PAGE_SIZE);
}

static int call_munmap_hole(void)
{
	return do_munmap(mm, at(62), 2 * PAGE_SIZE);
}

static int call_munmap_shared(void)
{
	return do_munmap(mm, at(43), PAGE_SIZE);
}

/* One area only: Linux keeps what mprotect() has done to those below. */
static int call_mprotect(void)
{
	return do_mprotect(mm, at(62), 6 * PAGE_SIZE, PROT_READ);
}

static int call_mremap_grow(void)
{
	const struct mremap_args args = { .addr = at(60), .old_len = 8 * PAGE_SIZE,
					  .new_len = 12 * PAGE_SIZE };

	return result(do_mremap(mm, &args));
}

static int call_mremap_move(void)
{
	const struct mremap_args args = {
		.addr = at(60), .old_len = 8 * PAGE_SIZE, .new_len = 16 * PAGE_SIZE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED, .new_addr = BASE + PUD_SIZE - 4 * PAGE_SIZE,
	};

	return result(do_mremap(mm, &args));
}

static int call_brk(void)
{
	unsigned long brk = mm->layout.brk;

	return do_brk(mm, brk + 2 * PAGE_SIZE) == brk ? -ENOMEM : 0;
}

static int call_name(void)
{
	return do_set_vma_anon_name(mm, at(60), 8 * PAGE_SIZE, "name");
}

static const struct {
	const char *name;
	int (*call)(void);
	bool splits;		/* a failed call may leave areas divided, with the same rights */
} calls[] = {
	{ "mmap", call_mmap, false },
	{ "mmap shared", call_mmap_shared, false },
	{ "mmap over many", call_mmap_over, false },
	{ "mmap into one", call_mmap_in_hole, false },
	{ "munmap many", call_munmap_many, false },
	{ "munmap a hole", call_munmap_hole, false },
	{ "munmap shared", call_munmap_shared, false },
	{ "mprotect", call_mprotect, true },
	{ "mremap grow", call_mremap_grow, false },
	{ "mremap move", call_mremap_move, false },
	{ "brk", call_brk, false },
	{ "name", call_name, true },
};

/* One call with one refusal, in an address space of its own.  True: the refusal was met. */
static bool one(unsigned int i, struct fault_attr *attr, u64 n)
{
	const struct fault_options nth = { .enabled = true, .fail_nth = n };
	const struct fault_options off = { .enabled = false };
	char *before, *after;
	bool injected;
	int err;

	build();
	before = maps();
	fault_attr_set(attr, &nth);
	err = calls[i].call();
	injected = attr->injected != 0;
	fault_attr_set(attr, &off);
	after = maps();
	if (err) {
		if (!injected || err != -ENOMEM)
			panic("%s, %s %llu: error %d", calls[i].name, attr->name,
			      (unsigned long long)n, err);
		if (!calls[i].splits && strcmp(before, after))
			panic("%s, %s %llu: before:\n%safter:\n%s", calls[i].name, attr->name,
			      (unsigned long long)n, before, after);
		expect_contents();
		/* Now it works. */
		EXPECT(calls[i].call() == 0);
	}
	expect_vm_valid(&mm, 1);
	free(before);
	free(after);
	task_exit(current_user_task());
	return injected;
}

static void walk(struct fault_attr *attr, u64 at_least)
{
	u64 total = 0, n;

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		for (n = 1; one(i, attr, n); n++)
			EXPECT(n < 1000);
		fprintf(stderr, "%s: %s: %llu refusals\n", attr->name, calls[i].name,
			(unsigned long long)n - 1);
		total += n - 1;
	}
	EXPECT(total >= at_least);
}

static void objects(void)
{
	walk(failslab_attr(), 40);
}

static void pages(void)
{
	walk(fail_page_alloc_attr(), 4);
}

static void run(void (*body)(void))
{
	const struct vma_machine m = { .nr_cpus = 2, .slab_none = true };

	vma_machine_run(&m, body);
}

static void test_objects(void **state)
{
	(void)state;
	run(objects);
}

static void test_pages(void **state)
{
	(void)state;
	run(pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects), cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
