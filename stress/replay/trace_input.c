/* SPDX-License-Identifier: MIT */
/*
 * trace_input.c - the line reader: raw bytes -> decompressor -> buffer -> lines.
 *
 * What. A window buf[pos..end) of decompressed text; a line is cut out of it in place by writing
 *   NUL over its end. When no line end is left, the rest moves to the front and the window is
 *   filled up again.
 * States. open -> (peeked) -> lines ... -> at end | failed; a failed reader is only closed.
 * Invariants. I1: pos <= scan <= end <= cap, and buf has TRACE_LINE_PAD bytes behind cap.
 *   I2: buf[pos..scan) holds no line end, so no byte is searched twice.
 *   I3: buf[pos..clean) holds no NUL that came from the file.
 * Locking. None; one thread per reader.
 * Context. Task; blocks in read().
 * Failure. -EINVAL with one error text; memory shortage is reported the same way.
 * See also. trace_input_xz.c, trace_input_gz.c, trace_input_zstd.c.
 */
#include "stress/replay/trace_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/replay/trace_input_impl.h"

/* Stays inside a second-level cache, and holds a line of the maximum length with room to read. */
#define WINDOW_MAX	(256u << 10)
#define RAW_SIZE	(64u << 10)

struct trace_input {
	struct trace_raw raw;
	const struct trace_decoder *decoder;
	void *state;
	char *name;
	char *buf;
	size_t cap;
	size_t pos;
	size_t scan;
	size_t end;
	size_t clean;
	bool eof;
	bool unterminated;
	uint64_t lineno;
	uint64_t bytes;
};

bool trace_raw_fill(struct trace_raw *raw)
{
	ssize_t got;

	if (raw->pos < raw->len || raw->eof || raw->fd < 0)
		return true;
	do {
		got = read(raw->fd, raw->owned, RAW_SIZE);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		raw->read_errno = errno;
		return false;
	}
	raw->pos = 0;
	raw->len = (size_t)got;
	raw->eof = got == 0;
	return true;
}

static bool plain_match(const uint8_t *head, size_t len)
{
	(void)head, (void)len;
	return true;
}

static void *plain_open(const char **why)
{
	static char nothing;

	(void)why;
	return &nothing;
}

static ssize_t plain_read(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
			  const char **why)
{
	size_t take;

	(void)state, (void)why;
	if (!trace_raw_fill(raw))
		return -1;
	take = raw->len - raw->pos < cap ? raw->len - raw->pos : cap;
	memcpy(out, raw->data + raw->pos, take);
	raw->pos += take;
	return (ssize_t)take;
}

static void plain_close(void *state)
{
	(void)state;
}

const struct trace_decoder trace_decoder_plain = {
	.name = "plain", .match = plain_match, .open = plain_open, .read = plain_read,
	.close = plain_close,
};

/* The plain decoder matches everything and therefore comes last. */
static const struct trace_decoder *const decoders[] = {
	&trace_decoder_xz, &trace_decoder_gz, &trace_decoder_zstd, &trace_decoder_plain,
};

static const char *foreign_compression(const uint8_t *head, size_t len)
{
	if (len >= 3 && memcmp(head, "BZh", 3) == 0)
		return "the file is compressed with bzip2, which is not read; "
		       "decompress it with `bzip2 -d`";
	if (len >= 4 && memcmp(head, "\x04\x22\x4d\x18", 4) == 0)
		return "the file is compressed with lz4, which is not read; "
		       "decompress it with `lz4 -d`";
	if (len >= 4 && memcmp(head, "PK\x03\x04", 4) == 0)
		return "the file is a zip archive, which is not read; unpack it with `unzip`";
	return NULL;
}

/* Collects the first bytes: pipes may deliver fewer than a magic number at once. */
static bool fill_head(struct trace_raw *raw)
{
	while (raw->fd >= 0 && raw->len < 16 && !raw->eof) {
		ssize_t got = read(raw->fd, raw->owned + raw->len, RAW_SIZE - raw->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			raw->read_errno = errno;
			return false;
		}
		raw->len += (size_t)got;
		raw->eof = got == 0;
	}
	return true;
}

static struct trace_input *input_start(struct trace_input *in, size_t cap, struct trace_error *err)
{
	const char *why = NULL;

	in->cap = cap;
	in->buf = calloc(1, cap + TRACE_LINE_PAD);
	if (!in->buf) {
		why = "out of memory; close other programs or use a smaller trace";
	} else if (!fill_head(&in->raw)) {
		trace_error_set(err, in->name, 0, "cannot be read: %s; check path and rights",
				strerror(in->raw.read_errno));
		trace_input_close(in);
		return NULL;
	} else {
		why = foreign_compression(in->raw.data, in->raw.len);
	}
	for (size_t i = 0; !why && !in->state; i++) {
		in->decoder = decoders[i];
		if (in->decoder->match(in->raw.data, in->raw.len))
			in->state = in->decoder->open(&why);
	}
	if (why) {
		trace_error_set(err, in->name, 0, "%s", why);
		trace_input_close(in);
		return NULL;
	}
	return in;
}

static struct trace_input *input_new(const char *name)
{
	struct trace_input *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->raw.fd = -1;
	in->name = strdup(name);
	if (!in->name) {
		free(in);
		return NULL;
	}
	return in;
}

static struct trace_input *no_memory(struct trace_input *in, const char *name,
				     struct trace_error *err)
{
	trace_error_set(err, name, 0, "out of memory; close other programs");
	trace_input_close(in);
	return NULL;
}

struct trace_input *trace_input_open_fd(int fd, const char *name, struct trace_error *err)
{
	struct trace_input *in = input_new(name);

	if (!in) {
		close(fd);
		return no_memory(in, name, err);
	}
	in->raw.fd = fd;
	in->raw.owned = malloc(RAW_SIZE);
	if (!in->raw.owned)
		return no_memory(in, name, err);
	in->raw.data = in->raw.owned;
	return input_start(in, WINDOW_MAX, err);
}

struct trace_input *trace_input_open(const char *path, struct trace_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "(standard input)" : path;
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		trace_error_set(err, path, 0, "cannot be opened: %s; check the path and the rights",
				strerror(errno));
		return NULL;
	}
	return trace_input_open_fd(fd, name, err);
}

struct trace_input *trace_input_open_mem(const void *data, size_t size, const char *name,
					 struct trace_error *err)
{
	struct trace_input *in = input_new(name);
	size_t cap = size + 1;

	if (!in)
		return no_memory(in, name, err);
	in->raw.data = data;
	in->raw.len = size;
	/* A small text needs no large window; a compressed one may grow, but rarely beyond this. */
	cap = cap < 4096 ? 4096 : cap;
	return input_start(in, cap < WINDOW_MAX ? cap : WINDOW_MAX, err);
}

static int input_failed(struct trace_input *in, const char *why, struct trace_error *err)
{
	if (in->raw.read_errno)
		trace_error_set(err, in->name, 0, "cannot be read: %s; check path and rights",
				strerror(in->raw.read_errno));
	else
		trace_error_set(err, in->name, in->lineno + 1, "%s", why);
	return -EINVAL;
}

/* Grows the window up to its maximum; a compressed memory input starts with a small one. */
static bool window_grow(struct trace_input *in)
{
	size_t cap = in->cap * 4 < WINDOW_MAX ? in->cap * 4 : WINDOW_MAX;
	char *buf = realloc(in->buf, cap + TRACE_LINE_PAD);

	if (!buf)
		return false;
	memset(buf + in->cap, 0, cap + TRACE_LINE_PAD - in->cap);
	in->buf = buf;
	in->cap = cap;
	return true;
}

/* Moves the rest of the window to its front and reads on. Sets eof at the end of the stream. */
static int window_fill(struct trace_input *in, struct trace_error *err)
{
	const char *why = "the stream cannot be decoded; record it again";
	size_t rest = in->end - in->pos;
	ssize_t got;

	memmove(in->buf, in->buf + in->pos, rest);
	in->scan -= in->pos;
	in->clean -= in->pos;
	in->pos = 0;
	in->end = rest;
	if (in->end == in->cap && in->cap < WINDOW_MAX && !window_grow(in))
		return input_failed(in, "out of memory; close other programs", err);
	if (rest > TRACE_LINE_MAX)
		return input_failed(in, "the line is longer than 65536 bytes; this is not a trace "
				    "line, cut it out or record again", err);
	got = in->decoder->read(in->state, &in->raw, (uint8_t *)in->buf + in->end,
				in->cap - in->end, &why);
	if (got < 0)
		return input_failed(in, why, err);
	in->end += (size_t)got;
	in->bytes += (uint64_t)got;
	in->eof = got == 0;
	return 0;
}

static int cut_line(struct trace_input *in, size_t stop, char **line, size_t *len,
		    struct trace_error *err)
{
	size_t start = in->pos;

	if (stop - start > TRACE_LINE_MAX)
		return input_failed(in, "the line is longer than 65536 bytes; this is not a trace "
				    "line, cut it out or record again", err);
	/* Keeps I3. One search over everything buffered costs less than one per line. */
	if (in->clean < stop) {
		const char *nul = memchr(in->buf + in->clean, '\0', in->end - in->clean);

		in->clean = nul ? (size_t)(nul - in->buf) : in->end;
		if (in->clean < stop)
			return input_failed(in, "the line holds a NUL byte, the file is binary or "
					    "damaged; record it again as text", err);
	}
	in->pos = in->scan = stop < in->end ? stop + 1 : stop;
	if (stop > start && in->buf[stop - 1] == '\r')
		stop--;
	in->buf[stop] = '\0';
	if (in->clean < in->pos)
		in->clean = in->pos;
	in->lineno++;
	*line = in->buf + start;
	*len = stop - start;
	return 1;
}

int trace_input_line(struct trace_input *in, char **line, size_t *len, struct trace_error *err)
{
	for (;;) {
		const char *eol = memchr(in->buf + in->scan, '\n', in->end - in->scan);

		if (eol)
			return cut_line(in, (size_t)(eol - in->buf), line, len, err);
		in->scan = in->end;
		if (in->eof)
			break;
		if (window_fill(in, err) < 0)
			return -EINVAL;
	}
	if (in->pos == in->end)
		return 0;
	in->unterminated = true;
	return cut_line(in, in->end, line, len, err);
}

const char *trace_input_peek(struct trace_input *in, size_t *len, struct trace_error *err)
{
	while (in->end < 16 && !in->eof)
		if (window_fill(in, err) < 0)
			return NULL;
	*len = in->end;
	return in->buf;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -EINVAL;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

int trace_input_copy(struct trace_input *in, int fd, struct trace_error *err)
{
	for (;;) {
		if (write_all(fd, in->buf + in->pos, in->end - in->pos) < 0) {
			trace_error_set(err, in->name, 0, "there is no room for a copy: %s; free "
					"some memory", strerror(errno));
			return -EINVAL;
		}
		in->pos = in->scan = in->clean = in->end;
		if (in->eof)
			return 0;
		if (window_fill(in, err) < 0)
			return -EINVAL;
	}
}

uint64_t trace_input_lineno(const struct trace_input *in)
{
	return in->lineno;
}

bool trace_input_unterminated(const struct trace_input *in)
{
	return in->unterminated;
}

const char *trace_input_name(const struct trace_input *in)
{
	return in->name;
}

uint64_t trace_input_bytes(const struct trace_input *in)
{
	return in->bytes;
}

void trace_input_close(struct trace_input *in)
{
	if (!in)
		return;
	if (in->state)
		in->decoder->close(in->state);
	if (in->raw.fd >= 0)
		close(in->raw.fd);
	free(in->raw.owned);
	free(in->buf);
	free(in->name);
	free(in);
}
