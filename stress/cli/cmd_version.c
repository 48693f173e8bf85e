/* SPDX-License-Identifier: MIT */
/* kmemlab version: what was built, how, and with which libraries. */
#include <jansson.h>
#include <stdio.h>

#include "stress/cli/command.h"
#include "stress/report/result_file.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "as JSON, schema kmemlab-version/1", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse,
	.doc = "Prints the version, the kind of build and the libraries.\v" EXIT_STATUS_DOC,
};

static int run(int argc, char **argv)
{
	bool as_json = false;

	parse_options(&argp, argc, argv, &as_json);
	if (as_json) {
		json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s}", "schema", "kmemlab-version/1",
					 "version", KMEMLAB_VERSION, "build", KMEMLAB_BUILD,
					 "compiler", __VERSION__, "libraries", KMEMLAB_LIBRARIES);
		int err = result_json_write(json, stdout);

		json_decref(json);
		return err ? EXIT_FAILED : EXIT_DONE;
	}
	printf("kmemlab %s, build %s, compiler %s\nlibraries: %s\n", KMEMLAB_VERSION,
	       KMEMLAB_BUILD, __VERSION__, KMEMLAB_LIBRARIES);
	return EXIT_DONE;
}

KMEMLAB_COMMAND(version, 91, "version, build and libraries", run);
