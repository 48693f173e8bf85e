/* SPDX-License-Identifier: MIT */
/* The terminal of `kmemlab top`, by ncurses; without that library it says so. */
#include "stress/cli/top_screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if KMEMLAB_HAVE_NCURSES
#include <curses.h>

static SCREEN *screen;

int top_screen_open(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	/* newterm() says what initscr() would exit for: a TERM that is not known. */
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -ENOTTY;
	cbreak();
	noecho();
	curs_set(0);
	return 0;
}

void top_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

unsigned int top_screen_rows(void)
{
	return (unsigned int)LINES;
}

/* The heads of the tables are the lines that begin with capitals. */
static bool is_head(const char *line)
{
	return line[0] >= 'A' && line[0] <= 'Z' && line[1] >= 'A' && line[1] <= 'Z';
}

void top_screen_show(const char *text)
{
	erase();
	for (int y = 0; y < LINES && *text; y++) {
		size_t len = strcspn(text, "\n");

		if (is_head(text))
			attron(A_REVERSE);
		mvaddnstr(y, 0, text, (int)min(len, (size_t)COLS));
		attroff(A_REVERSE);
		text += len + (text[len] == '\n');
	}
	refresh();
}

int top_screen_key(int ms)
{
	int key;

	timeout(ms);
	key = getch();
	return key == ERR ? 0 : key;
}

#else

int top_screen_open(void)
{
	return -ENOSYS;
}

void top_screen_close(void)
{
}

unsigned int top_screen_rows(void)
{
	return 0;
}

void top_screen_show(const char *text)
{
	(void)text;
}

int top_screen_key(int ms)
{
	(void)ms;
	return 0;
}

#endif
