/* SPDX-License-Identifier: MIT */
/* stress-fork-cow: trees of processes that share pages until one of them writes. */
#include "stress/workloads/fork_load.h"

int main(int argc, char **argv)
{
	return stress_main(argc, argv, &workload_fork_cow);
}
