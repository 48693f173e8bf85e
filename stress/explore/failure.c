/* SPDX-License-Identifier: MIT */
/* Failures: what a worker's end says, and the command that repeats it. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>

#include "stress/explore/explore.h"
#include "stress/report/array.h"

/* The line of @text that says what was found, without its end. */
static char *title_of(const char *text)
{
	static const char *const marks[] = { "kmemlab panic", "WARNING: ThreadSanitizer",
					     "ERROR: AddressSanitizer", "runtime error:" };
	const char *line = NULL;
	char *title;

	for (size_t i = 0; i < ARRAY_SIZE(marks) && !line; i++)
		line = strstr(text, marks[i]);
	if (!line)
		line = text + strspn(text, "\n");
	title = strndup(line, strcspn(line, "\n"));
	if (!title)
		panic("out of memory for a failure");
	if (!*title) {
		free(title);
		title = string_copy("the worker died without a word");
	}
	return title;
}

/* @title with every number replaced by '#': pages, addresses and CPUs differ from seed to seed. */
static char *key_of(const char *title)
{
	char *key = string_copy(title), *to = key;

	for (const char *p = title; *p;) {
		if (!isdigit((unsigned char)*p)) {
			*to++ = *p++;
			continue;
		}
		while (isxdigit((unsigned char)*p) || *p == 'x')
			p++;
		*to++ = '#';
	}
	*to = '\0';
	return key;
}

void explore_failure_fill(struct explore_failure *f, const struct explore_config *config,
			  const struct worker *w)
{
	const struct sim_stats *stats = &w->shared->stats;

	*f = (struct explore_failure){
		.config = *config, .schedule = w->shared->current, .steps = stats->steps,
		.hash = stats->hash, .count = 1,
		.title = title_of(w->text), .text = string_copy(w->text),
	};
	f->schedule.replay = NULL;
	f->schedule.nr_replay = 0;
	f->key = key_of(f->title);
	if (stats->nr_recorded == 0 || stats->nr_recorded > WORKER_MAX_SWITCHES)
		return;
	f->nr_switches = stats->nr_recorded;
	f->switches = malloc(f->nr_switches * sizeof(*f->switches));
	if (!f->switches)
		panic("out of memory for %zu switches", f->nr_switches);
	memcpy(f->switches, w->shared->switches, f->nr_switches * sizeof(*f->switches));
}

void explore_failure_free(struct explore_failure *f)
{
	for (size_t i = 0; f->sites && i < f->nr_switches; i++)
		free(f->sites[i]);
	free(f->sites);
	free(f->switches);
	free(f->repro);
	free(f->title);
	free(f->key);
	free(f->text);
	*f = (struct explore_failure){ 0 };
}

/* True when a number of operations on the command line gives each CPU what it had. */
static bool ops_are_spread(const struct explore_config *config)
{
	struct explore_config even = *config;

	explore_config_set_ops(&even, explore_config_ops(config));
	return memcmp(even.ops, config->ops, sizeof(even.ops)) == 0;
}

char *explore_failure_repro(const struct explore_failure *f)
{
	const struct explore_config *c = &f->config;
	char policy[48], irq[48] = "", check[48], what[INJECT_TEXT_MAX];
	const char *inject = inject_text(&c->inject, what, sizeof(what));
	char *out;

	if (f->repro)
		return string_copy(f->repro);
	if (f->shrunk || !ops_are_spread(c))
		return NULL;
	if (c->irq_one_in != c->scenario->irq_one_in)
		snprintf(irq, sizeof(irq), " --irq-one-in %u", c->irq_one_in);
	snprintf(check, sizeof(check), " --check-every %u", c->check_every);
	if (asprintf(&out, "kmemlab explore %s --cpus %u --ops %u --seeds %llu-%llu --policy %s"
		     "%s%s%s%s%s",
		     c->scenario->name, c->cpus, explore_config_ops(c),
		     (unsigned long long)f->schedule.seed, (unsigned long long)f->schedule.seed,
		     explore_schedule_policy_text(&f->schedule, policy, sizeof(policy)),
		     c->store_buffer ? " --store-buffer" : "", irq, check,
		     *inject ? " --inject " : "", inject) < 0)
		panic("out of memory for a command");
	return out;
}
