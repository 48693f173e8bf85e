/* SPDX-License-Identifier: MIT */
/* stress-pages: the page allocator under everything at once. */
#include "stress/workloads/pages_load.h"

int main(int argc, char **argv)
{
	return stress_main(argc, argv, &workload_pages);
}
