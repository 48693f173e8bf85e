/* SPDX-License-Identifier: MIT */
/* The whole machine in one call: CPUs, per-CPU data and memory. */
#include "mm/machine.h"

#include <errno.h>
#include <string.h>

#include "mm/page/boot.h"
#include "mm/procfs.h"
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

/* ---- the slab allocator: brought up and down on CPU 0 ---- */

struct slab_bring_up {
	const struct slab_options *opt;
	struct mm_error *err;
	int code;
};

static void bring_up_slab(void *arg)
{
	struct slab_bring_up *up = arg;

	up->code = slab_boot(up->opt, up->err);
}

static void take_down_slab(void *arg)
{
	*(u64 *)arg = slab_shutdown();
}

static void show_slabinfo(FILE *out)
{
	/* What proc_show() returns says whether @out failed. */
	(void)proc_slabinfo_show(out);
}

static int boot_slab(const struct slab_options *opt, struct mm_error *err)
{
	struct slab_bring_up up = { .opt = opt, .err = err };

	if (!opt)
		return 0;
	cpu_run(0, bring_up_slab, &up);
	if (!up.code)
		proc_register("slabinfo", show_slabinfo);
	return up.code;
}

/* ---- virtual memory: hardware, the kernel's addresses, address spaces ---- */

struct vma_bring_up {
	const struct vma_options *opt;
	int code;
};

static void bring_up_vma(void *arg)
{
	struct vma_bring_up *up = arg;

	up->code = vma_boot(up->opt);
}

static int boot_vm(const struct vm_options *opt, struct mm_error *err)
{
	struct vma_bring_up up;
	int code;

	if (!opt)
		return 0;
	up.opt = &opt->vma;
	code = mmu_boot(&opt->tlb);
	if (code == -EINVAL)
		return mm_error(err, code, "tlb: %u sets of %u ways are not possible; give powers "
				"of two up to 4096 and 1..16", opt->tlb.sets, opt->tlb.ways);
	if (!code)
		code = kva_boot(&opt->kva);
	if (!code)
		cpu_run(0, bring_up_vma, &up);
	if (!code)
		code = up.code;
	return code ? mm_error(err, code, "vm: no memory for virtual memory; give more") : 0;
}

static void take_down_vma(void *arg)
{
	(void)arg;
	vma_shutdown();
}

static void free_kernel_tables(void *arg)
{
	(void)arg;
	mmu_free_kernel_tables();
}

u64 kmemlab_vm_shutdown(void)
{
	u64 leaked = 0;

	cpu_run(0, take_down_vma, NULL);
	kva_shutdown();
	cpu_run(0, free_kernel_tables, NULL);
	/* Reports leaks; does nothing when the allocator is not up. */
	cpu_run(0, take_down_slab, &leaked);
	mmu_shutdown();
	return leaked;
}

int kmemlab_boot(const struct kmemlab_options *opt, struct mm_error *err)
{
	static const struct slab_options default_slab;
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
	if (code) {
		(void)mm_error(err, code, "cpus: the host refuses %u threads: %s; give fewer CPUs",
			       opt->cpu.nr_cpus, strerror(-code));
		goto stop;
	}
	code = boot_slab(opt->slab ? opt->slab : opt->vm ? &default_slab : NULL, err);
	if (!code)
		code = boot_vm(opt->vm, err);
	if (!code)
		return 0;
	(void)kmemlab_vm_shutdown();
stop:
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
	if (cpu_online(0))
		(void)kmemlab_vm_shutdown();
	/* While stopping, each CPU gives its cached pages back: memory must still be there. */
	machine_stop_cpus();
	mm_shutdown();
	percpu_shutdown();
	machine_shutdown();
}
