/* SPDX-License-Identifier: MIT */
/*
 * test_trace_dat.c - trace.dat: the same events as the kernel's own text, and damaged files.
 *
 * trace.dat, trace-v6.dat.xz (the older version of the format) and trace-dat.txt.xz are one
 * recording of page, slab, TLB, lock and scheduler events, read out of one buffer.
 */
#include "tests/unit/test_trace_data.h"

#include "runtime/lib/rand.h"
#include "stress/replay/trace_dat.h"
#include "stress/replay/trace_load.h"

#define SEED	0x6461746aull
#define EVENTS	8522	/* in each of the two files */
#define CUTS	25
#define FLIPS	20

static const char *const binaries[] = { "trace.dat", "trace-v6.dat.xz" };
static const char damaged[] = "libtracecmd cannot read this trace.dat, which is damaged or cut "
			      "short; copy or record it again";

static void need_library(void)
{
	if (!KMEMLAB_HAVE_TRACECMD) {
		print_message("built without libtracecmd: trace.dat is refused, not read\n");
		skip();
	}
}

static void same_slab(const struct trace *a, const struct trace_event *x, const struct trace *b,
		      const struct trace_event *y)
{
	const struct trace_slab_event *p = &a->slab[x->side], *q = &b->slab[y->side];

	/* Pointers are hashed in text, call sites are symbols there and addresses here. */
	assert_int_equal(p->bytes_req, q->bytes_req);
	assert_int_equal(p->bytes_alloc, q->bytes_alloc);
	assert_int_equal(p->gfp, q->gfp);
	assert_int_equal(p->node, q->node);
	assert_int_equal(p->accounted, q->accounted);
	assert_string_equal(trace_strings_get(&a->strings, p->cache),
			    trace_strings_get(&b->strings, q->cache));
}

static void same_event(const struct trace *a, const struct trace *b, uint64_t i)
{
	const struct trace_event *x = &a->events[i], *y = &b->events[i];

	assert_int_equal(x->type, y->type);
	assert_int_equal(x->cpu, y->cpu);
	assert_int_equal(x->flags, y->flags);
	assert_int_equal(x->migratetype, y->migratetype);
	assert_int_equal(x->order, y->order);
	assert_int_equal(a->tasks[x->task].pid, b->tasks[y->task].pid);
	/* The text rounds to microseconds. */
	assert_in_range(x->time_ns + 1000, y->time_ns, y->time_ns + 2000);
	if (x->type <= TRACE_PAGE_EXTFRAG)
		assert_int_equal(x->pfn, y->pfn);
	if (x->type == TRACE_PAGE_ALLOC)
		assert_int_equal(x->gfp, y->gfp);
	else if (x->type >= TRACE_KMALLOC && x->type <= TRACE_CACHE_FREE)
		same_slab(a, x, b, y);
	else if (x->type == TRACE_TLB_FLUSH)
		assert_int_equal(a->tlb[x->side].pages, b->tlb[y->side].pages);
}

static void test_same_as_text(void **state)
{
	struct trace_error err = { "" };
	char text_path[4096];
	struct trace text, dat;

	(void)state;
	need_library();
	snprintf(text_path, sizeof(text_path), "%s", data_path("trace-dat.txt.xz"));
	assert_int_equal(trace_load(text_path, &text, &err), 0);
	for (size_t f = 0; f < sizeof(binaries) / sizeof(binaries[0]); f++) {
		assert_int_equal(trace_load(data_path(binaries[f]), &dat, &err), 0);
		assert_string_equal(err.text, "");
		assert_int_equal(dat.format, TRACE_FORMAT_DAT);
		assert_true(dat.has_irq_flags);
		assert_int_equal(dat.nr_cpus, text.nr_cpus);
		assert_int_equal(dat.nr_unknown, text.nr_unknown);
		assert_int_equal(dat.nr_events, EVENTS);
		assert_int_equal(text.nr_events, EVENTS);
		for (uint64_t i = 0; i < dat.nr_events; i++)
			same_event(&dat, &text, i);
		print_message("%s: %llu events as in the text\n", binaries[f],
			      (unsigned long long)dat.nr_events);
		trace_destroy(&dat);
	}
	trace_destroy(&text);
}

/* Every outcome is a trace of @least events at least or one error text. Returns 1 for a trace. */
static int try_one(const char *data, size_t size, uint64_t least)
{
	struct trace_error err = { "" };
	struct trace t;
	int ret = trace_load_mem(data, size, "f.dat", &t, &err);

	if (ret < 0) {
		assert_true(strncmp(err.text, "f.dat:", 6) == 0);
		assert_non_null(strstr(err.text, "; "));
		assert_null(strchr(err.text, '\n'));
		return 0;
	}
	assert_string_equal(err.text, "");
	assert_in_range(t.nr_events, least, EVENTS);
	trace_destroy(&t);
	return 1;
}

/* The bytes of a sample, decompressed. */
static struct blob unpacked(const char *name)
{
	struct trace_error err = { "" };
	struct trace_input *in = trace_input_open(data_path(name), &err);
	FILE *file = tmpfile();
	struct blob blob = { 0 };

	assert_non_null(in);
	assert_non_null(file);
	assert_int_equal(trace_input_copy(in, fileno(file), &err), 0);
	trace_input_close(in);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	blob.size = (size_t)ftell(file);
	rewind(file);
	blob.data = malloc(blob.size + 1);
	assert_non_null(blob.data);
	assert_int_equal(fread(blob.data, 1, blob.size, file), blob.size);
	fclose(file);
	return blob;
}

static void test_cut_short(void **state)
{
	(void)state;
	need_library();
	for (size_t f = 0; f < sizeof(binaries) / sizeof(binaries[0]); f++) {
		struct blob blob = unpacked(binaries[f]);
		int accepted = 0;

		for (size_t n = 0; n < CUTS; n++)
			accepted += try_one(blob.data, blob.size * n / CUTS, EVENTS);
		assert_int_equal(accepted, 0);
		/* The last section has names only: what ends in it may stand, with all events. */
		for (size_t cut = 1; cut < 400; cut += 57)
			accepted += try_one(blob.data, blob.size - cut, EVENTS);
		print_message("%s: %d cuts behind the last event accepted\n", binaries[f],
			      accepted);
		free(blob.data);
	}
}

static void test_damaged(void **state)
{
	struct rand_state rng;

	(void)state;
	need_library();
	print_message("seed %#llx\n", SEED);
	rand_init(&rng, SEED, 0);
	for (size_t f = 0; f < sizeof(binaries) / sizeof(binaries[0]); f++) {
		struct blob blob = unpacked(binaries[f]);
		int accepted = 0;

		for (int n = 0; n < FLIPS; n++) {
			size_t at = (size_t)rand_below(&rng, (uint32_t)blob.size);
			char was = blob.data[at];

			blob.data[at] = (char)(was ^ (1 << (n % 8)));
			accepted += try_one(blob.data, blob.size, 1);
			blob.data[at] = was;
		}
		print_message("%s: %d of %d flips accepted\n", binaries[f], accepted, FLIPS);
		free(blob.data);
	}
}

static void test_one_sentence(void **state)
{
	struct blob blob = read_data("trace.dat");
	struct trace_error err = { "" };
	struct trace t;

	(void)state;
	need_library();
	assert_true(trace_load_mem(blob.data, 20000, "f.dat", &t, &err) < 0);
	assert_non_null(strstr(err.text, damaged));
	assert_true(trace_load_mem(blob.data, 12, "f.dat", &t, &err) < 0);
	assert_non_null(strstr(err.text, damaged));
	assert_true(trace_load_mem(blob.data, 0, "f.dat", &t, &err) < 0);
	assert_non_null(strstr(err.text, "the file is empty"));
	free(blob.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_text),
		cmocka_unit_test(test_one_sentence),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
