/* SPDX-License-Identifier: MIT */
/* Zonelists: nodes by distance, ties in a ring, zones from high to low. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/zonelist.h"

/* Nodes at 10/20 from each other, each with a CPU. */
static struct node_order_input flat(unsigned int nr)
{
	struct node_order_input in = { .nr_nodes = nr };

	for (unsigned int i = 0; i < MAX_NUMNODES; i++) {
		in.cpus_on_node[i] = 1;
		for (unsigned int j = 0; j < MAX_NUMNODES; j++)
			in.distance[i][j] = i == j ? 10 : 20;
	}
	return in;
}

/* The order of every node as a picture: "0123 1230 ..." */
static const char *all_orders(const struct node_order_input *in, char *buf)
{
	struct node_order_state state = { { 0 } };
	char *p = buf;

	for (unsigned int local = 0; local < in->nr_nodes; local++) {
		unsigned int order[MAX_NUMNODES];
		unsigned int nr = zonelist_node_order(in, &state, local, order);

		assert_int_equal(nr, in->nr_nodes);
		if (local)
			*p++ = ' ';
		for (unsigned int i = 0; i < nr; i++)
			*p++ = (char)('0' + order[i]);
	}
	*p = 0;
	return buf;
}

static void test_one_node(void **state)
{
	struct node_order_input in = flat(1);
	char buf[128];

	(void)state;
	assert_string_equal(all_orders(&in, buf), "0");
}

static void test_equal_distance_runs_in_a_ring(void **state)
{
	struct node_order_input in = flat(4);
	char buf[128];

	(void)state;
	assert_string_equal(all_orders(&in, buf), "0123 1230 2301 3012");
}

/* Two sockets of two nodes: the neighbour on the socket first. */
static void test_distance_wins(void **state)
{
	struct node_order_input in = flat(4);
	char buf[128];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int j = 0; j < 4; j++)
			if (i != j)
				in.distance[i][j] = i / 2 == j / 2 ? 12 : 32;
	/* The load takes turns: node 0 already leans on 2, so node 1 leans on 3. */
	assert_string_equal(all_orders(&in, buf), "0123 1032 2301 3210");
}

static void test_node_without_cpus_is_preferred(void **state)
{
	struct node_order_input in = flat(3);
	char buf[128];

	(void)state;
	in.cpus_on_node[2] = 0;
	assert_string_equal(all_orders(&in, buf), "021 120 201");
}

static void test_zones_high_to_low(void **state)
{
	static const u8 types[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_NORMAL };
	static const u8 nodes[] = { 0, 0, 0, 1 };
	struct node_order_input in = flat(2);
	const struct zonelist *list;

	(void)state;
	memset(zones, 0, sizeof(zones));
	memset(node_data, 0, sizeof(node_data));
	for (u8 i = 0; i < 4; i++) {
		zones[i].id = i;
		zones[i].type = types[i];
		zones[i].node = nodes[i];
		node_data[nodes[i]].node_zones[types[i]] = &zones[i];
	}
	build_all_zonelists(&in);

	/* Node 0: Normal0 DMA32 DMA Normal1; node 1: Normal1 Normal0 DMA32 DMA. */
	list = &node_data[0].node_zonelists;
	assert_int_equal(list->nr, 4);
	assert_ptr_equal(list->refs[0].zone, &zones[2]);
	assert_ptr_equal(list->refs[1].zone, &zones[1]);
	assert_ptr_equal(list->refs[2].zone, &zones[0]);
	assert_ptr_equal(list->refs[3].zone, &zones[3]);
	assert_int_equal(list->refs[1].type, ZONE_DMA32);
	list = &node_data[1].node_zonelists;
	assert_int_equal(list->nr, 4);
	assert_ptr_equal(list->refs[0].zone, &zones[3]);
	assert_ptr_equal(list->refs[1].zone, &zones[2]);

	assert_int_equal(node_data[0].thisnode_zonelists.nr, 3);
	assert_ptr_equal(node_data[0].thisnode_zonelists.refs[0].zone, &zones[2]);
	assert_int_equal(node_data[1].thisnode_zonelists.nr, 1);
	assert_ptr_equal(node_data[1].thisnode_zonelists.refs[0].zone, &zones[3]);

	/* Building again replaces, it does not append. */
	build_all_zonelists(&in);
	assert_int_equal(node_data[0].node_zonelists.nr, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node),
		cmocka_unit_test(test_equal_distance_runs_in_a_ring),
		cmocka_unit_test(test_distance_wins),
		cmocka_unit_test(test_node_without_cpus_is_preferred),
		cmocka_unit_test(test_zones_high_to_low),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
