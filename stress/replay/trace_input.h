/* SPDX-License-Identifier: MIT */
/*
 * trace_input.h - reads a text file line by line, whatever it is compressed with.
 *
 * One reader serves traces and /proc texts: plain, xz, gzip or zstd, told apart by the first
 * bytes. Lines come out terminated by NUL inside a large buffer, so scanners need no bounds.
 */
#ifndef STRESS_REPLAY_TRACE_INPUT_H
#define STRESS_REPLAY_TRACE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/replay/trace_error.h"

/*
 * A line longer than this is refused: the longest real line, a kmem_cache_alloc with a long symbol
 * and many flags, has a few hundred bytes.
 */
#define TRACE_LINE_MAX		65536u

/* Bytes behind a line's end that may be read (not used): lets scanners load whole words. */
#define TRACE_LINE_PAD		64u

struct trace_input;

/**
 * trace_input_open - open a file and find out how it is compressed.
 * @path: the file; "-" is standard input.
 * @err:  receives the error text.
 *
 * Returns the reader, or NULL with @err set. Task context; may block.
 */
struct trace_input *trace_input_open(const char *path, struct trace_error *err);

/**
 * trace_input_open_mem - read from memory instead of a file.
 * @data: the bytes, compressed or not; must stay valid until trace_input_close().
 * @size: number of bytes.
 * @name: name for error texts; copied.
 * @err:  receives the error text.
 *
 * Returns the reader, or NULL with @err set.
 */
struct trace_input *trace_input_open_mem(const void *data, size_t size, const char *name,
					 struct trace_error *err);

/**
 * trace_input_open_fd - read from a file descriptor that is open already.
 * @fd:   closed by trace_input_close(), and also when this fails.
 * @name: name for error texts; copied.
 * @err:  receives the error text.
 *
 * Returns the reader, or NULL with @err set.
 */
struct trace_input *trace_input_open_fd(int fd, const char *name, struct trace_error *err);

/**
 * trace_input_copy - write all bytes, decompressed, to a file: for content that is no text.
 * @in:  the reader, before the first trace_input_line(); used up by this.
 * @fd:  where to.
 * @err: receives the error text.
 *
 * Returns 0, or -EINVAL with @err set when the stream is damaged or @fd takes no more.
 */
int trace_input_copy(struct trace_input *in, int fd, struct trace_error *err);

/**
 * trace_input_line - hand out the next line.
 * @in:   the reader.
 * @line: receives the line: NUL in place of the line end ("\n" or "\r\n"), may be modified by the
 *        caller, valid until the next call.
 * @len:  receives its length in bytes.
 * @err:  receives the error text.
 *
 * Returns 1 with a line, 0 at the end, -EINVAL with @err set when the stream is damaged or cut
 * short, a line is too long, or it holds a NUL byte.
 */
int trace_input_line(struct trace_input *in, char **line, size_t *len, struct trace_error *err);

/**
 * trace_input_peek - look at the decompressed bytes read so far without consuming them.
 * @in:  the reader, before the first trace_input_line().
 * @len: receives how many bytes there are (0 for an empty file; at least 16 unless it is shorter).
 * @err: receives the error text.
 *
 * Returns the bytes, or NULL with @err set when the stream is damaged.
 */
const char *trace_input_peek(struct trace_input *in, size_t *len, struct trace_error *err);

/* Number of the line handed out last, from 1; 0 before the first. */
uint64_t trace_input_lineno(const struct trace_input *in);

/* True when the line handed out last ended with the file and not with a line end. */
bool trace_input_unterminated(const struct trace_input *in);

/* Name for error texts. */
const char *trace_input_name(const struct trace_input *in);

/* Bytes of decompressed text handed out or buffered so far. */
uint64_t trace_input_bytes(const struct trace_input *in);

/* Frees the reader; NULL is allowed. */
void trace_input_close(struct trace_input *in);

#endif /* STRESS_REPLAY_TRACE_INPUT_H */
