/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's workload.
 *
 * What.  Each CPU holds a set of blocks around a target that wanders, and at each operation
 * allocates or frees one, at random.  Sometimes it frees on another CPU (through a mailbox),
 * allocates in bulk, splits a block, masks interrupts, drains all page lists, changes page-list
 * constants, or reads a /proc text.  Now and then it takes memory until nothing is left, then
 * gives it back.
 *
 * States of a CPU.  steady -> grabbing (until refused, or its table is full) -> releasing (down to
 * its target) -> steady.
 *
 * Invariants.
 *   I1  A block is in one place: a CPU's table, or a mailbox, or the allocator.
 *   I2  Every block is told to the oracle as it comes and as it goes, with one ticket.
 *   I3  What a CPU does depends on its random stream and on what the allocator returns only; alone
 *       on the machine it does the same in every run.
 *
 * Locking.  None.  Mailboxes: pages_mail.h.  Constants are changed by CPU 0 alone, as
 * zone_pcp_update() asks for.
 * Context.  Task.  Failure.  A refused allocation is counted by what was short.
 * See also.  tests/mt/test_stress_pages.c.
 */
#include "stress/workloads/pages_load.h"

#include <errno.h>
#include <string.h>

#include "mm/page/page_alloc.h"
#include "mm/page/pcp.h"
#include "mm/procfs.h"
#include "runtime/hostmem.h"
#include "runtime/irq.h"
#include "stress/report/text.h"
#include "stress/workloads/pages_mail.h"
#include "stress/workloads/pages_pick.h"

/* Blocks a mailbox may hold: a CPU that is not running must not swallow all memory. */
#define MAIL_MAX	256u
/* Largest bulk request; the kernel's page pools ask for about as many. */
#define BULK_MAX	32u
/* A CPU's table at most; what does not fit is left to others. */
#define HELD_MAX	(1u << 20)
/* Steady target at most, in blocks: beyond, memory is only touched colder. */
#define TARGET_MAX	4096u
/* Below this share (pages) a CPU leaves orders 4 and up alone: one block would be its all. */
#define SHARE_FOR_BIG	4096u

enum mode { STEADY, GRABBING, RELEASING };

/* Why an allocation was refused. */
enum refusal { NO_MEMORY, FRAGMENTED, NO_ATOMIC, NR_REFUSALS };

static const char *const refusal_names[NR_REFUSALS] = {
	"no memory", "fragmented", "atomic reserve",
};

struct pages_stats {
	u64 frees, bulk_pages, remote_frees, splits, drains, retunes, proc_reads;
	u64 grabs;			/* times that memory was taken to the brim */
	u64 refused[NR_REFUSALS];
	u64 by_order[NR_PAGE_ORDERS];
};

struct pages_cpu {
	struct pages_block *held;	/* [max] */
	unsigned int nr, max;
	unsigned int target;		/* blocks in steady state */
	unsigned int share;		/* pages: this CPU's part of the machine */
	enum mode mode;
	bool retuned;			/* page lists run with other constants than usual */
	FILE *sink;			/* where /proc texts go */
	struct pages_stats stats;
	struct pages_mailbox inbox;	/* the only part that other CPUs touch */
};

static struct pages_cpu *pages_of(struct stress_run *run, unsigned int cpu)
{
	return run->cpu[cpu].data;
}

/* ---- taking and giving, with the oracle in between ---- */

static void hold(struct stress_cpu *c, struct page *page, gfp_t gfp, unsigned int order)
{
	struct pages_cpu *p = c->data;

	p->stats.by_order[order]++;
	p->held[p->nr++] = (struct pages_block){
		.page = page, .ticket = oracle_alloc(page, gfp, order, c->ops),
	};
}

static void count_refusal(struct pages_cpu *p, gfp_t gfp, unsigned int order)
{
	enum refusal why = NO_MEMORY;

	if (gfp_is_atomic(gfp))
		why = NO_ATOMIC;
	else if (order && global_zone_page_state(NR_FREE_PAGES) > p->share)
		why = FRAGMENTED;
	p->stats.refused[why]++;
}

/* @word says how. */
static void free_block(struct stress_cpu *c, struct pages_block b, u64 word)
{
	struct pages_cpu *p = c->data;
	unsigned int order = oracle_ticket_order(b.ticket);

	p->stats.frees++;
	oracle_free(b.page, order, b.ticket, c->ops);
	if (unlikely(order == 0 && pick_once(word, PICK_COLD))) {
		free_cold_page(b.page);
	} else if (unlikely(order == 0 && pick_once(word, PICK_GET))) {
		/* Somebody else's short look at the page. */
		get_page(b.page);
		__free_pages(b.page, 0);
		put_page(b.page);
	} else {
		__free_pages(b.page, order);
	}
}

static struct pages_block take(struct pages_cpu *p, u64 word)
{
	unsigned int i = pick_index(word, p->nr);
	struct pages_block b = p->held[i];

	p->held[i] = p->held[--p->nr];
	return b;
}

/* True when another CPU has taken over to free it. */
static bool send_away(struct stress_cpu *c, struct pages_block b)
{
	unsigned int nr_cpus = c->run->opt->cpus;
	struct pages_mailbox *box;

	if (nr_cpus == 1)
		return false;
	box = &pages_of(c->run, (c->id + 1 + rand_below(&c->rng, nr_cpus - 1)) % nr_cpus)->inbox;
	if (READ_ONCE(box->nr) >= MAIL_MAX)
		return false;
	pages_mail_send(box, &b);
	return true;
}

static void free_one(struct stress_cpu *c, u64 word)
{
	struct pages_cpu *p = c->data;
	struct pages_block b = take(p, word);

	if (pick_once(word, PICK_REMOTE) && send_away(c, b))
		p->stats.remote_frees++;
	else
		free_block(c, b, word);
}

static void read_mail(struct stress_cpu *c)
{
	struct pages_cpu *p = c->data;
	struct llist_node *node;
	struct pages_block b;

	if (llist_empty(&p->inbox.head))
		return;
	for (node = pages_mail_take(&p->inbox); node;) {
		node = pages_mail_next(&p->inbox, node, &b);
		free_block(c, b, rand_u64(&c->rng));
	}
}

/* ---- operations ---- */

static struct page *ask(struct stress_cpu *c, gfp_t gfp, unsigned int order, u64 word)
{
	unsigned long flags;
	struct page *page;

	if (nr_node_ids > 1 && pick_once(word, PICK_NODE))
		return alloc_pages_node((int)rand_below(&c->rng, nr_node_ids), gfp, order);
	if (gfp_can_block(gfp) || !pick_once(word, PICK_MASKED))
		return alloc_pages(gfp, order);
	local_irq_save(flags);
	page = alloc_pages(gfp, order);
	local_irq_restore(flags);
	return page;
}

/* False when the allocator refused. */
static bool allocate(struct stress_cpu *c, u64 word)
{
	struct pages_cpu *p = c->data;
	unsigned int order = pick_order(word, p->share >= SHARE_FOR_BIG);
	gfp_t gfp = pick_gfp(word, order);
	struct page *page = ask(c, gfp, order, word);

	if (!page) {
		count_refusal(p, gfp, order);
		return false;
	}
	if (unlikely(order - 1u < 3 && !(gfp & __GFP_COMP) && pick_once(word, PICK_SPLIT))) {
		split_page(page, order);
		p->stats.splits++;
		for (unsigned int i = 0; i < 1u << order; i++)
			hold(c, page + i, gfp, 0);
	} else {
		hold(c, page, gfp, order);
	}
	return true;
}

static void allocate_bulk(struct stress_cpu *c, u64 word)
{
	struct pages_cpu *p = c->data;
	gfp_t gfp = pick_gfp(word, 0);
	unsigned int nr = 1 + rand_below(&c->rng, BULK_MAX), got;
	struct page *pages[BULK_MAX] = { NULL };

	got = alloc_pages_bulk(gfp, nr, pages);
	p->stats.bulk_pages += got;
	for (unsigned int i = 0; i < got; i++)
		hold(c, pages[i], gfp, 0);
	if (got < nr)
		count_refusal(p, gfp, 0);
}

/* Runs with other constants until the next rare event. */
static void retune(struct stress_cpu *c)
{
	static const struct {
		const char *name;
		u32 values[4];
	} knobs[] = {
		{ "batch", { 0, 1, 7, 63 } },
		{ "high_min", { 0, 0, 31, 500 } },
		{ "scale_max", { 0, 2, 5, 6 } },
		{ "spill_chunk", { 0, 1, 2, 4 } },
	};
	static const char *const policies[] = {
		"none", "fixed", "linux-6.1", "linux-6.12", "linux-6.18", "linux-7.2",
	};
	struct pages_cpu *p = c->data;
	unsigned int i = rand_below(&c->rng, ARRAY_SIZE(knobs) + 1);
	struct zone *zone = &zones[rand_below(&c->rng, nr_zones)];
	int err;

	p->stats.retunes++;
	p->retuned = true;
	if (i < ARRAY_SIZE(knobs))
		err = pcp_set_tunable(zone, knobs[i].name, knobs[i].values[rand_below(&c->rng, 4)]);
	else
		err = pcp_set_policy(zone, policies[rand_below(&c->rng, ARRAY_SIZE(policies))]);
	WARN_ON_ONCE(err != 0);
}

static void read_proc(struct stress_cpu *c)
{
	static const char *const names[] = {
		"buddyinfo", "pagetypeinfo", "zoneinfo", "vmstat", "meminfo",
	};
	struct pages_cpu *p = c->data;

	if (!p->sink)
		return;
	rewind(p->sink);
	p->stats.proc_reads++;
	WARN_ON_ONCE(proc_show(names[rand_below(&c->rng, ARRAY_SIZE(names))], p->sink) != 0);
}

static void tune_back(struct stress_cpu *c)
{
	struct pages_cpu *p = c->data;

	p->retuned = false;
	WARN_ON_ONCE(pcp_set_policy(NULL, pagelist_policy_name(PAGELIST_LINUX_6_18)) != 0);
}

/* What happens once in thousands of operations. */
static void rare_event(struct stress_cpu *c)
{
	struct pages_cpu *p = c->data;

	if (p->retuned)
		tune_back(c);
	switch (rand_below(&c->rng, 16)) {
	case 0:
		p->mode = GRABBING;
		p->stats.grabs++;
		break;
	case 1:
	case 2:
		p->stats.drains++;
		drain_all_pages(rand_one_in(&c->rng, 2) ? NULL :
				&zones[rand_below(&c->rng, nr_zones)]);
		break;
	case 3:
		drain_local_pages(NULL);
		break;
	case 4:
	case 5:
		if (c->id == 0 && !stress_options_fix_pcp(c->run->opt))
			retune(c);
		break;
	case 6:
		read_proc(c);
		break;
	default:
		p->target = 1 + rand_below(&c->rng, min(p->share / 4, TARGET_MAX));
		break;
	}
}

static void steady(struct stress_cpu *c, u64 word)
{
	struct pages_cpu *p = c->data;
	/* Three in four operations move towards the target, the fourth away from it. */
	bool grow = (p->nr < p->target) != pick_once(word, PICK_AWAY);

	if (p->nr && (!grow || p->nr + BULK_MAX >= p->max))
		free_one(c, word);
	else if (unlikely(pick_once(word, PICK_BULK)))
		allocate_bulk(c, word);
	else
		(void)allocate(c, word);
}

static void pages_step(struct stress_cpu *c)
{
	struct pages_cpu *p = c->data;
	u64 word = rand_u64(&c->rng);

	read_mail(c);
	if (unlikely(pick_once(word, PICK_RARE)))
		rare_event(c);
	switch (p->mode) {
	case STEADY:
		steady(c, word);
		break;
	case GRABBING:
		if (p->nr + BULK_MAX >= p->max || !allocate(c, word))
			p->mode = RELEASING;
		break;
	case RELEASING:
		if (p->nr > p->target)
			free_one(c, word);
		else
			p->mode = STEADY;
		break;
	}
}

static void pages_finish(struct stress_cpu *c)
{
	struct pages_cpu *p = c->data;

	read_mail(c);
	while (p->nr) {
		u64 word = rand_u64(&c->rng);

		free_block(c, take(p, word), word);
	}
}

/* ---- life cycle and results: host thread ---- */

static void pages_stop(struct stress_run *run)
{
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct pages_cpu *p = pages_of(run, cpu);

		if (p->held)
			hostmem_free(p->held, p->max * sizeof(*p->held));
		if (p->sink)
			fclose(p->sink);
		p->held = NULL;
		p->sink = NULL;
	}
}

static int pages_start(struct stress_run *run, struct mm_error *err)
{
	unsigned long managed = 0;
	struct zone *zone;

	for_each_zone(zone)
		managed += zone->managed_pages;
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		struct pages_cpu *p = pages_of(run, cpu);

		p->max = (unsigned int)min(managed, (unsigned long)HELD_MAX);
		p->share = (unsigned int)min(managed / run->opt->cpus, (unsigned long)UINT32_MAX);
		p->target = min(p->share / 4, TARGET_MAX / 2);
		p->held = hostmem_alloc(p->max * sizeof(*p->held));
		p->sink = fopen("/dev/null", "w");
		if (!p->held) {
			pages_stop(run);
			return mm_error(err, -ENOMEM, "--cpus: the host has no memory for the "
					"tables of %u CPUs; give fewer", run->opt->cpus);
		}
	}
	return 0;
}

static struct pages_stats add_up(struct stress_run *run)
{
	struct pages_stats sum = { 0 };

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		const u64 *from = (const u64 *)(const void *)&pages_of(run, cpu)->stats;

		for (size_t i = 0; i < sizeof(sum) / sizeof(u64); i++)
			((u64 *)(void *)&sum)[i] += from[i];
	}
	return sum;
}

/* Every block that was allocated is counted under its order. */
static u64 blocks_taken(const struct pages_stats *s)
{
	u64 sum = 0;

	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		sum += s->by_order[order];
	return sum;
}

static json_t *pages_report(struct stress_run *run)
{
	struct pages_stats s = add_up(run);
	json_t *obj = json_object(), *refused = json_object(), *orders = json_array();

#define PUT(member) json_object_set_new(obj, #member, json_integer((json_int_t)s.member))
	PUT(frees);
	PUT(bulk_pages);
	PUT(remote_frees);
	PUT(splits);
	PUT(drains);
	PUT(retunes);
	PUT(proc_reads);
	PUT(grabs);
#undef PUT
	for (unsigned int i = 0; i < NR_REFUSALS; i++)
		json_object_set_new(refused, refusal_names[i],
				    json_integer((json_int_t)s.refused[i]));
	json_object_set_new(obj, "refused", refused);
	for (unsigned int i = 0; i < NR_PAGE_ORDERS; i++)
		json_array_append_new(orders, json_integer((json_int_t)s.by_order[i]));
	json_object_set_new(obj, "allocs_by_order", orders);
	return obj;
}

static void pages_print(struct stress_run *run, FILE *out)
{
	struct pages_stats s = add_up(run);

	fprintf(out, "pages     %s blocks allocated, %s in bulk, %s freed on another CPU, "
		"%s split\n",
		text_count(blocks_taken(&s)).s, text_count(s.bulk_pages).s,
		text_count(s.remote_frees).s, text_count(s.splits).s);
	fprintf(out, "events    %s grabs to the brim, %s drains, %s retunes, %s /proc reads\n",
		text_count(s.grabs).s, text_count(s.drains).s, text_count(s.retunes).s,
		text_count(s.proc_reads).s);
	fprintf(out, "refused   %s no memory, %s fragmented, %s atomic, of %s requests\n",
		text_count(s.refused[NO_MEMORY]).s, text_count(s.refused[FRAGMENTED]).s,
		text_count(s.refused[NO_ATOMIC]).s,
		text_count(blocks_taken(&s) + s.refused[NO_MEMORY] + s.refused[FRAGMENTED] +
			   s.refused[NO_ATOMIC]).s);
}

const struct workload workload_pages = {
	.name = "pages",
	.doc = "Stresses the page allocator: mixed orders and flags, cross-CPU frees, bulk, "
	       "drains, exhaustion.\vExit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct pages_cpu),
	.start = pages_start,
	.step = pages_step,
	.finish = pages_finish,
	.stop = pages_stop,
	.report = pages_report,
	.print = pages_print,
};
