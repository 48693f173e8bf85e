/* SPDX-License-Identifier: MIT */
/* What the workloads of virtual memory share: user accesses, areas, and the pages behind them. */
#include "stress/workloads/vm_common.h"

#include <errno.h>
#include <string.h>

#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"
#include "mm/vma/rmap.h"
#include "runtime/rcu.h"
#include "stress/report/text.h"
#include "stress/workloads/slab_load.h"

const char *vm_access_name(enum vm_access a)
{
	static const char *const names[] = {
		"done", "SEGV_MAPERR", "SEGV_ACCERR", "BUS_ADRERR", "no memory",
	};

	return names[a];
}

/* ---- accesses ---- */

enum vm_access vm_outcome(struct user_task *task, int err)
{
	struct task_signal sig;

	if (err != -EFAULT)
		return err ? VM_NO_MEMORY : VM_OK;
	sig = task_take_signal(task);
	if (sig.signo == SIGBUS)
		return VM_BUSERR;
	BUG_ON(sig.signo != SIGSEGV);		/* -EFAULT comes with a signal */
	return sig.code == SEGV_ACCERR ? VM_ACCERR : VM_MAPERR;
}

enum vm_access vm_load(struct user_task *task, unsigned long addr, u64 *value)
{
	int err = load_u64(addr, value);

	return likely(!err) ? VM_OK : vm_outcome(task, err);
}

enum vm_access vm_store(struct user_task *task, unsigned long addr, u64 value)
{
	int err = store_u64(addr, value);

	return likely(!err) ? VM_OK : vm_outcome(task, err);
}

int vm_map(struct user_task *task, unsigned long addr, unsigned long pages, unsigned long prot,
	   unsigned long flags)
{
	long at = do_mmap(task->mm, addr, pages * PAGE_SIZE, prot,
			  flags | MAP_ANONYMOUS | MAP_FIXED);

	return vm_is_err(at) ? (int)at : 0;
}

struct user_task *vm_group_join(struct vm_group *g, bool found, int (*map)(struct user_task *task))
{
	struct user_task *task;

	if (!found) {
		/* Acquire: pairs with the release below. */
		task = smp_load_acquire(&g->first);
		return task ? task_clone_vm(task) : NULL;
	}
	task = task_create("threads");
	if (task && map(task)) {
		task_exit(task);
		task = NULL;
	}
	/* Release: the others see a task with its areas. */
	if (task)
		smp_store_release(&g->first, task);
	return task;
}

/* ---- pages ---- */

static bool is_mapping_page(const struct page *page)
{
	return page_test_flags(page, PG_table) || READ_ONCE(page->mapping) != NULL;
}

/* Over the zones. */
static unsigned long zone_stat(enum zone_stat_item item)
{
	struct zone *zone;
	unsigned long sum = 0;

	for_each_zone(zone)
		sum += zone_page_state_snapshot(zone, item);
	return sum;
}

unsigned long vm_count_pages(void)
{
	/* Large blocks of kmalloc() are counted here and carry no flag. */
	unsigned long sum = zone_stat(NR_SLAB_RECLAIMABLE) + zone_stat(NR_SLAB_UNRECLAIMABLE);

	for (unsigned long pfn = 0; pfn < max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);

		if (page_test_flags(page, PG_allocated) && !page_test_flags(page, PG_slab) &&
		    is_mapping_page(page))
			sum += 1ul << page->order;
	}
	return sum;
}

static void settle(void *arg)
{
	struct user_task *task = arg ? task_create("settle") : NULL;

	/* The first address space makes the tables of the kernel's half, which stay. */
	if (task)
		task_exit(task);
	/* Callbacks free objects, the last of which free pages; those go from the lists. */
	rcu_barrier();
	slab_shrink_everything();
	rcu_barrier();
	drain_all_pages(NULL);
}

static void wait_for_callbacks(void *arg)
{
	(void)arg;
	rcu_barrier();
}

void vm_settle(struct vm_base *base)
{
	cpu_run(0, settle, base);
	base->pages = vm_count_pages();
}

void vm_drain(struct stress_run *run)
{
	(void)run;
	settle(NULL);
}

static void check_counter(struct stress_run *run, enum zone_stat_item item, unsigned long counted)
{
	if (zone_stat(item) != counted)
		stress_fail(run, "%s is %lu, and there are %lu such pages", zone_stat_name(item),
			    zone_stat(item), counted);
}

/* What the counters should be, frame by frame. */
static void check_counters(struct stress_run *run)
{
	unsigned long tables = 0, anon = 0;

	for (unsigned long pfn = 0; pfn < max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);

		if (!page_test_flags(page, PG_allocated))
			continue;
		tables += page_test_flags(page, PG_table);
		anon += !page_test_flags(page, PG_slab) && page_is_anon(page);
	}
	check_counter(run, NR_PAGETABLE, tables);
	check_counter(run, NR_ANON_MAPPED, anon);
}

long vm_pages_beyond(struct stress_run *run, const struct vm_base *base)
{
	cpu_run(0, wait_for_callbacks, NULL);
	check_counters(run);
	return (long)vm_count_pages() - (long)base->pages;
}

unsigned long vm_managed_pages(void)
{
	unsigned long managed = 0;
	struct zone *zone;

	for_each_zone(zone)
		managed += zone->managed_pages;
	return managed;
}

/* ---- results ---- */

void vm_add_up(struct stress_run *run, size_t offset, size_t bytes, void *sum)
{
	u64 *to = sum;

	memset(sum, 0, bytes);
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		const char *data = run->cpu[cpu].data;
		const u64 *from = (const u64 *)(const void *)(data + offset);

		for (size_t i = 0; i < bytes / sizeof(u64); i++)
			to[i] += from[i];
	}
}

void vm_print_events(FILE *out)
{
	u64 faults = vm_event_sum(PGFAULT), alone = vm_event_sum(VMA_LOCK_SUCCESS);

	fprintf(out, "faults    %s, %s under the area's lock alone; retried %s, aborted %s, "
		"missed %s\n", text_count(faults).s, text_share((double)alone, (double)faults).s,
		text_count(vm_event_sum(VMA_LOCK_RETRY)).s,
		text_count(vm_event_sum(VMA_LOCK_ABORT)).s,
		text_count(vm_event_sum(VMA_LOCK_MISS)).s);
	fprintf(out, "flushes   %s remote requests, %s received, %s whole, %s single pages here\n",
		text_count(vm_event_sum(NR_TLB_REMOTE_FLUSH)).s,
		text_count(vm_event_sum(NR_TLB_REMOTE_FLUSH_RECEIVED)).s,
		text_count(vm_event_sum(NR_TLB_LOCAL_FLUSH_ALL)).s,
		text_count(vm_event_sum(NR_TLB_LOCAL_FLUSH_ONE)).s);
}
