/* SPDX-License-Identifier: MIT */
/* trace_input_zstd.c - the zstd decompressor of the line reader. */
#include "stress/replay/trace_input_impl.h"

#include <string.h>

static bool zstd_match(const uint8_t *head, size_t len)
{
	return len >= 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0;
}

#if KMEMLAB_HAVE_ZSTD
#include <stdlib.h>
#include <zstd.h>

struct zstd_state {
	ZSTD_DStream *strm;
	bool in_frame;		/* a frame has begun and not ended */
};

static void *zstd_open(const char **why)
{
	struct zstd_state *zs = calloc(1, sizeof(*zs));

	if (zs)
		zs->strm = ZSTD_createDStream();
	if (!zs || !zs->strm) {
		free(zs);
		*why = "out of memory; close other programs or use a smaller trace";
		return NULL;
	}
	return zs;
}

static ssize_t zstd_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
			 const char **why)
{
	struct zstd_state *zs = state;
	ZSTD_outBuffer ob = { .dst = out, .size = cap };

	while (ob.pos == 0) {
		ZSTD_inBuffer ib;
		size_t ret;

		if (!trace_raw_fill(raw))
			return -1;
		if (raw->pos == raw->len && !zs->in_frame)
			return 0;
		ib = (ZSTD_inBuffer){ .src = raw->data, .size = raw->len, .pos = raw->pos };
		ret = ZSTD_decompressStream(zs->strm, &ob, &ib);
		if (ZSTD_isError(ret)) {
			*why = "the zstd stream is corrupt; copy or record the file again";
			return -1;
		}
		/* No input left and nothing flushed: the frame can never end. */
		if (ob.pos == 0 && raw->pos == raw->len) {
			*why = "the zstd stream ends early, the file is cut short; "
			       "copy or record it again";
			return -1;
		}
		raw->pos = ib.pos;
		zs->in_frame = ret != 0;
	}
	return (ssize_t)ob.pos;
}

static void zstd_close(void *state)
{
	struct zstd_state *zs = state;

	ZSTD_freeDStream(zs->strm);
	free(zs);
}

#else /* !KMEMLAB_HAVE_ZSTD */

static void *zstd_open(const char **why)
{
	*why = "zstd is not built in (no libzstd); decompress the file first with `zstd -d`";
	return NULL;
}

static ssize_t zstd_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
			 const char **why)
{
	(void)state, (void)raw, (void)out, (void)cap, (void)why;
	return -1;
}

static void zstd_close(void *state)
{
	(void)state;
}

#endif /* KMEMLAB_HAVE_ZSTD */

const struct trace_decoder trace_decoder_zstd = {
	.name = "zstd", .match = zstd_match, .open = zstd_open, .read = zstd_read,
	.close = zstd_close,
};
