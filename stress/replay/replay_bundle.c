/* SPDX-License-Identifier: MIT */
/* replay_bundle.c - reads a recording and makes its plan. */
#include "stress/replay/replay_bundle.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "stress/replay/trace_bundle.h"
#include "stress/replay/trace_load.h"

/* The machine's clock_ns() runs only while there is a machine. */
static u64 host_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * NSEC_PER_SEC + (u64)now.tv_nsec;
}

static int read_files(struct replay_bundle *b, const char *path, struct trace_error *err)
{
	struct bundle files;
	int code = bundle_open(path, &files, err);

	if (code)
		return code;
	if (!bundle_has_start_state(&files)) {
		trace_error_set(err, path, 0, "zoneinfo.before is missing beside the trace; record "
				"/proc/zoneinfo before the trace starts");
		code = -EINVAL;
		goto close;
	}
	b->load_ns = host_ns();
	code = trace_load(files.trace_path, &b->trace, err);
	b->load_ns = host_ns() - b->load_ns;
	if (code)
		goto close;
	code = bundle_read_state(&files, BUNDLE_BEFORE, &b->before, err);
	if (!code && trace_quality_measure(&b->trace, true, &b->quality)) {
		trace_error_set(err, path, 0, "no memory to grade the trace");
		code = -ENOMEM;
	}
	if (code) {
		trace_destroy(&b->trace);
		proc_state_destroy(&b->before);
	}
close:
	bundle_close(&files);
	return code;
}

int replay_bundle_open(struct replay_bundle *b, const char *path,
		       const struct replay_options *opt, struct trace_error *err)
{
	struct mm_error why;
	int code;

	memset(b, 0, sizeof(*b));
	code = read_files(b, path, err);
	if (code)
		return code;
	b->plan_ns = host_ns();
	code = replay_plan_make(&b->plan, &b->trace, &b->before, path, err);
	b->plan_ns = host_ns() - b->plan_ns;
	if (code)
		goto files;
	code = replay_calibrate(&b->plan, opt, &why);
	if (!code)
		return 0;
	trace_error_set(err, path, 0, "%s", why.text);
	replay_plan_destroy(&b->plan);
files:
	trace_destroy(&b->trace);
	proc_state_destroy(&b->before);
	return code;
}

void replay_bundle_close(struct replay_bundle *b)
{
	replay_plan_destroy(&b->plan);
	trace_destroy(&b->trace);
	proc_state_destroy(&b->before);
}
