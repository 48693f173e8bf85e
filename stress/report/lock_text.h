/* SPDX-License-Identifier: MIT */
/* Lock reports for people: the table of locks, and the page of one lock. */
#ifndef STRESS_REPORT_LOCK_TEXT_H
#define STRESS_REPORT_LOCK_TEXT_H

#include "stress/report/lock_summary.h"

struct lock_text_options {
	enum lock_sort sort;
	unsigned int top;		/* at most this many locks; 0: all */
	unsigned int width;		/* columns; 0: 100 */
	bool colour;			/* as text_colours() decides; false: never */
};

/*
 * Two lines that every lock report begins with: what the recorder cost, what was sampled and how
 * finely, and how many records were lost.
 */
void lock_text_recorder(const struct lock_report *r, FILE *out);

/* The table, ordered and cut as @opt says, with the pair that costs most under each lock. */
void lock_text_table(const struct lock_report *r, const struct lock_text_options *opt, FILE *out);

/*
 * True when @name has a page: a used lock ("zone->lock[Normal]"), or a class of which one instance
 * was used.
 */
bool lock_text_has_page(const struct lock_report *r, const char *name);

/* The page of the lock @name; prints nothing when it has none. */
void lock_text_page(const struct lock_report *r, const char *name,
		    const struct lock_text_options *opt, FILE *out);

/* The name of a used lock that is nearest to @name by spelling, NULL when none is near. */
const char *lock_text_nearest(const struct lock_report *r, const char *name);

/* "rmqueue_bulk page_alloc.c:412"; the folder is left out. */
struct lock_place {
	char s[80];
};
struct lock_place lock_place(const struct lock_report *r, u32 site);

/* The same for a holder, as short as its waiter allows: "drain :498", or "same". */
struct lock_place lock_place_after(const struct lock_report *r, u32 holder, u32 waiter);

#endif /* STRESS_REPORT_LOCK_TEXT_H */
