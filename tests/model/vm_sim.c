/* SPDX-License-Identifier: MIT */
/* The simulated side of the model test: the same operations on tasks of the machine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mmu/access.h"
#include "mm/vma/fork.h"
#include "mm/vma/mmap.h"
#include "mm/vma/procmaps.h"
#include "mm/vma/task.h"
#include "tests/model/vm_program.h"

struct sim {
	struct user_task *task[VM_PROCS];
	u64 heap;
	struct vm_trace *trace;
};

static u64 address(const struct sim *s, struct vm_place p)
{
	return (p.region == VM_IN_HEAP ? s->heap : VM_WINDOW) + p.offset;
}

/* ---- accesses ---- */

static int load(u64 addr, u32 size, u64 *value)
{
	u8 v8 = 0;
	u16 v16 = 0;
	u32 v32 = 0;
	int err;

	switch (size) {
	case 1:
		err = load_u8(addr, &v8);
		*value = v8;
		return err;
	case 2:
		err = load_u16(addr, &v16);
		*value = v16;
		return err;
	case 4:
		err = load_u32(addr, &v32);
		*value = v32;
		return err;
	default:
		return load_u64(addr, value);
	}
}

static int store(u64 addr, u32 size, u64 value)
{
	switch (size) {
	case 1:
		return store_u8(addr, (u8)value);
	case 2:
		return store_u16(addr, (u16)value);
	case 4:
		return store_u32(addr, (u32)value);
	default:
		return store_u64(addr, value);
	}
}

/* The signal that the failed access raised, as the host's handler is told of it. */
static s32 taken_signal(struct user_task *task, u64 *addr)
{
	struct task_signal sig = task_take_signal(task);

	*addr = sig.addr;
	return sig.signo << 8 | sig.code;
}

static void do_access(struct sim *s, const struct vm_op *op, struct vm_outcome *out)
{
	u64 addr = address(s, op->at);
	int err = op->kind == VM_OP_LOAD ? load(addr, op->size, &out->value) :
					   store(addr, op->size, op->value);

	if (!err)
		return;
	out->value = 0;
	out->signal = taken_signal(s->task[op->proc], &out->fault);
	out->fault -= addr - op->at.offset;
}

/* ---- calls ---- */

static void put_address(struct sim *s, const struct vm_op *op, long result, struct vm_outcome *out)
{
	u64 addr = (u64)result, len = op->kind == VM_OP_MREMAP ? op->new_len : op->len;

	if (vm_is_err(result)) {
		out->err = (s32)-result;
		return;
	}
	if (addr - s->heap < (VM_HEAP_PAGES + VM_MARGIN) * VM_PAGE) {
		out->place = (struct vm_place){ VM_IN_HEAP, addr - s->heap };
	} else if (addr - VM_WINDOW < VM_PAGES * VM_PAGE) {
		out->place = (struct vm_place){ VM_IN_WINDOW, addr - VM_WINDOW };
	} else {
		out->place = (struct vm_place){ VM_ELSEWHERE, 0 };
		(void)do_munmap(s->task[op->proc]->mm, addr, len);
	}
}

static void do_dump(struct sim *s, struct user_task *task, struct vm_dump *dump)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || proc_pid_maps(task->mm, out))
		panic("vm model: no maps");
	fclose(out);
	vm_dump_maps(dump, text, s->heap);
	free(text);
	for (unsigned int i = 0; i < VM_DUMP_PAGES; i++) {
		u64 at = address(s, vm_dump_place(i)), sum = 0, word = 0, addr;
		int err = 0;

		for (unsigned int w = 0; w < VM_PAGE / sizeof(u64) && !err; w++) {
			err = load_u64(at + w * sizeof(u64), &word);
			sum = vm_sum_word(sum, word);
		}
		dump->signal[i] = err ? taken_signal(task, &addr) : 0;
		dump->sum[i] = err ? 0 : sum;
	}
}

static void do_call(struct sim *s, const struct vm_op *op, struct vm_outcome *out)
{
	struct mm_struct *mm = s->task[op->proc]->mm;
	u64 at = address(s, op->at);
	const struct mremap_args mremap = {
		.addr = at, .old_len = op->len, .new_len = op->new_len, .flags = op->flags,
		.new_addr = address(s, op->to),
	};

	switch ((enum vm_op_kind)op->kind) {
	case VM_OP_MMAP:
		put_address(s, op, do_mmap(mm, at, op->len, op->prot, op->flags), out);
		break;
	case VM_OP_MUNMAP:
		out->err = -do_munmap(mm, at, op->len);
		break;
	case VM_OP_MPROTECT:
		out->err = -do_mprotect(mm, at, op->len, op->prot);
		break;
	case VM_OP_MREMAP:
		put_address(s, op, do_mremap(mm, &mremap), out);
		break;
	case VM_OP_MADVISE:
		out->err = -do_madvise(mm, at, op->len, (int)op->flags);
		break;
	case VM_OP_BRK:
		out->place = (struct vm_place){ VM_IN_HEAP, do_brk(mm, at) - s->heap };
		break;
	case VM_OP_FORK:
		s->task[op->child] = task_fork(s->task[op->proc]);
		out->err = s->task[op->child] ? 0 : ENOMEM;
		break;
	case VM_OP_EXIT:
		task_exit(s->task[op->proc]);
		s->task[op->proc] = NULL;
		break;
	case VM_OP_LOAD:
	case VM_OP_STORE:
		do_access(s, op, out);
		break;
	case VM_OP_DUMP:
		break;
	}
}

/* ---- a program ---- */

static void begin_program(struct sim *s)
{
	/* No data: as on the host, nothing lies before the heap that could be merged with it. */
	const struct program prog = { .image = "/bin/model", .text = 4 * VM_PAGE };
	struct user_task *task = task_create("model");
	u64 end;

	if (!task || set_up_layout(task->mm, &prog))
		panic("vm model: no memory for a task");
	s->task[0] = task;
	task_switch(task);
	/* As on the host: the heap begins empty, on a page. */
	end = do_brk(task->mm, 0);
	s->heap = align_up(end, VM_PAGE);
	if (do_brk(task->mm, s->heap) != s->heap)
		panic("vm model: no heap");
}

void vm_sim_run(const struct vm_program *p, struct vm_trace *trace)
{
	struct sim s = { .trace = trace };
	struct vm_alive alive;

	vm_alive_init(&alive);
	memset(trace->out, 0, sizeof(trace->out));
	begin_program(&s);
	for (unsigned int i = 0; i < p->nr; i++) {
		const struct vm_op *op = &p->op[i];
		unsigned int dump = alive.nr_dumps;

		if (!vm_alive_step(&alive, op))
			continue;
		task_switch(s.task[op->proc]);
		trace->out[i].done = 1;
		if (op->kind == VM_OP_DUMP)
			do_dump(&s, s.task[op->proc], &trace->dump[dump]);
		else
			do_call(&s, op, &trace->out[i]);
	}
	trace->nr_dumps = alive.nr_dumps;
	task_switch(NULL);
	for (unsigned int proc = 0; proc < VM_PROCS; proc++)
		if (s.task[proc])
			task_exit(s.task[proc]);
}
