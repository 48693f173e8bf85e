/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes of page blocks: one CPU hands a block to another, which frees it, without a lock.
 *
 * The message is the page itself: an allocated page's lru and private belong to its owner,
 * who is the sender before the push and the receiver after taking the list.
 */
#ifndef STRESS_WORKLOADS_PAGES_MAIL_H
#define STRESS_WORKLOADS_PAGES_MAIL_H

#include "mm/page/page.h"
#include "runtime/lib/llist.h"
#include "stress/harness/oracle.h"

struct pages_mailbox {
	struct llist_head head;		/* any CPU pushes, the owner takes all */
	u32 nr;				/* relaxed: blocks in it, as a bound for senders */
} __cacheline_aligned;

/* A block with what its next owner must know; the ticket has the order. */
struct pages_block {
	struct page *page;
	oracle_ticket_t ticket;
};

_Static_assert(sizeof(struct llist_node) <= sizeof(struct list_head), "the node lies in page->lru");

/* Gives @block to @box; the caller no longer owns it.  Any CPU. */
static inline void pages_mail_send(struct pages_mailbox *box, const struct pages_block *block)
{
	struct page *page = block->page;

	page->private = block->ticket;
	fetch_add_relaxed(&box->nr, 1);
	/* Release in llist_add(): the fields above, and all that the sender did with the block. */
	(void)llist_add((struct llist_node *)(void *)&page->lru, &box->head);
}

/* Takes everything; the owner CPU.  Walk it with pages_mail_next(). */
static inline struct llist_node *pages_mail_take(struct pages_mailbox *box)
{
	return llist_del_all(&box->head);
}

/* Reads the message at @node into @block and returns the next one, NULL at the end. */
static inline struct llist_node *pages_mail_next(struct pages_mailbox *box,
						 struct llist_node *node, struct pages_block *block)
{
	struct llist_node *next = node->next;
	struct page *page = container_of((struct list_head *)(void *)node, struct page, lru);

	block->page = page;
	block->ticket = page->private;
	fetch_add_relaxed(&box->nr, -1u);
	return next;
}

#endif /* STRESS_WORKLOADS_PAGES_MAIL_H */
