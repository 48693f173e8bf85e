/* SPDX-License-Identifier: MIT */
/*
 * The plan of physical memory: from options to nodes, zones and reservations.
 *
 * What.  Three questions, in this order.  Which addresses are RAM?  (An e820 map: given as text,
 * made from a size, or derived from recorded zones.)  Which node owns them?  (Contiguous shares of
 * equal size; a recorded zone names its node.)  Which zone?  Fixed borders:
 *
 *	x86_64    DMA ..16M      DMA32 ..4G       NORMAL ...
 *	x86_32    DMA ..16M      NORMAL ..896M    HIGHMEM ...
 *
 * A zone *spans* from border to border, cut to its node's first and last page; *present* counts
 * the RAM in it; *managed* is what the allocator will get after reservations.
 *
 * Recorded zones.  /proc/zoneinfo gives those three numbers but not where holes and reserved
 * pages lie.  The rule used here, which gives the ranges seen in traces of x86-64 machines:
 *   - A hole of the zone that holds the first MiB lies directly below 1 MiB (firmware); any other
 *     hole lies at the zone's end (the device hole below 4 GiB).
 *   - Pages that are present but not managed are, first, those below 1 MiB (the kernel always
 *     reserves them), then the last ones of the zone: boot-time allocations come from the top,
 *     and memory that is added step by step comes online from the bottom.
 *
 * States.  None: one function from options to plan.
 *
 * Invariants.
 *	I1  Zones are disjoint and sorted within a node; every usable page is in exactly one.
 *	I2  Borders between zones are multiples of MAX_ORDER_NR_PAGES, so that no block of the
 *	    buddy system crosses one.
 *	I3  For every zone managed <= present <= spanned.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  -EINVAL and one sentence.
 *
 * See also.  arch/x86/mm/init.c, mm/mm_init.c; tests/unit/test_layout.c.
 */
#include "mm/page/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB(n)	((u64)(n) << 20)
#define GIB(n)	((u64)(n) << 30)

/* The last pfn of the PC's first MiB, which the kernel never gives to the allocator. */
#define FIRST_MIB_PFN	(MIB(1) >> PAGE_SHIFT)

const struct layout_class layout_classes[NR_LAYOUTS] = {
	[LAYOUT_X86_64] = {
		.name = "x86_64",
		.zone_end = { MIB(16), GIB(4), ~0ULL, ~0ULL },
		.mem_max = MM_MEM_MAX,
		.nr_columns = 5,
		.columns = {
			{ "DMA", ZONE_DMA, true }, { "DMA32", ZONE_DMA32, true },
			{ "Normal", ZONE_NORMAL, true }, { "Movable", ZONE_HIGHMEM, false },
			{ "Device", ZONE_HIGHMEM, false },
		},
	},
	[LAYOUT_X86_32] = {
		.name = "x86_32",
		.zone_end = { MIB(16), MIB(16), MIB(896), ~0ULL },
		.mem_max = GIB(64),
		.lowmem_end = MIB(896),
		.nr_columns = 4,
		.columns = {
			{ "DMA", ZONE_DMA, true }, { "Normal", ZONE_NORMAL, true },
			{ "HighMem", ZONE_HIGHMEM, true }, { "Movable", ZONE_HIGHMEM, false },
		},
	},
};

static int choose_kind(const struct mm_options *opt, struct layout *layout, struct mm_error *err)
{
	const char *name = opt->layout ? opt->layout : layout_classes[LAYOUT_X86_64].name;

	for (int i = 0; i < NR_LAYOUTS; i++)
		if (strcmp(name, layout_classes[i].name) == 0) {
			layout->kind = (enum layout_kind)i;
			return 0;
		}
	return mm_error(err, -EINVAL, "layout: \"%.40s\" is unknown; choose x86_64 or x86_32",
			name);
}

/* Reads a decimal number at *@s; 0 when there is none. */
static unsigned long parse_number(const char **s)
{
	unsigned long value = 0;

	*s += strspn(*s, " \t");
	for (; **s >= '0' && **s <= '9' && value < 1000; (*s)++)
		value = value * 10 + (unsigned long)(**s - '0');
	*s += strspn(*s, " \t");
	return value;
}

/* One row per node, rows separated by commas, numbers by blanks; as numactl --hardware prints. */
static int parse_distance(const char *text, struct layout *layout, struct mm_error *err)
{
	unsigned int nr = layout->nr_nodes;

	for (unsigned int i = 0; i < nr; i++) {
		for (unsigned int j = 0; j < nr; j++) {
			unsigned long d = parse_number(&text);

			if (d < LOCAL_DISTANCE || d > 254)
				return mm_error(err, -EINVAL,
						"distance: node %u to %u must be 10..254", i, j);
			if ((i == j) != (d == LOCAL_DISTANCE))
				return mm_error(err, -EINVAL,
						"distance: node %u to %u: 10 means local", i, j);
			layout->distance[i][j] = (u8)d;
		}
		if (*text == ',')
			text++;
		else if (*text || i + 1 < nr)
			return mm_error(err, -EINVAL,
					"distance: give %u rows of %u numbers, "
					"rows separated by commas",
					nr, nr);
	}
	if (*text)
		return mm_error(err, -EINVAL, "distance: more rows than the %u nodes", nr);
	return 0;
}

static int set_distance(const struct mm_options *opt, struct layout *layout, struct mm_error *err)
{
	for (unsigned int i = 0; i < MAX_NUMNODES; i++)
		for (unsigned int j = 0; j < MAX_NUMNODES; j++)
			layout->distance[i][j] = i == j ? LOCAL_DISTANCE : REMOTE_DISTANCE;
	return opt->distance ? parse_distance(opt->distance, layout, err) : 0;
}

static void reserve_pfns(struct layout *layout, const char *name, unsigned long start_pfn,
			 unsigned long end_pfn)
{
	BUG_ON(layout->nr_reserves == MAX_LAYOUT_RESERVES);
	if (start_pfn < end_pfn)
		layout->reserves[layout->nr_reserves++] =
			(struct layout_reserve) { name, start_pfn, end_pfn };
}

/* ---- zones from a map ---- */

/* The pfn behind the first @pages usable pages. */
static unsigned long pfn_after(const struct layout *layout, unsigned long pages)
{
	unsigned long start, end = 0;

	for (unsigned int i = 0; i < layout->e820.nr; i++) {
		if (!e820_usable_pfns(&layout->e820, i, &start, &end))
			continue;
		if (end - start >= pages)
			return start + pages;
		pages -= end - start;
	}
	return end;
}

/* Cuts the memory into equal contiguous shares; borders are multiples of the largest block. */
static int split_nodes(const struct mm_options *opt, struct layout *layout, struct mm_error *err)
{
	unsigned long total = e820_usable_pages(&layout->e820, 0, ~0UL), start = 0;
	unsigned int nr = opt->nr_nodes ? opt->nr_nodes : 1;

	if (nr > MAX_NUMNODES)
		return mm_error(err, -EINVAL, "nodes: %u is too many; give 1..%d", nr,
				MAX_NUMNODES);
	/* A few pages of slack: the firmware takes some of the first MiB. */
	if (total + FIRST_MIB_PFN < (MM_MEM_MIN >> PAGE_SHIFT))
		return mm_error(err, -EINVAL,
				"e820: only %lu kB are usable; give at least 16M", total * 4);
	if (nr > 1 && total + FIRST_MIB_PFN < nr * (MM_NODE_MIN >> PAGE_SHIFT))
		return mm_error(err, -EINVAL,
				"nodes: %u nodes need at least %lluM of memory; "
				"give more or fewer nodes",
				nr, nr * (MM_NODE_MIN >> 20));
	layout->nr_nodes = nr;
	for (unsigned int nid = 0; nid < nr; nid++) {
		struct layout_node *node = &layout->nodes[nid];
		unsigned long end = pfn_after(layout, total / nr * (nid + 1));

		end = nid + 1 == nr ? ~0UL : align_up(end, MAX_ORDER_NR_PAGES);
		node->start_pfn = ~0UL;
		for (unsigned int i = 0; i < layout->e820.nr; i++) {
			unsigned long s, e;

			if (!e820_usable_pfns(&layout->e820, i, &s, &e))
				continue;
			s = max(s, start);
			e = min(e, end);
			if (s >= e)
				continue;
			node->start_pfn = min(node->start_pfn, s);
			node->end_pfn = e;
			node->present += e - s;
		}
		if (!node->present)
			return mm_error(err, -EINVAL,
					"nodes: node %u of %u gets no memory; give fewer nodes",
					nid, nr);
		start = end;
	}
	return 0;
}

/* Node by node, the part of each zone's range that lies in the node. */
static void plan_zones(struct layout *layout)
{
	const struct layout_class *class = layout_class(layout);

	for (unsigned int nid = 0; nid < layout->nr_nodes; nid++) {
		const struct layout_node *node = &layout->nodes[nid];
		unsigned long start = 0;

		for (int type = 0; type < MAX_NR_ZONES; type++) {
			unsigned long end = (unsigned long)(class->zone_end[type] >> PAGE_SHIFT);
			unsigned long s = max(start, node->start_pfn), e = min(end, node->end_pfn);
			unsigned long present = s < e ?
				e820_usable_pages(&layout->e820, s, e) : 0;

			start = max(start, end);
			if (present)
				layout->zones[layout->nr_zones++] = (struct zone_spec) {
					.node = (int)nid, .type = (enum zone_type)type,
					.start_pfn = s, .spanned = e - s, .present = present,
				};
		}
	}
}

static int plan_from_map(const struct mm_options *opt, struct layout *layout, struct mm_error *err)
{
	const struct layout_class *class = layout_class(layout);
	int code;

	if (opt->e820)
		code = e820_parse(opt->e820, &layout->e820, err);
	else
		code = e820_preset(opt->mem_bytes, &layout->e820, err);
	if (!code)
		code = split_nodes(opt, layout, err);
	if (code)
		return code;
	layout->max_pfn = layout->nodes[layout->nr_nodes - 1].end_pfn;
	if (((u64)layout->max_pfn << PAGE_SHIFT) > class->mem_max + GIB(1))
		return mm_error(err, -EINVAL,
				"layout: %s addresses at most %lluG of memory; give less or x86_64",
				class->name, (unsigned long long)(class->mem_max >> 30));
	plan_zones(layout);
	reserve_pfns(layout, "Reserved", 0, FIRST_MIB_PFN);
	return 0;
}

/* ---- recorded zones ---- */

static int add_usable(struct layout *layout, unsigned long start_pfn, unsigned long end_pfn)
{
	struct e820_entry entry = {
		(u64)start_pfn << PAGE_SHIFT, (u64)end_pfn << PAGE_SHIFT, E820_USABLE
	};

	return start_pfn < end_pfn ? e820_add(&layout->e820, &entry) : 0;
}

/* Makes memory and reservations of one recorded zone, by the rule at the head of the file. */
static int place_zone(struct layout *layout, const struct zone_spec *z)
{
	unsigned long end = z->start_pfn + z->spanned, hole = z->spanned - z->present;
	unsigned long reserve = z->present - z->managed, low, mem_end = end;
	int code = 0;

	if (z->start_pfn < FIRST_MIB_PFN && end > FIRST_MIB_PFN) {
		low = FIRST_MIB_PFN - z->start_pfn;
		low -= min(low, hole);
		hole -= FIRST_MIB_PFN - z->start_pfn - low;
		code = add_usable(layout, z->start_pfn, z->start_pfn + low);
		reserve_pfns(layout, "Reserved", z->start_pfn, z->start_pfn + min(low, reserve));
		reserve -= min(low, reserve);
		mem_end = end - hole;
		if (!code)
			code = add_usable(layout, FIRST_MIB_PFN, mem_end);
	} else {
		mem_end = end - hole;
		code = add_usable(layout, z->start_pfn, mem_end);
	}
	reserve_pfns(layout, "Kernel", mem_end - reserve, mem_end);
	return code;
}

static int check_recorded(const struct zone_spec *z, unsigned int nr, struct mm_error *err)
{
	unsigned long end = z->start_pfn + z->spanned;

	if (z->node < 0 || z->node >= MAX_NUMNODES)
		return mm_error(err, -EINVAL, "zones: zone %u: node %d; at most %d nodes", nr,
				z->node, MAX_NUMNODES);
	if ((unsigned int)z->type >= MAX_NR_ZONES)
		return mm_error(err, -EINVAL, "zones: zone %u: type %d is unknown", nr,
				(int)z->type);
	if (!z->present || z->managed > z->present || z->present > z->spanned)
		return mm_error(err, -EINVAL,
				"zones: zone %u: need managed %lu <= present %lu <= spanned %lu, "
				"present > 0", nr, z->managed, z->present, z->spanned);
	if (end < z->start_pfn || end > (MM_MEM_MAX >> PAGE_SHIFT))
		return mm_error(err, -EINVAL, "zones: zone %u ends above 64T", nr);
	return 0;
}

static int zone_order(const void *a, const void *b)
{
	const struct zone_spec *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return (x->type > y->type) - (x->type < y->type);
}

/* I1 and I2 for zones that somebody else drew. */
static int check_disjoint(const struct layout *layout, struct mm_error *err)
{
	for (unsigned int i = 0; i < layout->nr_zones; i++)
		for (unsigned int j = 0; j < i; j++) {
			const struct zone_spec *a = &layout->zones[i], *b = &layout->zones[j];
			unsigned long mask = ~(MAX_ORDER_NR_PAGES - 1);

			if (a->node == b->node && a->type == b->type)
				return mm_error(err, -EINVAL,
						"zones: node %d has two zones of type %d", a->node,
						(int)a->type);
			if ((a->start_pfn & mask) < b->start_pfn + b->spanned &&
			    (b->start_pfn & mask) < a->start_pfn + a->spanned)
				return mm_error(err, -EINVAL,
						"zones: the zones at pfn %lu and %lu share a "
						"4 MiB block",
						a->start_pfn, b->start_pfn);
		}
	return 0;
}

static int plan_from_zones(const struct mm_options *opt, struct layout *layout,
			   struct mm_error *err)
{
	int code;

	if (opt->nr_zones > MAX_NR_ZONES_TOTAL)
		return mm_error(err, -EINVAL, "zones: %u zones; at most %d", opt->nr_zones,
				MAX_NR_ZONES_TOTAL);
	layout->replayed = true;
	layout->nr_zones = opt->nr_zones;
	memcpy(layout->zones, opt->zones, opt->nr_zones * sizeof(*opt->zones));
	qsort(layout->zones, layout->nr_zones, sizeof(layout->zones[0]), zone_order);
	for (unsigned int i = 0; i < layout->nr_zones; i++) {
		code = check_recorded(&layout->zones[i], i, err);
		if (code)
			return code;
	}
	code = check_disjoint(layout, err);
	for (unsigned int i = 0; i < layout->nr_zones && !code; i++) {
		const struct zone_spec *z = &layout->zones[i];
		struct layout_node *node = &layout->nodes[z->node];
		unsigned long end = z->start_pfn + z->spanned;

		if (!node->present)
			node->start_pfn = z->start_pfn;
		node->start_pfn = min(node->start_pfn, z->start_pfn);
		node->end_pfn = max(node->end_pfn, end);
		node->present += z->present;
		layout->nr_nodes = max(layout->nr_nodes, (unsigned int)z->node + 1);
		layout->max_pfn = max(layout->max_pfn, end);
		code = place_zone(layout, z);
		if (code)
			(void)mm_error(err, code, "zones: too many ranges");
	}
	for (unsigned int nid = 0; nid < layout->nr_nodes && !code; nid++)
		if (!layout->nodes[nid].present)
			code = mm_error(err, -EINVAL, "zones: node %u has no zone", nid);
	return code;
}

int layout_build(const struct mm_options *opt, struct layout *layout, struct mm_error *err)
{
	int code;

	memset(layout, 0, sizeof(*layout));
	code = choose_kind(opt, layout, err);
	if (code)
		return code;
	if (opt->high_fraction && opt->high_fraction < 8)
		return mm_error(err, -EINVAL,
				"high-fraction: %u is too small; give 0 (automatic) or at least 8",
				opt->high_fraction);
	if (opt->nr_zones)
		code = plan_from_zones(opt, layout, err);
	else
		code = plan_from_map(opt, layout, err);
	return code ? code : set_distance(opt, layout, err);
}

int layout_pfn_to_nid(const struct layout *layout, unsigned long pfn)
{
	for (unsigned int i = 0; i < layout->nr_zones; i++) {
		const struct zone_spec *z = &layout->zones[i];

		if (pfn >= z->start_pfn && pfn - z->start_pfn < z->spanned)
			return z->node;
	}
	return -1;
}
