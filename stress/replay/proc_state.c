/* SPDX-License-Identifier: MIT */
/*
 * proc_state.c - reads zoneinfo, buddyinfo and vmstat.
 *
 * What. zoneinfo is a sequence of zones; inside a zone the same words mean different things in
 *   different sections ("high" is a watermark, later "high:" a list size), so the reader knows the
 *   section it is in. Lines "name value" that it does not know by name are counters.
 * States. of the zoneinfo reader: before the first zone -> node statistics -> zone fields <-> one
 *   CPU's pageset.
 * Invariants. I1: (node, name) is unique among the zones of one file. I2: cur_set is the last
 *   element of the current zone's pagesets or NULL.
 * Locking, Context. None; task.
 * Failure. -EINVAL with one error text naming the line; -ENOMEM.
 * See also. trace_bundle.c, which finds the files beside a trace.
 */
#include "stress/replay/proc_state.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "stress/replay/trace_input.h"
#include "stress/replay/trace_scan.h"
#include "stress/replay/trace_store.h"

/* No machine has more; a larger number is damage. */
#define NODES_MAX	1024u
#define CPUS_MAX	TRACE_CPU_MAX
/* Bounds the memory that a damaged file can cost. */
#define COUNTERS_MAX	4096u

struct reader {
	struct proc_state *st;
	struct trace_input *in;
	struct trace_error *err;
	struct proc_zone *zone;
	struct proc_pageset *set;
	bool node_stats;
};

static int complain(struct reader *rd, const char *what)
{
	trace_error_set(rd->err, trace_input_name(rd->in), trace_input_lineno(rd->in),
			"%s; save the file from /proc again", what);
	return -EINVAL;
}

static int no_memory(struct reader *rd)
{
	complain(rd, "out of memory");
	return -ENOMEM;
}

const char *proc_file_name(enum proc_file kind)
{
	static const char *const names[PROC_NR_FILES] = { "zoneinfo", "buddyinfo", "vmstat" };

	return (unsigned int)kind < PROC_NR_FILES ? names[kind] : "unknown";
}

bool proc_counter_get(const struct proc_counters *counters, const char *name, uint64_t *value)
{
	for (uint64_t i = 0; i < counters->nr; i++) {
		if (strcmp(counters->v[i].name, name) != 0)
			continue;
		*value = counters->v[i].value;
		return true;
	}
	return false;
}

/* "name value", spaces between; nothing behind the value. */
static int add_counter(struct reader *rd, struct proc_counters *counters, const char *line)
{
	const char *name = skip_spaces(line), *end = skip_token(name), *p = skip_spaces(end);
	size_t len = (size_t)(end - name);
	struct proc_counter *v;
	uint64_t value;

	if (len && name[len - 1] == ':')
		len--;
	if (!len || len >= PROC_COUNTER_NAME_MAX || !scan_dec(&p, &value) || *skip_spaces(p))
		return complain(rd, "the line is not `name value`");
	if (counters->nr == COUNTERS_MAX)
		return complain(rd, "there are more than 4096 counters");
	v = trace_grow(counters->v, &counters->cap, counters->nr, sizeof(*v));
	if (!v)
		return no_memory(rd);
	counters->v = v;
	v[counters->nr] = (struct proc_counter){ .value = value };
	memcpy(v[counters->nr].name, name, len);
	counters->nr++;
	return 0;
}

static struct proc_zone *find_zone(const struct proc_state *st, int node, const char *name,
				   size_t len)
{
	for (uint64_t i = 0; i < st->nr_zones; i++)
		if (st->zones[i].node == node && strlen(st->zones[i].name) == len &&
		    memcmp(st->zones[i].name, name, len) == 0)
			return &st->zones[i];
	return NULL;
}

const struct proc_zone *proc_state_zone(const struct proc_state *st, int node, const char *name)
{
	return find_zone(st, node, name, strlen(name));
}

/* "Node N, zone NAME": finds or adds the zone and leaves *@pp behind the name. */
static int read_zone_head(struct reader *rd, const char **pp)
{
	const char *p = *pp, *name;
	struct proc_zone *zones;
	uint64_t node;
	size_t len;

	if (!scan_lit(&p, "Node ") || !scan_dec(&p, &node) || !scan_lit(&p, ", zone "))
		return complain(rd, "the line does not begin with `Node N, zone NAME`");
	name = skip_spaces(p);
	*pp = skip_token(name);
	len = (size_t)(*pp - name);
	if (node >= NODES_MAX)
		return complain(rd, "the node number is not below 1024");
	if (!len || len >= PROC_ZONE_NAME_MAX)
		return complain(rd, "the zone has no name or a very long one");
	rd->zone = find_zone(rd->st, (int)node, name, len);
	if (rd->zone)
		return 0;
	if (rd->st->nr_zones == (uint64_t)NODES_MAX * PROC_ZONES_MAX)
		return complain(rd, "there are too many zones");
	zones = trace_grow(rd->st->zones, &rd->st->cap_zones, rd->st->nr_zones, sizeof(*zones));
	if (!zones)
		return no_memory(rd);
	rd->st->zones = zones;
	rd->zone = &zones[rd->st->nr_zones++];
	*rd->zone = (struct proc_zone){ .node = (int)node };
	memcpy(rd->zone->name, name, len);
	return 0;
}

/* "(0, 3019, 4427)" */
static int read_protection(struct reader *rd, const char *p)
{
	struct proc_zone *zone = rd->zone;

	zone->nr_protection = 0;
	if (*p != '(')
		return complain(rd, "protection has no bracket");
	do {
		p = skip_spaces(p + 1);
		if (zone->nr_protection == PROC_ZONES_MAX ||
		    !scan_dec(&p, &zone->protection[zone->nr_protection++]))
			return complain(rd, "protection is malformed");
	} while (*p == ',');
	return *p == ')' ? 0 : complain(rd, "protection has no closing bracket");
}

static int add_pageset(struct reader *rd, const char *p)
{
	struct proc_zone *zone = rd->zone;
	struct proc_pageset *sets;
	uint64_t cpu;

	if (!scan_dec(&p, &cpu) || cpu >= CPUS_MAX)
		return complain(rd, "a pageset has no CPU number below 4096");
	if (zone->nr_pagesets == CPUS_MAX)
		return complain(rd, "the zone has more than 4096 pagesets");
	sets = trace_grow(zone->pagesets, &zone->cap_pagesets, zone->nr_pagesets, sizeof(*sets));
	if (!sets)
		return no_memory(rd);
	zone->pagesets = sets;
	rd->set = &sets[zone->nr_pagesets++];
	*rd->set = (struct proc_pageset){
		.cpu = (uint32_t)cpu, .high_min = PROC_ABSENT, .high_max = PROC_ABSENT,
		.stat_threshold = PROC_ABSENT,
	};
	return 0;
}

static int read_set_value(struct reader *rd, const char *p, int32_t *value)
{
	int64_t v;

	p = skip_spaces(p);
	if (!scan_signed(&p, &v) || *skip_spaces(p) || v < INT32_MIN || v > INT32_MAX)
		return complain(rd, "a pageset field is not a number");
	*value = (int32_t)v;
	return 0;
}

/* Lines of a pageset. Returns 1 when the line is none. */
static int read_pageset_line(struct reader *rd, const char *p)
{
	if (scan_lit(&p, "count:"))
		return read_set_value(rd, p, &rd->set->count);
	if (scan_lit(&p, "high:"))
		return read_set_value(rd, p, &rd->set->high);
	if (scan_lit(&p, "batch:"))
		return read_set_value(rd, p, &rd->set->batch);
	if (scan_lit(&p, "high_min:")) {
		rd->st->has_high_window = true;
		return read_set_value(rd, p, &rd->set->high_min);
	}
	if (scan_lit(&p, "high_max:"))
		return read_set_value(rd, p, &rd->set->high_max);
	if (scan_lit(&p, "vm stats threshold:"))
		return read_set_value(rd, p, &rd->set->stat_threshold);
	return 1;
}

static int read_value(struct reader *rd, const char *p, uint64_t *value)
{
	p = skip_spaces(p);
	if (!scan_dec(&p, value) || *skip_spaces(p))
		return complain(rd, "a zone field is not a number");
	return 0;
}

/* "min      57" and its like. Returns 1 when the line is none of them. */
static int read_zone_line(struct reader *rd, const char *p)
{
	struct proc_zone *zone = rd->zone;
	const struct {
		const char *key;
		uint64_t *value;
	} fields[] = {
		{ "pages free", &zone->free }, { "boost", &zone->boost }, { "min", &zone->min },
		{ "low", &zone->low }, { "high", &zone->high }, { "promo", &zone->promo },
		{ "spanned", &zone->spanned }, { "present", &zone->present },
		{ "managed", &zone->managed }, { "cma", &zone->cma },
		{ "start_pfn:", &zone->start_pfn },
	};
	uint64_t flag;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t len = strlen(fields[i].key);

		if (strncmp(p, fields[i].key, len) == 0 && p[len] == ' ')
			return read_value(rd, p + len, fields[i].value);
	}
	if (scan_lit(&p, "protection:"))
		return read_protection(rd, skip_spaces(p));
	if (scan_lit(&p, "node_unreclaimable:")) {
		if (read_value(rd, p, &flag) < 0)
			return -EINVAL;
		zone->unreclaimable = flag != 0;
		return 0;
	}
	return 1;
}

static int start_zone(struct reader *rd, const char *line)
{
	const char *p = line;
	int ret = read_zone_head(rd, &p);

	if (ret < 0)
		return ret;
	if (*skip_spaces(p))
		return complain(rd, "there is more on the line than `Node N, zone NAME`");
	if (rd->zone->has_zoneinfo)
		return complain(rd, "the zone appears twice");
	rd->zone->has_zoneinfo = true;
	rd->set = NULL;
	rd->node_stats = false;
	return 0;
}

static int read_zoneinfo_line(struct reader *rd, const char *line)
{
	const char *p = skip_spaces(line);
	int ret;

	if (p == line)
		return start_zone(rd, line);
	if (!rd->zone)
		return complain(rd, "there is no `Node N, zone NAME` line before");
	if (strcmp(p, "per-node stats") == 0) {
		rd->node_stats = true;
		return 0;
	}
	if (strncmp(p, "pages free ", 11) == 0)
		rd->node_stats = false;
	if (rd->node_stats)
		return add_counter(rd, &rd->zone->node_counters, p);
	if (strcmp(p, "pagesets") == 0)
		return 0;
	if (scan_lit(&p, "cpu:"))
		return add_pageset(rd, skip_spaces(p));
	ret = rd->set ? read_pageset_line(rd, p) : 1;
	if (ret == 1)
		ret = read_zone_line(rd, p);
	/* Zone counters, and what later kernels append after the pagesets. */
	return ret == 1 ? add_counter(rd, &rd->zone->counters, p) : ret;
}

/* "Node 0, zone   Normal      0      1 ..." */
static int read_buddyinfo_line(struct reader *rd, const char *line)
{
	const char *p = line;
	struct proc_zone *zone;
	int ret = read_zone_head(rd, &p);

	if (ret < 0)
		return ret;
	zone = rd->zone;
	if (zone->has_buddyinfo)
		return complain(rd, "the zone appears twice");
	zone->has_buddyinfo = true;
	for (p = skip_spaces(p); *p; p = skip_spaces(p)) {
		if (zone->nr_orders == PROC_ORDERS_MAX)
			return complain(rd, "there are more than 16 orders");
		if (!scan_dec(&p, &zone->free_blocks[zone->nr_orders++]) || (*p && *p != ' '))
			return complain(rd, "a number of free blocks is malformed");
	}
	return zone->nr_orders ? 0 : complain(rd, "the zone has no numbers");
}

static int read_line(struct reader *rd, enum proc_file kind, const char *line)
{
	if (kind == PROC_ZONEINFO)
		return read_zoneinfo_line(rd, line);
	if (kind == PROC_BUDDYINFO)
		return read_buddyinfo_line(rd, line);
	return add_counter(rd, &rd->st->vmstat, line);
}

static bool *seen_flag(struct proc_state *st, enum proc_file kind)
{
	if (kind == PROC_ZONEINFO)
		return &st->has_zoneinfo;
	return kind == PROC_BUDDYINFO ? &st->has_buddyinfo : &st->has_vmstat;
}

static int read_input(struct reader *rd, enum proc_file kind)
{
	bool *seen = seen_flag(rd->st, kind);
	int ret = 0, more;
	char *line;
	size_t len;

	if (*seen)
		return complain(rd, "the file was read before");
	*seen = true;
	while ((more = trace_input_line(rd->in, &line, &len, rd->err)) > 0) {
		if (*skip_spaces(line))
			ret = read_line(rd, kind, line);
		if (ret < 0)
			return ret;
	}
	if (more < 0)
		return more;
	if (kind == PROC_VMSTAT ? rd->st->vmstat.nr == 0 : !rd->zone)
		return complain(rd, "the file is empty");
	return 0;
}

static int read_and_close(struct proc_state *st, enum proc_file kind, struct trace_input *in,
			  struct trace_error *err)
{
	struct reader rd = { .st = st, .in = in, .err = err };
	int ret;

	if (!in)
		return -EINVAL;
	ret = read_input(&rd, kind);
	trace_input_close(in);
	return ret;
}

int proc_state_read(struct proc_state *st, enum proc_file kind, const char *path,
		    struct trace_error *err)
{
	return read_and_close(st, kind, trace_input_open(path, err), err);
}

int proc_state_read_mem(struct proc_state *st, enum proc_file kind, const void *data, size_t size,
			const char *name, struct trace_error *err)
{
	return read_and_close(st, kind, trace_input_open_mem(data, size, name, err), err);
}

void proc_state_destroy(struct proc_state *st)
{
	for (uint64_t i = 0; i < st->nr_zones; i++) {
		free(st->zones[i].pagesets);
		free(st->zones[i].counters.v);
		free(st->zones[i].node_counters.v);
	}
	free(st->zones);
	free(st->vmstat.v);
	*st = (struct proc_state){ 0 };
}
