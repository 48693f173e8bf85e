/* SPDX-License-Identifier: MIT */
/* kmemlab replay of a slab trace: one policy with its caches, or all policies side by side. */
#include "stress/cli/replay_slab.h"

#include <errno.h>
#include <string.h>

#include "stress/cli/command.h"
#include "stress/replay/trace_bundle.h"
#include "stress/replay/trace_load.h"
#include "stress/report/result_file.h"

const char *replay_slab_policy(const char *program, const char *text)
{
	const char *names[NR_OBJCACHE_POLICIES + 1] = { "all" };

	if (strcmp(text, "all") == 0)
		return NULL;
	for (unsigned int i = 0; i < NR_OBJCACHE_POLICIES; i++) {
		names[i + 1] = objcache_policy_name((enum objcache_policy)i);
		if (strcmp(text, names[i + 1]) == 0)
			return names[i + 1];
	}
	unknown_name(program, "policy", text, names, ARRAY_SIZE(names));
}

static void load(const struct replay_slab_arguments *a, struct trace *trace,
		 struct slab_replay_plan *plan)
{
	struct trace_error err;
	struct bundle files;

	if (bundle_open(a->bundle, &files, &err))
		usage_error(a->program, "%s", err.text);
	if (trace_load(files.trace_path, trace, &err))
		usage_error(a->program, "%s", err.text);
	if (slab_replay_plan_make(plan, trace, a->bundle, &err))
		usage_error(a->program, "%s", err.text);
	bundle_close(&files);
}

static bool same_counts(const struct slab_replay_outcome *a, const struct slab_replay_outcome *b)
{
	return a->allocs == b->allocs && a->alloc_hits == b->alloc_hits &&
	       a->free_hits == b->free_hits && a->depot_operations == b->depot_operations &&
	       a->list_locks == b->list_locks && a->zone_locks == b->zone_locks &&
	       a->stranded_max == b->stranded_max && a->pages_max == b->pages_max;
}

/* The first of the repeats is reported; false when one counted something else. */
static bool run_policy(const struct replay_slab_arguments *a, const struct slab_replay_plan *plan,
		       const char *policy, struct slab_replay_outcome *out)
{
	struct slab_replay_options opt = a->opt;
	bool same = true;

	opt.policy = policy;
	for (unsigned int i = 0; i < a->repeat; i++) {
		struct slab_replay_outcome again;
		struct mm_error err;

		if (slab_replay_run(plan, &opt, i ? &again : out, &err))
			usage_error(a->program, "%s: %s", a->bundle, err.text);
		if (!i)
			continue;
		same = same && same_counts(out, &again);
		out->ns = min(out->ns, again.ns);
		slab_replay_outcome_free(&again);
	}
	return same;
}

static void put_out(const struct replay_slab_arguments *a, const struct slab_replay_report *r)
{
	json_t *json = slab_replay_json(r);

	if (!a->json)
		slab_replay_print(r, stdout);
	else if (result_json_write(json, stdout))
		usage_error(a->program, "standard output cannot be written");
	if (a->out && (result_json_write(json, a->out) || fclose(a->out)))
		usage_error(a->program, "--out: %s: %s; name a file that can be written",
			    a->out_name, strerror(errno));
	json_decref(json);
}

int replay_slab(const struct replay_slab_arguments *a)
{
	struct slab_replay_outcome outs[NR_OBJCACHE_POLICIES];
	struct slab_replay_plan plan;
	struct trace trace;
	struct slab_replay_report r = {
		.name = a->bundle, .trace = &trace, .plan = &plan, .opt = &a->opt, .outs = outs,
	};
	bool same = true;

	load(a, &trace, &plan);
	for (unsigned int i = 0; i < NR_OBJCACHE_POLICIES; i++) {
		const char *name = objcache_policy_name((enum objcache_policy)i);

		if (!a->opt.policy || strcmp(name, a->opt.policy) == 0)
			same &= run_policy(a, &plan, name, &outs[r.nr_outs++]);
	}
	put_out(a, &r);
	if (!same)
		fprintf(stderr, "%s: %s: the repeats differ in exact counts; please report this\n",
			a->program, a->bundle);
	while (r.nr_outs)
		slab_replay_outcome_free(&outs[--r.nr_outs]);
	slab_replay_plan_destroy(&plan);
	trace_destroy(&trace);
	return same ? EXIT_DONE : EXIT_FAILED;
}
