/* SPDX-License-Identifier: MIT */
/*
 * gfp.c - text form of the allocation flags, read and printed.
 *
 * What. gfp_parse() turns "GFP_KERNEL|__GFP_ZERO" into bits; gfp_format() does the reverse.
 * States. A thread's memo slot is empty (len 0) or holds one text and its value.
 * Invariants. I1: gfp_parse(gfp_format(g)) == g for every g, because unnamed bits are printed in
 *   hexadecimal. I2: a memo slot is only written for a text whose items are all known, so a hit may
 *   answer true without looking further.
 * Locking. None: the memo is thread local.
 * Context. Any that does not interrupt itself inside gfp_parse(); traces are read in task context.
 * Failure. Unknown names are left out and reported by the return value.
 * See also. gfp.h for the bits; stress/replay/trace_body.c calls this for every allocation event.
 */
#include "mm/page/gfp.h"

#include <string.h>

struct gfp_name {
	gfp_t bits;
	uint8_t len;
	const char *text;
};

#define GFP_NAME(flag) { (flag), sizeof(#flag) - 1, #flag }

/*
 * Print order: composites from large to small (the first that is wholly contained wins, and its
 * bits are then gone), afterwards single bits in ascending order. The order is the kernel's, so
 * that a printed trace line equals the recorded one.
 */
static const struct gfp_name gfp_names[] = {
	GFP_NAME(GFP_TRANSHUGE),
	GFP_NAME(GFP_TRANSHUGE_LIGHT),
	GFP_NAME(GFP_HIGHUSER_MOVABLE),
	GFP_NAME(GFP_HIGHUSER),
	GFP_NAME(GFP_USER),
	GFP_NAME(GFP_KERNEL_ACCOUNT),
	GFP_NAME(GFP_KERNEL),
	GFP_NAME(GFP_NOFS),
	GFP_NAME(GFP_ATOMIC),
	GFP_NAME(GFP_NOIO),
	GFP_NAME(GFP_NOWAIT),
	GFP_NAME(GFP_DMA),
	GFP_NAME(GFP_DMA32),
	GFP_NAME(__GFP_HIGHMEM),
	GFP_NAME(__GFP_MOVABLE),
	GFP_NAME(__GFP_RECLAIMABLE),
	GFP_NAME(__GFP_HIGH),
	GFP_NAME(__GFP_IO),
	GFP_NAME(__GFP_FS),
	GFP_NAME(__GFP_ZERO),
	GFP_NAME(__GFP_DIRECT_RECLAIM),
	GFP_NAME(__GFP_KSWAPD_RECLAIM),
	GFP_NAME(__GFP_WRITE),
	GFP_NAME(__GFP_NOWARN),
	GFP_NAME(__GFP_RETRY_MAYFAIL),
	GFP_NAME(__GFP_NOFAIL),
	GFP_NAME(__GFP_NORETRY),
	GFP_NAME(__GFP_MEMALLOC),
	GFP_NAME(__GFP_COMP),
	GFP_NAME(__GFP_NOMEMALLOC),
	GFP_NAME(__GFP_HARDWALL),
	GFP_NAME(__GFP_THISNODE),
	GFP_NAME(__GFP_ACCOUNT),
	GFP_NAME(__GFP_ZEROTAGS),
	GFP_NAME(__GFP_NO_OBJ_EXT),
	GFP_NAME(__GFP_SKIP_ZERO),
	GFP_NAME(__GFP_SKIP_KASAN),
	GFP_NAME(__GFP_NOLOCKDEP),
	GFP_NAME(__GFP_COLD),
	GFP_NAME(__GFP_NO_GROW),
};

/* Names that are understood but never printed: aliases and second spellings. */
static const struct gfp_name gfp_aliases[] = {
	GFP_NAME(__GFP_RECLAIM),
	GFP_NAME(__GFP_DMA),
	GFP_NAME(__GFP_DMA32),
	GFP_NAME(__GFP_WAIT),
	GFP_NAME(__GFP_REPEAT),
	GFP_NAME(__GFP_ATOMIC),
	{ 0, 4, "none" },
};

#define NR_NAMES	(sizeof(gfp_names) / sizeof(gfp_names[0]))
#define NR_ALIASES	(sizeof(gfp_aliases) / sizeof(gfp_aliases[0]))

/*
 * A one-second trace holds a few dozen distinct texts. 64 slots of direct mapping keep nearly all
 * of them; longer texts than the slot are legal and merely not remembered.
 */
#define MEMO_SLOTS	64
#define MEMO_TEXT	120

struct gfp_memo {
	gfp_t bits;
	uint32_t len;
	char text[MEMO_TEXT];
};

static _Thread_local struct gfp_memo gfp_memos[MEMO_SLOTS];

/* Mixes the length, the last eight bytes and eight in the middle: where the texts differ. */
static struct gfp_memo *memo_slot(const char *s, size_t len)
{
	uint64_t tail = 0, mid = 0, hash;

	if (len >= 8) {
		memcpy(&tail, s + len - 8, 8);
		memcpy(&mid, s + (len - 8) / 2, 8);
	} else {
		memcpy(&tail, s, len);
	}
	hash = (tail ^ (mid << 1) ^ len) * 0x9e3779b97f4a7c15ull;
	return &gfp_memos[(hash >> 32) % MEMO_SLOTS];
}

static const struct gfp_name *find_in(const struct gfp_name *names, size_t nr, const char *s,
				      size_t len)
{
	for (size_t i = 0; i < nr; i++)
		if (names[i].len == len && memcmp(names[i].text, s, len) == 0)
			return &names[i];
	return NULL;
}

static bool parse_hex(const char *s, size_t len, gfp_t *out)
{
	gfp_t value = 0;

	/* Eight digits fill the type; more cannot be a flag set. */
	if (len < 3 || len > 10 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X'))
		return false;
	for (size_t i = 2; i < len; i++) {
		char c = s[i];
		gfp_t digit;

		if (c >= '0' && c <= '9')
			digit = (gfp_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (gfp_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (gfp_t)(c - 'A') + 10;
		else
			return false;
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

static bool parse_item(const char *s, size_t len, gfp_t *out)
{
	const struct gfp_name *name = find_in(gfp_names, NR_NAMES, s, len);

	if (!name)
		name = find_in(gfp_aliases, NR_ALIASES, s, len);
	if (!name)
		return parse_hex(s, len, out);
	*out = name->bits;
	return true;
}

bool gfp_parse(const char *s, size_t len, gfp_t *out)
{
	struct gfp_memo *memo = memo_slot(s, len);
	bool known = true;
	size_t start = 0;
	gfp_t bits = 0;

	if (memo->len == len && len && memcmp(memo->text, s, len) == 0) {
		*out = memo->bits;
		return true;
	}
	for (size_t i = 0; i <= len; i++) {
		gfp_t item;

		if (i < len && s[i] != '|')
			continue;
		if (parse_item(s + start, i - start, &item))
			bits |= item;
		else
			known = false;
		start = i + 1;
	}
	*out = bits;
	if (known && len <= MEMO_TEXT) {
		/* Keeps I2: only wholly known texts are remembered. */
		memcpy(memo->text, s, len);
		memo->len = (uint32_t)len;
		memo->bits = bits;
	}
	return known;
}

struct text_out {
	char *buf;
	size_t size;
	size_t len;
};

static void put_item(struct text_out *out, const char *text, size_t len)
{
	for (size_t i = 0; i <= len; i++) {
		/* A separator goes before every item but the first. */
		char c = i ? text[i - 1] : '|';

		if (i == 0 && out->len == 0)
			continue;
		if (out->len + 1 < out->size)
			out->buf[out->len] = c;
		out->len++;
	}
}

static void put_hex(struct text_out *out, gfp_t bits)
{
	char text[10] = "0x";
	size_t len = 2;
	int shift = 28;

	while (shift > 0 && !(bits >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		text[len++] = "0123456789abcdef"[bits >> shift & 15];
	put_item(out, text, len);
}

size_t gfp_format(gfp_t gfp, char *buf, size_t size)
{
	struct text_out out = { .buf = buf, .size = size };

	if (!gfp)
		put_item(&out, "none", 4);
	for (size_t i = 0; i < NR_NAMES && gfp; i++) {
		if ((gfp & gfp_names[i].bits) != gfp_names[i].bits)
			continue;
		put_item(&out, gfp_names[i].text, gfp_names[i].len);
		gfp &= ~gfp_names[i].bits;
	}
	if (gfp)
		put_hex(&out, gfp);
	if (size)
		buf[out.len < size ? out.len : size - 1] = '\0';
	return out.len;
}
