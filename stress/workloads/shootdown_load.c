/* SPDX-License-Identifier: MIT */
/*
 * Mappings that change while every CPU uses them: stress-shootdown's workload.
 *
 * What.  All CPUs run threads of one address space.  It has some slots, each a window of pages and
 * a second one to move to.  A CPU takes a slot and changes it: unmaps, maps, takes or gives rights,
 * throws the pages away, moves them, forks and writes.  All CPUs meanwhile load and store in all
 * slots and know what must come of it.
 *
 * States of a slot (struct how).  unmapped, or mapped with rights: none, read, read and write; in
 * one window; its first words have one value.
 *
 * Invariants.
 *   I1  A slot's sequence number is odd from before its first change until after the system call
 *       returned.  An access between two looks at the same even number saw the slot in the state
 *       that was published with it.
 *   I2  So the outcome of such an access is known: done, SEGV_MAPERR or SEGV_ACCERR, and a load of
 *       a page's first word gives the slot's value.  A translation that outlives the call that
 *       took it away shows as an access that should have failed, or as a value of another time.
 *   I3  First words are written by the CPU that changes the slot alone, before it publishes.
 *
 * Locking.  A slot's owner word, tried only.  Context.  Task.  Failure.  An outcome that is not the
 * known one is a panic.  A slot whose change was refused for lack of memory is mapped anew.
 * See also.  docs/mmu.md; tests/mt/test_shootdown_mt.c.
 */
#define _GNU_SOURCE
#include "stress/workloads/shootdown_load.h"

#include <errno.h>
#include <string.h>

#include "mm/mmu/tlb.h"
#include "stress/report/text.h"
#include "stress/workloads/vm_common.h"

#define NR_SLOTS	16u
/* More than the pages that a flush invalidates one by one (33). */
#define PAGES_DEFAULT	40u
#define PAGES_MAX	4096u
#define ACCESSES	32u

enum mode { FAST, CHECKED };

/* The second has the MMU compare each frame's generation, which turns its fast path off. */
static const char *const modes[] = { "fast", "checked", NULL };

enum state { UNMAPPED, NO_RIGHTS, READ_ONLY, WRITABLE };

/* What a slot is; published by seq. */
struct how {
	u32 state;			/* enum state */
	u32 window;			/* 0, 1 */
	u32 nr_pages;
	u64 value;			/* of the first word of each page */
};

static struct slot {
	u32 owner;			/* atomic: a CPU changes it */
	u32 seq;			/* atomic: odd while it is changed */
	struct how how;			/* relaxed; written by the owner while seq is odd */
	u64 nr_values;			/* the owner's */
} __cacheline_aligned slots[NR_SLOTS];

struct shootdown_stats {
	u64 loads, stores, maperrs, accerrs;	/* whose outcome was known and right */
	u64 overtaken;				/* the slot was changed meanwhile */
	u64 maps, unmaps, protects, zaps, moves, forks, refused;
	u64 busy;				/* somebody else was changing the slot */
};

struct shootdown_cpu {
	struct user_task *task;
	struct shootdown_stats stats;
};

static struct vm_group group;
static struct vm_base base;
static u32 nr_pages;			/* of a window */

static unsigned long page_at(u32 slot, u32 window, u32 page)
{
	return VM_LOAD_BASE + ((slot * 2ul + window) * (nr_pages + 1ul) + page) * PAGE_SIZE;
}

/* ---- accesses ---- */

static struct how read_how(const struct slot *s)
{
	return (struct how){
		.state = READ_ONCE(s->how.state), .window = READ_ONCE(s->how.window),
		.nr_pages = READ_ONCE(s->how.nr_pages), .value = READ_ONCE(s->how.value),
	};
}

/* I2. */
static enum vm_access expected(const struct how *how, u32 window, u32 page, bool store)
{
	if (how->state == UNMAPPED || window != how->window || page >= how->nr_pages)
		return VM_MAPERR;
	if (how->state == NO_RIGHTS || (store && how->state != WRITABLE))
		return VM_ACCERR;
	return VM_OK;
}

__cold static void wrong(u32 slot, const struct how *how, const char *what, enum vm_access a)
{
	static const char *const states[] = { "unmapped", "without rights", "read-only",
					      "writable" };

	panic("stress-shootdown: %s in slot %u, which is %s in window %u with %u pages: %s (I2)",
	      what, slot, states[how->state], how->window, how->nr_pages, vm_access_name(a));
}

static void count(struct stress_cpu *c, bool store, enum vm_access a)
{
	struct shootdown_cpu *p = c->data;

	if (a == VM_MAPERR)
		p->stats.maperrs++;
	else if (a == VM_ACCERR)
		p->stats.accerrs++;
	else if (store)
		p->stats.stores++;
	else
		p->stats.loads++;
}

static void access_one(struct stress_cpu *c)
{
	u32 slot = rand_below(&c->rng, NR_SLOTS), window, page;
	struct shootdown_cpu *p = c->data;
	struct slot *s = &slots[slot];
	/* Acquire: pairs with the addition in publish(). */
	u32 seq = smp_load_acquire(&s->seq);
	bool store = rand_one_in(&c->rng, 2);
	enum vm_access a, want;
	unsigned long at;
	struct how how;
	u64 value = 0;

	how = read_how(s);
	window = rand_one_in(&c->rng, 8) ? !how.window : how.window;
	page = rand_below(&c->rng, nr_pages);
	if (!rand_one_in(&c->rng, 8) && how.nr_pages)
		page = rand_below(&c->rng, how.nr_pages);
	at = page_at(slot, window, page);
	/* Stores go beside the first word, each CPU's to its own place. */
	a = store ? vm_store(p->task, at + (1 + c->id) * sizeof(u64), c->ops) :
		    vm_load(p->task, at, &value);
	/* A full barrier on both sides: the access lies between the two looks (I1). */
	if (seq & 1 || fetch_add(&s->seq, 0) != seq || a == VM_NO_MEMORY) {
		p->stats.overtaken++;
		return;
	}
	want = expected(&how, window, page, store);
	if (a != want)
		wrong(slot, &how, store ? "a store" : "a load", a);
	if (a == VM_OK && !store && value != how.value)
		panic("stress-shootdown: a load of page %u in slot %u gave %llx, it is %llx (I2)",
		      page, slot, (unsigned long long)value, (unsigned long long)how.value);
	count(c, store, a);
}

/* ---- changes; the slot's owner ---- */

static struct user_task *task_of(struct stress_cpu *c)
{
	struct shootdown_cpu *p = c->data;

	return p->task;
}

/* Gives every page the value, at its first word (I3).  False: no memory. */
static bool write_value(struct stress_cpu *c, u32 slot, struct how *how)
{
	how->value = (u64)(slot + 1) << 48 | ++slots[slot].nr_values;
	for (u32 page = 0; page < how->nr_pages; page++) {
		unsigned long at = page_at(slot, how->window, page);
		enum vm_access a = vm_store(task_of(c), at, how->value);

		if (a == VM_NO_MEMORY)
			return false;
		if (a != VM_OK)
			wrong(slot, how, "its owner's store", a);
	}
	return true;
}

static bool unmap(struct stress_cpu *c, u32 slot, struct how *how)
{
	struct shootdown_cpu *p = c->data;

	if (do_munmap(p->task->mm, page_at(slot, how->window, 0), nr_pages * PAGE_SIZE))
		return false;
	how->state = UNMAPPED;
	p->stats.unmaps++;
	return true;
}

static bool map(struct stress_cpu *c, u32 slot, struct how *how)
{
	struct shootdown_cpu *p = c->data;
	u32 nr = 1 + rand_below(&c->rng, nr_pages);

	if (how->state != UNMAPPED && !unmap(c, slot, how))
		return false;
	how->nr_pages = nr;
	how->value = 0;
	if (vm_map(p->task, page_at(slot, how->window, 0), nr, PROT_READ | PROT_WRITE,
		   rand_one_in(&c->rng, 4) ? MAP_SHARED : MAP_PRIVATE))
		return false;
	how->state = WRITABLE;
	p->stats.maps++;
	return rand_one_in(&c->rng, 4) || write_value(c, slot, how);
}

static bool protect(struct stress_cpu *c, u32 slot, struct how *how)
{
	static const unsigned long prots[] = {
		[NO_RIGHTS] = PROT_NONE, [READ_ONLY] = PROT_READ,
		[WRITABLE] = PROT_READ | PROT_WRITE,
	};
	struct shootdown_cpu *p = c->data;
	u32 state = NO_RIGHTS + rand_below(&c->rng, 3);

	if (do_mprotect(p->task->mm, page_at(slot, how->window, 0), how->nr_pages * PAGE_SIZE,
			prots[state]))
		return false;
	how->state = state;
	p->stats.protects++;
	return true;
}

/* Private pages are zero afterwards, shared ones come back as they were. */
static bool zap(struct stress_cpu *c, u32 slot, struct how *how)
{
	unsigned long at = page_at(slot, how->window, 0);
	struct shootdown_cpu *p = c->data;
	enum vm_access a;

	if (do_madvise(p->task->mm, at, how->nr_pages * PAGE_SIZE, MADV_DONTNEED))
		return false;
	p->stats.zaps++;
	if (how->state == NO_RIGHTS) {
		/* Nobody can look; the next change begins from nothing. */
		return unmap(c, slot, how);
	}
	a = vm_load(p->task, at, &how->value);
	return a == VM_OK && (how->state != WRITABLE || write_value(c, slot, how));
}

static bool move(struct stress_cpu *c, u32 slot, struct how *how)
{
	struct shootdown_cpu *p = c->data;
	const struct mremap_args args = {
		.addr = page_at(slot, how->window, 0), .old_len = how->nr_pages * PAGE_SIZE,
		.new_len = how->nr_pages * PAGE_SIZE, .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
		.new_addr = page_at(slot, !how->window, 0),
	};

	if (vm_is_err(do_mremap(p->task->mm, &args)))
		return false;
	how->window = !how->window;
	p->stats.moves++;
	return true;
}

/* Every page of the space becomes copy-on-write; those of the slot are copied under all eyes. */
static bool fork_and_write(struct stress_cpu *c, u32 slot, struct how *how)
{
	struct shootdown_cpu *p = c->data;
	struct user_task *child = task_fork(p->task);
	bool ok = how->state != WRITABLE || write_value(c, slot, how);

	if (!child)
		return false;
	p->stats.forks++;
	task_exit(child);
	return ok;
}

static void publish(struct slot *s, const struct how *how)
{
	WRITE_ONCE(s->how.state, how->state);
	WRITE_ONCE(s->how.window, how->window);
	WRITE_ONCE(s->how.nr_pages, how->nr_pages);
	WRITE_ONCE(s->how.value, how->value);
	/* Pairs with the acquire in access_one(). */
	(void)fetch_add(&s->seq, 1);
}

static bool change(struct stress_cpu *c, u32 slot, struct how *how)
{
	u32 what = rand_below(&c->rng, 64);

	if (how->state == UNMAPPED || what < 12)
		return map(c, slot, how);
	if (what < 22)
		return unmap(c, slot, how);
	if (what < 46)
		return protect(c, slot, how);
	if (what < 54)
		return zap(c, slot, how);
	if (what < 62)
		return move(c, slot, how);
	return fork_and_write(c, slot, how);
}

/* After a change refused half way: from nothing.  Unmapping whole areas needs no memory. */
static void clear_slot(struct stress_cpu *c, u32 slot, struct how *how)
{
	struct shootdown_cpu *p = c->data;

	p->stats.refused++;
	for (u32 window = 0; window < 2; window++)
		if (do_munmap(p->task->mm, page_at(slot, window, 0), nr_pages * PAGE_SIZE))
			panic("stress-shootdown: a window cannot be unmapped");
	*how = (struct how){ .state = UNMAPPED };
}

static void change_one(struct stress_cpu *c)
{
	u32 slot = rand_below(&c->rng, NR_SLOTS), nobody = 0;
	struct shootdown_cpu *p = c->data;
	struct slot *s = &slots[slot];
	struct how how;

	/* Acquire: pairs with the release below. */
	if (!try_cmpxchg_acquire(&s->owner, &nobody, 1)) {
		p->stats.busy++;
		return;
	}
	/* Full order: whoever saw the old number sees it change before anything else does (I1). */
	(void)fetch_add(&s->seq, 1);
	how = s->how;
	if (!change(c, slot, &how))
		clear_slot(c, slot, &how);
	publish(s, &how);
	smp_store_release(&s->owner, 0);
}

/* ---- operations ---- */

static int map_nothing(struct user_task *task)
{
	(void)task;
	return 0;
}

static void shootdown_step(struct stress_cpu *c)
{
	struct shootdown_cpu *p = c->data;

	if (!p->task)
		p->task = vm_group_join(&group, c->id == 0, map_nothing);
	if (!p->task)
		return;
	task_switch(p->task);
	if (rand_one_in(&c->rng, 4))
		change_one(c);
	for (u32 i = 0; i < ACCESSES; i++)
		access_one(c);
	/* Sometimes the CPU has something else to do, and flushes find it lazy. */
	if (rand_one_in(&c->rng, 8))
		task_switch(NULL);
}

static void shootdown_finish(struct stress_cpu *c)
{
	struct shootdown_cpu *p = c->data;

	if (!p->task)
		return;
	task_switch(NULL);
	task_exit(p->task);
	p->task = NULL;
}

/* ---- life cycle and results: host thread ---- */

static int shootdown_start(struct stress_run *run, struct mm_error *err)
{
	memset(slots, 0, sizeof(slots));
	group.first = NULL;
	nr_pages = run->opt->pages != STRESS_UNSET ? run->opt->pages : PAGES_DEFAULT;
	if (nr_pages > PAGES_MAX)
		return mm_error(err, -EINVAL, "--pages: %u in each of %u slots is too much; give "
				"1..%u", nr_pages, NR_SLOTS, PAGES_MAX);
	/* A fork copies each page at most once. */
	if (2ul * NR_SLOTS * nr_pages > vm_managed_pages() / 2)
		return mm_error(err, -EINVAL, "--pages: %u slots of %u pages do not fit into half "
				"of memory; give less, or more --mem", NR_SLOTS, nr_pages);
	tlb_set_checks(run->mode == CHECKED, false);
	vm_settle(&base);
	return 0;
}

static long shootdown_pages(struct stress_run *run)
{
	return vm_pages_beyond(run, &base);
}

static struct shootdown_stats add_up(struct stress_run *run)
{
	struct shootdown_stats s;

	vm_add_up(run, offsetof(struct shootdown_cpu, stats), sizeof(s), &s);
	return s;
}

static json_t *shootdown_report(struct stress_run *run)
{
	struct shootdown_stats s = add_up(run);
	json_t *obj = json_object();

#define PUT(member) json_object_set_new(obj, #member, json_integer((json_int_t)s.member))
	PUT(loads);
	PUT(stores);
	PUT(maperrs);
	PUT(accerrs);
	PUT(overtaken);
	PUT(maps);
	PUT(unmaps);
	PUT(protects);
	PUT(zaps);
	PUT(moves);
	PUT(forks);
	PUT(refused);
	PUT(busy);
#undef PUT
	return obj;
}

static void shootdown_print(struct stress_run *run, FILE *out)
{
	struct shootdown_stats s = add_up(run);
	u64 known = s.loads + s.stores + s.maperrs + s.accerrs;

	fprintf(out, "accesses  %s loads, %s stores, %s SEGV_MAPERR, %s SEGV_ACCERR; %s overtaken "
		"by a change\n", text_count(s.loads).s, text_count(s.stores).s,
		text_count(s.maperrs).s, text_count(s.accerrs).s,
		text_share((double)s.overtaken, (double)(known + s.overtaken)).s);
	fprintf(out, "changes   %s maps, %s unmaps, %s mprotects, %s madvises, %s moves, %s forks; "
		"%s refused\n", text_count(s.maps).s, text_count(s.unmaps).s,
		text_count(s.protects).s, text_count(s.zaps).s, text_count(s.moves).s,
		text_count(s.forks).s, text_count(s.refused).s);
	vm_print_events(out);
}

const struct workload workload_shootdown = {
	.name = "shootdown",
	.doc = "Stresses TLB shootdown: every CPU uses mappings that all CPUs unmap, protect, move "
	       "and copy.  --mode fast or checked (frame generations compared on each access).\v"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct shootdown_cpu),
	.vm = true,
	.has_pages = true,
	.modes = modes,
	.start = shootdown_start,
	.step = shootdown_step,
	.finish = shootdown_finish,
	.drain = vm_drain,
	.pages = shootdown_pages,
	.report = shootdown_report,
	.print = shootdown_print,
};
