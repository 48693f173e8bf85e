/* SPDX-License-Identifier: MIT */
/* The zone behind the page lists under test, and the machine of one CPU they run on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "percpu/percpu.h"
#include "tests/support/pagelist_zone.h"

struct pagelist_zone zone;
struct pagelist_tunables tun;
struct pagelist *pl;

static unsigned int zone_refill(void *owner, unsigned int order, unsigned int migratetype,
				unsigned int nr_blocks, struct list_head *list)
{
	unsigned int n = min(nr_blocks, zone.supply);

	assert_ptr_equal(owner, &zone);
	assert_true(pagelist_order_allowed(order) && migratetype < PAGELIST_PCPTYPES);
	zone.want = nr_blocks;
	zone.refills++;
	for (unsigned int i = 0; i < n; i++) {
		assert_true(zone.next < PAGELIST_ZONE_BLOCKS);
		list_add_tail(&zone.block[zone.next++], list);
	}
	return n;
}

static void zone_spill(void *owner, struct pagelist *list, struct pagelist_spill *it)
{
	struct list_head *entry;
	unsigned int order, index;

	assert_ptr_equal(owner, &zone);
	assert_ptr_equal(list, pl);
	zone.spills++;
	while ((entry = pagelist_spill_next(it, &order, &index))) {
		assert_int_equal(pagelist_index_order(index), order);
		zone.pages += 1u << order;
		assert_true(zone.nr_log < PAGELIST_ZONE_LOG);
		zone.log[zone.nr_log++] = (unsigned int)(entry - zone.block);
	}
}

static void zone_clear_below_high(void *owner)
{
	assert_ptr_equal(owner, &zone);
	zone.cleared++;
}

const struct pagelist_ops pagelist_zone_ops = {
	.refill = zone_refill, .spill = zone_spill, .clear_below_high = zone_clear_below_high,
};

void pagelist_zone_start(enum pagelist_policy policy, int high_min, int high_max, int batch)
{
	static const struct lock_class class = { .name = "pcp", .rank = RANK_PCP };
	struct pagelist_setup setup = {
		.ops = &pagelist_zone_ops, .owner = &zone, .hints = &zone.hints, .tun = &tun,
		.lock_class = &class,
	};

	memset(&zone, 0, sizeof(zone));
	zone.supply = PAGELIST_ZONE_BLOCKS;
	pagelist_tunables_preset(&tun, policy);
	pagelist_init(pl, &setup);
	pagelist_update_tunables(pl, high_min, high_max, batch);
}

void pagelist_zone_finish(void)
{
	unsigned int before = zone.pages;
	int count = pl->count;

	assert_true(pagelist_is_valid(pl));
	assert_int_equal(pagelist_drain_cpu(pl), count);
	assert_int_equal(zone.pages - before, count);
	assert_int_equal(pl->count, 0);
	pagelist_destroy(pl);
}

void own_lock(void) __context_unsafe("the analysis cannot see through an assertion")
{
	assert_true(owner_trylock(&pl->lock));
}

struct list_head *get_order(unsigned int order)
{
	struct list_head *entry;

	own_lock();
	entry = pagelist_alloc(pl, order, PAGELIST_MOVABLE);
	owner_unlock(&pl->lock);
	return entry;
}

void put_order(struct list_head *entry, unsigned int order)
{
	struct pagelist_rest rest;

	own_lock();
	rest = pagelist_free(pl, order, PAGELIST_MOVABLE, entry);
	owner_unlock(&pl->lock);
	if (rest.pages)
		pagelist_spill_rest(pl, rest);
}

void put_new(unsigned int order)
{
	assert_true(zone.next < PAGELIST_ZONE_BLOCKS);
	put_order(&zone.block[zone.next++], order);
}

void put_many(unsigned int n)
{
	while (n--)
		put_new(0);
}

void free_run(unsigned int order, unsigned int n)
{
	while (n--)
		put_new(order);
}

/* cmocka's failures jump, so the test thread itself poses as CPU 0. */
int pagelist_zone_boot(void **state)
{
	struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .no_pin = true };

	(void)state;
	if (machine_boot(&opt) || percpu_boot(1 << 16))
		return -1;
	current_cpu = &cpus[0];
	pl = this_cpu_ptr(alloc_percpu(struct pagelist));
	return 0;
}

int pagelist_zone_shutdown(void **state)
{
	(void)state;
	current_cpu = NULL;
	percpu_shutdown();
	machine_shutdown();
	return 0;
}
