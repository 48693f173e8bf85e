/* SPDX-License-Identifier: MIT */
/* trace_magic.c - recognises files that are not trace text by their first bytes. */
#include "stress/replay/trace_magic.h"

#include <string.h>

struct magic {
	size_t len;
	const char *bytes;
	const char *why;
};

#define MAGIC(bytes, why) { sizeof(bytes) - 1, (bytes), (why) }
#define COMPRESSED_TWICE "the content is compressed twice; decompress it once and try again"

static const struct magic magics[] = {
	MAGIC("PERFILE2", "perf.data is binary: convert it with `perf script -F "
	      "comm,tid,cpu,time,event,trace > trace.txt`"),
	MAGIC("2ELIFREP", "perf.data is binary: convert it with `perf script -F "
	      "comm,tid,cpu,time,event,trace > trace.txt`"),
	MAGIC("\x7f" "ELF", "this is a program (ELF); give a recorded trace as text"),
	MAGIC("\x89PNG", "this is a PNG image; give a recorded trace as text"),
	MAGIC("%PDF", "this is a PDF document; give a recorded trace as text"),
	MAGIC("\xef\xbb\xbf", "the text begins with a byte order mark; save it as plain ASCII"),
	MAGIC("\xff\xfe", "the text is UTF-16; save it as plain ASCII"),
	MAGIC("\xfe\xff", "the text is UTF-16; save it as plain ASCII"),
	MAGIC("\xfd" "7zXZ", COMPRESSED_TWICE),
	MAGIC("\x1f\x8b\x08", COMPRESSED_TWICE),
	MAGIC("\x28\xb5\x2f\xfd", COMPRESSED_TWICE),
	MAGIC("Node ", "this is a state file (zoneinfo, buddyinfo) and not a trace; give the "
	      "trace, the state files beside it are found by name"),
};

const char *trace_magic_refuse(const char *head, size_t len)
{
	size_t i = 0;

	if (len == 0)
		return "the file is empty; record a trace (toolchain/record.sh does)";
	for (size_t m = 0; m < sizeof(magics) / sizeof(magics[0]); m++)
		if (len >= magics[m].len && memcmp(head, magics[m].bytes, magics[m].len) == 0)
			return magics[m].why;
	while (i < len && (head[i] == ' ' || head[i] == '\t' || head[i] == '\r' || head[i] == '\n'))
		i++;
	/* A task name may begin with '{' or '[', but then its pid and CPU follow on the line. */
	if (i + 1 < len && (head[i] == '{' || head[i] == '[') &&
	    memchr("\"{\r\n", head[i + 1], 4))
		return "this is JSON and not a trace; give ftrace text, `trace-cmd report` or "
		       "`perf script` output";
	return NULL;
}
