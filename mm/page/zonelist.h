/* SPDX-License-Identifier: MIT */
/* Zonelists: in which order an allocation tries the zones (mm/page_alloc.c build_zonelists). */
#ifndef MM_PAGE_ZONELIST_H
#define MM_PAGE_ZONELIST_H

#include "mm/page/zone.h"

/* What the order of nodes depends on. */
struct node_order_input {
	unsigned int nr_nodes;
	u8 distance[MAX_NUMNODES][MAX_NUMNODES];	/* 10 = local */
	unsigned int cpus_on_node[MAX_NUMNODES];
};

/* Called for all local nodes in order, with @load zeroed before the first. */
struct node_order_state {
	unsigned int load[MAX_NUMNODES];	/* how often a node is somebody's first fallback */
};

/*
 * Fills @order with the nodes as seen from @local: itself, then by distance.  Pure.  Returns the
 * number of nodes.
 */
unsigned int zonelist_node_order(const struct node_order_input *in, struct node_order_state *state,
				 unsigned int local, unsigned int order[MAX_NUMNODES]);

/*
 * Builds node_zonelists and thisnode_zonelists of every node from node_data[].node_zones.  Boot,
 * or a quiescent machine.
 */
void build_all_zonelists(const struct node_order_input *in);

#endif /* MM_PAGE_ZONELIST_H */
