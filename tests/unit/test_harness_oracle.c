/* SPDX-License-Identifier: MIT */
/* The ownership oracle: silent when all is well, and one test for each thing that it must see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/machine.h"
#include "mm/page/page_alloc.h"
#include "stress/harness/oracle.h"

static char findings[4096];
static unsigned int nr_findings;

static void note(const char *text)
{
	nr_findings++;
	if (strlen(findings) + strlen(text) + 2 < sizeof(findings)) {
		strcat(findings, text);
		strcat(findings, "\n");
	}
}

static void forget(void)
{
	findings[0] = '\0';
	nr_findings = 0;
}

static int boot(void **state)
{
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 2, .seed = 1, .no_pin = true },
		.mm = { .mem_bytes = 32 << 20, .no_memmap = true },
	};

	(void)state;
	if (kmemlab_boot(&opt, NULL) || oracle_boot(true))
		return -1;
	oracle_set_report(note);
	forget();
	return 0;
}

static int shut_down(void **state)
{
	(void)state;
	oracle_set_report(NULL);
	oracle_shutdown();
	kmemlab_shutdown();
	return 0;
}

/* Runs @fn on CPU @cpu. */
static void on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	cpu_run(cpu, fn, arg);
}

struct one {
	struct page *page;
	oracle_ticket_t ticket;
	unsigned int order;
};

static void take(void *arg)
{
	struct one *b = arg;

	b->page = alloc_pages(GFP_KERNEL, b->order);
	if (b->page)
		b->ticket = oracle_alloc(b->page, GFP_KERNEL, b->order, 7);
}

static void give(void *arg)
{
	struct one *b = arg;

	oracle_free(b->page, b->order, b->ticket, 8);
	__free_pages(b->page, b->order);
}

static void test_silent_when_right(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
		struct one b = { .order = order };

		on_cpu(0, take, &b);
		assert_non_null(b.page);
		assert_int_equal(oracle_pages(), 1L << order);
		/* Another CPU frees it, with the ticket. */
		on_cpu(1, give, &b);
		assert_int_equal(oracle_pages(), 0);
	}
	assert_int_equal(nr_findings, 0);
}

static void record_again(void *arg)
{
	struct one *b = arg;

	(void)oracle_alloc(b->page, GFP_KERNEL, b->order, 99);
}

static void test_two_owners(void **state)
{
	struct one b = { .order = 1 };

	(void)state;
	on_cpu(0, take, &b);
	on_cpu(1, record_again, &b);
	assert_int_equal(nr_findings, 2);	/* both frames */
	assert_non_null(strstr(findings, "handed out while somebody owns it (I1)"));
	/* Both histories. */
	assert_non_null(strstr(findings, "now: allocated by cpu 1, operation 99"));
	assert_non_null(strstr(findings, "on record: allocated by cpu 0, operation 7"));
}

static void record_free(void *arg)
{
	struct one *b = arg;

	oracle_free(b->page, b->order, b->ticket, 8);
}

static void test_freed_twice(void **state)
{
	struct one b = { .order = 0 };

	(void)state;
	on_cpu(0, take, &b);
	on_cpu(0, record_free, &b);
	assert_int_equal(nr_findings, 0);
	on_cpu(1, record_free, &b);
	assert_non_null(strstr(findings, "freed twice (I2)"));
	assert_non_null(strstr(findings, "on record: freed by cpu 0, operation 8"));
}

static void test_wrong_ticket(void **state)
{
	struct one a = { .order = 0 }, b = { .order = 0 };

	(void)state;
	on_cpu(0, take, &a);
	on_cpu(1, take, &b);
	a.ticket = b.ticket;
	on_cpu(1, record_free, &a);
	assert_non_null(strstr(findings, "freed by who does not own it (I2)"));
}

static void test_wrong_order(void **state)
{
	struct one b = { .order = 2 };

	(void)state;
	on_cpu(0, take, &b);
	b.order = 1;
	on_cpu(0, record_free, &b);
	assert_int_equal(nr_findings, 1);
	assert_non_null(strstr(findings, "freed with another order"));
}

static void test_changed_hands(void **state)
{
	struct one b = { .order = 0 };

	(void)state;
	on_cpu(0, take, &b);
	/* What the allocator does when it thinks that the page is its own. */
	b.page->generation++;
	on_cpu(0, record_free, &b);
	assert_non_null(strstr(findings, "changed hands while it was owned (I3)"));
}

static void take_stamped(void *arg)
{
	struct one *b = arg;

	b->page = alloc_pages(GFP_KERNEL, b->order);
	if (b->page)
		b->ticket = oracle_alloc(b->page, GFP_KERNEL, b->order, 0);
}

/* Operation 0 is stamped in every build. */
static void check_overwrite(size_t offset)
{
	struct one b = { .order = 1 };
	char *bytes;

	forget();
	on_cpu(0, take_stamped, &b);
	assert_non_null(b.page);
	bytes = page_address(b.page);
	bytes[offset] = (char)~bytes[offset];
	on_cpu(0, record_free, &b);
	assert_non_null(strstr(findings, "its contents changed under the owner's hands (I4)"));
}

static void test_stamps(void **state)
{
	(void)state;
	check_overwrite(0);
	check_overwrite(7);
	check_overwrite((PAGE_SIZE << 1) - 8);
	check_overwrite((PAGE_SIZE << 1) - 1);
}

static void take_dirty(void *arg)
{
	struct one *b = arg;

	b->page = alloc_pages(GFP_KERNEL, 0);
	if (!b->page)
		return;
	memset(page_address(b->page), 0xa5, PAGE_SIZE);
	b->ticket = oracle_alloc(b->page, GFP_KERNEL | __GFP_ZERO, 0, 0);
}

static void test_zero_is_checked(void **state)
{
	struct one b = { .order = 0 };

	(void)state;
	on_cpu(0, take_dirty, &b);
	assert_non_null(strstr(findings, "asked for with __GFP_ZERO is not zero"));
}

static void record_odd(void *arg)
{
	struct one *b = arg;

	b->page++;
	b->ticket = oracle_alloc(b->page, GFP_KERNEL, 1, 0);
}

static void test_misaligned(void **state)
{
	struct one b = { .order = 2 };

	(void)state;
	on_cpu(0, take, &b);
	forget();
	on_cpu(0, record_odd, &b);
	assert_non_null(strstr(findings, "not aligned to its size"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_silent_when_right, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_two_owners, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_freed_twice, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_wrong_ticket, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_wrong_order, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_changed_hands, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_stamps, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_zero_is_checked, boot, shut_down),
		cmocka_unit_test_setup_teardown(test_misaligned, boot, shut_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
