/* SPDX-License-Identifier: MIT */
/* trace_input_xz.c - the xz decompressor of the line reader. */
#include "stress/replay/trace_input_impl.h"

#include <string.h>

static bool xz_match(const uint8_t *head, size_t len)
{
	return len >= 6 && memcmp(head, "\xfd" "7zXZ\0", 6) == 0;
}

#if KMEMLAB_HAVE_LZMA
#include <lzma.h>
#include <stdlib.h>

/* The largest preset (-9) needs 65 MiB to decompress; more is a damaged or hostile header. */
#define XZ_MEMORY_MAX	(192ull << 20)

static void *xz_open(const char **why)
{
	lzma_stream *strm = malloc(sizeof(*strm));

	if (!strm) {
		*why = "out of memory; close other programs or use a smaller trace";
		return NULL;
	}
	*strm = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(strm, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
		free(strm);
		*why = "the xz decoder does not start; decompress the file first with `xz -d`";
		return NULL;
	}
	return strm;
}

static const char *xz_error(lzma_ret ret)
{
	if (ret == LZMA_MEMLIMIT_ERROR)
		return "the xz stream needs over 192 MiB; recompress it with `xz -9` or less";
	if (ret == LZMA_BUF_ERROR)
		return "the xz stream ends early, the file is cut short; copy or record it again";
	return "the xz stream is corrupt; copy or record the file again";
}

static ssize_t xz_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
		       const char **why)
{
	lzma_stream *strm = state;
	lzma_ret ret = LZMA_OK;

	strm->next_out = out;
	strm->avail_out = cap;
	while (strm->avail_out == cap && ret == LZMA_OK) {
		if (!trace_raw_fill(raw))
			return -1;
		strm->next_in = raw->data + raw->pos;
		strm->avail_in = raw->len - raw->pos;
		ret = lzma_code(strm, strm->avail_in ? LZMA_RUN : LZMA_FINISH);
		raw->pos = raw->len - strm->avail_in;
	}
	if (ret != LZMA_OK && ret != LZMA_STREAM_END) {
		*why = xz_error(ret);
		return -1;
	}
	return (ssize_t)(cap - strm->avail_out);
}

static void xz_close(void *state)
{
	lzma_end(state);
	free(state);
}

#else /* !KMEMLAB_HAVE_LZMA */

static void *xz_open(const char **why)
{
	*why = "xz is not built in (no liblzma); decompress the file first with `xz -d`";
	return NULL;
}

static ssize_t xz_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
		       const char **why)
{
	(void)state, (void)raw, (void)out, (void)cap, (void)why;
	return -1;
}

static void xz_close(void *state)
{
	(void)state;
}

#endif /* KMEMLAB_HAVE_LZMA */

const struct trace_decoder trace_decoder_xz = {
	.name = "xz", .match = xz_match, .open = xz_open, .read = xz_read, .close = xz_close,
};
