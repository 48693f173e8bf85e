/* SPDX-License-Identifier: MIT */
/*
 * Page faults: stress-fault's workload and its modes.
 *
 * What.  The CPUs run threads of one address space, or of several (--tasks).  The modes:
 *   random       system calls and accesses on a range of one's own, and common chunks between
 *   disjoint     each touches the pages of its range and throws them away: faults alone
 *   shared       all touch the same chunks at the same time
 *   page_fault1  will-it-scale's: map the range private, touch each page, unmap
 *   page_fault2  the same with pages that are copied: there from a file, here from a parent
 *   page_fault3  the same with a shared range
 *   mmap1        map the range private and unmap it, untouched
 *   mmap2        the same with a shared range
 *
 * Invariants.
 *   I1  With the oracle on, a page that was not touched since it was mapped reads 0 (page_fault2:
 *       what the parent wrote), and a touched one what was stored.
 *
 * Locking.  None.  Context.  Task.  Failure.  A wrong outcome is a panic; without memory the range
 * begins anew, and that is counted.
 * See also.  fault_random.c, fault_chunks.c; tests/mt/test_stress_vm.c.
 */
#include "stress/workloads/fault_load.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "runtime/hostmem.h"
#include "stress/report/text.h"

#define PAGES_DEFAULT	256u
/* Pages touched in one operation. */
#define TOUCHES		32u

enum mode {
	RANDOM, DISJOINT, SHARED, PAGE_FAULT1, PAGE_FAULT2, PAGE_FAULT3, MMAP1, MMAP2,
};

static const char *const modes[] = {
	"random", "disjoint", "shared", "page_fault1", "page_fault2", "page_fault3", "mmap1",
	"mmap2", NULL
};

static struct {
	u32 pages;			/* of a CPU's range */
	unsigned int nr_spaces;
	struct vm_group *space;		/* [nr_spaces] */
	struct fault_page *page;	/* [cpus * pages], in mode random */
	struct vm_base base;
} faults;

u32 fault_pages(void)
{
	return faults.pages;
}

__cold void fault_wrong(struct stress_cpu *c, const char *what, u32 page, enum vm_access a)
{
	panic("stress-fault: cpu %u: %s, page %u: %s", c->id, what, page, vm_access_name(a));
}

static unsigned long page_at(struct stress_cpu *c, u32 page)
{
	return fault_range(c->id, faults.pages) + page * PAGE_SIZE;
}

/* ---- will-it-scale's shapes ---- */

static bool shared_range(struct stress_cpu *c)
{
	return c->run->mode == PAGE_FAULT3 || c->run->mode == MMAP2;
}

/* What an untouched page holds. */
static u64 untouched(struct stress_cpu *c, u32 page)
{
	return c->run->mode == PAGE_FAULT2 ? page + 1ul : 0;
}

/* The pages that the children of page_fault2 will copy. */
static bool fill_parent(struct stress_cpu *c, struct user_task *task)
{
	for (u32 page = 0; page < faults.pages; page++)
		if (vm_store(task, page_at(c, page), untouched(c, page)) != VM_OK)
			return false;
	return true;
}

static bool begin_range(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	p->next = 0;
	p->mapped = !vm_map(p->task, page_at(c, 0), faults.pages, PROT_READ | PROT_WRITE,
			    shared_range(c) ? MAP_SHARED : MAP_PRIVATE);
	if (p->mapped && c->run->mode == PAGE_FAULT2)
		p->mapped = fill_parent(c, p->task);
	p->stats.maps++;
	if (!p->mapped)
		p->stats.refused++;
	return p->mapped;
}

static void end_range(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	if (do_munmap(p->task->mm, page_at(c, 0), faults.pages * PAGE_SIZE))
		panic("stress-fault: a range cannot be unmapped");
	p->mapped = false;
	p->stats.unmaps++;
	p->stats.rounds++;
}

/* Touches some pages of the range; false: no memory. */
static bool touch(struct stress_cpu *c, struct user_task *task, u32 nr)
{
	struct fault_cpu *p = c->data;
	bool oracle = c->run->opt->oracle;

	for (u32 end = min(p->next + nr, faults.pages); p->next < end; p->next++) {
		unsigned long at = page_at(c, p->next);
		enum vm_access a = vm_store(task, at + sizeof(u64), ++p->value);
		u64 first = 0, second = 0;

		if (a == VM_NO_MEMORY) {
			p->stats.refused++;
			return false;
		}
		if (a != VM_OK)
			fault_wrong(c, "store", p->next, a);
		p->stats.touches++;
		if (!oracle)
			continue;
		if (vm_load(task, at, &first) != VM_OK || vm_load(task, at + 8, &second) != VM_OK)
			fault_wrong(c, "load of what was stored", p->next, VM_MAPERR);
		if (first != untouched(c, p->next) || second != p->value)	/* I1 */
			panic("stress-fault: cpu %u: page %u has %llx, %llx; it should be %llx, "
			      "%llx (I1)", c->id, p->next, (unsigned long long)first,
			      (unsigned long long)second,
			      (unsigned long long)untouched(c, p->next),
			      (unsigned long long)p->value);
	}
	return true;
}

static void page_fault_step(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	if (!p->mapped && !begin_range(c))
		return;
	if (!touch(c, p->task, TOUCHES) || p->next == faults.pages)
		end_range(c);
}

/* A child copies every page that its parent keeps, and ends. */
static void copy_step(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;
	struct user_task *child;

	if (!p->mapped && !begin_range(c)) {
		end_range(c);
		return;
	}
	child = task_fork(p->task);
	if (!child) {
		p->stats.refused++;
		return;
	}
	task_switch(child);
	p->next = 0;
	(void)touch(c, child, faults.pages);
	task_switch(p->task);
	task_exit(child);
	p->stats.rounds++;
}

static void mmap_step(struct stress_cpu *c)
{
	if (begin_range(c))
		end_range(c);
}

/* ---- faults alone ---- */

static void disjoint_step(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	if (!p->mapped && !begin_range(c))
		return;
	if (touch(c, p->task, TOUCHES) && p->next < faults.pages)
		return;
	if (do_madvise(p->task->mm, page_at(c, 0), faults.pages * PAGE_SIZE, MADV_DONTNEED))
		panic("stress-fault: a range cannot be thrown away");
	p->next = 0;
	p->stats.rounds++;
}

/* ---- operations ---- */

/* The CPU with the lowest number of a space makes it. */
static bool have_task(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	if (!p->task)
		p->task = vm_group_join(&faults.space[p->space], c->id == p->space,
					fault_chunks_map);
	return p->task != NULL;
}

static void fault_step(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	if (!have_task(c))
		return;
	task_switch(p->task);
	switch ((enum mode)c->run->mode) {
	case RANDOM:
		if (rand_one_in(&c->rng, 4))
			(void)fault_chunk_step(c);
		else
			fault_random_step(c);
		break;
	case SHARED:
		/* With more CPUs than cores the one that all wait for must get a core. */
		if (!fault_chunk_step(c))
			sched_yield();
		break;
	case DISJOINT:
		disjoint_step(c);
		break;
	case PAGE_FAULT1:
	case PAGE_FAULT3:
		page_fault_step(c);
		break;
	case PAGE_FAULT2:
		copy_step(c);
		break;
	case MMAP1:
	case MMAP2:
		mmap_step(c);
		break;
	}
}

static void fault_finish(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;

	if (!p->task)
		return;
	task_switch(NULL);
	task_exit(p->task);
	p->task = NULL;
}

/* ---- life cycle and results: host thread ---- */

static size_t shadow_bytes(struct stress_run *run)
{
	return run->mode == RANDOM ? run->opt->cpus * (size_t)faults.pages * sizeof(*faults.page) :
				     0;
}

static void fault_stop(struct stress_run *run)
{
	if (faults.space)
		hostmem_free(faults.space, faults.nr_spaces * sizeof(*faults.space));
	if (faults.page)
		hostmem_free(faults.page, shadow_bytes(run));
	memset(&faults, 0, sizeof(faults));
}

static int choose_sizes(struct stress_run *run, struct mm_error *err)
{
	const struct stress_options *opt = run->opt;
	unsigned long room = vm_managed_pages() / 2 / opt->cpus;
	unsigned int copies = run->mode == PAGE_FAULT2 ? 2 : 1;

	faults.nr_spaces = opt->tasks != STRESS_UNSET ? opt->tasks : 1;
	if (faults.nr_spaces > opt->cpus)
		return mm_error(err, -EINVAL, "--tasks: %u address spaces for %u CPUs; give at "
				"most one for each", faults.nr_spaces, opt->cpus);
	faults.pages = opt->pages != STRESS_UNSET ? opt->pages :
		(u32)clamp(room / copies, 1ul, (unsigned long)PAGES_DEFAULT);
	if (copies * (unsigned long)faults.pages > room)
		return mm_error(err, -EINVAL, "--pages: %u for each of %u CPUs do not fit into "
				"half of memory; give less, or more --mem", faults.pages,
				opt->cpus);
	return 0;
}

static int fault_start(struct stress_run *run, struct mm_error *err)
{
	unsigned int cpus_of[NR_CPUS] = { 0 };
	int code = choose_sizes(run, err);

	if (code)
		return code;
	faults.space = hostmem_alloc(faults.nr_spaces * sizeof(*faults.space));
	if (shadow_bytes(run))
		faults.page = hostmem_alloc(shadow_bytes(run));
	if (!faults.space || (shadow_bytes(run) && !faults.page)) {
		fault_stop(run);
		return mm_error(err, -ENOMEM, "--pages: the host has no memory for the shadow of "
				"so many; give less");
	}
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct fault_cpu *p = run->cpu[cpu].data;

		p->space = cpu % faults.nr_spaces;
		cpus_of[p->space]++;
		if (!faults.page)
			continue;
		p->page = faults.page + (size_t)cpu * faults.pages;
		for (u32 i = 0; i < faults.pages; i++)
			p->page[i].prot = FAULT_NOT_MAPPED;
	}
	fault_chunks_start(cpus_of, faults.nr_spaces);
	vm_settle(&faults.base);
	return 0;
}

static long fault_pages_in_use(struct stress_run *run)
{
	return vm_pages_beyond(run, &faults.base);
}

static struct fault_stats add_up(struct stress_run *run)
{
	struct fault_stats s;

	vm_add_up(run, offsetof(struct fault_cpu, stats), sizeof(s), &s);
	return s;
}

static json_t *fault_report(struct stress_run *run)
{
	struct fault_stats s = add_up(run);
	json_t *obj = json_object();

#define PUT(member) json_object_set_new(obj, #member, json_integer((json_int_t)s.member))
	PUT(touches);
	PUT(rounds);
	PUT(loads);
	PUT(stores);
	PUT(denied);
	PUT(zaps);
	PUT(maps);
	PUT(unmaps);
	PUT(protects);
	PUT(moves);
	PUT(chunks);
	PUT(refused);
#undef PUT
	json_object_set_new(obj, "mode", json_string(modes[run->mode]));
	json_object_set_new(obj, "pages_each", json_integer(faults.pages));
	json_object_set_new(obj, "spaces", json_integer(faults.nr_spaces));
	return obj;
}

static void fault_print(struct stress_run *run, FILE *out)
{
	struct fault_stats s = add_up(run);

	fprintf(out, "mode      %s, %u address space(s), %u pages for each CPU, per-VMA locks %s\n",
		modes[run->mode], faults.nr_spaces, faults.pages,
		run->opt->vma_locks ? "on" : "off");
	fprintf(out, "touched   %s pages, %s rounds, %s common chunks; %.3g M pages/s\n",
		text_count(s.touches).s, text_count(s.rounds).s, text_count(s.chunks).s,
		run->elapsed > 0 ? (double)s.touches / run->elapsed / 1e6 : 0);
	fprintf(out, "calls     %s maps, %s unmaps, %s mprotects, %s madvises, %s moves; "
		"%s refused\n", text_count(s.maps).s, text_count(s.unmaps).s,
		text_count(s.protects).s, text_count(s.zaps).s, text_count(s.moves).s,
		text_count(s.refused).s);
	fprintf(out, "accesses  %s loads, %s stores, %s denied\n", text_count(s.loads).s,
		text_count(s.stores).s, text_count(s.denied).s);
	vm_print_events(out);
}

const struct workload workload_fault = {
	.name = "fault",
	.doc = "Stresses page faults.  --mode random (each CPU its own range, and common chunks), "
	       "disjoint, shared, and will-it-scale's page_fault1, page_fault2, page_fault3, "
	       "mmap1, mmap2; --tasks address spaces, --pages for each CPU.\v"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct fault_cpu),
	.vm = true,
	.has_tasks = true,
	.has_pages = true,
	.modes = modes,
	.start = fault_start,
	.step = fault_step,
	.finish = fault_finish,
	.drain = vm_drain,
	.pages = fault_pages_in_use,
	.stop = fault_stop,
	.report = fault_report,
	.print = fault_print,
};
