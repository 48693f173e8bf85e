/* SPDX-License-Identifier: MIT */
/* What diff, bench and gate have in common on the command line. */
#include "stress/cli/compare_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stress/cli/command.h"

double parse_real(const char *program, const char *option, const char *text,
		  const double range[2])
{
	char *end;
	double v = strtod(text, &end);

	if (!isdigit((unsigned char)text[0]) || *end || !(v >= range[0] && v <= range[1]))
		usage_error(program, "%s: '%s' is not a number from %g to %g", option, text,
			    range[0], range[1]);
	return v;
}

error_t compare_option(struct compare_command *cmd, const char *program, int key, const char *arg)
{
	static const double percent[] = { 0, 1000 }, level[] = { 1e-9, 0.5 };

	switch (key) {
	case KEY_COMPARE_JSON:
		cmd->json = true;
		return 0;
	case KEY_COMPARE_ALL:
		cmd->all = true;
		return 0;
	case KEY_COMPARE_MD:
		cmd->md = arg;
		return 0;
	case KEY_COMPARE_EFFECT:
		cmd->opt.min_effect = parse_real(program, "--min-effect", arg, percent) / 100;
		return 0;
	case KEY_COMPARE_SHARE:
		cmd->opt.min_share = parse_real(program, "--min-share", arg, percent) / 100;
		return 0;
	case KEY_COMPARE_LEVEL:
		cmd->opt.level = parse_real(program, "--level", arg, level);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int print_and_free(json_t *json, int rc)
{
	int err = result_json_write(json, stdout);

	json_decref(json);
	return err ? EXIT_FAILED : rc;
}

static int write_markdown(const struct comparison *c, const char *path)
{
	FILE *out = fopen(path, "we");

	if (out) {
		compare_print_markdown(c, out);
		if (!ferror(out) && !fclose(out))
			return 0;
	}
	fprintf(stderr, "--md: cannot write %s: %s; name another file\n", path, strerror(errno));
	return -EIO;
}

int compare_and_print(const struct compare_command *cmd, const struct run_set *a,
		      const struct run_set *b)
{
	struct comparison c;
	int rc;

	compare_sets(&c, a, b, &cmd->opt);
	rc = c.remarks.nr_obstacles ? EXIT_NOT_COMPARABLE : c.worse ? EXIT_FAILED : EXIT_DONE;
	if (cmd->json)
		rc = print_and_free(compare_json(&c), rc);
	else
		compare_print(&c, cmd->all, stdout);
	if (cmd->md && write_markdown(&c, cmd->md))
		rc = EXIT_FAILED;
	if (fflush(stdout) == EOF || ferror(stdout))
		rc = EXIT_FAILED;
	comparison_free(&c);
	return rc;
}
