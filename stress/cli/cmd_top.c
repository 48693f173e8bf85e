/* SPDX-License-Identifier: MIT */
/* kmemlab top: the locks, per-CPU lists and free blocks of a running stress program, live. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stress/cli/command.h"
#include "stress/cli/compare_options.h"
#include "stress/cli/live_target.h"
#include "stress/cli/top_screen.h"
#include "stress/report/live_client.h"
#include "stress/report/top_text.h"

/* Rows of the tables in batch mode, where no screen is the limit. */
#define BATCH_LOCKS	20
#define BATCH_CPUS	64
/* Lines of a frame that are not rows of a table. */
#define FRAME_LINES	10

enum { KEY_PID = 0x100, KEY_SORT, KEY_JSON };

struct arguments {
	const char *program;
	int pid;
	bool batch, json;
	double delay;			/* seconds */
	u64 frames;			/* 0: until the program ends */
	struct top_view view;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const double delays[] = { 0.1, 3600 };
	struct arguments *a = state->input;
	const char *names[NR_TOP_SORTS];

	switch (key) {
	case 'b':
		a->batch = true;
		return 0;
	case 'd':
		a->delay = parse_real(a->program, "--delay", arg, delays);
		return 0;
	case 'n':
		a->frames = parse_number(a->program, "--frames", arg, 1, 1000000);
		return 0;
	case KEY_PID:
		a->pid = (int)parse_number(a->program, "--pid", arg, 1, INT32_MAX);
		return 0;
	case KEY_JSON:
		a->batch = a->json = true;
		return 0;
	case KEY_SORT:
		for (unsigned int i = 0; i < NR_TOP_SORTS; i++) {
			names[i] = top_sort_name(i);
			if (strcmp(arg, names[i]) == 0) {
				a->view.sort = (enum top_sort)i;
				return 0;
			}
		}
		unknown_name(a->program, "sort key", arg, names, NR_TOP_SORTS);
	case ARGP_KEY_ARG:
		usage_error(a->program, "no arguments, but got '%s'; a process is --pid %s", arg,
			    arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "batch", 'b', NULL, 0, "print frames one after the other instead of a screen", 0 },
	{ "delay", 'd', "S", 0, "seconds between two frames, 0.1 or more (default 1)", 0 },
	{ "frames", 'n', "N", 0, "end after N frames (default: with the program)", 0 },
	{ "sort", KEY_SORT, "KEY", 0, "locks by wait (default), contended or acquired", 0 },
	{ "pid", KEY_PID, "PID", 0, "of the running stress program, when there are several", 0 },
	{ "json", KEY_JSON, NULL, 0, "print snapshots, schema kmemlab-live/1, one a line", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse,
	.doc = "Shows a running stress program: which locks it waits for, how full the per-CPU "
	       "lists are, which blocks are free.  Rates are of the time since the frame before, "
	       "percentiles of the whole run.  Keys: q ends, s sorts by the next key, space asks "
	       "at once.\v" EXIT_STATUS_DOC,
};

/* A snapshot, new reference; NULL with a sentence in @why. */
static json_t *take(const struct arguments *a, char *why, size_t size)
{
	char *text = live_ask(a->pid, "snapshot\n", why, size);
	json_error_t at;
	json_t *json = text ? json_loads(text, 0, &at) : NULL;

	if (text && !json)
		snprintf(why, size, "process %d answers with no JSON: %s", a->pid, at.text);
	free(text);
	return json;
}

static void wait_seconds(double seconds)
{
	const struct timespec ts = {
		(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	nanosleep(&ts, NULL);
}

static int print_frame(const struct arguments *a, const json_t *was, const json_t *now)
{
	if (a->json) {
		if (json_dumpf(now, stdout, JSON_COMPACT) < 0)
			return EXIT_FAILED;
		putchar('\n');
	} else {
		top_print(was, now, &a->view, stdout);
		putchar('\n');
	}
	return fflush(stdout) == EOF || ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static void show_frame(struct arguments *a, const json_t *was, const json_t *now)
{
	unsigned int nr_cpus = (unsigned int)json_array_size(json_object_get(now, "ops"));
	unsigned int fixed = FRAME_LINES +
			     (unsigned int)json_array_size(json_object_get(now, "zones"));
	unsigned int rows = max(top_screen_rows(), fixed + 4) - fixed;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	/* A few CPUs all fit; of many the locks get half of the screen. */
	a->view.cpus = min(nr_cpus, max(rows / 2, 1u));
	a->view.locks = max(rows - a->view.cpus, 1u);
	if (!out)
		return;
	top_print(was, now, &a->view, out);
	fclose(out);
	top_screen_show(text);
	free(text);
}

/* Waits for the next frame; true when the user wants to leave. */
static bool wait_or_leave(struct arguments *a)
{
	int key = 0;

	if (a->batch) {
		wait_seconds(a->delay);
		return false;
	}
	key = top_screen_key((int)(a->delay * 1000));
	if (key == 's')
		a->view.sort = (enum top_sort)((a->view.sort + 1) % NR_TOP_SORTS);
	return key == 'q';
}

/* Frames until the program ends, which is how most of them end. */
static int watch(struct arguments *a, json_t *was)
{
	int rc = EXIT_DONE;

	for (u64 i = 0; rc == EXIT_DONE && (!a->frames || i < a->frames); i++) {
		char why[400];
		json_t *now;

		if (wait_or_leave(a))
			break;
		now = take(a, why, sizeof(why));
		if (!now)
			break;
		if (a->batch)
			rc = print_frame(a, was, now);
		else
			show_frame(a, was, now);
		json_decref(was);
		was = now;
	}
	json_decref(was);
	return rc;
}

static int run(int argc, char **argv)
{
	struct arguments a = {
		.program = argv[0], .delay = 1,
		.view = { .locks = BATCH_LOCKS, .cpus = BATCH_CPUS },
	};
	char why[400];
	json_t *first;
	int rc;

	parse_options(&argp, argc, argv, &a);
	a.pid = live_target(a.program, a.pid);
	first = take(&a, why, sizeof(why));
	if (!first)
		usage_error(a.program, "%s", why);
	rc = a.batch ? 0 : top_screen_open();
	if (rc)
		usage_error(a.program, rc == -ENOSYS ? "this build has no ncurses; install "
			    "libncurses-dev and build again, or use --batch" :
			    "no terminal to draw on (TERM, or a pipe); use --batch");
	rc = watch(&a, first);
	top_screen_close();
	return rc;
}

KMEMLAB_COMMAND(top, 61, "live view of a running stress program: locks, lists, free blocks", run);
