/* SPDX-License-Identifier: MIT */
/* The result of a run: JSON (schema kmemlab-result/1, stress/report/result_file.h) and a text. */
#ifndef STRESS_HARNESS_RESULT_H
#define STRESS_HARNESS_RESULT_H

#include "percpu/pagelist.h"
#include "runtime/irqsoff.h"
#include "stress/harness/harness.h"

/* Statistics of the per-CPU page lists of one zone, or of all, summed over the CPUs. */
void result_pcp_stats(const struct zone *only, struct pagelist_stats *sum);

/* The longest section with interrupts masked on any CPU so far. */
struct irqsoff_section result_irqs_off(void);

/*
 * Builds the document from the machine as it is: after stepping, before anything is given back.
 * Host thread, machine idle.  New reference, NULL when memory is short.
 */
json_t *result_collect(struct stress_run *run);

/* Adds what the checks afterwards found. */
void result_finish(struct stress_run *run);

/* Writes the summary of a run; the machine is still up. */
void result_print(struct stress_run *run, FILE *out);

/* Writes the document to @path.  0 or -errno. */
__must_check int result_write(const json_t *result, const char *path);

#endif /* STRESS_HARNESS_RESULT_H */
