/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps, smaps and smaps_rollup as the kernel prints them (fs/proc/task_mmu.c).
 *
 * On a CPU, task context, no locks; takes mmap_lock for reading and writes to @out without a
 * spinlock.  Each returns 0 or -EIO (@out failed).
 */
#ifndef MM_VMA_PROCMAPS_H
#define MM_VMA_PROCMAPS_H

#include <stdio.h>

#include "mm/vma/mm_types.h"

int proc_pid_maps(struct mm_struct *mm, FILE *out);
int proc_pid_smaps(struct mm_struct *mm, FILE *out);
int proc_pid_smaps_rollup(struct mm_struct *mm, FILE *out);

#endif /* MM_VMA_PROCMAPS_H */
