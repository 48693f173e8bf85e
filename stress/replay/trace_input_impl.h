/* SPDX-License-Identifier: MIT */
/* trace_input_impl.h - what the line reader and its decompressors share; for them only. */
#ifndef STRESS_REPLAY_TRACE_INPUT_IMPL_H
#define STRESS_REPLAY_TRACE_INPUT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The build system says which libraries there are by KMEMLAB_HAVE_LZMA, KMEMLAB_HAVE_ZLIB and
 * KMEMLAB_HAVE_ZSTD (0 or 1).
 * Without a word from it, a library counts as present when its header is.
 */
#ifndef KMEMLAB_HAVE_LZMA
#define KMEMLAB_HAVE_LZMA	__has_include(<lzma.h>)
#endif
#ifndef KMEMLAB_HAVE_ZLIB
#define KMEMLAB_HAVE_ZLIB	__has_include(<zlib.h>)
#endif
#ifndef KMEMLAB_HAVE_ZSTD
#define KMEMLAB_HAVE_ZSTD	__has_include(<zstd.h>)
#endif

/* Bytes of the file as stored, before decompression. */
struct trace_raw {
	int fd;				/* -1: all bytes are already in the window */
	int read_errno;			/* errno of a failed read(), else 0 */
	bool eof;
	uint8_t *owned;			/* read buffer when fd >= 0 */
	const uint8_t *data;		/* window: data[pos..len) is unread */
	size_t pos;
	size_t len;
};

/*
 * One compression format. @read returns the number of bytes written to @out (> 0), 0 at the proper
 * end of the stream, or -1 with *@why set to "what is wrong; what to do".
 */
struct trace_decoder {
	const char *name;
	bool (*match)(const uint8_t *head, size_t len);
	void *(*open)(const char **why);
	ssize_t (*read)(void *state, struct trace_raw *raw, uint8_t *out, size_t cap,
			const char **why);
	void (*close)(void *state);
};

extern const struct trace_decoder trace_decoder_plain;
extern const struct trace_decoder trace_decoder_xz;
extern const struct trace_decoder trace_decoder_gz;
extern const struct trace_decoder trace_decoder_zstd;

/*
 * Makes data[pos..len) non-empty if the file has more bytes. Returns false only when reading
 * failed (read_errno set); at the end of the file it returns true with an empty window.
 */
bool trace_raw_fill(struct trace_raw *raw);

#endif /* STRESS_REPLAY_TRACE_INPUT_IMPL_H */
