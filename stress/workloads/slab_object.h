/* SPDX-License-Identifier: MIT */
/*
 * An object that stress-slab holds, and the oracle that knows who owns each.
 *
 * The workload tells the oracle right after an allocation and right before a free.  An object that
 * has two owners, a free by who does not own it, contents that somebody else wrote, an object of
 * the wrong cache and one that is not in its constructed state are reported where they are seen.
 */
#ifndef STRESS_WORKLOADS_SLAB_OBJECT_H
#define STRESS_WORKLOADS_SLAB_OBJECT_H

#include "mm/slab/kmalloc.h"

/* What an object's first bytes are for. */
enum slab_kind {
	SLAB_PLAIN,		/* nothing: all of it is stamped */
	SLAB_CTOR,		/* struct slab_built, constructed */
	SLAB_RCU,		/* struct slab_shared, constructed; SLAB_TYPESAFE_BY_RCU */
};

/* The constructed state: @self is the object's address under a mask, @idle what users change. */
struct slab_built {
	u64 self, idle;
};

/* Found by readers without a lock.  @key and @refs are only ever accessed atomically. */
struct slab_shared {
	u64 self;
	u64 key;		/* slot + 1 where it is published; what it was when no longer */
	u32 refs;		/* 0: nobody may use it */
	u32 cache;		/* index of its cache, for who drops the last reference */
	u64 ticket;
};

#define SLAB_CTOR_MASK	0x51ab0b7ec7ULL
#define SLAB_NO_CACHE	255u

struct slab_temp;

struct slab_object {
	void *p;
	u64 ticket;		/* the oracle's record */
	struct kmem_cache *s;	/* NULL: kmalloc */
	struct slab_temp *temp;	/* of a cache that comes and goes, or NULL */
	u32 size;		/* bytes as asked for */
	u8 kind;		/* enum slab_kind */
	bool zeroed;		/* was asked for with __GFP_ZERO */
};

/* Constructors of caches of the two kinds. */
void slab_ctor_built(void *p);
void slab_ctor_shared(void *p);

/* Takes memory for the records, as much as the machine has.  Host thread.  0 or -ENOMEM. */
__must_check int slab_oracle_boot(bool check);
void slab_oracle_shutdown(void);

/*
 * The caller was given @o->p as its operation @op: fills in the ticket and stamps the contents.
 * Any context of a CPU; lock-free.
 */
void slab_oracle_alloc(struct slab_object *o, u64 op);
/* Checks the contents; the owner, or who holds a reference. */
void slab_oracle_check(const struct slab_object *o);
/* The caller is about to free @o as its operation @op: back into the constructed state. */
void slab_oracle_free(const struct slab_object *o, u64 op);

/* Tells the oracle and frees. */
void slab_object_free(const struct slab_object *o, u64 op);

/* Objects that are allocated now.  Exact on a quiescent machine. */
s64 slab_oracle_live(void);

/* Called with one text for each finding; NULL restores the default, a panic.  For tests. */
void slab_oracle_set_report(void (*report)(const char *text));

#endif /* STRESS_WORKLOADS_SLAB_OBJECT_H */
