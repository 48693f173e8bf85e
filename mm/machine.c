/* SPDX-License-Identifier: MIT */
/* The whole machine in one call: CPUs, per-CPU data and memory. */
#include "mm/machine.h"

#include <errno.h>
#include <string.h>

#include "mm/page/boot.h"
#include "percpu/percpu.h"

static int boot_cpus(const struct kmemlab_options *opt, struct mm_error *err)
{
	struct machine_options cpu = opt->cpu;
	int code;

	if (!cpu.nr_nodes) {
		cpu.nr_nodes = max(opt->mm.nr_nodes, 1u);
		for (unsigned int i = 0; i < opt->mm.nr_zones; i++)
			cpu.nr_nodes = max(cpu.nr_nodes, (unsigned int)opt->mm.zones[i].node + 1);
	}
	code = machine_boot(&cpu);
	if (code == -EINVAL)
		return mm_error(err, code,
				"cpus: %u CPUs on %u nodes with lock \"%s\" is not possible here; "
				"give 1..%d CPUs and another lock", cpu.nr_cpus, cpu.nr_nodes,
				cpu.spinlock ? cpu.spinlock : "futex", NR_CPUS);
	if (code)
		return mm_error(err, code, "cpus: the host refuses %u CPUs: %s", cpu.nr_cpus,
				strerror(-code));
	return 0;
}

int kmemlab_boot(const struct kmemlab_options *opt, struct mm_error *err)
{
	size_t percpu_bytes = opt->percpu_bytes ? opt->percpu_bytes : KMEMLAB_PERCPU_BYTES;
	int code = boot_cpus(opt, err);

	if (code)
		return code;
	code = percpu_boot(percpu_bytes);
	if (code) {
		(void)mm_error(err, code, "cpus: no memory for per-CPU data; give fewer CPUs");
		goto cpus;
	}
	code = mm_boot(&opt->mm, err);
	if (code)
		goto percpu;
	code = machine_start_cpus();
	if (!code)
		return 0;
	(void)mm_error(err, code, "cpus: the host refuses %u threads: %s; give fewer CPUs",
		       opt->cpu.nr_cpus, strerror(-code));
	machine_stop_cpus();
	mm_shutdown();
percpu:
	percpu_shutdown();
cpus:
	machine_shutdown();
	return code;
}

void kmemlab_shutdown(void)
{
	/* While stopping, each CPU gives its cached pages back: memory must still be there. */
	machine_stop_cpus();
	mm_shutdown();
	percpu_shutdown();
	machine_shutdown();
}
