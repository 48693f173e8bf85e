/* SPDX-License-Identifier: MIT */
/*
 * Debug caches: each misuse of an object is caught where it shows, with the object's story; a
 * correct program passes under every combination of checks; leaks are reported.
 */
#include "tests/unit/slab_test.h"

#include "mm/slab/slab_impl.h"

static struct kmem_cache *cache(void)
{
	return kmem_cache_create("victim", 40, 0, 0, NULL);
}

static void double_free_body(void)
{
	struct kmem_cache *s = cache();
	void *obj = kmem_cache_alloc(s, GFP_KERNEL);

	kmem_cache_free(s, obj);
	kmem_cache_free(s, obj);
}

static void middle_body(void)
{
	struct kmem_cache *s = cache();
	char *obj = kmem_cache_alloc(s, GFP_KERNEL);

	kmem_cache_free(s, obj + 8);
}

static void foreign_body(void)
{
	struct kmem_cache *s = cache();
	struct page *page = alloc_page(GFP_KERNEL);

	kmem_cache_free(s, page_address(page));
}

static void outside_body(void)
{
	char on_stack[64];

	kmem_cache_free(cache(), on_stack);
}

static void wrong_cache_body(void)
{
	struct kmem_cache *s = cache(), *other = kmem_cache_create("other", 40, 0, 0, NULL);

	kmem_cache_free(other, kmem_cache_alloc(s, GFP_KERNEL));
}

static void overrun_body(void)
{
	struct kmem_cache *s = cache();
	char *obj = kmem_cache_alloc(s, GFP_KERNEL);

	obj[40] = 1;
	kmem_cache_free(s, obj);
}

static void underrun_body(void)
{
	struct kmem_cache *s = cache();
	char *obj = kmem_cache_alloc(s, GFP_KERNEL);

	obj[-1] = 1;
	kmem_cache_free(s, obj);
}

static void use_after_free_body(void)
{
	struct kmem_cache *s = cache();
	char *obj = kmem_cache_alloc(s, GFP_KERNEL);

	kmem_cache_free(s, obj);
	obj[13] = 1;
	obj = kmem_cache_alloc(s, GFP_KERNEL);
	kmem_cache_free(s, obj);
}

/* Found when the slab's pages go, though nobody allocates the object again. */
static void use_after_free_shrink_body(void)
{
	struct kmem_cache *s = cache();
	char *obj = kmem_cache_alloc(s, GFP_KERNEL);

	kmem_cache_free(s, obj);
	obj[39] = 1;
	kmem_cache_shrink(s);
}

static void test_misuse_is_caught(void **state)
{
	static const struct {
		void (*body)(void);
		const char *debug, *expected;
	} cases[] = {
		{ double_free_body, "F,victim", "freed twice" },
		{ double_free_body, "U,victim", "in double_free_body()" },
		{ middle_body, "F,victim", "it is not the start of an object" },
		{ foreign_body, "F,victim", "it lies in no slab" },
		{ outside_body, "F,victim", "it lies outside the simulated memory" },
		{ wrong_cache_body, "F", "it belongs to victim" },
		{ overrun_body, "Z,victim", "right red zone" },
		{ underrun_body, "Z,victim", "left red zone" },
		{ use_after_free_body, "P,victim", "written after it was freed" },
		{ use_after_free_body, "FZPU,victim", "generation 1" },
		{ use_after_free_shrink_body, "P,vic*", "written after it was freed" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		slab_test_dies((struct slab_test) { .body = cases[i].body,
						    .options.debug = cases[i].debug },
			       cases[i].expected);
}

/* Without debugging the free path still catches what corrupts the slabs. */
static void test_release_checks(void **state)
{
	(void)state;
	slab_test_dies((struct slab_test) { .body = double_free_body, .options.policy = "none" },
		       "freed twice");
	slab_test_dies((struct slab_test) { .body = wrong_cache_body, .options.policy = "none" },
		       "freed to a cache that it does not belong to");
	slab_test_dies((struct slab_test) { .body = foreign_body, .options.policy = "none" },
		       "it lies in no slab");
	assert_int_equal(SLAB_DEBUG_FLAGS & SLAB_HWCACHE_ALIGN, 0);
}

/* ---- no false alarm ---- */

static void constructor(void *obj)
{
	memset(obj, 0x11, 40);
}

static void correct_body(void)
{
	struct kmem_cache *s[3] = {
		cache(), kmem_cache_create("ctor", 40, 0, 0, constructor),
		kmem_cache_create("typesafe", 40, 0, SLAB_TYPESAFE_BY_RCU, NULL),
	};
	void *objs[200];

	for (unsigned int c = 0; c < ARRAY_SIZE(s); c++) {
		for (int round = 0; round < 5; round++) {
			for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++) {
				objs[i] = kmem_cache_alloc(s[c], GFP_KERNEL);
				if (c == 1)
					EXPECT(*(u8 *)objs[i] == 0x11);
				memset(objs[i], 0x11, 40);
			}
			for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
				kmem_cache_free(s[c], objs[i]);
			EXPECT(kmem_cache_is_valid(s[c]));
			kmem_cache_shrink(s[c]);
		}
		EXPECT(kmem_cache_destroy(s[c]) == 0);
	}
}

static void test_correct_programs_pass(void **state)
{
	static const char *const options[] = { "F", "Z", "P", "U", "FZ", "ZP", "FZPU", "", "-" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(options); i++)
		slab_test_run((struct slab_test) { .body = correct_body,
						   .options.debug = options[i] });
	assert_int_equal(ARRAY_SIZE(options), 9);
}

/* ---- leaks ---- */

static void leak_body(void)
{
	struct kmem_cache *s = cache();

	for (int i = 0; i < 20; i++)
		EXPECT(kmem_cache_alloc(s, GFP_KERNEL));
	EXPECT(kmalloc(100, GFP_KERNEL));
}

static void test_leaks_are_reported(void **state)
{
	struct slab_test t = { .body = leak_body, .may_leak = true, .options.debug = "U,victim" };
	char text[SLAB_TEXT_MAX];

	(void)state;
	assert_int_equal(slab_test_fork(&t, text), 0);
	assert_non_null(strstr(text, "slab: leak: 20 objects of victim are live at the end"));
	assert_non_null(strstr(text, "in leak_body()"));
	assert_non_null(strstr(text, "the first 16 are shown"));
	assert_non_null(strstr(text, "slab: leak: 1 objects of kmalloc-128"));

	slab_test_boot(&t);
	cpu_run(0, slab_test_body, &t);
	slab_test_shutdown(&t);
	assert_int_equal(t.leaked, 21);
}

/* ---- the trace ---- */

static void trace_body(void)
{
	struct kmem_cache *s = cache();

	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
}

static void test_trace(void **state)
{
	struct slab_test t = { .body = trace_body, .options.debug = "T,victim" };
	char text[SLAB_TEXT_MAX];

	(void)state;
	assert_int_equal(slab_test_fork(&t, text), 0);
	assert_non_null(strstr(text, "slab: TRACE victim alloc"));
	assert_non_null(strstr(text, "slab: TRACE victim free"));
}

/* ---- the option ---- */

static void test_option_is_parsed(void **state)
{
	struct mm_error err = { "" };
	static const struct { const char *text, *name; slab_flags_t flags; } cases[] = {
		{ "", "any", SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON |
		  SLAB_STORE_USER },
		{ "F", "any", SLAB_CONSISTENCY_CHECKS },
		{ "-", "any", 0 },
		{ "fz,dentry", "dentry", SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE },
		{ "fz,dentry", "dentry2", 0 },
		{ "fz,dent*", "dentry2", SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE },
		{ "P,a,b;U,c,d", "d", SLAB_STORE_USER },
		{ "P,a,b;U,c,d", "b", SLAB_POISON },
		{ "P,a,b;U", "other", SLAB_STORE_USER },
		{ ",kmalloc-*", "kmalloc-64", SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE |
		  SLAB_POISON | SLAB_STORE_USER },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(slab_debug_parse(cases[i].text, &err), 0);
		assert_int_equal(slab_debug_flags(cases[i].name), cases[i].flags);
	}
	assert_true(slab_debug_parse("FQ", &err) < 0);
	assert_string_equal(err.text, "slab_debug: 'Q' is no check; give letters of FZPUT, then "
			    ",cache names");
	assert_int_equal(slab_debug_parse(NULL, &err), 0);
	assert_int_equal(slab_debug_flags("any"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse_is_caught),
		cmocka_unit_test(test_release_checks),
		cmocka_unit_test(test_correct_programs_pass),
		cmocka_unit_test(test_leaks_are_reported),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_option_is_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
