/* SPDX-License-Identifier: MIT */
/* memblock: merge, split, walk, allocate, grow, retire.  Pictures: one character is 1 MiB. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/page/memblock.h"
#include "mm/page/page.h"
#include "runtime/hostmem.h"

#define MIB	(1ULL << 20)
#define CELLS	24

static int setup(void **state)
{
	(void)state;
	memblock_reset();
	return 0;
}

/* A region array as text: letters of the node (a = none, 0.. = node) or '-'; '|' at a border. */
static const char *draw(const struct memblock_type *type, char *buf)
{
	char *p = buf;
	u64 at = 0;

	assert_true(memblock_is_valid());
	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		for (; at < r->base; at += MIB)
			*p++ = '-';
		if (i && type->regions[i - 1].base + type->regions[i - 1].size == r->base)
			*p++ = '|';
		for (; at < r->base + r->size; at += MIB)
			*p++ = r->nid < 0 ? 'a' : (char)('0' + r->nid);
	}
	*p = 0;
	return buf;
}

static void test_merge_of_neighbours(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(memblock_add(2 * MIB, 2 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "--aa");
	assert_int_equal(memblock_add(6 * MIB, 2 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "--aa--aa");
	assert_int_equal(memblock_add(4 * MIB, 2 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "--aaaaaa");
	assert_int_equal(memblock.memory.cnt, 1);
	assert_int_equal(memblock_phys_mem_size(), 6 * MIB);
}

static void test_overlap_keeps_what_is_there(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(memblock_add_node(4 * MIB, 2 * MIB, 1, MEMBLOCK_NONE), 0);
	assert_int_equal(memblock_add_node(2 * MIB, 8 * MIB, 0, MEMBLOCK_NONE), 0);
	assert_string_equal(draw(&memblock.memory, buf), "--00|11|0000");
	assert_int_equal(memblock_add_node(0, 12 * MIB, 0, MEMBLOCK_NONE), 0);
	assert_string_equal(draw(&memblock.memory, buf), "0000|11|000000");
	assert_int_equal(memblock_add_node(0, 12 * MIB, 2, MEMBLOCK_NONE), 0);
	assert_string_equal(draw(&memblock.memory, buf), "0000|11|000000");
}

static void test_add_over_several_gaps(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(memblock_reserve(1 * MIB, MIB), 0);
	assert_int_equal(memblock_reserve(3 * MIB, MIB), 0);
	assert_int_equal(memblock_reserve(5 * MIB, MIB), 0);
	assert_string_equal(draw(&memblock.reserved, buf), "-a-a-a");
	assert_int_equal(memblock_reserve(0, 8 * MIB), 0);
	assert_string_equal(draw(&memblock.reserved, buf), "aaaaaaaa");
	assert_int_equal(memblock.reserved.cnt, 1);
}

static void test_remove_splits(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(memblock_add(0, 10 * MIB), 0);
	assert_int_equal(memblock_remove(4 * MIB, 2 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "aaaa--aaaa");
	assert_int_equal(memblock_remove(3 * MIB, 4 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "aaa----aaa");
	/* What is not there is no error; a range that wraps goes to the end. */
	assert_int_equal(memblock_remove(3 * MIB, 4 * MIB), 0);
	assert_int_equal(memblock_remove(8 * MIB, ~0ULL), 0);
	assert_string_equal(draw(&memblock.memory, buf), "aaa----a");
	assert_int_equal(memblock_remove(0, 20 * MIB), 0);
	assert_int_equal(memblock.memory.cnt, 0);
	assert_int_equal(memblock_phys_mem_size(), 0);
}

static void test_bad_ranges(void **state)
{
	(void)state;
	assert_int_equal(memblock_add(~0ULL - MIB, 2 * MIB), -22);
	assert_int_equal(memblock_add(MIB, 0), 0);
	assert_int_equal(memblock.memory.cnt, 0);
	assert_int_equal(memblock_phys_free(MIB, 0), 0);
	assert_int_equal(memblock_trim_memory(3), -22);
}

static void test_isolate(void **state)
{
	u64 range[2] = { 3 * MIB, 7 * MIB };
	unsigned long start, end;
	char buf[64];

	(void)state;
	assert_int_equal(memblock_add(0, 5 * MIB), 0);
	assert_int_equal(memblock_add(6 * MIB, 4 * MIB), 0);
	assert_int_equal(memblock_isolate_range(&memblock.memory, range, &start, &end), 0);
	assert_int_equal(start, 1);
	assert_int_equal(end, 3);
	assert_int_equal(memblock.memory.cnt, 4);
	assert_int_equal(memblock.memory.regions[1].base, 3 * MIB);
	assert_int_equal(memblock.memory.regions[2].size, MIB);
	/* The next change that merges brings the pieces together. */
	assert_int_equal(memblock_set_node(0, 10 * MIB, 1), 0);
	assert_string_equal(draw(&memblock.memory, buf), "11111-1111");
}

static void test_nodes_and_flags(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(memblock_add(0, 8 * MIB), 0);
	assert_int_equal(memblock_set_node(0, 4 * MIB, 0), 0);
	assert_int_equal(memblock_set_node(4 * MIB, 4 * MIB, 1), 0);
	assert_string_equal(draw(&memblock.memory, buf), "0000|1111");
	assert_int_equal(memblock_mark_nomap(2 * MIB, MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "00|0|0|1111");
	assert_int_equal(memblock_search_nid(5 * MIB), 1);
	assert_int_equal(memblock_search_nid(9 * MIB), NUMA_NO_NODE);
	assert_int_equal(memblock_mark_hotplug(4 * MIB, 2 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "00|0|0|11|11");
	assert_int_equal(memblock_clear_hotplug(0, 8 * MIB), 0);
	assert_string_equal(draw(&memblock.memory, buf), "00|0|0|1111");
}

static void test_trim(void **state)
{
	(void)state;
	assert_int_equal(memblock_add(100, 5000), 0);
	assert_int_equal(memblock_add(20000, 100), 0);
	assert_int_equal(memblock_add(40000, 9000), 0);
	assert_int_equal(memblock_trim_memory(4096), 0);
	assert_true(memblock_is_valid());
	assert_int_equal(memblock.memory.cnt, 1);
	assert_int_equal(memblock.memory.regions[0].base, 40960);
	assert_int_equal(memblock.memory.regions[0].size, 4096);
}

/* Free memory as a picture: the walk forwards, checked against the walk backwards. */
static const char *draw_free(int nid, char *buf)
{
	struct memblock_span span, spans[CELLS];
	unsigned int nr = 0;
	u64 i, at = 0;
	char *p = buf;

	for_each_free_mem_range(i, nid, &span) {
		spans[nr++] = span;
		for (; at < span.start; at += MIB)
			*p++ = '-';
		if (p > buf && p[-1] != '-')
			*p++ = '|';
		for (; at < span.end; at += MIB)
			*p++ = 'f';
	}
	*p = 0;
	for_each_free_mem_range_reverse(i, nid, &span) {
		assert_true(nr > 0);
		nr--;
		assert_int_equal(span.start, spans[nr].start);
		assert_int_equal(span.end, spans[nr].end);
		assert_int_equal(span.nid, spans[nr].nid);
	}
	assert_int_equal(nr, 0);
	return buf;
}

/*
 * memory    0000|1111--11
 * reserved  -aa--aaa----a
 */
static void test_walks(void **state)
{
	struct memblock_span span;
	unsigned int n = 0;
	char buf[64];
	u64 i;

	(void)state;
	assert_int_equal(memblock_add_node(0, 4 * MIB, 0, 0), 0);
	assert_int_equal(memblock_add_node(4 * MIB, 4 * MIB, 1, 0), 0);
	assert_int_equal(memblock_add_node(10 * MIB, 2 * MIB, 1, 0), 0);
	assert_int_equal(memblock_reserve(1 * MIB, 2 * MIB), 0);
	assert_int_equal(memblock_reserve(5 * MIB, 3 * MIB), 0);
	assert_int_equal(memblock_reserve(11 * MIB, 2 * MIB), 0);
	assert_string_equal(draw_free(NUMA_NO_NODE, buf), "f--f|f-----f");
	assert_string_equal(draw_free(0, buf), "f--f");
	assert_string_equal(draw_free(1, buf), "----f-----f");
	assert_string_equal(draw_free(2, buf), "");
	for_each_mem_range(i, 1, &span)
		n++;
	assert_int_equal(n, 2);
	n = 0;
	for_each_reserved_mem_range(i, &span)
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(memblock_mark_nomap(0, 4 * MIB), 0);
	assert_string_equal(draw_free(NUMA_NO_NODE, buf), "----f-----f");
	assert_true(memblock_is_memory(3 * MIB));
	assert_true(memblock_is_reserved(5 * MIB));
	assert_false(memblock_is_reserved(8 * MIB));
	assert_true(memblock_is_region_reserved(8 * MIB - 1, 1));
	assert_false(memblock_is_region_reserved(8 * MIB, 3 * MIB));
	assert_int_equal(memblock_start_of_DRAM(), 0);
	assert_int_equal(memblock_end_of_DRAM(), 12 * MIB);
	assert_int_equal(memblock_reserved_size(), 7 * MIB);
}

static void test_alloc_direction(void **state)
{
	(void)state;
	assert_int_equal(memblock_add(0, 8 * MIB), 0);
	assert_int_equal(memblock_add(16 * MIB, 8 * MIB), 0);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), 23 * MIB);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), 22 * MIB);
	memblock_set_bottom_up(true);
	/* Page 0 is never handed out. */
	assert_int_equal(memblock_phys_alloc(4096, 4096), 4096);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), MIB);
	/* Too big for the first region. */
	assert_int_equal(memblock_phys_alloc(6 * MIB + 4096, 4096), 0);
	assert_int_equal(memblock_phys_alloc(6 * MIB, 2 * MIB), 2 * MIB);
	assert_int_equal(memblock_phys_alloc(6 * MIB, 2 * MIB), 16 * MIB);
}

static void test_alloc_limits(void **state)
{
	struct memblock_request req = { MIB, MIB, 6 * MIB, 8 * MIB, NUMA_NO_NODE, false };

	(void)state;
	assert_int_equal(memblock_add(0, 16 * MIB), 0);
	memblock_set_current_limit(12 * MIB);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), 11 * MIB);
	assert_int_equal(memblock_phys_alloc_range(MIB, MIB, 0, MEMBLOCK_ALLOC_ANYWHERE), 15 * MIB);
	assert_int_equal(memblock_phys_alloc_range(MIB, 0, 4 * MIB, 5 * MIB), 4 * MIB);
	assert_int_equal(memblock_phys_alloc_range(MIB, 0, 4 * MIB, 5 * MIB), 0);
	assert_int_equal(memblock_alloc_range_nid(&req), 7 * MIB);
	assert_int_equal(memblock_alloc_range_nid(&req), 6 * MIB);
	/* Nothing left within the limits: below min as a last resort. */
	assert_int_equal(memblock_alloc_range_nid(&req), 5 * MIB);
	assert_int_equal(memblock_phys_alloc(0, 0), 0);
	/* Alignment beyond the size. */
	assert_int_equal(memblock_phys_alloc(4096, 2 * MIB), 10 * MIB);
}

static void test_alloc_nodes(void **state)
{
	struct memblock_request req = { MIB, MIB, 0, 0, 1, true };

	(void)state;
	assert_int_equal(memblock_add_node(0, 4 * MIB, 0, 0), 0);
	assert_int_equal(memblock_add_node(4 * MIB, 2 * MIB, 1, 0), 0);
	assert_int_equal(memblock_add_node(6 * MIB, 4 * MIB, 2, MEMBLOCK_HOTPLUG), 0);
	/* Memory that may go away comes last. */
	assert_int_equal(memblock_phys_alloc(MIB, MIB), 5 * MIB);
	assert_int_equal(memblock_phys_alloc_try_nid(MIB, MIB, 0), 3 * MIB);
	assert_int_equal(memblock_alloc_range_nid(&req), 4 * MIB);
	assert_int_equal(memblock_alloc_range_nid(&req), 0);
	req.exact_nid = false;
	assert_int_equal(memblock_alloc_range_nid(&req), 2 * MIB);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), 1 * MIB);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), 9 * MIB);
}

static void test_alloc_then_free(void **state)
{
	u64 a, b;

	(void)state;
	assert_int_equal(memblock_add(0, 8 * MIB), 0);
	a = memblock_phys_alloc(MIB, MIB);
	b = memblock_phys_alloc(MIB, MIB);
	assert_int_equal(memblock_phys_free(a, MIB), 0);
	assert_int_equal(memblock_phys_alloc(MIB, MIB), a);
	assert_int_equal(memblock_phys_free(b, MIB), 0);
	assert_int_equal(memblock_reserved_size(), MIB);
}

/* More regions than the static arrays hold: they move into memory of their own. */
static void test_growing(void **state)
{
	struct hostmem_arena arena;

	(void)state;
	assert_int_equal(hostmem_arena_create(&arena, 64 * MIB), 0);
	direct_map = arena.base;
	assert_int_equal(memblock_add(0, 64 * MIB), 0);
	memblock_set_current_limit(64 * MIB);
	for (u64 i = 0; i < INIT_MEMBLOCK_REGIONS; i++)
		assert_int_equal(memblock_reserve(MIB + i * 8192, 4096), 0);
	assert_int_equal(memblock_reserve(32 * MIB, 4096), -12);
	assert_int_equal(memblock.reserved.cnt, INIT_MEMBLOCK_REGIONS);

	memblock_allow_resize();
	for (u64 i = 0; i < 2000; i++)
		assert_int_equal(memblock_reserve(20 * MIB + i * 8192, 4096), 0);
	assert_true(memblock_is_valid());
	assert_true(memblock.reserved.max >= 2128);
	assert_true(memblock_is_reserved(memblock.reserved.array_phys));
	/* Each array gave its memory back when the next one replaced it. */
	assert_int_equal(memblock_reserved_size(), (2000 + INIT_MEMBLOCK_REGIONS) * 4096 +
			 memblock.reserved.max * sizeof(struct memblock_region));

	/* The other array too; splitting needs room as well. */
	for (u64 i = 0; i < 200; i++)
		assert_int_equal(memblock_remove(40 * MIB + i * 8192, 4096), 0);
	assert_int_equal(memblock.memory.cnt, 201);
	assert_true(memblock_is_valid());
	memblock_reset();
	direct_map = NULL;
	hostmem_arena_destroy(&arena);
}

/* The new array must not land in the range that is just being reserved. */
static void test_growing_avoids_the_new_range(void **state)
{
	struct hostmem_arena arena;

	(void)state;
	assert_int_equal(hostmem_arena_create(&arena, 8 * MIB), 0);
	direct_map = arena.base;
	assert_int_equal(memblock_add(0, 8 * MIB), 0);
	memblock_set_current_limit(8 * MIB);
	memblock_allow_resize();
	for (u64 i = 0; i < INIT_MEMBLOCK_REGIONS; i++)
		assert_int_equal(memblock_reserve(MIB + i * 8192, 4096), 0);
	/* The top, where memblock would have looked first. */
	assert_int_equal(memblock_reserve(6 * MIB, 2 * MIB), 0);
	assert_true(memblock.reserved.array_phys < 6 * MIB);
	assert_int_equal(memblock.reserved.max, 2 * INIT_MEMBLOCK_REGIONS);
	assert_true(memblock_is_valid());
	memblock_reset();
	direct_map = NULL;
	hostmem_arena_destroy(&arena);
}

static void test_dump(void **state)
{
	char buf[1024] = "";
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(memblock_add_node(MIB, MIB, 1, 0), 0);
	assert_int_equal(memblock_reserve(MIB, 4096), 0);
	memblock_dump_all(out);
	fclose(out);
	assert_non_null(strstr(buf, " memory: 1 regions, 1048576 bytes\n"));
	assert_non_null(strstr(buf, "memory[0x0] [0x000000100000-0x0000001fffff] 0x100000 bytes on "
			       "node 1 flags: 0x0\n"));
	assert_non_null(strstr(buf, "reserved[0x0] [0x000000100000-0x000000100fff]"));
}

/* Runs fn in a child; true when it aborted. */
static bool aborts(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)!freopen("/dev/null", "w", stderr);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) != 0;
}

static void use_add(void)
{
	(void)!memblock_add(0, MIB);
}

static void use_alloc(void)
{
	(void)memblock_phys_alloc(4096, 4096);
}

static void use_walk(void)
{
	struct memblock_span span;
	u64 i = 0;

	(void)__next_free_mem_range(&i, NUMA_NO_NODE, &span);
}

static void test_retired(void **state)
{
	(void)state;
	assert_int_equal(memblock_add(0, 8 * MIB), 0);
	assert_false(aborts(use_add));
	memblock_retire();
	assert_true(aborts(use_add));
	assert_true(aborts(use_alloc));
	assert_true(aborts(use_walk));
	memblock_reset();
	assert_false(aborts(use_add));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_merge_of_neighbours, setup),
		cmocka_unit_test_setup(test_overlap_keeps_what_is_there, setup),
		cmocka_unit_test_setup(test_add_over_several_gaps, setup),
		cmocka_unit_test_setup(test_remove_splits, setup),
		cmocka_unit_test_setup(test_bad_ranges, setup),
		cmocka_unit_test_setup(test_isolate, setup),
		cmocka_unit_test_setup(test_nodes_and_flags, setup),
		cmocka_unit_test_setup(test_trim, setup),
		cmocka_unit_test_setup(test_walks, setup),
		cmocka_unit_test_setup(test_alloc_direction, setup),
		cmocka_unit_test_setup(test_alloc_limits, setup),
		cmocka_unit_test_setup(test_alloc_nodes, setup),
		cmocka_unit_test_setup(test_alloc_then_free, setup),
		cmocka_unit_test_setup(test_growing, setup),
		cmocka_unit_test_setup(test_growing_avoids_the_new_range, setup),
		cmocka_unit_test_setup(test_dump, setup),
		cmocka_unit_test_setup(test_retired, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
