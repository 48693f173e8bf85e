/* SPDX-License-Identifier: MIT */
/* The result of a campaign for people. */
#include "stress/explore/result.h"

#include "stress/report/text.h"

static u64 get(const json_t *json, const char *name)
{
	return (u64)json_integer_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
	const char *s = json_string_value(json_object_get(json, name));

	return s ? s : "?";
}

static void print_head(const json_t *json, FILE *out)
{
	const json_t *load = json_object_get(json, "load"), *c = json_object_get(load, "config");
	const json_t *ops = json_object_get(c, "ops"), *header = json_object_get(json, "header");
	const json_t *shards = json_object_get(json, "shards");
	u64 nr_ops = 0;

	for (size_t i = 0; i < json_array_size(ops); i++)
		nr_ops += (u64)json_integer_value(json_array_get(ops, i));
	fprintf(out, "explore %s: %llu CPUs on one host thread, %llu operations, policy %s",
		text(c, "scenario"), (unsigned long long)get(c, "cpus"),
		(unsigned long long)nr_ops, text(load, "policy"));
	if (get(c, "irq_one_in"))
		fprintf(out, ", interrupt at 1 of %llu points",
			(unsigned long long)get(c, "irq_one_in"));
	if (json_is_true(json_object_get(c, "store_buffer")))
		fputs(", store buffer", out);
	if (*text(c, "inject") && *text(c, "inject") != '?')
		fprintf(out, ", injecting %s", text(c, "inject"));
	fprintf(out, "; build %s, version %s\n", text(header, "build"), text(header, "version"));
	for (size_t i = 0; i < json_array_size(shards); i++) {
		const json_t *s = json_array_get(shards, i);

		fprintf(out, "seeds %llu-%llu", (unsigned long long)get(s, "first"),
			(unsigned long long)get(s, "last"));
		if (get(s, "of") > 1)
			fprintf(out, ", shard %llu/%llu", (unsigned long long)get(s, "shard"),
				(unsigned long long)get(s, "of"));
		fprintf(out, ": %s schedules%s\n", text_count(get(s, "schedules")).s,
			json_is_true(json_object_get(s, "complete")) ? ", all" :
			", ended before the last seed");
	}
}

void explore_json_print(const json_t *json, FILE *out)
{
	const json_t *sums = json_object_get(json, "sums");
	const json_t *failures = json_object_get(json, "failures");
	double seconds = json_number_value(json_object_get(sums, "cpu_seconds"));
	double n = (double)get(sums, "schedules");

	print_head(json, out);
	fprintf(out, "%s schedules in %.2f CPU s (%.0f schedules/s), %.0f points and %.0f switches "
		"each, digest %s\n", text_count(get(sums, "schedules")).s, seconds,
		seconds > 0.0 ? n / seconds : 0.0, n > 0.0 ? (double)get(sums, "steps") / n : 0.0,
		n > 0.0 ? (double)get(sums, "switches") / n : 0.0, text(sums, "digest"));
	if (get(sums, "faults"))
		fprintf(out, "%s faults of timing injected\n", text_count(get(sums, "faults")).s);
	for (size_t i = 0; i < json_array_size(failures); i++) {
		const json_t *f = json_array_get(failures, i);

		fprintf(out, "\nfailure %zu: %s schedules, first seed %llu, policy %s, hash %s\n"
			"  %s\n", i + 1, text_count(get(f, "count")).s,
			(unsigned long long)get(f, "seed"), text(f, "policy"), text(f, "hash"),
			text(f, "title"));
		if (json_object_get(f, "repro"))
			fprintf(out, "REPRO: %s\n", text(f, "repro"));
	}
	if (json_array_size(failures))
		fprintf(out, "\n%s of %s schedules failed, in %zu ways\n",
			text_count(get(sums, "failed")).s, text_count(get(sums, "schedules")).s,
			json_array_size(failures));
	else
		fputs("nothing found\n", out);
}
