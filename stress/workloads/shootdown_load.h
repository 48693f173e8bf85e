/* SPDX-License-Identifier: MIT */
/* The workload of TLB shootdown: what stress-shootdown runs on every CPU. */
#ifndef STRESS_WORKLOADS_SHOOTDOWN_LOAD_H
#define STRESS_WORKLOADS_SHOOTDOWN_LOAD_H

#include "stress/harness/harness.h"

extern const struct workload workload_shootdown;

#endif /* STRESS_WORKLOADS_SHOOTDOWN_LOAD_H */
