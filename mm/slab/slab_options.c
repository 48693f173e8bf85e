/* SPDX-License-Identifier: MIT */
/*
 * The slab_debug= option (Documentation/mm/slub.rst): which checks, for which caches.
 *
 *	slab_debug=FZPU				these checks for all caches
 *	slab_debug=FZ,dentry,kmalloc-*		... for the named ones; a star ends a prefix
 *	slab_debug=P,kmalloc-64;U,dentry	blocks; the first that names a cache decides
 *	slab_debug=-				none
 *	slab_debug=				"FZPU"
 */
#include <errno.h>
#include <stdio.h>

#include "mm/page/mm_options.h"
#include "mm/slab/slab_impl.h"

#define DEBUG_TEXT_MAX	512
#define DEBUG_DEFAULT	(SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

static char debug_text[DEBUG_TEXT_MAX];
static bool debug_on;

/* The check of a letter, 0 for '-', or all bits for an unknown one. */
static slab_flags_t flag_of(char letter)
{
	switch (letter) {
	case 'F': case 'f': return SLAB_CONSISTENCY_CHECKS;
	case 'Z': case 'z': return SLAB_RED_ZONE;
	case 'P': case 'p': return SLAB_POISON;
	case 'U': case 'u': return SLAB_STORE_USER;
	case 'T': case 't': return SLAB_TRACE;
	case '-': return 0;
	default: return ~0u;
	}
}

/* Reads the letters at *@text; stops at a separator.  All bits: an unknown letter, at *@text. */
static slab_flags_t parse_letters(const char **text)
{
	slab_flags_t flags = 0;
	const char *p = *text;

	for (; *p && *p != ',' && *p != ';'; p++) {
		slab_flags_t flag = flag_of(*p);

		if (flag == ~0u) {
			*text = p;
			return flag;
		}
		flags |= flag;
	}
	if (p == *text)
		flags = DEBUG_DEFAULT;
	*text = p;
	return flags;
}

int slab_debug_parse(const char *text, struct mm_error *err)
{
	const char *p = text;

	debug_on = text != NULL;
	if (!text)
		return 0;
	if (strlen(text) >= sizeof(debug_text))
		return mm_error(err, -EINVAL, "slab_debug: longer than %zu characters; name fewer "
				"caches or use a star", sizeof(debug_text) - 1);
	for (;;) {
		if (parse_letters(&p) == ~0u)
			return mm_error(err, -EINVAL, "slab_debug: '%c' is no check; give letters "
					"of FZPUT, then ,cache names", *p);
		p = strchr(p, ';');
		if (!p)
			break;
		p++;
	}
	snprintf(debug_text, sizeof(debug_text), "%s", text);
	return 0;
}

/* True when the item of @len characters names the cache. */
static bool item_matches(const char *item, size_t len, const char *name)
{
	if (len && item[len - 1] == '*')
		return strncmp(item, name, len - 1) == 0;
	return strlen(name) == len && strncmp(item, name, len) == 0;
}

/* True when the list at *@text (",a,b" or nothing) names the cache; *@text: behind the list. */
static bool list_matches(const char **text, const char *name)
{
	const char *p = *text;
	bool matches = *p != ',';

	while (*p == ',') {
		size_t len = strcspn(++p, ",;");

		matches |= item_matches(p, len, name);
		p += len;
	}
	*text = p;
	return matches;
}

slab_flags_t slab_debug_flags(const char *name)
{
	const char *p = debug_text;

	while (debug_on) {
		slab_flags_t flags = parse_letters(&p);

		if (list_matches(&p, name))
			return flags;
		if (*p++ != ';')
			break;
	}
	return 0;
}
