/* SPDX-License-Identifier: MIT */
/* stress-shootdown: mappings that change while every CPU uses them. */
#include "stress/workloads/shootdown_load.h"

int main(int argc, char **argv)
{
	return stress_main(argc, argv, &workload_shootdown);
}
