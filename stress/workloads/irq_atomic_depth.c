/* SPDX-License-Identifier: MIT */
/*
 * The depth of the atomic reserve over time: a bounded series that thins itself out.
 *
 * When the room is used up every second sample goes and the interval doubles: the series always
 * covers the whole run, with between half and all of its room.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/page/vmstat.h"
#include "stress/workloads/irq_atomic.h"

void irq_atomic_depth_init(struct irq_atomic_depth *d, u64 interval)
{
	memset(d, 0, sizeof(*d));
	d->interval = max(interval, (u64)1);
}

/* What an order-0 GFP_ATOMIC request could take from all zones, one page after the other. */
static void measure(struct irq_atomic_sample *s)
{
	const unsigned int flags = gfp_to_alloc_flags(GFP_ATOMIC, 0);
	struct zone *zone;

	for_each_zone(zone) {
		long keep = calc_wmark_floor(min_wmark_pages(zone), flags) +
			    (long)READ_ONCE(zone->lowmem_reserve[ZONE_NORMAL]);
		long free_pages = (long)zone_page_state(zone, NR_FREE_PAGES);

		if (zone->type > ZONE_NORMAL)
			continue;
		s->depth += (u64)max(free_pages - keep, 0L);
		s->reserved += READ_ONCE(zone->nr_reserved_highatomic);
		s->reserved_free += READ_ONCE(zone->nr_free_highatomic);
	}
}

static void thin_out(struct irq_atomic_depth *d)
{
	d->nr /= 2;
	for (unsigned int i = 0; i < d->nr; i++)
		d->sample[i] = d->sample[2 * i];
	d->interval *= 2;
}

void irq_atomic_depth_look(struct irq_atomic_depth *d, u64 now)
{
	struct irq_atomic_sample *s;

	if (!d->start)
		d->start = d->next = now;
	if (now < d->next)
		return;
	if (d->nr == IRQ_ATOMIC_SAMPLES)
		thin_out(d);
	s = &d->sample[d->nr++];
	*s = (struct irq_atomic_sample){ .at = now - d->start };
	measure(s);
	d->next = now + d->interval;
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

void irq_atomic_depth_sum(const struct irq_atomic_depth *d, struct irq_atomic_depth_sum *sum)
{
	u64 depth[IRQ_ATOMIC_SAMPLES];

	*sum = (struct irq_atomic_depth_sum){ 0 };
	if (!d->nr)
		return;
	for (unsigned int i = 0; i < d->nr; i++) {
		depth[i] = d->sample[i].depth;
		sum->reserved_max = max(sum->reserved_max, d->sample[i].reserved);
	}
	qsort(depth, d->nr, sizeof(depth[0]), by_value);
	sum->min = depth[0];
	sum->median = depth[d->nr / 2];
	sum->max = depth[d->nr - 1];
}

static void put(json_t *obj, const char *name, u64 value)
{
	json_object_set_new(obj, name, json_integer((json_int_t)value));
}

static void put_series(json_t *obj, const char *name, const struct irq_atomic_depth *d,
		       size_t member)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->nr; i++) {
		const char *sample = (const char *)&d->sample[i];

		json_array_append_new(list, json_integer(*(const json_int_t *)(const void *)
							 (sample + member)));
	}
	json_object_set_new(obj, name, list);
}

json_t *irq_atomic_depth_json(const struct irq_atomic_depth *d, const char *unit)
{
	json_t *obj = json_object(), *series = json_object();
	struct irq_atomic_depth_sum sum;

	irq_atomic_depth_sum(d, &sum);
	json_object_set_new(obj, "time_unit", json_string(unit));
	put(obj, "interval", d->interval);
	put(obj, "samples", d->nr);
	put(obj, "min_pages", sum.min);
	put(obj, "median_pages", sum.median);
	put(obj, "max_pages", sum.max);
	put(obj, "highatomic_reserved_max_pages", sum.reserved_max);
	put_series(series, "at", d, offsetof(struct irq_atomic_sample, at));
	put_series(series, "depth_pages", d, offsetof(struct irq_atomic_sample, depth));
	put_series(series, "highatomic_reserved_pages", d,
		   offsetof(struct irq_atomic_sample, reserved));
	put_series(series, "highatomic_free_pages", d,
		   offsetof(struct irq_atomic_sample, reserved_free));
	json_object_set_new(obj, "series", series);
	return obj;
}
