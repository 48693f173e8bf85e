/* SPDX-License-Identifier: MIT */
/*
 * replay_score.c - the match of two rows of transfers.
 *
 * What.  The longest common subsequence under three notions of "equal", by the textbook table of
 * which only one line is kept.  A gap counts operations between neighbours of one kind, so that a
 * shift costs the element at which it happens and not all that follow.
 *
 * Costs.  kernel elements x replay elements; long rows are cut into windows of SCORE_WINDOW
 * elements at equal shares of both, so the cost grows with the length and not with its square.
 * States, locking.  None.  Context.  Host thread.  Failure.  Panics when memory runs out.
 * See also.  docs/replay.md; tests/unit/test_replay_score.c.
 */
#include "stress/replay/replay_score.h"

#include <stdlib.h>
#include <string.h>

#define SCORE_WINDOW	4096u
/* An allocation's event comes after its refill's: an interrupt's operations fit in between. */
#define NEAR_OPS	2u
#define NEAR_PERCENT	5u

struct element {
	u32 pages, gap;
	u16 list;	/* zone and list */
};

struct element_row {
	struct element *v;
	u32 nr;
	u64 pages;
};

static void *new_array(u64 nr, size_t size)
{
	void *array = calloc(nr + 1, size);

	if (!array)
		panic("out of memory for a score of %llu elements", (unsigned long long)nr);
	return array;
}

static struct element_row make_row(const struct replay_transfer *t, u32 nr, unsigned int cpu,
				   bool drain)
{
	struct element_row row = { .v = new_array(nr, sizeof(*row.v)) };
	u32 last = 0;

	for (u32 i = 0; i < nr; i++) {
		if (t[i].cpu != cpu || t[i].drain != drain)
			continue;
		row.v[row.nr++] = (struct element) {
			.pages = t[i].pages, .gap = t[i].ordinal - last,
			.list = (u16)(t[i].zone * NR_PCP_LISTS + t[i].list),
		};
		row.pages += t[i].pages;
		last = t[i].ordinal;
	}
	return row;
}

static bool gaps_near(u32 a, u32 b)
{
	u64 larger = max(a, b), diff = larger - min(a, b);

	return diff <= NEAR_OPS || diff * 100 <= larger * NEAR_PERCENT;
}

static bool elements_match(const struct element *a, const struct element *b,
			   enum score_level level)
{
	if (a->list != b->list || a->pages != b->pages)
		return false;
	if (level == SCORE_EXACT)
		return a->gap == b->gap;
	return level == SCORE_SIZE || gaps_near(a->gap, b->gap);
}

/* Longest common subsequence of a[0..nr_a) and b[0..nr_b); @line has room for nr_b + 1. */
static u32 match_window(const struct element_row *a, const struct element_row *b,
			enum score_level level, u32 *line)
{
	memset(line, 0, (b->nr + 1ul) * sizeof(*line));
	for (u32 i = 0; i < a->nr; i++) {
		u32 diagonal = 0;

		for (u32 j = 0; j < b->nr; j++) {
			u32 up = line[j + 1];
			u32 here = elements_match(&a->v[i], &b->v[j], level) ? diagonal + 1 : 0;

			here = max(here, up);
			line[j + 1] = max(here, line[j]);
			diagonal = up;
		}
	}
	return line[b->nr];
}

static u32 match_rows(const struct element_row *a, const struct element_row *b,
		      enum score_level level)
{
	u32 parts = max(a->nr, b->nr) / SCORE_WINDOW + 1, matched = 0;
	u32 *line = new_array(b->nr, sizeof(*line));

	for (u32 p = 0; p < parts; p++) {
		u32 a0 = (u32)((u64)a->nr * p / parts), a1 = (u32)((u64)a->nr * (p + 1) / parts);
		u32 b0 = (u32)((u64)b->nr * p / parts), b1 = (u32)((u64)b->nr * (p + 1) / parts);
		struct element_row wa = { .v = a->v + a0, .nr = a1 - a0 };
		struct element_row wb = { .v = b->v + b0, .nr = b1 - b0 };

		matched += match_window(&wa, &wb, level, line);
	}
	free(line);
	return matched;
}

static void add_row(struct score_row *sum, const struct score_row *row)
{
	sum->kernel_pages += row->kernel_pages;
	sum->pages += row->pages;
	sum->kernel_nr += row->kernel_nr;
	sum->nr += row->nr;
	for (unsigned int level = 0; level < NR_SCORE_LEVELS; level++)
		sum->matched[level] += row->matched[level];
}

void replay_score(const struct replay_plan *plan, const struct replay_outcome *out,
		  struct replay_score *score)
{
	*score = (struct replay_score){ .nr_cpus = plan->nr_cpus };
	score->rows = new_array(plan->nr_cpus * 2, sizeof(*score->rows));
	for (unsigned int i = 0; i < plan->nr_cpus * 2; i++) {
		struct element_row kernel = make_row(plan->transfers, plan->nr_transfers, i / 2,
						     i % 2);
		struct element_row ours = make_row(out->transfers, out->nr_transfers, i / 2,
						   i % 2);
		struct score_row *row = &score->rows[i];

		row->kernel_pages = kernel.pages;
		row->kernel_nr = kernel.nr;
		row->pages = ours.pages;
		row->nr = ours.nr;
		for (unsigned int level = 0; level < NR_SCORE_LEVELS; level++)
			row->matched[level] = match_rows(&kernel, &ours, (enum score_level)level);
		add_row(i % 2 ? &score->drains : &score->refills, row);
		add_row(&score->all, row);
		free(kernel.v);
		free(ours.v);
	}
	score->same_matrix = memcmp(plan->counts.takes_by, out->takes_by,
				    sizeof(out->takes_by)) == 0;
}

void replay_score_free(struct replay_score *score)
{
	free(score->rows);
	*score = (struct replay_score){ 0 };
}

double score_f1(const struct score_row *row, enum score_level level)
{
	u32 both = row->kernel_nr + row->nr;

	return both ? 2.0 * row->matched[level] / both : 1.0;
}
