/* SPDX-License-Identifier: MIT */
/* Several workloads at once: what stress-mixed runs on every CPU. */
#ifndef STRESS_WORKLOADS_MIXED_LOAD_H
#define STRESS_WORKLOADS_MIXED_LOAD_H

#include "stress/harness/harness.h"

extern const struct workload workload_mixed;

#endif /* STRESS_WORKLOADS_MIXED_LOAD_H */
