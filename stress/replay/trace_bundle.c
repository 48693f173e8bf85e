/* SPDX-License-Identifier: MIT */
/* trace_bundle.c - finds a recorded trace and the state files that belong to it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* asprintf */
#endif
#include "stress/replay/trace_bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const when_names[BUNDLE_NR_WHEN] = { "before", "after" };
static const char *const suffixes[] = { "", ".xz", ".gz", ".zst" };

#define NR_SUFFIXES	(sizeof(suffixes) / sizeof(suffixes[0]))

/*
 * Looks for @dir/@name with any suffix. Returns 1 with *@found set, 0 when there is none, -ENOMEM.
 */
static int find_file(const char *dir, const char *name, char **found)
{
	for (size_t i = 0; i < NR_SUFFIXES; i++) {
		struct stat st;
		char *path;

		if (asprintf(&path, "%s/%s%s", dir, name, suffixes[i]) < 0)
			return -ENOMEM;
		if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
			*found = path;
			return 1;
		}
		free(path);
	}
	return 0;
}

/* Text first: trace.dat beside it is usually what the text was made from. */
static int find_trace(const char *dir, char **found)
{
	static const char *const names[] = { "trace.txt", "trace", "trace.dat" };
	int ret = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && ret == 0; i++)
		ret = find_file(dir, names[i], found);
	return ret;
}

static int find_states(const char *dir, struct bundle *b)
{
	for (int kind = 0; kind < PROC_NR_FILES; kind++) {
		for (int when = 0; when < BUNDLE_NR_WHEN; when++) {
			char name[64];

			snprintf(name, sizeof(name), "%s.%s", proc_file_name((enum proc_file)kind),
				 when_names[when]);
			if (find_file(dir, name, &b->state_path[kind][when]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	/* A file in the root folder keeps its slash. */
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int bundle_open(const char *path, struct bundle *b, struct trace_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	char *dir = NULL;
	struct stat st;
	int ret = 1;

	*b = (struct bundle){ 0 };
	if (!is_stdin && stat(path, &st) < 0) {
		trace_error_set(err, path, 0, "cannot be opened: %s; give a trace file or the "
				"folder of a recording", strerror(errno));
		return -EINVAL;
	}
	if (!is_stdin && S_ISDIR(st.st_mode)) {
		dir = strdup(path);
		ret = dir ? find_trace(dir, &b->trace_path) : -ENOMEM;
	} else {
		dir = is_stdin ? strdup(".") : folder_of(path);
		b->trace_path = strdup(path);
		ret = dir && b->trace_path ? 1 : -ENOMEM;
	}
	/* Standard input has no folder, so no state files either. */
	if (ret > 0 && !is_stdin && find_states(dir, b) < 0)
		ret = -ENOMEM;
	free(dir);
	if (ret > 0)
		return 0;
	bundle_close(b);
	if (ret == 0)
		trace_error_set(err, path, 0, "the folder holds no trace.txt, trace or trace.dat "
				"(plain, .xz, .gz or .zst); give a recording (toolchain/record.sh "
				"makes one)");
	else
		trace_error_set(err, path, 0, "out of memory; close other programs");
	return ret == 0 ? -EINVAL : ret;
}

int bundle_missing(const struct bundle *b, char *buf, size_t size)
{
	size_t used = 0;
	int missing = 0;

	buf[0] = '\0';
	for (int kind = 0; kind < PROC_NR_FILES; kind++) {
		for (int when = 0; when < BUNDLE_NR_WHEN; when++) {
			if (b->state_path[kind][when])
				continue;
			if (used < size)
				used += (size_t)snprintf(buf + used, size - used, "%s%s.%s",
							 missing ? ", " : "",
							 proc_file_name((enum proc_file)kind),
							 when_names[when]);
			missing++;
		}
	}
	return missing;
}

bool bundle_has_start_state(const struct bundle *b)
{
	return b->state_path[PROC_ZONEINFO][BUNDLE_BEFORE] != NULL;
}

int bundle_read_state(const struct bundle *b, enum bundle_when when, struct proc_state *st,
		      struct trace_error *err)
{
	*st = (struct proc_state){ 0 };
	for (int kind = 0; kind < PROC_NR_FILES; kind++) {
		const char *path = b->state_path[kind][when];
		int ret = path ? proc_state_read(st, (enum proc_file)kind, path, err) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

void bundle_close(struct bundle *b)
{
	free(b->trace_path);
	for (int kind = 0; kind < PROC_NR_FILES; kind++)
		for (int when = 0; when < BUNDLE_NR_WHEN; when++)
			free(b->state_path[kind][when]);
	*b = (struct bundle){ 0 };
}
