/* SPDX-License-Identifier: MIT */
/*
 * Object allocation beside the malloc of this system and its well-known replacements.
 *
 *	bench_slab [-r ROUNDS] [-p PATTERN] [-q]
 *
 * What.  Five loops at three sizes on one and two CPUs.  An operation is an alloc, a write of
 * eight bytes, and a free.
 *
 *	pair	alloc, free
 *	lifo	1 000 allocs, then their frees in reverse order
 *	fifo	the same, frees in order
 *	rand	free and replace a random one of 10 000 objects
 *	prodcons	one CPU allocates, another frees, through a ring of 4 096
 *
 * Each contestant is a process of its own that waits for orders on a pipe, so that peers can be
 * preloaded, and the samples of all contestants are interleaved: what disturbs the host disturbs
 * all of them.  Per cell the least and the median of the rounds are kept; ratios are of the
 * least.  Exit code 0, or 2 for a wrong option.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mm/machine.h"
#include "mm/slab/kmalloc.h"
#include "mm/slab/slab.h"
#include "runtime/lib/rand.h"

#define BATCH		1000
#define WORKING_SET	10000
#define RING		4096
#define BURST		64	/* objects that the producer publishes at once */
#define NR_SIZES	3
#define ROUNDS_MAX	101
#define SEED		0x62656e6368ULL

enum pattern { PAIR, LIFO, FIFO, RAND, PRODCONS, NR_PATTERNS };

static const char *const pattern_names[] = { "pair", "lifo", "fifo", "rand", "prodcons" };
static const size_t sizes[NR_SIZES] = { 64, 256, 4096 };

/* One sample, shared by the CPUs that run it. */
struct sample {
	enum pattern pattern;
	unsigned int size_index;
	unsigned int nr_cpus;
	u64 nr_ops;			/* per CPU */
	u32 waiting;			/* atomic: CPUs at the start line */
	u64 ns[2];
};

static struct sample sample;

static void *batches[2][BATCH] __aligned(128);
static void *sets[2][WORKING_SET] __aligned(128);

static struct {
	u64 head __aligned(128);	/* producer, release */
	u64 tail __aligned(128);	/* consumer, release */
	void *slots[RING] __aligned(128);
} ring;

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

static inline void touch(void *p)
{
	WRITE_ONCE(*(u64 *)p, (u64)(uintptr_t)p);
}

static void start_line(struct sample *s)
{
	fetch_add(&s->waiting, 1);
	for (unsigned int i = 1; smp_load_acquire(&s->waiting) < s->nr_cpus; i++)
		if (i % 1000 == 0)
			sched_yield();
}

static inline void relax(unsigned int *spins)
{
	cpu_pause();
	if (++*spins % 2000 == 0)
		sched_yield();
}

/*
 * The loops, once per kind of allocator, so that each alloc and free is inlined as it would be in
 * a user's code.  ALLOC(i) and FREE(i, p): @i is the index of the size.
 */
#define DEFINE_LOOPS(kind, ALLOC, FREE)						\
static void kind##_pair(unsigned int z, u64 nr)					\
{										\
	for (u64 i = 0; i < nr; i++) {						\
		void *p = ALLOC(z);						\
										\
		touch(p);							\
		FREE(z, p);							\
	}									\
}										\
										\
static void kind##_batch(unsigned int z, u64 nr, void **v, bool lifo)		\
{										\
	for (u64 i = 0; i < nr; i += BATCH) {					\
		for (int j = 0; j < BATCH; j++) {				\
			v[j] = ALLOC(z);					\
			touch(v[j]);						\
		}								\
		for (int j = BATCH; lifo && j-- > 0;)				\
			FREE(z, v[j]);						\
		for (int j = 0; !lifo && j < BATCH; j++)			\
			FREE(z, v[j]);						\
	}									\
}										\
										\
static void kind##_rand(unsigned int z, u64 nr, void **v, struct rand_state *r)	\
{										\
	for (u64 i = 0; i < nr; i++) {						\
		u32 k = rand_below(r, WORKING_SET);				\
										\
		FREE(z, v[k]);							\
		v[k] = ALLOC(z);						\
		touch(v[k]);							\
	}									\
}										\
										\
static void kind##_produce(unsigned int z, u64 nr)				\
{										\
	u64 head = ring.head;							\
	unsigned int spins = 0;							\
										\
	for (u64 i = 0; i < nr;) {						\
		while (head - smp_load_acquire(&ring.tail) > RING - BURST)	\
			relax(&spins);						\
		for (int j = 0; j < BURST && i < nr; j++, i++, head++) {	\
			void *p = ALLOC(z);					\
										\
			touch(p);						\
			ring.slots[head % RING] = p;				\
		}								\
		smp_store_release(&ring.head, head);				\
	}									\
}										\
										\
static void kind##_consume(unsigned int z __maybe_unused, u64 nr)				\
{										\
	u64 tail = ring.tail, head;						\
	unsigned int spins = 0;							\
										\
	for (u64 i = 0; i < nr;) {						\
		while ((head = smp_load_acquire(&ring.head)) == tail)		\
			relax(&spins);						\
		for (; tail != head; tail++, i++) {				\
			void *p = ring.slots[tail % RING];			\
										\
			(void)READ_ONCE(*(u64 *)p);				\
			FREE(z, p);						\
		}								\
		smp_store_release(&ring.tail, tail);				\
	}									\
}										\
										\
static void kind##_run(struct sample *s, unsigned int cpu)			\
{										\
	unsigned int z = s->size_index;						\
	void **set = sets[cpu], **batch = batches[cpu];				\
	struct rand_state r;							\
	u64 start;								\
										\
	rand_init(&r, SEED, cpu);						\
	for (int i = 0; s->pattern == RAND && i < WORKING_SET; i++) {		\
		set[i] = ALLOC(z);						\
		touch(set[i]);							\
	}									\
	if (s->pattern == RAND)							\
		kind##_rand(z, 20000, set, &r);					\
	else if (s->pattern == LIFO || s->pattern == FIFO)			\
		kind##_batch(z, 4 * BATCH, batch, s->pattern == LIFO);		\
	else if (s->pattern == PAIR)						\
		kind##_pair(z, 1000);						\
	start_line(s);								\
	start = now_ns();							\
	switch (s->pattern) {							\
	case PAIR:								\
		kind##_pair(z, s->nr_ops);					\
		break;								\
	case LIFO:								\
	case FIFO:								\
		kind##_batch(z, s->nr_ops, batch, s->pattern == LIFO);		\
		break;								\
	case RAND:								\
		kind##_rand(z, s->nr_ops, set, &r);				\
		break;								\
	default:								\
		if (cpu == 0)							\
			kind##_produce(z, s->nr_ops);				\
		else								\
			kind##_consume(z, s->nr_ops);				\
	}									\
	s->ns[cpu] = now_ns() - start;						\
	for (int i = 0; s->pattern == RAND && i < WORKING_SET; i++)		\
		FREE(z, set[i]);						\
}

static struct kmem_cache *caches[NR_SIZES];

#define CACHE_ALLOC(z)		kmem_cache_alloc(caches[z], GFP_KERNEL)
#define CACHE_FREE(z, p)	kmem_cache_free(caches[z], p)
#define KMALLOC_ALLOC(z)	kmalloc(sizes[z], GFP_KERNEL)
#define KMALLOC_FREE(z, p)	kfree(p)
#define MALLOC_ALLOC(z)		malloc(sizes[z])
#define MALLOC_FREE(z, p)	free(p)

DEFINE_LOOPS(cache, CACHE_ALLOC, CACHE_FREE)
DEFINE_LOOPS(kmalloc, KMALLOC_ALLOC, KMALLOC_FREE)
DEFINE_LOOPS(malloc, MALLOC_ALLOC, MALLOC_FREE)

/* ---- a contestant's process ---- */

static void (*run_sample)(struct sample *s, unsigned int cpu);
static const char *policy = "magazines";

/* Reads the next order; false at the end. */
static bool read_order(void)
{
	unsigned int pattern, size, nr_cpus;
	unsigned long long nr_ops;

	if (scanf("%u %u %u %llu", &pattern, &size, &nr_cpus, &nr_ops) != 4)
		return false;
	sample = (struct sample) {
		.pattern = (enum pattern)pattern, .size_index = size, .nr_cpus = nr_cpus,
		.nr_ops = nr_ops,
	};
	ring.head = ring.tail = 0;
	return true;
}

static void answer(void)
{
	u64 ns = max(sample.ns[0], sample.ns[1]);

	printf("%.3f\n", (double)ns / (double)sample.nr_ops);
	fflush(stdout);
}

static void run_on_cpu(void *arg)
{
	(void)arg;
	if (smp_processor_id() < sample.nr_cpus)
		run_sample(&sample, smp_processor_id());
}

static void bring_up(void *arg)
{
	struct slab_options opt = { .policy = policy };
	struct mm_error err = { "" };
	char name[32];

	(void)arg;
	if (slab_boot(&opt, &err) != 0)
		panic("%s", err.text);
	for (unsigned int i = 0; i < NR_SIZES; i++) {
		snprintf(name, sizeof(name), "bench-%zu", sizes[i]);
		caches[i] = kmem_cache_create(name, (unsigned int)sizes[i], 0, SLAB_PANIC, NULL);
	}
}

static void show_stats(void *arg)
{
	(void)arg;
	slab_stats_show(stderr);
}

static int machine_child(void)
{
	struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 2, .seed = SEED }, .mm = { .mem_bytes = 1ULL << 30 },
	};
	struct mm_error err = { "" };

	if (kmemlab_boot(&opt, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	cpu_run(0, bring_up, NULL);
	while (read_order()) {
		cpu_run_all(run_on_cpu, NULL);
		answer();
	}
	if (getenv("BENCH_STATS"))
		cpu_run(0, show_stats, NULL);
	return 0;
}

static void *malloc_thread(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	cpu_set_t set;

	/* As the machine's CPUs are: each on a core of its own. */
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	malloc_run(&sample, cpu);
	return NULL;
}

static int malloc_child(void)
{
	while (read_order()) {
		pthread_t threads[2];

		for (unsigned int i = 0; i < sample.nr_cpus; i++)
			if (pthread_create(&threads[i], NULL, malloc_thread,
					   (void *)(uintptr_t)i) != 0)
				return 1;
		for (unsigned int i = 0; i < sample.nr_cpus; i++)
			pthread_join(threads[i], NULL);
		answer();
	}
	return 0;
}

static int child(const char *kind)
{
	if (strncmp(kind, "malloc", 6) == 0)
		return malloc_child();
	run_sample = strncmp(kind, "kmalloc", 7) == 0 ? kmalloc_run : cache_run;
	if (strchr(kind, ':'))
		policy = strchr(kind, ':') + 1;
	return machine_child();
}

/* ---- the referee ---- */

static struct contestant {
	const char *name, *kind, *preload;
	bool ours;
	FILE *to, *from;
	pid_t pid;
} contestants[] = {
	{ .name = "kmem_cache", .kind = "cache", .ours = true },
	{ .name = "kmalloc", .kind = "kmalloc", .ours = true },
	{ .name = "kmem_cache sheaves", .kind = "cache:sheaves", .ours = true },
	{ .name = "kmem_cache none", .kind = "cache:none", .ours = true },
	{ .name = "system malloc", .kind = "malloc" },
	{ .name = "jemalloc", .kind = "malloc", .preload = KMEMLAB_PEER_JEMALLOC },
	{ .name = "tcmalloc", .kind = "malloc", .preload = KMEMLAB_PEER_TCMALLOC },
	{ .name = "mimalloc", .kind = "malloc", .preload = KMEMLAB_PEER_MIMALLOC },
};

#define NR_CONTESTANTS	ARRAY_SIZE(contestants)
#define NR_CELLS	(NR_PATTERNS * NR_SIZES * 2)

static double results[NR_CONTESTANTS][NR_CELLS][ROUNDS_MAX];
static unsigned int nr_rounds = 15;

static void start_contestant(struct contestant *c)
{
	int orders[2], answers[2];

	if (pipe(orders) != 0 || pipe(answers) != 0)
		exit(1);
	c->pid = fork();
	if (c->pid == 0) {
		dup2(orders[0], STDIN_FILENO);
		dup2(answers[1], STDOUT_FILENO);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		if (c->preload)
			setenv("LD_PRELOAD", c->preload, 1);
		execl("/proc/self/exe", "bench_slab", "--child", c->kind, (char *)NULL);
		_exit(1);
	}
	close(orders[0]);
	close(answers[1]);
	c->to = fdopen(orders[1], "w");
	c->from = fdopen(answers[0], "r");
}

static bool is_playing(const struct contestant *c)
{
	return c->to != NULL;
}

static unsigned int cell_of(unsigned int pattern, unsigned int size, unsigned int nr_cpus)
{
	return (pattern * NR_SIZES + size) * 2 + nr_cpus - 1;
}

/* Operations of a sample: about 5 ms, whatever the last one took. */
static u64 ops_for(double last_ns)
{
	double ops = last_ns > 0 ? 5e6 / last_ns : 20000;

	return (u64)clamp(ops, 5000.0, 1000000.0) / BATCH * BATCH;
}

static void take_sample(struct contestant *c, unsigned int pattern, unsigned int size,
			unsigned int nr_cpus, unsigned int round)
{
	double *cell = results[c - contestants][cell_of(pattern, size, nr_cpus)];
	double ns = 0;

	fprintf(c->to, "%u %u %u %llu\n", pattern, size, nr_cpus,
		(unsigned long long)ops_for(round ? cell[round - 1] : cell[0]));
	fflush(c->to);
	if (fscanf(c->from, "%lf", &ns) != 1) {
		fprintf(stderr, "bench_slab: %s ended early\n", c->name);
		exit(1);
	}
	cell[round] = ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double least(unsigned int who, unsigned int cell)
{
	return results[who][cell][0];
}

static double median(unsigned int who, unsigned int cell)
{
	return results[who][cell][nr_rounds / 2];
}

static double fastest_peer(unsigned int cell)
{
	double best = 0;

	for (unsigned int i = 0; i < NR_CONTESTANTS; i++)
		if (is_playing(&contestants[i]) && !contestants[i].ours &&
		    (best == 0 || least(i, cell) < best))
			best = least(i, cell);
	return best;
}

static void print_pattern(unsigned int p)
{
	printf("\n%s (ns per operation, least/median of %u rounds)\n%-20s", pattern_names[p],
	       nr_rounds, "");
	for (unsigned int z = 0; z < NR_SIZES; z++)
		for (unsigned int n = p == PRODCONS ? 2 : 1; n <= 2; n++)
			printf(" %6zu B x%u CPU", sizes[z], n);
	printf("\n");
	for (unsigned int i = 0; i < NR_CONTESTANTS; i++) {
		if (!is_playing(&contestants[i]))
			continue;
		printf("%-20s", contestants[i].name);
		for (unsigned int z = 0; z < NR_SIZES; z++)
			for (unsigned int n = p == PRODCONS ? 2 : 1; n <= 2; n++) {
				unsigned int cell = cell_of(p, z, n);

				printf(" %7.1f/%-7.1f", least(i, cell), median(i, cell));
			}
		printf("\n");
	}
	for (unsigned int i = 0; i < 2; i++) {
		printf("%-11s / peer  ", contestants[i].name);
		for (unsigned int z = 0; z < NR_SIZES; z++)
			for (unsigned int n = p == PRODCONS ? 2 : 1; n <= 2; n++) {
				unsigned int cell = cell_of(p, z, n);

				printf(" %13.2f x ", least(i, cell) / fastest_peer(cell));
			}
		printf("\n");
	}
	if (p == PRODCONS)
		return;
	printf("%-20s", "kmem_cache x2 / x1");
	for (unsigned int z = 0; z < NR_SIZES; z++)
		printf(" %29.2f x ", 2 * least(0, cell_of(p, z, 1)) / least(0, cell_of(p, z, 2)));
	printf("\n");
}

static void play(int only)
{
	for (unsigned int round = 0; round < nr_rounds; round++)
		for (unsigned int p = 0; p < NR_PATTERNS; p++)
			for (unsigned int z = 0; z < NR_SIZES && (only < 0 || (int)p == only); z++)
				for (unsigned int n = p == PRODCONS ? 2 : 1; n <= 2; n++)
					for (unsigned int i = 0; i < NR_CONTESTANTS; i++)
						if (is_playing(&contestants[i]))
							take_sample(&contestants[i], p, z, n,
								    round);
	for (unsigned int i = 0; i < NR_CONTESTANTS; i++)
		for (unsigned int cell = 0; cell < NR_CELLS; cell++)
			qsort(results[i][cell], nr_rounds, sizeof(double), by_value);
}

static int usage(void)
{
	fprintf(stderr, "usage: bench_slab [-r ROUNDS (1..%d)] [-p pair|lifo|fifo|rand|prodcons]\n",
		ROUNDS_MAX);
	return 2;
}

int main(int argc, char **argv)
{
	int only = -1, opt;

	if (argc == 3 && strcmp(argv[1], "--child") == 0)
		return child(argv[2]);
	while ((opt = getopt(argc, argv, "r:p:")) != -1) {
		if (opt == 'r')
			nr_rounds = (unsigned int)atoi(optarg);
		for (int i = 0; opt == 'p' && i < NR_PATTERNS; i++)
			if (strcmp(optarg, pattern_names[i]) == 0)
				only = i;
		if (opt == '?' || (opt == 'p' && only < 0) || nr_rounds < 1 ||
		    nr_rounds > ROUNDS_MAX)
			return usage();
	}
	if (optind != argc)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	for (unsigned int i = 0; i < NR_CONTESTANTS; i++) {
		/* A peer that is not installed has an empty path. */
		if (!contestants[i].preload || *contestants[i].preload)
			start_contestant(&contestants[i]);
	}
	play(only);
	for (unsigned int p = 0; p < NR_PATTERNS; p++)
		if (only < 0 || (int)p == only)
			print_pattern(p);
	return 0;
}
