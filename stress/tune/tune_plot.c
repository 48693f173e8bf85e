/* SPDX-License-Identifier: MIT */
/*
 * tune_plot.c - the front as plain text: acquisitions over mean stranded memory.
 *
 * Both axes are logarithmic.  A later mark covers an earlier one, so the marks that matter are set
 * last.
 */
#include <math.h>
#include <string.h>

#include "stress/tune/tune_report.h"

#define COLS	78
#define LINES	16

struct plot {
	char cell[LINES][COLS + 1];
	double x_low, x_high, y_low, y_high;
};

static double x_of(const struct tune_metrics *m)
{
	/* Below a page there is nothing to tell apart. */
	return log10(fmax(m->v[TUNE_MEAN], 1024));
}

static double y_of(const struct tune_metrics *m)
{
	return log10(fmax(m->v[TUNE_ACQ], 0.001));
}

static void set_mark(struct plot *p, const struct tune_metrics *m, char mark)
{
	double x = p->x_high > p->x_low ? (x_of(m) - p->x_low) / (p->x_high - p->x_low) : 0;
	double y = p->y_high > p->y_low ? (y_of(m) - p->y_low) / (p->y_high - p->y_low) : 0;
	int col = (int)(x * (COLS - 1) + 0.5), line = (int)((1 - y) * (LINES - 1) + 0.5);

	p->cell[clamp(line, 0, LINES - 1)][clamp(col, 0, COLS - 1)] = mark;
}

static void find_ranges(struct plot *p, const struct tune_result *r)
{
	p->x_low = p->y_low = INFINITY;
	p->x_high = p->y_high = -INFINITY;
	for (u32 i = 0; i < r->nr_rows; i++) {
		if (!r->rows[i].measured || !(r->rows[i].m.v[TUNE_MEAN] > 0))
			continue;
		p->x_low = fmin(p->x_low, x_of(&r->rows[i].m));
		p->x_high = fmax(p->x_high, x_of(&r->rows[i].m));
		p->y_low = fmin(p->y_low, y_of(&r->rows[i].m));
		p->y_high = fmax(p->y_high, y_of(&r->rows[i].m));
	}
}

/* Letters of the baselines, in their order. */
static const char *baseline_marks(const struct tune_result *r)
{
	return r->space->kind == TUNE_PAGES ? "NFLA" : "NMLS7B";
}

static void set_marks(struct plot *p, const struct tune_result *r)
{
	const char *marks = baseline_marks(r);
	const u32 pick = r->choice[r->opt->goal].row;

	for (u32 i = 0; i < r->nr_rows; i++)
		if (r->rows[i].measured)
			set_mark(p, &r->rows[i].m, '.');
	for (u32 i = 0; i < r->nr_rows; i++)
		if (r->rows[i].front)
			set_mark(p, &r->rows[i].m, 'o');
	for (u32 i = 0; i < r->space->nr_baselines && marks[i]; i++)
		if (r->rows[i].measured)
			set_mark(p, &r->rows[i].m, marks[i]);
	if (r->knee < r->nr_rows)
		set_mark(p, &r->rows[r->knee].m, 'K');
	if (pick < r->nr_rows)
		set_mark(p, &r->rows[pick].m, 'P');
}

static void print_legend(const struct tune_result *r, FILE *out)
{
	const char *marks = baseline_marks(r);

	fprintf(out, "           o front  . dominated  K knee  P pick");
	for (u32 i = 0; i < r->space->nr_baselines && marks[i]; i++)
		fprintf(out, "%s%c %s", i ? ", " : "\n           ", marks[i],
			r->space->points[i].baseline);
	fputs("\n           what strands nothing is at the left edge\n", out);
}

void tune_plot(const struct tune_result *r, FILE *out)
{
	struct plot p;
	double middle;

	memset(p.cell, ' ', sizeof(p.cell));
	find_ranges(&p, r);
	if (!isfinite(p.x_low))
		return;
	set_marks(&p, r);
	for (int line = 0; line < LINES; line++) {
		double y = p.y_high - (p.y_high - p.y_low) * line / (LINES - 1);
		int end = COLS;

		while (end > 0 && p.cell[line][end - 1] == ' ')
			end--;
		p.cell[line][end] = '\0';
		if (line % 5 == 0)
			fprintf(out, "%9.3g |%s\n", pow(10, y), p.cell[line]);
		else
			fprintf(out, "%9s |%s\n", line == 1 ? "acq/1k" : "", p.cell[line]);
	}
	middle = pow(10, (p.x_low + p.x_high) / 2);
	fprintf(out, "%9s +", "");
	for (int i = 0; i < COLS; i++)
		fputc(i == COLS / 2 ? '+' : '-', out);
	fprintf(out, "\n%9s  %-30s%-24s%24s\n", "", tune_bytes(pow(10, p.x_low)).s,
		tune_bytes(middle).s, tune_bytes(pow(10, p.x_high)).s);
	fprintf(out, "%9s  stranded memory, mean over the operations, all CPUs\n", "");
	print_legend(r, out);
}
