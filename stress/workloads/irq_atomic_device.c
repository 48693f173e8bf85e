/* SPDX-License-Identifier: MIT */
/*
 * The device of stress-irq-atomic.
 *
 * What.  Each CPU has a ring of buffers, as a network card's receive ring.  The interrupt and the
 * softirq behind it allocate buffers with GFP_ATOMIC, free some, and send some to other CPUs, which
 * free them in their interrupts.
 *
 * States of a buffer.  In the ring, in another CPU's inbox, or with the allocator.
 *
 * Invariants.
 *   I1  The ring is touched with interrupts masked only, by its own CPU.
 *   I2  Each context has its own random stream and counters, so the softirq allocates and frees
 *       with interrupts open: an interrupt can hit it anywhere.
 *
 * Locking.  None; inboxes: pages_mail.h.  Context.  Hardirq and softirq.  Failure.  A refused
 * allocation is counted with the reason that held right after it.
 */
#include <errno.h>

#include "mm/page/page_alloc.h"
#include "mm/page/pcp.h"
#include "runtime/hostmem.h"
#include "stress/workloads/irq_atomic.h"

#define RING_SLOTS	64u
/* Buffers that wait in an inbox at most: a CPU that is down must not swallow all memory. */
#define INBOX_MAX	64u
/* Things that one run of a context does at most. */
#define BUDGET		4u

struct device_ctx {
	struct rand_state rng;
	struct irq_atomic_stats stats;
};

struct device {
	struct pages_block ring[RING_SLOTS];
	unsigned int used;
	struct device_ctx ctx[NR_IRQ_ATOMIC_CTX];
	struct pages_mailbox inbox;	/* the only part that other CPUs touch */
};

static struct device *devices;		/* [nr_cpu_ids] */
static unsigned int order_max;

static bool ring_put(struct device *dev, const struct pages_block *b)
{
	unsigned long flags;
	bool fits;

	local_irq_save(flags);
	fits = dev->used < RING_SLOTS;
	if (fits)
		dev->ring[dev->used++] = *b;
	local_irq_restore(flags);
	return fits;
}

/* @pick: any number. */
static bool ring_take(struct device *dev, u32 pick, struct pages_block *b)
{
	unsigned long flags;
	bool any;

	local_irq_save(flags);
	any = dev->used != 0;
	if (any) {
		unsigned int i = pick % dev->used;

		*b = dev->ring[i];
		dev->ring[i] = dev->ring[--dev->used];
	}
	local_irq_restore(flags);
	return any;
}

static void free_buffer(struct device_ctx *c, const struct pages_block *b)
{
	unsigned int order = oracle_ticket_order(b->ticket);

	c->stats.frees++;
	oracle_free(b->page, order, b->ticket, c->stats.runs);
	__free_pages(b->page, order);
}

static void count_refusal(struct device_ctx *c, gfp_t gfp, unsigned int order)
{
	const struct wmark_request req = {
		.order = order, .highest_zoneidx = gfp_zone(gfp),
		.alloc_flags = gfp_to_alloc_flags(gfp, order),
	};
	const pg_data_t *pgdat = NODE_DATA(this_cpu()->node);

	c->stats.refused[zonelist_refusal(&pgdat->node_zonelists, &req)][order]++;
}

static void allocate(struct device *dev, struct device_ctx *c)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	bool single = !order_max || rand_one_in(&c->rng, 2);
	unsigned int order = single ? 0 : 1 + rand_below(&c->rng, order_max);
	struct pages_block b = { .page = alloc_pages(gfp, order) };

	if (!b.page) {
		count_refusal(c, gfp, order);
		return;
	}
	c->stats.allocs++;
	c->stats.allocs_by_order[order]++;
	c->stats.from_reserve += get_pageblock_migratetype(b.page) == MIGRATE_HIGHATOMIC;
	b.ticket = oracle_alloc(b.page, gfp, order, c->stats.runs);
	if (!ring_put(dev, &b))
		free_buffer(c, &b);
}

/* Gives a buffer of the ring away: to the allocator, or to a CPU that does so. */
static void release(struct device *dev, struct device_ctx *c, bool remote)
{
	struct device *to = &devices[rand_below(&c->rng, nr_cpu_ids)];
	struct pages_block b;

	if (!ring_take(dev, rand_below(&c->rng, RING_SLOTS), &b))
		return;
	if (remote && to != dev && READ_ONCE(to->inbox.nr) < INBOX_MAX) {
		c->stats.sent++;
		pages_mail_send(&to->inbox, &b);
	} else {
		free_buffer(c, &b);
	}
}

static void empty_inbox(struct device *dev, struct device_ctx *c)
{
	struct llist_node *node;
	struct pages_block b;

	if (llist_empty(&dev->inbox.head))
		return;
	for (node = pages_mail_take(&dev->inbox); node;) {
		node = pages_mail_next(&dev->inbox, node, &b);
		c->stats.received++;
		free_buffer(c, &b);
	}
}

/* Whether this interrupt came while its CPU was inside one of its page lists. */
static bool hit_owner(void)
{
	struct zone *zone;

	for_each_zone(zone)
		if (READ_ONCE(this_zone_pcp(zone)->pl.lock.held))
			return true;
	return false;
}

static void run_context(struct device *dev, struct device_ctx *c)
{
	unsigned int budget = 1 + rand_below(&c->rng, BUDGET);

	c->stats.runs++;
	c->stats.owner_hits += hit_owner();
	while (budget--) {
		u32 what = rand_below(&c->rng, 8);

		if (what < 4)
			allocate(dev, c);
		else if (what < 7)
			release(dev, c, what == 4);
		else
			empty_inbox(dev, c);
	}
}

static void device_handler(unsigned int vec, void *arg)
{
	struct device *dev = &devices[smp_processor_id()];
	struct device_ctx *c = &dev->ctx[IN_HARDIRQ];

	(void)vec;
	(void)arg;
	run_context(dev, c);
	if (rand_one_in(&c->rng, 2))
		raise_softirq(SOFTIRQ_NET);
}

static void device_softirq(void)
{
	struct device *dev = &devices[smp_processor_id()];

	run_context(dev, &dev->ctx[IN_SOFTIRQ]);
}

int irq_atomic_device_start(const struct stress_options *opt)
{
	int err;

	devices = hostmem_alloc(nr_cpu_ids * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	order_max = opt->irq_order;
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		for (unsigned int i = 0; i < NR_IRQ_ATOMIC_CTX; i++)
			rand_init(&devices[cpu].ctx[i].rng, opt->seed, (4 + i) * NR_CPUS + cpu);
	open_softirq(SOFTIRQ_NET, "net", device_softirq);
	err = irq_vector_register(DEVICE_VECTOR, "stress-device", device_handler, NULL);
	if (err) {
		hostmem_free(devices, nr_cpu_ids * sizeof(*devices));
		devices = NULL;
	}
	return err;
}

void irq_atomic_device_finish(void)
{
	struct device *dev = &devices[smp_processor_id()];
	struct device_ctx *c = &dev->ctx[IN_SOFTIRQ];
	struct pages_block b;

	local_bh_disable();
	empty_inbox(dev, c);
	while (ring_take(dev, 0, &b))
		free_buffer(c, &b);
	local_bh_enable();
}

void irq_atomic_device_stop(void)
{
	irq_vector_unregister(DEVICE_VECTOR);
	hostmem_free(devices, nr_cpu_ids * sizeof(*devices));
	devices = NULL;
}

void irq_atomic_device_stats(enum irq_atomic_ctx ctx, struct irq_atomic_stats *sum)
{
	*sum = (struct irq_atomic_stats){ 0 };
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const u64 *from = (const u64 *)(const void *)&devices[cpu].ctx[ctx].stats;

		for (size_t i = 0; i < sizeof(*sum) / sizeof(u64); i++)
			((u64 *)(void *)sum)[i] += from[i];
	}
}

const char *irq_atomic_ctx_name(enum irq_atomic_ctx ctx)
{
	return ctx == IN_HARDIRQ ? "hardirq" : "softirq";
}
