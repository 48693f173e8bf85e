/* SPDX-License-Identifier: MIT */
/* Options that only some workloads have: the others refuse them. */
#include <errno.h>
#include <string.h>

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
