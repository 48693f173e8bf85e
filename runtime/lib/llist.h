/* SPDX-License-Identifier: MIT */
/*
 * Lock-free singly linked stack with many producers and one consumer that takes everything.
 *
 * Taking everything at once is what makes it immune to ABA: no operation compares a pointer it
 * read earlier with an entry that could have left and come back in between.
 */
#ifndef RUNTIME_LIB_LLIST_H
#define RUNTIME_LIB_LLIST_H

#include "runtime/lib/atomic.h"

struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

/*
 * Pushes @node; any context, any CPU.  Returns true when the list was empty, so that only the
 * first producer needs to wake the consumer.
 */
static inline bool llist_add(struct llist_node *node, struct llist_head *head)
{
	struct llist_node *first = READ_ONCE(head->first);

	/* Release: the node's contents, for the acquire in llist_del_all(). */
	do {
		node->next = first;
	} while (!try_cmpxchg_release(&head->first, &first, node));
	return first == NULL;
}

/* Takes the whole list, newest first; one consumer. */
static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	/* Acquire: pairs with the release in llist_add(). */
	return xchg_acquire(&head->first, NULL);
}

static inline bool llist_empty(const struct llist_head *head)
{
	return READ_ONCE(head->first) == NULL;
}

/* Turns a list taken by llist_del_all() round: oldest first. */
static inline struct llist_node *llist_reverse_order(struct llist_node *node)
{
	struct llist_node *reversed = NULL;

	while (node) {
		struct llist_node *next = node->next;

		node->next = reversed;
		reversed = node;
		node = next;
	}
	return reversed;
}

#endif /* RUNTIME_LIB_LLIST_H */
