/* SPDX-License-Identifier: MIT */
/*
 * A simulated store buffer for the words of store-then-load patterns (dekker_store()).
 *
 * What.  On every real machine a CPU's store may still sit in its store buffer while the CPU goes
 * on and loads another word.  ThreadSanitizer knows nothing of that, and a host CPU shows it too
 * rarely to find a missing barrier.  Here a dekker_store() goes into a queue of its CPU and reaches
 * memory at a random scheduling point, in order, or when the CPU executes a full barrier or waits.
 *
 * Invariants.
 *   I1  Stores of one CPU reach memory in program order (TSO).
 *   I2  A CPU sees its own stores at once: loads look into the queue first.
 *   I3  The queue is empty when the CPU waits, and outside schedules that ask for it.
 *   I4  Any other store of the CPU empties the queue first: only loads can pass a queued store.
 *   I5  For ThreadSanitizer the word is written by who stores, when it stores; but what a release
 *       carries takes effect when the store reaches memory, and is what its CPU had done when it
 *       stored, not what whoever runs at that moment has done.  A fiber that stands for the
 *       store buffer hands it over.
 */
#include "runtime/sim/sched.h"

static bool buffering(void)
{
	return sim_active && sim->running && sim->opt.store_buffer && sim->current != SIM_HOST;
}

TSAN_SWITCHES_FIBER static void hand_over_order(struct sim_cpu *c, const struct sim_store *s)
{
	void *running = tsan_fiber_current();

	tsan_fiber_switch(c->store_fiber);
	tsan_acquire(&c->store_tokens[s->token]);				/* I5 */
	tsan_release(s->word);
	tsan_fiber_switch(running);
}

static void apply_oldest(struct sim_cpu *c)
{
	const struct sim_store *s = &c->stores[0];

	if (s->release)
		hand_over_order(c, s);
	__atomic_store_n(s->word, s->value, __ATOMIC_RELEASE);
	c->nr_stores--;
	for (unsigned int i = 0; i < c->nr_stores; i++)
		c->stores[i] = c->stores[i + 1];
}

void sim_buffer_flush(struct sim_cpu *c, bool all)
{
	while (c->nr_stores && (all || rand_one_in(&c->store_rand, 4)))
		apply_oldest(c);
}

void sim_buffer_exit(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sim->cpus); i++)
		if (sim->cpus[i].store_fiber)
			tsan_fiber_destroy(sim->cpus[i].store_fiber);
}

#if KMEMLAB_EXPLORE

void sim_buffer_store(u32 *word, u32 value, bool release)
{
	struct sim_store s = { .word = word, .value = value, .release = release };
	struct sim_cpu *c;

	if (!buffering()) {
		store_point(word);
		sim_word_store(word, value, release);
		return;
	}
	c = &sim->cpus[sim->current];
	if (c->nr_stores == STORE_BUFFER_DEPTH)
		apply_oldest(c);
	if (!c->store_fiber)
		c->store_fiber = tsan_fiber_create("store buffer");
	/* As many tokens as places, and stores leave in order: the next one is free. */
	s.token = c->next_token++ % STORE_BUFFER_DEPTH;
	sim_word_touch(word);							/* I5 */
	tsan_release(&c->store_tokens[s.token]);
	c->stores[c->nr_stores++] = s;
	sim->stats.stores_delayed++;
	load_point(word);
}

u32 sim_buffer_load(const u32 *word)
{
	load_point(word);
	if (buffering()) {
		const struct sim_cpu *c = &sim->cpus[sim->current];

		for (unsigned int i = c->nr_stores; i-- > 0;)
			if (c->stores[i].word == word)
				return c->stores[i].value;
	}
	return sim_word_load(word);
}

void sim_buffer_drain(void)
{
	if (sim_active && sim->current != SIM_HOST)
		sim_buffer_flush(&sim->cpus[sim->current], true);
}

static inline void marked_point(const void *word)
{
	if (!unlikely(sim_active))
		return;
	sim_yield(SIM_ATOMIC, word);
	if (SIM_PLAIN_POINTS && sim->current != SIM_HOST)
		sim->cpus[sim->current].marked = word;
}

void sim_load_point(const void *word)
{
	marked_point(word);
}

/* A later store, or a locked instruction, is not seen before the stores in the queue (I1). */
void sim_store_point(const void *word)
{
	sim_buffer_drain();
	marked_point(word);
}

#else

_Static_assert(1, "only the explore build delays stores");
static bool __maybe_unused (*const unused_here)(void) = buffering;

#endif
