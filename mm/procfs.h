/* SPDX-License-Identifier: MIT */
/*
 * The /proc texts of the machine, in the kernel's exact formats, so that tools that read them read
 * ours: buddyinfo, pagetypeinfo, zoneinfo, vmstat, meminfo, iomem, and what others register.
 *
 * A counter that this machine does not keep is left out, never printed as 0.
 */
#ifndef MM_PROCFS_H
#define MM_PROCFS_H

#include <stdio.h>

#include "runtime/lib/types.h"

/*
 * Writes the file @name ("buddyinfo") to @out.  On a CPU in task context (zone->lock is taken
 * where the kernel takes it, never while writing to @out), or on the host thread while the
 * machine is quiescent.  Returns 0, -ENOENT (no such file) or -EIO (@out failed).
 */
__must_check int proc_show(const char *name, FILE *out);

/* Adds a file; boot.  @name must live on.  Registering the same name again replaces it. */
void proc_register(const char *name, void (*show)(FILE *out));

/* Name of file number @i, NULL behind the last: for lists and help texts. */
const char *proc_name(unsigned int i);

/* The texts themselves. */
void proc_show_buddyinfo(FILE *out);
void proc_show_pagetypeinfo(FILE *out);
void proc_show_zoneinfo(FILE *out);
void proc_show_vmstat(FILE *out);
void proc_show_meminfo(FILE *out);
void proc_show_iomem(FILE *out);

#endif /* MM_PROCFS_H */
