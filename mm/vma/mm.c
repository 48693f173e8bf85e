/* SPDX-License-Identifier: MIT */
/* Address spaces: making, counting and ending them; bringing the layer up and down. */
#include "mm/vma/mm.h"

#include <errno.h>

#include "mm/page/page_alloc.h"
#include "mm/slab/slab.h"
#include "mm/vma/fault.h"
#include "mm/vma/fork.h"
#include "mm/vma/task.h"
#include "mm/vma/vma_impl.h"

unsigned int sysctl_max_map_count = DEFAULT_MAX_MAP_COUNT;

static struct kmem_cache *mm_cache;
static u64 next_mm_id;			/* atomic */
static unsigned long nr_mms;		/* atomic; life cycles are rare enough for one word */

/* ---- life ---- */

static int rss_init(struct mm_struct *mm)
{
	for (int i = 0; i < NR_MM_COUNTERS; i++) {
		if (!percpu_counter_init(&mm->rss_stat[i], 0))
			continue;
		while (i-- > 0)
			percpu_counter_destroy(&mm->rss_stat[i]);
		return -ENOMEM;
	}
	return 0;
}

static void rss_destroy(struct mm_struct *mm)
{
	for (int i = 0; i < NR_MM_COUNTERS; i++) {
		/* What is left would be pages that nobody owns, or owned twice. */
		VM_BUG_ON(percpu_counter_sum(&mm->rss_stat[i]) != 0);
		percpu_counter_destroy(&mm->rss_stat[i]);
	}
}

struct mm_struct *mm_alloc(void)
{
	struct mm_struct *mm = kmem_cache_zalloc(mm_cache, GFP_KERNEL);

	if (!mm)
		return NULL;
	if (rss_init(mm))
		goto free;
	if (mmu_context_init(&mm->context))
		goto rss;
	init_rwsem(&mm->mmap_lock, &mmap_lock_class, NULL);
	init_waitqueue_head(&mm->vma_writer_wait);
	vma_tree_init(&mm->vmas);
	mm->layout.mmap_base = (TASK_SIZE_MAX - (8UL << 20) - STACK_GUARD_GAP) & PAGE_MASK;
	mm->layout.stack_limit = 8UL << 20;
	mm->mm_users = 1;
	mm->mm_count = 1;
	mm->id = fetch_add_relaxed(&next_mm_id, 1) + 1;
	fetch_add_relaxed(&nr_mms, 1);
	return mm;
rss:
	rss_destroy(mm);
free:
	kmem_cache_free(mm_cache, mm);
	return NULL;
}

bool mmget_not_zero(struct mm_struct *mm)
{
	s32 users = READ_ONCE(mm->mm_users);

	while (users > 0)
		if (try_cmpxchg(&mm->mm_users, &users, users + 1))
			return true;
	return false;
}

void mmdrop(struct mm_struct *mm)
{
	/* Full order: everything done under any reference comes before the end. */
	if (fetch_add(&mm->mm_count, -1) != 1)
		return;
	VM_BUG_ON(READ_ONCE(mm->mm_users) != 0);
	VM_BUG_ON(mm->map_count != 0 || mm->total_vm != 0);
	mmu_context_destroy(&mm->context);
	rss_destroy(mm);
	spin_lock_destroy(&mm->vma_writer_wait.lock);
	destroy_rwsem(&mm->mmap_lock);
	kmem_cache_free(mm_cache, mm);
	fetch_add_relaxed(&nr_mms, -1ul);
}

void mmput(struct mm_struct *mm)
{
	might_sleep();
	if (fetch_add(&mm->mm_users, -1) != 1)
		return;
	exit_mmap(mm);
	mmdrop(mm);
}

unsigned long nr_mm_structs(void)
{
	return READ_ONCE(nr_mms);
}

/* ---- bringing it up: each step with its way back ---- */

struct boot_step {
	int (*up)(void);
	void (*down)(void);
};

static int mm_cache_up(void)
{
	mm_cache = kmem_cache_create("mm_struct", sizeof(struct mm_struct), 0,
				     SLAB_HWCACHE_ALIGN, NULL);
	return mm_cache ? 0 : -ENOMEM;
}

static void mm_cache_down(void)
{
	(void)kmem_cache_destroy(mm_cache);
	mm_cache = NULL;
}

static const struct boot_step steps[] = {
	{ mm_cache_up, mm_cache_down },
	{ vma_tree_boot, vma_tree_shutdown },
	{ vma_cache_boot, vma_cache_shutdown },
	{ rmap_boot, rmap_shutdown },
	{ shmem_boot, shmem_shutdown },
	{ fault_boot, fault_shutdown },
	{ task_boot, task_shutdown },
};

static unsigned int nr_up;

int vma_boot(const struct vma_options *opt)
{
	int err;

	per_vma_locks = !(opt && opt->no_per_vma_locks);
	sysctl_max_map_count = opt && opt->max_map_count ? opt->max_map_count :
							   DEFAULT_MAX_MAP_COUNT;
	for (nr_up = 0; nr_up < ARRAY_SIZE(steps); nr_up++) {
		err = steps[nr_up].up();
		if (err) {
			vma_shutdown();
			return err;
		}
	}
	mmu_fault_register(&vma_fault_ops);
	return 0;
}

void vma_shutdown(void)
{
	if (!nr_up)
		return;
	/* Nodes, areas and tables on their way through a grace period. */
	rcu_barrier();
	if (nr_up == ARRAY_SIZE(steps))
		mmu_fault_register(NULL);
	while (nr_up)
		steps[--nr_up].down();
}
