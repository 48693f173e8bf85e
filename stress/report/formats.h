/* SPDX-License-Identifier: MIT */
/*
 * Lock reports in the formats of other tools.  docs/report.md says what each shows.
 *
 * All functions: host thread; 0 or -errno (-EIO: not written); -ENOSYS: this build lacks the
 * library.
 */
#ifndef STRESS_REPORT_FORMATS_H
#define STRESS_REPORT_FORMATS_H

#include "stress/report/result_file.h"

/* Folded stacks "lock;waiter;holder NANOSECONDS" for flame graphs, one line per pair. */
__must_check int format_folded(const struct result_file *f, FILE *out);

/*
 * A gzipped profile.proto: contentions, delay, acquisitions, estimated hold per lock and site;
 * opens in `go tool pprof`.
 */
__must_check int format_pprof(const struct result_file *f, FILE *out);

/*
 * Chrome's JSON trace: counters per lock, and per CPU one bar for each lock it waited for, laid
 * end to end.  It is a summary: the result has no times of single events.
 */
__must_check int format_perfetto(const struct result_file *f, FILE *out);

/* Largest page that format_html() writes. */
#define HTML_BYTES_MAX	(1024 * 1024 - 1)

/*
 * One HTML page that needs no network.  Above HTML_BYTES_MAX it is written without histograms;
 * -EFBIG when even that is too much.
 */
__must_check int format_html(const struct result_file *f, FILE *out);

#endif /* STRESS_REPORT_FORMATS_H */
