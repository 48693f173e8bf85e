/* SPDX-License-Identifier: MIT */
/* The terminal of `kmemlab top`. */
#ifndef STRESS_CLI_TOP_SCREEN_H
#define STRESS_CLI_TOP_SCREEN_H

#include "runtime/lib/types.h"

/*
 * Takes over the terminal.  Returns 0, -ENOSYS when built without ncurses, or -ENOTTY when this is
 * no terminal that can do it.
 */
__must_check int top_screen_open(void);
void top_screen_close(void);
unsigned int top_screen_rows(void);

/* Shows @text from the top; what does not fit is cut off. */
void top_screen_show(const char *text);

/* Waits for a key at most @ms milliseconds; 0 when none came. */
int top_screen_key(int ms);

#endif /* STRESS_CLI_TOP_SCREEN_H */
