/* SPDX-License-Identifier: MIT */
/* replay_state.h - the machine that a replay runs on: as recorded, with the lists as they stood. */
#ifndef STRESS_REPLAY_REPLAY_STATE_H
#define STRESS_REPLAY_REPLAY_STATE_H

#include "stress/replay/replay_run.h"

/* In a slot: the allocation failed, its free has nothing to do. */
#define REPLAY_FAILED	((struct page *)1)

struct replay_machine {
	const struct replay_plan *plan;
	const struct replay_options *opt;
	struct zone *zone[MAX_NR_ZONES_TOTAL];	/* of plan->zones[] */
	struct page **slots;		/* [plan->nr_slots] NULL: free */
	long reserve[MAX_NR_ZONES_TOTAL];	/* pages kept out of the free counter */
};

/* Boots the zones of the plan and its CPUs.  Host thread.  Returns 0 or -errno. */
__must_check int replay_machine_boot(struct replay_machine *m, const struct replay_plan *plan,
				     const struct replay_options *opt, struct mm_error *err);
void replay_machine_shutdown(struct replay_machine *m);

/* Sizes and content of the lists, stand-ins, the free counter.  On CPU 0, others idle. */
void replay_machine_fill(void *machine);
/* Forgets what locks and lists counted so far.  Nobody runs. */
void replay_machine_reset_counts(const struct replay_machine *m);
/* Frees everything again and checks that nothing is missing.  On CPU 0, others idle. */
void replay_machine_empty(void *machine);

/* This CPU's list of the plan's zone @zone. */
struct pagelist *replay_machine_list(const struct replay_machine *m, unsigned int cpu,
				     unsigned int zone);

#endif /* STRESS_REPLAY_REPLAY_STATE_H */
