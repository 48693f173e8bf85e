/* SPDX-License-Identifier: MIT */
/*
 * Shootdown under real concurrency.
 *
 * Theorem: when a flush has returned, no CPU uses a translation that was unhooked before it.  CPUs
 * load and store through their TLBs while others unmap, free and reuse the same frames, protect,
 * switch between spaces and go lazy.  Two oracles watch: every stored value is made of its address,
 * so a load that reaches somebody else's frame is seen; and with the generation oracle an access to
 * a freed frame stops the machine.  The tsan build adds that no frame is used without an order to
 * its next life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/mmu/access.h"
#include "tests/support/mmu_space.h"

#define MAX_CPUS	16u
#define NR_PAGES	96UL
#define KEY		0x5bd1e995aaaa5555ULL

static struct space shared, own[MAX_CPUS];
static unsigned int rounds;
static unsigned int patience = 20000;	/* steps to wait for somebody's flush */

static u64 value_of(const struct space *s, unsigned long addr)
{
	return (addr + s->ctx.ctx_id * 0x100000000ULL) ^ KEY;
}

static unsigned long random_word(struct rand_state *r, const struct space *s)
{
	unsigned long pages = (s->end - s->base) >> PAGE_SHIFT;

	return s->base + rand_below(r, (u32)pages) * PAGE_SIZE + rand_below(r, 512) * 8;
}

static void accesses(struct rand_state *r, struct space *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		unsigned long addr = random_word(r, s);
		u64 v;

		if (rand_one_in(r, 2)) {
			CHECK(store_u64(addr, value_of(s, addr)) == 0);
			continue;
		}
		CHECK(load_u64(addr, &v) == 0);
		if (v != 0 && v != value_of(s, addr))
			panic("cpu %u read %#llx at %#lx, which belongs to another page",
			      smp_processor_id(), (unsigned long long)v, addr);
	}
}

static void random_range(struct rand_state *r, struct space *s,
			 void (*fn)(struct space *s, unsigned long addr, unsigned long nr))
{
	unsigned long nr = 1 + rand_below(r, rand_one_in(r, 4) ? 64 : 4);
	unsigned long first = rand_below(r, (u32)(NR_PAGES - nr + 1));

	fn(s, s->base + first * PAGE_SIZE, nr);
}

/* As reclaim does: clear under the lock, note the space, flush later, free last. */
static void deferred_unmap(struct space *s, unsigned long addr, unsigned long nr)
{
	struct tlb_unmap_batch batch = { .flush_required = false };
	struct page *pages[64];
	unsigned int taken = 0;
	spinlock_t *ptl;

	for (unsigned long i = 0; i < nr; i++) {
		pte_t *ptep = pte_find_map_lock(&s->ctx, addr + i * PAGE_SIZE, &ptl);
		pte_t pte;

		if (!ptep)
			continue;
		pte = ptep_get_and_clear(ptep);
		if (pte_present(pte)) {
			tlb_batch_add_pending(&batch, &s->ctx, pte_dirty(pte));
			pages[taken++] = pte_page(pte);
		}
		pte_unmap_unlock(ptep, ptl);
	}
	try_to_unmap_flush(&batch);
	while (taken)
		__free_page(pages[--taken]);
	flush_tlb_batched_pending(&s->ctx);
}

/* The tables stay while somebody looks at them under the same lock as faults. */
static void deferred_unmap_locked(struct space *s, unsigned long addr, unsigned long nr)
{
	down_read(&s->sem);
	deferred_unmap(s, addr, nr);
	up_read(&s->sem);
}

static void unmap_locked(struct space *s, unsigned long addr, unsigned long nr)
{
	down_read(&s->sem);
	space_unmap(s, addr, nr);
	up_read(&s->sem);
}

static void wrprotect_locked(struct space *s, unsigned long addr, unsigned long nr)
{
	down_read(&s->sem);
	space_wrprotect(s, addr, nr);
	up_read(&s->sem);
}

/* Until somebody has flushed the shared space, or a while: what was kept is then stale. */
static void wait_for_flush(void)
{
	u64 gen = READ_ONCE(shared.ctx.tlb_gen);

	for (unsigned int i = 0; i < patience && READ_ONCE(shared.ctx.tlb_gen) < gen + 2; i++) {
		mmu_step_point(0);
		cpu_pause();
	}
}

static void lazy_while(void)
{
	enter_lazy_tlb();
	wait_for_flush();
}

static void worker(void *arg)
{
	unsigned int me = smp_processor_id();
	struct rand_state r;

	(void)arg;
	rand_init(&r, SPACE_SEED, me);
	space_init(&own[me], NR_PAGES);
	switch_mm(&shared.ctx);
	for (unsigned int i = 0; i < rounds; i++) {
		u32 what = rand_below(&r, 100);

		accesses(&r, &shared, 50);
		if (what < 15)
			random_range(&r, &shared, unmap_locked);
		else if (what < 20)
			random_range(&r, &shared, deferred_unmap_locked);
		else if (what < 25)
			random_range(&r, &shared, wrprotect_locked);
		else if (what < 27)
			space_unmap_all(&shared);
		else if (what < 40) {
			switch_mm(&own[me].ctx);
			accesses(&r, &own[me], 20);
			wait_for_flush();
			if (rand_one_in(&r, 4))
				random_range(&r, &own[me], unmap_locked);
		} else if (what < 50)
			lazy_while();
		else if (what < 52)
			flush_tlb_kernel_range(VMALLOC_START, VMALLOC_START + PAGE_SIZE);
		switch_mm(&shared.ctx);
	}
	local_irq_disable();
	CHECK(tlb_is_valid(this_cpu_ptr(&cpu_tlbs)));
	local_irq_enable();
	/* Half of the CPUs leave it to the end of the space to send them away. */
	if (me % 2)
		enter_lazy_tlb();
	else
		switch_mm(&init_mm);
}

static void start(void *arg)
{
	(void)arg;
	space_init(&shared, NR_PAGES);
	switch_mm(&init_mm);
}

static void finish(void *arg)
{
	(void)arg;
	space_destroy(&shared);
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		space_destroy(&own[i]);
}

static void run(unsigned int nr_cpus, struct tlb_options tlb, unsigned int nr_rounds)
{
	struct tlb_stats sum;

	printf("seed %#llx, %u CPUs, oracle %d, %u rounds\n", (unsigned long long)SPACE_SEED,
	       nr_cpus, tlb.oracle, nr_rounds);
	rounds = nr_rounds;
	tlb_trim_interval_ns = NSEC_PER_MSEC;
	space_machine_boot(&(struct space_options){ .nr_cpus = nr_cpus, .tlb = tlb });
	on_cpu(start, NULL);
	cpu_run_all(worker, NULL);
	on_cpu(finish, NULL);
	sum = tlb_stats_sum();
	printf("sent %llu received %llu useless %llu skipped: lazy %llu other %llu; "
	       "lazy drops %llu, entries flushed %llu, faults %u, misses %llu\n",
	       (unsigned long long)sum.ipis_sent, (unsigned long long)sum.ipis_received,
	       (unsigned long long)sum.ipis_received_useless,
	       (unsigned long long)sum.ipis_skipped_lazy,
	       (unsigned long long)sum.ipis_skipped_other,
	       (unsigned long long)sum.lazy_drops, (unsigned long long)sum.entries_flushed,
	       shared.nr_faults, (unsigned long long)sum.misses);
	assert_int_equal(sum.ipis_sent, sum.ipis_received);
	assert_true(sum.ipis_sent > 0 && sum.ipis_skipped_lazy + sum.ipis_skipped_other > 0);
	assert_true(sum.entries_flushed > 0 && sum.switches_no_flush > 0);
	assert_int_equal(warnings_seen(), 0);
	space_machine_shutdown(3);
	tlb_trim_interval_ns = NSEC_PER_SEC;
}

static void test_two_cpus(void **state)
{
	(void)state;
	run(2, (struct tlb_options){ .oracle = false }, 2500);
}

static void test_two_cpus_oracle(void **state)
{
	(void)state;
	run(2, (struct tlb_options){ .oracle = true }, 2500);
}

/*
 * More CPUs than a small host has cores, and a TLB so small that entries are evicted all the
 * time.
 */
static void test_eight_cpus(void **state)
{
	(void)state;
	run(8, (struct tlb_options){ .sets = 8, .ways = 2 }, 400);
}

static void test_eight_cpus_oracle(void **state)
{
	(void)state;
	run(8, (struct tlb_options){ .oracle = true }, 400);
}

/* ---- the same under the seeded scheduler ---- */

/*
 * Every schedule is a seed; the barriers between tlb_gen and cpumask, loaded_word, is_lazy are
 * under test too where the build has the store buffer.
 */
#define SIM_SEEDS	20u
#define BARRIER_SEEDS	100u

static void test_schedules(void **state)
{
	struct sim_options opt = {
		.policy = SIM_RANDOM, .param = 4, .step_limit = 50000000, .store_buffer = true,
	};
	u64 steps = 0;

	(void)state;
	rounds = 12;
	patience = 200;
	tlb_trim_interval_ns = NSEC_PER_MSEC;
	space_machine_boot(&(struct space_options){
		.nr_cpus = 3, .backend = "sim", .tlb = { .oracle = true } });
	for (opt.seed = 1; opt.seed <= SIM_SEEDS; opt.seed++) {
		on_cpu(start, NULL);
		sim_begin(&opt);
		cpu_run_all(worker, NULL);
		steps += sim_end().steps;
		on_cpu(finish, NULL);
	}
	printf("%u schedules, %llu scheduling points\n", SIM_SEEDS, (unsigned long long)steps);
	assert_true(steps > SIM_SEEDS * 1000);
	assert_int_equal(tlb_stats_sum().ipis_sent, tlb_stats_sum().ipis_received);
	assert_true(tlb_stats_sum().ipis_sent > 0);
	space_machine_shutdown(3);
	tlb_trim_interval_ns = NSEC_PER_SEC;
	patience = 20000;
}

/*
 * The two races that only the full barriers prevent: CPU 1 comes back, from laziness or from
 * another space, while CPU 0 unmaps what CPU 1 still has in its TLB.
 */
static void come_back(void)
{
	struct rand_state r;
	u64 v;

	rand_init(&r, SPACE_SEED, 1);
	switch_mm(&shared.ctx);
	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned long page = 0; page < 2; page++)
			CHECK(load_u64(shared.base + page * PAGE_SIZE, &v) == 0);
		if (rand_one_in(&r, 2))
			enter_lazy_tlb();
		else
			switch_mm(&own[1].ctx);
		for (u32 away = rand_below(&r, 8); away; away--)
			mmu_step_point(0);
		switch_mm(&shared.ctx);
	}
	switch_mm(&init_mm);
}

static void returning_or_unmapping(void *arg)
{
	(void)arg;
	if (smp_processor_id()) {
		come_back();
		return;
	}
	for (unsigned int i = 0; i < rounds; i++)
		unmap_locked(&shared, shared.base, 2);
}

static void start_two(void *arg)
{
	space_init(&own[1], NR_PAGES);
	space_init(&own[0], NR_PAGES);
	start(arg);
}

static void test_barriers(void **state)
{
	struct sim_options opt = {
		.policy = SIM_RANDOM, .param = 8, .step_limit = 50000000, .store_buffer = true,
	};
	struct sim_stats stats;
	u64 delayed = 0;

	(void)state;
	rounds = 30;
	tlb_trim_interval_ns = 1000 * NSEC_PER_SEC;
	space_machine_boot(&(struct space_options){
		.nr_cpus = 2, .backend = "sim", .tlb = { .oracle = true } });
	for (opt.seed = 1; opt.seed <= BARRIER_SEEDS; opt.seed++) {
		on_cpu(start_two, NULL);
		sim_begin(&opt);
		cpu_run_all(returning_or_unmapping, NULL);
		stats = sim_end();
		delayed += stats.stores_delayed;
		on_cpu(finish, NULL);
	}
	printf("%u schedules, %llu stores delayed\n", BARRIER_SEEDS, (unsigned long long)delayed);
	assert_true(delayed > 0 || !KMEMLAB_EXPLORE);
	assert_true(tlb_stats_sum().ipis_skipped_lazy + tlb_stats_sum().ipis_skipped_other > 0);
	space_machine_shutdown(3);
	tlb_trim_interval_ns = NSEC_PER_SEC;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_two_cpus_oracle),
		cmocka_unit_test(test_eight_cpus),
		cmocka_unit_test(test_eight_cpus_oracle),
		cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_barriers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
