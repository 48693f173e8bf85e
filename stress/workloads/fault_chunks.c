/* SPDX-License-Identifier: MIT */
/*
 * Chunks of pages that all CPUs of an address space fault in at the same time.
 *
 * What.  The CPUs go through chunks in the same order, each at its own pace.  Each stores to a word
 * of its own in every page.  The last one to come looks at the words of all and throws the pages
 * away, so that the next round faults again.
 *
 * Invariants.
 *   I1  Chunk k lies in place k % NR_PLACES, and may be touched when the place's round says k.
 *   I2  When all have come, every word is what its CPU stored: of several faults on one page one
 *       gave the page, and no store went to another.
 *
 * Locking.  None; the counter of arrivals orders the CPUs.  Context.  Task.
 * Failure.  A word that is missing is a panic.  A CPU that has no memory comes without its words.
 * See also.  fault_load.c.
 */
#include <errno.h>
#include <string.h>

#include "stress/workloads/fault_load.h"

#define NR_PLACES	8u
#define CHUNK_PAGES	8u
#define SPACES_MAX	NR_CPUS

struct place {
	u64 round;			/* atomic: chunk that may be touched (I1) */
	u32 arrived;			/* atomic */
	u32 poor;			/* atomic: some of them without all of their words */
} __cacheline_aligned;

static struct place places[SPACES_MAX][NR_PLACES];
static unsigned int members[SPACES_MAX];

static unsigned long word_at(u32 place, u32 page, unsigned int cpu)
{
	return VM_LOAD_BASE + (place * (CHUNK_PAGES + 1ul) + page) * PAGE_SIZE + cpu * sizeof(u64);
}

int fault_chunks_map(struct user_task *task)
{
	int err = 0;

	for (u32 place = 0; place < NR_PLACES && !err; place++)
		err = vm_map(task, word_at(place, 0, 0), CHUNK_PAGES, PROT_READ | PROT_WRITE,
			     place % 4 ? MAP_PRIVATE : MAP_SHARED);
	return err;
}

void fault_chunks_start(const unsigned int *cpus_of, unsigned int nr_spaces)
{
	memset(places, 0, sizeof(places));
	for (unsigned int space = 0; space < nr_spaces; space++) {
		members[space] = cpus_of[space];
		for (u32 place = 0; place < NR_PLACES; place++)
			places[space][place].round = place;
	}
}

/* What a CPU stores to its words of @chunk. */
static u64 tag(u64 chunk, unsigned int cpu)
{
	return (chunk + 1) << 16 | cpu;
}

static void check_words(struct stress_cpu *c, u32 place, u64 chunk)
{
	struct fault_cpu *p = c->data;

	for (u32 page = 0; page < CHUNK_PAGES; page++)
		for (unsigned int cpu = 0; cpu < c->run->opt->cpus; cpu++) {
			const struct fault_cpu *other = c->run->cpu[cpu].data;
			u64 found = 0;
			enum vm_access a;

			if (other->space != p->space)
				continue;
			a = vm_load(p->task, word_at(place, page, cpu), &found);
			if (a != VM_OK && a != VM_NO_MEMORY)
				fault_wrong(c, "load of a word in a common chunk", page, a);
			if (a == VM_OK && found != tag(chunk, cpu))
				panic("stress-fault: the word of cpu %u in page %u of chunk %llu "
				      "is %llx: its store was lost (I2)", cpu, page,
				      (unsigned long long)chunk, (unsigned long long)found);
		}
}

/* The last one: looks, throws the pages away, opens the place for the chunk NR_PLACES later. */
static void finish_chunk(struct stress_cpu *c, struct place *at, u32 place, u64 chunk)
{
	struct fault_cpu *p = c->data;

	if (!READ_ONCE(at->poor))
		check_words(c, place, chunk);
	if (do_madvise(p->task->mm, word_at(place, 0, 0), CHUNK_PAGES * PAGE_SIZE, MADV_DONTNEED))
		panic("stress-fault: a common chunk cannot be thrown away");
	WRITE_ONCE(at->poor, 0);
	WRITE_ONCE(at->arrived, 0);
	/* Release: pairs with the acquire in fault_chunk_step(). */
	smp_store_release(&at->round, chunk + NR_PLACES);
	p->stats.rounds++;
}

bool fault_chunk_step(struct stress_cpu *c)
{
	struct fault_cpu *p = c->data;
	u64 chunk = p->next_chunk;
	u32 place = (u32)(chunk % NR_PLACES);
	struct place *at = &places[p->space][place];
	bool whole = true;

	/* Acquire: pairs with the release in finish_chunk(). */
	if (smp_load_acquire(&at->round) != chunk)
		return false;
	for (u32 i = 0; i < CHUNK_PAGES; i++) {
		/* Mostly all at the same page at the same time, else not all in one order. */
		u32 page = (i + (chunk % 4 ? 0 : c->id)) % CHUNK_PAGES;
		enum vm_access a = vm_store(p->task, word_at(place, page, c->id),
					    tag(chunk, c->id));

		if (a != VM_OK && a != VM_NO_MEMORY)
			fault_wrong(c, "store to a common chunk", page, a);
		whole &= a == VM_OK;
		p->stats.touches++;
	}
	if (!whole) {
		p->stats.refused++;
		WRITE_ONCE(at->poor, 1);
	}
	p->stats.chunks++;
	p->next_chunk++;
	/* Full order: every CPU's stores come before the last one's look (I2). */
	if (fetch_add(&at->arrived, 1) + 1 == members[p->space])
		finish_chunk(c, at, place, chunk);
	return true;
}
