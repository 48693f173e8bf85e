/* SPDX-License-Identifier: MIT */
/* Scenario: blocks allocated on one CPU and freed on another, through mailboxes. */
#include "runtime/lib/llist.h"
#include "stress/explore/scenarios/page_load.h"

static struct llist_head mail[EXPLORE_MAX_CPUS];

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	page_load_setup();
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++)
		mail[i].first = NULL;
}

static void send(struct scenario_cpu *c)
{
	struct page_load_block b;

	if (!page_load_take(c, &b))
		return;
	b.page->private = b.ticket;
	b.page->index = b.order;
	/* Release in llist_add(): what this CPU wrote into the block and its struct page. */
	(void)llist_add((struct llist_node *)(void *)&b.page->lru,
			&mail[rand_below(&c->rng, c->nr_cpus)]);
}

static void receive(struct scenario_cpu *c)
{
	struct llist_node *node = llist_del_all(&mail[c->id]);

	while (node) {
		struct list_head *lru = (struct list_head *)(void *)node;
		struct page *page = container_of(lru, struct page, lru);
		const struct page_load_block b = {
			.page = page, .ticket = page->private, .order = (unsigned int)page->index,
		};

		node = node->next;
		page_load_free_block(c, &b);
	}
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 dice = rand_below(&c->rng, 8);

		if (dice < 4)
			page_load_alloc(c, page_load_gfp(c), rand_one_in(&c->rng, 8) ? 1 : 0);
		else if (dice < 7)
			send(c);
		else
			receive(c);
	}
	page_load_free_all(c);
	receive(c);
}

/* What was sent to a CPU after it had ended. */
static void receive_rest(void *arg)
{
	struct scenario_cpu c = { .nr_cpus = *(unsigned int *)arg };

	for (c.id = 0; c.id < c.nr_cpus; c.id++)
		receive(&c);
}

static void check(unsigned int nr_cpus)
{
	cpu_run(0, receive_rest, &nr_cpus);
}

static const struct scenario scenario = {
	.name = "pages-remote",
	.doc = "blocks freed by another CPU than allocated them: stale or doubled hand-overs",
	.cpus = 3, .ops = 99, .pages = true,
	.setup = setup, .run = run, .irq = page_load_irq, .check = check,
};

EXPLORE_SCENARIO(scenario);
