/* SPDX-License-Identifier: MIT */
/* Blocks of the page scenarios. */
#include "stress/explore/scenarios/page_load.h"

#include "mm/page/pcp.h"

/* Operation numbers of interrupts, apart from those of tasks. */
#define IRQ_OPS		(1u << 20)

static struct {
	struct page_load_block held[PAGE_LOAD_HELD];
	unsigned int nr;
	unsigned int irq_ops;
} load[EXPLORE_MAX_CPUS];

void page_load_setup(void)
{
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++) {
		load[i].nr = 0;
		load[i].irq_ops = 0;
	}
	if (pcp_set_policy(NULL, "linux-6.18") || pcp_set_tunable(NULL, "batch", 3) ||
	    pcp_set_tunable(NULL, "high_min", 6) || pcp_set_tunable(NULL, "high_max", 10))
		panic("the page lists refuse batch 3, high 6 to 10");
}

gfp_t page_load_gfp(struct scenario_cpu *c)
{
	static const gfp_t types[] = {
		GFP_NOWAIT, GFP_NOWAIT | __GFP_MOVABLE, GFP_NOWAIT | __GFP_RECLAIMABLE,
	};

	return types[rand_below(&c->rng, ARRAY_SIZE(types))];
}

bool page_load_alloc(struct scenario_cpu *c, gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (load[c->id].nr == PAGE_LOAD_HELD)
		return false;
	page = alloc_pages(gfp, order);
	if (!page)
		return false;
	load[c->id].held[load[c->id].nr++] = (struct page_load_block){
		.page = page, .order = order, .ticket = oracle_alloc(page, gfp, order, c->op),
	};
	return true;
}

bool page_load_take(struct scenario_cpu *c, struct page_load_block *b)
{
	unsigned int n = load[c->id].nr, i;

	if (!n)
		return false;
	i = rand_below(&c->rng, n);
	*b = load[c->id].held[i];
	load[c->id].held[i] = load[c->id].held[--load[c->id].nr];
	return true;
}

void page_load_free_block(struct scenario_cpu *c, const struct page_load_block *b)
{
	oracle_free(b->page, b->order, b->ticket, c->op);
	__free_pages(b->page, b->order);
}

void page_load_free(struct scenario_cpu *c)
{
	struct page_load_block b;

	if (page_load_take(c, &b))
		page_load_free_block(c, &b);
}

void page_load_free_all(struct scenario_cpu *c)
{
	while (load[c->id].nr)
		page_load_free_block(c, &load[c->id].held[--load[c->id].nr]);
}

unsigned int page_load_held(const struct scenario_cpu *c)
{
	return load[c->id].nr;
}

void page_load_irq(struct scenario_cpu *c)
{
	unsigned int op = IRQ_OPS + load[c->id].irq_ops++;
	struct page *page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 0);
	oracle_ticket_t ticket;

	if (!page)
		return;
	ticket = oracle_alloc(page, GFP_ATOMIC, 0, op);
	oracle_free(page, 0, ticket, op);
	__free_pages(page, 0);
}
