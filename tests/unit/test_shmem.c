/* SPDX-License-Identifier: MIT */
/* Shared anonymous objects: pages by index, references, growth of the tree, shortage of memory. */
#include "tests/unit/slab_test.h"

#include <errno.h>

#include "mm/vma/shmem.h"
#include "runtime/lib/rand.h"

#define SEED	0x73686d656dULL

static void up(void)
{
	EXPECT(shmem_boot() == 0);
}

static void down(void)
{
	EXPECT(nr_shmem_objects() == 0);
	shmem_shutdown();
}

static struct page *get(struct shmem_object *obj, unsigned long index)
{
	struct page *page = NULL;

	EXPECT(shmem_get_page(obj, index, &page) == 0);
	return page;
}

static unsigned long count, last;

static void count_page(unsigned long index, struct page *page, void *arg)
{
	EXPECT(page->index == index);
	EXPECT(page->mapping == arg);
	EXPECT(count == 0 || index > last);
	last = index;
	count++;
}

static unsigned long nr_in(struct shmem_object *obj)
{
	count = 0;
	shmem_for_each_page(obj, count_page, obj);
	return count;
}

/* The same page at every visit, zeroed at the first; a reference for each caller. */
static void body_pages(void)
{
	struct shmem_object *obj;
	struct page *a, *b, *c;

	up();
	obj = shmem_create(8);
	EXPECT(obj && shmem_nr_pages(obj) == 8 && shmem_id(obj) != 0);
	EXPECT(!shmem_find_page(obj, 3));
	a = get(obj, 3);
	EXPECT(page_count(a) == 2);
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		EXPECT(((char *)page_address(a))[i] == 0);
	b = get(obj, 3);
	EXPECT(a == b && page_count(a) == 3);
	EXPECT(shmem_find_page(obj, 3) == a && page_count(a) == 4);
	c = get(obj, 4);
	EXPECT(c != a && shmem_find_page(obj, 4) == c && page_count(c) == 3);
	EXPECT(shmem_get_page(obj, 8, &b) == -EFAULT);
	EXPECT(nr_in(obj) == 2);
	for (int i = 0; i < 3; i++)
		put_page(a);
	put_page(c);
	put_page(c);
	EXPECT(page_count(a) == 1 && page_count(c) == 1);
	shmem_get(obj);
	EXPECT(shmem_refcount(obj) == 2);
	shmem_put(obj);
	EXPECT(nr_shmem_objects() == 1);
	shmem_put(obj);
	down();
}

/* Any order of indices, from the smallest to the largest there is: each is found again. */
static void body_tree(void)
{
	static const unsigned long far[] = {
		0, 63, 64, 4095, 4096, 1UL << 24, (1UL << 30) + 5, 1UL << 42, ~0UL - 1,
	};
	struct page *pages[ARRAY_SIZE(far)];
	struct rand_state rng;

	up();
	for (unsigned int round = 0; round < 20; round++) {
		struct shmem_object *obj = shmem_create(~0UL);
		unsigned int first;

		rand_init(&rng, SEED, round);
		first = rand_below(&rng, ARRAY_SIZE(far));
		for (unsigned int i = 0; i < ARRAY_SIZE(far); i++) {
			unsigned int k = (first + i * 4) % ARRAY_SIZE(far);

			pages[k] = get(obj, far[k]);
		}
		EXPECT(nr_in(obj) == ARRAY_SIZE(far));
		for (unsigned int k = 0; k < ARRAY_SIZE(far); k++) {
			EXPECT(shmem_find_page(obj, far[k]) == pages[k]);
			EXPECT(pages[k]->index == far[k]);
			EXPECT(!shmem_find_page(obj, far[k] + (far[k] < ~0UL - 1 ? 2 : 1)));
			put_page(pages[k]);
			put_page(pages[k]);
		}
		shmem_put(obj);
	}
	down();
}

/* The n-th page or node is refused, for every n: nothing is lost, and the next try succeeds. */
static void refused(struct fault_attr *attr)
{
	u64 n, failed = 0;

	for (n = 1; fault_nth_arm(attr, n); n++) {
		struct shmem_object *obj = shmem_create(1UL << 40);
		struct page *page;
		int err;

		if (!obj) {
			failed++;
			continue;
		}
		for (unsigned int i = 0; i < 4; i++) {
			err = shmem_get_page(obj, i ? 1UL << (9 * i) : 0, &page);
			EXPECT(err == 0 || err == -ENOMEM);
			failed += err != 0;
			if (err)
				err = shmem_get_page(obj, i ? 1UL << (9 * i) : 0, &page);
			EXPECT(err == 0);
			put_page(page);
		}
		EXPECT(nr_in(obj) == 4);
		shmem_put(obj);
	}
	EXPECT(n > 4 && failed >= 4);
}

static void body_shortage(void)
{
	struct objcache_tunables none;

	objcache_tunables_preset(&none, OBJCACHE_NONE);
	up();
	slab_configure_all(&none);
	refused(failslab_attr());
	refused(fail_page_alloc_attr());
	down();
}

/* Several CPUs want the same pages at once: one page each, and all references counted. */
#define NR_SHARED	200u
static struct shmem_object *shared;

static void take_all(void *arg)
{
	struct rand_state rng;

	(void)arg;
	rand_init(&rng, SEED, smp_processor_id());
	for (unsigned int i = 0; i < 4 * NR_SHARED; i++) {
		unsigned long index = rand_below(&rng, NR_SHARED) * 37UL;
		struct page *page = get(shared, index);

		EXPECT(page->index == index);
		put_page(page);
	}
}

static void create_shared(void *arg)
{
	(void)arg;
	up();
	shared = shmem_create(1UL << 30);
}

static void drop_shared(void *arg)
{
	unsigned long nr = nr_in(shared);

	(void)arg;
	EXPECT(nr > NR_SHARED / 2 && nr <= NR_SHARED);
	shmem_put(shared);
	down();
}

static void test_race(void **state)
{
	struct slab_test t = { .nr_cpus = 4 };

	(void)state;
	slab_test_boot(&t);
	cpu_run(0, create_shared, NULL);
	cpu_run_all(take_all, NULL);
	cpu_run(1, drop_shared, NULL);
	slab_test_shutdown(&t);
}

static void test_pages(void **state)
{
	(void)state;
	slab_test_run((struct slab_test){ .body = body_pages });
}

static void test_tree(void **state)
{
	(void)state;
	slab_test_run((struct slab_test){ .body = body_tree });
}

static void test_shortage(void **state)
{
	(void)state;
	slab_test_run((struct slab_test){ .body = body_shortage });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages), cmocka_unit_test(test_tree),
		cmocka_unit_test(test_shortage), cmocka_unit_test(test_race),
	};

	print_message("seed %#llx\n", SEED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
