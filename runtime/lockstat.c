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
 * operation.  A recorder is touched by its CPU's task and interrupts: on the fast path with
 * relaxed accesses, elsewhere inside recorder_enter().  Context.  Recording: any.  Failure.  A full
 * table counts @overflow, which every report prints.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime/hostmem.h"
#include "runtime/irq.h"
#include "runtime/lockstat.h"
#include "runtime/trace.h"

/* Constant once nr_classes counts it. */
struct registered_class {
	const struct lock_class *class;
	bool instance;			/* the name is that of one instance */
	char name[64];
};

static struct registered_class classes[LOCKSTAT_CLASSES];
static unsigned int nr_classes;		/* published with release */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

static struct lockstat_cpu *recorders;	/* [nr_cpu_ids] */
static enum lockstat_mode mode_now;

/* ---- classes ---- */

/* Ids for classes without an instance, and for the row that late instances of a class share. */
#define CLASSES_KEPT_BACK	64

/* The id of a registered class, or nr_classes; under registry_lock. */
static unsigned int class_find(const struct lock_class *class, const char *name)
{
	unsigned int id;

	for (id = 0; id < nr_classes; id++)
		if (classes[id].class == class && strcmp(classes[id].name, name) == 0)
			break;
	return id;
}

/*
 * nr_classes without a scheduling point: in the simulation all CPUs are one host thread, which must
 * not be switched away from while it holds a host's mutex.
 */
static unsigned int nr_classes_published(void)
{
	return __atomic_load_n(&nr_classes, __ATOMIC_ACQUIRE);
}

/* The id of @class itself, or LOCKSTAT_CLASSES.  No lock: page tables and areas come and go. */
static unsigned int class_find_plain(const struct lock_class *class)
{
	unsigned int nr = nr_classes_published();

	for (unsigned int id = 0; id < nr; id++)
		if (classes[id].class == class && !classes[id].instance)
			return id;
	return LOCKSTAT_CLASSES;
}

u16 lockstat_class(const struct lock_class *class, const char *instance)
{
	char name[sizeof(classes[0].name)];
	unsigned int id = instance ? LOCKSTAT_CLASSES : class_find_plain(class);

	if (likely(id < LOCKSTAT_CLASSES))
		return (u16)id;
	if (instance)
		snprintf(name, sizeof(name), "%s[%s]", class->name, instance);
	else
		snprintf(name, sizeof(name), "%s", class->name);

	pthread_mutex_lock(&registry_lock);
	id = class_find(class, name);
	if (id == nr_classes && instance && id >= LOCKSTAT_CLASSES - CLASSES_KEPT_BACK) {
		/* Full: further instances share one row per class, so that the rank stays right. */
		snprintf(name, sizeof(name), "%s[(others)]", class->name);
		id = class_find(class, name);
	}
	if (id == nr_classes) {
		BUG_ON(id == LOCKSTAT_CLASSES);
		classes[id].class = class;
		classes[id].instance = instance != NULL;
		memcpy(classes[id].name, name, sizeof(name));
		/* Release: pairs with nr_classes_published(). */
		__atomic_store_n(&nr_classes, id + 1, __ATOMIC_RELEASE);
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
		owner_write(t->min, ns);
	if (ns > t->max)
		owner_write(t->max, ns);
	owner_add(t->sum, ns);
	owner_inc(t->nr);
}

/* ---- rows and pairs ---- */

/*
 * Interrupts come at safepoints only and there is none in this file, so none can come between two
 * steps of the recorder, masked or not.  ThreadSanitizer, to which the interrupt is another thread,
 * is told so.  Returns what recorder_exit() needs.
 */
static bool recorder_enter(void)
{
	bool open = !irqs_disabled();

	if (open)
		tsan_irqs_off(this_cpu());
	return open;
}

static void recorder_exit(bool open)
{
	if (open)
		tsan_irqs_on(this_cpu());
}

static struct lockstat_row *row_lookup(struct lockstat_cpu *ls, u16 class, u32 site, u8 mode)
{
	u32 slot = (class * 0x9e3779b1u ^ site * 0x85ebca6bu ^ mode) % LOCKSTAT_ROWS;

	for (u32 i = 0; i < LOCKSTAT_ROWS; i++, slot = (slot + 1) % LOCKSTAT_ROWS) {
		struct lockstat_row *row = &ls->rows[slot];

		if (row->used && row->class == class && row->site == site && row->mode == mode)
			goto found;
		if (!row->used && i < LOCKSTAT_ROWS - 1) {
			owner_write(row->class, class);
			owner_write(row->site, (u16)site);
			owner_write(row->mode, mode);
			smp_store_release(&row->used, true);	/* I1 */
			goto found;
		}
		continue;
found:
		if (!mode)
			owner_write(ls->row_of_site[site], row);
		return row;
	}
	/* Full: counted as lost, kept out of other rows' exact counts. */
	owner_inc(ls->overflow);
	return &ls->spill;
}

struct lockstat_row *lockstat_row_lookup(struct lockstat_cpu *ls, u16 class, u32 site, u8 mode)
{
	bool open = recorder_enter();
	struct lockstat_row *row = row_lookup(ls, class, site, mode);

	recorder_exit(open);
	return row;
}

static void pair_add(struct lockstat_cpu *ls, const struct lockstat_deferred *d)
{
	u32 waiter = lock_site_id(d->site);
	u32 holder = d->holder ? lock_site_id(d->holder) : waiter;
	u32 slot = (d->class * 0x9e3779b1u ^ waiter * 0x85ebca6bu ^ holder * 0xc2b2ae35u ^
		    d->ctx) % LOCKSTAT_PAIRS;

	for (u32 i = 0; i < LOCKSTAT_PAIRS; i++, slot = (slot + 1) % LOCKSTAT_PAIRS) {
		struct lockstat_pair *p = &ls->pairs[slot];

		if (!p->used) {
			p->class = d->class;
			p->waiter = (u16)waiter;
			p->holder = (u16)holder;
			p->ctx = d->ctx;
			smp_store_release(&p->used, true);	/* I1 */
		} else if (p->class != d->class || p->waiter != waiter ||
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
	struct lockstat_hist *hist = &ls->hist[d->class];

	owner_inc(row->contended);
	if (d->bounced)
		owner_inc(row->contended_bounces);
	if (d->slept)
		owner_inc(row->slept);
	else
		owner_inc(row->spun);
	if (d->queue > row->queue_max)
		owner_write(row->queue_max, d->queue);
	time_add(&row->wait, d->wait_ns);
	owner_inc(hist->wait[lockstat_bucket(d->wait_ns)]);
	pair_add(ls, d);
}

struct lockstat_wait lockstat_wait_begin(struct lock_meta *m)
{
	struct lockstat_wait w = {
		/* Relaxed: the holder may change while we look; either answer was true once. */
		.holder = owner_read(m->owner_site),
	};

	/* The clock first: whoever sees this CPU among the waiters knows that its wait counts. */
	if (this_cpu()->recorder)
		w.start = clock_ns();
	w.queue = fetch_add_relaxed(&m->nr_waiters, 1) + 1;
	return w;
}

void lockstat_wait_end(struct lock_meta *m, const struct lockstat_wait *w,
		       struct lock_site *site, u8 mode, bool slept)
{
	struct cpu *cpu = this_cpu();
	struct lockstat_cpu *ls = cpu->recorder;
	struct lockstat_deferred d = {
		.lock = m, .class = m->class, .site = site, .holder = w->holder,
		.queue = w->queue, .ctx = (u8)irq_context(), .mode = mode, .slept = slept,
	};
	bool open;
	u64 now;

	fetch_add_relaxed(&m->nr_waiters, (u32)-1);
	if (!ls)
		return;
	now = clock_ns();
	d.wait_ns = now - w->start;
	trace_end(trace_ring() ? w->start : 0, TRACE_LOCK_WAIT, m->class, lock_site_id(site),
		  lock_site_id(w->holder ? w->holder : site));
	open = recorder_enter();
	if (mode) {
		record_contention(ls, row_lookup(ls, m->class, lock_site_id(site), mode), &d);
	} else {
		d.bounced = m->last_cpu != (u16)cpu->id;
		m->hold_start = now;
		if (ls->nr_deferred < LOCK_DEPTH_MAX)
			ls->deferred[ls->nr_deferred++] = d;
		else
			owner_inc(ls->overflow);
	}
	recorder_exit(open);
}

void lockstat_acquired_read(struct lock_meta *m, struct lock_site *site)
{
	struct lockstat_cpu *ls = this_cpu()->recorder;

	/* Relaxed: readers may overwrite each other; any of them is a holder. */
	owner_write(m->owner_site, site);
	if (ls)
		owner_inc(lockstat_row_lookup(ls, m->class, lock_site_id(site), 1)->acquired);
}

void lockstat_acquired_injected(struct lock_meta *m, struct lock_site *site)
{
	struct lockstat_cpu *ls = this_cpu()->recorder;

	if (ls)
		lockstat_count(ls, m, site);
	inject_keep_lock(m->class);
}

/* Takes the record that wait_end() kept back for @m; false when the hold was only sampled. */
static bool deferred_take(struct lockstat_cpu *ls, const struct lock_meta *m,
			  struct lockstat_deferred *d)
{
	for (u32 i = ls->nr_deferred; i-- > 0;) {
		if (ls->deferred[i].lock != m)
			continue;
		*d = ls->deferred[i];
		ls->nr_deferred--;
		memmove(&ls->deferred[i], &ls->deferred[i + 1],
			(ls->nr_deferred - i) * sizeof(*d));
		return true;
	}
	return false;
}

void lockstat_flush(struct lockstat_cpu *ls, const struct lock_meta *m,
		    const struct lockstat_release *r)
{
	u64 hold = r->end > r->start ? r->end - r->start : 0;
	struct lockstat_deferred d;
	struct lockstat_row *row;
	bool open;

	if (!ls)
		return;
	trace_end(trace_ring() ? r->start : 0, TRACE_LOCK_HOLD, r->class, lock_site_id(r->site), 0);
	open = recorder_enter();
	row = row_lookup(ls, r->class, lock_site_id(r->site), 0);
	if (deferred_take(ls, m, &d)) {
		record_contention(ls, row, &d);
		time_add(&row->hold_contended, hold);
		owner_inc(ls->hist[r->class].hold_contended[lockstat_bucket(hold)]);
	} else {
		time_add(&row->hold, hold);
		owner_inc(ls->hist[r->class].hold[lockstat_bucket(hold)]);
	}
	recorder_exit(open);
}

void lockstat_trylock_failed(struct lock_meta *m, struct lock_site *site, u8 mode)
{
	struct lockstat_cpu *ls = this_cpu()->recorder;

	if (ls)
		owner_inc(lockstat_row_lookup(ls, m->class, lock_site_id(site), mode)
				->trylock_failed);
}

void lockstat_forget(struct lockstat_cpu *ls, u16 class)
{
	for (u32 i = 0; i < LOCKSTAT_ROWS; i++) {
		struct lockstat_row *row = &ls->rows[i];

		/* The key stays (I1); a row of zeros is in no report. */
		if (row->used && row->class == class)
			memset(&row->acquired, 0,
			       sizeof(*row) - offsetof(struct lockstat_row, acquired));
	}
	memset(&ls->hist[class], 0, sizeof(ls->hist[class]));
}

/*
 * Acquisitions until the next sampled hold: drawn from [1, 2N), N on average.  A fixed distance
 * would meet the same lock for ever in a loop that takes several.
 */
static u32 next_sample(struct lockstat_cpu *ls)
{
	return ls->hold_period == 1 ? 1 : 1 + rand_below(&ls->rand, 2 * ls->hold_period - 1);
}

void lockstat_time_hold(struct lockstat_cpu *ls, struct lock_meta *m)
{
	bool open = recorder_enter();

	owner_write(ls->hold_countdown, next_sample(ls));
	recorder_exit(open);
	if (!m->hold_start)
		m->hold_start = clock_ns();
}

/* ---- life cycle ---- */

static void recorder_init(struct lockstat_cpu *ls)
{
	ls->hold_period = mode_now == LOCKSTAT_ALL ? 1 : LOCKSTAT_HOLD_SAMPLE;
	rand_init(&ls->rand, LOCKSTAT_HOLD_SAMPLE, (u64)(ls - recorders));
	ls->hold_countdown = next_sample(ls);
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
		cpus[i].lockstat = cpus[i].recorder = &recorders[i];
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
