/* SPDX-License-Identifier: MIT */
/*
 * tune_linux.c - what to set on Linux, and what cannot be set.
 *
 * Page lists of Linux 6.18 have one knob on a running kernel (vm.percpu_pagelist_high_fraction) and
 * one at build time (CONFIG_PCP_BATCH_SCALE_MAX).  The grid holds every value of both, so what they
 * bring is measured and not guessed.  Sheaves have a capacity that a cache asks for when it is
 * made.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "stress/report/array.h"
#include "stress/tune/tune_report.h"

__printf(2, 3) static void say(struct tune_advice *a, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*array_add(a->lines, a->nr) = string_copy(text);
}

void tune_advice_free(struct tune_advice *a)
{
	for (u32 i = 0; i < a->nr; i++)
		free(a->lines[i]);
	free(a->lines);
	*a = (struct tune_advice){ .nr = 0 };
}

/* "acq -56.2 %, stranded mean x1.10, most x1.32 against linux-6.1". */
struct effect {
	char s[256];
};

static struct effect effect_of(const struct tune_result *r, u32 row)
{
	const struct tune_metrics *m = &r->rows[row].m, *ref = tune_reference(r);
	struct effect e;

	snprintf(e.s, sizeof(e.s), "acq %s, stranded mean %s, most %s, worst hold %s",
		 tune_change(m->v[TUNE_ACQ], ref->v[TUNE_ACQ]).s,
		 tune_factor(m->v[TUNE_MEAN], ref->v[TUNE_MEAN]).s,
		 tune_factor(m->v[TUNE_MAX], ref->v[TUNE_MAX]).s,
		 tune_factor(m->v[TUNE_HOLD], ref->v[TUNE_HOLD]).s);
	return e;
}

/* ---- page lists ---- */

/* Pages that a CPU's list of the zone may hold under a fraction. */
static u64 high_of(const struct tune_source *src, u32 fraction)
{
	u64 share = src->zone_managed / fraction / src->nr_cpus;

	return max(share, 4ull * src->zone_batch);
}

static void say_running(struct tune_advice *a, const struct tune_result *r, u32 row)
{
	const struct tune_source *src = &r->sources[0];
	u32 fraction;

	if (row == r->nr_rows) {
		say(a, "running kernel: no value of vm.percpu_pagelist_high_fraction is within the "
		    "limits of goal %s", tune_goal_name(r->opt->goal));
		return;
	}
	fraction = r->space->points[row].setting.v[TUNE_FRACTION];
	if (fraction == TUNE_UNSET || !fraction)
		say(a, "running kernel (6.7 and later): sysctl -w "
		    "vm.percpu_pagelist_high_fraction=0, the kernel's own tuning: %s",
		    effect_of(r, row).s);
	else if (src->zone_managed)
		say(a, "running kernel: sysctl -w vm.percpu_pagelist_high_fraction=%u (high %llu "
		    "pages per CPU in zone %s): %s", fraction,
		    (unsigned long long)high_of(src, fraction), src->zone_name,
		    effect_of(r, row).s);
	else
		say(a, "running kernel: sysctl -w vm.percpu_pagelist_high_fraction=%u: %s",
		    fraction, effect_of(r, row).s);
}

static void say_rebuilt(struct tune_advice *a, const struct tune_result *r, u32 row, u32 running)
{
	u32 fraction, scale;

	if (row == r->nr_rows || row == running)
		return;
	fraction = r->space->points[row].setting.v[TUNE_FRACTION];
	scale = r->space->points[row].setting.v[TUNE_SCALE];
	if (scale == TUNE_UNSET)
		return;
	say(a, "rebuilt kernel: CONFIG_PCP_BATCH_SCALE_MAX=%u and "
	    "vm.percpu_pagelist_high_fraction=%u: %s", scale, fraction, effect_of(r, row).s);
}

/* What the pick would need. */
static void say_pages_missing(struct tune_advice *a, const struct tune_result *r, u32 pick)
{
	const struct tune_source *src = &r->sources[0];
	const struct tune_setting *s = &r->space->points[pick].setting;
	const u32 *v = s->v;

	if (v[TUNE_BATCH] != TUNE_UNSET && v[TUNE_BATCH] != src->zone_batch)
		say(a, "cannot be set: batch %u; zone_batchsize() computes it from the zone's "
		    "size%s, and no sysctl, boot option or build option changes it",
		    v[TUNE_BATCH], src->zone_batch ? " (63 on all but small zones)" : "");
	if (v[TUNE_HIGH] != TUNE_UNSET && src->zone_managed) {
		u64 fraction = src->zone_managed / v[TUNE_HIGH] / src->nr_cpus;

		say(a, "high %u alone would be vm.percpu_pagelist_high_fraction=%llu on zone %s "
		    "(%llu pages, %u CPUs); every other zone gets its own share", v[TUNE_HIGH],
		    (unsigned long long)max(fraction, 8ull), src->zone_name,
		    (unsigned long long)src->zone_managed, src->nr_cpus);
	}
	if (v[TUNE_WINDOW] != TUNE_UNSET && v[TUNE_WINDOW] > 1)
		say(a, "cannot be set: a tuned window of one's own; Linux tunes between its own "
		    "high and 1/8 of the zone, or with a fraction not at all");
	if (v[TUNE_SCALE] != TUNE_UNSET && v[TUNE_SCALE] != 5)
		say(a, "scale %u is CONFIG_PCP_BATCH_SCALE_MAX, at build time only (default 5)",
		    v[TUNE_SCALE]);
	if (strcmp(s->policy, "fixed") == 0)
		say(a, "cannot be set: policy fixed, of which no Linux has a copy");
}

static void advise_pages(struct tune_advice *a, const struct tune_result *r)
{
	const struct tune_choice *c = &r->choice[r->opt->goal];

	say_running(a, r, c->linux_now);
	say_rebuilt(a, r, c->linux_row, c->linux_now);
	if (c->row < r->nr_rows)
		say_pages_missing(a, r, c->row);
}

/* ---- slab caches ---- */

static void advise_slab(struct tune_advice *a, const struct tune_result *r)
{
	const struct tune_choice *c = &r->choice[r->opt->goal];
	const u32 *v;

	say(a, "running kernel: nothing; a cache's capacity is fixed when it is made "
	    "(/sys/kernel/slab/CACHE/sheaf_capacity is read-only)");
	if (c->linux_row < r->nr_rows) {
		v = r->space->points[c->linux_row].setting.v;
		say(a, "rebuilt kernel (6.18 and later): kmem_cache_args.sheaf_capacity = %u where "
		    "the caches are created: %s",
		    v[TUNE_ROUNDS] == TUNE_UNSET ? 32u : v[TUNE_ROUNDS],
		    effect_of(r, c->linux_row).s);
	} else {
		say(a, "rebuilt kernel: no sheaf capacity is within the limits of goal %s",
		    tune_goal_name(r->opt->goal));
	}
	say(a, "cannot be set: barns keep at most 10 full and 10 empty sheaves, by a constant");
	if (c->row < r->nr_rows &&
	    strcmp(r->space->points[c->row].setting.policy, "sheaves") != 0)
		say(a, "cannot be set: %s; Linux has sheaves, no magazines, stash or depot",
		    r->space->points[c->row].setting.policy);
	say(a, "Linux before sheaves: /sys/kernel/slab/CACHE/cpu_partial holds the objects of "
	    "about two arrays");
}

void tune_advice_make(struct tune_advice *a, const struct tune_result *r)
{
	*a = (struct tune_advice){ .nr = 0 };
	if (r->space->kind == TUNE_PAGES)
		advise_pages(a, r);
	else
		advise_slab(a, r);
}
