/* SPDX-License-Identifier: MIT */
/* report_sample.h - a lock report small enough to compute by hand, for the report tests. */
#ifndef TESTS_UNIT_REPORT_SAMPLE_H
#define TESTS_UNIT_REPORT_SAMPLE_H

#include <stdlib.h>
#include <string.h>

#include "stress/report/array.h"
#include "stress/report/lock_report.h"

static inline void sample_class(struct lock_report *r, const char *name, const char *class)
{
	struct lock_report_class *c = array_add(r->classes, r->nr_classes);

	c->name = string_copy(name);
	c->class = string_copy(class);
}

static inline void sample_site(struct lock_report *r, const char *file, const char *func, u32 line)
{
	struct lock_report_site *s = array_add(r->sites, r->nr_sites);

	s->file = string_copy(file);
	s->func = string_copy(func);
	s->line = line;
}

/*
 * Two CPUs, one second.  zone->lock[Normal]: 1000 acquisitions, 100 contended (waits: 90 of 1000 ns
 * on CPU 0 and 10 of 100 000 ns on CPU 1), held 500 ns each: 10 sampled, 100 after a wait.
 * mmap_lock: 4 writers, 40 readers, of which 2 waited 5 us each.  idle: registered, never taken.
 */
static inline void sample_report(struct lock_report *r)
{
	*r = (struct lock_report){
		.elapsed_ns = NSEC_PER_SEC, .nr_cpus = 2, .mode = LOCKSTAT_DEFAULT,
		.hold_sample = 64, .cost_known = true,
		.cost = { .with_ns = 14.1, .without_ns = 10.0 / 3 },
	};
	sample_class(r, "idle", "idle");
	sample_class(r, "mmap_lock", "mmap_lock");
	sample_class(r, "zone->lock[Normal]", "zone->lock");
	sample_site(r, "mm/page/page_alloc.c", "refill", 412);
	sample_site(r, "mm/page/page_alloc.c", "drain", 498);
	sample_site(r, "mm/vma/fault.c", "fault", 33);
	sample_site(r, "mm/vma/mmap.c", "unmap", 7);

	*array_add(r->rows, r->nr_rows) = (struct lock_report_row){
		.class = 2, .site = 0, .cpu = 0, .queue_max = 1, .acquired = 600,
		.contended = 90, .bounces = 300, .contended_bounces = 80, .trylock_failed = 3,
		.spun = 90, .wait = { 90, 90000, 1000, 1000 }, .hold = { 6, 3000, 500, 500 },
		.hold_contended = { 90, 45000, 500, 500 },
	};
	*array_add(r->rows, r->nr_rows) = (struct lock_report_row){
		.class = 2, .site = 1, .cpu = 1, .queue_max = 2, .acquired = 400,
		.contended = 10, .bounces = 300, .contended_bounces = 10, .slept = 10,
		.wait = { 10, 1000000, 100000, 100000 }, .hold = { 4, 2000, 500, 500 },
		.hold_contended = { 10, 5000, 500, 500 },
	};
	*array_add(r->rows, r->nr_rows) = (struct lock_report_row){
		.class = 1, .site = 3, .cpu = 0, .acquired = 4, .bounces = 1,
		.hold = { 1, 20006, 20006, 20006 },
	};
	*array_add(r->rows, r->nr_rows) = (struct lock_report_row){
		.class = 1, .site = 2, .cpu = 1, .read = true, .acquired = 40, .contended = 2,
		.slept = 2, .queue_max = 1, .wait = { 2, 10000, 4994, 5006 },
	};
	*array_add(r->pairs, r->nr_pairs) = (struct lock_report_pair){
		.class = 2, .waiter = 0, .holder = 1, .cpu = 0, .ctx = 0, .contended = 90,
		.wait = { 90, 90000, 1000, 1000 },
	};
	*array_add(r->pairs, r->nr_pairs) = (struct lock_report_pair){
		.class = 2, .waiter = 1, .holder = 0, .cpu = 1, .ctx = 2, .contended = 10,
		.wait = { 10, 1000000, 100000, 100000 },
	};
	*array_add(r->pairs, r->nr_pairs) = (struct lock_report_pair){
		.class = 1, .waiter = 2, .holder = 3, .cpu = 1, .ctx = 0, .contended = 2,
		.wait = { 2, 10000, 4994, 5006 },
	};
	array_add(r->hists, r->nr_hists)->class = 2;
	r->hists[0].hist.wait[lockstat_bucket(1000)] = 90;
	r->hists[0].hist.hold[lockstat_bucket(500)] = 6;
	r->hists[0].hist.hold_contended[lockstat_bucket(500)] = 90;
	array_add(r->hists, r->nr_hists)->class = 2;
	r->hists[1].cpu = 1;
	r->hists[1].hist.wait[lockstat_bucket(100000)] = 10;
	r->hists[1].hist.hold[lockstat_bucket(500)] = 4;
	r->hists[1].hist.hold_contended[lockstat_bucket(500)] = 10;
	array_add(r->hists, r->nr_hists)->class = 1;
	r->hists[2].cpu = 1;
	r->hists[2].hist.wait[lockstat_bucket(5000)] = 2;
	r->hists[2].hist.hold[lockstat_bucket(20006)] = 1;
}

#endif /* TESTS_UNIT_REPORT_SAMPLE_H */
