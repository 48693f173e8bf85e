/* SPDX-License-Identifier: MIT */
/*
 * trace_dat.c - runs libtracecmd over a trace.dat and hands its events on as ftrace lines.
 *
 * What.  trace.dat holds the kernel's ring-buffer pages and the kernel's own description of its
 *   events.  libtracecmd knows both; what comes out of it here is the text that the tracefs file
 *   `trace` would have shown, context columns included, so that one parser serves all formats.
 * States.  The reader process: opening -> printing -> done | failed (its exit status says why).
 * Invariants.
 *   I1  The library sees the file only in the child.  It trusts its input: a damaged file can make
 *       it crash, print, or loop, and none of that may reach the program.
 *   I2  A child that did not exit with DONE means a damaged file, whatever its text looked like.
 * Locking.  None.
 * Context.  Host thread, no machine up: fork() copies the calling thread only.
 * Failure.  -EINVAL and one error text.
 * See also.  trace_load.c, which reads the lines.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* memfd_create */
#endif
#include "stress/replay/trace_dat.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAGIC	"\x17\x08\x44tracing"

bool trace_dat_match(const char *head, size_t len)
{
	return len >= sizeof(MAGIC) - 1 && memcmp(head, MAGIC, sizeof(MAGIC) - 1) == 0;
}

#if KMEMLAB_HAVE_TRACECMD
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <trace-cmd.h>

#include "stress/replay/trace_body.h"

/* Exit status of the reader process; others, and signals, mean that the library gave up. */
enum { DONE = 0, NO_HEADER = 10, NO_MEMORY, NO_BUFFER, NO_PIPE };

/* Buffers of one file: the main one and the instances; more than anyone records. */
#define BUFFERS_MAX	64
/* Seconds of CPU time that the library may take, besides one for each of these many bytes. */
#define CPU_SECONDS	20
#define BYTES_PER_SECOND	(1u << 20)

/* Bits of an event's common_flags, as the kernel writes them. */
#define REC_IRQS_OFF	0x01
#define REC_HARDIRQ	0x08
#define REC_SOFTIRQ	0x10

static void print_columns(FILE *out, struct tep_handle *tep, struct tep_record *rec)
{
	int pid = tep_data_pid(tep, rec), flags = tep_data_flags(tep, rec);
	int depth = tep_data_preempt_count(tep, rec) & 0xf;
	const char *comm = tep_data_comm_from_pid(tep, pid);
	char context = '.', name[17];
	size_t i = 0;

	for (; comm && comm[i] && i < sizeof(name) - 1; i++)
		name[i] = comm[i] >= ' ' && comm[i] <= '~' ? comm[i] : '?';
	name[i] = '\0';
	if (flags & REC_HARDIRQ)
		context = flags & REC_SOFTIRQ ? 'H' : 'h';
	else if (flags & REC_SOFTIRQ)
		context = 's';
	fprintf(out, "%16s-%-7d [%03d] %c.%c%c. %llu.%09llu: ", name, pid, rec->cpu,
		flags & REC_IRQS_OFF ? 'd' : '.', context,
		depth ? "0123456789abcdef"[depth] : '.',
		rec->ts / 1000000000, rec->ts % 1000000000);
}

/* One event, and before it the gap that the kernel noted. */
static int print_record(struct tracecmd_input *handle, struct tep_record *rec, int cpu, void *arg)
{
	struct tep_handle *tep = tracecmd_get_tep(handle);
	struct tep_event *event = tep_find_event_by_record(tep, rec);
	static struct trace_seq seq;
	FILE *out = arg;

	(void)cpu;
	if (rec->missed_events > 0)
		fprintf(out, "CPU:%d [LOST %lld EVENTS]\n", rec->cpu, rec->missed_events);
	else if (rec->missed_events < 0)
		fprintf(out, "CPU:%d [LOST EVENTS]\n", rec->cpu);
	print_columns(out, tep, rec);
	if (!event || trace_type_of(event->name, strlen(event->name)) < 0) {
		fprintf(out, "%s: skipped\n", event ? event->name : "unknown");
		return ferror(out);
	}
	if (!seq.buffer)
		trace_seq_init(&seq);
	trace_seq_reset(&seq);
	tep_print_event(tep, &seq, rec, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	fprintf(out, "%s: %s\n", event->name, seq.buffer);
	return ferror(out);
}

/* The main buffer and all instances: a recorder may have used either. */
static int print_file(int fd, FILE *out)
{
	struct tracecmd_input *handles[BUFFERS_MAX];
	struct tracecmd_input *file = tracecmd_open_fd(fd, TRACECMD_FL_LOAD_NO_PLUGINS);
	int nr = 0, instances;

	if (!file)
		return NO_HEADER;
	instances = tracecmd_buffer_instances(file);
	handles[nr++] = file;
	for (int i = 0; i < instances && nr < BUFFERS_MAX; i++) {
		handles[nr] = tracecmd_buffer_instance_handle(file, i);
		if (!handles[nr++])
			return NO_BUFFER;
	}
	fprintf(out, "cpus=%d\n", tep_get_cpus(tracecmd_get_tep(file)));
	if (tracecmd_iterate_events_multi(handles, nr, print_record, out) < 0)
		return NO_BUFFER;
	return fflush(out) ? NO_PIPE : DONE;
}

static void __attribute__((noreturn)) run_reader(int fd, int pipe_fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	rlim_t seconds = CPU_SECONDS + (rlim_t)size / BYTES_PER_SECOND;
	struct rlimit cpu = { .rlim_cur = seconds, .rlim_max = seconds };
	struct rlimit core = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *out = fdopen(pipe_fd, "w");

	/* The library prints its complaints; the parent's one sentence is all that is wanted. */
	if (null < 0 || !out || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(NO_MEMORY);
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_CORE, &core);
	/* A handler of the parent's, say of a sanitizer, would report a crash as the program's. */
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	if (lseek(fd, 0, SEEK_SET) < 0)
		_exit(NO_MEMORY);
	_exit(print_file(fd, out));
}

static struct trace_input *no_process(const char *name, struct trace_error *err)
{
	trace_error_set(err, name, 0, "the process that reads trace.dat cannot be started: %s; "
			"close other programs", strerror(errno));
	return NULL;
}

struct trace_input *trace_dat_open(struct trace_input *in, struct trace_dat *dat,
				   struct trace_error *err)
{
	const char *name = trace_input_name(in);
	int pipe_fd[2], fd = memfd_create("trace.dat", MFD_CLOEXEC);
	struct trace_input *text;

	dat->reader = -1;
	if (fd < 0)
		return no_process(name, err);
	if (trace_input_copy(in, fd, err) < 0) {
		close(fd);
		return NULL;
	}
	if (pipe2(pipe_fd, O_CLOEXEC) < 0) {
		close(fd);
		return no_process(name, err);
	}
	dat->reader = fork();
	if (dat->reader == 0) {
		close(pipe_fd[0]);
		run_reader(fd, pipe_fd[1]);
	}
	close(fd);
	close(pipe_fd[1]);
	if (dat->reader < 0) {
		close(pipe_fd[0]);
		return no_process(name, err);
	}
	text = trace_input_open_fd(pipe_fd[0], name, err);
	if (!text)
		(void)trace_dat_close(dat, name, NULL);
	return text;
}

static const char *why_failed(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MEMORY)
		return "there is no memory to read trace.dat; close other programs";
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return "libtracecmd comes to no end with this trace.dat, which is damaged; copy or "
		       "record it again";
	return "libtracecmd cannot read this trace.dat, which is damaged or cut short; copy or "
	       "record it again";
}

#else /* !KMEMLAB_HAVE_TRACECMD */

struct trace_input *trace_dat_open(struct trace_input *in, struct trace_dat *dat,
				   struct trace_error *err)
{
	dat->reader = -1;
	trace_error_set(err, trace_input_name(in), 0, "trace.dat is not built in (no libtracecmd); "
			"convert it with `trace-cmd report FILE > trace.txt`");
	return NULL;
}

static const char *why_failed(int status)
{
	(void)status;
	return "trace.dat is not built in; convert it with `trace-cmd report FILE > trace.txt`";
}

#endif /* KMEMLAB_HAVE_TRACECMD */

int trace_dat_close(struct trace_dat *dat, const char *name, struct trace_error *err)
{
	int status = 0;
	pid_t got;

	do {
		got = waitpid(dat->reader, &status, 0);
	} while (got < 0 && errno == EINTR);
	dat->reader = -1;
	if (got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* Its lines were not wanted to the end. */
	if (got > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
		return 0;
	trace_error_set(err, name, 0, "%s", why_failed(status));
	return -EINVAL;
}
