/* SPDX-License-Identifier: MIT */
/* A small grid, and a source that computes its metrics instead of measuring them. */
#ifndef TESTS_UNIT_TUNE_SAMPLE_H
#define TESTS_UNIT_TUNE_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/tune/tune_report.h"

/* A setting that the fake source refuses, and one at which its worker dies; 0: none. */
static u32 refused_high, deadly_high;

/* Half the batch doubles the acquisitions; high strands memory; the window shifts both a little. */
static int sample_measure(const struct tune_source *src, const struct tune_setting *s,
			  const struct tune_window *w, struct tune_metrics *m,
			  struct tune_error *err)
{
	u32 batch = s->v[TUNE_BATCH] == TUNE_UNSET ? 63 : s->v[TUNE_BATCH];
	u32 high = s->v[TUNE_HIGH] == TUNE_UNSET ? 256 : s->v[TUNE_HIGH];
	double tilt = 1 + (double)(w->from + w->run + 10 * w->input) / 4096;

	(void)src;
	if (strcmp(s->policy, "none") == 0)
		batch = high = 1;
	if (refused_high && s->v[TUNE_HIGH] == refused_high) {
		snprintf(err->text, sizeof(err->text), "high is refused");
		return -EINVAL;
	}
	if (deadly_high && s->v[TUNE_HIGH] == deadly_high)
		_exit(3);
	*m = (struct tune_metrics){ .ops = (u64)(w->to - w->from) * 100 };
	m->acq = m->ops / batch + m->ops / (high + 1);
	m->zone = m->acq;
	m->v[TUNE_ACQ] = 1000.0 * (double)m->acq / (double)m->ops * tilt;
	m->v[TUNE_MEAN] = 4096.0 * (high + batch / 2.0);
	m->v[TUNE_MAX] = 4096.0 * (high + batch);
	m->v[TUNE_HOLD] = batch;
	return 0;
}

static inline struct tune_source sample_source(void)
{
	struct tune_source src = {
		.kind = TUNE_PAGES, .what = "page trace", .hold_unit = "pages", .exact = true,
		.exact_hold = true, .digest = 0x1234, .ops = 102400, .nr_cpus = 2, .seed = 1,
		.zone_name = "Normal", .zone_managed = 1000000, .zone_batch = 63,
		.measure = sample_measure,
	};

	snprintf(src.name, sizeof(src.name), "sample");
	return src;
}

static inline void sample_axis(struct tune_grid *grid, enum tune_field field, const char *text)
{
	assert_int_equal(tune_axis_parse(&grid->axis[field], text, 0, UINT32_MAX - 1), 0);
}

/* fixed with 4 batches x 5 highs: 4 baselines and 20 points. */
static inline void sample_space(struct tune_space *space)
{
	struct tune_grid grid;

	tune_grid_default(&grid, TUNE_PAGES);
	grid.policies = "fixed";
	sample_axis(&grid, TUNE_BATCH, "15,31,63,127");
	sample_axis(&grid, TUNE_HIGH, "128..2048");
	tune_space_make(space, TUNE_PAGES, &grid);
	refused_high = deadly_high = 0;
}

/* A file name of this test, which it removes. */
static inline const char *sample_path(const char *name)
{
	static char path[300];
	const char *tmp = getenv("TMPDIR");
	static int id;

	/* A child speaks of its parent's files. */
	id = id ? id : (int)getpid();
	snprintf(path, sizeof(path), "%.200s/kmemlab-test-tune-%d-%.40s",
		 tmp && *tmp ? tmp : "/tmp", id, name);
	return path;
}

#endif /* TESTS_UNIT_TUNE_SAMPLE_H */
