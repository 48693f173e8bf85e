/* SPDX-License-Identifier: MIT */
/* What the simulated physical memory is booted with, and how a wrong wish is answered. */
#ifndef MM_PAGE_MM_OPTIONS_H
#define MM_PAGE_MM_OPTIONS_H

#include "mm/page/zone.h"

/* Bounds of the memory size: a DMA zone must fit, and the arena must fit the host's addresses. */
#define MM_MEM_MIN	(16ULL << 20)
#define MM_MEM_MAX	(64ULL << 40)
/* The least memory of one NUMA node. */
#define MM_NODE_MIN	(16ULL << 20)

/* One sentence for the user: which option, what is wrong, what to do. */
struct mm_error {
	char text[256];
};

/* Fills @err (may be NULL) and returns @code, so that a check is one line. */
__printf(3, 4) int mm_error(struct mm_error *err, int code, const char *fmt, ...);

/*
 * A zone with given borders, as read from a recorded /proc/zoneinfo.  All in pages.
 *
 * Where the spanned range has holes and which present pages are not managed, zoneinfo does not
 * say; layout.c explains the rule that reproduces x86 machines.
 */
struct zone_spec {
	int node;
	enum zone_type type;
	unsigned long start_pfn, spanned, present, managed;
	bool have_wmark;
	unsigned long wmark[NR_WMARK];	/* used when have_wmark; otherwise computed */
};

struct mm_options {
	u64 mem_bytes;			/* RAM; ignored with e820 or zones */
	unsigned int nr_nodes;		/* 1..MAX_NUMNODES; 0 = 1 */
	const char *layout;		/* "x86_64" (also NULL) or "x86_32" */
	const char *e820;		/* "0-640K usable, 1M-3G usable, ..."; NULL: the preset */
	const char *distance;		/* "10 20, 20 10": one row per node; NULL: 10 and 20 */
	const struct zone_spec *zones;	/* replay: these zones instead of the layout's */
	unsigned int nr_zones;
	unsigned long min_free_kbytes;	/* 0: the kernel's formula */
	bool thp_min_free;		/* raise min_free_kbytes as transparent huge pages do */
	bool no_memmap;			/* do not reserve frames for the page array */
	unsigned int high_fraction;	/* vm.percpu_pagelist_high_fraction; 0 or >= 8 */
	const char *pcp_policy;		/* NULL: the page lists' default */
};

#endif /* MM_PAGE_MM_OPTIONS_H */
