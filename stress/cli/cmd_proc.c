/* SPDX-License-Identifier: MIT */
/* kmemlab proc: a /proc text of a running machine, or of the end of a recorded one. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/procfs.h"
#include "stress/cli/command.h"
#include "stress/cli/compare_options.h"
#include "stress/cli/live_target.h"
#include "stress/report/array.h"
#include "stress/report/live_client.h"
#include "stress/report/result_file.h"

enum { KEY_PID = 0x100, KEY_JSON };

struct arguments {
	const char *program, *name, *file;
	int pid;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_PID:
		a->pid = (int)parse_number(a->program, "--pid", arg, 1, INT32_MAX);
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			usage_error(a->program, "one name and one file; '%s' is too many", arg);
		if (a->name)
			a->file = arg;
		else
			a->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "pid", KEY_PID, "PID", 0, "of the running stress program, when there are several", 0 },
	{ "json", KEY_JSON, NULL, 0, "as JSON, schema kmemlab-proc/1", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse, .args_doc = "NAME [FILE]\nlist [FILE]",
	.doc = "Prints the text that /proc/NAME would have: of the stress program that is running, "
	       "or of the end of the run whose result is FILE (- is standard input).\v"
	       EXIT_STATUS_DOC,
};

/* What is behind a result file's "proc", or in memory when nothing is recorded. */
static void list_names(const json_t *proc)
{
	const char *name;
	const json_t *text;

	if (proc)
		json_object_foreach((json_t *)(uintptr_t)proc, name, text)
			puts(name);
	for (unsigned int i = 0; !proc && proc_name(i); i++)
		puts(proc_name(i));
}

static int print_text(const struct arguments *a, const char *text)
{
	if (a->json)
		return print_and_free(json_pack("{s:s,s:s,s:s}", "schema", "kmemlab-proc/1",
						"name", a->name, "text", text), EXIT_DONE);
	fputs(text, stdout);
	return fflush(stdout) == EOF || ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int of_file(const struct arguments *a)
{
	struct report_error err;
	struct result_file f;
	const json_t *proc, *text;
	const char **names = NULL, *name;
	u32 nr = 0;
	int rc = EXIT_DONE;

	if (a->pid)
		usage_error(a->program, "--pid is for a running program; leave out it or %s",
			    a->file);
	if (result_file_load(&f, a->file, &err))
		usage_error(a->program, "%s", err.text);
	proc = json_object_get(f.json, "proc");
	if (!json_is_object(proc))
		usage_error(a->program, "%s has no /proc texts; write it again with "
			    "`kmemlab stress NAME --out FILE`", a->file);
	json_object_foreach((json_t *)(uintptr_t)proc, name, text)
		*array_add(names, nr) = name;
	if (strcmp(a->name, "list") == 0) {
		list_names(proc);
	} else {
		text = json_object_get(proc, a->name);
		if (!json_is_string(text))
			unknown_name(a->program, "text", a->name, names, nr);
		rc = print_text(a, json_string_value(text));
	}
	free(names);
	result_file_free(&f);
	return rc;
}

static int of_program(const struct arguments *a)
{
	char question[80], why[400], *text;
	int pid, rc;

	if (strcmp(a->name, "list") == 0) {
		list_names(NULL);
		return EXIT_DONE;
	}
	pid = live_target(a->program, a->pid);
	snprintf(question, sizeof(question), "proc %s\n", a->name);
	text = live_ask(pid, question, why, sizeof(why));
	if (!text)
		usage_error(a->program, "%s", why);
	rc = print_text(a, text);
	free(text);
	return rc;
}

static int run(int argc, char **argv)
{
	struct arguments a = { .program = argv[0] };

	parse_options(&argp, argc, argv, &a);
	if (!a.name)
		usage_error(a.program, "name a text, as buddyinfo; '%s list' lists them",
			    a.program);
	return a.file ? of_file(&a) : of_program(&a);
}

KMEMLAB_COMMAND(proc, 60, "a /proc text of a running or recorded machine", run);
