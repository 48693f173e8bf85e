/* SPDX-License-Identifier: MIT */
/* __GFP_NO_GROW: a slab cache gives what it has and takes no page for it. */
#include "mm/slab/slab.h"
#include "tests/unit/slab_test.h"

#define OBJECTS		4096

static void *objs[OBJECTS];

static unsigned long pages_of(struct kmem_cache *s)
{
	struct kmem_cache_stats st;

	kmem_cache_stats(s, &st);
	return (unsigned long)st.pages;
}

static void no_grow_body(void)
{
	struct kmem_cache *s = kmem_cache_create("no-grow", 256, 0, 0, NULL);
	unsigned int nr = 0;
	unsigned long pages;

	/* An empty cache stays empty. */
	EXPECT(!kmem_cache_alloc(s, GFP_KERNEL | __GFP_NO_GROW));
	EXPECT(!kmem_cache_alloc(s, GFP_ATOMIC | __GFP_NO_GROW));
	EXPECT(pages_of(s) == 0);
	objs[nr++] = kmem_cache_alloc(s, GFP_KERNEL);
	EXPECT(objs[0]);
	pages = pages_of(s);
	EXPECT(pages > 0);
	/* The rest of what it has, and nothing more. */
	while ((objs[nr] = kmem_cache_alloc(s, GFP_KERNEL | __GFP_NO_GROW)))
		EXPECT(++nr < OBJECTS);
	EXPECT(nr == pages * PAGE_SIZE / 256);
	EXPECT(pages_of(s) == pages);
	objs[nr] = kmem_cache_alloc(s, GFP_KERNEL);
	EXPECT(objs[nr++]);
	EXPECT(pages_of(s) > pages);
	while (nr)
		kmem_cache_free(s, objs[--nr]);
	EXPECT(kmem_cache_destroy(s) == 0);
}

static void test_no_grow(void **state)
{
	(void)state;
	slab_test_run((struct slab_test) { .body = no_grow_body });
	slab_test_run((struct slab_test) { .body = no_grow_body, .options.policy = "sheaves" });
	slab_test_run((struct slab_test) { .body = no_grow_body, .options.policy = "none" });
	/* What every test above relies on. */
	assert_int_equal(warnings_seen(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
