/* SPDX-License-Identifier: MIT */
/*
 * The offline HTML report: page.html with the result in the place of @DATA@.
 *
 * The page is assembled into this object from its own file, so it can be edited and read as HTML;
 * the build knows that this object depends on it (Layers.cmake).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stress/report/formats.h"

__asm__(".pushsection .rodata\n"
	"html_page:\n"
	".incbin \"stress/report/page.html\"\n"
	".byte 0\n"
	".popsection");
extern const char html_page[] __attribute__((visibility("hidden")));

static const char mark[] = "@DATA@";

/* The result as one line of JSON that cannot end the script element it stands in. */
static void put_data(const char *json, FILE *out)
{
	for (; *json; json++)
		/* '<' only occurs inside strings: "</script>" must not. */
		if (*json == '<')
			fputs("\\u003c", out);
		else
			fputc(*json, out);
}

static size_t data_size(const char *json)
{
	size_t bytes = 0;

	for (; *json; json++)
		bytes += *json == '<' ? 6 : 1;
	return bytes;
}

static char *dump(const struct result_file *f, bool histograms)
{
	json_t *doc = json_copy(f->json), *locks = lock_report_json(&f->locks);
	char *text;

	/* The page does not show the /proc texts. */
	json_object_del(doc, "proc");
	if (!histograms)
		json_object_set_new(locks, "histograms", json_array());
	json_object_set_new(doc, "locks", locks);
	text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(doc);
	return text;
}

int format_html(const struct result_file *f, FILE *out)
{
	const char *at = strstr(html_page, mark);
	size_t room = HTML_BYTES_MAX - strlen(html_page);
	char *text = dump(f, true);

	if (text && data_size(text) > room) {
		free(text);
		text = dump(f, false);
	}
	if (!text)
		return -ENOMEM;
	if (data_size(text) > room) {
		free(text);
		return -EFBIG;
	}
	/* The comment at its top names the mark too: the data goes to the last one. */
	for (const char *next = at; next; next = strstr(next + 1, mark))
		at = next;
	fwrite(html_page, 1, (size_t)(at - html_page), out);
	put_data(text, out);
	fputs(at + strlen(mark), out);
	free(text);
	return fflush(out) == EOF || ferror(out) ? -EIO : 0;
}
