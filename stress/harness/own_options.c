/* SPDX-License-Identifier: MIT */
/* Options that only some workloads have, and those that the machine takes when it is up. */
#include <errno.h>
#include <string.h>

#include "mm/page/pcp.h"
#include "mm/procfs.h"
#include "stress/harness/harness.h"

static int refuse(struct mm_error *err, const char *option, const char *name)
{
	return mm_error(err, -EINVAL, "--%s: stress-%s has no use for it; leave it out", option,
			name);
}

int stress_check_own_options(struct stress_run *run, struct mm_error *err)
{
	const struct stress_options *opt = run->opt;
	const struct workload *wl = run->wl;
	char names[180] = "";

	if (opt->tasks != STRESS_UNSET && !wl->has_tasks)
		return refuse(err, "tasks", wl->name);
	if (opt->pages != STRESS_UNSET && !wl->has_pages)
		return refuse(err, "pages", wl->name);
	if (!opt->vma_locks && !wl->vm)
		return refuse(err, "vma-locks", wl->name);
	run->mode = 0;
	if (!opt->mode)
		return 0;
	if (!wl->modes)
		return refuse(err, "mode", wl->name);
	for (unsigned int i = 0; wl->modes[i]; i++) {
		if (!strcmp(opt->mode, wl->modes[i])) {
			run->mode = i;
			return 0;
		}
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", wl->modes[i]);
	}
	return mm_error(err, -EINVAL, "--mode: \"%.30s\" is unknown; choose one of %s", opt->mode,
			names);
}

/* ---- when the machine is up ---- */

static int set_one(const char *option, const char *name, u32 value, struct mm_error *err)
{
	int code = value == STRESS_UNSET ? 0 : pcp_set_tunable(NULL, name, value);

	if (code)
		return mm_error(err, code, "--%s: %u is out of range; give less", option, value);
	return 0;
}

static int set_pcp(const struct stress_options *opt, struct mm_error *err)
{
	int code = set_one("pcp-batch", "batch", opt->pcp_batch, err);

	if (!code)
		code = set_one("pcp-high", "high_min", opt->pcp_high, err);
	if (!code)
		code = set_one("pcp-high", "high_max", opt->pcp_high, err);
	if (!code)
		code = set_one("pcp-scale-max", "scale_max", opt->pcp_scale_max, err);
	return code;
}

/* Which /proc texts there are is known only when the machine is up. */
static int check_proc(const struct stress_options *opt, struct mm_error *err)
{
	char names[180] = "";

	for (unsigned int i = 0; i < opt->nr_proc; i++) {
		unsigned int j;

		for (j = 0; proc_name(j) && strcmp(proc_name(j), opt->proc[i]); j++)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 j ? ", " : "", proc_name(j));
		if (!proc_name(j))
			return mm_error(err, -EINVAL,
					"--proc: \"%.30s\" is unknown; choose one of %s",
					opt->proc[i], names);
		names[0] = '\0';
	}
	return 0;
}

int stress_apply_options(const struct stress_options *opt, struct mm_error *err)
{
	int code = check_proc(opt, err);

	return code ? code : set_pcp(opt, err);
}
