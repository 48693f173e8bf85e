/* SPDX-License-Identifier: MIT */
/* The panic that stops the machine with a dump, and warnings. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/irq.h"
#include "runtime/lockdep.h"

#define MAX_WARNINGS_PRINTED	50
#define MAX_DUMPERS	16

#if KMEMLAB_DEBUG
bool vm_check_enabled;
#endif

static void (*dumpers[MAX_DUMPERS])(void);
static unsigned int nr_dumpers;
static u32 panicking;		/* 1 once a thread owns the panic */
static unsigned int nr_warnings;

void panic_dumper_register(void (*dump)(void))
{
	for (unsigned int i = 0; i < nr_dumpers; i++)
		if (dumpers[i] == dump)
			return;
	if (nr_dumpers < MAX_DUMPERS)
		dumpers[nr_dumpers++] = dump;
}

static void print_context(FILE *out)
{
	struct cpu *cpu = this_cpu();

	if (!cpu) {
		fputs("  on the host thread\n", out);
		return;
	}
	fprintf(out, "  on cpu %u: preempt_count %#x, interrupts %s, pending %#llx\n", cpu->id,
		(unsigned int)owner_read(cpu->preempt_count),
		owner_read(cpu->irqs_off) ? "masked" : "on",
		(unsigned long long)READ_ONCE(cpu->irq_pending));
	lockdep_dump(cpu);
}

void panic_at(const char *file, int line, const char *fmt, ...)
{
	static __thread bool in_panic;
	va_list ap;

	if (in_panic)		/* a dumper failed: what is printed so far must do */
		abort();
	in_panic = true;
	/* From here on no other CPU runs: it might stop for good, or panic as well. */
	sim_active = false;
	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQ_REL)) {
		/* Another CPU prints its dump and aborts the process. */
		struct timespec ever = { 3600, 0 };

		for (;;)
			nanosleep(&ever, NULL);
	}
	fprintf(stderr, "\nkmemlab panic at %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	print_context(stderr);
	for (unsigned int i = 0; i < nr_dumpers; i++)
		dumpers[i]();
	fflush(stderr);
	abort();
}

void warn_at(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	unsigned int nr = __atomic_add_fetch(&nr_warnings, 1, __ATOMIC_RELAXED);

	/* A warning in a loop must not bury the first ones, which name the cause. */
	if (nr > MAX_WARNINGS_PRINTED)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s:%d: warning: %s\n", file, line, text);
	print_context(stderr);
	if (nr == MAX_WARNINGS_PRINTED)
		fputs("further warnings are counted, not printed\n", stderr);
}

unsigned int warnings_seen(void)
{
	return __atomic_load_n(&nr_warnings, __ATOMIC_RELAXED);
}
