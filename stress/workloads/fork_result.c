/* SPDX-License-Identifier: MIT */
/* What stress-fork-cow reports. */
#include "stress/report/text.h"
#include "stress/workloads/fork_load.h"

static struct fork_stats add_up(struct stress_run *run)
{
	struct fork_stats s;

	vm_add_up(run, offsetof(struct fork_cpu, stats), sizeof(s), &s);
	return s;
}

json_t *fork_report(struct stress_run *run)
{
	struct fork_stats s = add_up(run);
	json_t *obj = json_object();

#define PUT(member) json_object_set_new(obj, #member, json_integer((json_int_t)s.member))
	PUT(turns);
	PUT(stores);
	PUT(pages_checked);
	PUT(denied);
	PUT(forks);
	PUT(exits);
	PUT(execs);
	PUT(roots);
	PUT(zaps);
	PUT(maps);
	PUT(protects);
	PUT(shared_adds);
	PUT(refused);
	PUT(thread_writes);
	PUT(thread_forks);
	PUT(thread_words);
#undef PUT
	json_object_set_new(obj, "tasks_max", json_integer(fork_tasks_max()));
	json_object_set_new(obj, "pages_each", json_integer(fork_pages_each()));
	return obj;
}

void fork_print(struct stress_run *run, FILE *out)
{
	struct fork_stats s = add_up(run);

	fprintf(out, "processes up to %u of %u pages: %s roots, %s forks, %s execs, %s exits; "
		"%s turns\n", fork_tasks_max(), fork_pages_each(), text_count(s.roots).s,
		text_count(s.forks).s, text_count(s.execs).s, text_count(s.exits).s,
		text_count(s.turns).s);
	fprintf(out, "memory    %s stores, %s pages checked, %s stores denied; %s thrown away, "
		"%s mapped anew\n", text_count(s.stores).s, text_count(s.pages_checked).s,
		text_count(s.denied).s, text_count(s.zaps).s, text_count(s.maps).s);
	fprintf(out, "threads   %s writes, %s forks among them, %s words compared; %s shared "
		"additions\n", text_count(s.thread_writes).s, text_count(s.thread_forks).s,
		text_count(s.thread_words).s, text_count(s.shared_adds).s);
	fprintf(out, "refused   %s for lack of memory\n", text_count(s.refused).s);
	vm_print_events(out);
}
