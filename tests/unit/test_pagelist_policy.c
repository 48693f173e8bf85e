/* SPDX-License-Identifier: MIT */
/* Page-list policies by name, their constants, and the sizes derived from a zone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/pagelist.h"

static struct pagelist_tunables tun;

static void test_zone_batch(void **state)
{
	static const struct {
		unsigned long managed;
		int batch;
	} row[] = {
		{ 0, 1 }, { 1, 1 }, { 3840, 1 }, { 4096, 1 }, { 8192, 1 }, { 12288, 3 },
		{ 16384, 3 }, { 32768, 7 }, { 65536, 15 }, { 131072, 31 }, { 262144, 63 },
		{ 1736704, 63 }, { 1ul << 30, 63 },
	};

	(void)state;
	pagelist_tunables_preset(&tun, PAGELIST_LINUX_6_18);
	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++)
		assert_int_equal(pagelist_zone_batch(&tun, row[i].managed), row[i].batch);
	tun.batch = 200;
	assert_int_equal(pagelist_zone_batch(&tun, 1), 200);
}

/* Observed on a running 6.18 machine with 2 CPUs: /proc/zoneinfo of its three zones. */
static void test_window_live(void **state)
{
	static const struct {
		struct pagelist_zone_size size;
		struct pagelist_window w;
	} row[] = {
		{ { 1736704, 14592, 2, 0 }, { 7296, 108544, 63 } },	/* Normal */
		{ { 772912, 6492, 2, 0 }, { 3246, 48307, 63 } },	/* DMA32 */
		{ { 3840, 30, 2, 0 }, { 15, 240, 1 } },			/* DMA */
	};

	(void)state;
	pagelist_tunables_preset(&tun, PAGELIST_LINUX_6_18);
	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		struct pagelist_window w = pagelist_window(&tun, &row[i].size);

		assert_int_equal(w.batch, row[i].w.batch);
		assert_int_equal(w.high_min, row[i].w.high_min);
		assert_int_equal(w.high_max, row[i].w.high_max);
	}
}

static void check_window(enum pagelist_policy policy, unsigned int fraction, int high_min,
			 int high_max)
{
	struct pagelist_zone_size size = { 1736704, 14592, 2, fraction };
	struct pagelist_window w;

	tun.policy = policy;
	w = pagelist_window(&tun, &size);
	assert_int_equal(w.high_min, high_min);
	assert_int_equal(w.high_max, high_max);
}

static void test_window_policies(void **state)
{
	struct pagelist_zone_size tiny = { 262144, 100, 16, 0 };

	(void)state;
	pagelist_tunables_preset(&tun, PAGELIST_LINUX_6_18);
	check_window(PAGELIST_NONE, 0, 0, 0);
	check_window(PAGELIST_FIXED, 0, 7296, 7296);
	check_window(PAGELIST_LINUX_6_1, 0, 7296, 7296);
	check_window(PAGELIST_LINUX_6_1, 8, 108544, 108544);
	check_window(PAGELIST_LINUX_6_12, 0, 7296, 108544);
	check_window(PAGELIST_LINUX_6_18, 8, 108544, 108544);
	check_window(PAGELIST_LINUX_7_2, 100, 8683, 8683);
	tun.high_min = 500;
	check_window(PAGELIST_FIXED, 0, 500, 500);
	check_window(PAGELIST_LINUX_6_18, 0, 500, 108544);
	tun.high_max = 400;
	check_window(PAGELIST_LINUX_6_18, 0, 500, 500);
	tun.high_min = 0;
	tun.high_max = 10000;
	check_window(PAGELIST_LINUX_6_18, 0, 7296, 10000);

	/* Never below four batches. */
	pagelist_tunables_preset(&tun, PAGELIST_LINUX_6_18);
	assert_int_equal(pagelist_window(&tun, &tiny).high_min, 252);
	assert_int_equal(pagelist_high(&tun, 1000, 4, 63), 252);
	assert_int_equal(pagelist_high(&tun, 2000, 4, 63), 500);
	/* And never beyond what the engine's sums can hold. */
	assert_int_equal(pagelist_high(&tun, 1ul << 40, 1, 63), 1 << 29);
}

static void test_policy_names(void **state)
{
	(void)state;
	for (enum pagelist_policy i = 0; i < NR_PAGELIST_POLICIES; i++)
		assert_int_equal(pagelist_policy_by_name(pagelist_policy_name(i)), i);
	assert_int_equal(pagelist_policy_by_name("linux-6.18"), PAGELIST_LINUX_6_18);
	assert_int_equal(pagelist_policy_by_name("linux"), -EINVAL);
	assert_string_equal(pagelist_policy_name(NR_PAGELIST_POLICIES), "?");
}

static void test_tunables(void **state)
{
	(void)state;
	for (enum pagelist_policy policy = 0; policy < NR_PAGELIST_POLICIES; policy++) {
		pagelist_tunables_preset(&tun, policy);
		for (unsigned int i = 0; i < nr_pagelist_tunables; i++) {
			const struct pagelist_tunable_info *info = &pagelist_tunable_info[i];
			u32 preset = pagelist_tunable_get(&tun, info);

			assert_ptr_equal(pagelist_tunable_find(info->name), info);
			assert_true(preset >= info->min && preset <= info->max);
			assert_int_equal(pagelist_tunable_set(&tun, info->name, info->max), 0);
			assert_int_equal(pagelist_tunable_get(&tun, info), info->max);
			assert_int_equal(pagelist_tunable_set(&tun, info->name, info->max + 1),
					 -ERANGE);
			if (info->min)
				assert_int_equal(pagelist_tunable_set(&tun, info->name,
								      info->min - 1), -ERANGE);
			assert_int_equal(pagelist_tunable_get(&tun, info), info->max);
		}
	}
	assert_int_equal(pagelist_tunable_set(&tun, "high", 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_batch),
		cmocka_unit_test(test_window_live),
		cmocka_unit_test(test_window_policies),
		cmocka_unit_test(test_policy_names),
		cmocka_unit_test(test_tunables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
