/* SPDX-License-Identifier: MIT */
/* The options that diff, bench and gate share, and what diff and bench do with two sets. */
#ifndef STRESS_CLI_COMPARE_OPTIONS_H
#define STRESS_CLI_COMPARE_OPTIONS_H

#include <argp.h>

#include "stress/compare/compare.h"

enum { KEY_COMPARE_JSON = 0x200, KEY_COMPARE_ALL, KEY_COMPARE_MD, KEY_COMPARE_EFFECT,
       KEY_COMPARE_SHARE, KEY_COMPARE_LEVEL };

struct compare_command {
	struct compare_options opt;
	bool json, all;
	const char *md;			/* file for a table in Markdown; NULL: none */
};

#define COMPARE_OPTIONS								\
	{ "json", KEY_COMPARE_JSON, NULL, 0, "print JSON instead of text", 1 },	\
	{ "md", KEY_COMPARE_MD, "FILE", 0, "write the changes as a Markdown table", 1 },	\
	{ "all", KEY_COMPARE_ALL, NULL, 0, "also rows without a change", 1 },	\
	{ "min-effect", KEY_COMPARE_EFFECT, "PERCENT", 0,			\
	  "smallest relative change of a sampled metric that counts (default 5)", 2 }, \
	{ "min-share", KEY_COMPARE_SHARE, "PERCENT", 0,				\
	  "smallest change of waiting that counts, of CPU time (default 1)", 2 }, \
	{ "level", KEY_COMPARE_LEVEL, "P", 0,					\
	  "largest corrected p that is significant (default 0.05)", 2 }

#define COMPARE_STATUS_DOC							\
	"\vExit status: 0 same or better, 1 worse, 2 wrong usage or unusable input, 3 not "	\
	"comparable."

/* One of COMPARE_OPTIONS, for an argp parser; ARGP_ERR_UNKNOWN for any other key. */
error_t compare_option(struct compare_command *cmd, const char *program, int key,
		       const char *arg);

/* Compares, prints, and returns the exit status of diff. */
int compare_and_print(const struct compare_command *cmd, const struct run_set *a,
		      const struct run_set *b);

/* A number in [@low, @high]; anything else is a usage error that names @option. */
double parse_real(const char *program, const char *option, const char *text,
		  const double range[2]);

/* Prints @json, new reference, as the only output; EXIT_FAILED when that fails, else @rc. */
int print_and_free(json_t *json, int rc);

#endif /* STRESS_CLI_COMPARE_OPTIONS_H */
