/* SPDX-License-Identifier: MIT */
/*
 * How objects of stress-slab pass from CPU to CPU, and through a grace period.
 *
 * A message and the wrapper of an RCU callback are objects of kmalloc() themselves: one CPU
 * allocates them and another may free them.
 */
#include "runtime/rcu.h"
#include "stress/workloads/slab_load.h"

/* Messages a CPU lets wait for another, and callbacks it lets wait for their grace period. */
#define MAIL_MAX	256u
#define DELAYED_MAX	128u

static struct stress_run *slab_run;

void slab_pass_start(struct stress_run *run)
{
	slab_run = run;
}

struct slab_message {
	struct llist_node node;
	struct slab_object o;
};

struct slab_delayed {
	struct rcu_head rcu;
	struct slab_object o;
	struct slab_cpu *from;
};

void slab_free(const struct slab_object *o, u64 op)
{
	struct slab_temp *temp = o->temp;

	slab_object_free(o, op);
	if (temp)
		/* Release: pairs with the acquire in end_temp(). */
		__atomic_fetch_sub(&temp->out, 1, __ATOMIC_RELEASE);
}

/* The message is itself an object that one CPU allocates and another frees. */
bool slab_send(struct stress_run *run, unsigned int to, const struct slab_object *o, u64 op)
{
	struct slab_cpu *target = slab_cpu_of(run, to);
	struct slab_message *m;

	(void)op;
	if (READ_ONCE(target->waiting) >= MAIL_MAX)
		return false;
	m = kmalloc(sizeof(*m), GFP_ATOMIC | __GFP_NOWARN);
	if (!m)
		return false;
	m->o = *o;
	fetch_add_relaxed(&target->waiting, 1);
	/* Release in llist_add(): the message, and all that the sender did with the object. */
	(void)llist_add(&m->node, &target->inbox);
	return true;
}

void slab_read_mail(struct stress_cpu *c)
{
	struct slab_cpu *p = c->data;
	struct llist_node *node;

	if (llist_empty(&p->inbox))
		return;
	for (node = llist_del_all(&p->inbox); node;) {
		struct slab_message *m = container_of(node, struct slab_message, node);

		node = node->next;
		fetch_add_relaxed(&p->waiting, -1u);
		p->stats.received++;
		slab_free(&m->o, c->ops);
		kfree(m);
	}
}

/* Softirq of some CPU, after the grace period. */
static void free_delayed(struct rcu_head *head)
{
	struct slab_delayed *d = container_of(head, struct slab_delayed, rcu);
	struct slab_cpu *p = slab_cpu_of(slab_run, smp_processor_id());

	fetch_add_relaxed(&d->from->delayed, -1u);
	owner_inc(p->delayed_ops);
	slab_free(&d->o, owner_read(p->delayed_ops));
	kfree(d);
}

bool slab_delay(struct stress_cpu *c, const struct slab_object *o)
{
	struct slab_cpu *p = c->data;
	struct slab_delayed *d;

	if (slab_is_exact(c->run->opt) || READ_ONCE(p->delayed) >= DELAYED_MAX)
		return false;
	d = kmalloc(sizeof(*d), GFP_NOWAIT | __GFP_NOWARN);
	if (!d)
		return false;
	d->o = *o;
	d->from = p;
	fetch_add_relaxed(&p->delayed, 1);
	call_rcu(&d->rcu, free_delayed);
	return true;
}
