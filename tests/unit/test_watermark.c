/* SPDX-License-Identifier: MIT */
/* Watermarks: formulas, the values of recorded kernels, and who may go how far below the marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/watermark.h"

static void test_int_sqrt(void **state)
{
	static const struct { u64 x, root; } t[] = {
		{ 0, 0 }, { 1, 1 }, { 3, 1 }, { 4, 2 }, { 8, 2 }, { 9, 3 }, { 99, 9 }, { 100, 10 },
		{ 1ULL << 62, 1ULL << 31 }, { ~0ULL, 0xffffffffULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(int_sqrt64(t[i].x), t[i].root);
}

static void test_min_free_kbytes(void **state)
{
	static const struct { u64 lowmem_kb; unsigned long min_free; } t[] = {
		{ 0, 128 }, { 512, 128 }, { 1024, 128 }, { 4096, 256 }, { 16384, 512 },
		{ 131072, 1448 }, { 524288, 2896 }, { 1048576, 4096 }, { 4194304, 8192 },
		{ 16777216, 16384 }, { 4294967296ULL, 262144 }, { 1ULL << 40, 262144 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(calc_min_free_kbytes(t[i].lowmem_kb), t[i].min_free);
}

static void test_thp_min_free(void **state)
{
	(void)state;
	/* Three populated zones, as on the recorded machine: 16896 pages. */
	assert_int_equal(calc_thp_min_free_kbytes(3, 2513461), 67584);
	/* Never more than a twentieth of the memory. */
	assert_int_equal(calc_thp_min_free_kbytes(3, 200000), 40000);
}

/* What /proc/zoneinfo of 6.18.44 machines showed, min_free_kbytes 67584 (raised by THP). */
struct recorded {
	unsigned long managed[3];
	unsigned long wmark[3][NR_WMARK];
	unsigned long protection[3][MAX_NR_ZONES];
};

static const struct recorded recorded[] = {
	{
		{ 3840, 772917, 360448 },
		{ { 57, 71, 85, 99 }, { 11483, 14353, 17223, 20093 }, { 5355, 6693, 8031, 9369 } },
		{ { 0, 3019, 4427, 4427 }, { 0, 0, 1408, 1408 }, { 0, 0, 0, 0 } },
	}, {
		{ 3840, 772917, 983040 },
		{ { 36, 45, 54, 63 }, { 7420, 9275, 11130, 12985 }, { 9438, 11797, 14156, 16515 } },
		{ { 0, 3019, 6859, 6859 }, { 0, 0, 3840, 3840 }, { 0, 0, 0, 0 } },
	}, {
		{ 3840, 772917, 1736704 },
		{ { 25, 31, 37, 43 }, { 5195, 6493, 7791, 9089 }, { 11674, 14592, 17510, 20428 } },
		{ { 0, 3019, 9803, 9803 }, { 0, 0, 6784, 6784 }, { 0, 0, 0, 0 } },
	},
};

/* One node with DMA, DMA32 and Normal of the given managed pages; no CPU is needed. */
static void make_zones(const unsigned long managed[3])
{
	memset(zones, 0, sizeof(zones));
	memset(node_data, 0, sizeof(node_data));
	for (u8 i = 0; i < 3; i++) {
		zones[i].type = zones[i].id = i;
		zones[i].managed_pages = managed[i];
		node_data[0].node_zones[i] = &zones[i];
	}
	nr_zones = 3;
	nr_node_ids = 1;
	watermark_tunables_reset();
}

static void test_recorded_kernels(void **state)
{
	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(recorded); r++) {
		make_zones(recorded[r].managed);
		setup_min_free_kbytes(67584);
		setup_per_zone_wmarks();
		setup_per_zone_lowmem_reserve();
		for (unsigned int i = 0; i < 3; i++) {
			for (unsigned int w = 0; w < NR_WMARK; w++)
				assert_int_equal(zones[i].watermark[w], recorded[r].wmark[i][w]);
			for (unsigned int j = 0; j < MAX_NR_ZONES; j++)
				assert_int_equal(zones[i].lowmem_reserve[j],
						 recorded[r].protection[i][j]);
		}
	}
	nr_zones = 0;
}

static void test_default_min_free(void **state)
{
	const unsigned long managed[3] = { 3840, 772917, 983040 };

	(void)state;
	make_zones(managed);
	setup_min_free_kbytes(0);
	/* isqrt(16 * 7039188 kB) */
	assert_int_equal(watermark_tunables.min_free_kbytes, 10612);
	nr_zones = 0;
}

static void test_zone_marks(void **state)
{
	unsigned long w[NR_WMARK];
	struct wmark_input in = {
		.managed = 100000, .lowmem = 200000, .min_free_pages = 1000, .scale_factor = 10,
	};

	(void)state;
	calc_zone_wmarks(&in, w);	/* share 500: gap max(125, 100) */
	assert_int_equal(w[WMARK_MIN], 500);
	assert_int_equal(w[WMARK_LOW], 625);
	assert_int_equal(w[WMARK_HIGH], 750);
	assert_int_equal(w[WMARK_PROMO], 875);
	in.scale_factor = 100;		/* gap 1000: the scale factor wins */
	calc_zone_wmarks(&in, w);
	assert_int_equal(w[WMARK_LOW], 1500);
	in.highmem = true;		/* min 100000 / 1024, gap from the share as before */
	calc_zone_wmarks(&in, w);
	assert_int_equal(w[WMARK_MIN], 97);
	assert_int_equal(w[WMARK_LOW], 1097);
	in.managed = 0;
	calc_zone_wmarks(&in, w);
	for (unsigned int i = 0; i < NR_WMARK; i++)
		assert_int_equal(w[i], 32);
	in.managed = 1UL << 30;
	calc_zone_wmarks(&in, w);
	assert_int_equal(w[WMARK_MIN], 128);
}

static void test_lowmem_ratio_zero(void **state)
{
	(void)state;
	assert_int_equal(calc_lowmem_reserve(772917, 256), 3019);
	assert_int_equal(calc_lowmem_reserve(772917, 0), 0);
}

/* Each request: the smallest number of free pages with which an order-0 allocation passes. */
static void test_floors(void **state)
{
	static const struct {
		gfp_t gfp;
		unsigned int extra;
		long floor;
	} t[] = {
		{ GFP_KERNEL, 0, 1000 },
		{ GFP_USER, 0, 1000 },
		{ GFP_NOWAIT, 0, 1000 },
		{ GFP_NOIO | __GFP_HIGH, 0, 500 },
		{ GFP_ATOMIC, 0, 375 },
		{ GFP_ATOMIC | __GFP_NOMEMALLOC, 0, 500 },
		{ GFP_KERNEL, ALLOC_OOM, 500 },
		{ GFP_ATOMIC, ALLOC_OOM, 188 },
	};
	struct zone zone = { .watermark = { 1000, 1250, 1500, 1750 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		unsigned int flags = gfp_to_alloc_flags(t[i].gfp, 0) | t[i].extra;
		struct wmark_request req = { 0, ZONE_NORMAL, flags, 1000 };

		assert_int_equal(calc_wmark_floor(1000, flags), t[i].floor);
		assert_false(__zone_watermark_ok(&zone, &req, t[i].floor));
		assert_true(__zone_watermark_ok(&zone, &req, t[i].floor + 1));
	}
	/* MEMALLOC skips the test altogether. */
	assert_true(gfp_to_alloc_flags(GFP_KERNEL | __GFP_MEMALLOC, 0) & ALLOC_NO_WATERMARKS);
	assert_false(gfp_to_alloc_flags(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOMEMALLOC, 0) &
		     ALLOC_NO_WATERMARKS);
}

/* Halve, then a quarter of the rest, each rounded: 5 -> 3 -> 3, not 5 * 3 / 8 = 1. */
static void test_integer_order(void **state)
{
	static const struct { unsigned long mark; long high, atomic, atomic_oom; } t[] = {
		{ 0, 0, 0, 0 }, { 1, 1, 1, 1 }, { 2, 1, 1, 1 }, { 5, 3, 3, 2 }, { 7, 4, 3, 2 },
		{ 36, 18, 14, 7 }, { 57, 29, 22, 11 }, { 9438, 4719, 3540, 1770 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		unsigned int atomic = ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK;

		assert_int_equal(calc_wmark_floor(t[i].mark, ALLOC_MIN_RESERVE), t[i].high);
		assert_int_equal(calc_wmark_floor(t[i].mark, atomic), t[i].atomic);
		assert_int_equal(calc_wmark_floor(t[i].mark, atomic | ALLOC_OOM), t[i].atomic_oom);
	}
}

static void test_lowmem_reserve_protects(void **state)
{
	struct zone zone = { .lowmem_reserve = { 0, 3019, 6859, 6859 } };
	struct wmark_request req = { 0, ZONE_DMA, ALLOC_WMARK_MIN, 36 };

	(void)state;
	assert_true(__zone_watermark_ok(&zone, &req, 3840));
	req.highest_zoneidx = ZONE_DMA32;
	assert_true(__zone_watermark_ok(&zone, &req, 3840));
	assert_false(__zone_watermark_ok(&zone, &req, 3055));
	req.highest_zoneidx = ZONE_NORMAL;
	assert_false(__zone_watermark_ok(&zone, &req, 3840));
}

/* Order > 0 needs a block on a list that the request may use, and counts its own block out. */
static void test_orders(void **state)
{
	struct zone zone = { .type = ZONE_NORMAL };
	struct wmark_request req = { 3, ZONE_NORMAL, ALLOC_WMARK_MIN, 100 };

	(void)state;
	assert_false(__zone_watermark_ok(&zone, &req, 100000));
	zone.free_orders[MIGRATE_MOVABLE] = 1u << 2;	/* too small */
	assert_false(__zone_watermark_ok(&zone, &req, 100000));
	zone.free_orders[MIGRATE_MOVABLE] = 1u << 10;
	assert_true(__zone_watermark_ok(&zone, &req, 108));
	assert_false(__zone_watermark_ok(&zone, &req, 107));
	zone.free_orders[MIGRATE_MOVABLE] = 0;
	zone.free_orders[MIGRATE_HIGHATOMIC] = 1u << 9;
	assert_false(__zone_watermark_ok(&zone, &req, 100000));
	req.alloc_flags = gfp_to_alloc_flags(GFP_ATOMIC, 3);
	assert_true(__zone_watermark_ok(&zone, &req, 100000));
	req.alloc_flags = ALLOC_OOM;
	assert_true(__zone_watermark_ok(&zone, &req, 100000));
	zone.free_orders[MIGRATE_HIGHATOMIC] = 0;
	zone.free_orders[MIGRATE_ISOLATE] = 1u << 9;
	assert_false(__zone_watermark_ok(&zone, &req, 100000));
}

/* Pages kept for atomic requests do not count for those who cannot have them. */
static void test_highatomic_is_unusable(void **state)
{
	struct zone zone = { .nr_free_highatomic = 512 };
	struct wmark_request req = { 0, ZONE_NORMAL, ALLOC_WMARK_MIN, 100 };

	(void)state;
	assert_false(__zone_watermark_ok(&zone, &req, 612));
	assert_true(__zone_watermark_ok(&zone, &req, 613));
	req.alloc_flags = gfp_to_alloc_flags(GFP_NOWAIT, 0);
	assert_true(__zone_watermark_ok(&zone, &req, 101));
}

static void test_alloc_flags(void **state)
{
	(void)state;
	assert_int_equal(gfp_to_alloc_flags(GFP_KERNEL, 0), ALLOC_KSWAPD);
	assert_int_equal(gfp_to_alloc_flags(GFP_NOWAIT, 4), ALLOC_KSWAPD | ALLOC_NON_BLOCK);
	assert_int_equal(gfp_to_alloc_flags(GFP_ATOMIC, 0),
			 ALLOC_KSWAPD | ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE);
	assert_int_equal(gfp_to_alloc_flags(GFP_ATOMIC, 1),
			 ALLOC_KSWAPD | ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC);
	assert_int_equal(gfp_to_alloc_flags(GFP_ATOMIC | __GFP_NOMEMALLOC, 1),
			 ALLOC_KSWAPD | ALLOC_MIN_RESERVE);
	assert_int_equal(gfp_to_alloc_flags(GFP_NOFS | __GFP_HIGH, 2),
			 ALLOC_KSWAPD | ALLOC_MIN_RESERVE);
	assert_int_equal(gfp_to_alloc_flags(0, 0), ALLOC_NON_BLOCK);
}

/* The boost raises every mark, but an urgent single page looks again without it. */
static void test_boost_and_fast_path(void **state)
{
	struct zone zone = {
		.watermark = { 1000, 1250, 1500, 1750 }, .watermark_boost = 512,
		.vm_stat = { [NR_FREE_PAGES] = 600 },
	};
	struct wmark_request req = { 0, ZONE_NORMAL, 0, 0 };

	(void)state;
	assert_int_equal(min_wmark_pages(&zone), 1512);
	assert_int_equal(high_wmark_pages(&zone), 2012);
	req.mark = min_wmark_pages(&zone);
	req.alloc_flags = gfp_to_alloc_flags(GFP_ATOMIC, 0);
	/* With the boost the floor is 567, without it 375. */
	assert_true(zone_watermark_fast(&zone, &req));
	zone.vm_stat[NR_FREE_PAGES] = 500;
	assert_false(zone_watermark_ok(&zone, 0, req.mark, ZONE_NORMAL, req.alloc_flags));
	assert_true(zone_watermark_fast(&zone, &req));
	zone.vm_stat[NR_FREE_PAGES] = 375;
	assert_false(zone_watermark_fast(&zone, &req));
	req.alloc_flags = gfp_to_alloc_flags(GFP_KERNEL, 0);
	zone.vm_stat[NR_FREE_PAGES] = 1512;
	assert_false(zone_watermark_fast(&zone, &req));
	zone.vm_stat[NR_FREE_PAGES] = 1513;
	assert_true(zone_watermark_fast(&zone, &req));
	/* A counter that is briefly negative is no reason to wrap around. */
	zone.vm_stat[NR_FREE_PAGES] = -3;
	assert_false(zone_watermark_fast(&zone, &req));
}

static void test_boost_cap(void **state)
{
	(void)state;
	assert_int_equal(calc_boost_max(14156, 15000), 21234);
	assert_int_equal(calc_boost_max(100, 15000), pageblock_nr_pages);
	assert_int_equal(calc_boost_max(14156, 0), 0);
	assert_int_equal(calc_boost_max(0, 15000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int_sqrt),
		cmocka_unit_test(test_min_free_kbytes),
		cmocka_unit_test(test_thp_min_free),
		cmocka_unit_test(test_recorded_kernels),
		cmocka_unit_test(test_default_min_free),
		cmocka_unit_test(test_zone_marks),
		cmocka_unit_test(test_lowmem_ratio_zero),
		cmocka_unit_test(test_floors),
		cmocka_unit_test(test_integer_order),
		cmocka_unit_test(test_lowmem_reserve_protects),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_highatomic_is_unusable),
		cmocka_unit_test(test_alloc_flags),
		cmocka_unit_test(test_boost_and_fast_path),
		cmocka_unit_test(test_boost_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
