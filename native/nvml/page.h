/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The device page: one fixed-layout, versioned file that every process which
 * loads the library maps shared and read-only. mock-nvml writes it in place
 * under flock(); it is never replaced, because containers hold a bind mount of
 * its inode. A new description is written into the area that is not active and
 * switched in by the generation number, so a reader never sees half of one.
 */
#ifndef MIRAGE_PAGE_H
#define MIRAGE_PAGE_H

#include <stdatomic.h>

#include "motion_table.h"
#include "state.h"

#define PAGE_MAGIC "MIRAGEGP" /* 8 bytes, no NUL */
#define PAGE_FORMAT 4u
#define PAGE_FILE "gsp_mock.bin"

/* A description, and the running state that starts from it. */
struct page_area {
	uint64_t generation; /* the one this area was written for */
	uint64_t checksum; /* as description_checksum() */
	uint64_t reserved[6];
	struct description description;
	uint8_t reserved1[STATE_PIECE - (64 + sizeof(struct description)) % STATE_PIECE];
	struct state state;
};

struct page_header {
	char magic[8];
	uint32_t format;
	uint32_t endian; /* 0x01020304 in the writer's order */
	uint64_t file_size;
	uint32_t area_offset[2];
	uint32_t area_size;
	uint32_t events_offset;
	uint32_t events_count;
	uint32_t reserved1;
	/* Odd while mock-nvml writes the inactive area, even otherwise. */
	_Atomic uint64_t sequence;
	/* Active area: generation & 1. 0: never filled (private pages aside). */
	_Atomic uint64_t generation;
	/* Waiters of events sleep on this word with FUTEX_WAIT (shared). */
	_Atomic uint32_t event_futex;
	/* 1: instances have changed since the capability files were last seen to agree with them. */
	_Atomic uint32_t capabilities_due;
	/* How many events there have been; the last STATE_MAX_EVENTS are kept. */
	_Atomic uint64_t event_sequence;
	/* The one that the running state's times count from, as boot_now(); 0: not known. */
	_Atomic uint64_t boot;
	uint8_t reserved[4096 - 88];
};

_Static_assert(sizeof(struct page_header) == 4096, "header fills one page");

/* Sparse: what no area uses takes no disk, and what nobody reads no memory. */
struct page {
	struct page_header header;
	struct state_event events[STATE_MAX_EVENTS];
	uint8_t reserved[STATE_PIECE - STATE_MAX_EVENTS * sizeof(struct state_event) % STATE_PIECE];
	struct page_area areas[2];
	struct motion_room motion[PROFILE_MAX_DEVICES];
};

_Static_assert(offsetof(struct page, areas[0].state) % STATE_PIECE == 0 &&
		       offsetof(struct page, areas[1].state) % STATE_PIECE == 0,
	       "the pieces of state.h are the kernel's");

/*
 * The description in force now: look it up once per call, never keep it over
 * calls, so that a new profile is seen at once. It stays untouched until the
 * next-but-one apply, which itself keeps a distance of PAGE_GRACE_MS.
 */
#define PAGE_GRACE_MS 50

static inline const struct page_area *page_area(const struct page *page)
{
	uint64_t generation = atomic_load_explicit(&page->header.generation, memory_order_acquire);

	return &page->areas[generation & 1];
}

static inline const struct description *page_description(const struct page *page)
{
	return &page_area(page)->description;
}

static inline uint32_t page_device_count(const struct page *page)
{
	uint32_t n = page_description(page)->device_count;

	return n < PROFILE_MAX_DEVICES ? n : PROFILE_MAX_DEVICES;
}

/* The device's state in force; as long as it is, so is what it refers to. */
static inline const struct running *page_running(const struct page *page, uint32_t slot)
{
	const struct state_device *device = &page_area(page)->state.devices[slot];

	return state_running(device, atomic_load_explicit(&device->sequence, memory_order_acquire));
}

/* NULL when slot is past the count: the GPU is gone (NVML_ERROR_GPU_IS_LOST). */
static inline const struct device *page_device(const struct page *page, uint32_t slot)
{
	return slot < page_device_count(page) ? &page_description(page)->devices[slot] : NULL;
}

/*
 * For a getter that copies several values which must belong together:
 *	do {
 *		generation = page_read_begin(page);
 *		... copy from page_description(page) ...
 *	} while (page_read_retry(page, generation));
 */
static inline uint64_t page_read_begin(const struct page *page)
{
	return atomic_load_explicit(&page->header.generation, memory_order_acquire);
}

static inline bool page_read_retry(const struct page *page, uint64_t generation)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&page->header.generation, memory_order_relaxed) != generation;
}

/*
 * A copy of the event of that number, which header.event_sequence says is there;
 * false where it is no longer kept. The oldest one may be being overwritten right
 * now: of STATE_MAX_EVENTS one less is told.
 */
static inline bool page_event(const struct page *page, uint64_t number, struct state_event *event)
{
	*event = page->events[number % STATE_MAX_EVENTS];
	atomic_thread_fence(memory_order_acquire);
	return event->number == number &&
	       atomic_load_explicit(&page->header.event_sequence, memory_order_relaxed) - number <
		       STATE_MAX_EVENTS - 1;
}

/* Whether the running state's times are of another boot than this one. */
static inline bool page_is_past(const struct page_header *header, uint64_t boot)
{
	uint64_t there = atomic_load_explicit(&header->boot, memory_order_relaxed);

	return boot && there && boot != there;
}

/* Over what is in use: the system, its devices and its boards. */
uint64_t description_checksum(const struct description *description);

/* Map a page file. Returns NULL with one line in error (what, on what, why). */
const struct page *page_open(const char *file, struct profile_error *error);
void page_close(const struct page *page);

/* A private page in this process's memory: its areas[0] is active, and the
 * caller's to fill. NULL without memory. */
struct page *page_private(void);

/* Why a header or an area cannot be used, or NULL when it can. */
const char *page_reason(const struct page_header *header, uint64_t file_size);
const char *page_area_reason(const struct page *page, uint64_t generation);

/* The same for the running state of an area that can be used, and for the events. fd: of the page's file. */
const char *page_state_reason(const struct page *page, int fd, uint64_t generation,
			      struct profile_error *reason);

/* What of it a writer steps on, whichever device it changes. */
bool page_node_is_sound(const struct page *page, uint64_t generation);
bool page_events_are_sound(const struct page_header *header, int fd);

/* No waiter's place in the order is lost, nor is there anything left to tell. 0, or -1 with errno. */
int page_mend_events(const struct page *page, int fd);

/* What the header of a page without any description says. */
void page_header_init(struct page_header *header);

/* The running state that a private page's description starts with. */
void page_init_state(struct page *page);

/* --- page_write.c: mock-nvml only --- */

enum page_change { PAGE_ERROR = -1, PAGE_SAME = 0, PAGE_CHANGED = 1 };

/*
 * Bring file to description under its lock; make it (0644) where it is missing
 * or rebuild it where it is damaged. A file of another program or of a newer
 * format is rebuilt only with force. With dry_run nothing is written.
 */
enum page_change page_write(const char *file, const struct description *description, bool force,
			    bool dry_run, struct profile_error *error);

#endif
