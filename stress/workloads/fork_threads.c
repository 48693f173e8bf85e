/* SPDX-License-Identifier: MIT */
/*
 * Threads that write while one of them forks.
 *
 * What.  Every CPU runs a thread of one address space.  In each of a few pages every thread has a
 * word of its own, which it counts up.  Now and then one of them forks, while the others go on
 * writing to the very pages that the fork shares; the child looks at all words and writes to them.
 *
 * Invariants.
 *   I1  A thread finds in its word what it wrote last: no write goes to a page that copy-on-write
 *       has replaced, none is undone by it.
 *   I2  The child has of each word one value: its maker's exactly, of every other thread one that
 *       was there between the call of fork and its return.
 *   I3  The child's words do not change under it, nor do its writes reach the parent.
 *
 * Locking.  None: what is tested is that none is needed.  Context.  Task.
 * Failure.  A wrong word is a panic.  Without memory the operation is left out and counted.
 * See also.  fork_load.c; docs/mmu.md, "Copy on write".
 */
#include "mm/vma/fork.h"
#include "stress/workloads/fork_load.h"

#define THREADS_BASE	(VM_LOAD_BASE + (1UL << 30))
#define WORDS_AT_A_TIME	8u
/* Added by a child to what it finds: a value that no thread reaches. */
#define CHILD_MARK	(1ULL << 48)

static struct vm_group group;		/* founded by CPU 0 */

void fork_threads_start(void)
{
	group.first = NULL;
}

static unsigned long word_at(u32 page, unsigned int cpu)
{
	return THREADS_BASE + page * PAGE_SIZE + cpu * sizeof(u64);
}

__cold static void wrong(const char *what, u32 page, unsigned int cpu, u64 found, u64 low)
{
	panic("stress-fork-cow: %s: word of cpu %u in page %u is %llx, it should be %llx or more",
	      what, cpu, page, (unsigned long long)found, (unsigned long long)low);
}

static int map_words(struct user_task *task)
{
	return vm_map(task, THREADS_BASE, FORK_THREAD_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* Counts this thread's word up, after looking at it (I1). */
static void count_up(struct stress_cpu *c, u32 page)
{
	struct fork_cpu *f = c->data;
	unsigned long at = word_at(page, c->id);
	u64 found;

	if (vm_load(f->thread, at, &found) == VM_NO_MEMORY) {
		f->stats.refused++;
		return;
	}
	if (found != f->own[page])
		wrong("a thread's write was lost (I1)", page, c->id, found, f->own[page]);
	if (vm_store(f->thread, at, found + 1) != VM_OK) {
		f->stats.refused++;
		return;
	}
	f->own[page] = found + 1;
	f->stats.thread_writes++;
}

/* What the child finds of @page, between *f->low and @high; then it marks every word. */
static void child_looks(struct stress_cpu *c, struct user_task *child, u32 page, const u64 *high)
{
	struct fork_cpu *f = c->data;
	u64 found, again;

	for (unsigned int cpu = 0; cpu < c->run->opt->cpus; cpu++) {
		unsigned long at = word_at(page, cpu);

		if (vm_load(child, at, &found) != VM_OK)
			return;
		if (found < f->low[cpu] || found > high[cpu])		/* I2 */
			wrong("a child has a word that was not there at the fork (I2)", page, cpu,
			      found, f->low[cpu]);
		if (cpu == c->id && found != f->own[page])
			wrong("a child has not its maker's word (I2)", page, cpu, found,
			      f->own[page]);
		if (vm_store(child, at, found + CHILD_MARK) != VM_OK)
			return;
		if (vm_load(child, at, &again) != VM_OK || again != found + CHILD_MARK)
			wrong("a child's word changed under it (I3)", page, cpu, again,
			      found + CHILD_MARK);
		f->stats.thread_words++;
	}
}

static bool read_words(struct stress_cpu *c, u32 page, u64 *words)
{
	struct fork_cpu *f = c->data;

	for (unsigned int cpu = 0; cpu < c->run->opt->cpus; cpu++)
		if (vm_load(f->thread, word_at(page, cpu), &words[cpu]) != VM_OK)
			return false;
	return true;
}

static void fork_under_writers(struct stress_cpu *c)
{
	u32 page = rand_below(&c->rng, FORK_THREAD_PAGES);
	struct fork_cpu *f = c->data;
	struct user_task *child;
	u64 high[NR_CPUS];

	if (!read_words(c, page, f->low)) {
		f->stats.refused++;
		return;
	}
	child = task_fork(f->thread);
	if (!child || !read_words(c, page, high)) {
		f->stats.refused++;
	} else {
		f->stats.thread_forks++;
		task_switch(child);
		child_looks(c, child, page, high);
		task_switch(f->thread);
		count_up(c, page);					/* I1, I3 */
	}
	if (child)
		task_exit(child);
}

void fork_thread_step(struct stress_cpu *c)
{
	struct fork_cpu *f = c->data;

	if (!f->thread)
		f->thread = vm_group_join(&group, c->id == 0, map_words);
	if (!f->thread)
		return;
	task_switch(f->thread);
	for (u32 i = 0; i < WORDS_AT_A_TIME; i++)
		count_up(c, rand_below(&c->rng, FORK_THREAD_PAGES));
	if (rand_one_in(&c->rng, 8))
		fork_under_writers(c);
	task_switch(NULL);
}

void fork_thread_finish(struct stress_cpu *c)
{
	struct fork_cpu *f = c->data;

	if (!f->thread)
		return;
	task_switch(f->thread);
	for (u32 page = 0; page < FORK_THREAD_PAGES; page++)
		count_up(c, page);
	task_switch(NULL);
	task_exit(f->thread);
	f->thread = NULL;
}
