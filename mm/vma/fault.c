/* SPDX-License-Identifier: MIT */
/*
 * The page fault handler: from an address to its area, locked; and to a signal when there is none.
 *
 * What.  An access found no translation, or not the right to it.  The area is looked up under RCU
 * and locked alone; when that is not possible (it is being changed, it is not there, the fault
 * needs its neighbours) the mmap lock is taken and everything is done again.
 *
 * States.  fault -> area lock -> handled
 *                \-> mmap lock -> handled | stack grown and handled | signal
 *
 * Invariants.
 *   I1  Rights are judged by the area under its lock, never by the entry.
 *   I2  No lock is held when a signal is sent: its handler may use user memory.
 *   I3  Every fault counts once in pgfault, and its first try under an area lock once in
 *       vma_lock_success, _retry, _abort or _miss.
 *
 * Locking.  None on entry and exit.  Context.  Task, interrupts on (mm/mmu/access.c sees to it).
 * Failure.  -EFAULT after a signal, -ENOMEM without one: the access decides.
 * Costs.  No lock but the area's and the table's, no counter but this CPU's.
 * See also.  memory.c; tests/unit/test_fault.c; arch/x86/mm/fault.c in Linux.
 */
#include "mm/vma/fault.h"

#include <errno.h>

#include "mm/mmu/pgtable.h"
#include "mm/page/vmstat.h"
#include "mm/vma/mmap.h"
#include "mm/vma/task.h"

/* Does @vma allow the access? */
static bool access_allowed(const struct vm_area_struct *vma, unsigned int flags)
{
	if (flags & FAULT_FLAG_WRITE)
		return (vma->vm_flags & VM_WRITE) != 0;
	if (flags & FAULT_FLAG_INSTRUCTION)
		return (vma->vm_flags & VM_EXEC) != 0;
	/* Hardware cannot forbid reading what may be written or executed. */
	return (vma->vm_flags & VM_ACCESS_FLAGS) != 0;
}

/* Copies to and from user memory report their failure by their result alone. */
static int send_signal(unsigned int flags, int signo, int code, unsigned long addr)
{
	if (flags & FAULT_FLAG_USER)
		force_sig_fault(signo, code, addr);			/* I2 */
	return -EFAULT;
}

static int end_of_fault(vm_fault_t fault, unsigned int flags, unsigned long addr)
{
	struct user_task *task;

	if (unlikely(fault & VM_FAULT_OOM))
		return -ENOMEM;
	if (unlikely(fault & VM_FAULT_SIGBUS))
		return send_signal(flags, SIGBUS, BUS_ADRERR, addr);
	if (unlikely(fault & VM_FAULT_SIGSEGV))
		return send_signal(flags, SIGSEGV, SEGV_MAPERR, addr);
	task = current_user_task();
	if (task)
		task->min_flt++;
	return 0;
}

/*
 * The area of @addr with the mmap lock held for reading; a stack that ends above is grown.  NULL:
 * there is none, and the lock is not held.
 */
static struct vm_area_struct *lock_mm_and_find_vma(struct mm_struct *mm, unsigned long addr)
	__context_unsafe("held on success only")
{
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	if (likely(vma && vma->vm_start <= addr))
		return vma;
	if (vma && (vma->vm_flags & VM_GROWSDOWN))
		return expand_stack(mm, addr);
	mmap_read_unlock(mm);
	return NULL;
}

static int fault_under_mmap_lock(struct mm_struct *mm, unsigned long addr, unsigned int flags)
	__context_unsafe("lock_mm_and_find_vma()")
{
	struct vm_area_struct *vma = lock_mm_and_find_vma(mm, addr);
	vm_fault_t fault;

	if (!vma)
		return send_signal(flags, SIGSEGV, SEGV_MAPERR, addr);
	if (!access_allowed(vma, flags)) {				/* I1 */
		mmap_read_unlock(mm);
		return send_signal(flags, SIGSEGV, SEGV_ACCERR, addr);
	}
	fault = handle_mm_fault(vma, addr, flags);
	mmap_read_unlock(mm);
	BUG_ON(fault & VM_FAULT_RETRY);
	return end_of_fault(fault, flags, addr);
}

static int do_user_addr_fault(struct mmu_context *ctx, unsigned long addr, unsigned int flags)
{
	struct mm_struct *mm = container_of(ctx, struct mm_struct, context);
	struct vm_area_struct *vma;
	vm_fault_t fault;

	count_vm_event(PGFAULT);					/* I3 */
	if (unlikely(addr >= TASK_SIZE_MAX || ctx == &init_mm))
		return send_signal(flags, SIGSEGV, SEGV_MAPERR, addr);
	vma = lock_vma_under_rcu(mm, addr);
	if (unlikely(!vma))
		return fault_under_mmap_lock(mm, addr, flags);
	if (unlikely(!access_allowed(vma, flags))) {			/* I1 */
		vma_end_read(vma);
		count_vm_event(VMA_LOCK_SUCCESS);
		return send_signal(flags, SIGSEGV, SEGV_ACCERR, addr);
	}
	fault = handle_mm_fault(vma, addr, flags | FAULT_FLAG_VMA_LOCK);
	vma_end_read(vma);
	if (unlikely(fault & VM_FAULT_RETRY)) {
		count_vm_event(VMA_LOCK_RETRY);				/* I3 */
		return fault_under_mmap_lock(mm, addr, flags);
	}
	count_vm_event(VMA_LOCK_SUCCESS);
	return end_of_fault(fault, flags, addr);
}

const struct mmu_fault_ops vma_fault_ops = { .handle_fault = do_user_addr_fault };
