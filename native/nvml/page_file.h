/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the writers of a page's file share. */
#ifndef MIRAGE_PAGE_FILE_H
#define MIRAGE_PAGE_FILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Take the lock that all writers take, until page_file_close(). A holder that hangs
 * must not hang everyone: after ten seconds -1 with errno EBUSY.
 */
int page_file_lock(int fd);

/* Give the lock back, where fd may be shared with a child of fork() that lives on, and close. */
void page_file_close(int fd);

/* All of data at offset, or -1 with errno. */
int page_file_write(int fd, const void *data, size_t size, uint64_t offset);

/* Every folder of path but its last part, which is cut off meanwhile; -1 with errno. */
int make_parents(char *path);

void pause_ms(long milliseconds);

#endif
