/* SPDX-License-Identifier: MIT */
/* Making and printing the programs of the host model test. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/vm_program.h"

static u64 pick_offset(struct rand_state *r, u32 region)
{
	u64 pages = region == VM_IN_HEAP ? VM_HEAP_PAGES : VM_PAGES;
	u64 offset = rand_below(r, (u32)pages) * VM_PAGE;

	/* Hardly ever where no page begins. */
	return rand_one_in(r, 40) ? offset + rand_below(r, VM_PAGE) : offset;
}

static struct vm_place pick_place(struct rand_state *r)
{
	struct vm_place p = { rand_one_in(r, 8) ? VM_IN_HEAP : VM_IN_WINDOW, 0 };

	p.offset = pick_offset(r, p.region);
	return p;
}

static u64 pick_len(struct rand_state *r)
{
	u32 what = rand_below(r, 100);

	if (what == 0)
		return 0;
	if (what == 1)
		return ~0UL - rand_below(r, 3) * VM_PAGE;
	if (what < 6)
		return 1 + rand_below(r, 3 * VM_PAGE);
	return (1 + rand_below(r, rand_one_in(r, 4) ? 12 : 4)) * VM_PAGE;
}

/*
 * Execution without reading is left out: with protection keys the host makes such pages
 * unreadable, without them readable.
 */
static u32 pick_prot(struct rand_state *r)
{
	static const u32 prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_READ, PROT_NONE, PROT_WRITE, PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};

	return prots[rand_below(r, sizeof(prots) / sizeof(prots[0]))];
}

static void pick_mmap(struct rand_state *r, struct vm_op *op)
{
	u32 how = rand_below(r, 20);

	op->flags = MAP_ANONYMOUS | (rand_one_in(r, 3) ? MAP_SHARED : MAP_PRIVATE);
	if (how < 15)
		op->flags |= MAP_FIXED;
	else if (how < 17)
		op->flags |= MAP_FIXED_NOREPLACE;
	else if (how == 19)
		op->flags = MAP_ANONYMOUS | MAP_FIXED | (u32)(rand_one_in(r, 2) ? 0 : MAP_TYPE);
	if (rand_one_in(r, 8))
		op->flags |= MAP_NORESERVE;
	op->prot = pick_prot(r);
}

static void pick_mremap(struct rand_state *r, struct vm_op *op)
{
	static const u32 flags[] = {
		0, MREMAP_MAYMOVE, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		MREMAP_FIXED, 8,
	};

	op->flags = flags[rand_below(r, rand_one_in(r, 10) ? 8 : 6)];
	op->new_len = pick_len(r);
	if (op->flags & MREMAP_DONTUNMAP)
		op->new_len = op->len;
	op->to.region = VM_IN_WINDOW;
	op->to.offset = pick_offset(r, VM_IN_WINDOW);
}

static u32 pick_kind(struct rand_state *r)
{
	static const struct {
		u32 kind, share;
	} kinds[] = {
		{ VM_OP_STORE, 30 }, { VM_OP_LOAD, 14 }, { VM_OP_MMAP, 14 }, { VM_OP_MPROTECT, 12 },
		{ VM_OP_MUNMAP, 7 }, { VM_OP_MREMAP, 8 }, { VM_OP_MADVISE, 4 }, { VM_OP_BRK, 4 },
		{ VM_OP_FORK, 4 }, { VM_OP_EXIT, 1 }, { VM_OP_DUMP, 2 },
	};
	u32 n = rand_below(r, 100);

	for (unsigned int i = 0;; i++) {
		if (n < kinds[i].share)
			return kinds[i].kind;
		n -= kinds[i].share;
	}
}

static void pick_access(struct rand_state *r, struct vm_op *op)
{
	op->size = 1u << rand_below(r, 4);
	op->at.offset &= ~(VM_PAGE - 1);
	op->at.offset += rand_below(r, (u32)(VM_PAGE / op->size)) * (u64)op->size;
	op->value = rand_u64(r);
}

/* Half of the time a page that an earlier operation mapped, if all went well. */
static void aim(struct rand_state *r, const struct vm_program *p, unsigned int i, struct vm_op *op)
{
	const struct vm_op *target = &p->op[rand_below(r, i + 1)];

	if (i == 0 || rand_one_in(r, 2) || target->kind != VM_OP_MMAP ||
	    target->len > VM_MARGIN * VM_PAGE)
		return;
	op->at = target->at;
	op->at.offset += rand_below(r, (u32)(target->len / VM_PAGE) + 1) * VM_PAGE;
	if (!rand_one_in(r, 3))
		op->proc = target->proc;
}

static void make_op(struct rand_state *r, struct vm_program *p, unsigned int i)
{
	struct vm_op *op = &p->op[i];

	*op = (struct vm_op){
		.kind = pick_kind(r), .proc = rand_below(r, VM_PROCS), .at = pick_place(r),
		.len = pick_len(r),
	};
	/* The first process lives longest and gets most. */
	if (rand_one_in(r, 2))
		op->proc = 0;
	if (i < 3)
		op->kind = i == 2 ? VM_OP_BRK : VM_OP_MMAP;
	if (i < 2)
		op->len += rand_below(r, 8) * VM_PAGE;
	if (op->kind != VM_OP_MMAP || rand_one_in(r, 4))
		for (unsigned int tries = 0; tries < 3; tries++)
			aim(r, p, i, op);
	switch ((enum vm_op_kind)op->kind) {
	case VM_OP_MMAP:
		pick_mmap(r, op);
		break;
	case VM_OP_MPROTECT:
		op->prot = rand_one_in(r, 50) ? 0x80 : pick_prot(r);
		break;
	case VM_OP_MREMAP:
		pick_mremap(r, op);
		break;
	case VM_OP_MADVISE:
		op->flags = rand_one_in(r, 16) ? 12345 : MADV_DONTNEED;
		break;
	case VM_OP_BRK:
		op->at.region = VM_IN_HEAP;
		op->at.offset = pick_offset(r, VM_IN_HEAP);
		break;
	case VM_OP_FORK:
		op->child = rand_below(r, VM_PROCS);
		break;
	case VM_OP_LOAD:
	case VM_OP_STORE:
		pick_access(r, op);
		break;
	case VM_OP_MUNMAP:
	case VM_OP_EXIT:
	case VM_OP_DUMP:
		break;
	}
}

/* Every program ends with a look at all processes. */
void vm_program_make(struct vm_program *p, u64 seed)
{
	struct rand_state r;

	rand_init(&r, seed, 0);
	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->nr = 8 + rand_below(&r, VM_OPS_MAX - 8 - VM_PROCS);
	for (unsigned int i = 0; i < p->nr; i++)
		make_op(&r, p, i);
	for (unsigned int proc = 0; proc < VM_PROCS; proc++)
		p->op[p->nr++] = (struct vm_op){ .kind = VM_OP_DUMP, .proc = proc };
}

/* ---- which processes are there ---- */

void vm_alive_init(struct vm_alive *alive)
{
	*alive = (struct vm_alive){ .proc = { true } };
}

bool vm_alive_step(struct vm_alive *alive, const struct vm_op *op)
{
	if (!alive->proc[op->proc])
		return false;
	if (op->kind == VM_OP_FORK) {
		if (alive->proc[op->child])
			return false;
		alive->proc[op->child] = true;
	} else if (op->kind == VM_OP_EXIT) {
		alive->proc[op->proc] = false;
	} else if (op->kind == VM_OP_DUMP) {
		if (alive->nr_dumps == VM_DUMPS_MAX)
			return false;
		alive->nr_dumps++;
	}
	return true;
}

/* ---- printing ---- */

static const char *place_text(struct vm_place p, char *buf, size_t size)
{
	snprintf(buf, size, "%s+0x%llx",
		 p.region == VM_IN_WINDOW ? "W" : p.region == VM_IN_HEAP ? "heap" : "elsewhere",
		 (unsigned long long)p.offset);
	return buf;
}

static const char *prot_text(u32 prot, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s", prot & PROT_READ ? "r" : "-", prot & PROT_WRITE ? "w" : "-",
		 prot & PROT_EXEC ? "x" : "-", prot & ~7u ? "!" : "");
	return buf;
}

void vm_op_print(const struct vm_op *op, FILE *out)
{
	char at[40], to[40], prot[8];
	unsigned long long len = op->len, new_len = op->new_len;

	place_text(op->at, at, sizeof(at));
	place_text(op->to, to, sizeof(to));
	prot_text(op->prot, prot, sizeof(prot));
	fprintf(out, "p%u: ", op->proc);
	switch ((enum vm_op_kind)op->kind) {
	case VM_OP_MMAP:
		fprintf(out, "mmap(%s, 0x%llx, %s, 0x%x)\n", at, len, prot, op->flags);
		break;
	case VM_OP_MUNMAP:
		fprintf(out, "munmap(%s, 0x%llx)\n", at, len);
		break;
	case VM_OP_MPROTECT:
		fprintf(out, "mprotect(%s, 0x%llx, %s)\n", at, len, prot);
		break;
	case VM_OP_MREMAP:
		fprintf(out, "mremap(%s, 0x%llx, 0x%llx, 0x%x, %s)\n", at, len, new_len, op->flags,
			to);
		break;
	case VM_OP_MADVISE:
		fprintf(out, "madvise(%s, 0x%llx, %u)\n", at, len, op->flags);
		break;
	case VM_OP_BRK:
		fprintf(out, "brk(%s)\n", at);
		break;
	case VM_OP_FORK:
		fprintf(out, "fork() as p%u\n", op->child);
		break;
	case VM_OP_EXIT:
		fprintf(out, "exit()\n");
		break;
	case VM_OP_LOAD:
		fprintf(out, "load%u(%s)\n", op->size * 8, at);
		break;
	case VM_OP_STORE:
		fprintf(out, "store%u(%s, 0x%llx)\n", op->size * 8, at,
			(unsigned long long)op->value);
		break;
	case VM_OP_DUMP:
		fprintf(out, "compare all\n");
		break;
	}
}

void vm_program_print(const struct vm_program *p, FILE *out)
{
	fprintf(out, "program of seed %llu (W is 0x%lx; sizes in bytes):\n",
		(unsigned long long)p->seed, VM_WINDOW);
	for (unsigned int i = 0; i < p->nr; i++) {
		fprintf(out, "  %2u ", i);
		vm_op_print(&p->op[i], out);
	}
}
