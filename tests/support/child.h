/* SPDX-License-Identifier: MIT */
/* Runs code that must die in a child process and keeps what it said. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <stddef.h>

/*
 * Runs run(@fn) in a forked child, collects its standard error in @text (NUL-terminated, cut at
 * @size), and fails the calling test if the child ends with success.  A sanitizer's own handler may
 * turn the abort into an exit; it is never a success.
 */
void child_must_die(void (*run)(void (*fn)(void *arg)), void (*fn)(void *arg), char *text,
		    size_t size);

#endif /* TESTS_SUPPORT_CHILD_H */
