/* SPDX-License-Identifier: MIT */
/*
 * CPU hotplug: what a CPU owes when it goes down is paid, under load and on both back ends.
 *
 * The theorem of the stress test: calls that were accepted ran, each once; tokens, tasklets,
 * callbacks and device interrupts are neither lost nor doubled, however often CPUs come and go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/hotplug.h"
#include "runtime/ipi.h"
#include "runtime/irqgen.h"
#include "runtime/tasklet.h"

#define SEED		0x686f7470ULL
#define VECTOR		IRQ_FIRST_DEVICE
#define CALLBACKS	64		/* of one CPU, in flight */

static void boot(const char *backend, unsigned int nr_cpus)
{
	struct machine_options opt = {
		.backend = backend, .nr_cpus = nr_cpus, .nr_nodes = 1, .seed = SEED,
	};

	assert_int_equal(machine_boot(&opt), 0);
}

/* ---- the small things ---- */

static char order[16];
static size_t order_len;
static int refuse;

static void note(char c)
{
	if (order_len < sizeof(order) - 1)
		order[order_len++] = c;
	order[order_len] = '\0';
}

static int online_a(unsigned int cpu)
{
	if (cpu == 1)
		note('a');
	return 0;
}

static void offline_a(unsigned int cpu)
{
	if (cpu == 1)
		note('A');
}

static int online_b(unsigned int cpu)
{
	if (cpu == 1)
		note('b');
	return cpu == 1 ? refuse : 0;
}

static void offline_b(unsigned int cpu)
{
	if (cpu == 1)
		note('B');
}

/* ---- work for all, while one of them goes down ---- */

static unsigned int parts_done;		/* atomic */

static void take_down_and_up(void *arg)
{
	const unsigned int last = nr_cpu_ids - 1;

	(void)arg;
	if (smp_processor_id() == 0) {
		BUG_ON(cpu_down(last));
		BUG_ON(cpu_up(last));
	}
	fetch_add_relaxed(&parts_done, 1);
}

/* CPU 0 begins while the host still hands out work: it may be faster. */
static void test_work_for_all_reaches_all(void **state)
{
	(void)state;
	boot(NULL, 16);
	assert_int_equal(machine_start_cpus(), 0);
	for (unsigned int round = 1; round <= 200; round++) {
		cpu_run_all(take_down_and_up, NULL);
		assert_int_equal(READ_ONCE(parts_done), round * 16);
	}
	machine_shutdown();
}

static const struct cpuhp_notifier notifier_a = { "a", online_a, offline_a };
static const struct cpuhp_notifier notifier_b = { "b", online_b, offline_b };

static void nothing(void *info)
{
	(void)info;
}

static int call_result;

static void call_cpu_1(void *arg)
{
	(void)arg;
	call_result = smp_call_function_single(1, nothing, NULL, true);
}

static void down_oneself(void *arg)
{
	(void)arg;
	call_result = cpu_down(smp_processor_id());
}

static void test_down_and_up(void **state)
{
	(void)state;
	boot(NULL, 2);
	cpuhp_register(&notifier_a);
	cpuhp_register(&notifier_b);
	order_len = 0;
	refuse = 0;
	assert_int_equal(machine_start_cpus(), 0);
	assert_string_equal(order, "ab");

	assert_int_equal(cpu_down(1), 0);
	assert_string_equal(order, "abBA");
	assert_false(cpu_online(1));
	assert_int_equal(num_online_cpus(), 1);
	cpu_run(0, call_cpu_1, NULL);
	assert_int_equal(call_result, -ENXIO);
	assert_int_equal(cpu_down(1), 0);		/* already */
	assert_int_equal(cpu_down(0), -EBUSY);		/* the last one */
	assert_int_equal(cpu_down(2), -EINVAL);

	/* A refusal undoes what was done. */
	refuse = -ENOMEM;
	assert_int_equal(cpu_up(1), -ENOMEM);
	assert_string_equal(order, "abBAabA");
	assert_false(cpu_online(1));
	refuse = 0;
	assert_int_equal(cpu_up(1), 0);
	assert_string_equal(order, "abBAabAab");
	assert_true(cpu_online(1));
	cpu_run(0, call_cpu_1, NULL);
	assert_int_equal(call_result, 0);
	cpu_run(0, down_oneself, NULL);
	assert_int_equal(call_result, -EBUSY);
	assert_int_equal(cpu_hotplug_count(), 1);
	machine_shutdown();
}

/* What is pending on a CPU that goes down runs elsewhere, and the machine stops with CPUs down. */

static u32 tasklet_runs, callback_runs;
static struct tasklet_struct one_tasklet;
static struct rcu_head one_callback;

static void run_tasklet(unsigned long data)
{
	fetch_add(&tasklet_runs, (u32)data);
}

static void run_callback(struct rcu_head *head)
{
	(void)head;
	fetch_add(&callback_runs, 1);
}

static void leave_things_behind(void *arg)
{
	(void)arg;
	local_bh_disable();
	tasklet_schedule(&one_tasklet);
	tasklet_schedule(&one_tasklet);		/* still the same scheduling */
	local_bh_enable();
	call_rcu(&one_callback, run_callback);
}

static void wait_for_callbacks(void *arg)
{
	(void)arg;
	rcu_barrier();
	tasklet_kill(&one_tasklet);
}

static void what_is_pending_is_done(const char *backend)
{
	boot(backend, 3);
	assert_int_equal(machine_start_cpus(), 0);
	tasklet_init(&one_tasklet, run_tasklet, 1);
	tasklet_runs = callback_runs = 0;
	cpu_run(1, leave_things_behind, NULL);
	assert_int_equal(cpu_down(1), 0);
	cpu_run(0, wait_for_callbacks, NULL);
	assert_int_equal(tasklet_runs, 1);
	assert_int_equal(callback_runs, 1);
	machine_shutdown();			/* with CPU 1 down */
}

static void test_what_is_pending_is_done(void **state)
{
	(void)state;
	what_is_pending_is_done("threads");
	what_is_pending_is_done("sim");
}

/* Two CPUs that ask each other: one goes down, and one of the requests is refused or done. */

static int results[2];

static void down_the_other(void *arg)
{
	unsigned int me = smp_processor_id();

	(void)arg;
	if (me < 2) {
		results[me] = cpu_down(!me);
		if (results[me] == 0)
			assert_int_equal(cpu_up(!me), 0);
	}
}

static void cpus_ask_each_other(const char *backend)
{
	boot(backend, 2);
	assert_int_equal(machine_start_cpus(), 0);
	for (int i = 0; i < 20; i++) {
		cpu_run_all(down_the_other, NULL);
		assert_int_equal(num_online_cpus(), 2);
		for (int k = 0; k < 2; k++)
			assert_true(results[k] == 0 || results[k] == -EBUSY ||
				    results[k] == -EAGAIN);
	}
	machine_shutdown();
}

static void test_two_cpus_ask_each_other(void **state)
{
	(void)state;
	cpus_ask_each_other("threads");
	cpus_ask_each_other("sim");
}

/* A grace period under a mutex that others wait for: their sleep is a quiescent state. */

static const struct lock_class mutex_class = { .name = "test mutex" };
static struct mutex shared_mutex;

static void grace_period_under_mutex(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		mutex_lock(&shared_mutex);
		synchronize_rcu();
		mutex_unlock(&shared_mutex);
	}
}

static void test_waiting_is_a_quiescent_state(void **state)
{
	(void)state;
	boot("threads", 4);
	mutex_init(&shared_mutex, &mutex_class, NULL);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run_all(grace_period_under_mutex, NULL);
	assert_false(mutex_is_locked(&shared_mutex));
	machine_shutdown();
	boot("sim", 3);
	mutex_init(&shared_mutex, &mutex_class, NULL);
	assert_int_equal(machine_start_cpus(), 0);
	cpu_run_all(grace_period_under_mutex, NULL);
	assert_false(mutex_is_locked(&shared_mutex));
	machine_shutdown();
}

/* ---- the load ---- */

#define TOKENS		1000

static struct load {
	struct rand_state rand;
	u64 calls_accepted, calls_refused;	/* by this CPU's task */
	u64 calls_run;				/* on this CPU, interrupts masked */
	u64 queued;				/* callbacks */
	u64 tasklets_wanted;
	u64 tokens;				/* this CPU's cache; interrupts masked */
	u64 device;				/* interrupts taken here; interrupts masked */
	struct rcu_head heads[CALLBACKS];
	u32 busy[CALLBACKS];			/* atomic */
} load[NR_CPUS];

static spinlock_t pool_lock;
static u64 pool;				/* tokens in nobody's cache; under pool_lock */
static const struct lock_class pool_class = { .name = "test pool" };
static struct tasklet_struct tasklets[NR_CPUS];
static u64 tasklets_run, callbacks_run;		/* atomic */
static bool stop_load;

static void count_call(void *info)
{
	(void)info;
	load[smp_processor_id()].calls_run++;
}

static void do_call(struct load *me)
{
	unsigned int target = rand_below(&me->rand, nr_cpu_ids);
	int err = smp_call_function_single(target, count_call, NULL,
					   rand_one_in(&me->rand, 2));

	if (err)
		me->calls_refused++;
	else
		me->calls_accepted++;
}

static void done_callback(struct rcu_head *head)
{
	struct load *owner = NULL;

	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		if (head >= load[i].heads && head < load[i].heads + CALLBACKS)
			owner = &load[i];
	assert_non_null(owner);
	fetch_add(&callbacks_run, 1);
	smp_store_release(&owner->busy[head - owner->heads], 0);
}

static void do_callback(struct load *me)
{
	unsigned int i = rand_below(&me->rand, CALLBACKS);

	if (smp_load_acquire(&me->busy[i]))
		return;
	WRITE_ONCE(me->busy[i], 1);
	me->queued++;
	call_rcu(&me->heads[i], done_callback);
}

static void count_tasklet(unsigned long cpu)
{
	(void)cpu;
	fetch_add(&tasklets_run, 1);
}

static void move_tokens(struct load *me)
{
	unsigned long flags;

	spin_lock_irqsave(&pool_lock, flags);
	if (pool && rand_one_in(&me->rand, 2)) {
		pool--;
		me->tokens++;
	} else if (me->tokens) {
		me->tokens--;
		pool++;
	}
	spin_unlock_irqrestore(&pool_lock, flags);
}

static void drain_tokens(unsigned int cpu)
{
	unsigned long flags;

	spin_lock_irqsave(&pool_lock, flags);
	pool += load[cpu].tokens;
	load[cpu].tokens = 0;
	spin_unlock_irqrestore(&pool_lock, flags);
}

static const struct cpuhp_notifier token_notifier = { "tokens", NULL, drain_tokens };

static void handle_device(unsigned int vec, void *arg)
{
	struct load *me = &load[smp_processor_id()];

	(void)vec;
	(void)arg;
	me->device++;
	raise_softirq(SOFTIRQ_NET);
}

static void device_softirq(void)
{
	struct load *me = &load[smp_processor_id()];

	/* A token through the cache of the CPU that took the interrupt. */
	move_tokens(me);
}

static void look_at_online_cpus(void)
{
	unsigned int cpu, nr = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		nr++;
	assert_int_equal(nr, num_online_cpus());
	cpus_read_unlock();
}

static void run_load(void *arg)
{
	unsigned int cpu = smp_processor_id();
	struct load *me = &load[cpu];
	u64 rounds = arg ? *(u64 *)arg : ~0ULL;

	while (!smp_load_acquire(&stop_load) && rounds--) {
		switch (rand_below(&me->rand, 8)) {
		case 0:
		case 1:
			do_call(me);
			break;
		case 2:
			do_callback(me);
			break;
		case 3:
			tasklet_schedule(&tasklets[rand_below(&me->rand, nr_cpu_ids)]);
			break;
		case 4:
			irq_raise(&cpus[rand_below(&me->rand, nr_cpu_ids)], VECTOR);
			break;
		case 5:
			if (rand_one_in(&me->rand, 64))
				look_at_online_cpus();
			break;
		default:
			move_tokens(me);
		}
		cond_resched();
	}
}

static void start_load_machine(const char *backend, unsigned int nr_cpus)
{
	boot(backend, nr_cpus);
	for (unsigned int i = 0; i < nr_cpus; i++) {
		load[i] = (struct load){ .calls_run = 0 };
		rand_init(&load[i].rand, SEED, i);
		tasklet_init(&tasklets[i], count_tasklet, i);
	}
	pool = TOKENS;
	tasklets_run = callbacks_run = 0;
	stop_load = false;
	spin_lock_init(&pool_lock, &pool_class, NULL);
	cpuhp_register(&token_notifier);
	open_softirq(SOFTIRQ_NET, "NET_RX", device_softirq);
	assert_int_equal(irq_vector_register(VECTOR, "test device", handle_device, NULL), 0);
	assert_int_equal(machine_start_cpus(), 0);
}

static void settle(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		tasklet_kill(&tasklets[i]);
	rcu_barrier();
}

static void check_and_stop(void)
{
	u64 accepted = 0, run = 0, tokens, queued = 0, device = 0;

	/* Once for what the load left, once for the softirqs that this raised on others. */
	cpu_run_all(settle, NULL);
	cpu_run_all(settle, NULL);
	tokens = pool;
	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		accepted += load[i].calls_accepted;
		run += load[i].calls_run;
		tokens += load[i].tokens;
		queued += load[i].queued;
		device += load[i].device;
		assert_int_equal(load[i].device, cpus[i].nr_irqs[VECTOR]);
		assert_int_equal(READ_ONCE(cpus[i].irq_pending) & 1ULL << VECTOR, 0);
	}
	assert_true(accepted > 0 && device > 0 && tasklets_run > 0 && queued > 0);
	assert_int_equal(run, accepted);
	assert_int_equal(tokens, TOKENS);
	assert_int_equal(callbacks_run, queued);
	irq_vector_unregister(VECTOR);
	machine_shutdown();
}

static void test_stress_on_threads(void **state)
{
	const unsigned int nr_cpus = 8;
	struct irq_source device = {
		.vec = VECTOR, .rate = 2000, .spread = IRQ_RANDOM, .seed = SEED,
	};
	struct rand_state rand;
	unsigned int downs = 0;
	int id;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)SEED);
	rand_init(&rand, SEED, 1000);
	start_load_machine("threads", nr_cpus);
	id = irqgen_add(&device);
	assert_true(id >= 0);
	cpu_start_all(run_load, NULL);
	for (int i = 0; i < 150; i++) {
		unsigned int cpu = rand_below(&rand, nr_cpus);

		if (cpu_online(cpu) && num_online_cpus() > 1) {
			assert_int_equal(cpu_down(cpu), 0);
			assert_int_equal(load[cpu].tokens, 0);
			downs++;
		} else {
			assert_int_equal(cpu_up(cpu), 0);
		}
	}
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
		assert_int_equal(cpu_up(cpu), 0);
	smp_store_release(&stop_load, true);
	cpu_wait_all();
	irqgen_remove(id);
	assert_int_equal(cpu_hotplug_count(), downs);
	check_and_stop();
}

/* In SIM the CPUs are their own controllers: each takes another down and up now and then. */
static void load_and_control(void *arg)
{
	struct load *me = &load[smp_processor_id()];
	u64 rounds = 30;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		unsigned int other = rand_below(&me->rand, nr_cpu_ids);

		run_load(&rounds);
		if (cpu_down(other) == 0) {
			run_load(&rounds);
			while (cpu_up(other) != 0)
				cond_resched();
		}
	}
}

static void test_stress_on_sim(void **state)
{
	u64 downs = 0;

	(void)state;
	start_load_machine("sim", 3);
	for (u64 seed = 0; seed < 20; seed++) {
		struct sim_options opt = {
			.seed = seed, .policy = (enum sim_policy)(seed % 3),
			.param = 2 + (unsigned int)seed % 4, .expected_steps = 20000,
			.step_limit = 5000000, .store_buffer = seed & 1,
		};

		sim_begin(&opt);
		cpu_run_all(load_and_control, NULL);
		sim_end();
		assert_int_equal(num_online_cpus(), 3);
	}
	downs = cpu_hotplug_count();
	assert_true(downs > 20);
	check_and_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(test_what_is_pending_is_done),
		cmocka_unit_test(test_two_cpus_ask_each_other),
		cmocka_unit_test(test_waiting_is_a_quiescent_state),
		cmocka_unit_test(test_work_for_all_reaches_all),
		cmocka_unit_test(test_stress_on_threads),
		cmocka_unit_test(test_stress_on_sim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
