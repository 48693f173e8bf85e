/* SPDX-License-Identifier: MIT */
/* The report of a call that may sleep where sleeping is forbidden, with the site of both. */
#include <stdio.h>

#include "runtime/irq.h"

const char *code_site_text(const struct code_site *site, char *buf, size_t size)
{
	if (!site)
		return "an unrecorded place";
	snprintf(buf, size, "%s:%u in %s()", site->file, site->line, site->func);
	return buf;
}

/* Says what makes this CPU atomic, outermost context first. */
static void describe_atomic(char *out, size_t size)
{
	struct cpu *cpu = this_cpu();
	int count = preempt_count();
	char site[256];

	if (count & HARDIRQ_MASK)
		snprintf(out, size, "in a hardirq handler");
	else if (count & SOFTIRQ_OFFSET)
		snprintf(out, size, "in a softirq");
	else if (owner_read(cpu->irqs_off))
		snprintf(out, size, "interrupts were masked at %s",
			 code_site_text(owner_read(cpu->irq_site), site, sizeof(site)));
	else if (count & PREEMPT_MASK)
		snprintf(out, size, "preemption was disabled at %s",
			 code_site_text(owner_read(cpu->preempt_site), site, sizeof(site)));
	else
		snprintf(out, size, "softirqs were disabled at %s",
			 code_site_text(owner_read(cpu->bh_site), site, sizeof(site)));
}

void might_sleep_report(const char *file, int line)
{
	char why[512];

	describe_atomic(why, sizeof(why));
	warn_at(file, line, "a call that may sleep in atomic context: %s", why);
}
