/* SPDX-License-Identifier: MIT */
/* A place in the source, as reports name it: static records made where a macro is expanded. */
#ifndef RUNTIME_LIB_SITE_H
#define RUNTIME_LIB_SITE_H

#include "runtime/lib/types.h"

struct code_site {
	const char *file;
	const char *func;
	u32 line;
	u32 unused;
};

/* The record of the place where this is written; costs nothing until its address is used. */
#define CODE_SITE()							\
	({								\
		static const struct code_site code_site_ = {		\
			.file = __FILE__, .func = __func__, .line = __LINE__, \
		};							\
		&code_site_;						\
	})

/* "file:line in func()" in @buf, or "an unrecorded place" for NULL.  Returns @buf. */
const char *code_site_text(const struct code_site *site, char *buf, size_t size);

#endif /* RUNTIME_LIB_SITE_H */
