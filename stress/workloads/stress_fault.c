/* SPDX-License-Identifier: MIT */
/* stress-fault: page faults on ranges of one's own and of all, and will-it-scale's shapes. */
#include "stress/workloads/fault_load.h"

int main(int argc, char **argv)
{
	return stress_main(argc, argv, &workload_fault);
}
