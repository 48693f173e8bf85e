/* SPDX-License-Identifier: MIT */
/*
 * A comparison for people: what is the same, what differs, which metrics changed, a verdict.
 *
 * Exact and sampled metrics have tables of their own: the one has numbers, the other medians with
 * intervals.  Lines have at most 100 columns.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stress/compare/compare.h"
#include "stress/report/text.h"

#define NAME_COLUMNS	33
#define WIDTH		100
#define WHY_COLUMNS	92
#define LOCKS_SHOWN	8
#define EXACT_SHOWN	16
#define SAMPLED_SHOWN	24

struct cell {
	char s[160];
};

/* "6.711", "208.0", "96 310". */
static struct cell number(double v)
{
	struct cell c;

	if (isnan(v))
		snprintf(c.s, sizeof(c.s), "-");
	else if (fabs(v) >= 9999.5)
		snprintf(c.s, sizeof(c.s), "%s%s", v < 0 ? "-" : "",
			 text_count((u64)llround(fabs(v))).s);
	else
		snprintf(c.s, sizeof(c.s), "%.4g", v);
	return c;
}

/* "59.0 ±6%": half the interval, the larger half, relative to the median. */
static struct cell median(double v, struct interval ci)
{
	double half = fmax(ci.high - v, v - ci.low);
	struct cell c;

	if (ci.known && v > 0)
		snprintf(c.s, sizeof(c.s), "%.40s ±%.0f%%", number(v).s,
			 fmin(999, 100 * half / v));
	else
		snprintf(c.s, sizeof(c.s), "%s", number(v).s);
	return c;
}

static struct text signed_number(double v)
{
	struct text t;

	/* Three digits, and no exponent before it is shorter than the digits. */
	snprintf(t.s, sizeof(t.s), fabs(v) >= 999.5 && fabs(v) < 9999999 ? "%+.0f" : "%+.3g", v);
	return t;
}

/* "-50.7 [-53.9,-47.2]", by the sign of each number. */
static struct cell shift_text(const struct shift *s)
{
	struct cell c;

	if (isnan(s->value))
		snprintf(c.s, sizeof(c.s), "-");
	else if (s->interval.known)
		snprintf(c.s, sizeof(c.s), "%s [%s,%s]", signed_number(s->value).s,
			 signed_number(s->interval.low).s, signed_number(s->interval.high).s);
	else
		snprintf(c.s, sizeof(c.s), "%s [too few]", signed_number(s->value).s);
	return c;
}

static struct cell relative(const struct compare_row *row)
{
	double effect = compare_effect(row);
	struct cell c;

	if (isnan(effect))
		snprintf(c.s, sizeof(c.s), "%s", row->b > row->a || row->b < row->a ? "from 0" :
			 "");
	else if (row->change && fabs(effect) < 0.0005)
		snprintf(c.s, sizeof(c.s), "%s", row->b < row->a ? "-<0.1 %" : "+<0.1 %");
	else
		snprintf(c.s, sizeof(c.s), "%+.*f %%", fabs(effect) < 9.995 ? 1 : 0, 100 * effect);
	return c;
}

/* Columns that @s takes on a terminal: UTF-8 continuation bytes take none. */
static int columns(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void put_right(const char *s, int width, FILE *out)
{
	fprintf(out, "%*s%s", max(width - columns(s), 1), "", s);
}

static void put_name(const char *name, const char *unit, FILE *out)
{
	char text[256];
	int len;

	snprintf(text, sizeof(text), "%.200s%s%s", name, *unit ? ", " : "", unit);
	len = (int)strlen(text);
	/* The end of a long name tells more than its beginning. */
	if (len > NAME_COLUMNS)
		fprintf(out, "  ..%s", text + len - NAME_COLUMNS + 2);
	else
		fprintf(out, "  %-*s", NAME_COLUMNS, text);
}

static const char *colour_of(enum change change, const struct colours *c)
{
	return change == CHANGE_WORSE ? c->red : change == CHANGE_NONE ? "" : c->bold;
}

static void put_change(const struct compare_row *row, const struct colours *c, FILE *out)
{
	const char *colour = colour_of(row->change, c);

	if (row->change)
		fprintf(out, "  %s%s%s", colour, change_name(row->change), *colour ? c->off : "");
	fputc('\n', out);
	if (row->change && row->why)
		fprintf(out, "      %.*s\n", WHY_COLUMNS, row->why);
}

/* Prints "@word: @text", broken at blanks before column WIDTH. */
static void put_wrapped(const char *word, const char *text, FILE *out)
{
	int at = fprintf(out, "%s:", word);

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (at + 1 + len > WIDTH)
			at = fprintf(out, "\n ") - 1;
		at += fprintf(out, " %.*s", len, text);
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

static void print_remarks(const struct comparison *c, FILE *out)
{
	static const char *const words[] = {
		[REMARK_SAME] = "same", [REMARK_DIFFERENCE] = "differs", [REMARK_NOTE] = "note",
		[REMARK_OBSTACLE] = "not comparable",
	};
	static const enum remark_kind order[] = {
		REMARK_OBSTACLE, REMARK_SAME, REMARK_DIFFERENCE, REMARK_NOTE,
	};

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (u32 i = 0; i < c->remarks.nr; i++)
			if (c->remarks.list[i].kind == order[k])
				put_wrapped(words[order[k]], c->remarks.list[i].text, out);
}

static u32 count_exact_changes(const struct comparison *c)
{
	u32 nr = 0;

	for (u32 i = 0; i < c->nr_rows; i++)
		nr += c->rows[i].exact && c->rows[i].change;
	return nr;
}

static void print_exact(const struct comparison *c, bool all, const struct colours *colours,
			FILE *out)
{
	u32 shown = 0, changes = count_exact_changes(c);
	const char *kop = c->table.per_kop ? " (per 1k op)" : "";

	if (!c->nr_exact)
		return;
	if (!changes && !all) {
		fprintf(out, "%sexact metrics%s%s: none of %u counters changed\n", colours->bold,
			kop, colours->off, c->nr_exact);
		return;
	}
	fprintf(out, "%sexact metrics%-*s%14.13s%14.13s%10s%s\n", colours->bold,
		NAME_COLUMNS - 11, kop, c->a->label, c->b->label, "", colours->off);
	for (u32 i = 0; i < c->nr_rows && (all || shown < EXACT_SHOWN); i++) {
		const struct compare_row *row = &c->rows[i];

		if (!row->exact || (!all && !row->change))
			continue;
		put_name(row->m->name, "", out);
		put_right(number(row->a).s, 14, out);
		put_right(number(row->b).s, 14, out);
		put_right(relative(row).s, 10, out);
		put_change(row, colours, out);
		shown++;
	}
	if (!all && changes > shown)
		fprintf(out, "  %u more changed (--all shows them), ", changes - shown);
	else if (!all)
		fputs("  ", out);
	if (!all)
		fprintf(out, "%u did not change\n", c->nr_exact - changes);
}

/* Rows that are shown though nothing changed: throughput, and what is waited for a lot. */
static bool is_shown(const struct comparison *c, const struct compare_row *row)
{
	if (row->change || strstr(row->m->name, "_per_second"))
		return true;
	return row->m->field == FIELD_WAIT &&
	       fmax(row->a, row->b) >= 1000 * c->opt.min_share;
}

static void print_sampled(const struct comparison *c, bool all, const struct colours *colours,
			  FILE *out)
{
	u32 shown = 0, hidden = 0;

	fprintf(out, "%ssampled metrics%-8smedian ±95%%: %9.9s%14.14s%24s%9s%s\n",
		colours->bold, "", c->a->label, c->b->label, "shift [95% CI]", "p(Holm)",
		colours->off);
	for (u32 i = 0; i < c->nr_rows; i++) {
		const struct compare_row *row = &c->rows[i];

		if (row->exact || !(all || is_shown(c, row)))
			continue;
		if (!all && shown == SAMPLED_SHOWN) {
			hidden++;
			continue;
		}
		shown++;
		put_name(row->m->name, row->m->counted ? "" : row->m->unit, out);
		put_right(median(row->a, row->ci_a).s, 10, out);
		put_right(median(row->b, row->ci_b).s, 14, out);
		put_right(shift_text(&row->shift).s, 24, out);
		if (row->untested == TESTED)
			fprintf(out, "%9.2g", row->p_holm);
		else
			fprintf(out, "%9s", "-");
		put_change(row, colours, out);
	}
	if (hidden)
		fprintf(out, "  %u more: --all shows them\n", hidden);
	fprintf(out, "  %u metrics tested%s, minimum effect %.3g %% and %.3g %% of CPU time%s\n",
		c->nr_tested, c->table.per_kop ? " (counters per 1k op)" : "",
		100 * c->opt.min_effect, 100 * c->opt.min_share,
		all ? "; -: too small" : "");
}

static void print_locks(const char *what, char *const *list, u32 nr, FILE *out)
{
	if (!nr)
		return;
	fprintf(out, "%s:", what);
	for (u32 i = 0; i < min(nr, (u32)LOCKS_SHOWN); i++)
		fprintf(out, "%s %.60s", i ? "," : "", list[i]);
	if (nr > LOCKS_SHOWN)
		fprintf(out, " and %u more", nr - LOCKS_SHOWN);
	fputc('\n', out);
}

void compare_print(const struct comparison *c, bool all, FILE *out)
{
	struct colours colours = text_colours(out);

	print_remarks(c, out);
	if (c->remarks.nr_obstacles)
		return;
	print_exact(c, all, &colours, out);
	print_sampled(c, all, &colours, out);
	print_locks("new locks", c->new_locks, c->nr_new, out);
	print_locks("vanished locks", c->gone_locks, c->nr_gone, out);
	fprintf(out, "%sverdict: %s%s\n", colours.bold, c->verdict, colours.off);
}

/* ---- Markdown ---- */

/* A table cell: a bar would end it. */
static void put_cell(const char *s, FILE *out)
{
	fputs(" ", out);
	for (; *s; s++)
		fprintf(out, *s == '|' ? "\\%c" : "%c", *s);
	fputs(" |", out);
}

void compare_print_markdown(const struct comparison *c, FILE *out)
{
	u32 shown = 0;
	char p[32];

	fprintf(out, "**%s**\n\n", c->remarks.nr_obstacles ? "not comparable" : c->verdict);
	for (u32 i = 0; i < c->remarks.nr; i++)
		fprintf(out, "- %s\n", c->remarks.list[i].text);
	fprintf(out, "\n| metric | kind | %s | %s | change | p (Holm) | |\n"
		"|---|---|---:|---:|---:|---:|---|\n", c->a->label, c->b->label);
	for (u32 i = 0; i < c->nr_rows; i++) {
		const struct compare_row *row = &c->rows[i];

		if (!row->change)
			continue;
		snprintf(p, sizeof(p), "%.2g", row->p_holm);
		fputc('|', out);
		put_cell(row->m->name, out);
		put_cell(row->exact ? "exact" : "sampled", out);
		put_cell(number(row->a).s, out);
		put_cell(number(row->b).s, out);
		put_cell(relative(row).s, out);
		put_cell(row->exact ? "" : p, out);
		put_cell(change_name(row->change), out);
		fputc('\n', out);
		shown++;
	}
	if (!shown)
		fputs("| nothing changed | | | | | | |\n", out);
}
