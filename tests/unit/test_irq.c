/* SPDX-License-Identifier: MIT */
/* Interrupts: softirqs, tasklets, generators, signals, stacks, the tracer and the /proc texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/hotplug.h"
#include "runtime/ipi.h"
#include "runtime/irqgen.h"
#include "runtime/procirq.h"
#include "runtime/tasklet.h"

#define VECTOR	IRQ_FIRST_DEVICE

static void boot(const struct machine_options *more)
{
	struct machine_options opt = *more;

	opt.nr_nodes = 1;
	opt.seed = 1;
	assert_int_equal(machine_boot(&opt), 0);
	assert_int_equal(machine_start_cpus(), 0);
}

/* ---- softirqs and tasklets ---- */

static unsigned int softirq_runs, endless_runs;

static void count_softirq(void)
{
	assert_true(in_serving_softirq());
	assert_false(irqs_disabled());
	softirq_runs++;
}

static void endless_softirq(void)
{
	endless_runs++;
	raise_softirq(SOFTIRQ_TIMER);
}

static void raise_from_task(void *arg)
{
	(void)arg;
	softirq_runs = 0;
	raise_softirq(SOFTIRQ_NET);		/* its own end is a safepoint */
	irq_safepoint();
	assert_int_equal(softirq_runs, 1);

	local_bh_disable();
	raise_softirq(SOFTIRQ_NET);
	irq_safepoint();
	assert_int_equal(softirq_runs, 1);	/* not while they are off */
	local_bh_enable();
	assert_int_equal(softirq_runs, 2);

	local_irq_disable();
	raise_softirq(SOFTIRQ_NET);
	assert_int_equal(softirq_runs, 2);
	local_irq_enable();
	assert_int_equal(softirq_runs, 3);

	/* One that raises itself does not keep the task from its work. */
	endless_runs = 0;
	raise_softirq(SOFTIRQ_TIMER);
	irq_safepoint();
	assert_in_range(endless_runs, 10, 30);
	assert_true(this_cpu()->softirq_pending);
	open_softirq(SOFTIRQ_TIMER, "TIMER", count_softirq);
	irq_safepoint();
	assert_int_equal(softirq_runs, 4);
}

static void test_softirqs_raised_by_a_task(void **state)
{
	(void)state;
	boot(&(struct machine_options){ .nr_cpus = 1 });
	open_softirq(SOFTIRQ_NET, "NET_RX", count_softirq);
	open_softirq(SOFTIRQ_TIMER, "TIMER", endless_softirq);
	cpu_run(0, raise_from_task, NULL);
	assert_true(cpus[0].nr_irqs[IRQ_SOFTIRQ] > 0);
	machine_shutdown();
}

static struct tasklet_struct tasklet;
static u64 tasklet_sum;
static u32 tasklet_inside;

static void add_in_tasklet(unsigned long data)
{
	/* One CPU at a time: a plain sum is enough. */
	assert_int_equal(fetch_add(&tasklet_inside, 1), 0);
	tasklet_sum += data;
	fetch_add(&tasklet_inside, (u32)-1);
}

static void schedule_tasklets(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		tasklet_schedule(&tasklet);
		irq_safepoint();
	}
	tasklet_kill(&tasklet);
}

static void test_tasklets(void **state)
{
	(void)state;
	boot(&(struct machine_options){ .nr_cpus = 4 });
	tasklet_init(&tasklet, add_in_tasklet, 3);
	tasklet_sum = 0;
	cpu_run_all(schedule_tasklets, NULL);
	assert_true(tasklet_sum >= 3 && tasklet_sum % 3 == 0);
	assert_true(tasklet_sum <= 3 * 4 * 2000);
	machine_shutdown();
}

/* ---- generators ---- */

static void count_device(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
}

static void spin_steps(void *arg)
{
	unsigned int steps = *(unsigned int *)arg;

	while (steps--) {
		sim_point(SIM_ATOMIC, NULL);
		irq_safepoint();
	}
}

static u64 ticks_in_sim(u64 *hash)
{
	struct sim_options opt = { .seed = 7, .policy = SIM_RANDOM, .param = 3 };
	struct irq_source device = { .vec = VECTOR, .rate = 1000000, .spread = IRQ_RANDOM };
	unsigned int steps = 20000;
	u64 ticks;

	boot(&(struct machine_options){ .backend = "sim", .nr_cpus = 2, .hz = 10000 });
	assert_int_equal(irq_vector_register(VECTOR, "dev", count_device, NULL), 0);
	sim_begin(&opt);
	assert_true(irqgen_add(&device) >= 0);
	cpu_run_all(spin_steps, &steps);
	*hash = sim_end().hash;
	machine_stop_cpus();
	ticks = cpus[0].nr_irqs[IRQ_TIMER] + cpus[1].nr_irqs[IRQ_TIMER];
	assert_true(cpus[0].nr_irqs[VECTOR] > 50 && cpus[1].nr_irqs[VECTOR] > 50);
	irq_vector_unregister(VECTOR);
	machine_shutdown();
	return ticks;
}

static void test_generators_repeat_in_sim(void **state)
{
	u64 first, again;

	(void)state;
	/* 40000 steps of 20 ns are 0.8 ms: 8 ticks of 10 kHz on each CPU. */
	assert_in_range(ticks_in_sim(&first), 10, 24);
	ticks_in_sim(&again);
	assert_int_equal(first, again);
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

static void test_generators_by_the_clock(void **state)
{
	struct irq_source one = {
		.vec = VECTOR, .rate = 2000, .spread = IRQ_TO_ONE, .cpu = 1,
	};
	int id;

	(void)state;
	boot(&(struct machine_options){ .nr_cpus = 3, .hz = 1000 });
	assert_int_equal(irqgen_add(&one), -EINVAL);	/* nobody has that vector */
	assert_int_equal(irq_vector_register(VECTOR, "dev", count_device, NULL), 0);
	id = irqgen_add(&one);
	assert_true(id >= 0);
	nap_ms(60);
	irqgen_remove(id);
	assert_in_range(irqgen_raised(id), 20, 200);
	nap_ms(5);
	assert_true(READ_ONCE(cpus[1].nr_irqs[VECTOR]) > 0);
	assert_int_equal(READ_ONCE(cpus[0].nr_irqs[VECTOR]), 0);
	for (int i = 0; i < 3; i++)
		assert_in_range(READ_ONCE(cpus[i].nr_irqs[IRQ_TIMER]), 5, 150);
	machine_stop_cpus();
	irq_vector_unregister(VECTOR);
	machine_shutdown();
}

/* ---- signals ---- */

static u64 in_task[2], in_handler[2];

static void add_two(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	in_task[smp_processor_id()] += 2;
	in_handler[smp_processor_id()]++;
}

/* Each CPU interrupts the other by signal while it counts with its mask closed. */
static void count_masked(void *arg)
{
	unsigned int me = smp_processor_id();
	unsigned long flags;

	(void)arg;
	for (int i = 0; i < 3000; i++) {
		if (i % 16 == 0)
			irq_raise(&cpus[!me], VECTOR);
		local_irq_save(flags);
		in_task[me]++;
		local_irq_restore(flags);
	}
}

static void test_signals_interrupt_and_respect_the_mask(void **state)
{
	struct machine_options opt = { .nr_cpus = 2, .nr_nodes = 1, .irq = "signal" };

	(void)state;
	opt.backend = "sim";
	assert_int_equal(machine_boot(&opt), -EINVAL);
	opt.irq = "nmi";
	assert_int_equal(machine_boot(&opt), -EINVAL);
	opt.backend = "threads";
	opt.irq = "signal";
	if (tsan_delays_signals()) {
		assert_int_equal(machine_boot(&opt), -ENOTSUP);
		return;
	}
	memset(in_task, 0, sizeof(in_task));
	memset(in_handler, 0, sizeof(in_handler));
	boot(&(struct machine_options){ .nr_cpus = 2, .irq = "signal" });
	assert_int_equal(irq_vector_register(VECTOR, "dev", add_two, NULL), 0);
	cpu_run_all(count_masked, NULL);
	/* To a CPU that sleeps in the host. */
	nap_ms(5);
	for (int i = 0; i < 2; i++) {
		u64 before = READ_ONCE(cpus[i].nr_irqs[VECTOR]);

		irq_raise_signal(&cpus[i], VECTOR);
		for (int k = 0; k < 1000 && READ_ONCE(cpus[i].nr_irqs[VECTOR]) == before; k++)
			nap_ms(1);
		assert_int_equal(READ_ONCE(cpus[i].nr_irqs[VECTOR]), before + 1);
	}
	machine_stop_cpus();
	for (int i = 0; i < 2; i++) {
		assert_true(in_handler[i] > 1);
		assert_int_equal(in_task[i], 3000 + 2 * in_handler[i]);
	}
	irq_vector_unregister(VECTOR);
	machine_shutdown();
}

/* ---- the tracer and the texts ---- */

static void mask_for_a_while(void *arg)
{
	u64 start;

	(void)arg;
	local_irq_disable();
	for (start = clock_ns(); clock_ns() - start < 3000000;)
		cpu_pause();
	local_irq_enable();
}

static void test_tracer_names_the_longest_section(void **state)
{
	struct irqsoff_section s;
	char text[2048] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)state;
	boot(&(struct machine_options){ .nr_cpus = 1, .irqsoff_tracer = true });
	cpu_run(0, mask_for_a_while, NULL);
	s = irqsoff_longest(0);
	assert_true(s.ns >= 3000000);
	assert_string_equal(s.masked->func, "mask_for_a_while");
	assert_string_equal(s.unmasked->func, "mask_for_a_while");
	assert_true(s.unmasked->line > s.masked->line);
	irqsoff_show(f);
	fclose(f);
	assert_non_null(strstr(text, "in mask_for_a_while() -> tests/unit/test_irq.c:"));
	machine_shutdown();
}

static void interrupt_myself(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		irq_raise(this_cpu(), VECTOR);
		irq_safepoint();
	}
}

static void test_proc_texts(void **state)
{
	char text[4096] = "", soft[4096] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	FILE *g = fmemopen(soft, sizeof(soft), "w");

	(void)state;
	boot(&(struct machine_options){ .nr_cpus = 2 });
	assert_int_equal(irq_vector_register(VECTOR, "test-device", count_device, NULL), 0);
	open_softirq(SOFTIRQ_NET, "NET_RX", count_softirq);
	cpu_run(1, interrupt_myself, NULL);
	proc_interrupts_show(f);
	proc_softirqs_show(g);
	machine_stop_cpus();
	fclose(f);
	fclose(g);
	assert_int_equal(strncmp(text, "           CPU0       CPU1       \n", 34), 0);
	assert_non_null(strstr(text, "\n  8:          0          5 "
			       "     soft   8 edge      test-device\n"));
	assert_non_null(strstr(text, "CAL: "));
	assert_non_null(strstr(text, "  Function call interrupts\n"));
	assert_int_equal(strncmp(soft, "                    CPU0       CPU1       \n", 43), 0);
	assert_non_null(strstr(soft, "      NET_RX:          0          0\n"));
	irq_vector_unregister(VECTOR);
	machine_shutdown();
}

/* ---- stack overflow ---- */

static unsigned int eat_stack(unsigned int depth)
{
	char frame[1024];

	memset(frame, (int)depth, sizeof(frame));
	__asm__ __volatile__("" :: "r"(frame) : "memory");
	return depth ? eat_stack(depth - 1) + (unsigned int)frame[0] : 0;
}

static void eat_stack_in_handler(unsigned int vec, void *arg)
{
	(void)vec;
	(void)arg;
	if (eat_stack(1000) == 1)
		panic("unreachable");
}

static void overflow_child(void)
{
	struct machine_options opt = { .nr_cpus = 2, .nr_nodes = 1 };

	if (machine_boot(&opt) || machine_start_cpus())
		exit(3);
	if (irq_vector_register(VECTOR, "deep", eat_stack_in_handler, NULL))
		exit(3);
	cpu_run(1, interrupt_myself, NULL);
}

static void test_overflow_is_named(void **state)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t got;
	int status, fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		overflow_child();
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
	assert_non_null(strstr(text, "interrupt stack overflow on cpu 001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow_is_named),
		cmocka_unit_test(test_softirqs_raised_by_a_task),
		cmocka_unit_test(test_tasklets),
		cmocka_unit_test(test_generators_repeat_in_sim),
		cmocka_unit_test(test_generators_by_the_clock),
		cmocka_unit_test(test_signals_interrupt_and_respect_the_mask),
		cmocka_unit_test(test_tracer_names_the_longest_section),
		cmocka_unit_test(test_proc_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
