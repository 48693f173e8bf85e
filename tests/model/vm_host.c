/* SPDX-License-Identifier: MIT */
/*
 * The host's side of the model test: real system calls of real processes.
 *
 * What.  Before the test makes threads it forks a process that stays small and only forks others.
 * A program begins as one child of it; fork() in a program is fork().  All of them share one
 * channel with the test: an operation for one process goes in, its outcome comes out.
 *
 * Invariants.
 *   I1  One operation at a time: who was asked answers before anybody is asked again.
 *   I2  A process of a program takes no memory from the C library, whose heap lies below the one
 *       that the program grows and shrinks.
 *
 * Failure.  A process that is asked and does not answer, or is not asked for 60 s, ends the test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/lib/atomic.h"
#include "tests/model/vm_program.h"

#define WAIT_S		60
#define ANSWER_S	20
#define SPINS		2000
#define STARTER		VM_PROCS	/* the process that forks programs */

enum command { DO_OP, START_PROGRAM, END };

struct channel {
	u32 asked[VM_PROCS + 1];	/* futex: grows when that process is to do something */
	u32 answered;			/* futex */
	u32 command;			/* enum command */
	struct vm_op op;
	struct vm_outcome out;
	struct vm_dump dump;
	char maps[32768];
};

static struct channel *ch;
static pid_t starter;
static u64 heap;			/* where offset 0 of the program's heap is */
static sigjmp_buf back;
static struct vm_outcome *caught;

/* ---- asking and answering ---- */

/* False: it did not change in time. */
static bool wait_change(u32 *word, u32 old, unsigned int seconds)
{
	struct timespec limit = { seconds, 0 };

	for (unsigned int i = 0; i < SPINS; i++)
		if (smp_load_acquire(word) != old)
			return true;
	while (smp_load_acquire(word) == old)
		if (syscall(SYS_futex, word, FUTEX_WAIT, old, &limit, NULL, 0) &&
		    errno == ETIMEDOUT)
			return false;
	return true;
}

static void wait_word(u32 *word, u32 old)
{
	if (!wait_change(word, old, WAIT_S))
		_exit(1);
}

static void wake_word(u32 *word)
{
	smp_store_release(word, *word + 1);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void ask(unsigned int proc, enum command command)
{
	u32 answered = ch->answered;

	ch->command = command;
	wake_word(&ch->asked[proc]);
	if (!wait_change(&ch->answered, answered, ANSWER_S)) {
		fprintf(stderr, "host process %u does not answer command %d: op kind %u\n", proc,
			(int)command, ch->op.kind);
		abort();
	}
}

/* ---- operations; in a process of the program ---- */

static u64 address(struct vm_place p)
{
	return (p.region == VM_IN_HEAP ? heap : VM_WINDOW) + p.offset;
}

static void fault_place(u64 addr, u32 region, struct vm_outcome *out)
{
	out->fault = addr - (region == VM_IN_HEAP ? heap : VM_WINDOW);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	caught->signal = sig << 8 | info->si_code;
	caught->fault = (u64)(uintptr_t)info->si_addr;
	siglongjmp(back, 1);
}

static void catch_signals(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static u64 load(const void *at, u32 size)
{
	switch (size) {
	case 1:
		return READ_ONCE(*(const u8 *)at);
	case 2:
		return READ_ONCE(*(const u16 *)at);
	case 4:
		return READ_ONCE(*(const u32 *)at);
	default:
		return READ_ONCE(*(const u64 *)at);
	}
}

static void store(void *at, u32 size, u64 value)
{
	switch (size) {
	case 1:
		WRITE_ONCE(*(u8 *)at, (u8)value);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)at, (u16)value);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)at, (u32)value);
		break;
	default:
		WRITE_ONCE(*(u64 *)at, value);
		break;
	}
}

static void do_access(const struct vm_op *op, struct vm_outcome *out)
{
	void *at = (void *)(uintptr_t)address(op->at);

	caught = out;
	if (sigsetjmp(back, 0)) {
		fault_place(out->fault, op->at.region, out);
		return;
	}
	if (op->kind == VM_OP_LOAD)
		out->value = load(at, op->size);
	else
		store(at, op->size, op->value);
}

/* Where a returned address lies; what is elsewhere is unmapped again. */
static void put_address(long result, u64 len, struct vm_outcome *out)
{
	u64 addr = (u64)result;

	if (result == -1) {
		out->err = errno;
		return;
	}
	if (addr - heap < (VM_HEAP_PAGES + VM_MARGIN) * VM_PAGE) {
		out->place = (struct vm_place){ VM_IN_HEAP, addr - heap };
	} else if (addr - VM_WINDOW < VM_PAGES * VM_PAGE) {
		out->place = (struct vm_place){ VM_IN_WINDOW, addr - VM_WINDOW };
	} else {
		out->place = (struct vm_place){ VM_ELSEWHERE, 0 };
		syscall(SYS_munmap, addr, len);
	}
}

static void put_error(long result, struct vm_outcome *out)
{
	out->err = result ? errno : 0;
}

static void read_maps(char *buf, size_t size)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	close(fd);
}

static void dump_page(struct vm_dump *dump, unsigned int i)
{
	const u64 *at = (const u64 *)(uintptr_t)address(vm_dump_place(i));
	struct vm_outcome out = { 0 };
	u64 sum = 0;

	caught = &out;
	if (sigsetjmp(back, 0) == 0)
		for (unsigned int w = 0; w < VM_PAGE / sizeof(u64); w++)
			sum = vm_sum_word(sum, READ_ONCE(at[w]));
	dump->signal[i] = out.signal;
	dump->sum[i] = out.signal ? 0 : sum;
}

/* Maps first: looking at pages changes none. */
static void do_dump(struct vm_dump *dump)
{
	read_maps(ch->maps, sizeof(ch->maps));
	vm_dump_maps(dump, ch->maps, heap);
	for (unsigned int i = 0; i < VM_DUMP_PAGES; i++)
		dump_page(dump, i);
}

static void do_call(const struct vm_op *op, struct vm_outcome *out)
{
	u64 at = address(op->at);

	switch ((enum vm_op_kind)op->kind) {
	case VM_OP_MMAP:
		put_address(syscall(SYS_mmap, at, op->len, op->prot, op->flags, -1, 0), op->len,
			    out);
		break;
	case VM_OP_MUNMAP:
		put_error(syscall(SYS_munmap, at, op->len), out);
		break;
	case VM_OP_MPROTECT:
		put_error(syscall(SYS_mprotect, at, op->len, op->prot), out);
		break;
	case VM_OP_MREMAP:
		put_address(syscall(SYS_mremap, at, op->len, op->new_len, op->flags,
				    address(op->to)), op->new_len, out);
		break;
	case VM_OP_MADVISE:
		put_error(syscall(SYS_madvise, at, op->len, op->flags), out);
		break;
	case VM_OP_BRK:
		out->place = (struct vm_place){ VM_IN_HEAP, (u64)syscall(SYS_brk, at) - heap };
		break;
	case VM_OP_LOAD:
	case VM_OP_STORE:
		do_access(op, out);
		break;
	case VM_OP_DUMP:
		do_dump(&ch->dump);
		break;
	case VM_OP_FORK:
	case VM_OP_EXIT:
		break;
	}
}

static void serve(unsigned int me, u32 asked)
{
	for (;;) {
		wait_word(&ch->asked[me], asked);
		asked = ch->asked[me];
		if (ch->command == END)
			break;
		ch->out = (struct vm_outcome){ .done = 1 };
		if (ch->op.kind == VM_OP_FORK) {
			u32 seen = ch->asked[ch->op.child], child = ch->op.child;
			pid_t pid = fork();

			if (pid == 0) {
				me = child;
				asked = seen;
				continue;
			}
			ch->out.err = pid < 0 ? errno : 0;
		} else {
			do_call(&ch->op, &ch->out);
		}
		if (ch->op.kind == VM_OP_EXIT)
			break;
		wake_word(&ch->answered);
	}
	wake_word(&ch->answered);
	_exit(0);
}

/* A new program's first process: its heap begins empty, on a page. */
static void begin_program(u32 asked)
{
	u64 end = (u64)syscall(SYS_brk, 0);

	heap = (end + VM_PAGE - 1) & ~(VM_PAGE - 1);
	if ((u64)syscall(SYS_brk, heap) != heap)
		_exit(1);
	catch_signals();
	wake_word(&ch->answered);
	serve(0, asked);
}

static void start_programs(void)
{
	u32 asked = 0;

	/* Nobody waits for the processes of a program. */
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		wait_word(&ch->asked[STARTER], asked);
		asked = ch->asked[STARTER];
		if (ch->command == END)
			break;
		if (fork() == 0)
			begin_program(ch->asked[0]);
	}
	wake_word(&ch->answered);
	_exit(0);
}

/* ---- the test's side ---- */

void vm_host_start(void)
{
	ch = mmap(NULL, sizeof(*ch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ch == MAP_FAILED)
		abort();
	fflush(NULL);
	starter = fork();
	if (starter < 0)
		abort();
	if (starter == 0)
		start_programs();
}

void vm_host_stop(void)
{
	int status;

	ask(STARTER, END);
	waitpid(starter, &status, 0);
	munmap(ch, sizeof(*ch));
}

void vm_host_run(const struct vm_program *p, struct vm_trace *trace)
{
	struct vm_alive alive;

	vm_alive_init(&alive);
	memset(trace->out, 0, sizeof(trace->out));
	ask(STARTER, START_PROGRAM);
	for (unsigned int i = 0; i < p->nr; i++) {
		unsigned int dump = alive.nr_dumps;

		if (!vm_alive_step(&alive, &p->op[i]))
			continue;
		ch->op = p->op[i];
		ask(p->op[i].proc, DO_OP);
		trace->out[i] = ch->out;
		if (p->op[i].kind == VM_OP_DUMP)
			trace->dump[dump] = ch->dump;
	}
	trace->nr_dumps = alive.nr_dumps;
	for (unsigned int proc = 0; proc < VM_PROCS; proc++)
		if (alive.proc[proc])
			ask(proc, END);
}
