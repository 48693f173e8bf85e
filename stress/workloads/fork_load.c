/* SPDX-License-Identifier: MIT */
/*
 * Trees of processes: stress-fork-cow's workload.
 *
 * What.  A fixed number of processes lie on a board.  A CPU takes one, runs it for some operations
 * and puts it back, so that parents and children run on all CPUs, at the same time and in turn.  A
 * process writes to its private pages, forks (the child goes on the board), throws pages away, maps
 * them anew, takes its own right to write and gets the fault for it, executes another program, adds
 * to a page that its family shares, and ends.
 *
 * States of a process.  free -> (root or fork) on the board <-> running -> (exit) free.
 *
 * Invariants.
 *   I1  Who has taken a process off its list owns it and all that is known of it.
 *   I2  sum[page] is the sum over the words of the page as the process has it: the child begins
 *       with its parent's, from then on only its own writes change it.
 *   I3  A family's shared word is the number of additions that its members made.
 *
 * Locking.  Lists of one-word slots, by exchange.  Context.  Task.
 * Failure.  A sum that is wrong, a fault that must not come or does not come: panic.  Refused for
 * lack of memory: counted, and a process whose areas may have gone is ended.
 * See also.  fork_threads.c; tests/mt/test_stress_vm.c.
 */
#include "stress/workloads/fork_load.h"

#include <errno.h>
#include <string.h>

#include "mm/vma/fork.h"
#include "runtime/hostmem.h"

#define PAGE_WORDS	(PAGE_SIZE / sizeof(u64))
#define PAGES_DEFAULT	64u
#define PAGES_MIN	4u
#define TURN_OPS	16u
/* Tables, areas and what slabs round up to, in pages of each process. */
#define PROC_OVERHEAD	12u
/* family->members: the last one is looking. */
#define CLOSED		(~0u)

struct family {
	u32 members;			/* atomic */
	u64 adds;			/* atomic, relaxed */
};

struct proc {
	struct user_task *task;
	struct family *family;
	u64 *sum;			/* [nr_pages], I2 */
};

static struct {
	u32 nr;				/* processes at most */
	u32 pages;			/* private pages of each */
	struct proc *procs;		/* [nr] */
	struct family *families;	/* [nr]: a process is in one */
	struct proc **board, **idle;	/* [nr] each: on the board; free */
	u64 *sums;			/* [nr * pages] */
	struct vm_base base;
} forks;

u32 fork_tasks_max(void)
{
	return forks.nr;
}

u32 fork_pages_each(void)
{
	return forks.pages;
}

/* ---- lists: slots of one word (I1) ---- */

/* Full order: what the last owner did to the process comes before what the next one does. */
static struct proc *take(struct proc **list, u32 start)
{
	for (u32 i = 0; i < forks.nr; i++) {
		struct proc **slot = &list[(start + i) % forks.nr];
		struct proc *p = READ_ONCE(*slot) ? xchg(slot, NULL) : NULL;

		if (p)
			return p;
	}
	return NULL;
}

/* There are as many slots as processes, so one is free. */
static void put(struct proc **list, struct proc *p, u32 start)
{
	for (u32 i = start;; i++) {
		struct proc *none = NULL;

		if (try_cmpxchg(&list[i % forks.nr], &none, p))
			return;
	}
}

/* ---- contents ---- */

static unsigned long page_at(u32 page)
{
	return VM_LOAD_BASE + page * PAGE_SIZE;
}

static unsigned long shared_at(void)
{
	return VM_LOAD_BASE + (forks.pages + 1ul) * PAGE_SIZE;
}

/* What a word adds to the sum of its page; 0 for 0, so that an untouched page has sum 0. */
static u64 weight(u32 word, u64 value)
{
	return value * (0x9e3779b97f4a7c15ULL + 2 * (u64)word);
}

__cold static void wrong_access(struct proc *p, const char *what, u32 page, enum vm_access a)
{
	panic("stress-fork-cow: pid %d, %s of page %u: %s", p->task->pid, what, page,
	      vm_access_name(a));
}

static void check_page(struct stress_cpu *c, struct proc *p, u32 page)
{
	struct fork_cpu *f = c->data;
	u64 sum = 0, value = 0;

	for (u32 word = 0; word < PAGE_WORDS; word++) {
		enum vm_access a = vm_load(p->task, page_at(page) + word * sizeof(u64), &value);

		if (a == VM_NO_MEMORY) {
			f->stats.refused++;
			return;
		}
		if (a != VM_OK)
			wrong_access(p, "load", page, a);
		sum += weight(word, value);
	}
	f->stats.pages_checked++;
	if (sum != p->sum[page])
		panic("stress-fork-cow: pid %d: page %u has sum %llx, it should be %llx (I2)",
		      p->task->pid, page, (unsigned long long)sum,
		      (unsigned long long)p->sum[page]);
}

static void write_word(struct stress_cpu *c, struct proc *p)
{
	u32 page = rand_below(&c->rng, forks.pages), word = rand_below(&c->rng, PAGE_WORDS);
	unsigned long at = page_at(page) + word * sizeof(u64);
	struct fork_cpu *f = c->data;
	u64 old = 0, value = rand_u64(&c->rng);
	enum vm_access a = vm_load(p->task, at, &old);

	f->stats.loads++;
	if (a == VM_OK)
		a = vm_store(p->task, at, value);
	if (a == VM_NO_MEMORY) {
		f->stats.refused++;
		return;
	}
	if (a != VM_OK)
		wrong_access(p, "store", page, a);
	f->stats.stores++;
	p->sum[page] += weight(word, value) - weight(word, old);
}

/* ---- families ---- */

static void join(struct proc *p, struct family *family)
{
	p->family = family;
	fetch_add_relaxed(&family->members, 1);
}

/*
 * One member less.  The last one keeps the family closed, so that nobody founds another in its
 * place, and is told so.  Full order: what others added comes before the last one's look.
 */
static bool close_if_last(struct family *family)
{
	u32 members = READ_ONCE(family->members);

	while (!try_cmpxchg(&family->members, &members, members == 1 ? CLOSED : members - 1))
		;
	return members == 1;
}

/* The last member finds what all of them added (I3). */
static void leave(struct stress_cpu *c, struct proc *p)
{
	struct family *family = p->family;
	struct fork_cpu *f = c->data;
	u64 found = 0, adds;
	enum vm_access a;

	if (!close_if_last(family))
		return;
	adds = READ_ONCE(family->adds);
	a = vm_load(p->task, shared_at(), &found);
	if (a == VM_NO_MEMORY)
		f->stats.refused++;
	else if (a != VM_OK)
		wrong_access(p, "load", forks.pages + 1, a);
	else if (found != adds)
		panic("stress-fork-cow: a family added %llu to its shared word, which is %llu (I3)",
		      (unsigned long long)adds, (unsigned long long)found);
	WRITE_ONCE(family->adds, 0);
	/* Release: pairs with the exchange in found_family(). */
	smp_store_release(&family->members, 0);
}

static void add_shared(struct stress_cpu *c, struct proc *p)
{
	struct fork_cpu *f = c->data;
	u64 old = 0, want;
	int err;

	do {
		want = old;
		err = cmpxchg_user_u64(shared_at(), &old, want + 1);
	} while (!err && old != want);
	if (err) {
		enum vm_access a = vm_outcome(p->task, err);

		if (a != VM_NO_MEMORY)
			wrong_access(p, "add", forks.pages + 1, a);
		f->stats.refused++;
		return;
	}
	fetch_add_relaxed(&p->family->adds, 1);
	f->stats.shared_adds++;
}

/* ---- the life of a process ---- */

/* Private pages, a hole, the shared page. */
static int map_all(struct proc *p)
{
	int err = vm_map(p->task, VM_LOAD_BASE, forks.pages, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	return err ? err : vm_map(p->task, shared_at(), 1, PROT_READ | PROT_WRITE, MAP_SHARED);
}

/* There are as many families as processes; false: all that are free are being closed. */
static bool found_family(struct proc *p)
{
	u32 start = (u32)(p - forks.procs);

	for (u32 i = 0; i < forks.nr; i++) {
		struct family *family = &forks.families[(start + i) % forks.nr];
		u32 none = 0;

		if (try_cmpxchg(&family->members, &none, 1)) {
			p->family = family;
			return true;
		}
	}
	return false;
}

/* Maps all or only the shared page, for a new family; false: there is none. */
static bool begin_family(struct proc *p, bool all)
{
	if (!found_family(p))
		return false;
	if (!(all ? map_all(p) : vm_map(p->task, shared_at(), 1, PROT_READ | PROT_WRITE,
					MAP_SHARED)))
		return true;
	smp_store_release(&p->family->members, 0);
	return false;
}

static void make_root(struct stress_cpu *c)
{
	struct proc *p = take(forks.idle, rand_below(&c->rng, forks.nr));
	struct fork_cpu *f = c->data;

	if (!p)
		return;
	p->task = task_create("root");
	if (p->task && !begin_family(p, true)) {
		task_exit(p->task);
		p->task = NULL;
	}
	if (!p->task) {
		f->stats.refused++;
		put(forks.idle, p, 0);
		return;
	}
	memset(p->sum, 0, forks.pages * sizeof(*p->sum));
	f->stats.roots++;
	put(forks.board, p, rand_below(&c->rng, forks.nr));
}

static void fork_proc(struct stress_cpu *c, struct proc *p)
{
	struct proc *child = take(forks.idle, rand_below(&c->rng, forks.nr));
	struct fork_cpu *f = c->data;

	if (!child)
		return;
	child->task = task_fork(p->task);
	if (!child->task) {
		f->stats.refused++;
		put(forks.idle, child, 0);
		return;
	}
	memcpy(child->sum, p->sum, forks.pages * sizeof(*p->sum));	/* I2 */
	join(child, p->family);
	f->stats.forks++;
	put(forks.board, child, rand_below(&c->rng, forks.nr));
}

/* Ends the process, which this CPU runs; the last look at all its pages. */
static void end_proc(struct stress_cpu *c, struct proc *p, bool whole)
{
	struct fork_cpu *f = c->data;

	for (u32 page = 0; whole && page < forks.pages; page++)
		check_page(c, p, page);
	leave(c, p);
	task_exit(p->task);
	p->task = NULL;
	f->stats.exits++;
	put(forks.idle, p, rand_below(&c->rng, forks.nr));
}

/* Another program: nothing of the old one is left.  False: the process cannot go on. */
static bool exec_proc(struct stress_cpu *c, struct proc *p)
{
	static const struct program prog = {
		.image = "/bin/stress", .text = 16 * PAGE_SIZE, .data = PAGE_SIZE, .bss = PAGE_SIZE,
	};
	struct fork_cpu *f = c->data;
	struct mm_struct *old = p->task->mm;
	enum vm_access a;
	u64 value;

	leave(c, p);
	if (exec_mm(p->task, &prog)) {
		BUG_ON(p->task->mm != old);
		f->stats.refused++;
		return begin_family(p, false);
	}
	f->stats.execs++;
	a = vm_load(p->task, VM_LOAD_BASE, &value);
	if (a != VM_MAPERR)
		wrong_access(p, "load after exec", 0, a);
	memset(p->sum, 0, forks.pages * sizeof(*p->sum));
	return begin_family(p, true);
}

/* ---- operations on ranges; false: the process cannot go on ---- */

struct range {
	u32 first, nr;
};

static struct range pick_range(struct stress_cpu *c)
{
	struct range r = { rand_below(&c->rng, forks.pages), 0 };

	r.nr = 1 + rand_below(&c->rng, min(forks.pages - r.first, 8u));
	return r;
}

static bool zap(struct stress_cpu *c, struct proc *p)
{
	struct range r = pick_range(c);
	struct fork_cpu *f = c->data;

	BUG_ON(do_madvise(p->task->mm, page_at(r.first), r.nr * PAGE_SIZE, MADV_DONTNEED));
	memset(p->sum + r.first, 0, r.nr * sizeof(*p->sum));
	f->stats.zaps++;
	return true;
}

static bool map_anew(struct stress_cpu *c, struct proc *p)
{
	struct range r = pick_range(c);
	struct fork_cpu *f = c->data;

	if (vm_map(p->task, page_at(r.first), r.nr, PROT_READ | PROT_WRITE, MAP_PRIVATE)) {
		f->stats.refused++;
		return false;
	}
	memset(p->sum + r.first, 0, r.nr * sizeof(*p->sum));
	f->stats.maps++;
	return true;
}

static bool protect(struct stress_cpu *c, struct proc *p)
{
	struct range r = pick_range(c);
	u32 page = r.first + rand_below(&c->rng, r.nr);
	struct fork_cpu *f = c->data;
	enum vm_access a;

	if (do_mprotect(p->task->mm, page_at(r.first), r.nr * PAGE_SIZE, PROT_READ)) {
		f->stats.refused++;
		return false;
	}
	a = vm_store(p->task, page_at(page), 1);
	if (a != VM_ACCERR)
		wrong_access(p, "store without the right", page, a);
	f->stats.denied++;
	check_page(c, p, page);
	if (do_mprotect(p->task->mm, page_at(r.first), r.nr * PAGE_SIZE, PROT_READ | PROT_WRITE)) {
		f->stats.refused++;
		return false;
	}
	f->stats.protects++;
	return true;
}

/* ---- a turn ---- */

/* False: the process is over. */
static bool proc_op(struct stress_cpu *c, struct proc *p)
{
	u32 what = rand_below(&c->rng, 256);
	bool whole = true;

	if (what < 160) {
		write_word(c, p);
	} else if (what < 190) {
		check_page(c, p, rand_below(&c->rng, forks.pages));
	} else if (what < 210) {
		add_shared(c, p);
	} else if (what < 224) {
		fork_proc(c, p);
	} else if (what < 232) {
		whole = zap(c, p);
	} else if (what < 238) {
		whole = map_anew(c, p);
	} else if (what < 246) {
		whole = protect(c, p);
	} else if (what < 248) {
		if (!exec_proc(c, p)) {
			/* Without a family, or without all of its areas. */
			task_exit(p->task);
			p->task = NULL;
			put(forks.idle, p, 0);
			return false;
		}
	} else if (what < 254) {
		end_proc(c, p, true);
		return false;
	}
	if (!whole)
		end_proc(c, p, false);
	return whole;
}

static void run_proc(struct stress_cpu *c)
{
	struct proc *p = take(forks.board, rand_below(&c->rng, forks.nr));
	struct fork_cpu *f = c->data;
	u32 ops = 1 + rand_below(&c->rng, TURN_OPS);
	bool there = true;

	if (!p || rand_one_in(&c->rng, 32))
		make_root(c);
	if (!p)
		return;
	f->stats.turns++;
	task_switch(p->task);
	while (there && ops--)
		there = proc_op(c, p);
	task_switch(NULL);
	if (there)		/* otherwise somebody else may have it by now (I1) */
		put(forks.board, p, rand_below(&c->rng, forks.nr));
}

static void fork_step(struct stress_cpu *c)
{
	if (rand_one_in(&c->rng, 4))
		fork_thread_step(c);
	else
		run_proc(c);
}

static void fork_finish(struct stress_cpu *c)
{
	struct proc *p;

	fork_thread_finish(c);
	while ((p = take(forks.board, c->id)) != NULL) {
		task_switch(p->task);
		end_proc(c, p, true);
		task_switch(NULL);
	}
}

/* ---- life cycle and results: host thread ---- */

static void fork_stop(struct stress_run *run)
{
	(void)run;
	hostmem_free(forks.procs, forks.nr * sizeof(*forks.procs));
	hostmem_free(forks.families, forks.nr * sizeof(*forks.families));
	hostmem_free(forks.board, forks.nr * sizeof(*forks.board));
	hostmem_free(forks.idle, forks.nr * sizeof(*forks.idle));
	hostmem_free(forks.sums, forks.nr * (size_t)forks.pages * sizeof(*forks.sums));
	memset(&forks, 0, sizeof(forks));
}

/* So many that all of them with all their pages fill half of memory. */
static int choose_sizes(struct stress_run *run, struct mm_error *err)
{
	const struct stress_options *opt = run->opt;
	unsigned long room = vm_managed_pages() / 2;

	forks.nr = opt->tasks != STRESS_UNSET ? opt->tasks : max(4 * opt->cpus, 8u);
	forks.pages = PAGES_DEFAULT;
	if (opt->pages != STRESS_UNSET)
		forks.pages = opt->pages;
	else if (room / forks.nr < PAGES_DEFAULT + PROC_OVERHEAD)
		forks.pages = room / forks.nr > PAGES_MIN + PROC_OVERHEAD ?
			(u32)(room / forks.nr) - PROC_OVERHEAD : PAGES_MIN;
	if ((u64)forks.nr * (forks.pages + PROC_OVERHEAD) > room)
		return mm_error(err, -EINVAL, "--mem: %u processes of %u pages do not fit into "
				"half of memory; give more, or fewer --tasks or --pages", forks.nr,
				forks.pages);
	return 0;
}

static int fork_start(struct stress_run *run, struct mm_error *err)
{
	int code = choose_sizes(run, err);

	if (code)
		return code;
	forks.procs = hostmem_alloc(forks.nr * sizeof(*forks.procs));
	forks.families = hostmem_alloc(forks.nr * sizeof(*forks.families));
	forks.board = hostmem_alloc(forks.nr * sizeof(*forks.board));
	forks.idle = hostmem_alloc(forks.nr * sizeof(*forks.idle));
	forks.sums = hostmem_alloc(forks.nr * (size_t)forks.pages * sizeof(*forks.sums));
	if (!forks.procs || !forks.families || !forks.board || !forks.idle || !forks.sums) {
		fork_stop(run);
		return mm_error(err, -ENOMEM, "--tasks: the host has no memory for the shadows of "
				"so many; give fewer");
	}
	for (u32 i = 0; i < forks.nr; i++) {
		forks.procs[i].sum = forks.sums + (size_t)i * forks.pages;
		forks.idle[i] = &forks.procs[i];
	}
	fork_threads_start();
	vm_settle(&forks.base);
	return 0;
}

static long fork_pages(struct stress_run *run)
{
	return vm_pages_beyond(run, &forks.base);
}

const struct workload workload_fork_cow = {
	.name = "fork-cow",
	.doc = "Stresses fork and copy-on-write: trees of processes on all CPUs, threads that "
	       "write while they are forked, exec, exit.\v"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct fork_cpu),
	.vm = true,
	.has_tasks = true,
	.has_pages = true,
	.start = fork_start,
	.step = fork_step,
	.finish = fork_finish,
	.drain = vm_drain,
	.pages = fork_pages,
	.stop = fork_stop,
	.report = fork_report,
	.print = fork_print,
};
