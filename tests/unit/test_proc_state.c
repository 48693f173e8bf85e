/* SPDX-License-Identifier: MIT */
/* test_proc_state.c - zoneinfo of two kernel generations, buddyinfo, vmstat, and their damage. */
#include "tests/unit/test_trace_data.h"

#include "stress/replay/proc_state.h"

static void read_ok(struct proc_state *st, enum proc_file kind, const char *name)
{
	struct trace_error err = { "" };

	if (proc_state_read(st, kind, data_path(name), &err) < 0)
		fail_msg("%s", err.text);
}

static void check_bad(enum proc_file kind, const char *text, const char *want)
{
	struct trace_error err = { "" };
	struct proc_state st = { 0 };

	assert_true(proc_state_read_mem(&st, kind, text, strlen(text), "z", &err) < 0);
	if (strncmp(err.text, want, strlen(want)) != 0 || !strstr(err.text, "; "))
		fail_msg("want `%s`, got `%s`", want, err.text);
	proc_state_destroy(&st);
}

static void check_normal_zone(const struct proc_zone *z)
{
	uint64_t value;

	assert_non_null(z);
	assert_int_equal(z->free, 17460);
	assert_int_equal(z->boost, 0);
	assert_int_equal(z->min, 5355);
	assert_int_equal(z->low, 6693);
	assert_int_equal(z->high, 8031);
	assert_int_equal(z->promo, 9369);
	assert_int_equal(z->spanned, 5505024);
	assert_int_equal(z->present, 5505024);
	assert_int_equal(z->managed, 360448);
	assert_int_equal(z->start_pfn, 1048576);
	assert_int_equal(z->nr_pagesets, 2);
	assert_int_equal(z->pagesets[0].count, 11683);
	/* "high:" of a pageset is not the watermark. */
	assert_int_equal(z->pagesets[0].high, 17920);
	assert_int_equal(z->pagesets[1].cpu, 1);
	assert_int_equal(z->pagesets[1].count, 3794);
	assert_int_equal(z->pagesets[1].batch, 63);
	assert_int_equal(z->pagesets[1].high_min, 3346);
	assert_int_equal(z->pagesets[1].high_max, 22528);
	assert_int_equal(z->pagesets[1].stat_threshold, 20);
	assert_true(proc_counter_get(&z->counters, "numa_hit", &value));
	assert_int_equal(value, 2071388);
	assert_false(proc_counter_get(&z->counters, "numa_hi", &value));
	assert_int_equal(z->nr_orders, 11);
	assert_int_equal(z->free_blocks[10], 15);
	assert_int_equal(z->free_blocks[1], 1);
}

static void test_zoneinfo_618(void **state)
{
	struct proc_state st = { 0 };
	const struct proc_zone *dma;
	uint64_t value;

	(void)state;
	read_ok(&st, PROC_ZONEINFO, "zoneinfo-6.18");
	read_ok(&st, PROC_BUDDYINFO, "buddyinfo");
	read_ok(&st, PROC_VMSTAT, "vmstat");
	assert_true(st.has_zoneinfo && st.has_buddyinfo && st.has_vmstat && st.has_high_window);
	assert_int_equal(st.nr_zones, 5);
	check_normal_zone(proc_state_zone(&st, 0, "Normal"));
	dma = proc_state_zone(&st, 0, "DMA");
	assert_int_equal(dma->nr_protection, 5);
	assert_int_equal(dma->protection[1], 3019);
	assert_int_equal(dma->protection[4], 4427);
	assert_int_equal(dma->pagesets[1].high_min, 35);
	assert_true(proc_counter_get(&dma->node_counters, "nr_hugetlb", &value));
	assert_false(dma->unreclaimable);
	/* A zone without memory has neither pagesets nor a line in buddyinfo. */
	assert_int_equal(proc_state_zone(&st, 0, "Movable")->nr_pagesets, 0);
	assert_int_equal(proc_state_zone(&st, 0, "Movable")->min, 32);
	assert_false(proc_state_zone(&st, 0, "Device")->has_buddyinfo);
	assert_null(proc_state_zone(&st, 1, "Normal"));
	assert_true(proc_counter_get(&st.vmstat, "nr_free_pages", &value));
	assert_int_equal(value, 794091);
	proc_state_destroy(&st);
	assert_null(st.zones);
}

/* No promo, no high_min and high_max; two nodes, each with its statistics. */
static void test_zoneinfo_61(void **state)
{
	struct proc_state st = { 0 };
	const struct proc_zone *z;
	uint64_t value;

	(void)state;
	read_ok(&st, PROC_ZONEINFO, "zoneinfo-6.1");
	assert_false(st.has_high_window);
	assert_int_equal(st.nr_zones, 2);
	z = proc_state_zone(&st, 1, "Normal");
	assert_int_equal(z->boost, 512);
	assert_int_equal(z->cma, 64);
	assert_int_equal(z->promo, 0);
	assert_int_equal(z->nr_pagesets, 1);
	assert_int_equal(z->pagesets[0].count, 300);
	assert_int_equal(z->pagesets[0].high_min, PROC_ABSENT);
	assert_int_equal(z->pagesets[0].high_max, PROC_ABSENT);
	assert_true(z->unreclaimable);
	assert_true(proc_counter_get(&z->node_counters, "nr_inactive_anon", &value));
	assert_int_equal(value, 99);
	assert_int_equal(proc_state_zone(&st, 0, "DMA")->pagesets[1].count, 5);
	proc_state_destroy(&st);
}

/* 7.2 appends two counters behind start_pfn; CRLF and a missing last line end do no harm. */
static void test_later_kernels(void **state)
{
	static const char text[] =
		"Node 0, zone   Normal\r\n  pages free     5\r\n        min      1\r\n"
		"  start_pfn:           16\r\n  reserved_highatomic: 512\r\n"
		"  free_highatomic:     7";
	struct trace_error err = { "" };
	struct proc_state st = { 0 };
	uint64_t value;

	(void)state;
	assert_int_equal(proc_state_read_mem(&st, PROC_ZONEINFO, text, strlen(text), "z", &err), 0);
	assert_int_equal(st.zones[0].start_pfn, 16);
	assert_true(proc_counter_get(&st.zones[0].counters, "free_highatomic", &value));
	assert_int_equal(value, 7);
	proc_state_destroy(&st);
}

static void test_damage(void **state)
{
	(void)state;
	check_bad(PROC_ZONEINFO, "", "z: the file is empty");
	check_bad(PROC_ZONEINFO, "hello\n", "z:1: the line does not begin with `Node N");
	check_bad(PROC_ZONEINFO, "  pages free 5\n", "z:1: there is no `Node N, zone NAME`");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  pages free x\n", "z:2: a zone field");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  min 5 6\n", "z:2: a zone field");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  protection: (0, 1\n", "z:2: protection");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  protection: (1,1,1,1,1,1,1,1,1)\n",
		  "z:2: protection");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  cpu: 9999\n", "z:2: a pageset has no CPU");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  cpu: 0\n  count: 99999999999\n",
		  "z:3: a pageset field");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\n  nr_x\n", "z:2: the line is not `name value`");
	check_bad(PROC_ZONEINFO, "Node 0, zone DMA\nNode 0, zone DMA\n", "z:2: the zone appears");
	check_bad(PROC_ZONEINFO, "Node 9999, zone DMA\n", "z:1: the node number");
	check_bad(PROC_ZONEINFO, "Node 0, zone ABCDEFGHIJKLMNOPQ\n", "z:1: the zone has no name");
	check_bad(PROC_BUDDYINFO, "Node 0, zone DMA\n", "z:1: the zone has no numbers");
	check_bad(PROC_BUDDYINFO, "Node 0, zone DMA 1 2x\n", "z:1: a number of free blocks");
	check_bad(PROC_BUDDYINFO, "Node 0, zone DMA 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
		  "z:1: there are more than 16 orders");
	check_bad(PROC_BUDDYINFO, "Node 0, zone A 1\nNode 0, zone A 1\n", "z:2: the zone appears");
	check_bad(PROC_VMSTAT, "nr_free_pages\n", "z:1: the line is not");
	check_bad(PROC_VMSTAT, "\n", "z:1: the file is empty");
}

static void test_read_twice(void **state)
{
	struct trace_error err = { "" };
	struct proc_state st = { 0 };

	(void)state;
	read_ok(&st, PROC_VMSTAT, "vmstat");
	assert_true(proc_state_read(&st, PROC_VMSTAT, data_path("vmstat"), &err) < 0);
	assert_non_null(strstr(err.text, "read before"));
	assert_true(proc_state_read(&st, PROC_ZONEINFO, "no/such", &err) < 0);
	assert_non_null(strstr(err.text, "no/such: cannot be opened"));
	proc_state_destroy(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zoneinfo_618),
		cmocka_unit_test(test_zoneinfo_61),
		cmocka_unit_test(test_later_kernels),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_read_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
