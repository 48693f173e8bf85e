/* SPDX-License-Identifier: MIT */
/*
 * Zonelists: in which order an allocation tries the zones.
 *
 * What.  Memory of a near node is better than memory of a far one, and within a node a request
 * should take the least useful memory that will do: everybody can use HIGHMEM pages for user data
 * only, few devices can use anything but DMA pages.  So a list runs over nodes by distance and,
 * within a node, over zones from high to low:
 *
 *	node 0 of two:   Normal0  DMA32_0  DMA0  Normal1
 *
 * An allocation starts at the first entry whose type it may use and skips higher types.
 *
 * Nodes at the same distance take turns: if every node fell back to node 0 first, node 0 would
 * fill up when any other is full.  Ties go, in this order, to the node with the higher number than
 * the local one (so fallbacks run round in a ring), to a node without CPUs, and to the node that
 * is already the first fallback of fewer nodes.
 *
 * States.  Built once at boot.
 *
 * Invariants.
 *	I1  A list holds each populated zone of its nodes once.
 *	I2  Distances do not fall along a list, and zone types do not rise within a node.
 *
 * Locking.  None: written while nobody allocates.  Context.  Boot.  Failure.  None.
 *
 * See also.  tests/unit/test_zonelist.c.
 */
#include "mm/page/zonelist.h"

/* Makes room below one unit of distance for the tie-breaking load. */
#define LOAD_SCALE	(MAX_NUMNODES * MAX_NUMNODES)

static unsigned int node_cost(const struct node_order_input *in,
			      const struct node_order_state *state, unsigned int local,
			      unsigned int node)
{
	unsigned int cost = in->distance[local][node];

	cost += node < local;
	/* A node with CPUs needs its memory for itself. */
	cost += in->cpus_on_node[node] != 0;
	return cost * LOAD_SCALE + state->load[node];
}

/* The best node not in @used; MAX_NUMNODES when all are. */
static unsigned int find_next_best_node(const struct node_order_input *in,
					const struct node_order_state *state, unsigned int local,
					unsigned int used)
{
	unsigned int best = MAX_NUMNODES, best_cost = ~0u;

	for (unsigned int node = 0; node < in->nr_nodes; node++) {
		unsigned int cost = node_cost(in, state, local, node);

		if ((used >> node & 1) || cost >= best_cost)
			continue;
		best = node;
		best_cost = cost;
	}
	return best;
}

unsigned int zonelist_node_order(const struct node_order_input *in, struct node_order_state *state,
				 unsigned int local, unsigned int order[MAX_NUMNODES])
{
	unsigned int nr = 0, used = 1u << local, prev = local, node;

	order[nr++] = local;
	while ((node = find_next_best_node(in, state, local, used)) != MAX_NUMNODES) {
		/* The first of a group of equal distance bears the load of the group. */
		if (in->distance[local][node] != in->distance[local][prev])
			state->load[node]++;
		order[nr++] = node;
		used |= 1u << node;
		prev = node;
	}
	return nr;
}

static void add_node_zones(struct zonelist *list, const pg_data_t *pgdat)
{
	for (int type = MAX_NR_ZONES - 1; type >= 0; type--) {
		struct zone *zone = pgdat->node_zones[type];

		if (zone)
			list->refs[list->nr++] = (struct zoneref) { zone, (u8)type };
	}
}

void build_all_zonelists(const struct node_order_input *in)
{
	struct node_order_state state = { { 0 } };

	for (unsigned int nid = 0; nid < in->nr_nodes; nid++) {
		pg_data_t *pgdat = NODE_DATA(nid);
		unsigned int order[MAX_NUMNODES];
		unsigned int nr = zonelist_node_order(in, &state, nid, order);

		pgdat->node_zonelists.nr = 0;
		pgdat->thisnode_zonelists.nr = 0;
		add_node_zones(&pgdat->thisnode_zonelists, pgdat);
		for (unsigned int i = 0; i < nr; i++)
			add_node_zones(&pgdat->node_zonelists, NODE_DATA(order[i]));
	}
}
