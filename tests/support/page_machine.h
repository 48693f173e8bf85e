/* SPDX-License-Identifier: MIT */
/*
 * A machine with memory whose CPUs are all played by the test thread, one at a time: what a test
 * does on "CPU 1" happens exactly where the test says so.
 */
#ifndef TESTS_SUPPORT_PAGE_MACHINE_H
#define TESTS_SUPPORT_PAGE_MACHINE_H

#include "mm/page/boot.h"
#include "mm/page/page_alloc.h"
#include "mm/page/page_check.h"
#include "mm/page/pcp.h"

/* Boots @nr_cpus CPUs and memory as in @opt, and becomes CPU 0.  Fails the test if it cannot. */
void page_machine_boot(unsigned int nr_cpus, const struct mm_options *opt);

/* A machine of 2 CPUs and 64 MiB: zones DMA and DMA32.  For cmocka's setup. */
int page_machine_setup(void **state);

/* Everything must have been freed; checks the whole machine and shuts it down. */
int page_machine_teardown(void **state);

/* The test thread goes on as CPU @cpu. */
void become_cpu(unsigned int cpu);

/* The validator of everything; @allocated pages are known to be allocated (-1: any number). */
void assert_pages_valid(long allocated);

/* Runs fn(arg) in a child that must die of a panic whose text contains @text. */
void assert_panics(void (*fn)(void *arg), void *arg, const char *text);

/* The zone of this type on node 0. */
struct zone *zone_of(enum zone_type type);

/* This CPU's list of @zone. */
struct pagelist *list_of(struct zone *zone, unsigned int cpu);

/*
 * Blocks that a test holds; page_machine_setup() forgets them.  hold() fails the test on NULL;
 * exhaust() takes single pages until @gfp gets no more and returns how many.
 */
#define MAX_HELD	20000
extern struct page *held[MAX_HELD];
extern unsigned int nr_held;
void hold(struct page *page);
unsigned int exhaust(gfp_t gfp);
void free_held(void);

#endif /* TESTS_SUPPORT_PAGE_MACHINE_H */
