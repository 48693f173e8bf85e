/* SPDX-License-Identifier: MIT */
/*
 * A lock report as a pprof profile: gzipped protobuf, for `go tool pprof` and speedscope.
 *
 * What.  A stack is lock <- site, the lock as its root.  Waits come from the pairs, so a wait also
 * has the labels holder, cpu and context; acquisitions and holds come from the rows.  The four
 * values of a sample are contentions, delay, acquisitions, hold.
 *
 * Failure.  Without protobuf-c or zlib the function returns -ENOSYS.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stress/report/formats.h"

#if KMEMLAB_HAVE_PPROF

#include <profile.pb-c.h>
#include <zlib.h>

#include "runtime/preempt.h"
#include "stress/report/array.h"
#include "stress/report/lock_summary.h"
#include "stress/report/lock_text.h"

typedef Kmemlab__Pprof__Profile Profile;
typedef Kmemlab__Pprof__Sample Sample;
typedef Kmemlab__Pprof__Label Label;
typedef Kmemlab__Pprof__ValueType ValueType;

enum value { VALUE_CONTENTIONS, VALUE_DELAY, VALUE_ACQUISITIONS, VALUE_HOLD, NR_VALUES };

static const char *const value_names[NR_VALUES][2] = {
	{ "contentions", "count" }, { "delay", "nanoseconds" }, { "acquisitions", "count" },
	{ "hold", "nanoseconds" },
};

#define LABELS_MAX	3

/* All that the message points to; freed as a whole. */
struct builder {
	Profile profile;
	u32 nr_strings, nr_samples, nr_locations, nr_functions, nr_types;
	const struct lock_report *r;
};

static void *zeroed(size_t nr, size_t size)
{
	void *p = calloc(nr, size);

	if (!p)
		panic("out of memory for a profile");
	return p;
}

/* The index of @s in the string table. */
static int64_t string_index(struct builder *b, const char *s)
{
	for (u32 i = 0; i < b->nr_strings; i++)
		if (strcmp(b->profile.string_table[i], s) == 0)
			return i;
	*array_add(b->profile.string_table, b->nr_strings) = string_copy(s);
	return b->nr_strings - 1;
}

/* A location with one line of one function; ids count from 1. */
static void add_location(struct builder *b, const char *name, const char *file, u32 line)
{
	Kmemlab__Pprof__Location *at = zeroed(1, sizeof(*at));
	Kmemlab__Pprof__Function *fn = zeroed(1, sizeof(*fn));

	kmemlab__pprof__function__init(fn);
	fn->id = b->nr_functions + 1;
	fn->name = fn->system_name = string_index(b, name);
	fn->filename = string_index(b, file);
	*array_add(b->profile.function, b->nr_functions) = fn;

	kmemlab__pprof__location__init(at);
	at->id = b->nr_locations + 1;
	at->n_line = 1;
	at->line = zeroed(1, sizeof(*at->line));
	at->line[0] = zeroed(1, sizeof(*at->line[0]));
	kmemlab__pprof__line__init(at->line[0]);
	at->line[0]->function_id = fn->id;
	at->line[0]->line = line;
	*array_add(b->profile.location, b->nr_locations) = at;
}

/* Locations 1.. are the sites, those after them the locks. */
static Sample *add_sample(struct builder *b, u32 class, u32 site)
{
	Sample *s = zeroed(1, sizeof(*s));

	kmemlab__pprof__sample__init(s);
	s->n_location_id = 2;
	s->location_id = zeroed(2, sizeof(*s->location_id));
	s->location_id[0] = site + 1;
	s->location_id[1] = b->r->nr_sites + class + 1;
	s->n_value = NR_VALUES;
	s->value = zeroed(NR_VALUES, sizeof(*s->value));
	*array_add(b->profile.sample, b->nr_samples) = s;
	return s;
}

static Label *add_label(struct builder *b, Sample *s, const char *key)
{
	Label *l = zeroed(1, sizeof(*l));

	if (!s->label)
		s->label = zeroed(LABELS_MAX, sizeof(Label *));
	kmemlab__pprof__label__init(l);
	l->key = string_index(b, key);
	s->label[s->n_label++] = l;
	return l;
}

static void add_pairs(struct builder *b)
{
	static const char *const contexts[] = { "task", "softirq", "hardirq" };

	for (u32 i = 0; i < b->r->nr_pairs; i++) {
		const struct lock_report_pair *p = &b->r->pairs[i];
		Sample *s = add_sample(b, p->class, p->waiter);

		s->value[VALUE_CONTENTIONS] = (int64_t)p->contended;
		s->value[VALUE_DELAY] = (int64_t)p->wait.sum;
		add_label(b, s, "holder")->str = string_index(b, lock_place(b->r, p->holder).s);
		add_label(b, s, "context")->str =
			string_index(b, contexts[min(p->ctx, (u32)ARRAY_SIZE(contexts) - 1)]);
		add_label(b, s, "cpu")->num = p->cpu;
	}
}

static void add_rows(struct builder *b)
{
	for (u32 i = 0; i < b->r->nr_rows; i++) {
		const struct lock_report_row *row = &b->r->rows[i];
		Sample *s = add_sample(b, row->class, row->site);
		double each = row->hold.nr ? (double)row->hold.sum / (double)row->hold.nr : 0;
		u64 uncontended = row->acquired - min(row->acquired, row->contended);

		s->value[VALUE_ACQUISITIONS] = (int64_t)row->acquired;
		s->value[VALUE_HOLD] = (int64_t)(each * (double)uncontended) +
				       (int64_t)row->hold_contended.sum;
		add_label(b, s, "cpu")->num = row->cpu;
	}
}

/* The owner side of an owner_lock counts in the lock itself and has no site. */
static void add_owners(struct builder *b)
{
	for (u32 i = 0; i < b->r->nr_classes; i++) {
		Sample *s;

		if (!b->r->classes[i].owner_acquired)
			continue;
		s = add_sample(b, i, 0);
		s->location_id[0] = s->location_id[1];
		s->n_location_id = 1;
		s->value[VALUE_ACQUISITIONS] = (int64_t)b->r->classes[i].owner_acquired;
	}
}

static void build(struct builder *b)
{
	string_index(b, "");
	for (int v = 0; v < NR_VALUES; v++) {
		ValueType *t = zeroed(1, sizeof(*t));

		kmemlab__pprof__value_type__init(t);
		t->type = string_index(b, value_names[v][0]);
		t->unit = string_index(b, value_names[v][1]);
		*array_add(b->profile.sample_type, b->nr_types) = t;
	}
	for (u32 i = 0; i < b->r->nr_sites; i++)
		add_location(b, b->r->sites[i].func, b->r->sites[i].file, b->r->sites[i].line);
	for (u32 i = 0; i < b->r->nr_classes; i++)
		add_location(b, b->r->classes[i].name, "", 0);
	add_pairs(b);
	add_rows(b);
	add_owners(b);
	b->profile.duration_nanos = (int64_t)b->r->elapsed_ns;
	b->profile.default_sample_type = string_index(b, value_names[VALUE_DELAY][0]);
	b->profile.n_sample_type = b->nr_types;
	b->profile.n_sample = b->nr_samples;
	b->profile.n_location = b->nr_locations;
	b->profile.n_function = b->nr_functions;
	b->profile.n_string_table = b->nr_strings;
}

static int write_gzip(const u8 *data, size_t size, FILE *out)
{
	z_stream z = { 0 };
	u8 buf[16384];
	int rc;

	/* 16 more than the window asks for a gzip header; it holds no time, so output repeats. */
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)size;
	do {
		z.next_out = buf;
		z.avail_out = sizeof(buf);
		rc = deflate(&z, Z_FINISH);
		fwrite(buf, 1, sizeof(buf) - z.avail_out, out);
	} while (rc == Z_OK);
	deflateEnd(&z);
	return rc != Z_STREAM_END || fflush(out) == EOF || ferror(out) ? -EIO : 0;
}

int format_pprof(const struct result_file *f, FILE *out)
{
	struct builder b = { .r = &f->locks };
	Profile *copy;
	size_t size;
	u8 *data;
	int err;

	kmemlab__pprof__profile__init(&b.profile);
	build(&b);
	size = kmemlab__pprof__profile__get_packed_size(&b.profile);
	data = zeroed(size ? size : 1, 1);
	kmemlab__pprof__profile__pack(&b.profile, data);
	err = write_gzip(data, size, out);
	free(data);
	/* The library frees what lies behind a message that is on the heap. */
	copy = zeroed(1, sizeof(*copy));
	*copy = b.profile;
	kmemlab__pprof__profile__free_unpacked(copy, NULL);
	return err;
}

#else /* !KMEMLAB_HAVE_PPROF */

int format_pprof(const struct result_file *f, FILE *out)
{
	(void)f;
	(void)out;
	return -ENOSYS;
}

#endif /* KMEMLAB_HAVE_PPROF */
