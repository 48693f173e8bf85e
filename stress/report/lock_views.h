/* SPDX-License-Identifier: MIT */
/* Lock contention added up by something else than the lock: waiter, holder, CPU, slice of time. */
#ifndef STRESS_REPORT_LOCK_VIEWS_H
#define STRESS_REPORT_LOCK_VIEWS_H

#include "stress/report/result_file.h"

enum lock_by { BY_LOCK, BY_WAITER, BY_HOLDER, BY_PAIR, BY_CPU, BY_CONTEXT, BY_INTERVAL,
	       NR_LOCK_BYS };

/* "lock", "waiter", ...; NULL behind the last. */
const char *lock_by_name(unsigned int by);

struct lock_view {
	enum lock_by by;		/* not BY_LOCK: lock_text_table() does that */
	const char *lock;		/* only this lock, or this class of locks; NULL: all */
	unsigned int top;		/* at most this many rows; 0: all */
};

/*
 * One line of a view.  Exact: acquired, contended, bounces, ops.  Timed: waits.  What a view does
 * not know is 0 and not printed.
 */
struct lock_view_row {
	char key[100];
	char holder[80];		/* BY_PAIR: behind whom; else "" */
	const char *lock;		/* of waiter, holder and pair; else NULL */
	u32 of[3];			/* what the key was made from */
	u64 acquired, contended, bounces, wait_ns, wait_max;
	/* Slices of time only. */
	u64 start_ns, end_ns, ops, free_pages, pcp_pages, hottest_ns;
	char hottest[80];		/* the lock that was waited for most; "" for none */
};

/* The rows of @view, most waiting first (slices: in time).  Returns their number; free() them. */
u32 lock_view_rows(const struct result_file *f, const struct lock_view *view,
		   struct lock_view_row **rows);

void lock_view_print(const struct result_file *f, const struct lock_view *view, FILE *out);

/* The same as JSON, an array of objects; new reference. */
json_t *lock_view_json(const struct result_file *f, const struct lock_view *view);

/* True when a lock or a class of locks has this name. */
bool lock_view_has_lock(const struct lock_report *r, const char *lock);

/* 0, or -EINVAL when a result has no timeline, or one that is damaged, with @err set. */
__must_check int lock_view_check(const struct result_file *f, const struct lock_view *view,
				 struct report_error *err);

#endif /* STRESS_REPORT_LOCK_VIEWS_H */
