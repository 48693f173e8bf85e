/* SPDX-License-Identifier: MIT */
/* A progress bar on stderr. */
#include "stress/harness/progress.h"

#include <unistd.h>

#include "stress/report/text.h"

#define BAR_WIDTH	30

void progress_init(struct progress *p, FILE *out, bool wanted)
{
	*p = (struct progress){ .out = wanted && isatty(fileno(out)) ? out : NULL };
}

void progress_update(struct progress *p, double elapsed, double fraction, const char *text)
{
	static const char full[BAR_WIDTH + 1] = "##############################";
	static const char empty[BAR_WIDTH + 1] = "..............................";
	struct colours c;
	int done = (int)(clamp(fraction, 0.0, 1.0) * BAR_WIDTH);

	if (!p->out || elapsed < 1)
		return;
	c = text_colours(p->out);
	fprintf(p->out, "\r\033[K%s%.*s%s%.*s %s", c.bold, done, full, c.off, BAR_WIDTH - done,
		empty, text);
	fflush(p->out);
	p->drawn = true;
}

void progress_end(struct progress *p)
{
	if (p->drawn) {
		fputs("\r\033[K", p->out);
		fflush(p->out);
	}
	p->drawn = false;
}
