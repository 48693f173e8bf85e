/* SPDX-License-Identifier: MIT */
/*
 * The workload of kernel addresses: vmalloc, vmap, kernel stacks, kmap.
 *
 * What.  Each CPU holds areas of one to some hundred pages, made by vmalloc(), vzalloc() or vmap(),
 * and at each operation makes, checks or frees one.  Areas change owners over a board that all CPUs
 * see: a CPU puts an area up and takes down the one that was there, and any CPU reads what is up.
 * In between stacks are made and used, pages are kmapped, and all lazily freed addresses purged.
 *
 * States of an area.  held (in one CPU's table) <-> up (in one slot of the board) -> freed.
 *
 * Invariants.
 *   I1  An area is in one place, whose owner alone writes to it and frees it.
 *   I2  Each page of an area carries two words made of the area's ticket and the page's number:
 *       seen through the host's mapping, through this CPU's TLB and at the frame that
 *       vmalloc_to_page() names.  A TLB that kept a translation from before the address was given
 *       out again shows another ticket.
 *   I3  What a CPU does depends on its random stream and on what was refused only.
 *
 * Locking.  A slot's lock, held while an area in it is read.  Context.  Task.  Failure.  A refused
 * allocation is counted; a wrong word is a panic that names the area and both values.
 * See also.  mm/kva/vmalloc.c; tests/mt/test_stress_vm.c.
 */
#include "stress/workloads/vmalloc_load.h"

#include <errno.h>
#include <string.h>

#include "mm/kva/highmem.h"
#include "mm/kva/kstack.h"
#include "mm/kva/kva.h"
#include "mm/kva/vmalloc.h"
#include "mm/mmu/access.h"
#include "mm/mmu/mmu.h"
#include "mm/mmu/pgtable.h"
#include "mm/page/pcp.h"
#include "stress/report/text.h"

#define HELD_MAX	256u
/* Pages of an area: small as a rule, now and then more than a TLB flush does page by page. */
#define SMALL_MAX	8u
#define LARGE_MAX	256u
#define VMAP_MAX	16u
/* The host maps each run of frames by itself and allows 65 530 maps: all CPUs hold fewer pages. */
#define PAGES_MAX	16384ul
#define LAZY_MAX	4096ul
#define BOARD_SLOTS	16u
/* Bytes of a kernel stack that a call chain is made to use; the rest is the callers'. */
#define STACK_USE	2048u

enum area_kind { AREA_VMALLOC, AREA_VZALLOC, AREA_VMAP };

struct area {
	u64 *addr;			/* NULL: none */
	u64 ticket;
	u32 nr_pages;
	u32 kind;
};

struct vmalloc_load_stats {
	u64 vmallocs, vzallocs, vmaps, refused, frees;
	u64 pages;			/* of all areas made */
	u64 checks, looks, swaps;	/* looks: at an area of the board; swaps: owners changed */
	u64 stacks, kmaps;
};

struct vmalloc_cpu {
	struct area held[HELD_MAX];
	unsigned int nr;
	unsigned long pages, share;	/* held now; at most */
	long mapped;			/* frames lent to vmap() for areas in held[] */
	u64 next_ticket;
	struct vmalloc_load_stats stats;
};

static struct slot {
	spinlock_t lock;
	struct area area;
} __cacheline_aligned board[BOARD_SLOTS];

static const struct lock_class board_class = {
	.name = "stress-vmalloc board", .rank = RANK_NONE,
};

static struct vmalloc_cpu *vmalloc_of(struct stress_run *run, unsigned int cpu)
{
	return run->cpu[cpu].data;
}

/* ---- contents ---- */

#define PAGE_WORDS	(PAGE_SIZE / sizeof(u64))

static u64 *first_word(const struct area *a, u32 page)
{
	return a->addr + page * PAGE_WORDS;
}

/* Where in each page the second word lies. */
static u32 second_word(const struct area *a)
{
	return 1 + (u32)(a->ticket % (PAGE_WORDS - 1));
}

static u64 stamp(const struct area *a, u32 page)
{
	return a->ticket * 0x9e3779b97f4a7c15ULL + page;
}

static void write_stamps(const struct area *a)
{
	for (u32 page = 0; page < a->nr_pages; page++) {
		WRITE_ONCE(*first_word(a, page), stamp(a, page));
		WRITE_ONCE(first_word(a, page)[second_word(a)], ~stamp(a, page));
	}
}

__cold static void wrong(const struct area *a, u32 page, const char *where, u64 found)
{
	panic("stress-vmalloc: page %u of the area at %p of %u pages has %llx by %s, its owner "
	      "wrote %llx (I2)", page, (void *)a->addr, a->nr_pages, (unsigned long long)found,
	      where, (unsigned long long)stamp(a, page));
}

static void check_page(const struct area *a, u32 page)
{
	const u64 *word = first_word(a, page);
	struct page *frame = vmalloc_to_page(word);
	u64 seen = READ_ONCE(*word), *direct;

	if (seen != stamp(a, page))
		wrong(a, page, "the host's map", seen);
	seen = ~READ_ONCE(word[second_word(a)]);
	if (seen != stamp(a, page))
		wrong(a, page, "the host's map", seen);
	if (load_kernel_u64(vmalloc_kernel_addr(word), &seen) || seen != stamp(a, page))
		wrong(a, page, "this CPU's TLB", seen);
	if (!frame)
		wrong(a, page, "vmalloc_to_page(), which finds none,", 0);
	direct = kmap_local_page(frame);
	seen = READ_ONCE(*direct);
	kunmap_local(direct);
	if (seen != stamp(a, page))
		wrong(a, page, "its frame", seen);
}

static void check_area(struct stress_cpu *c, const struct area *a)
{
	struct vmalloc_cpu *p = c->data;

	p->stats.checks++;
	check_page(a, 0);
	check_page(a, a->nr_pages - 1);
	for (u32 page = 1; page + 1 < a->nr_pages; page += 1 + rand_below(&c->rng, 8))
		check_page(a, page);
}

/* ---- making and freeing ---- */

static void *make_vmap(struct vmalloc_cpu *p, u32 nr)
{
	struct page *pages[VMAP_MAX];
	void *addr = NULL;
	u32 got;

	for (got = 0; got < nr; got++) {
		pages[got] = alloc_page(GFP_KERNEL | __GFP_HIGHMEM | __GFP_NORETRY | __GFP_NOWARN);
		if (!pages[got])
			break;
	}
	if (got == nr)
		addr = vmap(pages, nr);
	if (addr) {
		p->mapped += nr;
		return addr;
	}
	while (got)
		__free_page(pages[--got]);
	return NULL;
}

static void free_vmap(struct vmalloc_cpu *p, const struct area *a)
{
	struct page *pages[VMAP_MAX];

	/* Frames are freed after the unmapping: until then the area shows them. */
	for (u32 i = 0; i < a->nr_pages; i++)
		pages[i] = vmalloc_to_page(first_word(a, i));
	vunmap(a->addr);
	for (u32 i = 0; i < a->nr_pages; i++)
		__free_page(pages[i]);
	p->mapped -= a->nr_pages;
}

static void check_zeroed(const struct area *a)
{
	for (u32 page = 0; page < a->nr_pages; page++) {
		const u64 *word = first_word(a, page);

		for (u32 i = 0; i < PAGE_WORDS; i += 37)
			BUG_ON(READ_ONCE(word[i]));
	}
}

static void make_area(struct stress_cpu *c)
{
	struct vmalloc_cpu *p = c->data;
	struct area a = { .kind = rand_below(&c->rng, 3) };

	a.nr_pages = 1 + rand_below(&c->rng, rand_one_in(&c->rng, 16) ? LARGE_MAX : SMALL_MAX);
	a.nr_pages = min(a.nr_pages, (u32)(p->share - p->pages));
	a.ticket = (u64)c->id << 48 | ++p->next_ticket;
	if (a.kind == AREA_VMAP) {
		a.nr_pages = min(a.nr_pages, VMAP_MAX);
		a.addr = make_vmap(p, a.nr_pages);
		p->stats.vmaps++;
	} else if (a.kind == AREA_VZALLOC) {
		a.addr = vzalloc(a.nr_pages * PAGE_SIZE - rand_below(&c->rng, PAGE_SIZE));
		p->stats.vzallocs++;
	} else {
		a.addr = __vmalloc(a.nr_pages * PAGE_SIZE, GFP_KERNEL | __GFP_HIGHMEM |
				   __GFP_NORETRY | __GFP_NOWARN);
		p->stats.vmallocs++;
	}
	if (!a.addr) {
		p->stats.refused++;
		return;
	}
	if (a.kind == AREA_VZALLOC)
		check_zeroed(&a);
	write_stamps(&a);
	p->stats.pages += a.nr_pages;
	p->pages += a.nr_pages;
	p->held[p->nr++] = a;
}

static void free_area(struct stress_cpu *c, const struct area *a)
{
	struct vmalloc_cpu *p = c->data;

	check_area(c, a);
	p->stats.frees++;
	p->pages -= a->nr_pages;
	if (a->kind == AREA_VMAP)
		free_vmap(p, a);
	else
		vfree(a->addr);
}

static void free_one(struct stress_cpu *c)
{
	struct vmalloc_cpu *p = c->data;
	u32 i = rand_below(&c->rng, p->nr);
	struct area a = p->held[i];

	p->held[i] = p->held[--p->nr];
	free_area(c, &a);
}

/* ---- the board ---- */

static struct area exchange(struct slot *slot, struct area a)
{
	struct area old;

	spin_lock(&slot->lock);
	old = slot->area;
	slot->area = a;
	spin_unlock(&slot->lock);
	return old;
}

/* The frames of a vmap() are counted by the CPU that will free them. */
static void change_owner(struct vmalloc_cpu *p, const struct area *a, int sign)
{
	p->pages += (unsigned long)(sign * (long)a->nr_pages);
	if (a->kind == AREA_VMAP)
		p->mapped += sign * (long)a->nr_pages;
}

static void swap_one(struct stress_cpu *c)
{
	struct vmalloc_cpu *p = c->data;
	struct area *mine = &p->held[rand_below(&c->rng, p->nr)];

	change_owner(p, mine, -1);
	*mine = exchange(&board[rand_below(&c->rng, BOARD_SLOTS)], *mine);
	p->stats.swaps++;
	if (mine->addr)
		change_owner(p, mine, 1);
	else
		*mine = p->held[--p->nr];
}

static void look(struct stress_cpu *c)
{
	struct slot *slot = &board[rand_below(&c->rng, BOARD_SLOTS)];
	struct vmalloc_cpu *p = c->data;

	p->stats.looks++;
	spin_lock(&slot->lock);
	if (slot->area.addr)
		check_page(&slot->area, rand_below(&c->rng, slot->area.nr_pages));
	spin_unlock(&slot->lock);
}

/* ---- stacks and kmap ---- */

static __noinline u32 use_stack_bytes(u32 seed)
{
	u8 block[STACK_USE];
	u32 sum = 0;

	for (u32 i = 0; i < STACK_USE; i += 64)
		WRITE_ONCE(block[i], (u8)(seed + i));
	for (u32 i = 0; i < STACK_USE; i += 64)
		sum += READ_ONCE(block[i]) == (u8)(seed + i);
	return sum;
}

static void on_stack(void *arg)
{
	u32 *seed = arg;

	BUG_ON(use_stack_bytes(*seed) != STACK_USE / 64);
	*seed = 0;
}

static void run_on_stack(struct stress_cpu *c)
{
	struct vmalloc_cpu *p = c->data;
	struct kstack stack;
	u32 seed = 1 + rand_below(&c->rng, 255);

	if (kstack_alloc(&stack, 1 + rand_below(&c->rng, KSTACK_MAX_PAGES))) {
		p->stats.refused++;
		return;
	}
	p->stats.stacks++;
	kstack_run(&stack, on_stack, &seed);
	BUG_ON(seed);
	kstack_free(&stack);
}

static void map_page(struct stress_cpu *c)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_NORETRY | __GFP_NOWARN);
	struct vmalloc_cpu *p = c->data;
	u64 value = rand_u64(&c->rng), *addr;

	if (!page) {
		p->stats.refused++;
		return;
	}
	p->stats.kmaps++;
	addr = kmap(page);
	WRITE_ONCE(*addr, value);
	kunmap(page);
	addr = kmap_local_page(page);
	BUG_ON(READ_ONCE(*addr) != value);
	kunmap_local(addr);
	__free_page(page);
}

/* ---- operations ---- */

static void vmalloc_step(struct stress_cpu *c)
{
	struct vmalloc_cpu *p = c->data;
	u32 word = rand_below(&c->rng, 1024);
	bool full = p->nr == HELD_MAX || p->pages >= p->share;

	if (word < 300 && !full)
		make_area(c);
	else if (word < 600 && p->nr)
		free_one(c);
	else if (word < 700 && p->nr)
		check_area(c, &p->held[rand_below(&c->rng, p->nr)]);
	else if (word < 800)
		look(c);
	else if (word < 900 && p->nr)
		swap_one(c);
	else if (word < 950)
		map_page(c);
	else if (word < 970)
		run_on_stack(c);
	else if (word == 1023)
		vm_unmap_aliases();
}

static void vmalloc_finish(struct stress_cpu *c)
{
	static const struct area none;
	struct vmalloc_cpu *p = c->data;

	while (p->nr) {
		p->nr--;
		free_area(c, &p->held[p->nr]);
	}
	for (u32 i = c->id; i < BOARD_SLOTS; i += c->run->opt->cpus) {
		struct area a = exchange(&board[i], none);

		if (!a.addr)
			continue;
		change_owner(p, &a, 1);
		free_area(c, &a);
	}
}

static void vmalloc_drain(struct stress_run *run)
{
	(void)run;
	vm_unmap_aliases();
}

/* Frames behind vmalloc() and kernel stacks, and those that this workload gave to vmap(). */
static long vmalloc_pages(struct stress_run *run)
{
	long pages = (long)vmalloc_stats().pages;

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++)
		pages += vmalloc_of(run, cpu)->mapped;
	for (u32 i = 0; i < BOARD_SLOTS; i++)
		if (board[i].area.addr && board[i].area.kind == AREA_VMAP)
			pages += board[i].area.nr_pages;
	return pages;
}

/* ---- life cycle and results: host thread ---- */

struct bring_up {
	unsigned long bytes;
	int code;
};

/*
 * Page tables of the kernel's half stay once made: all of them are made before the machine is
 * counted.
 */
static void make_tables(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct bring_up *up = arg;

	up->code = page ? 0 : -ENOMEM;
	for (unsigned long off = 0; off < up->bytes && !up->code; off += PMD_SIZE) {
		up->code = kernel_map_pages(VMALLOC_START + off, &page, 1, PAGE_KERNEL);
		if (!up->code)
			kernel_unmap_pages(VMALLOC_START + off, 1);
	}
	if (page)
		__free_page(page);
	drain_all_pages(NULL);
}

static void vmalloc_stop(struct stress_run *run)
{
	(void)run;
	kva_shutdown();
	mmu_shutdown();
}

static int vmalloc_start(struct stress_run *run, struct mm_error *err)
{
	/* No more addresses than memory: running out of them is part of the load. */
	struct bring_up up = { .bytes = align_up(run->opt->mem_bytes, PMD_SIZE) };
	const struct kva_options kva = { .vmalloc_bytes = up.bytes };
	unsigned long managed = 0;
	struct zone *zone;
	int code = mmu_boot(NULL);

	memset(board, 0, sizeof(board));
	for (u32 i = 0; i < BOARD_SLOTS; i++)
		spin_lock_init(&board[i].lock, &board_class, NULL);
	if (!code)
		code = kva_boot(&kva);
	if (!code) {
		cpu_run(0, make_tables, &up);
		code = up.code;
	}
	if (code) {
		vmalloc_stop(run);
		return mm_error(err, code, "--mem: no memory for the page tables of as many "
				"addresses; give more");
	}
	for_each_zone(zone)
		managed += zone->managed_pages;
	vmap_lazy_max_pages = min(managed / 16, LAZY_MAX);
	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++)
		vmalloc_of(run, cpu)->share = min(managed / 2, PAGES_MAX) / run->opt->cpus;
	return 0;
}

static struct vmalloc_load_stats add_up(struct stress_run *run)
{
	struct vmalloc_load_stats sum = { 0 };

	for (unsigned int cpu = 0; cpu < run->opt->cpus; cpu++) {
		const u64 *from = (const u64 *)(const void *)&vmalloc_of(run, cpu)->stats;

		for (size_t i = 0; i < sizeof(sum) / sizeof(u64); i++)
			((u64 *)(void *)&sum)[i] += from[i];
	}
	return sum;
}

static json_t *vmalloc_report(struct stress_run *run)
{
	struct vmalloc_load_stats s = add_up(run);
	struct vmalloc_stats v = vmalloc_stats();
	json_t *obj = json_object();

#define PUT(from, member) \
	json_object_set_new(obj, #member, json_integer((json_int_t)(from).member))
	PUT(s, vmallocs);
	PUT(s, vzallocs);
	PUT(s, vmaps);
	PUT(s, refused);
	PUT(s, frees);
	PUT(s, pages);
	PUT(s, checks);
	PUT(s, looks);
	PUT(s, swaps);
	PUT(s, stacks);
	PUT(s, kmaps);
	PUT(v, purges);
	PUT(v, host_maps);
	PUT(v, lazy_pages);
#undef PUT
	return obj;
}

static void vmalloc_print(struct stress_run *run, FILE *out)
{
	struct vmalloc_load_stats s = add_up(run);
	struct vmalloc_stats v = vmalloc_stats();

	fprintf(out, "areas     %s vmalloc, %s vzalloc, %s vmap, %s pages together; %s refused\n",
		text_count(s.vmallocs).s, text_count(s.vzallocs).s, text_count(s.vmaps).s,
		text_count(s.pages).s, text_count(s.refused).s);
	fprintf(out, "          %s checked, %s looks at the board, %s changes of owner\n",
		text_count(s.checks).s, text_count(s.looks).s, text_count(s.swaps).s);
	fprintf(out, "purges    %s, %s pages lazy now; %s host maps\n", text_count(v.purges).s,
		text_count(v.lazy_pages).s, text_count(v.host_maps).s);
	fprintf(out, "others    %s kernel stacks, %s kmaps\n", text_count(s.stacks).s,
		text_count(s.kmaps).s);
}

const struct workload workload_vmalloc = {
	.name = "vmalloc",
	.doc = "Stresses kernel addresses: vmalloc, vmap, lazy purges, kernel stacks, kmap.\v"
	       "Exit status: 0 clean, 1 something was found, 2 wrong options.",
	.cpu_bytes = sizeof(struct vmalloc_cpu),
	.start = vmalloc_start,
	.step = vmalloc_step,
	.finish = vmalloc_finish,
	.drain = vmalloc_drain,
	.pages = vmalloc_pages,
	.stop = vmalloc_stop,
	.report = vmalloc_report,
	.print = vmalloc_print,
};
