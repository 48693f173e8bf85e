/* SPDX-License-Identifier: MIT */
/*
 * The event rings as Chrome's JSON.
 *
 * What.  Written event by event, so that a long trace needs no memory but for the holds, which are
 * sorted: a class of locks has many instances, whose holds overlap, while spans of one track must
 * nest.  Holds of a class are therefore dealt to as many tracks as were held at once.  Spans of one
 * CPU nest by themselves: an interrupt lies within the wait that it came into.
 *
 * Times are microseconds since the first event, with nanoseconds behind the point.
 */
#include "stress/harness/trace_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mm/page/zone.h"
#include "runtime/irq.h"
#include "runtime/lockstat.h"
#include "runtime/trace.h"
#include "stress/report/array.h"

#define PID_CPUS	1
#define PID_LOCKS	2
#define PID_RUN		3

/* Holds of one class at once that get a track each; more share the last one. */
#define LANES		16

struct hold {
	u64 start;
	u32 dur, site;
	u16 class, cpu;
};

struct writer {
	FILE *out;
	u64 origin;			/* ns: time 0 of the file */
	bool comma;
	struct hold *holds;
	u32 nr_holds;
};

/* ---- pieces ---- */

/* Names are C identifiers and paths, but a cache may be called anything. */
static void put_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			fputc('?', out);
		else
			fputc(*s, out);
	fputc('"', out);
}

static void next_event(struct writer *w)
{
	fputs(w->comma ? ",\n" : "\n", w->out);
	w->comma = true;
}

static void put_time(struct writer *w, const char *member, u64 ns)
{
	fprintf(w->out, ",\"%s\":%llu.%03u", member, (unsigned long long)(ns / 1000),
		(unsigned int)(ns % 1000));
}

static void put_name(struct writer *w, const char *what, int pid, int tid, const char *name)
{
	next_event(w);
	fprintf(w->out, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":",
		what, pid, tid);
	put_string(w->out, name);
	fputs("}}", w->out);
}

/* The head of a span; the caller adds its arguments and closes it. */
static void put_span(struct writer *w, int pid, unsigned int tid, u64 start, u32 dur)
{
	next_event(w);
	fprintf(w->out, "{\"ph\":\"X\",\"pid\":%d,\"tid\":%u", pid, tid);
	put_time(w, "ts", start - w->origin);
	put_time(w, "dur", dur);
}

static void put_site(struct writer *w, const char *member, u32 id)
{
	const struct lock_site *site = &__start_kmem_lock_sites[id];
	char text[200];

	snprintf(text, sizeof(text), "%.60s %.100s:%u", site->func, site->file, site->line);
	fprintf(w->out, "\"%s\":", member);
	put_string(w->out, text);
}

/* ---- CPU tracks ---- */

static void put_wait(struct writer *w, unsigned int cpu, const struct trace_event *e)
{
	char name[100];

	snprintf(name, sizeof(name), "wait %.80s", lockstat_class_name(e->a));
	put_span(w, PID_CPUS, cpu, e->start, e->dur);
	fputs(",\"cat\":\"wait\",\"name\":", w->out);
	put_string(w->out, name);
	fputs(",\"args\":{", w->out);
	put_site(w, "waiter", e->b);
	fputc(',', w->out);
	put_site(w, "holder", e->c);
	fputs("}}", w->out);
}

static void put_irq(struct writer *w, unsigned int cpu, const struct trace_event *e)
{
	const char *name = irq_vector_name(e->a);

	put_span(w, PID_CPUS, cpu, e->start, e->dur);
	fputs(",\"cat\":\"irq\",\"name\":", w->out);
	put_string(w->out, name ? name : "interrupt");
	fprintf(w->out, ",\"args\":{\"vector\":%u}}", e->a);
}

static void put_call(struct writer *w, unsigned int cpu, const struct trace_event *e)
{
	put_span(w, PID_CPUS, cpu, e->start, e->dur);
	fprintf(w->out, ",\"cat\":\"ipi\",\"name\":\"call %u CPUs%s\"}", e->a,
		e->b ? " and wait" : "");
}

static void put_run(struct writer *w, unsigned int cpu, const struct trace_event *e)
{
	put_span(w, PID_CPUS, cpu, e->start, e->dur);
	fprintf(w->out, ",\"cat\":\"ipi\",\"name\":\"run for CPU %u\"}", e->a);
}

static void put_batch(struct writer *w, unsigned int cpu, const struct trace_event *e)
{
	put_span(w, PID_CPUS, cpu, e->start, e->dur);
	fprintf(w->out, ",\"cat\":\"pcp\",\"name\":\"%s\",\"args\":{\"zone\":\"%s\",\"pages\":%u}}",
		e->kind == TRACE_PCP_REFILL ? "refill" : "spill",
		e->a < nr_zones ? zones[e->a].name : "?", e->b);
}

/* One step of the flow of call @number from @from to @to, on the track of @cpu. */
static void put_flow(struct writer *w, char step, unsigned int cpu, u64 at, const u32 call[3])
{
	next_event(w);
	fprintf(w->out, "{\"ph\":\"%c\",\"cat\":\"ipi\",\"name\":\"ipi\",\"bp\":\"e\",\"pid\":%d,"
		"\"tid\":%u,\"id\":\"%u-%u-%u\"", step, PID_CPUS, cpu, call[0], call[1], call[2]);
	put_time(w, "ts", at - w->origin);
	fputc('}', w->out);
}

/* What the rings still know of the calls: a flow needs its sender's end and its target's. */
struct call_range {
	u32 *first_sent, *first_run;	/* [from * nr_cpu_ids + to]; UINT32_MAX: none */
};

static void note_calls(struct call_range *range)
{
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const struct trace_ring *r = trace_ring_of(cpu);

		for (u64 i = r->nr > r->mask ? r->nr - r->mask - 1 : 0; i < r->nr; i++) {
			const struct trace_event *e = &r->events[i & r->mask];
			u32 *sent = &range->first_sent[cpu * nr_cpu_ids + e->a % nr_cpu_ids];
			u32 *run = &range->first_run[e->a % nr_cpu_ids * nr_cpu_ids + cpu];

			if (e->kind == TRACE_IPI_SEND)
				*sent = min(*sent, e->b);
			else if (e->kind == TRACE_IPI_RUN)
				*run = min(*run, e->b);
		}
	}
}

/* True when both ends of call @number are in the rings; the rings end with the last of both. */
static bool call_known(const struct call_range *range, unsigned int from, unsigned int to,
		       u32 number)
{
	u32 at = from * nr_cpu_ids + to;

	return number >= range->first_sent[at] && number >= range->first_run[at];
}

static void put_event(struct writer *w, unsigned int cpu, const struct trace_event *e,
		      const struct call_range *range)
{
	const u32 sent[3] = { cpu, e->a, e->b }, run[3] = { e->a, cpu, e->b };

	switch (e->kind) {
	case TRACE_LOCK_WAIT:
		put_wait(w, cpu, e);
		break;
	case TRACE_LOCK_HOLD:
		*array_add(w->holds, w->nr_holds) = (struct hold){
			.start = e->start, .dur = e->dur, .site = e->b, .class = e->a,
			.cpu = (u16)cpu,
		};
		break;
	case TRACE_IRQ:
		put_irq(w, cpu, e);
		break;
	case TRACE_IPI_CALL:
		put_call(w, cpu, e);
		break;
	case TRACE_IPI_SEND:
		if (call_known(range, cpu, e->a, e->b))
			put_flow(w, 's', cpu, e->start, sent);
		break;
	case TRACE_IPI_RUN:
		put_run(w, cpu, e);
		if (call_known(range, e->a, cpu, e->b))
			put_flow(w, 't', cpu, e->start, run);
		break;
	case TRACE_IPI_ACK:
		if (call_known(range, cpu, e->a, e->b))
			put_flow(w, 'f', cpu, e->start, sent);
		break;
	default:
		put_batch(w, cpu, e);
	}
}

static void put_cpus(struct writer *w, const struct call_range *range)
{
	char name[100];

	put_name(w, "process_name", PID_CPUS, 0, "CPUs");
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const struct trace_ring *r = trace_ring_of(cpu);
		u64 first = r->nr > r->mask ? r->nr - r->mask - 1 : 0;

		snprintf(name, sizeof(name), "CPU %u%s", cpu, first ? " (begins later: ring full)" :
			 "");
		put_name(w, "thread_name", PID_CPUS, (int)cpu, name);
		for (u64 i = first; i < r->nr; i++)
			put_event(w, cpu, &r->events[i & r->mask], range);
	}
}

/* ---- lock tracks ---- */

static int by_class_and_time(const void *a, const void *b)
{
	const struct hold *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void name_lane(struct writer *w, u16 class, unsigned int lane)
{
	char name[100];

	snprintf(name, sizeof(name), "%.80s", lockstat_class_name(class));
	if (lane)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " (%u)", lane + 1);
	put_name(w, "thread_name", PID_LOCKS, (int)(class * LANES + lane), name);
}

static void put_hold(struct writer *w, const struct hold *h, unsigned int lane)
{
	put_span(w, PID_LOCKS, h->class * LANES + lane, h->start, h->dur);
	fprintf(w->out, ",\"cat\":\"hold\",\"name\":\"CPU %u\",\"args\":{", h->cpu);
	put_site(w, "site", h->site);
	fputs("}}", w->out);
}

static void put_locks(struct writer *w)
{
	u64 free_at[LANES] = { 0 };
	unsigned int named = 0;

	put_name(w, "process_name", PID_LOCKS, 0, "Locks: holds that were timed");
	if (w->nr_holds)
		qsort(w->holds, w->nr_holds, sizeof(*w->holds), by_class_and_time);
	for (u32 i = 0; i < w->nr_holds; i++) {
		const struct hold *h = &w->holds[i];
		unsigned int lane = 0;

		if (!i || h->class != w->holds[i - 1].class) {
			memset(free_at, 0, sizeof(free_at));
			named = 0;
		}
		while (lane < LANES - 1 && free_at[lane] > h->start)
			lane++;
		/* All lanes taken: a span that would overlap is left out. */
		if (free_at[lane] > h->start)
			continue;
		for (; named <= lane; named++)
			name_lane(w, h->class, named);
		free_at[lane] = h->start + h->dur;
		put_hold(w, h, lane);
	}
}

/* ---- counters ---- */

static void put_counter(struct writer *w, const char *name, u64 at_ns, u64 value)
{
	next_event(w);
	fprintf(w->out, "{\"ph\":\"C\",\"pid\":%d,\"name\":", PID_RUN);
	put_string(w->out, name);
	put_time(w, "ts", at_ns);
	fprintf(w->out, ",\"args\":{\"value\":%llu}}", (unsigned long long)value);
}

static void put_series(struct writer *w, const char *name, const json_t *values,
		       const json_t *ends)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		put_counter(w, name, (u64)json_integer_value(json_array_get(ends, i)),
			    (u64)json_integer_value(json_array_get(values, i)));
}

/* The timeline begins with the run, and so does time 0 (trace_json_write()). */
static void put_counters(struct writer *w, const json_t *timeline)
{
	const json_t *ends = json_object_get(timeline, "end_ns"), *one;
	char name[120];
	size_t i;

	put_name(w, "process_name", PID_RUN, 0, "Run");
	put_series(w, "operations per slice", json_object_get(timeline, "ops"), ends);
	json_array_foreach(json_object_get(timeline, "zones"), i, one) {
		snprintf(name, sizeof(name), "free pages, node %d %.60s",
			 (int)json_integer_value(json_object_get(one, "node")),
			 json_string_value(json_object_get(one, "name")));
		put_series(w, name, json_object_get(one, "free"), ends);
	}
	json_array_foreach(json_object_get(timeline, "pcp_pages"), i, one) {
		snprintf(name, sizeof(name), "pages on the lists of CPU %zu", i);
		put_series(w, name, one, ends);
	}
	json_array_foreach(json_object_get(timeline, "locks"), i, one) {
		snprintf(name, sizeof(name), "ns waited per slice, %.80s",
			 json_string_value(json_object_get(one, "name")));
		put_series(w, name, json_object_get(one, "wait_ns"), ends);
	}
}

int trace_json_write(const struct stress_run *run, FILE *out)
{
	struct writer w = { .out = out, .origin = run->started };
	size_t pairs = (size_t)nr_cpu_ids * nr_cpu_ids;
	struct call_range range = { malloc(pairs * sizeof(u32)), malloc(pairs * sizeof(u32)) };
	u64 lost = 0;
	int err = -ENOMEM;

	if (!range.first_sent || !range.first_run)
		goto out;
	memset(range.first_sent, 0xff, pairs * sizeof(u32));
	memset(range.first_run, 0xff, pairs * sizeof(u32));
	note_calls(&range);
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
	put_cpus(&w, &range);
	put_locks(&w);
	put_counters(&w, run->timeline);
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const struct trace_ring *r = trace_ring_of(cpu);

		lost += r->nr > r->mask + 1 ? r->nr - r->mask - 1 : 0;
	}
	fprintf(out, "\n],\"otherData\":{\"version\":\"%s\",\"build\":\"%s\",\"seed\":\"%llu\","
		"\"events_lost\":\"%llu\"}}\n", KMEMLAB_VERSION, KMEMLAB_BUILD,
		(unsigned long long)run->opt->seed, (unsigned long long)lost);
	err = fflush(out) == EOF || ferror(out) ? -EIO : 0;
out:
	free(range.first_sent);
	free(range.first_run);
	free(w.holds);
	return err;
}
