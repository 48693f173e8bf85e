/* SPDX-License-Identifier: MIT */
/* A machine with memory whose CPUs are all played by the test thread. */
#include "tests/support/page_machine.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct page *held[MAX_HELD];
unsigned int nr_held;

void become_cpu(unsigned int cpu)
{
	current_cpu = &cpus[cpu];
}

void page_machine_boot(unsigned int nr_cpus, const struct mm_options *opt)
{
	struct machine_options machine = {
		.nr_cpus = nr_cpus, .nr_nodes = max(opt->nr_nodes, 1u), .seed = 1, .no_pin = true,
	};
	struct mm_error err;

	assert_int_equal(machine_boot(&machine), 0);
	assert_int_equal(percpu_boot(256 * 1024), 0);
	page_alloc_reset();
	if (mm_boot(opt, &err))
		fail_msg("%s", err.text);
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
		cpumask_set_cpu(cpu, &cpu_online_mask);
	become_cpu(0);
	zone_pcp_update_all(0);
}

int page_machine_setup(void **state)
{
	const struct mm_options opt = { .e820 = "0-64M usable", .no_memmap = true };

	(void)state;
	nr_held = 0;
	page_machine_boot(2, &opt);
	return 0;
}

/* Forgets what is still listed or allocated, so that a failed test does not take others along. */
static void page_machine_shutdown(void)
{
	current_cpu = NULL;
	cpumask_clear(&cpu_online_mask);
	mm_shutdown();
	percpu_shutdown();
	machine_shutdown();
}

int page_machine_teardown(void **state)
{
	struct page_check_result before, after;
	unsigned int cpu;

	(void)state;
	become_cpu(0);
	before = page_alloc_check(true, 0);
	for_each_possible_cpu(cpu)
		drain_cpu_pages(cpu);
	after = page_alloc_check(true, 0);
	page_machine_shutdown();
	if (!before.ok)
		fail_msg("%s", before.text);
	if (!after.ok)
		fail_msg("after the drain: %s", after.text);
	return 0;
}

void assert_pages_valid(long allocated)
{
	struct page_check_result result = page_alloc_check(true, allocated);

	if (!result.ok)
		fail_msg("%s", result.text);
}

/* Reads everything from @fd; returns the length. */
static size_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len + 1 < size && (n = read(fd, buf + len, size - len - 1)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return len;
}

void assert_panics(void (*fn)(void *arg), void *arg, const char *text)
{
	char output[8192];
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		dup2(fds[1], STDERR_FILENO);
		/* A panic ends in abort(): without cmocka's handler, which would go on. */
		signal(SIGABRT, SIG_DFL);
		fn(arg);
		_exit(0);
	}
	close(fds[1]);
	read_all(fds[0], output, sizeof(output));
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		fail_msg("the child lived on; it should have died of \"%s\"", text);
	if (!strstr(output, text))
		fail_msg("the child should have died of \"%s\" but said: %s", text, output);
}

struct zone *zone_of(enum zone_type type)
{
	return NODE_DATA(0)->node_zones[type];
}

struct pagelist *list_of(struct zone *zone, unsigned int cpu)
{
	return &remote_zone_pcp(zone, cpu)->pl;
}

void hold(struct page *page)
{
	assert_non_null(page);
	assert_true(nr_held < MAX_HELD);
	held[nr_held++] = page;
}

void free_held(void)
{
	while (nr_held) {
		struct page *page = held[--nr_held];

		__free_pages(page, page->order);
	}
}

unsigned int exhaust(gfp_t gfp)
{
	unsigned int before = nr_held;
	struct page *page;

	while ((page = alloc_page(gfp | __GFP_NOWARN)))
		hold(page);
	return nr_held - before;
}
