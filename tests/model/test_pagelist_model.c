/* SPDX-License-Identifier: MIT */
/*
 * The page-list engine against a naive model: every decision, every block, in order.
 *
 * Each side has a zone of its own.  Equal decisions keep the two zones equal; any difference shows
 * at once in the log of refills and spills, in the block returned, or in the fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "percpu/pagelist.h"
#include "percpu/percpu.h"
#include "tests/model/pagelist_model.h"

#define OPS_PER_RUN	200000

/* ---- the engine's side ---- */

static struct side real;
static struct list_head blocks[NR_IDS];
static struct pagelist *pl;
static struct pagelist_tunables tun;

static unsigned int real_refill(void *owner, unsigned int order, unsigned int migratetype,
				unsigned int nr_blocks, struct list_head *list)
{
	unsigned int got = 0;

	(void)owner;
	(void)migratetype;
	while (got < nr_blocks && (int)got < world.supply) {
		int id = zone_get(&real, order);

		if (id < 0)
			break;
		list_add_tail(&blocks[id], list);
		got++;
	}
	log_word(&real, -1);
	log_word(&real, (int)nr_blocks);
	log_word(&real, (int)got);
	return got;
}

static void real_spill(void *owner, struct pagelist *list, struct pagelist_spill *it)
{
	struct list_head *entry;
	unsigned int order, index;

	(void)owner;
	(void)list;
	log_word(&real, -2);
	while ((entry = pagelist_spill_next(it, &order, &index))) {
		int id = (int)(entry - blocks);

		assert_int_equal(order, order_of_id(id));
		assert_int_equal(order, pagelist_index_order(index));
		log_word(&real, id);
		zone_put(&real, id);
	}
}

static void real_clear_below_high(void *owner)
{
	(void)owner;
	if (world.clears)
		real.hints &= ~PAGELIST_BELOW_HIGH;
}

static const struct pagelist_ops real_ops = {
	.refill = real_refill, .spill = real_spill, .clear_below_high = real_clear_below_high,
};

static void own_lock(void) __acquires(pl->lock)
	__context_unsafe("the analysis cannot see through an assertion")
{
	assert_true(owner_trylock(&pl->lock));
}

static int real_alloc(unsigned int order, unsigned int migratetype)
{
	struct list_head *entry;

	own_lock();
	entry = pagelist_alloc(pl, order, migratetype);
	owner_unlock(&pl->lock);
	return entry ? (int)(entry - blocks) : -1;
}

static void real_free(int id, unsigned int migratetype, bool may_spill)
{
	struct pagelist_rest rest = { 0 };

	own_lock();
	if (may_spill)
		rest = pagelist_free(pl, order_of_id(id), migratetype, &blocks[id]);
	else
		pagelist_free_nospill(pl, order_of_id(id), migratetype, &blocks[id]);
	owner_unlock(&pl->lock);
	if (rest.pages)
		pagelist_spill_rest(pl, rest);
}

/* ---- driving both ---- */

static int held[NR_IDS];	/* blocks with the caller */
static int nr_held;
static struct rand_state rng;

static u32 below(u32 n)
{
	return rand_below(&rng, n);
}

static void compare_lists(void)
{
	for (unsigned int i = 0; i < NR_PCP_LISTS; i++) {
		struct list_head *pos;
		int n = 0;

		list_for_each(pos, &pl->lists[i]) {
			assert_true(n < m.len[i]);
			assert_int_equal((int)(pos - blocks), m.list[i][n]);
			n++;
		}
		assert_int_equal(n, m.len[i]);
	}
	assert_true(pagelist_is_valid(pl));
}

static void compare(void)
{
	assert_int_equal(real.log.n, ideal.log.n);
	assert_memory_equal(real.log.word, ideal.log.word, (size_t)real.log.n * sizeof(int));
	real.log.n = 0;
	ideal.log.n = 0;
	assert_int_equal(pl->count, m.count);
	assert_int_equal(pl->high, m.high);
	assert_int_equal(pl->alloc_factor, m.alloc_factor);
	assert_int_equal(pl->free_factor, m.free_factor);
	assert_int_equal(pl->free_count, m.free_count);
	assert_int_equal(!!(pl->flags & PAGELIST_PREV_FREE_HIGH_ORDER), m.prev_high_order);
	assert_int_equal(pl->expire, m.expire);
	assert_int_equal(real.hints, ideal.hints);
}

static void set_window(int high_min, int high_max, int batch)
{
	pagelist_update_tunables(pl, high_min, high_max, batch);
	m.high_min = high_min;
	m.high_max = high_max;
	m.batch = batch;
}

/* Windows of every kind: off, below a batch, below two batches, closed, open, wide open. */
static void random_window(void)
{
	static const int batches[] = { 1, 7, 31, 63, 64 };
	int batch = batches[below(ARRAY_SIZE(batches))];
	int high_min = (int)below((u32)batch * 12);
	unsigned int share;

	switch (below(8)) {
	case 0:
		set_window(0, 0, 1);
		break;
	case 1:
		set_window(high_min, high_min, batch);
		break;
	case 3:
		high_min = (int)below(6) * batch;
		set_window(high_min, high_min, batch);
		break;
	case 2:
		set_window((int)below(150), 150, 63);
		break;
	default:
		set_window(high_min, high_min + (int)below(6000), batch);
	}
	share = below(500);
	pagelist_set_cache_share(pl, share);
	m.free_high_batch = share > 3u * (unsigned int)m.batch;
}

static void step_alloc(unsigned int order, unsigned int migratetype)
{
	int id;

	world.supply = rand_one_in(&rng, 50) ? (int)below(40) : NR_BLOCKS;
	id = real_alloc(order, migratetype);
	assert_int_equal(id, model_alloc(order, migratetype));
	if (id >= 0)
		held[nr_held++] = id;
}

static void step_free(unsigned int migratetype, bool may_spill)
{
	u32 i = below((u32)nr_held);
	int id = held[i];

	held[i] = held[--nr_held];
	world.clears = rand_one_in(&rng, 8);
	real_free(id, migratetype, may_spill);
	model_free(id, migratetype, may_spill);
}

/* A block that never was on this CPU: taken from both zones by hand. */
static void step_foreign(unsigned int order)
{
	int id = zone_get(&real, order);

	assert_int_equal(id, zone_get(&ideal, order));
	if (id >= 0)
		held[nr_held++] = id;
}

static void step_rare(void)
{
	bool local = rand_one_in(&rng, 8);
	u32 max = below(2) ? UINT32_MAX : below(300);

	switch (below(14)) {
	case 0:
	case 12:
	case 13:
		random_window();
		break;
	case 1:
	case 2:
		real.hints = ideal.hints = below(3) ? 0 : below(4);
		break;
	case 3:
		assert_int_equal(pagelist_drain_remote(pl, max) > 0, m.count > 0 && max > 0);
		model_drain((int)min(max, (u32)m.count));
		break;
	case 4:
	case 5:
		pagelist_expire_restart(pl);
		m.expire = 3;
		break;
	case 6:
	case 7:
	case 8:
		assert_int_equal(pagelist_expire_tick(pl, local), model_expire_tick(local));
		break;
	default:
		assert_int_equal(pagelist_decay(pl), model_decay());
	}
}

/* Traffic comes in phases, so that the factors get a chance to grow. */
struct phase {
	u32 left;
	u32 allocs_of_16;	/* this many of 16 operations allocate */
	u32 order_kind;		/* 0: order 0; 1: orders 1..3; 2: all */
	bool foreign;		/* frees blocks of other CPUs too */
};

static unsigned int phase_order(const struct phase *p)
{
	if (p->order_kind == 0)
		return 0;
	return p->order_kind == 1 ? 1 + below(3) : model_orders[below(NR_SIZES)];
}

static void step(struct phase *p)
{
	static const u32 mixes[] = { 0, 1, 4, 8, 12, 15, 16 };
	unsigned int migratetype = below(8) ? 1 : below(3);

	if (p->left-- == 0)
		*p = (struct phase){ 1 + below(4000), mixes[below(ARRAY_SIZE(mixes))], below(3),
				     below(2) };
	if (rand_one_in(&rng, 150)) {
		step_rare();
		return;
	}
	if (below(16) < p->allocs_of_16) {
		step_alloc(phase_order(p), migratetype);
		return;
	}
	if (p->foreign || !nr_held)
		step_foreign(phase_order(p));
	if (nr_held)
		step_free(migratetype, !rand_one_in(&rng, 64));
}

static void check_conservation(void)
{
	struct pagelist_stats stats = { 0 };
	u64 spilled = 0;
	int total = nr_held;

	for (int i = 0; i < NR_SIZES; i++)
		total += real.zone[i].len;
	for (int i = 0; i < NR_PCP_LISTS; i++)
		total += m.len[i];
	assert_int_equal(total, NR_IDS);

	pagelist_add_stats(pl, &stats);
	for (int i = 0; i < NR_PAGELIST_SPILL_REASONS; i++)
		spilled += stats.spill_pages[i];
	assert_true(stats.refills <= stats.allocs && stats.refill_failed <= stats.refills);
	assert_true(spilled > 0 && stats.refill_pages > 0);
}

static void run(enum pagelist_policy policy, u64 seed)
{
	static const struct lock_class class = { .name = "pcp", .rank = RANK_PCP };
	struct pagelist_setup setup = {
		.ops = &real_ops, .hints = &real.hints, .tun = &tun, .lock_class = &class,
	};
	struct phase phase = { 0 };

	print_message("policy %s seed %llu\n", pagelist_policy_name(policy),
		      (unsigned long long)seed);
	rand_init(&rng, seed, policy);
	side_reset(&real);
	side_reset(&ideal);
	memset(&m, 0, sizeof(m));
	m.policy = policy;
	nr_held = 0;
	pagelist_tunables_preset(&tun, policy);
	pagelist_init(pl, &setup);
	set_window(0, 0, 1);
	for (int i = 0; i < OPS_PER_RUN; i++) {
		/* The first operations meet the fresh list. */
		if (i == 100 && policy != PAGELIST_NONE)
			set_window(300, 3000, 63);
		step(&phase);
		/* "none" is an empty window whatever the sizes. */
		if (policy == PAGELIST_NONE)
			set_window(0, 0, 1);
		compare();
		if (i % 64 == 0)
			compare_lists();
	}
	compare_lists();
	check_conservation();
	assert_int_equal(pagelist_drain_cpu(pl), m.count);
	pagelist_destroy(pl);
}

static void test_none(void **state)
{
	(void)state;
	run(PAGELIST_NONE, 1);
}

static void test_fixed(void **state)
{
	(void)state;
	run(PAGELIST_FIXED, 2);
}

static void test_linux_6_1(void **state)
{
	(void)state;
	for (u64 seed = 10; seed < 12; seed++)
		run(PAGELIST_LINUX_6_1, seed);
}

static void test_linux_6_12(void **state)
{
	(void)state;
	for (u64 seed = 20; seed < 22; seed++)
		run(PAGELIST_LINUX_6_12, seed);
}

static void test_linux_6_18(void **state)
{
	(void)state;
	for (u64 seed = 30; seed < 34; seed++)
		run(PAGELIST_LINUX_6_18, seed);
}

static void test_linux_7_2(void **state)
{
	(void)state;
	for (u64 seed = 40; seed < 42; seed++)
		run(PAGELIST_LINUX_7_2, seed);
}

/* cmocka's failures jump, so the test thread itself poses as CPU 0. */
static int setup_machine(void **state)
{
	struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .no_pin = true };

	(void)state;
	if (machine_boot(&opt) || percpu_boot(1 << 16))
		return -1;
	current_cpu = &cpus[0];
	pl = this_cpu_ptr(alloc_percpu(struct pagelist));
	return pl ? 0 : -1;
}

static int teardown_machine(void **state)
{
	(void)state;
	current_cpu = NULL;
	percpu_shutdown();
	machine_shutdown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_linux_6_1),
		cmocka_unit_test(test_linux_6_12),
		cmocka_unit_test(test_linux_6_18),
		cmocka_unit_test(test_linux_7_2),
	};

	return cmocka_run_group_tests(tests, setup_machine, teardown_machine);
}
