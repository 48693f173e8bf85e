/* SPDX-License-Identifier: MIT */
/* kmemlab report: which locks waited, where, and behind whom, from a result file. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stress/cli/command.h"
#include "stress/cli/compare_options.h"
#include "stress/report/array.h"
#include "stress/report/formats.h"
#include "stress/report/lock_text.h"
#include "stress/report/lock_views.h"
#include "stress/report/result_file.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_LOCK_STAT, FORMAT_FOLDED, FORMAT_PPROF,
	      FORMAT_PERFETTO, FORMAT_HTML };
enum option_key { KEY_JSON = 0x100, KEY_BY, KEY_LOCK, KEY_SORT, KEY_WIDTH };

#define REPORT_SCHEMA	"kmemlab-report/1"

static const char *const format_names[] = {
	"text", "json", "lock_stat", "folded", "pprof", "perfetto", "html",
};

struct arguments {
	const char **files, *lock, *program;
	u32 nr_files;
	enum format format;
	enum lock_by by;
	struct lock_text_options text;
};

/* The runs of all files, in the order of the command line. */
struct runs {
	struct result_file *run;
	const char **name;		/* of the file it is from */
	u32 nr, nr_names;
};

static enum format parse_format(const char *program, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(format_names); i++)
		if (strcmp(arg, format_names[i]) == 0)
			return (enum format)i;
	unknown_name(program, "format", arg, format_names, ARRAY_SIZE(format_names));
}

static enum lock_by parse_by(const char *program, const char *arg)
{
	const char *names[NR_LOCK_BYS];

	for (unsigned int i = 0; i < NR_LOCK_BYS; i++) {
		names[i] = lock_by_name(i);
		if (strcmp(arg, names[i]) == 0)
			return (enum lock_by)i;
	}
	unknown_name(program, "view", arg, names, NR_LOCK_BYS);
}

static enum lock_sort parse_sort(const char *program, const char *arg)
{
	const char *names[NR_LOCK_SORTS];
	int sort = lock_sort_by_name(arg);

	if (sort >= 0)
		return (enum lock_sort)sort;
	for (int i = 0; i < NR_LOCK_SORTS; i++)
		names[i] = lock_sort_name((enum lock_sort)i);
	unknown_name(program, "sort key", arg, names, NR_LOCK_SORTS);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'n':
		a->text.top = (unsigned int)parse_number(a->program, "--top", arg, 1, 1000000);
		return 0;
	case 'f':
		a->format = parse_format(a->program, arg);
		return 0;
	case KEY_JSON:
		a->format = FORMAT_JSON;
		return 0;
	case KEY_BY:
		a->by = parse_by(a->program, arg);
		return 0;
	case KEY_LOCK:
		a->lock = arg;
		return 0;
	case KEY_SORT:
		a->text.sort = parse_sort(a->program, arg);
		return 0;
	case KEY_WIDTH:
		a->text.width = (unsigned int)parse_number(a->program, "--width", arg, 60, 1000);
		return 0;
	case ARGP_KEY_ARG:
		*array_add(a->files, a->nr_files) = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "top", 'n', "N", 0, "the first N locks only (default 20)", 0 },
	{ "sort", KEY_SORT, "KEY", 0,
	  "wait (default), contended, acquired, hold, bounces or name", 0 },
	{ "by", KEY_BY, "VIEW", 0,
	  "add up by lock (default), waiter, holder, pair, cpu, context or interval (the run in "
	  "slices of time)", 0 },
	{ "lock", KEY_LOCK, "NAME", 0, "the page of one lock; with --by, only this lock", 0 },
	{ "format", 'f', "FORMAT", 0,
	  "text (default), json, lock_stat (/proc/lock_stat 0.4), folded (flame graphs), pprof "
	  "(gzipped), perfetto (Chrome JSON) or html (one offline page)", 0 },
	{ "json", KEY_JSON, NULL, 0, "the same as --format=json", 0 },
	{ "width", KEY_WIDTH, "N", 0, "columns of the table (default 100)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse, .args_doc = "FILE...",
	.doc = "Reports lock contention from the result file FILE (- is standard input): by lock, "
	       "with --by by waiter, holder, pair, CPU, context or time, and with --lock all "
	       "about one lock.  Several files, or a file with several runs, are reported one run "
	       "after the other.\v"
	       EXIT_STATUS_DOC,
};

static int print_json(const struct result_file *f)
{
	json_t *json = json_pack("{s:s,s:O,s:o}", "schema", RESULT_SCHEMA, "header", f->header,
				 "locks", lock_report_json(&f->locks));
	int err = result_json_write(json, stdout);

	json_decref(json);
	return err ? EXIT_FAILED : EXIT_DONE;
}

static struct lock_view view_of(const struct arguments *a)
{
	return (struct lock_view){ .by = a->by, .lock = a->lock, .top = a->text.top };
}

static void print_text(const struct result_file *f, const struct arguments *a)
{
	const struct lock_view view = view_of(a);

	result_header_print(f->header, stdout);
	lock_text_recorder(&f->locks, stdout);
	putchar('\n');
	if (a->by != BY_LOCK)
		lock_view_print(f, &view, stdout);
	else if (a->lock)
		lock_text_page(&f->locks, a->lock, &a->text, stdout);
	else
		lock_text_table(&f->locks, &a->text, stdout);
}

/* Before anything is printed: what is not in a result is a usage error. */
static void check_run(const struct result_file *f, const char *name, const struct arguments *a)
{
	const struct lock_view view = view_of(a);
	struct report_error err;
	const char *near;

	if (lock_view_check(f, &view, &err))
		usage_error(a->program, "%s: %s", name, err.text);
	/* A view takes a class with several instances, which has no page. */
	if (!a->lock || (a->by == BY_LOCK ? lock_text_has_page(&f->locks, a->lock) :
			 lock_view_has_lock(&f->locks, a->lock)))
		return;
	near = lock_text_nearest(&f->locks, a->lock);
	if (near)
		usage_error(a->program, "no lock '%s' in %s; did you mean '%s'?", a->lock, name,
			    near);
	usage_error(a->program, "no lock '%s' in %s; 'kmemlab report %s' lists the locks",
		    a->lock, name, name);
}

static int print_format(const struct result_file *f, const struct arguments *a)
{
	int err = 0;

	switch (a->format) {
	case FORMAT_FOLDED:
		err = format_folded(f, stdout);
		break;
	case FORMAT_PPROF:
		if (isatty(STDOUT_FILENO))
			usage_error(a->program, "a pprof profile is binary: redirect it to a file");
		err = format_pprof(f, stdout);
		break;
	case FORMAT_PERFETTO:
		err = format_perfetto(f, stdout);
		break;
	case FORMAT_HTML:
		err = format_html(f, stdout);
		break;
	case FORMAT_LOCK_STAT:
		lock_report_write_lock_stat(&f->locks, stdout);
		break;
	default:
		print_text(f, a);
	}
	if (err == -ENOSYS)
		usage_error(a->program, "this build has no protobuf-c and zlib; install "
			    "libprotobuf-c-dev and protobuf-c-compiler and build again");
	if (err == -EFBIG)
		usage_error(a->program, "%s is too large for one page; --format=json has it all",
			    a->files[0]);
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* One file: a result, or several in one object with the schema "kmemlab-results/1". */
static void load(struct runs *runs, const char *path, const struct arguments *a)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	struct report_error err;
	json_t *json, *list;
	int rc;

	json = result_json_read(path, &rc, &err);
	if (!json)
		usage_error(a->program, "%s", err.text);
	list = json_object_get(json, "runs");
	for (size_t i = 0; i < (list ? json_array_size(list) : 1); i++) {
		json_t *one = list ? json_array_get(list, i) : json;

		*array_add(runs->name, runs->nr_names) = name;
		if (result_file_take(array_add(runs->run, runs->nr), json_incref(one), name, &err))
			usage_error(a->program, "%s", err.text);
		check_run(&runs->run[runs->nr - 1], name, a);
	}
	json_decref(json);
}

/* The views as JSON: one object, whatever the number of runs. */
static int print_views(const struct runs *runs, const struct arguments *a)
{
	const struct lock_view view = view_of(a);
	json_t *list = json_array();

	for (u32 i = 0; i < runs->nr; i++)
		json_array_append_new(list, json_pack("{s:s,s:O,s:o}", "file", runs->name[i],
						      "header", runs->run[i].header, "rows",
						      lock_view_json(&runs->run[i], &view)));
	return print_and_free(json_pack("{s:s,s:s,s:o}", "schema", REPORT_SCHEMA, "by",
					lock_by_name(a->by), "runs", list), EXIT_DONE);
}

static int print_runs(const struct runs *runs, const struct arguments *a)
{
	if (a->by != BY_LOCK && a->format == FORMAT_JSON)
		return print_views(runs, a);
	if (a->format == FORMAT_JSON)
		return print_json(&runs->run[0]);
	if (a->format != FORMAT_TEXT)
		return print_format(&runs->run[0], a);
	for (u32 i = 0; i < runs->nr; i++) {
		if (runs->nr > 1)
			printf("%s==> %s, run %u of %u <==\n", i ? "\n" : "", runs->name[i], i + 1,
			       runs->nr);
		print_text(&runs->run[i], a);
	}
	return EXIT_DONE;
}

static void check_formats(const struct runs *runs, const struct arguments *a)
{
	bool views = a->by != BY_LOCK && a->format == FORMAT_JSON;

	if (runs->nr > 1 && a->format != FORMAT_TEXT && !views)
		usage_error(a->program, "--format %s takes one run, and these are %u",
			    format_names[a->format], runs->nr);
	if (!runs->nr)
		usage_error(a->program, "%s has no runs; name a file that has", a->files[0]);
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0], .text = { .top = 20, .colour = true } };
	struct runs runs = { NULL, NULL, 0, 0 };
	int rc;

	parse_options(&argp, argc, argv, &a);
	if (!a.nr_files)
		usage_error(a.program, "name a result file; see '%s --help'", a.program);
	if (a.lock && a.format != FORMAT_TEXT && a.by == BY_LOCK)
		usage_error(a.program, "--lock is a page of text; leave out --format");
	if (a.by != BY_LOCK && a.format != FORMAT_TEXT && a.format != FORMAT_JSON)
		usage_error(a.program, "--by %s is text or json; leave out --format %s",
			    lock_by_name(a.by), format_names[a.format]);
	for (u32 i = 0; i < a.nr_files; i++)
		load(&runs, a.files[i], &a);
	check_formats(&runs, &a);
	rc = print_runs(&runs, &a);
	for (u32 i = 0; i < runs.nr; i++)
		result_file_free(&runs.run[i]);
	free(runs.run);
	free(runs.name);
	free(a.files);
	if (fflush(stdout) == EOF || ferror(stdout))
		rc = EXIT_FAILED;
	return rc;
}

KMEMLAB_COMMAND(report, 30, "lock contention of a result file: by lock, waiter, holder", run);
