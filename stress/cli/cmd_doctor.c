/* SPDX-License-Identifier: MIT */
/* kmemlab doctor: what this host can and cannot do for a run, and what to change. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cpu.h"
#include "runtime/lockstat.h"
#include "stress/cli/command.h"
#include "stress/report/result_file.h"

/* Above this many random bits, clang 14's ThreadSanitizer cannot place its shadow memory. */
#define TSAN_MMAP_RND_BITS	28

enum verdict { VERDICT_OK, VERDICT_NOTE, VERDICT_BAD };

static const char *const verdict_names[] = { "ok", "note", "BAD" };

struct doctor {
	bool as_json;
	json_t *checks;
	enum verdict worst;
};

static __printf(4, 5) void say(struct doctor *d, enum verdict v, const char *what,
			       const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->worst = v > d->worst ? v : d->worst;
	if (d->as_json)
		json_array_append_new(d->checks, json_pack("{s:s,s:s,s:s}", "check", what,
							   "verdict", verdict_names[v], "text",
							   text));
	else
		printf("%-4s  %-12s %s\n", verdict_names[v], what, text);
}

static void check_cores(struct doctor *d)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 2)
		say(d, VERDICT_NOTE, "host cores", "%ld: CPUs of a machine take turns, and locks "
		    "contend only when one is preempted", cores);
	else
		say(d, VERDICT_OK, "host cores", "%ld: machines of up to %ld CPUs run in parallel",
		    cores, cores);
}

static void check_randomness(struct doctor *d)
{
	FILE *f = fopen("/proc/sys/vm/mmap_rnd_bits", "r");
	int bits = 0;

	if (!f || fscanf(f, "%d", &bits) != 1)
		say(d, VERDICT_NOTE, "tsan", "/proc/sys/vm/mmap_rnd_bits cannot be read; "
		    "should tsan builds fail to start, set it to %d", TSAN_MMAP_RND_BITS);
	else if (bits > TSAN_MMAP_RND_BITS)
		say(d, VERDICT_NOTE, "tsan", "mmap_rnd_bits is %d: start tsan builds with "
		    "toolchain/tsan-run, or sysctl -w vm.mmap_rnd_bits=%d", bits,
		    TSAN_MMAP_RND_BITS);
	else
		say(d, VERDICT_OK, "tsan", "mmap_rnd_bits is %d", bits);
	if (f)
		fclose(f);
}

/* True when one of @names is on the PATH. */
static bool on_path(const char *const *names, size_t nr)
{
	char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), *save = NULL;
	bool found = false;

	for (char *dir = path ? strtok_r(path, ":", &save) : NULL; dir && !found;
	     dir = strtok_r(NULL, ":", &save))
		for (size_t i = 0; i < nr && !found; i++) {
			char file[4400];

			snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
			found = access(file, X_OK) == 0;
		}
	free(path);
	return found;
}

static void check_symbolizer(struct doctor *d)
{
	static const char *const names[] = {
		"llvm-symbolizer", "llvm-symbolizer-14", "addr2line",
	};

	if (on_path(names, ARRAY_SIZE(names)))
		say(d, VERDICT_OK, "symbolizer", "found: sanitizer reports name functions");
	else
		say(d, VERDICT_NOTE, "symbolizer", "none: sanitizer reports show addresses only "
		    "(apt install llvm-14)");
}

static void check_tracefs(struct doctor *d)
{
	if (access("/sys/kernel/tracing/events/kmem", R_OK | X_OK) == 0)
		say(d, VERDICT_OK, "tracefs", "kmem events can be recorded on this host");
	else
		say(d, VERDICT_NOTE, "tracefs", "kmem events cannot be recorded here; record on "
		    "another host, or as root with tracefs mounted");
}

static void measure(void *arg)
{
	*(struct lockstat_cost *)arg = lockstat_measure_cost();
}

/* Boots a machine of one CPU: membarrier and threads work, and the recorder can be timed. */
static void check_machine(struct doctor *d)
{
	const struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1, .no_pin = true };
	struct lockstat_cost cost;
	int err = machine_boot(&opt);

	if (err) {
		say(d, VERDICT_BAD, "machine", "does not boot: %s; Linux 4.14 or newer with "
		    "private expedited membarrier is needed", strerror(-err));
		return;
	}
	err = machine_start_cpus();
	if (err) {
		say(d, VERDICT_BAD, "machine", "no CPU starts: %s; raise the limit of threads "
		    "(ulimit -u)", strerror(-err));
		machine_shutdown();
		return;
	}
	cpu_run(0, measure, &cost);
	machine_shutdown();
	say(d, VERDICT_OK, "machine", "boots; membarrier works");
	say(d, strcmp(KMEMLAB_BUILD, "release") == 0 ? VERDICT_OK : VERDICT_NOTE, "recorder",
	    "%.1f ns per uncontended lock+unlock with recording, %.1f ns without (build %s)",
	    cost.with_ns, cost.without_ns, KMEMLAB_BUILD);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	((struct doctor *)state->input)->as_json = true;
	return 0;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "as JSON, schema kmemlab-doctor/1", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options, .parser = parse,
	.doc = "Checks what this host can do: cores, ThreadSanitizer, membarrier, tracefs, and "
	       "what recording costs.\v"
	       "Exit status: 0 machines run here, 1 they do not, 2 wrong usage.",
};

static int run(int argc, char **argv)
{
	struct doctor d = { .checks = json_array() };

	parse_options(&argp, argc, argv, &d);
	check_cores(&d);
	check_machine(&d);
	check_randomness(&d);
	check_symbolizer(&d);
	check_tracefs(&d);
	say(&d, VERDICT_OK, "libraries", "%s", KMEMLAB_LIBRARIES);
	if (d.as_json) {
		json_t *json = json_pack("{s:s,s:s,s:s,s:O}", "schema", "kmemlab-doctor/1",
					 "version", KMEMLAB_VERSION, "build", KMEMLAB_BUILD,
					 "checks", d.checks);

		if (result_json_write(json, stdout))
			d.worst = VERDICT_BAD;
		json_decref(json);
	}
	json_decref(d.checks);
	return d.worst == VERDICT_BAD ? EXIT_FAILED : EXIT_DONE;
}

KMEMLAB_COMMAND(doctor, 80, "what this host can do, and what recording costs here", run);
