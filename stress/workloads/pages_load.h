/* SPDX-License-Identifier: MIT */
/* The page allocator's workload: what stress-pages runs on every CPU. */
#ifndef STRESS_WORKLOADS_PAGES_LOAD_H
#define STRESS_WORKLOADS_PAGES_LOAD_H

#include "stress/harness/harness.h"

extern const struct workload workload_pages;

#endif /* STRESS_WORKLOADS_PAGES_LOAD_H */
