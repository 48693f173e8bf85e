/* SPDX-License-Identifier: MIT */
/* test_gfp.c - the allocation flags: positions, composites, aliases, and the text both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mm/page/gfp.h"

static gfp_t parse(const char *s)
{
	gfp_t gfp = 0;

	assert_true(gfp_parse(s, strlen(s), &gfp));
	return gfp;
}

static void check_format(gfp_t gfp, const char *want)
{
	char buf[512];

	assert_int_equal(gfp_format(gfp, buf, sizeof(buf)), strlen(want));
	assert_string_equal(buf, want);
}

static void test_bits(void **state)
{
	(void)state;
	assert_int_equal(__GFP_DMA, 0x1);
	assert_int_equal(__GFP_HIGHMEM, 0x2);
	assert_int_equal(__GFP_DMA32, 0x4);
	assert_int_equal(__GFP_MOVABLE, 0x8);
	assert_int_equal(__GFP_HIGH, 0x20);
	assert_int_equal(__GFP_ZERO, 0x100);
	assert_int_equal(__GFP_RECLAIM, 0xc00);
	assert_int_equal(GFP_KERNEL, 0xcc0);
	assert_int_equal(GFP_ATOMIC, 0x820);
	assert_int_equal(__GFP_COMP, 0x40000);
	assert_int_equal(__GFP_NO_OBJ_EXT, 1 << 24);
}

static void test_composites_and_aliases(void **state)
{
	(void)state;
	assert_int_equal(GFP_KERNEL, __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM | __GFP_IO |
			 __GFP_FS);
	assert_int_equal(GFP_NOWAIT, __GFP_KSWAPD_RECLAIM | __GFP_NOWARN);
	assert_int_equal(GFP_NOFS, GFP_KERNEL & ~__GFP_FS);
	assert_int_equal(GFP_NOIO, GFP_NOFS & ~__GFP_IO);
	assert_int_equal(GFP_TRANSHUGE_LIGHT & __GFP_RECLAIM, 0);
	assert_int_equal(GFP_TRANSHUGE & __GFP_RECLAIM, __GFP_DIRECT_RECLAIM);
	assert_int_equal(__GFP_WAIT, __GFP_RECLAIM);
	assert_int_equal(__GFP_REPEAT, __GFP_RETRY_MAYFAIL);
	/* The two dropped names have bits that no kernel flag uses. */
	assert_int_equal(__GFP_COLD & (__GFP_NO_OBJ_EXT | (__GFP_NO_OBJ_EXT - 1)), 0);
	assert_int_equal(__GFP_NO_GROW & (__GFP_COLD | (__GFP_COLD - 1)), 0);
	assert_int_equal((__GFP_COLD | __GFP_NO_GROW) & ~__GFP_BITS_MASK, 0);
}

static void test_parse(void **state)
{
	gfp_t gfp = 123;

	(void)state;
	assert_int_equal(parse("none"), 0);
	assert_int_equal(parse("GFP_KERNEL"), GFP_KERNEL);
	assert_int_equal(parse("GFP_KERNEL|__GFP_ZERO"), GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(parse("__GFP_WAIT|__GFP_HIGH"), __GFP_RECLAIM | __GFP_HIGH);
	assert_int_equal(parse("__GFP_DMA|__GFP_COLD|__GFP_NO_GROW"),
			 __GFP_DMA | __GFP_COLD | __GFP_NO_GROW);
	assert_int_equal(parse("__GFP_ATOMIC"), __GFP_HIGH);
	assert_int_equal(parse("0xcc0"), GFP_KERNEL);
	assert_int_equal(parse("GFP_NOFS|0x80000000"), GFP_NOFS | 0x80000000u);
	/* @s need not be terminated. */
	assert_true(gfp_parse("GFP_KERNELxxx", 10, &gfp));
	assert_int_equal(gfp, GFP_KERNEL);
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", "|", "GFP_KERNEL|", "|GFP_KERNEL", "GFP_KERNAL", "gfp_kernel", "0x", "0xg",
		"0x123456789", "GFP_KERNEL,GFP_NOFS", "GFP_KERNEL GFP_NOFS",
	};
	gfp_t gfp;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gfp_parse(bad[i], strlen(bad[i]), &gfp));
	/* What is known is still handed out, and a failure is not remembered as a success. */
	for (int i = 0; i < 2; i++) {
		assert_false(gfp_parse("GFP_NOFS|__GFP_NEW", 18, &gfp));
		assert_int_equal(gfp, GFP_NOFS);
	}
}

static void test_format(void **state)
{
	char small[8];

	(void)state;
	check_format(0, "none");
	check_format(GFP_KERNEL, "GFP_KERNEL");
	check_format(GFP_ATOMIC, "GFP_ATOMIC");
	check_format(GFP_TRANSHUGE, "GFP_TRANSHUGE");
	check_format(GFP_DMA | GFP_KERNEL, "GFP_KERNEL|GFP_DMA");
	check_format(GFP_HIGHUSER_MOVABLE | __GFP_ZERO | __GFP_COMP,
		     "GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP");
	check_format(0xc0000000u, "0xc0000000");
	check_format(GFP_NOFS | 0x40000000u, "GFP_NOFS|0x40000000");
	/* As recorded on a 6.18 machine. */
	check_format(parse("__GFP_RECLAIMABLE|__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY"),
		     "__GFP_RECLAIMABLE|__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY");
	assert_int_equal(gfp_format(GFP_KERNEL, small, sizeof(small)), 10);
	assert_string_equal(small, "GFP_KER");
	assert_int_equal(gfp_format(GFP_KERNEL, NULL, 0), 10);
}

/* I1: every set survives printing and reading, also while the memo is being overwritten. */
static void test_round_trip(void **state)
{
	uint64_t x = 0x5eed;
	char buf[1024];

	(void)state;
	print_message("seed 0x5eed\n");
	for (int i = 0; i < 200000; i++) {
		gfp_t gfp, back = 0;
		size_t len;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* Sparse sets too, and few distinct ones, so that the memo hits. */
		gfp = (gfp_t)x & (gfp_t)(x >> 20) & (i & 1 ? 0xffffffffu : 0x00050cc0u);
		len = gfp_format(gfp, buf, sizeof(buf));
		assert_true(len < sizeof(buf));
		assert_true(gfp_parse(buf, len, &back));
		assert_int_equal(back, gfp);
	}
}

static void test_predicates(void **state)
{
	(void)state;
	assert_true(gfp_can_block(GFP_KERNEL));
	assert_false(gfp_can_block(GFP_ATOMIC));
	assert_false(gfp_can_block(GFP_NOWAIT));
	assert_true(gfp_wakes_kswapd(GFP_ATOMIC));
	assert_false(gfp_wakes_kswapd(GFP_TRANSHUGE_LIGHT));
	assert_true(gfp_can_io(GFP_NOFS));
	assert_false(gfp_can_io(GFP_NOIO));
	assert_false(gfp_can_fs(GFP_NOFS));
	assert_true(gfp_can_fs(GFP_USER));
	assert_true(gfp_is_atomic(GFP_ATOMIC));
	assert_false(gfp_is_atomic(GFP_KERNEL | __GFP_HIGH));
	assert_false(gfp_is_atomic(GFP_NOWAIT));
	assert_true(gfp_may_use_all_reserves(__GFP_MEMALLOC));
	assert_false(gfp_may_use_all_reserves(__GFP_MEMALLOC | __GFP_NOMEMALLOC));
	assert_int_equal(gfp_migratetype(GFP_KERNEL), 0);
	assert_int_equal(gfp_migratetype(GFP_HIGHUSER_MOVABLE), 1);
	assert_int_equal(gfp_migratetype(GFP_KERNEL | __GFP_RECLAIMABLE), 2);
	assert_int_equal(gfp_migratetype(__GFP_MOVABLE | __GFP_RECLAIMABLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_composites_and_aliases),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_predicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
