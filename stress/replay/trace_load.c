/* SPDX-License-Identifier: MIT */
/*
 * trace_load.c - the loop from lines to events, and everything that is not an event line.
 *
 * What. Refuse foreign files by their first bytes, turn trace.dat into text (trace_dat.c); then per
 *   line: columns (trace_line.c), fields (trace_body.c), store. Lines that are no events are header
 *   comments, LOST marks, call chains and the few remarks of trace-cmd; others are errors.
 * States. before the first event (a wrong line means a foreign file) -> in the trace.
 * Invariants. I1: time never goes backwards on one CPU. I2: an event is stored only when all of
 *   its line was understood. I3: every error text names the file and what to do.
 * Locking. None; one thread per load.
 * Context. Task.
 * Failure. -EINVAL or -ENOMEM; the trace is freed.
 * See also. trace_quality.c for what the events say about the recording.
 */
#include "stress/replay/trace_load.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "stress/replay/trace_body.h"
#include "stress/replay/trace_dat.h"
#include "stress/replay/trace_input.h"
#include "stress/replay/trace_line.h"
#include "stress/replay/trace_magic.h"
#include "stress/replay/trace_scan.h"
#include "stress/replay/trace_store.h"

struct loader {
	struct trace *trace;
	struct trace_store store;
	struct trace_input *in;
	struct trace_error *err;
	uint64_t last_ns;	/* of the event before, on any CPU */
	bool ftrace_header;
	bool absurd;		/* the last complaint is about a value, not about a cut line */
	bool any_event;		/* known or unknown */
};

static int complain(struct loader *ld, const char *what, const char *remedy)
{
	trace_error_set(ld->err, trace_input_name(ld->in), trace_input_lineno(ld->in), "%s; %s",
			what, remedy);
	return -EINVAL;
}

static int no_memory(struct loader *ld)
{
	complain(ld, "out of memory", "use a shorter trace or a machine with more memory");
	return -ENOMEM;
}

/* "# entries-in-buffer/entries-written: N/M   #P:2" and "# tracer: nop". */
static int read_header(struct loader *ld, const char *line)
{
	const char *p = skip_spaces(line + 1);
	uint64_t kept, written, nr;

	if (scan_lit(&p, "tracer:")) {
		ld->ftrace_header = true;
		return 0;
	}
	if (!scan_lit(&p, "entries-in-buffer/entries-written:"))
		return 0;
	ld->ftrace_header = true;
	p = skip_spaces(p);
	if (!scan_dec(&p, &kept) || *p++ != '/' || !scan_dec(&p, &written) || written < kept)
		return complain(ld, "the entry counts of the header are malformed",
				"record the trace again");
	ld->trace->overrun_events = written - kept;
	p = skip_spaces(p);
	if (scan_lit(&p, "#P:") && scan_dec(&p, &nr) && nr <= TRACE_CPU_MAX &&
	    trace_store_cpus(ld->trace, (uint32_t)nr) < 0)
		return no_memory(ld);
	return 0;
}

/* "CPU:1 [LOST 123 EVENTS]" of ftrace, "CPU:1 [123 EVENTS DROPPED]" of trace-cmd. */
static int read_lost(struct loader *ld, const char *p)
{
	uint64_t cpu, count = 0;

	if (!scan_dec(&p, &cpu) || cpu >= TRACE_CPU_MAX)
		return complain(ld, "a LOST mark has no CPU number below 4096",
				"record the trace again");
	p = skip_spaces(p);
	if (*p == '[')
		p++;
	(void)scan_lit(&p, "LOST ");
	/* Without a number the kernel does not know how many. */
	(void)scan_dec(&p, &count);
	if (!strstr(p, "EVENTS"))
		return complain(ld, "a line that begins with CPU: is not a LOST mark",
				"cut the line out or record the trace again");
	return trace_store_lost(ld->trace, (uint32_t)cpu, count) < 0 ? no_memory(ld) : 0;
}

/*
 * Lines between the events that carry none: blank lines, call chains of perf (indented addresses),
 * stack entries of ftrace (" => symbol") and of trace-cmd ("=> symbol (address)").
 */
static bool is_call_chain(const char *line)
{
	const char *p = skip_spaces(line);
	uint64_t address;

	if (scan_lit(&p, "=> "))
		return true;
	return p != line && scan_hex(&p, &address) && (*p == ' ' || *p == '\0');
}

/* Returns 1 when the line is none of the known remarks. */
static int read_remark(struct loader *ld, const char *line)
{
	const char *p = line;
	uint64_t nr;

	if (*skip_spaces(line) == '\0')
		return 0;
	if (*line == '#')
		return read_header(ld, line);
	if (scan_lit(&p, "CPU:"))
		return read_lost(ld, p);
	if (scan_lit(&p, "cpus=") && scan_dec(&p, &nr)) {
		ld->trace->format = TRACE_FORMAT_TRACE_CMD;
		if (nr <= TRACE_CPU_MAX && trace_store_cpus(ld->trace, (uint32_t)nr) < 0)
			return no_memory(ld);
		return 0;
	}
	p = line;
	if (scan_lit(&p, "CPU ") && scan_dec(&p, &nr) && scan_lit(&p, " is empty"))
		return 0;
	p = line;
	if (scan_lit(&p, "version = ") || (ld->any_event && is_call_chain(line)))
		return 0;
	return 1;
}

/* perf script --show-lost-events: the name has no colon, the count stands behind "lost". */
static int read_perf_record(struct loader *ld, const struct trace_line *cols)
{
	const char *p = strstr(cols->body, " lost ");
	uint64_t count = 0;

	if (!p)
		return 0;
	p = skip_spaces(p + 6);
	(void)scan_dec(&p, &count);
	return trace_store_lost(ld->trace, cols->cpu, count) < 0 ? no_memory(ld) : 0;
}

static int skip_event(struct loader *ld, const struct trace_line *cols)
{
	struct trace_strings *names = &ld->trace->unknown;
	uint32_t id;

	if (!cols->event_len && trace_input_unterminated(ld->in))
		return complain(ld, "the last line ends before the event's name",
				"cut the line out or record the trace again");
	ld->any_event = true;
	if (!cols->event_len && strncmp(cols->body, "PERF_RECORD_LOST", 16) == 0)
		return read_perf_record(ld, cols);
	id = cols->event_len ? trace_strings_add(names, cols->event, cols->event_len) :
			       trace_strings_add(names, "(no name)", strlen("(no name)"));
	if (id == TRACE_STR_FAIL)
		return no_memory(ld);
	ld->trace->nr_unknown++;
	return 0;
}

static int field_error(struct loader *ld, const struct trace_line *cols,
		       const struct trace_scan *scan)
{
	ld->absurd = scan->failure == SCAN_RANGE;
	if (scan->failure == SCAN_NO_MEMORY)
		return no_memory(ld);
	if (ld->absurd)
		trace_error_set(ld->err, trace_input_name(ld->in), trace_input_lineno(ld->in),
				"%.*s: %s%" PRIu64 " (0x%" PRIx64 ") is absurd; the trace is "
				"damaged, record it again", (int)cols->event_len, cols->event,
				scan->field, scan->value, scan->value);
	else
		trace_error_set(ld->err, trace_input_name(ld->in), trace_input_lineno(ld->in),
				"%.*s: the field `%s` is missing or malformed; cut the line out or "
				"record the trace again", (int)cols->event_len, cols->event,
				scan->field);
	return -EINVAL;
}

/* Keeps I1 and counts what the clock of another CPU makes of the order. */
static int check_time(struct loader *ld, const struct trace_line *cols)
{
	struct trace_cpu *cpu;

	if (cols->cpu >= ld->trace->nr_cpus && trace_store_cpus(ld->trace, cols->cpu + 1) < 0)
		return no_memory(ld);
	cpu = &ld->trace->cpus[cols->cpu];
	if (cpu->nr_events && cols->time_ns < cpu->last_ns) {
		ld->absurd = true;
		trace_error_set(ld->err, trace_input_name(ld->in), trace_input_lineno(ld->in),
				"time goes backwards on CPU %u (%" PRIu64 " ns before the event "
				"above); record with `trace_clock` mono and do not join files",
				cols->cpu, cpu->last_ns - cols->time_ns);
		return -EINVAL;
	}
	if (!cpu->nr_events)
		cpu->first_ns = cols->time_ns;
	return 0;
}

static int store_event(struct loader *ld, const struct trace_line *cols, struct trace_event *ev)
{
	struct trace *t = ld->trace;
	struct trace_event *events = trace_grow(t->events, &t->cap_events, t->nr_events,
						sizeof(*events));
	struct trace_cpu *cpu = &t->cpus[cols->cpu];
	int64_t task = trace_store_task(&ld->store, cols);

	if (task == -E2BIG)
		return complain(ld, "there are more than 2^24 tasks", "use a shorter trace");
	if (events)
		t->events = events;
	if (!events || task < 0)
		return no_memory(ld);
	ev->task = (uint32_t)task & (TRACE_TASK_MAX - 1);
	t->events[t->nr_events++] = *ev;
	t->nr_by_type[ev->type]++;
	t->nr_inversions += cols->time_ns < ld->last_ns;
	ld->last_ns = cols->time_ns;
	cpu->last_ns = cols->time_ns;
	cpu->nr_events++;
	t->has_irq_flags &= cols->has_flags;
	return 0;
}

/* The first event decides the format; a trace-cmd file said so in its header. */
static void note_format(struct loader *ld, const struct trace_line *cols)
{
	ld->trace->has_irq_flags = true;
	if (!cols->pid_by_dash || cols->has_subsystem)
		ld->trace->format = TRACE_FORMAT_PERF;
	else if (ld->trace->format == TRACE_FORMAT_UNKNOWN)
		ld->trace->format = ld->ftrace_header || cols->has_flags ? TRACE_FORMAT_FTRACE :
								   TRACE_FORMAT_TRACE_CMD;
}

static int load_line(struct loader *ld, const char *line, size_t len)
{
	bool perf = ld->trace->format == TRACE_FORMAT_PERF;
	struct trace_event ev = { 0 };
	struct trace_scan scan = { 0 };
	struct trace_line cols;
	const char *why = "";
	int type, ret;

	ld->absurd = false;
	if (*line != '#')
		why = trace_line_parse(line, len, perf, &cols);
	if (why) {
		ret = read_remark(ld, line);
		if (ret <= 0)
			return ret;
		ld->absurd = cols.range;
		if (ld->any_event || ld->absurd)
			return complain(ld, why, "cut the line out or record the trace again");
		return complain(ld, why, "this is no kernel trace: give ftrace text, `trace-cmd "
				"report` or `perf script` output");
	}
	if (!ld->any_event)
		note_format(ld, &cols);
	type = trace_type_of(cols.event, cols.event_len);
	if (type < 0)
		return skip_event(ld, &cols);
	ret = check_time(ld, &cols);
	if (ret < 0)
		return ret;
	ev.time_ns = cols.time_ns;
	ev.flags = cols.flags;
	ev.cpu = cols.cpu & (TRACE_CPU_MAX - 1);
	ev.type = (unsigned int)type & 0x1f;
	ev.migratetype = TRACE_MIGRATETYPE_NONE;
	scan.p = cols.body;
	if (!trace_body_parse(ld->trace, (enum trace_type)type, &ev, &scan))
		return field_error(ld, &cols, &scan);
	ld->any_event = true;
	return store_event(ld, &cols, &ev);
}

/* Returns 1 when the file is a trace.dat. */
static int check_foreign(struct loader *ld)
{
	size_t len;
	const char *head = trace_input_peek(ld->in, &len, ld->err), *why;

	if (!head)
		return -EINVAL;
	if (trace_dat_match(head, len))
		return 1;
	why = trace_magic_refuse(head, len);
	if (!why)
		return 0;
	trace_error_set(ld->err, trace_input_name(ld->in), 1, "%s", why);
	return -EINVAL;
}

static int load_lines(struct loader *ld)
{
	int ret, more;
	char *line;
	size_t len;

	while ((more = trace_input_line(ld->in, &line, &len, ld->err)) > 0) {
		ret = load_line(ld, line, len);
		if (ret == -EINVAL && trace_input_unterminated(ld->in) && ld->any_event &&
		    !ld->absurd) {
			/* The recorder or the disk stopped in mid-line; what came before stands. */
			ld->trace->truncated_line = trace_input_lineno(ld->in);
			if (ld->err)
				ld->err->text[0] = '\0';
			break;
		}
		if (ret < 0)
			return ret;
	}
	if (more < 0)
		return more;
	ld->trace->nr_lines = trace_input_lineno(ld->in);
	ld->trace->text_bytes = trace_input_bytes(ld->in);
	if (ld->trace->nr_events)
		return 0;
	if (ld->any_event)
		return complain(ld, "the trace holds no event of a known name",
				"record the kmem events (toolchain/record.sh does)");
	return complain(ld, "the trace holds no event",
			"switch on the kmem events before recording (toolchain/record.sh does)");
}

/* The lines come from the process that reads the file; when that failed, they mean nothing. */
static int load_binary(struct loader *ld)
{
	struct trace_input *file = ld->in;
	struct trace_error why = { "" };
	struct trace_dat dat;
	int ret;

	ld->in = trace_dat_open(file, &dat, ld->err);
	if (!ld->in) {
		ld->in = file;
		return -EINVAL;
	}
	ret = load_lines(ld);
	trace_input_close(ld->in);
	ld->in = file;
	ld->trace->format = TRACE_FORMAT_DAT;
	if (trace_dat_close(&dat, trace_input_name(file), &why) < 0) {
		if (ld->err)
			*ld->err = why;
		return -EINVAL;
	}
	return ret;
}

static int load_all(struct loader *ld)
{
	int ret = check_foreign(ld);

	if (ret > 0)
		return load_binary(ld);
	return ret < 0 ? ret : load_lines(ld);
}

static int load_input(struct trace_input *in, struct trace *trace, struct trace_error *err)
{
	struct loader ld = { .trace = trace, .in = in, .err = err };
	int ret;

	if (!in) {
		*trace = (struct trace){ 0 };
		return -EINVAL;
	}
	ret = trace_store_init(&ld.store, trace);
	if (ret == 0)
		ret = load_all(&ld);
	else
		no_memory(&ld);
	trace_store_destroy(&ld.store);
	trace_input_close(in);
	if (ret < 0)
		trace_destroy(trace);
	return ret;
}

int trace_load(const char *path, struct trace *trace, struct trace_error *err)
{
	return load_input(trace_input_open(path, err), trace, err);
}

int trace_load_mem(const void *data, size_t size, const char *name, struct trace *trace,
		   struct trace_error *err)
{
	return load_input(trace_input_open_mem(data, size, name, err), trace, err);
}
