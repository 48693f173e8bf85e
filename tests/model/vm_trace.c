/* SPDX-License-Identifier: MIT */
/*
 * Comparing what a program did on the host and on the simulated machine.
 *
 * Compared as they are: errno, the place of a returned address, loaded values, which access raises
 * which signal with which code at which address, the ranges, rights and offsets of areas, which
 * shared areas show one object, and the contents of every page that can be read.
 *
 * Normalised, because it cannot be equal: an address outside window and heap is just "elsewhere"
 * (both sides unmap it at once; the host places by its own random base); the heap's place; device
 * and inode of a shared area, of which only the identity is kept; the part of the host's heap that
 * the C library uses, which lies before the heap's offset 0.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/model/vm_program.h"

struct vm_place vm_dump_place(unsigned int i)
{
	if (i < VM_PAGES + 2 * VM_MARGIN)
		return (struct vm_place){ VM_IN_WINDOW, (i - (u64)VM_MARGIN) * VM_PAGE };
	i -= VM_PAGES + 2 * VM_MARGIN;
	return (struct vm_place){ VM_IN_HEAP, i * VM_PAGE };
}

/* ---- maps ---- */

static void add_area(struct vm_dump *dump, struct vm_area_line *a, u64 start, u64 end)
{

	if (a->start >= end || a->end <= start || dump->nr_areas == VM_AREAS_MAX)
		return;
	if (a->start < start) {
		a->offset += a->object ? start - a->start : 0;
		a->start = start;
	}
	a->end = a->end > end ? end : a->end;
	a->start -= start;
	a->end -= start;
	dump->area[dump->nr_areas++] = *a;
}

/* Objects get numbers in the order in which they appear. */
static u32 object_number(u64 *inodes, u32 *nr, u64 inode)
{
	u32 i;

	if (!inode)
		return 0;
	for (i = 0; i < *nr; i++)
		if (inodes[i] == inode)
			return i + 1;
	if (*nr < VM_AREAS_MAX)
		inodes[(*nr)++] = inode;
	return *nr;
}

static bool parse_line(const char *line, struct vm_area_line *a, u64 *inode)
{
	unsigned long long start, end, offset, ino;
	int name = 0;
	const char *end_of_line = strchr(line, '\n');

	memset(a, 0, sizeof(*a));
	if (sscanf(line, "%llx-%llx %7s %llx %*x:%*x %llu%n", &start, &end, a->perms, &offset,
		   &ino, &name) < 5)
		return false;
	a->start = start;
	a->end = end;
	a->offset = offset;
	*inode = ino;
	line += name + (int)strspn(line + name, " ");
	if (end_of_line && line < end_of_line)
		(void)sscanf(line, "%31[^\n]", a->name);
	return true;
}

static void add_region(struct vm_dump *dump, const char *text, u32 region, u64 start, u64 end)
{
	u64 inodes[VM_AREAS_MAX], inode;
	struct vm_area_line a;
	u32 nr_inodes = 0;

	for (const char *line = text; line && *line;) {
		if (parse_line(line, &a, &inode) && a.end > start && a.start < end) {
			a.region = region;
			a.object = object_number(inodes, &nr_inodes, inode);
			add_area(dump, &a, start, end);
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

/* First the window, then the heap: which of them lies lower is the host's business. */
void vm_dump_maps(struct vm_dump *dump, const char *text, u64 heap)
{
	dump->nr_areas = 0;
	add_region(dump, text, VM_IN_WINDOW, VM_WINDOW - VM_MARGIN * VM_PAGE,
		   VM_WINDOW + (VM_PAGES + VM_MARGIN) * VM_PAGE);
	add_region(dump, text, VM_IN_HEAP, heap, heap + (VM_HEAP_PAGES + VM_MARGIN) * VM_PAGE);
}

/* ---- comparing ---- */

static int print_area(char *buf, size_t size, const struct vm_area_line *a)
{
	u64 shift = a->region == VM_IN_WINDOW ? VM_MARGIN * VM_PAGE : 0;

	return snprintf(buf, size, "%s%+lld..%+lld %s offset %llx object %u %s",
			a->region == VM_IN_WINDOW ? "W" : "heap", (long long)(a->start - shift),
			(long long)(a->end - shift), a->perms, (unsigned long long)a->offset,
			a->object, a->name);
}

static bool same_area(const struct vm_area_line *a, const struct vm_area_line *b)
{
	return a->region == b->region && a->start == b->start && a->end == b->end &&
	       !strcmp(a->perms, b->perms) && a->object == b->object &&
	       (!a->object || a->offset == b->offset) && !strcmp(a->name, b->name);
}

static bool compare_maps(const struct vm_dump *host, const struct vm_dump *sim, char *text,
			 size_t size)
{
	for (u32 i = 0; i < host->nr_areas || i < sim->nr_areas; i++) {
		char a[160] = "no area", b[160] = "no area";

		if (i < host->nr_areas && i < sim->nr_areas &&
		    same_area(&host->area[i], &sim->area[i]))
			continue;
		if (i < host->nr_areas)
			print_area(a, sizeof(a), &host->area[i]);
		if (i < sim->nr_areas)
			print_area(b, sizeof(b), &sim->area[i]);
		snprintf(text, size, "area %u\n    host %s\n    here %s", i, a, b);
		return false;
	}
	return true;
}

static bool compare_dumps(const struct vm_dump *host, const struct vm_dump *sim, char *text,
			  size_t size)
{
	if (!compare_maps(host, sim, text, size))
		return false;
	for (unsigned int i = 0; i < VM_DUMP_PAGES; i++) {
		struct vm_place at = vm_dump_place(i);

		if (host->signal[i] == sim->signal[i] && host->sum[i] == sim->sum[i])
			continue;
		snprintf(text, size, "page %s%+lld\n    host signal %x sum %llx\n"
			 "    here signal %x sum %llx", at.region == VM_IN_WINDOW ? "W" : "heap",
			 (long long)at.offset, (unsigned int)host->signal[i],
			 (unsigned long long)host->sum[i], (unsigned int)sim->signal[i],
			 (unsigned long long)sim->sum[i]);
		return false;
	}
	return true;
}

static int print_outcome(char *buf, size_t size, const struct vm_outcome *o)
{
	return snprintf(buf, size, "errno %d, address %u+%llx, value %llx, signal %x at %llx",
			o->err, o->place.region, (unsigned long long)o->place.offset,
			(unsigned long long)o->value, (unsigned int)o->signal,
			(unsigned long long)o->fault);
}

static bool same_outcome(const struct vm_outcome *a, const struct vm_outcome *b)
{
	return a->done == b->done && a->err == b->err && a->place.region == b->place.region &&
	       a->place.offset == b->place.offset && a->value == b->value &&
	       a->signal == b->signal && a->fault == b->fault;
}

int vm_trace_compare(const struct vm_program *p, const struct vm_trace *host,
		     const struct vm_trace *sim, char *text, size_t size)
{
	struct vm_alive alive;
	char a[200], b[200];

	vm_alive_init(&alive);
	for (unsigned int i = 0; i < p->nr; i++) {
		unsigned int dump = alive.nr_dumps;

		if (!vm_alive_step(&alive, &p->op[i]))
			continue;
		if (!same_outcome(&host->out[i], &sim->out[i])) {
			print_outcome(a, sizeof(a), &host->out[i]);
			print_outcome(b, sizeof(b), &sim->out[i]);
			snprintf(text, size, "\n    host %s\n    here %s", a, b);
			return (int)i;
		}
		if (p->op[i].kind == VM_OP_DUMP &&
		    !compare_dumps(&host->dump[dump], &sim->dump[dump], text, size))
			return (int)i;
	}
	return -1;
}
