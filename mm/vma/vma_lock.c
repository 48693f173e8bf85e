/* SPDX-License-Identifier: MIT */
/*
 * The locks of single areas: faults take them for reading without touching mmap_lock.
 *
 * What.  A reader finds an area under RCU and adds 1 to its vm_refcnt.  A writer, who holds
 * mmap_lock for writing anyway, adds VMA_LOCK_OFFSET, waits until the readers are gone, notes in
 * vm_lock_seq that the area is locked until mm_lock_seq changes, and takes the offset away.  So a
 * write lock costs nothing to drop: mmap_write_unlock() drops all by one increment.
 *
 * States of vm_refcnt.  0 detached (also: free memory of the slab cache, whose slots stay areas);
 * 1 attached; 1 + n: n readers; with VMA_LOCK_OFFSET: a writer is between enter and exit.
 *
 * Invariants.
 *   I1  A reader holds a count that it took from a value v with 0 < v < VMA_REF_LIMIT, and has
 *       seen vm_lock_seq != mm_lock_seq afterwards.
 *   I2  While vm_lock_seq == mm_lock_seq (odd) there is no reader, but for those that are about to
 *       find out, and they touch nothing but vm_refcnt, vm_mm and vm_lock_seq.
 *   I3  A detached area has no readers; it becomes detached only by vma_mark_detached(), which
 *       waits for them.
 *
 * Why I1 and I2 exclude each other.  vm_refcnt is one word, so its operations have one order.  A
 * reader's increment before the writer's offset: the writer waits for it.  Between offset and its
 * removal: refused by the limit.  After the removal: the increment's acquire pairs with the
 * removal's release, so the reader sees vm_lock_seq as the writer set it, and mm_lock_seq at least
 * as new.  If that is equal, it gives up.  If it is newer, the writer has dropped the lock: the
 * acquire in the second look at mm_lock_seq pairs with the release in mm_lock_seq_end(), so all its
 * changes are visible.
 *
 * A slot used again.  The area may be freed and used by another address space between the lookup
 * and the increment.  vm_mm tells.  The foreign area's count is dropped again; its writer may be
 * waiting for just that, so its address space must live until it is woken.
 *
 * Locking.  To lockdep this is a sleeping lock of RANK_VMA; readers only ever try.
 *
 * Context.  Task.  Readers do not wait; writers wait for readers, who may sleep.
 *
 * See also.  include/linux/mmap_lock.h, mm/mmap_lock.c.
 */
#include "mm/page/vmstat.h"
#include "mm/vma/vma_impl.h"

bool per_vma_locks = true;

const struct lock_class mmap_lock_class = {
	.name = "mm->mmap_lock", .rank = RANK_MMAP,
	.same_rank_ok = true,			/* fork: the parent's, then the child's */
};
const struct lock_class vma_lock_class = {
	.name = "vma->vm_lock", .rank = RANK_VMA,
	.same_rank_ok = true,			/* writers hold mmap_lock for writing */
};

/* ---- mm_lock_seq ---- */

void mm_lock_seq_begin(struct mm_struct *mm)
{
	VM_BUG_ON(mm->mm_lock_seq & 1);
	/*
	 * Release, although nothing was changed yet: a reader that sees this value has nothing to
	 * pair with, but areas locked under it compare equal only after it.
	 */
	smp_store_release(&mm->mm_lock_seq, mm->mm_lock_seq + 1);
}

void mm_lock_seq_end(struct mm_struct *mm)
{
	VM_BUG_ON(!(mm->mm_lock_seq & 1));
	/* Release: pairs with the acquire in vma_start_read(): it sees what the writer changed. */
	smp_store_release(&mm->mm_lock_seq, mm->mm_lock_seq + 1);
}

/* ---- readers ---- */

/*
 * Drops a count.  The last reader before a waiting writer wakes it; @mm stays until then because
 * the writer cannot go on before, or because the caller holds it.
 */
static void vma_refcount_put(struct vm_area_struct *vma, struct mm_struct *mm)
{
	/* Full order: what the reader did comes before the writer's changes. */
	u32 was = fetch_add(&vma->vm_refcnt, (u32)-1);

	VM_BUG_ON(!(was & VMA_REF_LIMIT));
	if (unlikely(was & VMA_LOCK_OFFSET))
		wake_up_all(&mm->vma_writer_wait);
}

/*
 * One more reader of an attached area without a writer.  Acquire: pairs with vma_mark_attached()
 * and with the writer's exit.
 */
static bool vma_refcount_inc(struct vm_area_struct *vma, bool *detached)
{
	u32 count = READ_ONCE(vma->vm_refcnt);

	do {
		*detached = count == 0;
		if (!count || count >= VMA_REF_LIMIT)
			return false;
	} while (!try_cmpxchg_acquire(&vma->vm_refcnt, &count, count + 1));
	return true;
}

enum vma_read { VMA_READ_OK, VMA_READ_LOCKED, VMA_READ_GONE };

/* Under rcu_read_lock(), which it may drop and take again when it fails. */
static enum vma_read vma_start_read(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct mm_struct *other;
	bool detached;

	/* A hint that saves the increment; decided below. */
	if (READ_ONCE(vma->vm_lock_seq) == READ_ONCE(mm->mm_lock_seq))
		return VMA_READ_LOCKED;
	if (!vma_refcount_inc(vma, &detached))
		return detached ? VMA_READ_GONE : VMA_READ_LOCKED;
	other = READ_ONCE(vma->vm_mm);
	if (unlikely(other != mm)) {
		/* The count that we hold keeps the area attached, so its space is alive. */
		rcu_read_unlock();
		mmgrab(other);
		vma_refcount_put(vma, other);
		mmdrop(other);
		rcu_read_lock();
		return VMA_READ_GONE;
	}
	/* Acquire: see the theory; pairs with mm_lock_seq_end(). */
	if (unlikely(READ_ONCE(vma->vm_lock_seq) == smp_load_acquire(&mm->mm_lock_seq))) {
		vma_refcount_put(vma, mm);
		return VMA_READ_LOCKED;
	}
	return VMA_READ_OK;
}

/* What the lock wrappers record of a reader. */
static void note_read(struct vm_area_struct *vma, struct lock_site *site)
{
	lockdep_acquired(&vma->vm_lock_meta, site, false);
	lockstat_acquired_read(&vma->vm_lock_meta, site);
}

struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;
	enum vma_read got;

	if (!per_vma_locks)
		return NULL;
	rcu_read_lock();
	for (;;) {
		vma = vma_tree_lookup(&mm->vmas, addr);
		if (!vma) {
			got = VMA_READ_LOCKED;
			break;
		}
		got = vma_start_read(mm, vma);
		if (got != VMA_READ_GONE)
			break;
		/* Found it just before it was taken out of the tree: look again. */
		count_vm_event(VMA_LOCK_MISS);
	}
	rcu_read_unlock();
	if (got == VMA_READ_OK) {
		/* The lookup was of an older tree than the lock: the range may be another. */
		if (likely(addr >= vma->vm_start && addr < vma->vm_end)) {
			note_read(vma, LOCK_SITE());
			return vma;
		}
		vma_refcount_put(vma, mm);
	}
	count_vm_event(VMA_LOCK_ABORT);
	return NULL;
}

void vma_start_read_locked(struct vm_area_struct *vma)
{
	bool detached;

	mmap_assert_locked(vma->vm_mm);
	BUG_ON(!vma_refcount_inc(vma, &detached));
	note_read(vma, LOCK_SITE());
}

void vma_end_read(struct vm_area_struct *vma)
{
	lockdep_release(&vma->vm_lock_meta);
	vma_refcount_put(vma, vma->vm_mm);
}

/* ---- writers: mmap_lock is held for writing ---- */

struct readers_gone {
	struct vm_area_struct *vma;
	u32 target;
};

static bool readers_gone(void *arg)
{
	struct readers_gone *w = arg;

	/* Acquire: pairs with the full order in vma_refcount_put(). */
	return smp_load_acquire(&w->vma->vm_refcnt) == w->target;
}

/* Waits until only @keep counts are left beside the writer's offset. */
static void wait_for_readers(struct vm_area_struct *vma, u32 keep, struct lock_site *site)
{
	struct readers_gone w = { .vma = vma, .target = VMA_LOCK_OFFSET + keep };
	struct lock_meta *meta = &vma->vm_lock_meta;
	struct lockstat_release release;

	if (unlikely(!readers_gone(&w))) {
		struct lockstat_wait wait = lockstat_wait_begin(meta);

		wait_event(&vma->vm_mm->vma_writer_wait, readers_gone, &w);
		lockstat_wait_end(meta, &wait, site, 0, true);
	}
	/* What is held from here to mmap_write_unlock() is recorded as a hold of mmap_lock. */
	lockstat_acquired(meta, site);
	release = lockstat_release_begin(meta);
	lockstat_release_end(meta, release);
}

bool vma_is_write_locked(const struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;

	if (!per_vma_locks)
		return (READ_ONCE(mm->mm_lock_seq) & 1) != 0;
	return READ_ONCE(vma->vm_lock_seq) == READ_ONCE(mm->mm_lock_seq);
}

void _vma_start_write(struct vm_area_struct *vma, struct lock_site *site)
{
	mmap_assert_write_locked(vma->vm_mm);
	if (!per_vma_locks || vma_is_write_locked(vma))
		return;
	might_sleep();
	if (!READ_ONCE(vma->vm_refcnt)) {
		/* Detached: nobody can find it.  Attached later, it is locked from the start. */
		WRITE_ONCE(vma->vm_lock_seq, vma->vm_mm->mm_lock_seq);
		return;
	}
	lockdep_acquire(&vma->vm_lock_meta, site, false);
	/* Full order: readers' later increments are refused, earlier ones are waited for. */
	fetch_add(&vma->vm_refcnt, VMA_LOCK_OFFSET);
	wait_for_readers(vma, 1, site);
	WRITE_ONCE(vma->vm_lock_seq, vma->vm_mm->mm_lock_seq);
	/* Release (part of the full order): pairs with the acquire in vma_refcount_inc(). */
	fetch_add(&vma->vm_refcnt, (u32)-VMA_LOCK_OFFSET);
}

void vma_assert_locked(const struct vm_area_struct *vma)
{
	VM_BUG_ON((READ_ONCE(vma->vm_refcnt) & VMA_REF_LIMIT) <= 1 &&
		  !READ_ONCE(vma->vm_mm->mmap_lock.count));
}

void vma_mark_attached(struct vm_area_struct *vma)
{
	VM_BUG_ON(READ_ONCE(vma->vm_refcnt) != 0);
	/* Release: pairs with the acquire in vma_refcount_inc(): readers see the area's fields. */
	smp_store_release(&vma->vm_refcnt, 1);
}

void vma_mark_detached(struct vm_area_struct *vma)
{
	/* Full order, as in vma_refcount_put(). */
	u32 was = fetch_add(&vma->vm_refcnt, (u32)-1);

	VM_BUG_ON(!was);
	if (likely(was == 1))
		return;
	/*
	 * Readers that found the area write-locked are about to drop their counts, and without the
	 * per-area locks there are none at all.
	 */
	fetch_add(&vma->vm_refcnt, VMA_LOCK_OFFSET);
	wait_for_readers(vma, 0, LOCK_SITE());
	fetch_add(&vma->vm_refcnt, (u32)-VMA_LOCK_OFFSET);
}

void vma_lock_ctor(struct vm_area_struct *vma)
{
	vma->vm_refcnt = 0;
	vma->vm_lock_seq = 0;
	vma->vm_mm = NULL;
	lock_meta_init(&vma->vm_lock_meta, &vma_lock_class, NULL);
}
