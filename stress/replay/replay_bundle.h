/* SPDX-License-Identifier: MIT */
/* replay_bundle.h - everything that a replay needs of one recording, in one call. */
#ifndef STRESS_REPLAY_REPLAY_BUNDLE_H
#define STRESS_REPLAY_REPLAY_BUNDLE_H

#include "stress/replay/replay_run.h"
#include "stress/replay/trace_quality.h"

struct replay_bundle {
	struct trace trace;
	struct proc_state before;
	struct trace_quality quality;
	struct replay_plan plan;	/* calibrated */
	u64 load_ns, plan_ns;
};

/**
 * replay_bundle_open - read a recording and make its plan.
 * @b:    overwritten; on success freed by replay_bundle_close().
 * @path: folder or trace file, see bundle_open().
 * @opt:  for replay_calibrate().
 * @err:  receives the error text.
 *
 * Host thread, no machine up.  Returns 0, -EINVAL or -ENOMEM.
 */
__must_check int replay_bundle_open(struct replay_bundle *b, const char *path,
				    const struct replay_options *opt, struct trace_error *err);
void replay_bundle_close(struct replay_bundle *b);

#endif /* STRESS_REPLAY_REPLAY_BUNDLE_H */
