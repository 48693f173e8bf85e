/* SPDX-License-Identifier: MIT */
/* The workload of kernel addresses: what stress-vmalloc runs on every CPU. */
#ifndef STRESS_WORKLOADS_VMALLOC_LOAD_H
#define STRESS_WORKLOADS_VMALLOC_LOAD_H

#include "stress/harness/harness.h"

extern const struct workload workload_vmalloc;

#endif /* STRESS_WORKLOADS_VMALLOC_LOAD_H */
