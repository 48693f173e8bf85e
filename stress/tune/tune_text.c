/* SPDX-License-Identifier: MIT */
/* tune_text.c - the report of a tuning as text of at most 100 columns. */
#include <stdlib.h>
#include <string.h>

#include "stress/report/array.h"
#include "stress/tune/tune_report.h"

/* Rows of the front that are printed; JSON and HTML have all. */
#define FRONT_ROWS	14u
#define WRAP		98
#define NAME_COLUMNS	46u

/* ---- numbers ---- */

struct text tune_bytes(double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	unsigned int u = 0;
	struct text t;

	while (bytes >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		u++;
	}
	snprintf(t.s, sizeof(t.s), u && bytes < 10 ? "%.2f %s" : bytes < 100 && u ? "%.1f %s" :
		 "%.0f %s", bytes, units[u]);
	return t;
}

struct text tune_change(double value, double reference)
{
	struct text t = { "-" };

	double change = reference > 0 ? 100 * (value - reference) / reference : 0;

	if (reference > 0)
		snprintf(t.s, sizeof(t.s), change < 1000 ? "%+.1f %%" : "%+.0f %%", change);
	return t;
}

struct text tune_factor(double value, double reference)
{
	struct text t = { "-" };

	if (reference > 0)
		snprintf(t.s, sizeof(t.s), "x%.2f", value / reference);
	return t;
}

/* Prints @text behind @label, wrapped at blanks, with the following lines indented. */
static void put_wrapped(const char *label, const char *text, FILE *out)
{
	int indent = 10, at = fprintf(out, "%-9s", label);

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > indent && at + 1 + (int)word > WRAP) {
			fprintf(out, "\n%*s", indent - 1, "");
			at = indent - 1;
		}
		at += fprintf(out, " %.*s", (int)word, text);
		text += word + strspn(text + word, " ");
	}
	fputc('\n', out);
}

/* ---- parts ---- */

static void print_window(const struct tune_result *r, FILE *out)
{
	const struct tune_source *src = &r->sources[0];
	u64 from = src->ops * r->train.from / TUNE_PARTS, to = src->ops * r->train.to / TUNE_PARTS;

	if (r->nr_sources == 1)
		fprintf(out, "train     operations %s to %s; held out: %s to %s",
			text_count(from + 1).s, text_count(to).s, text_count(to + 1).s,
			text_count(src->ops).s);
	else if (!src->exact_hold)
		fprintf(out, "train     %u runs of what survives, seeds from %llu on; held out: "
			"seeds from %llu on", r->opt->runs, (unsigned long long)src->seed,
			(unsigned long long)r->sources[1].seed);
	else
		fprintf(out, "train     operations %s to %s; held out: %s", text_count(from + 1).s,
			text_count(to).s, r->sources[1].name);
	fputs(from ? "; what comes before warms up\n" : "\n", out);
}

static void print_head(const struct tune_result *r, FILE *out)
{
	const struct tune_source *src = &r->sources[0];

	fprintf(out, "tune      %s, %s", src->name, src->what);
	if (src->ops)
		fprintf(out, ", %s operations, %u CPU%s", text_count(src->ops).s, src->nr_cpus,
			src->nr_cpus == 1 ? "" : "s");
	fputc('\n', out);
	print_window(r, out);
	fprintf(out, "build     kmemlab %s, %s, seed %llu\n", KMEMLAB_VERSION, KMEMLAB_BUILD,
		(unsigned long long)src->seed);
	fprintf(out, "counts    %s; worst hold: %s\n", src->exact ? "exact" : "sampled, medians",
		src->exact_hold ? "exact, the most that one hold of the lock moved" :
		"sampled, ns");
}

static void print_grid(const struct tune_result *r, FILE *out)
{
	if (r->rungs == 1) {
		fprintf(out, "grid      %s settings, all at full length; %u on the Pareto front\n",
			text_count(r->rung_points[0]).s, r->nr_front);
		return;
	}
	fprintf(out, "halving   ");
	for (u32 i = 0; i < r->rungs; i++)
		fprintf(out, "%s%s at 1/%u", i ? ", " : "", text_count(r->rung_points[i]).s,
			1u << (r->rungs - 1 - i));
	fprintf(out, "; %u on the Pareto front\n", r->nr_front);
}

static void print_columns(const struct tune_result *r, const char *title, FILE *out)
{
	char hold[24];

	snprintf(hold, sizeof(hold), "hold/%s", r->sources[0].hold_unit);
	fprintf(out, "%-48s%9s %9s %9s %9s %12s\n", title, "acq/1k", "against", "stranded",
		"most", hold);
}

static void print_row(const struct tune_result *r, const char *name, u32 row, FILE *out)
{
	const struct tune_metrics *m = &r->rows[row].m;

	/* A long name gets a line of its own. */
	if (strlen(name) > NAME_COLUMNS) {
		fprintf(out, "  %s\n", name);
		name = "";
	}
	fprintf(out, "  %-46s%9.3f %9s %9s %9s %12.0f\n", name, m->v[TUNE_ACQ],
		tune_change(m->v[TUNE_ACQ], tune_reference(r)->v[TUNE_ACQ]).s,
		tune_bytes(m->v[TUNE_MEAN]).s, tune_bytes(m->v[TUNE_MAX]).s, m->v[TUNE_HOLD]);
}

static void print_baselines(const struct tune_result *r, FILE *out)
{
	print_columns(r, "baselines", out);
	for (u32 i = 0; i < r->space->nr_baselines; i++)
		if (r->rows[i].measured)
			print_row(r, r->space->points[i].baseline, i, out);
	fprintf(out, "  'against' is the change against %s; stranded is the mean over the "
		"operations\n", r->space->points[r->space->reference].baseline);
	if (r->space->kind == TUNE_SLAB)
		put_wrapped("", "Linux 6.1 has no sheaves; its equivalent here are arrays of 60, "
			    "28, 12, 4 objects by size, two per CPU, with nothing shared behind "
			    "them", out);
	else
		put_wrapped("", "Bonwick's resizing is of slab caches; page lists have none", out);
}

struct by_acq {
	double acq;
	u32 row;
};

static int by_acq(const void *a, const void *b)
{
	const struct by_acq *x = a, *y = b;

	if (x->acq < y->acq || x->acq > y->acq)
		return x->acq < y->acq ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Sizes that make no difference give rows of equal values; the first stands for all. */
static bool is_repeated(const struct tune_result *r, const struct by_acq *list, u32 nr, u32 row)
{
	for (u32 i = 0; i < nr; i++)
		if (memcmp(r->rows[list[i].row].m.v, r->rows[row].m.v,
			   sizeof(r->rows[row].m.v)) == 0)
			return true;
	return false;
}

/* The front from few to many acquisitions; a long one thinned out evenly. */
static void print_front(const struct tune_result *r, FILE *out)
{
	struct by_acq *list = NULL;
	u32 nr = 0, shown;

	for (u32 i = 0; i < r->nr_rows; i++)
		if (r->rows[i].front && !is_repeated(r, list, nr, i))
			*array_add(list, nr) = (struct by_acq){ r->rows[i].m.v[TUNE_ACQ], i };
	if (!nr)
		return;
	qsort(list, nr, sizeof(*list), by_acq);
	shown = min(nr, FRONT_ROWS);
	print_columns(r, "front", out);
	for (u32 i = 0; i < shown; i++) {
		u32 row = list[shown > 1 ? (u64)i * (nr - 1) / (shown - 1) : 0].row;

		print_row(r, r->space->points[row].key, row, out);
	}
	if (shown < nr)
		fprintf(out, "  %u of %u with different values, evenly spread; --json and --html "
			"have all\n", shown, nr);
	free(list);
}

static void print_goals(const struct tune_result *r, FILE *out)
{
	char text[TUNE_KEY_MAX + 16];

	print_columns(r, "goals", out);
	for (unsigned int g = 0; g < NR_TUNE_GOALS; g++) {
		u32 row = r->choice[g].row;

		if (row == r->nr_rows) {
			fprintf(out, "  %s: no setting of the front is within the limits\n",
				tune_goal_name((enum tune_goal)g));
			continue;
		}
		snprintf(text, sizeof(text), "%s: %s", tune_goal_name((enum tune_goal)g),
			 r->space->points[row].key);
		print_row(r, text, row, out);
	}
	if (r->knee < r->nr_rows) {
		snprintf(text, sizeof(text), "knee: %s", r->space->points[r->knee].key);
		print_row(r, text, r->knee, out);
	}
	if (r->opt->max_stranded > 0)
		fprintf(out, "  limit: at most %s stranded at any time\n",
			tune_bytes(r->opt->max_stranded).s);
	else
		fprintf(out, "  limit: at most twice the stranded memory of %s, mean and most\n",
			r->space->points[r->space->reference].baseline);
}

static void print_claim(const struct tune_result *r, FILE *out)
{
	const char *ref = r->space->points[r->space->reference].baseline;
	const double acq = tune_reference(r)->v[TUNE_ACQ];
	char text[400];

	if (r->claim.nr)
		snprintf(text, sizeof(text), "%u settings of the front cut acquisitions by at "
			 "least 50 %% against %s at no more than twice its stranded memory; the "
			 "best by %s: %s", r->claim.nr, ref,
			 tune_change(r->rows[r->claim.best].m.v[TUNE_ACQ], acq).s,
			 r->space->points[r->claim.best].key);
	else if (r->claim.nearest < r->nr_rows)
		snprintf(text, sizeof(text), "no setting of the grid cuts acquisitions by 50 %% "
			 "against %s at no more than twice its stranded memory; the nearest: %s "
			 "with %s", ref,
			 r->space->points[r->claim.nearest].key,
			 tune_change(r->rows[r->claim.nearest].m.v[TUNE_ACQ], acq).s);
	else
		snprintf(text, sizeof(text), "no setting of the front has at most twice the "
			 "stranded memory of %s", ref);
	put_wrapped("half", text, out);
	if (r->held_claim.nr)
		snprintf(text, sizeof(text), "on the held-out input %u of the confirmed ones do, "
			 "the best by %s: %s", r->held_claim.nr,
			 tune_change(r->held_rows[r->held_claim.best].m.v[TUNE_ACQ],
				     r->held_rows[r->space->reference].m.v[TUNE_ACQ]).s,
			 r->space->points[r->held_claim.best].key);
	else
		snprintf(text, sizeof(text), "on the held-out input none of the confirmed ones "
			 "does");
	put_wrapped("", text, out);
}

/* ---- the pick ---- */

static void print_pick(const struct tune_result *r, u32 row, FILE *out)
{
	const struct tune_metrics *m = &r->rows[row].m, *ref = tune_reference(r);
	char text[400];

	snprintf(text, sizeof(text), "%s (goal %s: %s)", r->space->points[row].key,
		 tune_goal_name(r->opt->goal), tune_goal_text(r->opt->goal));
	put_wrapped("pick", text, out);
	snprintf(text, sizeof(text), "acq %s, stranded mean %s, most %s, worst hold %s against %s",
		 tune_change(m->v[TUNE_ACQ], ref->v[TUNE_ACQ]).s,
		 tune_factor(m->v[TUNE_MEAN], ref->v[TUNE_MEAN]).s,
		 tune_factor(m->v[TUNE_MAX], ref->v[TUNE_MAX]).s,
		 tune_factor(m->v[TUNE_HOLD], ref->v[TUNE_HOLD]).s,
		 r->space->points[r->space->reference].baseline);
	put_wrapped("", text, out);
	if (r->acq_interval && r->acq_interval[row].known)
		fprintf(out, "          acq/1k sampled: median %.3f, 95 %% interval %.3f to %.3f, "
			"%u runs\n", m->v[TUNE_ACQ], r->acq_interval[row].low,
			r->acq_interval[row].high, r->opt->runs);
}

/* What tuning on one input is worth on another. */
static void print_held_out(const struct tune_result *r, u32 row, FILE *out)
{
	const struct tune_row *held = &r->held_rows[row];
	const struct tune_metrics *ref = &r->held_rows[r->space->reference].m;
	double here, there, gap;
	const char *lost;
	char text[400];

	if (!held->measured)
		return;
	here = 100 * (1 - r->rows[row].m.v[TUNE_ACQ] / tune_reference(r)->v[TUNE_ACQ]);
	there = 100 * (1 - held->m.v[TUNE_ACQ] / ref->v[TUNE_ACQ]);
	snprintf(text, sizeof(text), "acq %s, stranded mean %s, most %s, worst hold %s; %s",
		 tune_change(held->m.v[TUNE_ACQ], ref->v[TUNE_ACQ]).s,
		 tune_factor(held->m.v[TUNE_MEAN], ref->v[TUNE_MEAN]).s,
		 tune_factor(held->m.v[TUNE_MAX], ref->v[TUNE_MAX]).s,
		 tune_factor(held->m.v[TUNE_HOLD], ref->v[TUNE_HOLD]).s,
		 held->front ? "on the front there too" : "not on the front there");
	put_wrapped("held out", text, out);
	lost = here > there ? "loses" : "gains";
	gap = here > there ? here - there : there - here;
	if (r->held_best == r->nr_rows || r->held_best == row)
		snprintf(text, sizeof(text), "the cut %s %.1f points; %s", lost, gap,
			 r->held_best == row ? "tuning there would pick the same" :
			 "nothing that was confirmed is within the limits there");
	else
		snprintf(text, sizeof(text), "the cut %s %.1f points; tuning there would pick %s "
			 "with acq %s", lost, gap, r->space->points[r->held_best].key,
			 tune_change(r->held_rows[r->held_best].m.v[TUNE_ACQ],
				     ref->v[TUNE_ACQ]).s);
	put_wrapped("over-fit", text, out);
}

static void print_steps(const struct tune_result *r, u32 pick, FILE *out)
{
	const struct tune_metrics *m = &r->rows[pick].m;
	char name[80];
	double worst = 0;

	if (!r->nr_steps)
		return;
	fprintf(out, "%-48s%9s %9s %9s %9s %12s\n", "one step aside", "acq/1k", "acq", "stranded",
		"most", "hold");
	for (u32 i = 0; i < r->nr_steps; i++) {
		const struct tune_step *s = &r->steps[i];
		const struct tune_metrics *n;

		if (s->row == r->nr_rows || !r->rows[s->row].measured)
			continue;
		n = &r->rows[s->row].m;
		snprintf(name, sizeof(name), "%s %u -> %u %s", tune_field_name(s->field),
			 r->space->points[pick].setting.v[s->field],
			 r->space->points[s->row].setting.v[s->field], tune_field_unit(s->field));
		fprintf(out, "  %-46s%9.3f %9s %9s %9s %12s\n", name, n->v[TUNE_ACQ],
			tune_change(n->v[TUNE_ACQ], m->v[TUNE_ACQ]).s,
			tune_change(n->v[TUNE_MEAN], m->v[TUNE_MEAN]).s,
			tune_change(n->v[TUNE_MAX], m->v[TUNE_MAX]).s,
			tune_change(n->v[TUNE_HOLD], m->v[TUNE_HOLD]).s);
		if (m->v[TUNE_ACQ] > 0) {
			double change = n->v[TUNE_ACQ] / m->v[TUNE_ACQ] - 1;

			worst = max(worst, change < 0 ? -change : change);
		}
	}
	fprintf(out, "  one step either way changes acq by at most %.0f %%\n", 100 * worst);
}

static void print_linux(const struct tune_result *r, FILE *out)
{
	struct tune_advice a;

	tune_advice_make(&a, r);
	for (u32 i = 0; i < a.nr; i++)
		put_wrapped(i ? "" : "linux", a.lines[i], out);
	tune_advice_free(&a);
}

void tune_print(const struct tune_result *r, FILE *out)
{
	const u32 pick = r->choice[r->opt->goal].row;

	print_head(r, out);
	print_grid(r, out);
	print_baselines(r, out);
	print_front(r, out);
	tune_plot(r, out);
	print_goals(r, out);
	print_claim(r, out);
	if (pick < r->nr_rows) {
		print_pick(r, pick, out);
		print_held_out(r, pick, out);
		print_steps(r, pick, out);
	}
	print_linux(r, out);
}

void tune_print_shard(const struct tune_result *r, const char *state, FILE *out)
{
	print_head(r, out);
	fprintf(out, "shard     %u of %u: %u of %u settings are in %s\n", r->opt->shard,
		r->opt->nr_shards, r->nr_measured, r->nr_rows, state);
	put_wrapped("next", "when all shards are done, run the same command without --shard and "
		    "with --merge FILE for each state file", out);
}
