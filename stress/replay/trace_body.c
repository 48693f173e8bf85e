/* SPDX-License-Identifier: MIT */
/*
 * trace_body.c - the fields of each known event.
 *
 * What. Fields come in a fixed order as "key=value"; a later kernel appends, so text behind the
 *   last known field is ignored. Optional fields are tried, required ones complain.
 * States. None beyond the scan position.
 * Invariants. I1: a value is followed by a blank or the line end, else it is malformed; a number
 *   cut in half by damage is thus noticed unless the cut is the line end. I2: a side-table entry is
 *   added only after the whole line was understood.
 * Locking, Context. None.
 * Failure. One field is named; absurd values are told apart from malformed text.
 * See also. trace_line.c for the columns before the fields.
 */
#include "stress/replay/trace_body.h"

#include <string.h>

#include "stress/replay/trace_scan.h"
#include "stress/replay/trace_store.h"

static bool fail(struct trace_scan *s, const char *field)
{
	s->field = field;
	s->failure = SCAN_MALFORMED;
	return false;
}

static bool fail_range(struct trace_scan *s, const char *field, uint64_t value)
{
	s->field = field;
	s->value = value;
	s->failure = SCAN_RANGE;
	return false;
}

static bool fail_memory(struct trace_scan *s)
{
	s->field = "";
	s->failure = SCAN_NO_MEMORY;
	return false;
}

/* Keeps I1, and steps over the blank. */
static bool end_value(struct trace_scan *s, const char *p)
{
	if (*p && *p != ' ')
		return false;
	s->p = skip_spaces(p);
	return true;
}

static inline bool field_dec(struct trace_scan *s, const char *key, uint64_t max, uint64_t *value)
{
	const char *p = s->p;

	if (!scan_lit(&p, key) || !scan_dec(&p, value) || !end_value(s, p))
		return fail(s, key);
	return *value <= max || fail_range(s, key, *value);
}

static inline bool field_small(struct trace_scan *s, const char *key, uint64_t max, uint8_t *value)
{
	uint64_t v;

	if (!field_dec(s, key, max, &v))
		return false;
	*value = (uint8_t)v;
	return true;
}

/* A pointer as %p prints it: hexadecimal, hashed or real, with or without 0x; or "(null)". */
static bool scan_pointer(const char **pp, uint64_t *value)
{
	if (scan_lit(pp, "(nil)") || scan_lit(pp, "(null)")) {
		*value = 0;
		return true;
	}
	(void)scan_lit(pp, "0x");
	return scan_hex(pp, value);
}

static inline bool field_pointer(struct trace_scan *s, const char *key, uint64_t *value)
{
	const char *p = s->p;

	if (!scan_lit(&p, key) || !scan_pointer(&p, value) || !end_value(s, p))
		return fail(s, key);
	return true;
}

/* Text up to " @next", which may hold blanks (a symbol with its module), or up to a blank. */
static bool field_text(struct trace_scan *s, const char *key, const char *next, const char **text,
		       size_t *len)
{
	const char *p = s->p, *end;

	if (!scan_lit(&p, key))
		return fail(s, key);
	end = next ? strstr(p, next) : skip_token(p);
	if (!end || end == p)
		return fail(s, key);
	*text = p;
	*len = (size_t)(end - p);
	s->p = skip_spaces(end);
	return true;
}

static bool looks_like_flags(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(s[i] >= 'A' && s[i] <= 'Z') && !is_digit(s[i]) && s[i] != '_' && s[i] != '|')
			return false;
	return memcmp(s, "GFP_", 4) == 0 || memcmp(s, "__GFP_", 6) == 0;
}

/* A flag name of another kernel is counted and left out; anything else is damage. */
static bool field_gfp(struct trace_scan *s, struct trace *t, gfp_t *gfp)
{
	const char *text;
	size_t len;

	if (!field_text(s, "gfp_flags=", NULL, &text, &len))
		return false;
	if (gfp_parse(text, len, gfp))
		return true;
	if (!looks_like_flags(text, len))
		return fail(s, "gfp_flags=");
	t->nr_unknown_gfp++;
	return true;
}

/* "page=HASH pfn=0xHEX": the page is a hash (ftrace) or the pfn again (perf), so pfn is the key. */
static bool field_pfn(struct trace_scan *s, enum trace_type type, struct trace_event *ev)
{
	const char *p = s->p;
	uint64_t pfn;

	if (!scan_lit(&p, "page="))
		return fail(s, "page=");
	p = skip_spaces(skip_token(p));
	if (!scan_lit(&p, "pfn="))
		return fail(s, "pfn=");
	/* Older kernels print the number in decimal. */
	if (!(scan_lit(&p, "0x") ? scan_hex(&p, &pfn) : scan_dec(&p, &pfn)) || !end_value(s, p))
		return fail(s, "pfn=");
	if (type == TRACE_PAGE_ALLOC && (pfn == 0 || pfn == UINT64_MAX))
		pfn = TRACE_PFN_NONE;
	else if (pfn >= TRACE_PFN_NONE)
		return fail_range(s, "pfn=", pfn);
	ev->pfn = pfn & TRACE_PFN_NONE;
	return true;
}

static bool parse_extfrag(struct trace *t, struct trace_event *ev, struct trace_scan *s)
{
	struct trace_extfrag_event side, *array;
	uint8_t fragmenting, change;

	if (!field_small(s, "alloc_order=", TRACE_ORDER_MAX, &side.alloc_order) ||
	    !field_small(s, "fallback_order=", TRACE_ORDER_MAX, &side.fallback_order) ||
	    !field_small(s, "pageblock_order=", TRACE_ORDER_MAX, &side.block_order) ||
	    !field_small(s, "alloc_migratetype=", TRACE_MIGRATETYPE_MAX, &side.alloc_migratetype) ||
	    !field_small(s, "fallback_migratetype=", TRACE_MIGRATETYPE_MAX,
			 &side.fallback_migratetype) ||
	    !field_small(s, "fragmenting=", 1, &fragmenting) ||
	    !field_small(s, "change_ownership=", 1, &change))
		return false;
	side.fragmenting = fragmenting != 0;
	side.change_ownership = change != 0;
	array = trace_grow(t->extfrag, &t->cap_extfrag, t->nr_extfrag, sizeof(*array));
	if (!array)
		return fail_memory(s);
	t->extfrag = array;
	ev->order = side.alloc_order & 0xfu;
	ev->migratetype = side.alloc_migratetype & 7u;
	ev->side = t->nr_extfrag;
	t->extfrag[t->nr_extfrag++] = side;
	return true;
}

static bool parse_page(struct trace *t, enum trace_type type, struct trace_event *ev,
		       struct trace_scan *s)
{
	uint64_t order, migratetype = TRACE_MIGRATETYPE_NONE, refill;

	if (!field_pfn(s, type, ev))
		return false;
	if (type == TRACE_PAGE_EXTFRAG)
		return parse_extfrag(t, ev, s);
	if (!field_dec(s, "order=", TRACE_ORDER_MAX, &order))
		return false;
	ev->order = order & 0xf;
	if (type != TRACE_PAGE_FREE && type != TRACE_PAGE_FREE_BATCHED &&
	    !field_dec(s, "migratetype=", TRACE_MIGRATETYPE_MAX, &migratetype))
		return false;
	ev->migratetype = migratetype & 7;
	if (type == TRACE_PAGE_ALLOC)
		return field_gfp(s, t, &ev->gfp);
	if (type == TRACE_PAGE_ZONE_LOCKED) {
		if (!field_dec(s, "percpu_refill=", 1, &refill))
			return false;
		if (refill)
			ev->flags |= TRACE_F_PERCPU_REFILL;
	}
	return true;
}

static bool intern(struct trace *t, struct trace_scan *s, const char *text, size_t len,
		   uint32_t *id)
{
	*id = trace_strings_add(&t->strings, text, len);
	return *id != TRACE_STR_FAIL || fail_memory(s);
}

/* bytes_req= ... accounted=; the last two are missing in older kernels. */
static bool parse_slab_sizes(struct trace *t, struct trace_slab_event *side, struct trace_scan *s)
{
	uint64_t req, alloc;
	int64_t node;
	const char *p;

	if (!field_dec(s, "bytes_req=", UINT32_MAX, &req) ||
	    !field_dec(s, "bytes_alloc=", UINT32_MAX, &alloc) || !field_gfp(s, t, &side->gfp))
		return false;
	side->bytes_req = (uint32_t)req;
	side->bytes_alloc = (uint32_t)alloc;
	p = s->p;
	if (scan_lit(&p, "node=")) {
		if (!scan_signed(&p, &node) || !end_value(s, p))
			return fail(s, "node=");
		if (node < TRACE_NODE_NONE || node > INT16_MAX)
			return fail_range(s, "node=", (uint64_t)node);
		side->node = (int16_t)node;
	}
	p = s->p;
	side->accounted = scan_lit(&p, "accounted=true") && end_value(s, p);
	return true;
}

static bool parse_slab(struct trace *t, enum trace_type type, struct trace_event *ev,
		       struct trace_scan *s)
{
	bool is_alloc = type == TRACE_KMALLOC || type == TRACE_CACHE_ALLOC;
	bool has_name = type == TRACE_CACHE_ALLOC || type == TRACE_CACHE_FREE;
	struct trace_slab_event side = { .node = TRACE_NODE_NONE }, *array;
	const char *site, *name = "", *p;
	size_t site_len, name_len = 0;

	if (!field_text(s, "call_site=", " ptr=", &site, &site_len) ||
	    !field_pointer(s, "ptr=", &side.ptr))
		return false;
	p = s->p;
	/* Allocations print no name before 6.18; old kernels print none for frees either. */
	if (has_name && scan_lit(&p, "name=")) {
		name = p;
		p = is_alloc ? strstr(p, " bytes_req=") : p + strlen(p);
		if (!p || p == name)
			return fail(s, "name=");
		name_len = (size_t)(p - name);
		s->p = skip_spaces(p);
	}
	if (is_alloc && !parse_slab_sizes(t, &side, s))
		return false;
	if (!intern(t, s, site, site_len, &side.call_site) ||
	    !intern(t, s, name, name_len, &side.cache))
		return false;
	array = trace_grow(t->slab, &t->cap_slab, t->nr_slab, sizeof(*array));
	if (!array)
		return fail_memory(s);
	t->slab = array;
	ev->side = t->nr_slab;
	t->slab[t->nr_slab++] = side;
	return true;
}

/* "pages:-1 reason:flush on task switch (0)": the number in brackets is the reason's key. */
static bool parse_tlb(struct trace *t, struct trace_event *ev, struct trace_scan *s)
{
	struct trace_tlb_event side, *array;
	const char *p = s->p;
	uint64_t reason;

	if (!scan_lit(&p, "pages:") || !scan_signed(&p, &side.pages) || !end_value(s, p))
		return fail(s, "pages:");
	p = strrchr(s->p, '(');
	if (strncmp(s->p, "reason:", 7) != 0 || !p || !scan_lit(&p, "(") ||
	    !scan_dec(&p, &reason) || *p != ')')
		return fail(s, "reason:");
	if (reason > UINT8_MAX)
		return fail_range(s, "reason:", reason);
	side.reason = (uint8_t)reason;
	array = trace_grow(t->tlb, &t->cap_tlb, t->nr_tlb, sizeof(*array));
	if (!array)
		return fail_memory(s);
	t->tlb = array;
	ev->side = t->nr_tlb;
	t->tlb[t->nr_tlb++] = side;
	return true;
}

/* "SPIN|READ": a word that is not known here adds nothing. */
static uint8_t scan_lcb_flags(const char *p)
{
	static const struct { const char *text; uint8_t bit; } words[] = {
		{ "SPIN", TRACE_LCB_SPIN }, { "READ", TRACE_LCB_READ },
		{ "WRITE", TRACE_LCB_WRITE }, { "RT", TRACE_LCB_RT },
		{ "PERCPU", TRACE_LCB_PERCPU }, { "MUTEX", TRACE_LCB_MUTEX },
	};
	uint8_t flags = 0;

	while (*p && *p != ')') {
		size_t len = strcspn(p, "|)");

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strlen(words[i].text) == len && memcmp(p, words[i].text, len) == 0)
				flags |= words[i].bit;
		p += len;
		p += *p == '|';
	}
	return flags;
}

/* "ADDRESS (flags=SPIN)" or "ADDRESS (ret=0)". */
static bool parse_contention(struct trace *t, enum trace_type type, struct trace_event *ev,
			     struct trace_scan *s)
{
	struct trace_contention_event side = { 0 }, *array;
	const char *p = s->p;
	int64_t ret;

	if (!scan_pointer(&p, &side.lock) || !end_value(s, p))
		return fail(s, "lock address");
	p = s->p;
	if (type == TRACE_CONTENTION_BEGIN) {
		if (!scan_lit(&p, "(flags=") || !strchr(p, ')'))
			return fail(s, "(flags=");
		side.flags = scan_lcb_flags(p);
	} else {
		if (!scan_lit(&p, "(ret=") || !scan_signed(&p, &ret) || *p != ')')
			return fail(s, "(ret=");
		if (ret < INT32_MIN || ret > INT32_MAX)
			return fail_range(s, "(ret=", (uint64_t)ret);
		side.ret = (int32_t)ret;
	}
	array = trace_grow(t->contention, &t->cap_contention, t->nr_contention, sizeof(*array));
	if (!array)
		return fail_memory(s);
	t->contention = array;
	ev->side = t->nr_contention;
	t->contention[t->nr_contention++] = side;
	return true;
}

static bool same(const char *name, const char *known, size_t len)
{
	return memcmp(name, known, len) == 0;
}

int trace_type_of(const char *name, size_t len)
{
	switch (len) {
	case 5:
		return same(name, "kfree", len) ? TRACE_KFREE : -1;
	case 7:
		return same(name, "kmalloc", len) ? TRACE_KMALLOC : -1;
	case 9:
		return same(name, "tlb_flush", len) ? TRACE_TLB_FLUSH : -1;
	case 12:
		if (same(name, "mm_page_free", len))
			return TRACE_PAGE_FREE;
		return same(name, "kmalloc_node", len) ? TRACE_KMALLOC : -1;
	case 13:
		return same(name, "mm_page_alloc", len) ? TRACE_PAGE_ALLOC : -1;
	case 14:
		return same(name, "contention_end", len) ? TRACE_CONTENTION_END : -1;
	case 15:
		return same(name, "kmem_cache_free", len) ? TRACE_CACHE_FREE : -1;
	case 16:
		if (same(name, "kmem_cache_alloc", len))
			return TRACE_CACHE_ALLOC;
		return same(name, "contention_begin", len) ? TRACE_CONTENTION_BEGIN : -1;
	case 18:
		return same(name, "mm_page_pcpu_drain", len) ? TRACE_PAGE_PCPU_DRAIN : -1;
	case 20:
		return same(name, "mm_page_free_batched", len) ? TRACE_PAGE_FREE_BATCHED : -1;
	case 21:
		if (same(name, "mm_page_alloc_extfrag", len))
			return TRACE_PAGE_EXTFRAG;
		return same(name, "kmem_cache_alloc_node", len) ? TRACE_CACHE_ALLOC : -1;
	case 25:
		return same(name, "mm_page_alloc_zone_locked", len) ? TRACE_PAGE_ZONE_LOCKED : -1;
	default:
		return -1;
	}
}

bool trace_body_parse(struct trace *trace, enum trace_type type, struct trace_event *ev,
		      struct trace_scan *scan)
{
	switch (type) {
	case TRACE_KMALLOC:
	case TRACE_KFREE:
	case TRACE_CACHE_ALLOC:
	case TRACE_CACHE_FREE:
		return parse_slab(trace, type, ev, scan);
	case TRACE_TLB_FLUSH:
		return parse_tlb(trace, ev, scan);
	case TRACE_CONTENTION_BEGIN:
	case TRACE_CONTENTION_END:
		return parse_contention(trace, type, ev, scan);
	default:
		return parse_page(trace, type, ev, scan);
	}
}
