/* SPDX-License-Identifier: MIT */
/*
 * User accesses beyond the fast path: misses, faults, page-crossing accesses, copies.
 *
 * What.  do { step } while the step faults and the handler says "again".  A step translates and
 * uses the frame with no safepoint in between.  An access that crosses a page is two steps, as it
 * is two accesses to hardware.  Copies go page by page, each page one step: an interrupt waits for
 * the copy of at most 4 KiB.
 *
 * Invariants.
 *   I1  Between mmu_translate() and the last use of its result there is no safepoint.
 *   I2  The fault handler is called with interrupts on, no locks, nothing of the step open.
 *
 * Locking.  None.  Context.  Task.  Failure.  -EFAULT, -ENOMEM; copies report what is left.
 * See also.  access.h; tests/unit/test_access.c.
 */
#include "mm/mmu/access.h"

#include <errno.h>
#include <string.h>

#include "mm/mmu/mmu_context.h"
#include "mm/mmu/walk.h"

/* A handler that says "again" this often without effect is a livelock, and a bug. */
#define MAX_FAULT_RETRIES	1000000u

static const struct mmu_fault_ops *fault_ops;

/* Nesting of pagefault_disable(); task of this CPU. */
static DEFINE_PER_CPU(unsigned int, pagefaults_off);

void mmu_fault_register(const struct mmu_fault_ops *ops)
{
	fault_ops = ops;
}

void pagefault_disable(void)
{
	this_cpu_inc(pagefaults_off);
}

void pagefault_enable(void)
{
	this_cpu_dec(pagefaults_off);
}

static int handle_fault(unsigned long addr, unsigned int flags)
{
	owner_inc(this_cpu_ptr(&cpu_tlbs)->stats.faults);
	if (in_atomic() || this_cpu_read(pagefaults_off) || !fault_ops)
		return -EFAULT;
	return fault_ops->handle_fault(loaded_mmu_context(), addr, flags);	/* I2 */
}

/* The front's answer, as in access.h; NULL when it has none. */
static char *front_probe(struct cpu_tlb *tlb, unsigned long addr, enum mmu_access access)
{
	const struct tlb_front *f = &tlb->front[(addr >> PAGE_SHIFT) & (TLB_FRONT_SIZE - 1)];
	unsigned long key = (addr & PAGE_MASK) | tlb->front_salt;

	if ((access == MMU_READ && f->rkey == key) || (access == MMU_WRITE && f->wkey == key))
		return (char *)(addr + f->addend);
	return NULL;
}

/*
 * Begins a step that ends with mmu_end(): returns the frame's host address, or NULL with *@err.
 * @user: FAULT_FLAG_USER or 0.
 */
static char *mmu_begin(unsigned long addr, enum mmu_access access, unsigned int user, int *err)
{
	for (unsigned int tries = 0; tries < MAX_FAULT_RETRIES; tries++) {
		struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);
		unsigned int flags;
		char *host;

		if (unlikely(addr >= TASK_SIZE_MAX)) {
			*err = handle_fault(addr, FAULT_FLAG_PROT | user |
					    (access == MMU_WRITE ? FAULT_FLAG_WRITE : 0));
			*err = *err ? *err : -EFAULT;
			return NULL;
		}
		mmu_step_point(addr);
		tlb_step_begin(tlb);
		host = front_probe(tlb, addr, access);
		if (!host)
			host = mmu_translate(tlb, addr, access, &flags);
		if (likely(host))
			return host;				/* I1 from here */
		tlb_step_end(tlb);
		*err = handle_fault(addr, flags | user);
		if (*err)
			return NULL;
	}
	panic("the fault at %#lx was handled %u times without effect", addr, MAX_FAULT_RETRIES);
}

static void mmu_end(void)
{
	tlb_step_end(this_cpu_ptr(&cpu_tlbs));
}

static bool crosses_page(unsigned long addr, unsigned int size)
{
	return (addr & ~PAGE_MASK) + size > PAGE_SIZE;
}

/* An x86 access need not be aligned: the value may straddle words, so it is moved by bytes. */
static void move_bytes(char *to, const char *from, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		WRITE_ONCE(to[i], READ_ONCE(from[i]));
}

static int load_piece(unsigned long addr, char *val, unsigned int size)
{
	int err = 0;
	char *host = mmu_begin(addr, MMU_READ, FAULT_FLAG_USER, &err);

	if (!host)
		return err;
	if (addr & (size - 1) || (size & (size - 1)))
		move_bytes(val, host, size);
	else if (size == 8)
		*(u64 *)val = READ_ONCE(*(u64 *)host);
	else if (size == 4)
		*(u32 *)val = READ_ONCE(*(u32 *)host);
	else if (size == 2)
		*(u16 *)val = READ_ONCE(*(u16 *)host);
	else
		*val = READ_ONCE(*host);
	mmu_end();
	return 0;
}

static int store_piece(unsigned long addr, const char *val, unsigned int size)
{
	int err = 0;
	char *host = mmu_begin(addr, MMU_WRITE, FAULT_FLAG_USER, &err);

	if (!host)
		return err;
	if (addr & (size - 1) || (size & (size - 1)))
		move_bytes(host, val, size);
	else if (size == 8)
		WRITE_ONCE(*(u64 *)host, *(const u64 *)val);
	else if (size == 4)
		WRITE_ONCE(*(u32 *)host, *(const u32 *)val);
	else if (size == 2)
		WRITE_ONCE(*(u16 *)host, *(const u16 *)val);
	else
		WRITE_ONCE(*host, *val);
	mmu_end();
	return 0;
}

struct mmu_value mmu_load_slow(unsigned long addr, unsigned int size)
{
	unsigned int first = (unsigned int)(PAGE_SIZE - (addr & ~PAGE_MASK));
	struct mmu_value v = { 0, 0 };
	char *bytes = (char *)&v.val;

	if (likely(!crosses_page(addr, size))) {
		v.err = load_piece(addr, bytes, size);
		return v;
	}
	v.err = load_piece(addr, bytes, first);
	if (!v.err)
		v.err = load_piece(addr + first, bytes + first, size - first);
	return v;
}

int mmu_store_slow(unsigned long addr, u64 val, unsigned int size)
{
	unsigned int first = (unsigned int)(PAGE_SIZE - (addr & ~PAGE_MASK));
	const char *bytes = (const char *)&val;
	int err;

	if (likely(!crosses_page(addr, size)))
		return store_piece(addr, bytes, size);
	/* Both pages must be writable before either is written, as on hardware. */
	if (!mmu_begin(addr + first, MMU_WRITE, FAULT_FLAG_USER, &err))
		return err;
	mmu_end();
	err = store_piece(addr, bytes, first);
	return err ? err : store_piece(addr + first, bytes + first, size - first);
}

int cmpxchg_user_u32(unsigned long addr, u32 *old, u32 new)
{
	int err = 0;
	u32 *host;

	if (addr & 3)
		return -EINVAL;
	host = (u32 *)mmu_begin(addr, MMU_WRITE, FAULT_FLAG_USER, &err);
	if (!host)
		return err;
	(void)try_cmpxchg(host, old, new);
	mmu_end();
	return 0;
}

int cmpxchg_user_u64(unsigned long addr, u64 *old, u64 new)
{
	int err = 0;
	u64 *host;

	if (addr & 7)
		return -EINVAL;
	host = (u64 *)mmu_begin(addr, MMU_WRITE, FAULT_FLAG_USER, &err);
	if (!host)
		return err;
	(void)try_cmpxchg(host, old, new);
	mmu_end();
	return 0;
}

int exec_user(unsigned long addr)
{
	int err = 0;

	if (!mmu_begin(addr, MMU_EXEC, FAULT_FLAG_USER, &err))
		return err;
	mmu_end();
	return 0;
}

int load_kernel_u64(unsigned long addr, u64 *val)
{
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);
	unsigned int flags;
	char *host;

	if (addr < KERNEL_START || (addr & 7))
		return -EINVAL;
	mmu_step_point(addr);
	tlb_step_begin(tlb);
	host = mmu_translate(tlb, addr, MMU_READ, &flags);
	if (host)
		*val = READ_ONCE(*(u64 *)host);
	tlb_step_end(tlb);
	return host ? 0 : -EFAULT;
}

/* ---- copies ---- */

/*
 * User memory may be read and written by several CPUs at once without a lock, which is the
 * program's affair.  In the tsan build the words are therefore moved one by one as what they are,
 * atomic to the machine; elsewhere memcpy() does the same faster.
 */
#ifdef KMEMLAB_TSAN
static void user_memcpy(char *to, const char *from, size_t n)
{
	size_t i = 0;

	for (; i < n && ((uintptr_t)(to + i) & 7); i++)
		move_bytes(to + i, from + i, 1);
	for (; n - i >= 8; i += 8) {
		u64 word;

		if ((uintptr_t)(from + i) & 7)
			move_bytes((char *)&word, from + i, 8);
		else
			word = READ_ONCE(*(const u64 *)(from + i));
		WRITE_ONCE(*(u64 *)(to + i), word);
	}
	move_bytes(to + i, from + i, (unsigned int)(n - i));
}

static void user_memset(char *to, size_t n)
{
	static const u64 zero;
	size_t i = 0;

	for (; i < n && ((uintptr_t)(to + i) & 7); i++)
		WRITE_ONCE(to[i], 0);
	for (; n - i >= 8; i += 8)
		WRITE_ONCE(*(u64 *)(to + i), 0);
	move_bytes(to + i, (const char *)&zero, (unsigned int)(n - i));
}
#else
#define user_memcpy(to, from, n)	memcpy((to), (from), (n))
#define user_memset(to, n)		memset((to), 0, (n))
#endif

/* Bytes of the next piece: to the end of the page of @addr. */
static unsigned long piece(unsigned long addr, unsigned long n)
{
	return min(n, PAGE_SIZE - (addr & ~PAGE_MASK));
}

unsigned long copy_to_user(unsigned long to, const void *from, unsigned long n)
{
	const char *src = from;
	int err;

	if (!access_ok(to, n))
		return n;
	while (n) {
		unsigned long len = piece(to, n);
		char *host = mmu_begin(to, MMU_WRITE, 0, &err);

		if (!host)
			break;
		user_memcpy(host, src, len);
		mmu_end();
		to += len;
		src += len;
		n -= len;
	}
	return n;
}

unsigned long copy_from_user(void *to, unsigned long from, unsigned long n)
{
	char *dst = to;
	int err;

	if (!access_ok(from, n))
		return n;
	while (n) {
		unsigned long len = piece(from, n);
		char *host = mmu_begin(from, MMU_READ, 0, &err);

		if (!host)
			break;
		user_memcpy(dst, host, len);
		mmu_end();
		from += len;
		dst += len;
		n -= len;
	}
	return n;
}

unsigned long clear_user(unsigned long to, unsigned long n)
{
	int err;

	if (!access_ok(to, n))
		return n;
	while (n) {
		unsigned long len = piece(to, n);
		char *host = mmu_begin(to, MMU_WRITE, 0, &err);

		if (!host)
			break;
		user_memset(host, len);
		mmu_end();
		to += len;
		n -= len;
	}
	return n;
}
