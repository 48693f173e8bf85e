/* SPDX-License-Identifier: MIT */
/*
 * What the tests of mm/slab share: a machine with a slab allocator, code run on its CPU 0, and
 * death tests in a child process.
 */
#ifndef TESTS_UNIT_SLAB_TEST_H
#define TESTS_UNIT_SLAB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/machine.h"
#include "mm/page/page_check.h"
#include "mm/slab/kmalloc.h"
#include "mm/slab/slab.h"

#define SLAB_TEST_SEED	0x736c6162ULL

/* Code on a CPU cannot jump back to cmocka: a failed expectation stops the machine. */
#define EXPECT(cond)							\
	do {								\
		if (!(cond))						\
			panic("expected: %s", #cond);			\
	} while (0)

struct slab_test {
	unsigned int nr_cpus, nr_nodes;
	struct slab_options options;
	void (*body)(void);		/* on CPU 0 */
	bool may_leak;
	u64 leaked;			/* what slab_shutdown() said */
};

static inline void slab_test_body(void *arg)
{
	((struct slab_test *)arg)->body();
}

static inline void slab_test_down(void *arg)
{
	struct slab_test *t = arg;

	t->leaked = slab_shutdown();
}

static inline void slab_test_boot(struct slab_test *t)
{
	struct kmemlab_options opt = {
		.cpu = { .nr_cpus = t->nr_cpus ? t->nr_cpus : 2, .seed = SLAB_TEST_SEED,
			 .no_pin = true },
		.slab = &t->options,
		.mm = { .mem_bytes = 256ULL << 20, .nr_nodes = t->nr_nodes ? t->nr_nodes : 1 },
	};
	struct mm_error err = { "" };

	if (kmemlab_boot(&opt, &err) != 0)
		panic("kmemlab_boot: %s", err.text);
}

/* Takes the allocator down; every page it took must be back. */
static inline void slab_test_shutdown(struct slab_test *t)
{
	cpu_run(0, slab_test_down, t);
	if (!t->may_leak) {
		struct page_check_result result = page_alloc_check(true, 0);

		assert_int_equal(t->leaked, 0);
		if (!result.ok)
			fail_msg("%s", result.text);
	}
	kmemlab_shutdown();
}

static inline void slab_test_run(struct slab_test t)
{
	slab_test_boot(&t);
	cpu_run(0, slab_test_body, &t);
	slab_test_shutdown(&t);
}

#define SLAB_TEXT_MAX	8192

/* Runs @t in a child; @text receives its stderr.  Returns the wait status. */
static inline int slab_test_fork(struct slab_test *t, char text[SLAB_TEXT_MAX])
{
	size_t at = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		dup2(fds[1], STDERR_FILENO);
		slab_test_boot(t);
		cpu_run(0, slab_test_body, t);
		cpu_run(0, slab_test_down, t);
		fflush(NULL);
		_exit(0);
	}
	close(fds[1]);
	while (at < SLAB_TEXT_MAX - 1 &&
	       (got = read(fds[0], text + at, SLAB_TEXT_MAX - 1 - at)) > 0)
		at += (size_t)got;
	text[at] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* @t must end in a panic that says @expected. */
static inline void slab_test_dies(struct slab_test t, const char *expected)
{
	char text[SLAB_TEXT_MAX];
	int status = slab_test_fork(&t, text);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		fail_msg("survived; expected: %s", expected);
	if (!strstr(text, expected))
		fail_msg("died without \"%s\":\n%s", expected, text);
}

#endif /* TESTS_UNIT_SLAB_TEST_H */
