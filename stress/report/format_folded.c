/* SPDX-License-Identifier: MIT */
/* Lock waits as folded stacks: one line per lock, waiter and holder, its weight in nanoseconds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stress/report/formats.h"
#include "stress/report/lock_summary.h"
#include "stress/report/lock_text.h"

/* A frame: blanks are allowed, a semicolon would begin another frame. */
static void put_frame(const char *s, const char *end, FILE *out)
{
	for (; *s; s++)
		fputc(*s == ';' || (unsigned char)*s < 0x20 ? '_' : *s, out);
	fputs(end, out);
}

int format_folded(const struct result_file *f, FILE *out)
{
	const struct lock_report *r = &f->locks;
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);

	for (u32 i = 0; i < nr; i++)
		for (u32 k = 0; k < list[i].nr_pairs; k++) {
			const struct lock_summary_pair *p = &list[i].pairs[k];

			put_frame(r->classes[list[i].class].name, ";", out);
			put_frame(lock_place(r, p->waiter).s, ";behind ", out);
			put_frame(lock_place(r, p->holder).s, "", out);
			fprintf(out, " %llu\n", (unsigned long long)p->wait.sum);
		}
	lock_summaries_free(list, nr);
	return fflush(out) == EOF || ferror(out) ? -EIO : 0;
}
