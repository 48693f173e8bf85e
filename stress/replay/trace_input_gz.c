/* SPDX-License-Identifier: MIT */
/* trace_input_gz.c - the gzip decompressor of the line reader. */
#include "stress/replay/trace_input_impl.h"

#include <string.h>

static bool gz_match(const uint8_t *head, size_t len)
{
	return len >= 3 && memcmp(head, "\x1f\x8b\x08", 3) == 0;
}

#if KMEMLAB_HAVE_ZLIB
/* Makes next_in a pointer to const: the raw window is not ours to change. */
#define ZLIB_CONST
#include <stdlib.h>
#include <zlib.h>

struct gz_state {
	z_stream strm;
	bool in_member;		/* a member has begun and not ended */
	bool member_done;	/* at least one member was complete */
};

static void *gz_open(const char **why)
{
	struct gz_state *gz = calloc(1, sizeof(*gz));

	/* 15 + 16: the largest window, gzip header required. */
	if (!gz || inflateInit2(&gz->strm, 15 + 16) != Z_OK) {
		free(gz);
		*why = "out of memory; close other programs or use a smaller trace";
		return NULL;
	}
	return gz;
}

/* One inflate step. Returns false with *why set when the stream is damaged or ends early. */
static bool gz_step(struct gz_state *gz, struct trace_raw *raw, bool *end, const char **why)
{
	int ret;

	if (!trace_raw_fill(raw))
		return false;
	if (raw->pos == raw->len) {
		*end = true;
		if (!gz->in_member && gz->member_done)
			return true;
		*why = "the gzip stream ends early, the file is cut short; copy or record it again";
		return false;
	}
	if (!gz->in_member && gz->member_done)
		inflateReset(&gz->strm);
	gz->in_member = true;
	gz->strm.next_in = raw->data + raw->pos;
	gz->strm.avail_in = (uInt)(raw->len - raw->pos);
	ret = inflate(&gz->strm, Z_NO_FLUSH);
	raw->pos = raw->len - gz->strm.avail_in;
	if (ret == Z_STREAM_END) {
		gz->in_member = false;
		gz->member_done = true;
	} else if (ret != Z_OK && ret != Z_BUF_ERROR) {
		*why = "the gzip stream is corrupt; copy or record the file again";
		return false;
	}
	return true;
}

static ssize_t gz_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
		       const char **why)
{
	struct gz_state *gz = state;
	bool end = false;

	gz->strm.next_out = out;
	gz->strm.avail_out = (uInt)cap;
	while (gz->strm.avail_out == cap && !end)
		if (!gz_step(gz, raw, &end, why))
			return -1;
	return (ssize_t)(cap - gz->strm.avail_out);
}

static void gz_close(void *state)
{
	struct gz_state *gz = state;

	inflateEnd(&gz->strm);
	free(gz);
}

#else /* !KMEMLAB_HAVE_ZLIB */

static void *gz_open(const char **why)
{
	*why = "gzip is not built in (no zlib); decompress the file first with `gzip -d`";
	return NULL;
}

static ssize_t gz_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
		       const char **why)
{
	(void)state, (void)raw, (void)out, (void)cap, (void)why;
	return -1;
}

static void gz_close(void *state)
{
	(void)state;
}

#endif /* KMEMLAB_HAVE_ZLIB */

const struct trace_decoder trace_decoder_gz = {
	.name = "gzip", .match = gz_match, .open = gz_open, .read = gz_read, .close = gz_close,
};
