/* SPDX-License-Identifier: MIT */
/*
 * tune_store.c - results in memory, and the state file.
 *
 * What.  A result is known by its setting and its window.  The first line of a state file holds the
 * digest of every input, so a file of another trace, seed or version is refused instead of mixed
 * in.  Results of settings that the present grid does not have are skipped: grids may grow.
 *
 * Invariants.
 *   I1  A result is kept once; what was first stays.
 *   I2  Every complete line of a state file is a result that was measured.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  Too little memory panics; a state file that
 * cannot be written is told by tune_store_open(), later by a line on stderr.
 * See also.  tests/unit/test_tune_store.c.
 */
#define _GNU_SOURCE
#include "stress/tune/tune_store.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/report/array.h"

__attribute__((format(printf, 3, 4)))
static int fail(struct tune_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

void tune_store_init(struct tune_store *store, const struct tune_space *space,
		     const struct tune_source *sources, u32 nr_sources)
{
	*store = (struct tune_store){
		.space = space, .sources = sources, .nr_sources = nr_sources,
		.last = calloc(space->nr + 1u, sizeof(*store->last)),
	};
	if (!store->last)
		panic("out of memory for %u settings", space->nr);
}

void tune_store_destroy(struct tune_store *store)
{
	if (store->out)
		fclose(store->out);
	free(store->entries);
	free(store->last);
	free(store->before);
	*store = (struct tune_store){ .nr = 0 };
}

static bool same_window(const struct tune_window *a, const struct tune_window *b)
{
	return a->input == b->input && a->from == b->from && a->to == b->to && a->run == b->run;
}

const struct tune_metrics *tune_store_find(const struct tune_store *store, u32 point,
					   const struct tune_window *window)
{
	for (u32 i = store->last[point]; i; i = store->before[i - 1])
		if (same_window(&store->entries[i - 1].window, window))
			return &store->entries[i - 1].m;
	return NULL;
}

/* ---- lines ---- */

static const char *const count_names[] = { "ops", "acq", "zone", "depot", "list", "slab_pages" };

static u64 *count_of(struct tune_metrics *m, unsigned int i)
{
	u64 *const counts[] = {
		&m->ops, &m->acq, &m->zone, &m->depot, &m->list, &m->slab_pages,
	};

	return counts[i];
}

static json_t *result_json(const struct tune_store *store, const struct tune_result_entry *e)
{
	struct tune_metrics m = e->m;
	json_t *line = json_pack("{s:s,s:[i,i,i,i]}", "setting",
				 store->space->points[e->point].key, "window", e->window.input,
				 e->window.from, e->window.to, e->window.run);
	json_t *values = json_array();

	for (unsigned int i = 0; i < NR_TUNE_OBJECTIVES; i++)
		json_array_append_new(values, json_real(m.v[i]));
	json_object_set_new(line, "v", values);
	for (unsigned int i = 0; i < ARRAY_SIZE(count_names); i++)
		json_object_set_new(line, count_names[i],
				    json_integer((json_int_t)*count_of(&m, i)));
	return line;
}

static void put_line(struct tune_store *store, json_t *line)
{
	/* 17 digits bring a double back exactly: a resumed run must not differ. */
	char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(17));

	json_decref(line);
	if (!text)
		panic("out of memory for a result");
	/* In one write, so that a kill tears at most one line. */
	if (fprintf(store->out, "%s\n", text) < 0 || fflush(store->out)) {
		fprintf(stderr, "tune: the state file cannot be written: %s; going on without\n",
			strerror(errno));
		fclose(store->out);
		store->out = NULL;
	}
	free(text);
}

static json_t *header_json(const struct tune_store *store)
{
	json_t *digests = json_array(), *names = json_array();

	for (u32 i = 0; i < store->nr_sources; i++) {
		json_array_append_new(digests, json_sprintf("%016llx", (unsigned long long)
							    store->sources[i].digest));
		json_array_append_new(names, json_string(store->sources[i].name));
	}
	return json_pack("{s:s,s:s,s:o,s:o}", "schema", TUNE_STATE_SCHEMA, "version",
			 KMEMLAB_VERSION, "digests", digests, "inputs", names);
}

void tune_store_add(struct tune_store *store, u32 point, const struct tune_window *window,
		    const struct tune_metrics *m)
{
	struct tune_result_entry *e;
	u32 *before, nr = store->nr;

	if (tune_store_find(store, point, window))
		return;						/* I1 */
	before = array_add(store->before, nr);
	*before = store->last[point];
	e = array_add(store->entries, store->nr);
	*e = (struct tune_result_entry){ .point = point, .window = *window, .m = *m };
	store->last[point] = store->nr;
	if (store->out)
		put_line(store, result_json(store, e));
}

/* ---- reading ---- */

static bool parse_window(const json_t *json, const struct tune_store *store,
			 struct tune_window *w)
{
	u16 *const parts[] = { &w->input, &w->from, &w->to, &w->run };

	if (json_array_size(json) != ARRAY_SIZE(parts))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		const json_t *n = json_array_get(json, i);

		if (!json_is_integer(n) || json_integer_value(n) < 0 ||
		    json_integer_value(n) > UINT16_MAX)
			return false;
		*parts[i] = (u16)json_integer_value(n);
	}
	return w->from < w->to && w->to <= TUNE_PARTS && w->input < store->nr_sources;
}

static bool parse_metrics(const json_t *line, struct tune_metrics *m)
{
	const json_t *values = json_object_get(line, "v");

	if (json_array_size(values) != NR_TUNE_OBJECTIVES)
		return false;
	for (unsigned int i = 0; i < NR_TUNE_OBJECTIVES; i++) {
		const json_t *v = json_array_get(values, i);

		if (!json_is_number(v) || json_number_value(v) < 0)
			return false;
		m->v[i] = json_number_value(v);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(count_names); i++) {
		const json_t *n = json_object_get(line, count_names[i]);

		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return false;
		*count_of(m, i) = (u64)json_integer_value(n);
	}
	return true;
}

static bool parse_result(struct tune_store *store, const json_t *line)
{
	const char *key = json_string_value(json_object_get(line, "setting"));
	struct tune_window w;
	struct tune_metrics m;
	u32 point;

	if (!key || !parse_window(json_object_get(line, "window"), store, &w) ||
	    !parse_metrics(line, &m))
		return false;
	point = tune_space_find(store->space, key);
	if (point < store->space->nr)
		tune_store_add(store, point, &w, &m);
	else
		store->nr_foreign++;
	return true;
}

static int check_header(const struct tune_store *store, const json_t *line, const char *path,
			struct tune_error *err)
{
	const char *schema = json_string_value(json_object_get(line, "schema"));
	const json_t *digests = json_object_get(line, "digests");
	bool same = json_array_size(digests) == store->nr_sources;

	if (!schema || strcmp(schema, TUNE_STATE_SCHEMA) != 0)
		return fail(err, -EINVAL, "%.120s:1: is no state file of kmemlab tune; name "
			    "another file", path);
	for (u32 i = 0; i < store->nr_sources && same; i++) {
		const char *text = json_string_value(json_array_get(digests, i));

		same = text && strtoull(text, NULL, 16) == store->sources[i].digest;
	}
	if (!same)
		return fail(err, -EINVAL, "%.120s:1: belongs to another input, held-out input, "
			    "seed or version; give the same ones or name another file", path);
	return 0;
}

/* Reads all complete lines; *@end: the size of what they take in the file. */
static int read_lines(struct tune_store *store, FILE *in, const char *path, long *end,
		      struct tune_error *err)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	u32 number = 0;
	int code = 0;

	while (!code && (len = getline(&text, &room, in)) > 0) {
		json_t *line;

		/* The line that a kill tore. */
		if (text[len - 1] != '\n')
			break;
		number++;
		line = json_loadb(text, (size_t)len, 0, NULL);
		if (number == 1)
			code = check_header(store, line, path, err);
		else if (!parse_result(store, line))
			code = fail(err, -EINVAL, "%.120s:%u: is no result; the file is damaged, "
				    "remove the line", path, number);
		json_decref(line);
		*end += (long)len;
	}
	free(text);
	if (!code && !number && *end == 0 && room && ftell(in) > 0)
		return fail(err, -EINVAL, "%.120s:1: is no state file of kmemlab tune; name "
			    "another file", path);
	return code;
}

static int load(struct tune_store *store, const char *path, long *end, struct tune_error *err)
{
	FILE *in = fopen(path, "re");
	int code;

	*end = 0;
	if (!in)
		return fail(err, -errno, "%.120s: %s; name a state file that can be read", path,
			    strerror(errno));
	code = read_lines(store, in, path, end, err);
	fclose(in);
	return code;
}

int tune_store_load(struct tune_store *store, const char *path, struct tune_error *err)
{
	long end;
	int code = load(store, path, &end, err);

	if (!code && !end)
		return fail(err, -EINVAL, "%.120s: is empty; name the state file of a shard",
			    path);
	return code;
}

int tune_store_open(struct tune_store *store, const char *path, struct tune_error *err)
{
	long end = 0;
	FILE *out;
	int code;

	code = access(path, F_OK) == 0 ? load(store, path, &end, err) : 0;
	if (code)
		return code;
	out = fopen(path, "ae");
	/* The torn line, when there is one, makes way. */
	if (out && ftruncate(fileno(out), end)) {
		fclose(out);
		out = NULL;
	}
	if (!out)
		return fail(err, -EINVAL, "%.120s: %s; name a state file that can be written", path,
			    strerror(errno));
	store->out = out;
	if (!end)
		put_line(store, header_json(store));
	return 0;
}
