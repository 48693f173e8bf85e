/* SPDX-License-Identifier: MIT */
/*
 * The object behind shared anonymous memory: pages by index, kept until the last area is gone
 * (mm/shmem.c, without files and swap).
 */
#ifndef MM_VMA_SHMEM_H
#define MM_VMA_SHMEM_H

#include "mm/page/page_alloc.h"
#include "mm/vma/mm_types.h"

/* An object of @nr_pages pages, none of them there yet, with one reference.  NULL: no memory. */
struct shmem_object *shmem_create(unsigned long nr_pages) __must_check;
void shmem_get(struct shmem_object *obj);
/* The last reference frees the pages.  Task context, no spinlock. */
void shmem_put(struct shmem_object *obj);

/* A number for reports: the inode of /proc/PID/maps. */
unsigned long shmem_id(const struct shmem_object *obj);
unsigned long shmem_nr_pages(const struct shmem_object *obj);

/*
 * Page @index with a reference for the caller, made (zeroed) when it is not there yet.  Errors:
 * -EFAULT beyond the end (the task gets SIGBUS), -ENOMEM.  Task context, no spinlock.
 */
int shmem_get_page(struct shmem_object *obj, unsigned long index, struct page **page) __must_check;
/* The same without making one: NULL when it is not there. */
struct page *shmem_find_page(struct shmem_object *obj, unsigned long index);

/* Calls fn(index, page, arg) for each page, ascending; nobody adds one meanwhile. */
void shmem_for_each_page(const struct shmem_object *obj,
			 void (*fn)(unsigned long index, struct page *page, void *arg), void *arg);
/* References of a quiescent object, and objects that exist: for checks. */
int shmem_refcount(const struct shmem_object *obj);
long nr_shmem_objects(void);

int shmem_boot(void) __must_check;
void shmem_shutdown(void);

#endif /* MM_VMA_SHMEM_H */
