/* SPDX-License-Identifier: MIT */
/*
 * The simulated TLB of a CPU: what hardware would keep, and the operations it offers to the kernel.
 *
 * Two levels, as on real CPUs.  The main TLB has sets x ways entries tagged with an ASID; it holds
 * 4 KiB, 2 MiB and global entries.  In front of it a direct-mapped array answers the common case in
 * a few instructions (mm/mmu/access.h); every front entry repeats a valid main entry.
 *
 * Context: the CPU's own, with interrupts off or inside one access; nobody touches another's TLB.
 */
#ifndef MM_MMU_TLB_H
#define MM_MMU_TLB_H

#include "mm/mmu/pgtable_types.h"
#include "percpu/percpu.h"
#include "runtime/tsan.h"

/* Address spaces a TLB can keep apart; tag 0 is the kernel's, 1..6 are slots (TLB_NR_DYN_ASIDS). */
#define TLB_NR_DYN_ASIDS	6
#define TLB_NR_TAGS		(TLB_NR_DYN_ASIDS + 1)

/* As large as the second-level TLBs of its time: 4 MiB of 4 KiB pages. */
#define TLB_DEFAULT_SETS	256u
#define TLB_DEFAULT_WAYS	4u

#define TLB_FRONT_SIZE		256u	/* 1 MiB of pages; 8 KiB of host cache */

/*
 * What a front entry compares: the page address with the salt of the ASID's present life in bits
 * 3..11, or-ed with the low address bits that must be clear for the access to be aligned.  Salts
 * are 1..510, so all ones is no key.
 */
#define TLB_SALT_SHIFT		3
#define TLB_SALT_MAX		510u
#define TLB_NO_KEY		(~0UL)

struct tlb_front {
	unsigned long rkey, wkey;	/* key of a read and of a write that hit */
	unsigned long addend;		/* host address - simulated address */
	unsigned long unused;		/* keeps the index a shift */
};

struct tlb_entry {
	unsigned long tag;		/* page address; bit 0: 2 MiB page */
	u64 life;			/* equals the life of its ASID while valid */
	u64 pte;			/* leaf as walked, RW/US/NX combined over the levels */
	u32 generation;			/* of the frame's block when filled (oracle) */
	u16 head_off;			/* frames from the head of that block to this one */
	u8 asid;
	u8 global;
};

/* Exact counts; the CPU's own, read by reports. */
struct tlb_stats {
	u64 hits;			/* in the main TLB: the front missed or is off */
	u64 misses;			/* walks */
	u64 faults;			/* walks that ended in the fault handler */
	u64 evictions;			/* valid entries replaced */
	u64 entries_flushed;		/* valid entries dropped by any flush */
	u64 flushes_asid;		/* whole ASID */
	u64 flushes_page;		/* one page */
	u64 flushes_all;		/* everything, global entries too */
	u64 switches;			/* to another address space */
	u64 switches_no_flush;		/* ... whose entries were still good */
	u64 ipis_sent;			/* flush IPIs, one per target */
	u64 ipis_skipped_lazy;
	u64 ipis_skipped_other;		/* the CPU had another address space loaded */
	u64 ipis_received;
	u64 ipis_received_useless;	/* a newer flush had done the work, or wrong CPU */
	u64 lazy_drops;			/* flush found this CPU lazy: went to init_mm */
	u64 deferred;			/* flushes put into a batch (reclaim) */
};

struct cpu_tlb {
	/* The line of the fast path. */
	unsigned long front_salt;	/* the loaded ASID's, shifted; 0: no front */
	char token;			/* TSan: a step and a flush on one CPU never overlap */
	u8 asid;			/* tag of the loaded address space */
	u16 next_salt;
	u16 salt[TLB_NR_TAGS];
	bool suspended;			/* lazy: no front until the next tlb_load_asid() */

	struct tlb_entry *entries;	/* [sets][ways] */
	u8 *next_way;			/* [sets] */
	u32 set_mask;
	u32 ways;
	u64 next_life;
	u64 life[TLB_NR_TAGS];		/* current life of each ASID */
	u64 life_global;
	u32 nr_live[TLB_NR_TAGS];	/* valid entries of each ASID */
	u32 nr_live_global;
	u32 nr_huge[TLB_NR_TAGS];	/* of these, 2 MiB entries: 0 means do not look for any */
	u32 nr_huge_global;
	struct tlb_stats stats;
	struct tlb_front front[TLB_FRONT_SIZE] __cacheline_aligned;
} __cacheline_aligned;

/* Task and hardirq of its CPU, never both at once (see struct's token). */
DECLARE_PER_CPU(struct cpu_tlb, cpu_tlbs);

/* Marks an access or a flush on this CPU for ThreadSanitizer: they exclude and order each other. */
static inline void tlb_step_begin(struct cpu_tlb *tlb)
{
	tsan_acquire(&tlb->token);
}

static inline void tlb_step_end(struct cpu_tlb *tlb)
{
	tsan_release(&tlb->token);
}

/* ---- options: boot time or quiescent machine ---- */

struct tlb_options {
	unsigned int sets, ways;	/* powers of two <= 4096, 1..16; 0: default */
	bool oracle;			/* compare frame generations on every access */
	bool count_hits;		/* count every hit: the front is off */
};

extern struct tlb_options tlb_options;
/* Either option sends every access through the main TLB. */
extern bool tlb_front_off;
/* Switches the oracle or the counting; every CPU's TLB must be flushed after it.  Quiescent. */
void tlb_set_checks(bool oracle, bool count_hits);

/* ---- operations ---- */

/* The entry for @addr under the loaded ASID, or NULL. */
struct tlb_entry *tlb_lookup(struct cpu_tlb *tlb, unsigned long addr);

/* A walked translation. */
struct tlb_walk {
	u64 pte;		/* leaf with combined rights */
	bool huge;
};

/* Enters a translation of the page of @addr and returns its entry. */
struct tlb_entry *tlb_fill(struct cpu_tlb *tlb, unsigned long addr, const struct tlb_walk *walk);

/* Repeats @entry in the front for the 4 KiB page of @addr, user pages only. */
void tlb_front_fill(struct cpu_tlb *tlb, unsigned long addr, const struct tlb_entry *entry);

/*
 * Drops the loaded ASID's and global entries of the page of @addr, of either size: what a faulting
 * access does by itself.  Returns how many.
 */
unsigned int tlb_drop_page(struct cpu_tlb *tlb, unsigned long addr);
/* INVLPG: the same, counted as a flush. */
void tlb_flush_one(struct cpu_tlb *tlb, unsigned long addr);
/* The same for a page of the kernel's half under every ASID. */
void tlb_flush_one_kernel(struct cpu_tlb *tlb, unsigned long addr);
/* Drops what is tagged @asid; global entries stay. */
void tlb_flush_asid(struct cpu_tlb *tlb, unsigned int asid);
/* Drops everything. */
void tlb_flush_everything(struct cpu_tlb *tlb);
/* From now on accesses use the entries of @asid. */
void tlb_load_asid(struct cpu_tlb *tlb, unsigned int asid);
/* Accesses find no front entry until the next tlb_load_asid(): the CPU is lazy. */
void tlb_suspend(struct cpu_tlb *tlb);

/* Valid entries of all ASIDs, global ones included; for tests and reports. */
unsigned int tlb_nr_valid(const struct cpu_tlb *tlb);
/* Counts agree with entries, every front entry repeats a valid main entry.  VM_CHECK. */
bool tlb_is_valid(const struct cpu_tlb *tlb);

/* Sum over all CPUs.  Any thread. */
struct tlb_stats tlb_stats_sum(void);
void tlb_stats_reset(void);

int tlb_boot(const struct tlb_options *opt) __must_check;
void tlb_shutdown(void);

#endif /* MM_MMU_TLB_H */
