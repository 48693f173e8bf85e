/* SPDX-License-Identifier: MIT */
/*
 * The slow parts of lock_stat: class registry, row and pair tables, deferred records.
 *
 * What.  Each CPU owns one struct lockstat_cpu and is its only writer, so recording needs no
 * lock and shares no cache line.  Rows and pairs live in open-addressing tables whose entries are
 * never removed while the machine runs; a reader on another thread sees a row either unused or
 * with its key complete (I1).
 *
 * Invariants.
 *   I1  A row's key is written before @used, which is stored with release; readers load @used
 *       with acquire.
 *   I2  A deferred record exists only between a contended (or timed read) acquisition and the
 *       release of the same lock by the same CPU; there are never more than LOCK_DEPTH_MAX.
 *   I3  Counters only grow, by relaxed stores of the owner; a report taken while CPUs run is a
 *       snapshot of each counter, not of all together.
 *
 * Locking.  The class registry has a host mutex: it is used at lock creation, never on a lock
 * operation.  Context.  Recording: any.  Failure.  A full table counts @overflow, which every
 * report prints.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime/hostmem.h"
#include "runtime/lockstat.h"

struct registered_class {
	const struct lock_class *class;
	char name[64];
};

static struct registered_class classes[LOCKSTAT_CLASSES];
static unsigned int nr_classes;		/* published with release */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

static struct lockstat_cpu *recorders;	/* [nr_cpu_ids] */
static enum lockstat_mode mode_now;

/* ---- classes ---- */

u16 lockstat_class(const struct lock_class *class, const char *instance)
{
	char name[sizeof(classes[0].name)];
	unsigned int id;

	if (instance)
		snprintf(name, sizeof(name), "%s[%s]", class->name, instance);
	else
		snprintf(name, sizeof(name), "%s", class->name);

	pthread_mutex_lock(&registry_lock);
	for (id = 0; id < nr_classes; id++)
		if (classes[id].class == class && strcmp(classes[id].name, name) == 0)
			break;
	if (id == nr_classes) {
		/* The last id collects every class beyond the limit, under a name that says so. */
		if (id == LOCKSTAT_CLASSES - 1)
			snprintf(name, sizeof(name), "(classes beyond the limit)");
		if (id < LOCKSTAT_CLASSES) {
			classes[id].class = class;
			memcpy(classes[id].name, name, sizeof(name));
			smp_store_release(&nr_classes, id + 1);
		} else {
			id = LOCKSTAT_CLASSES - 1;
		}
	}
	pthread_mutex_unlock(&registry_lock);
	return (u16)id;
}

const struct lock_class *lockstat_class_of(u16 id)
{
	return classes[id].class;
}

const char *lockstat_class_name(u16 id)
{
	return classes[id].name;
}

unsigned int lockstat_nr_classes(void)
{
	return smp_load_acquire(&nr_classes);
}

/* ---- histogram buckets ---- */

unsigned int lockstat_bucket(u64 ns)
{
	unsigned int log;

	if (ns < 4)
		return (unsigned int)ns;
	log = ilog2(ns);
	return log * 4 + (unsigned int)(ns >> (log - 2) & 3);
}

u64 lockstat_bucket_floor(unsigned int bucket)
{
	unsigned int log = bucket / 4;

	if (bucket < 4)
		return bucket;
	return log < 2 ? 4 : (4ULL + bucket % 4) << (log - 2);
}

static void time_add(struct lockstat_time *t, u64 ns)
{
	if (t->nr == 0 || ns < t->min)
		WRITE_ONCE(t->min, ns);
	if (ns > t->max)
		WRITE_ONCE(t->max, ns);
	owner_add(t->sum, ns);
	owner_inc(t->nr);
}

/* ---- rows and pairs ---- */

struct lockstat_row *lockstat_row_lookup(struct lockstat_cpu *ls, u16 class, u32 site, u8 mode)
{
	u32 slot = (class * 0x9e3779b1u ^ site * 0x85ebca6bu ^ mode) % LOCKSTAT_ROWS;

	for (u32 i = 0; i < LOCKSTAT_ROWS; i++, slot = (slot + 1) % LOCKSTAT_ROWS) {
		struct lockstat_row *row = &ls->rows[slot];

		if (row->used && row->class == class && row->site == site && row->mode == mode)
			goto found;
		if (!row->used && i < LOCKSTAT_ROWS - 1) {
			row->class = class;
			row->site = (u16)site;
			row->mode = mode;
			smp_store_release(&row->used, true);	/* I1 */
			goto found;
		}
		continue;
found:
		if (!mode)
			ls->row_of_site[site] = row;
		return row;
	}
	/* Full: this record goes to whatever row the key hashes to, and says so. */
	owner_inc(ls->overflow);
	return &ls->rows[slot];
}

static void pair_add(struct lockstat_cpu *ls, const struct lockstat_deferred *d)
{
	u32 waiter = lock_site_id(d->site);
	u32 holder = d->holder ? lock_site_id(d->holder) : waiter;
	u32 slot = (d->lock->class * 0x9e3779b1u ^ waiter * 0x85ebca6bu ^ holder * 0xc2b2ae35u ^
		    d->ctx) % LOCKSTAT_PAIRS;

	for (u32 i = 0; i < LOCKSTAT_PAIRS; i++, slot = (slot + 1) % LOCKSTAT_PAIRS) {
		struct lockstat_pair *p = &ls->pairs[slot];

		if (!p->used) {
			p->class = d->lock->class;
			p->waiter = (u16)waiter;
			p->holder = (u16)holder;
			p->ctx = d->ctx;
			smp_store_release(&p->used, true);	/* I1 */
		} else if (p->class != d->lock->class || p->waiter != waiter ||
			   p->holder != holder || p->ctx != d->ctx) {
			continue;
		}
		owner_inc(p->contended);
		time_add(&p->wait, d->wait_ns);
		return;
	}
	owner_inc(ls->overflow);
}

/* ---- records written after the release ---- */

static void record_contention(struct lockstat_cpu *ls, struct lockstat_row *row,
			      const struct lockstat_deferred *d)
{
	struct lockstat_hist *hist = &ls->hist[d->lock->class];

	owner_inc(row->contended);
	if (d->bounced)
		owner_inc(row->contended_bounces);
	if (d->slept)
		owner_inc(row->slept);
	else
		owner_inc(row->spun);
	if (d->queue > row->queue_max)
		WRITE_ONCE(row->queue_max, d->queue);
	time_add(&row->wait, d->wait_ns);
	owner_inc(hist->wait[lockstat_bucket(d->wait_ns)]);
	pair_add(ls, d);
}

struct lockstat_wait lockstat_wait_begin(struct lock_meta *m)
{
	struct lockstat_wait w = {
		/* Relaxed: the holder may change while we look; either answer was true once. */
		.holder = READ_ONCE(m->owner_site),
		.queue = fetch_add_relaxed(&m->nr_waiters, 1) + 1,
	};

	if (this_cpu()->lockstat)
		w.start = clock_ns();
	return w;
}

void lockstat_wait_end(struct lock_meta *m, const struct lockstat_wait *w,
		       struct lock_site *site, u8 mode, bool slept)
{
	struct cpu *cpu = this_cpu();
	struct lockstat_cpu *ls = cpu->lockstat;
	struct lockstat_deferred d = {
		.lock = m, .site = site, .holder = w->holder, .queue = w->queue,
		.ctx = (u8)irq_context(), .mode = mode, .contended = true, .slept = slept,
	};
	u64 now;

	fetch_add_relaxed(&m->nr_waiters, (u32)-1);
	if (!ls)
		return;
	now = clock_ns();
	d.wait_ns = now - w->start;
	if (mode) {
		record_contention(ls, lockstat_row_lookup(ls, m->class, lock_site_id(site), mode),
				  &d);
		return;
	}
	d.bounced = m->last_cpu != (u16)cpu->id;
	m->hold_start = now;
	if (ls->nr_deferred < LOCK_DEPTH_MAX)
		ls->deferred[ls->nr_deferred++] = d;
	else
		owner_inc(ls->overflow);
}

void lockstat_acquired_read(struct lock_meta *m, struct lock_site *site)
{
	struct lockstat_cpu *ls = this_cpu()->lockstat;

	/* Relaxed: readers may overwrite each other; any of them is a holder. */
	WRITE_ONCE(m->owner_site, site);
	if (ls)
		owner_inc(lockstat_row_lookup(ls, m->class, lock_site_id(site), 1)->acquired);
}

void lockstat_flush(struct lockstat_cpu *ls, const struct lock_meta *m, u64 hold_start, u64 now)
{
	struct lockstat_deferred d = { .lock = m };
	struct lockstat_row *row;
	u64 hold = now > hold_start ? now - hold_start : 0;

	if (!ls)
		return;
	for (u32 i = ls->nr_deferred; i-- > 0;) {
		if (ls->deferred[i].lock != m)
			continue;
		d = ls->deferred[i];
		ls->nr_deferred--;
		memmove(&ls->deferred[i], &ls->deferred[i + 1],
			(ls->nr_deferred - i) * sizeof(d));
		break;
	}
	if (!d.site)		/* sampled: the acquisition site is still in the lock or gone */
		d.site = READ_ONCE(m->owner_site);
	row = lockstat_row_lookup(ls, m->class, lock_site_id(d.site), d.mode);
	if (d.contended)
		record_contention(ls, row, &d);
	if (hold_start) {
		time_add(&row->hold, hold);
		owner_inc(ls->hist[m->class].hold[lockstat_bucket(hold)]);
	}
}

void lockstat_trylock_failed(struct lock_meta *m, struct lock_site *site)
{
	struct lockstat_cpu *ls = this_cpu()->lockstat;

	if (ls)
		owner_inc(lockstat_row_lookup(ls, m->class, lock_site_id(site), 0)->trylock_failed);
}

/* ---- life cycle ---- */

static void recorder_init(struct lockstat_cpu *ls)
{
	ls->hold_period = mode_now == LOCKSTAT_ALL ? 1 : LOCKSTAT_HOLD_SAMPLE;
	ls->hold_countdown = ls->hold_period;
}

int lockstat_boot(enum lockstat_mode mode)
{
	BUG_ON(__stop_kmem_lock_sites - __start_kmem_lock_sites > LOCKSTAT_SITES);
	mode_now = mode;
	if (mode == LOCKSTAT_OFF)
		return 0;
	recorders = hostmem_alloc(nr_cpu_ids * sizeof(*recorders));
	if (!recorders)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		recorder_init(&recorders[i]);
		cpus[i].lockstat = &recorders[i];
	}
	return 0;
}

void lockstat_shutdown(void)
{
	hostmem_free(recorders, nr_cpu_ids * sizeof(*recorders));
	recorders = NULL;
}

void lockstat_reset(void)
{
	for (unsigned int i = 0; recorders && i < nr_cpu_ids; i++) {
		memset(&recorders[i], 0, sizeof(recorders[i]));
		recorder_init(&recorders[i]);
	}
}

enum lockstat_mode lockstat_mode(void)
{
	return mode_now;
}

int lockstat_mode_by_name(const char *name)
{
	static const char *const names[] = { "off", "default", "all" };

	for (int i = 0; i < (int)ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -EINVAL;
}
