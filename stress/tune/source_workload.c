/* SPDX-License-Identifier: MIT */
/*
 * source_workload.c - settings measured on a stress binary.
 *
 * What.  A measurement is a run of the binary with the user's options, then the setting's; its
 * result file says what happened.  With --ops on one CPU the binary counts the same in every run of
 * a seed, so its counts are exact; otherwise they are sampled, and the caller makes several runs.
 * The worst hold is always sampled.
 *
 * Stranded memory.  Page lists: as each CPU sees its own lists between two tasks; the most is the
 * sum of each CPU's most.  Slab: what waits in arrays at the end of the run, for both.
 *
 * Locking.  None.  Context.  Host thread of a worker process.  Failure.  A binary that finds
 * something, or ends otherwise than well, is an error.
 * See also.  stress/harness/result.h, tests/cli/tune.bats.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mm/page/page.h"
#include "stress/harness/parse.h"
#include "stress/report/array.h"
#include "stress/report/result_file.h"
#include "stress/tune/tune_source.h"

/* Of each CPU when neither --ops nor --seconds says how long: a grid of them takes minutes. */
#define DEFAULT_OPS	100000u

struct workload_input {
	struct tune_workload wl;
	u64 ops;		/* of each CPU; 0: by time */
};

__attribute__((format(printf, 3, 4)))
static int fail(struct tune_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

/* ---- the command ---- */

struct words {
	char **v;
	u32 nr;
};

__attribute__((format(printf, 2, 3)))
static void add_word(struct words *w, const char *fmt, ...)
{
	char text[4500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*array_add(w->v, w->nr) = string_copy(text);
}

static void free_words(struct words *w)
{
	for (u32 i = 0; i < w->nr; i++)
		free(w->v[i]);
	free(w->v);
}

static void add_setting(struct words *w, enum tune_kind kind, const struct tune_setting *s)
{
	static const struct {
		enum tune_field field;
		const char *option;
	} sizes[] = {
		{ TUNE_BATCH, "pcp-batch" }, { TUNE_HIGH, "pcp-high" },
		{ TUNE_FRACTION, "pcp-high-fraction" }, { TUNE_SCALE, "pcp-scale-max" },
		{ TUNE_ROUNDS, "slab-rounds" }, { TUNE_DEPOT, "slab-depot" },
		{ TUNE_STASH, "slab-stash" }, { TUNE_IMPORT, "slab-import" },
	};

	add_word(w, "--%s=%s", kind == TUNE_PAGES ? "pcp" : "slab", s->policy);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		if (s->v[sizes[i].field] != TUNE_UNSET)
			add_word(w, "--%s=%u", sizes[i].option, s->v[sizes[i].field]);
}

static struct words command(const struct tune_source *src, const struct tune_setting *setting,
			    const struct tune_window *window, const char *out)
{
	const struct workload_input *in = src->data;
	struct words w = { NULL, 0 };

	add_word(&w, "%s", in->wl.program);
	for (char **arg = in->wl.args; arg && *arg; arg++)
		add_word(&w, "%s", *arg);
	if (in->ops)
		add_word(&w, "--ops=%llu", (unsigned long long)
			 max(in->ops * (u64)(window->to - window->from) / TUNE_PARTS, 1ull));
	add_setting(&w, src->kind, setting);
	add_word(&w, "--seed=%llu", (unsigned long long)(src->seed + window->run));
	add_word(&w, "--out=%s", out);
	add_word(&w, "--quiet");
	*array_add(w.v, w.nr) = NULL;
	return w;
}

static int run_binary(const struct words *w, struct tune_error *err)
{
	posix_spawn_file_actions_t actions;
	int status = 0, code;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	code = posix_spawn(&pid, w->v[0], &actions, NULL, w->v, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		return fail(err, -code, "%.150s cannot be run: %s", w->v[0], strerror(code));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(err, -errno, "a run was lost: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return fail(err, -EIO, "the run ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		return fail(err, -EIO, "the run ended with status %d; see above",
			    WEXITSTATUS(status));
	return 0;
}

/* ---- the result ---- */

static double number_at(const json_t *json, const char *first, const char *second,
			const char *third)
{
	json = json_object_get(json_object_get(json, first), second);
	return json_number_value(third ? json_object_get(json, third) : json);
}

static void add_locks(struct tune_metrics *m, const struct lock_report *locks)
{
	for (u32 i = 0; i < locks->nr_rows; i++) {
		const struct lock_report_row *row = &locks->rows[i];
		const char *class = locks->classes[row->class].class;
		u64 hold = max(row->hold.max, row->hold_contended.max);

		if (strcmp(class, "zone->lock") == 0)
			m->zone += row->acquired;
		else if (strcmp(class, "depot->lock") == 0)
			m->depot += row->acquired;
		else if (strcmp(class, "node->list_lock") == 0)
			m->list += row->acquired;
		else
			continue;
		m->v[TUNE_HOLD] = max(m->v[TUNE_HOLD], (double)hold);
	}
}

static void take_result(const struct tune_source *src, const struct result_file *f,
			struct tune_metrics *m)
{
	*m = (struct tune_metrics){
		.ops = (u64)number_at(f->json, "ops", "total", NULL),
		.v = { [TUNE_FAILED] = number_at(f->json, "exact", "vm_events", "pgalloc_fail") },
	};
	add_locks(m, &f->locks);
	m->acq = src->kind == TUNE_PAGES ? m->zone : m->zone + m->depot + m->list;
	m->v[TUNE_ACQ] = m->ops ? 1000.0 * (double)m->acq / (double)m->ops : 0;
	if (src->kind == TUNE_PAGES) {
		m->v[TUNE_MEAN] = (double)PAGE_SIZE *
				  number_at(f->json, "sampled", "stranded", "pages_mean");
		m->v[TUNE_MAX] = (double)PAGE_SIZE *
				 number_at(f->json, "sampled", "stranded", "pages_max");
	} else {
		m->v[TUNE_MEAN] = number_at(f->json, "sampled", "stranded", "slab_end_bytes");
		m->v[TUNE_MAX] = m->v[TUNE_MEAN];
	}
}

static int measure(const struct tune_source *src, const struct tune_setting *setting,
		   const struct tune_window *window, struct tune_metrics *m,
		   struct tune_error *err)
{
	const char *tmp = getenv("TMPDIR");
	struct report_error why;
	struct result_file f;
	struct words w;
	char path[300];
	int fd, code;

	snprintf(path, sizeof(path), "%.200s/kmemlab-tune-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return fail(err, -errno, "%s: %s; set TMPDIR", path, strerror(errno));
	close(fd);
	w = command(src, setting, window, path);
	code = run_binary(&w, err);
	free_words(&w);
	if (!code) {
		code = result_file_load(&f, path, &why);
		if (code)
			fail(err, code, "%.300s", why.text);
	}
	unlink(path);
	if (code)
		return code;
	take_result(src, &f, m);
	result_file_free(&f);
	return 0;
}

/* ---- opening ---- */

/* Value of --NAME=VALUE or --NAME VALUE; NULL: not given. */
static const char *option_value(char **args, const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;

	for (; args && *args; args++) {
		if (strncmp(*args, name, len) != 0)
			continue;
		if ((*args)[len] == '=')
			value = *args + len + 1;
		else if (!(*args)[len])
			value = args[1];
	}
	return value;
}

static void close_workload(struct tune_source *src)
{
	free(src->data);
}

int tune_source_open_workload(struct tune_source *src, const struct tune_workload *wl,
			      struct tune_error *err)
{
	const char *ops = option_value(wl->args, "--ops"), *nr = option_value(wl->args, "--cpus");
	struct workload_input *in = calloc(1, sizeof(*in));
	u64 nr_cpus = 0;

	if (!in)
		return fail(err, -ENOMEM, "no memory for a workload");
	in->wl = *wl;
	in->ops = option_value(wl->args, "--seconds") ? 0 : DEFAULT_OPS;
	if ((ops && parse_u64(ops, &in->ops)) || (nr && parse_u64(nr, &nr_cpus))) {
		free(in);
		return fail(err, -EINVAL, "--ops, --cpus: '%.40s' is no number; give one",
			    ops ? ops : nr);
	}
	*src = (struct tune_source){
		.kind = wl->kind, .what = "workload", .hold_unit = "ns",
		.exact = in->ops && nr_cpus == 1, .nr_cpus = (u32)nr_cpus,
		.ops = in->ops * nr_cpus, .seed = wl->seed + wl->seed_offset,
		.measure = measure, .close = close_workload, .data = in,
	};
	snprintf(src->name, sizeof(src->name), "stress-%.64s", wl->name);
	src->digest = tune_digest(0xcbf29ce484222325ull, &src->seed, sizeof(src->seed));
	src->digest = tune_digest(src->digest, wl->name, strlen(wl->name) + 1);
	for (char **arg = wl->args; arg && *arg; arg++) {
		size_t at = strlen(src->name);

		src->digest = tune_digest(src->digest, *arg, strlen(*arg) + 1);
		if (at < sizeof(src->name))
			snprintf(src->name + at, sizeof(src->name) - at, " %.60s", *arg);
	}
	return 0;
}
