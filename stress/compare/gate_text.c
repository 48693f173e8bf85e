/* SPDX-License-Identifier: MIT */
/* What a gate prints: text, Markdown, JUnit XML, GitHub annotations, JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stress/compare/gate.h"
#include "stress/report/text.h"

static const char *const outcomes[] = { "pass", "FAIL", "undecided" };

const char *gate_rule_text(const struct gate_result *r)
{
	return r->rule ? r->rule->text : "worse";
}

struct gate_text gate_result_text(const struct gate_result *r)
{
	static const char *const units[] = { "", " %", " pp" };
	const char *unit = units[r->rule ? r->rule->unit : GATE_RELATIVE];
	bool change = !r->rule || r->rule->change;
	struct gate_text t;
	int len;

	if (isnan(r->value)) {
		snprintf(t.s, sizeof(t.s), "not measured in every set, or the baseline is 0");
		return t;
	}
	len = snprintf(t.s, sizeof(t.s), change ? "%+.3g%s" : "%.4g%s", r->value, unit);
	if (r->exact)
		snprintf(t.s + len, sizeof(t.s) - (size_t)len, " (exact)");
	else if (!change)
		snprintf(t.s + len, sizeof(t.s) - (size_t)len, " (median)");
	else if (r->interval.known)
		snprintf(t.s + len, sizeof(t.s) - (size_t)len, " [%+.3g,%+.3g], p %.2g",
			 r->interval.low, r->interval.high, r->p);
	else
		snprintf(t.s + len, sizeof(t.s) - (size_t)len, ", p %.2g%s", r->p,
			 r->outcome == GATE_UNDECIDED ? ": too few runs to decide" : "");
	return t;
}

/* Without rules there are many results: only what failed is worth a line. */
static bool shown(const struct gate_result *r)
{
	return r->rule || r->outcome != GATE_PASS;
}

void gate_print(const struct gate *g, FILE *out)
{
	struct colours c = text_colours(out);

	for (u32 i = 0; i < g->nr_results; i++) {
		const struct gate_result *r = &g->results[i];

		if (!shown(r))
			continue;
		fprintf(out, "%s%-9s%s  %-24s  %s: %s\n", r->outcome ? c.red : "",
			outcomes[r->outcome], r->outcome ? c.off : "", gate_rule_text(r),
			r->metric, gate_result_text(r).s);
	}
	fprintf(out, "gate: %u of %u checks failed", g->nr_failed, g->nr_results);
	if (g->nr_undecided)
		fprintf(out, ", %u undecided: take 10 runs", g->nr_undecided);
	fputc('\n', out);
}

/* ---- Markdown ---- */

static void put_cell(const char *s, FILE *out)
{
	fputc(' ', out);
	for (; *s; s++)
		fprintf(out, *s == '|' ? "\\%c" : "%c", *s);
	fputs(" |", out);
}

void gate_print_markdown(const struct gate *g, FILE *out)
{
	fprintf(out, "**gate: %u of %u checks failed**\n\n| outcome | rule | metric | value |\n"
		"|---|---|---|---|\n", g->nr_failed, g->nr_results);
	for (u32 i = 0; i < g->nr_results; i++) {
		const struct gate_result *r = &g->results[i];

		if (!shown(r))
			continue;
		fputc('|', out);
		put_cell(outcomes[r->outcome], out);
		put_cell(gate_rule_text(r), out);
		put_cell(r->metric, out);
		put_cell(gate_result_text(r).s, out);
		fputc('\n', out);
	}
}

/* ---- JUnit ---- */

static void put_xml(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (*s == '&')
			fputs("&amp;", out);
		else if (*s == '<')
			fputs("&lt;", out);
		else if (*s == '>')
			fputs("&gt;", out);
		else if (*s == '"')
			fputs("&quot;", out);
		else
			/* XML 1.0 has no other control characters. */
			fputc((unsigned char)*s < 0x20 ? ' ' : *s, out);
	}
}

void gate_print_junit(const struct gate *g, FILE *out)
{
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"<testsuite name=\"kmemlab gate\" tests=\"%u\" failures=\"%u\" errors=\"%u\">\n",
		g->nr_results, g->nr_failed, g->nr_undecided);
	for (u32 i = 0; i < g->nr_results; i++) {
		const struct gate_result *r = &g->results[i];
		const char *element = r->outcome == GATE_FAIL ? "failure" : "error";

		fputs("<testcase classname=\"kmemlab.gate\" name=\"", out);
		put_xml(gate_rule_text(r), out);
		fputs(" ", out);
		put_xml(r->metric, out);
		if (r->outcome == GATE_PASS) {
			fputs("\"/>\n", out);
			continue;
		}
		fprintf(out, "\"><%s message=\"", element);
		put_xml(gate_result_text(r).s, out);
		fprintf(out, "\"/></testcase>\n");
	}
	fputs("</testsuite>\n</testsuites>\n", out);
}

/* ---- GitHub ---- */

/* A workflow command's message: '%' and line ends are escaped. */
static void put_command(const char *s, FILE *out)
{
	for (; *s; s++)
		if (*s == '%' || *s == '\n' || *s == '\r')
			fprintf(out, "%%%02X", (unsigned int)(unsigned char)*s);
		else
			fputc(*s, out);
}

void gate_print_github(const struct gate *g, FILE *out)
{
	for (u32 i = 0; i < g->nr_results; i++) {
		const struct gate_result *r = &g->results[i];

		if (r->outcome == GATE_PASS)
			continue;
		fprintf(out, "::%s title=kmemlab gate::",
			r->outcome == GATE_FAIL ? "error" : "warning");
		put_command(gate_rule_text(r), out);
		fputs(": ", out);
		put_command(r->metric, out);
		fputs(" ", out);
		put_command(gate_result_text(r).s, out);
		fputc('\n', out);
	}
}

/* ---- JSON ---- */

json_t *gate_json(const struct gate *g)
{
	static const char *const names[] = { "pass", "fail", "undecided" };
	json_t *list = json_array();

	for (u32 i = 0; i < g->nr_results; i++) {
		const struct gate_result *r = &g->results[i];
		json_t *obj = json_pack("{s:s,s:s,s:s,s:b,s:s}", "rule", gate_rule_text(r),
					"metric", r->metric, "outcome", names[r->outcome], "exact",
					(int)r->exact, "text", gate_result_text(r).s);

		json_object_set_new(obj, "value", isfinite(r->value) ? json_real(r->value) :
				    json_null());
		if (!r->exact)
			json_object_set_new(obj, "p", json_real(r->p));
		json_array_append_new(list, obj);
	}
	return json_pack("{s:s,s:s,s:i,s:i,s:o}", "schema", GATE_SCHEMA, "outcome",
			 g->nr_failed ? "fail" : g->nr_undecided ? "undecided" : "pass", "failed",
			 (int)g->nr_failed, "undecided", (int)g->nr_undecided, "checks", list);
}
