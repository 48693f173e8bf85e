/* SPDX-License-Identifier: MIT */
/* main() of every stress binary: command line in, summary or JSON out, exit status. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "stress/harness/harness.h"
#include "stress/harness/result.h"
#include "stress/report/result_file.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void on_sigint(int sig)
{
	(void)sig;
	stress_interrupt();
}

/* The first Ctrl-C ends the run with all its checks, the second ends the process. */
static void catch_sigint(void)
{
	struct sigaction sa = { .sa_handler = on_sigint, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
}

/* Summary, JSON, file.  A result that cannot be written is a failure of the run. */
static void put_out(struct stress_run *run)
{
	const struct stress_options *opt = run->opt;
	int err;

	if (opt->json) {
		(void)!result_json_write(run->result, stdout);
	} else if (!opt->quiet || opt->nr_proc) {
		fputs(run->summary, stdout);
	}
	fflush(stdout);
	if (!opt->out)
		return;
	err = result_write(run->result, opt->out);
	if (err)
		stress_fail(run, "--out: cannot write %s: %s; give another file", opt->out,
			    strerror(-err));
}

int stress_main(int argc, char **argv, const struct workload *wl)
{
	const char *program = argc ? base_name(argv[0]) : wl->name;
	struct stress_options opt;
	struct stress_run run = { .wl = wl, .opt = &opt, .program = program };
	struct mm_error err;
	char repro[512];
	int status = 0;

	if (stress_options_parse(&opt, argc, argv, wl->doc, &err) ||
	    stress_check_own_options(&run, &err)) {
		fprintf(stderr, "%s: %s\n", program, err.text);
		return 2;
	}
	/* First of all, so that it is there whatever happens; JSON alone owns stdout. */
	fprintf(opt.json ? stderr : stdout, "%s: seed %llu\n", program,
		(unsigned long long)opt.seed);
	fflush(stdout);
	catch_sigint();
	if (stress_execute(&run, &err)) {
		/* The layers below name the option without its dashes. */
		fprintf(stderr, "%s: %s%s\n", program, strncmp(err.text, "--", 2) ? "--" : "",
			err.text);
		return 2;
	}
	put_out(&run);
	if (run.failures) {
		fprintf(stderr, "%s: %u finding(s)\nREPRO: %s\n", program, run.failures,
			stress_options_repro(&opt, program, repro, sizeof(repro)));
		status = 1;
	}
	stress_run_free(&run);
	return status;
}
