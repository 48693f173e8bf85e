/* SPDX-License-Identifier: MIT */
/*
 * Random operations on a range of one's own, in an address space that others change as well.
 *
 * What.  The CPU keeps of each page of its range whether it is mapped, with which rights, and what
 * its first word holds; loads, stores and system calls must agree with that.  Nobody else touches
 * the range, but every call takes the locks that the others' faults need.
 *
 * Invariants.
 *   I1  page[i] is how page i of the range is after the last call that returned.
 *
 * Locking.  None.  Context.  Task.  Failure.  Another outcome than the known one is a panic; a call
 * that was refused for lack of memory makes the range begin anew.
 * See also.  fault_load.c.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "stress/workloads/fault_load.h"

#define RANGE_MAX	16u
#define ACCESSES	24u

static unsigned long page_at(struct stress_cpu *c, u32 page)
{
	return fault_range(c->id, fault_pages()) + page * PAGE_SIZE;
}

static enum vm_access expected(const struct fault_page *pg, bool store)
{
	if (pg->prot == FAULT_NOT_MAPPED)
		return VM_MAPERR;
	if (!(pg->prot & (store ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC)))
		return VM_ACCERR;
	return VM_OK;
}

static void access_one(struct stress_cpu *c)
{
	u32 page = rand_below(&c->rng, fault_pages());
	bool store = rand_one_in(&c->rng, 2);
	struct fault_cpu *p = c->data;
	struct fault_page *pg = &p->page[page];
	enum vm_access a;
	u64 value = 0;

	a = store ? vm_store(p->task, page_at(c, page), p->value + 1) :
		    vm_load(p->task, page_at(c, page), &value);
	if (a == VM_NO_MEMORY) {
		p->stats.refused++;
		return;
	}
	if (a != expected(pg, store))
		fault_wrong(c, store ? "store" : "load", page, a);
	if (a != VM_OK) {
		p->stats.denied++;
	} else if (store) {
		p->stats.touches += !pg->value;
		pg->value = ++p->value;
		p->stats.stores++;
	} else {
		if (value != pg->value)
			panic("stress-fault: cpu %u: page %u of its range has %llx, it should be "
			      "%llx (I1)", c->id, page, (unsigned long long)value,
			      (unsigned long long)pg->value);
		p->stats.loads++;
	}
}

struct range {
	u32 first, nr;
};

static struct range pick_range(struct stress_cpu *c)
{
	struct range r = { rand_below(&c->rng, fault_pages()), 0 };

	r.nr = 1 + rand_below(&c->rng, min(fault_pages() - r.first, RANGE_MAX));
	return r;
}

static void note(struct fault_cpu *p, struct range r, u8 prot, bool keep)
{
	for (u32 i = r.first; i < r.first + r.nr; i++) {
		p->page[i].prot = prot;
		if (!keep)
			p->page[i].value = 0;
	}
}

static u8 pick_prot(struct stress_cpu *c)
{
	static const u8 prots[4] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
	};

	return prots[rand_below(&c->rng, 4)];
}

static int map(struct stress_cpu *c, struct range r)
{
	struct fault_cpu *p = c->data;
	u8 prot = pick_prot(c);
	int err = vm_map(p->task, page_at(c, r.first), r.nr, prot, MAP_PRIVATE);

	if (!err) {
		note(p, r, prot, false);
		p->stats.maps++;
	}
	return err;
}

static int unmap(struct stress_cpu *c, struct range r)
{
	struct fault_cpu *p = c->data;
	int err = do_munmap(p->task->mm, page_at(c, r.first), r.nr * PAGE_SIZE);

	if (!err) {
		note(p, r, FAULT_NOT_MAPPED, false);
		p->stats.unmaps++;
	}
	return err;
}

/* Only where all is mapped: a hole makes it an error half way. */
static int protect(struct stress_cpu *c, struct range r)
{
	struct fault_cpu *p = c->data;
	u8 prot = pick_prot(c);
	int err;

	for (u32 i = r.first; i < r.first + r.nr; i++)
		if (p->page[i].prot == FAULT_NOT_MAPPED)
			return map(c, r);
	err = do_mprotect(p->task->mm, page_at(c, r.first), r.nr * PAGE_SIZE, prot);
	if (!err) {
		note(p, r, prot, true);
		p->stats.protects++;
	}
	return err;
}

/* Holes are an error that comes when the rest is done. */
static int zap(struct stress_cpu *c, struct range r)
{
	struct fault_cpu *p = c->data;

	(void)do_madvise(p->task->mm, page_at(c, r.first), r.nr * PAGE_SIZE, MADV_DONTNEED);
	for (u32 i = r.first; i < r.first + r.nr; i++)
		p->page[i].value = 0;
	p->stats.zaps++;
	return 0;
}

/* To the second half of the range and back: the pages come along. */
static int move_there_and_back(struct stress_cpu *c, struct range r)
{
	unsigned long here = page_at(c, r.first), there = page_at(c, fault_pages());
	struct fault_cpu *p = c->data;
	struct mremap_args args = {
		.addr = here, .old_len = r.nr * PAGE_SIZE, .new_len = r.nr * PAGE_SIZE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED, .new_addr = there,
	};
	u64 value = 0;
	long at;

	for (u32 i = r.first; i < r.first + r.nr; i++)
		if (p->page[i].prot != p->page[r.first].prot ||
		    p->page[i].prot == FAULT_NOT_MAPPED)
			return map(c, r);
	at = do_mremap(p->task->mm, &args);
	if (at == -EFAULT)
		return 0;		/* areas that look alike and are not one */
	if (vm_is_err(at))
		return (int)at;
	if (vm_load(p->task, here, &value) != VM_MAPERR)
		fault_wrong(c, "load where nothing is left", r.first, VM_OK);
	if (expected(&p->page[r.first], false) == VM_OK &&
	    vm_load(p->task, there, &value) == VM_OK && value != p->page[r.first].value)
		fault_wrong(c, "wrong value at the new place", r.first, VM_OK);
	args.addr = there;
	args.new_addr = here;
	at = do_mremap(p->task->mm, &args);
	p->stats.moves++;
	return vm_is_err(at) ? (int)at : 0;
}

/* Refused half way: from nothing.  Unmapping the whole range needs no memory. */
static void begin_anew(struct stress_cpu *c)
{
	const struct range all = { 0, fault_pages() };
	struct fault_cpu *p = c->data;

	p->stats.refused++;
	if (do_munmap(p->task->mm, page_at(c, 0), 2ul * fault_pages() * PAGE_SIZE))
		panic("stress-fault: a range cannot be unmapped");
	note(p, all, FAULT_NOT_MAPPED, false);
}

void fault_random_step(struct stress_cpu *c)
{
	static int (*const calls[])(struct stress_cpu *c, struct range r) = {
		map, map, map, unmap, protect, protect, zap, move_there_and_back,
	};

	if (rand_one_in(&c->rng, 2) && calls[rand_below(&c->rng, ARRAY_SIZE(calls))](c,
									pick_range(c)))
		begin_anew(c);
	for (u32 i = 0; i < ACCESSES; i++)
		access_one(c);
}
