/* SPDX-License-Identifier: MIT */
/* kmemlab report: which locks waited, where, and behind whom, from a result file. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stress/cli/command.h"
#include "stress/report/formats.h"
#include "stress/report/lock_text.h"
#include "stress/report/result_file.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_LOCK_STAT, FORMAT_FOLDED, FORMAT_PPROF,
	      FORMAT_PERFETTO, FORMAT_HTML };
enum option_key { KEY_JSON = 0x100, KEY_LOCK, KEY_SORT, KEY_WIDTH };

static const char *const format_names[] = {
	"text", "json", "lock_stat", "folded", "pprof", "perfetto", "html",
};

struct arguments {
	const char *file, *lock, *program;
	enum format format;
	struct lock_text_options text;
};

static enum format parse_format(const char *program, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(format_names); i++)
		if (strcmp(arg, format_names[i]) == 0)
			return (enum format)i;
	unknown_name(program, "format", arg, format_names, ARRAY_SIZE(format_names));
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
		if (a->file)
			usage_error(a->program, "one file at a time; '%s' is too many", arg);
		a->file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "top", 'n', "N", 0, "the first N locks only (default 20)", 0 },
	{ "sort", KEY_SORT, "KEY", 0,
	  "wait (default), contended, acquired, hold, bounces or name", 0 },
	{ "lock", KEY_LOCK, "NAME", 0, "the page of one lock", 0 },
	{ "format", 'f', "FORMAT", 0,
	  "text (default), json, lock_stat (/proc/lock_stat 0.4), folded (flame graphs), pprof "
	  "(gzipped), perfetto (Chrome JSON) or html (one offline page)", 0 },
	{ "json", KEY_JSON, NULL, 0, "the same as --format=json", 0 },
	{ "width", KEY_WIDTH, "N", 0, "columns of the table (default 100)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse, .args_doc = "FILE",
	.doc = "Reports lock contention from the result file FILE (- is standard input): by lock, "
	       "and with --lock by CPU, context, site and waiter -> holder pair.\v"
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

static void print_text(const struct result_file *f, const struct arguments *a)
{
	result_header_print(f->header, stdout);
	lock_text_recorder(&f->locks, stdout);
	putchar('\n');
	if (a->lock)
		lock_text_page(&f->locks, a->lock, &a->text, stdout);
	else
		lock_text_table(&f->locks, &a->text, stdout);
}

/* Before anything is printed: a page of a lock that is not there is a usage error. */
static void check_lock(const struct result_file *f, const struct arguments *a)
{
	const char *near;

	if (!a->lock || lock_text_has_page(&f->locks, a->lock))
		return;
	near = lock_text_nearest(&f->locks, a->lock);
	if (near)
		usage_error(a->program, "no lock '%s' in %s; did you mean '%s'?", a->lock,
			    a->file, near);
	usage_error(a->program, "no lock '%s' in %s; 'kmemlab report %s' lists the locks",
		    a->lock, a->file, a->file);
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
			    a->file);
	return err ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0], .text = { .top = 20, .colour = true } };
	struct report_error err;
	struct result_file f;
	int rc = EXIT_DONE;

	parse_options(&argp, argc, argv, &a);
	if (!a.file)
		usage_error(a.program, "name a result file; see '%s --help'", a.program);
	if (a.lock && a.format != FORMAT_TEXT)
		usage_error(a.program, "--lock is a page of text; leave out --format");
	if (result_file_load(&f, a.file, &err))
		usage_error(a.program, "%s", err.text);
	check_lock(&f, &a);
	if (a.format == FORMAT_JSON)
		rc = print_json(&f);
	else
		rc = print_format(&f, &a);
	result_file_free(&f);
	if (fflush(stdout) == EOF || ferror(stdout))
		rc = EXIT_FAILED;
	return rc;
}

KMEMLAB_COMMAND(report, 30, "lock contention of a result file: by lock, waiter, holder", run);
