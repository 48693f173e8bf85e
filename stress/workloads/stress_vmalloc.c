/* SPDX-License-Identifier: MIT */
/* stress-vmalloc: kernel addresses under everything at once. */
#include "stress/workloads/vmalloc_load.h"

int main(int argc, char **argv)
{
	return stress_main(argc, argv, &workload_vmalloc);
}
