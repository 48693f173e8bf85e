/* SPDX-License-Identifier: MIT */
/* The switches of a schedule as text: places by addr2line, one column for each CPU. */
#define _GNU_SOURCE
#include <link.h>
#include <unistd.h>

#include "stress/explore/switches.h"
#include "stress/report/array.h"

#define COLUMN_MAX	44u

static const char *const kind_names[NR_SIM_POINTS] = {
	[SIM_LOCK] = "lock", [SIM_TRYLOCK] = "trylock", [SIM_UNLOCK] = "unlock",
	[SIM_IRQ] = "irq/ipi", [SIM_RCU] = "rcu", [SIM_ATOMIC] = "atomic",
	[SIM_ACCESS] = "access", [SIM_BLOCK] = "waits",
};

/* ---- places ---- */

static int first_object(struct dl_phdr_info *info, size_t size, void *base)
{
	(void)size;
	*(uintptr_t *)base = info->dlpi_addr;
	return 1;
}

/* Writes every address as the file knows it; a return address points behind its call. */
static void write_addresses(const struct worker_site *sites, size_t n, FILE *out)
{
	uintptr_t base = 0;

	dl_iterate_phdr(first_object, &base);
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < WORKER_SITE_DEPTH; k++)
			if (sites[i].at[k])
				fprintf(out, "0x%lx\n", (unsigned long)(sites[i].at[k] - base - 1));
}

/* A frame of the runtime says how, not where. */
static bool is_runtime(const char *file)
{
	return strstr(file, "/runtime/") != NULL;
}

/* Appends one frame to @text unless it is the runtime's, or two are there already. */
static void add_frame(char *text, size_t size, char *func, char *file)
{
	size_t len = strlen(text);

	func[strcspn(func, "\n.")] = '\0';	/* .part.0, .isra.0 */
	file[strcspn(file, " \n")] = '\0';
	if (func[0] == '?' || file[0] == '?' || is_runtime(file) || strstr(text, " < "))
		return;
	if (len)
		snprintf(text + len, size - len, " < %.100s", func);
	else
		snprintf(text, size, "%.100s %s",
			 strrchr(file, '/') ? strrchr(file, '/') + 1 : file, func);
}

/*
 * Reads the answers for one place: for each address a line with it, then pairs of lines, function
 * and file:line, for each level of inlining.  @line is the line read ahead.
 */
static char *read_place(const struct worker_site *site, char *line, size_t size, FILE *in)
{
	char file[1024], text[512] = "";

	for (int k = 0; k < WORKER_SITE_DEPTH && site->at[k]; k++) {
		if (strncmp(line, "0x", 2) != 0)
			return NULL;
		while (fgets(line, (int)size, in) && strncmp(line, "0x", 2) != 0)
			if (fgets(file, sizeof(file), in))
				add_frame(text, sizeof(text), line, file);
	}
	return string_copy(text);
}

char **explore_symbolize(const struct worker_site *sites, size_t n)
{
	char path[] = "/tmp/kmemlab-sites-XXXXXX", command[128], line[256] = "", **places = NULL;
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return NULL;
	write_addresses(sites, n, f);
	fclose(f);
	snprintf(command, sizeof(command), "addr2line -a -f -i -e /proc/%d/exe <%s 2>/dev/null",
		 (int)getpid(), path);
	f = popen(command, "r");
	if (f) {
		places = calloc(n + 1, sizeof(*places));
		if (places && fgets(line, sizeof(line), f))
			for (size_t i = 0; i < n; i++)
				places[i] = read_place(&sites[i], line, sizeof(line), f);
		pclose(f);
	}
	unlink(path);
	return places;
}

/* ---- the table ---- */

static unsigned int column_width(unsigned int nr_cpus)
{
	return min((100u - 10u) / nr_cpus - 1, COLUMN_MAX);
}

static void print_line(u64 step, unsigned int column, unsigned int width, const char *text,
		       FILE *out)
{
	fprintf(out, "%8llu  %*s%.*s\n", (unsigned long long)step, (int)(column * (width + 1)), "",
		(int)(100 - 10 - column * (width + 1)), text);
}

static void print_switch(const struct explore_failure *f, size_t i, unsigned int width, FILE *out)
{
	const struct sim_switch *s = &f->switches[i];
	const char *site = f->sites && f->sites[i] ? f->sites[i] : "";
	char text[512];

	if (s->from < f->config.cpus) {
		snprintf(text, sizeof(text), "%s %s", s->kind < NR_SIM_POINTS ?
			 kind_names[s->kind] : "?", site);
		print_line(s->step, s->from, width, text, out);
	}
	print_line(s->step, s->cpu, width, "runs", out);
}

void explore_print_switches(const struct explore_failure *f, size_t max, FILE *out)
{
	unsigned int width = column_width(f->config.cpus);
	size_t first = max && f->nr_switches > max ? f->nr_switches - max : 0;

	fprintf(out, "%8s  ", "step");
	for (unsigned int cpu = 0; cpu < f->config.cpus; cpu++)
		fprintf(out, "cpu %-*u", (int)width - 3, cpu);
	fputc('\n', out);
	if (first)
		fprintf(out, "          (%zu switches before)\n", first);
	for (size_t i = first; i < f->nr_switches; i++)
		print_switch(f, i, width, out);
	fprintf(out, "%8llu  fails: %s\n", (unsigned long long)f->steps, f->title);
}
