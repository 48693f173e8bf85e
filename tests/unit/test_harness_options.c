/* SPDX-License-Identifier: MIT */
/* The stress binaries' command line: every option, every refusal with option and remedy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "stress/harness/options.h"

#define MAX_WORDS	64

/* Parses the blank-separated words of @line as a command line of "stress-x". */
static int parse(const char *line, struct stress_options *opt, struct mm_error *err)
{
	static char copy[512];
	char *argv[MAX_WORDS + 1] = { (char *)(uintptr_t)"stress-x" };
	int argc = 1;

	err->text[0] = '\0';
	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
		argv[argc++] = w;
	return stress_options_parse(opt, argc, argv, "Tests.", err);
}

static void test_defaults(void **state)
{
	struct stress_options opt;
	struct mm_error err;

	(void)state;
	assert_int_equal(parse("", &opt, &err), 0);
	assert_true(opt.cpus >= 1);
	assert_true(opt.seconds == 10);
	assert_int_equal(opt.ops, 0);
	assert_int_equal(opt.seed, 1);
	assert_int_equal(opt.mem_bytes, 256u << 20);
	assert_string_equal(opt.lock, "futex");
	assert_true(opt.oracle);
	assert_false(stress_options_fix_pcp(&opt));
}

static void test_every_option(void **state)
{
	struct stress_options opt;
	struct mm_error err;

	(void)state;
	assert_int_equal(parse("--cpus 8 --ops 1000 --seed 0x10 --mem 512M --nodes 2 "
			       "--layout x86_32 --lock fas --lockstat all --pcp linux-6.1 "
			       "--pcp-batch 31 --pcp-high 186 --pcp-high-fraction 8 "
			       "--pcp-scale-max 6 --irq-rate 1000 --irq-order 3 --irq safepoint "
			       "--hz 250 --hotplug 5 --irqs-off on --out r.json --json --quiet "
			       "--proc vmstat --proc=buddyinfo --oracle off", &opt, &err), 0);
	assert_int_equal(opt.cpus, 8);
	assert_int_equal(opt.ops, 1000);
	assert_true(opt.seconds == 0);
	assert_int_equal(opt.seed, 16);
	assert_int_equal(opt.mem_bytes, 512u << 20);
	assert_int_equal(opt.nodes, 2);
	assert_string_equal(opt.layout, "x86_32");
	assert_string_equal(opt.lock, "fas");
	assert_string_equal(opt.lockstat, "all");
	assert_string_equal(opt.pcp, "linux-6.1");
	assert_int_equal(opt.pcp_batch, 31);
	assert_int_equal(opt.pcp_high, 186);
	assert_int_equal(opt.pcp_high_fraction, 8);
	assert_int_equal(opt.pcp_scale_max, 6);
	assert_int_equal(opt.irq_rate, 1000);
	assert_int_equal(opt.irq_order, 3);
	assert_string_equal(opt.irq, "safepoint");
	assert_int_equal(opt.hz, 250);
	assert_int_equal(opt.hotplug, 5);
	assert_true(opt.irqs_off);
	assert_string_equal(opt.out, "r.json");
	assert_true(opt.json);
	assert_true(opt.quiet);
	assert_int_equal(opt.nr_proc, 2);
	assert_string_equal(opt.proc[1], "buddyinfo");
	assert_false(opt.oracle);
	assert_true(stress_options_fix_pcp(&opt));
}

/* A refusal names the option and says what would be right. */
static void test_refusals(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "--cpus 0", "--cpus: 0 is out of range; give 1..256" },
		{ "--cpus 257", "--cpus: 257 is out of range; give 1..256" },
		{ "--cpus four", "--cpus: \"four\" is not a number; give 1..256" },
		{ "--cpus -1", "--cpus: \"-1\" is not a number; give 1..256" },
		{ "--cpus", "--cpus: needs a value; give N" },
		{ "--json=yes", "--json: takes no value; leave it out" },
		{ "--ops 0", "--ops: 0 is out of range; give 1.." },
		{ "--seconds 0",
		  "--seconds: \"0\" is no time to run; give a number like 0.5 or 60" },
		{ "--seconds soon", "--seconds: \"soon\" is no time to run" },
		{ "--mem 1Q", "--mem: \"1Q\" is no size; give a size like 512M or 4G" },
		{ "--mem 99999999999T", "--mem: \"99999999999T\" is too much" },
		{ "--mem 1M", "--mem: 1M is too little; give at least 16M" },
		{ "--mem 16777217", "--mem: 16777217 is not a multiple of 4K" },
		{ "--mem 60T", "--mem: 60T is more than the host has; give at most" },
		{ "--mem 32M --cpus 64",
		  "--mem: 32M is too little for 64 CPUs; give at least 64M" },
		{ "--mem 32M --nodes 4", "--nodes: 4 nodes share 32M; give at least 16M for each" },
		{ "--nodes 9", "--nodes: 9 is out of range; give 1..8" },
		{ "--layout arm", "--layout: \"arm\" is unknown; choose x86_64 or x86_32" },
		{ "--lock spin",
		  "--lock: \"spin\" is unknown; choose futex, fas, ticket, mcs or pthread" },
		{ "--lock ticket --cpus 256", "--lock: ticket hands over to waiters" },
		{ "--lockstat some",
		  "--lockstat: \"some\" is unknown; choose off, default or all" },
		{ "--pcp linux", "--pcp: \"linux\" is unknown; choose none, fixed, linux-6.1" },
		{ "--pcp-high-fraction 7",
		  "--pcp-high-fraction: 7 is refused as by Linux; give 0 or" },
		{ "--pcp-batch 63 --pcp-high 10", "--pcp-high: 10 is less than --pcp-batch 63" },
		{ "--pcp-scale-max 7", "--pcp-scale-max: 7 is out of range; give 0..6" },
		{ "--hotplug 1 --cpus 1",
		  "--hotplug: the only CPU cannot go; give --cpus 2 or more" },
		{ "--inject ipi=3", "--inject: \"ipi=3\" is none of ipi-delay=US[/N], " },
		{ "--inject irq-storm=9", "--inject: irq-storm repeats device interrupts, and" },
		{ "--irq-rate 1000000", "--irq-rate: 1000000 is out of range; give 0..100000" },
		{ "--oracle maybe", "--oracle: \"maybe\" is unknown; choose on or off" },
		{ "--fast", "unknown option \"--fast\"; --help lists them" },
		{ "-x", "unknown option \"-x\"; --help lists them" },
		{ "--cpus 2 now", "unexpected argument \"now\"; --help lists the options" },
	};
	struct stress_options opt;
	struct mm_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].line, &opt, &err), -EINVAL);
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" says: %s", cases[i].line, err.text);
		assert_null(strchr(err.text, '\n'));
	}
}

/* The command that repeats a run leads to the same options. */
static void test_repro_round_trip(void **state)
{
	static const char *const lines[] = {
		"", "--ops 500 --seed 9 --cpus 3", "--seconds 0.5 --mem 96M --layout x86_32",
		"--lock fas --lockstat off --pcp fixed --pcp-batch 8 --pcp-high 64 --irq-rate 7",
		"--cpus 2 --irq safepoint --irq-order 0 --hz 100 --hotplug 3 --irqs-off on",
		"--irq-rate 9 --inject irq-storm=3,ipi-delay=20/4,lock-delay=1/1000000",
		"--nodes 2 --pcp-scale-max 0 --pcp-high-fraction 100 --oracle off",
	};
	struct stress_options a, b;
	struct mm_error err;
	char first[512], second[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(parse(lines[i], &a, &err), 0);
		stress_options_repro(&a, "stress-x", first, sizeof(first));
		assert_int_equal(parse(first + strlen("stress-x "), &b, &err), 0);
		stress_options_repro(&b, "stress-x", second, sizeof(second));
		assert_string_equal(first, second);
		assert_int_equal(a.ops, b.ops);
		assert_true(a.seconds == b.seconds);
		assert_int_equal(a.seed, b.seed);
		assert_int_equal(a.mem_bytes, b.mem_bytes);
		assert_memory_equal(&a.inject, &b.inject, sizeof(a.inject));
	}
}

static void test_machine_options(void **state)
{
	struct kmemlab_options machine;
	struct stress_options opt;
	struct mm_error err;

	(void)state;
	assert_int_equal(parse("--cpus 4 --mem 64M --nodes 2 --pcp none --pcp-high-fraction 9 "
			       "--seed 3", &opt, &err), 0);
	stress_options_machine(&opt, &machine);
	assert_int_equal(machine.cpu.nr_cpus, 4);
	assert_int_equal(machine.cpu.seed, 3);
	assert_int_equal(machine.mm.mem_bytes, 64u << 20);
	assert_int_equal(machine.mm.nr_nodes, 2);
	assert_int_equal(machine.mm.high_fraction, 9);
	assert_string_equal(machine.mm.pcp_policy, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_repro_round_trip),
		cmocka_unit_test(test_machine_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
