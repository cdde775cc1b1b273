/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "testsuite.h"

static struct description first, second;
static struct profile_error error;
static char file[512];

static void describe(struct description *description, const char *name, uint32_t count)
{
	description->device_count = count;
	description->board_count = 1;
	snprintf(description->boards[0].name, sizeof(description->boards[0].name), "%s", name);
	for (uint32_t i = 0; i < count; i++)
		snprintf(description->devices[i].uuid, sizeof(description->devices[i].uuid),
			 "%s-%u", name, i);
}

static void set_up(void)
{
	snprintf(file, sizeof(file), "%s/" PAGE_FILE, testsuite_folder());
	describe(&first, "first", 8);
	describe(&second, "second", 3);
}

static void make_page(void)
{
	set_up();
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_CHANGED);
}

/* Overwrite bytes of the page, as nobody should. */
static void damage(off_t offset, const void *bytes, size_t size)
{
	int fd = open(file, O_WRONLY);

	CHECK(fd >= 0 && pwrite(fd, bytes, size, offset) == (ssize_t)size);
	close(fd);
}

static void check_refused(const char *reason)
{
	char expected[1024];

	CHECK(page_open(file, &error) == NULL);
	snprintf(expected, sizeof(expected), "cannot use device page %s: %s", file, reason);
	CHECK_STRING(error.text, expected);
}

static void check_shows(const char *name, uint32_t count)
{
	const struct page *page = page_open(file, &error);

	CHECK(page != NULL);
	CHECK_NUMBER(page_device_count(page), count);
	CHECK_STRING(page_description(page)->boards[0].name, name);
	CHECK(page_device(page, count) == NULL);
	page_close(page);
}

static ino_t inode(void)
{
	struct stat status;

	CHECK(stat(file, &status) == 0);
	return status.st_ino;
}

static void written_then_read(void)
{
	struct stat status;

	make_page();
	check_shows("first", 8);
	CHECK(stat(file, &status) == 0);
	CHECK_NUMBER(status.st_mode & 07777, 0644);
	CHECK_NUMBER(status.st_size, sizeof(struct page));
	/* Sparse: eight GPUs take some hundred kilobytes, not the file's size. */
	CHECK(status.st_blocks * 512 < 1024 * 1024);
}

static void the_same_changes_nothing(void)
{
	struct stat before, after;

	make_page();
	CHECK(stat(file, &before) == 0);
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_SAME);
	CHECK_NUMBER(page_write(file, &first, false, true, &error), PAGE_SAME);
	CHECK(stat(file, &after) == 0);
	CHECK_NUMBER(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

static void changed_in_place_and_seen_at_once(void)
{
	const struct page *page;
	ino_t before;

	make_page();
	before = inode();
	page = page_open(file, &error);
	CHECK(page != NULL);
	CHECK_NUMBER(page_write(file, &second, false, false, &error), PAGE_CHANGED);
	CHECK(inode() == before);
	CHECK_STRING(page_description(page)->boards[0].name, "second");
	CHECK_NUMBER(page_device_count(page), 3);
	CHECK(page_device(page, 5) == NULL);
	CHECK_NUMBER(atomic_load(&page->header.sequence) & 1, 0);
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_CHANGED);
	CHECK_STRING(page_description(page)->boards[0].name, "first");
	page_close(page);
}

static void dry_run_writes_nothing(void)
{
	set_up();
	CHECK_NUMBER(page_write(file, &first, false, true, &error), PAGE_CHANGED);
	CHECK(access(file, F_OK) != 0);
	make_page();
	CHECK_NUMBER(page_write(file, &second, false, true, &error), PAGE_CHANGED);
	check_shows("first", 8);
}

static void missing(void)
{
	char expected[1024];

	set_up();
	CHECK(page_open(file, &error) == NULL);
	snprintf(expected, sizeof(expected),
		 "cannot open device page %s: No such file or directory", file);
	CHECK_STRING(error.text, expected);
}

static void empty_is_rebuilt(void)
{
	make_page();
	CHECK(truncate(file, 0) == 0);
	check_refused("it is not a device page");
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_CHANGED);
	check_shows("first", 8);
}

static void truncated_is_rebuilt_in_place(void)
{
	ino_t before;

	make_page();
	before = inode();
	CHECK(truncate(file, sizeof(struct page) - 1) == 0);
	check_refused("it is truncated: run mock-nvml apply again");
	CHECK(truncate(file, 5000) == 0);
	check_refused("it is truncated: run mock-nvml apply again");
	CHECK_NUMBER(page_write(file, &second, false, false, &error), PAGE_CHANGED);
	check_shows("second", 3);
	CHECK(inode() == before);
}

static void foreign_file_is_kept(void)
{
	char content[4096] = "another program's firmware";
	int fd;
	char expected[1024];

	set_up();
	fd = open(file, O_CREAT | O_WRONLY, 0644);
	CHECK(write(fd, content, sizeof(content)) == (ssize_t)sizeof(content));
	close(fd);
	check_refused("it is not a device page");
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_ERROR);
	snprintf(expected, sizeof(expected),
		 "cannot write device page %s: there is a file that is not a device page; --force "
		 "replaces its content",
		 file);
	CHECK_STRING(error.text, expected);
	CHECK_NUMBER(page_write(file, &first, true, false, &error), PAGE_CHANGED);
	check_shows("first", 8);
}

static void future_format_is_refused(void)
{
	uint32_t format = PAGE_FORMAT + 1;

	make_page();
	damage(offsetof(struct page_header, format), &format, sizeof(format));
	check_refused("its format is newer than this library: use the library that came with it");
	CHECK_NUMBER(page_write(file, &second, false, false, &error), PAGE_ERROR);
	CHECK(strstr(error.text, "there is a page of a newer format; use the mock-nvml that came "
				 "with it, or --force") != NULL);
	CHECK_NUMBER(page_write(file, &second, true, false, &error), PAGE_CHANGED);
	check_shows("second", 3);
}

/* Who has the larger file mapped reads on to its end. */
static void a_larger_page_is_never_made_shorter(void)
{
	uint32_t format = PAGE_FORMAT + 1;
	struct stat status;

	make_page();
	CHECK(truncate(file, sizeof(struct page) + 65536) == 0);
	damage(offsetof(struct page_header, format), &format, sizeof(format));
	CHECK_NUMBER(page_write(file, &second, true, false, &error), PAGE_CHANGED);
	CHECK(stat(file, &status) == 0);
	CHECK_NUMBER(status.st_size, sizeof(struct page) + 65536);
	check_shows("second", 3);
}

static void older_format_is_rebuilt(void)
{
	uint32_t format = PAGE_FORMAT - 1;

	make_page();
	damage(offsetof(struct page_header, format), &format, sizeof(format));
	check_refused("its format is older than this library: run mock-nvml apply again");
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_CHANGED);
	check_shows("first", 8);
}

static void other_byte_order_is_refused(void)
{
	uint32_t endian = 0x04030201;

	make_page();
	damage(offsetof(struct page_header, endian), &endian, sizeof(endian));
	check_refused("it was written by a machine of the other byte order");
}

static void wrong_checksum_is_refused(void)
{
	off_t at = offsetof(struct page, areas[1].description.devices[3].serial);

	make_page();
	damage(at, "x", 1);
	check_refused("its checksum is wrong: run mock-nvml apply again");
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_CHANGED);
	check_shows("first", 8);
}

/* Counts beyond the arrays must not lead the checksum out of the file. */
static void wild_counts_are_refused(void)
{
	uint32_t count = 0xffffffff;

	make_page();
	damage(offsetof(struct page, areas[1].description.device_count), &count, sizeof(count));
	check_refused("its checksum is wrong: run mock-nvml apply again");
	make_page();
	damage(offsetof(struct page, areas[1].description.board_count), &count, sizeof(count));
	check_refused("its checksum is wrong: run mock-nvml apply again");
}

static void crash_between_areas_heals(void)
{
	uint64_t sequence = 7;

	make_page();
	damage(offsetof(struct page_header, sequence), &sequence, sizeof(sequence));
	check_shows("first", 8);
	CHECK_NUMBER(page_write(file, &second, false, false, &error), PAGE_CHANGED);
	check_shows("second", 3);
}

/* The file size limit stands for a full disk: the old description stays. */
static void full_disk_changes_nothing(void)
{
	struct rlimit limit = { 8192, 8192 };
	const struct page *page;

	make_page();
	page = page_open(file, &error);
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK_NUMBER(page_write(file, &second, false, false, &error), PAGE_ERROR);
	CHECK(strstr(error.text, "File too large") != NULL);
	CHECK_STRING(page_description(page)->boards[0].name, "first");
	CHECK_NUMBER(atomic_load(&page->header.sequence) & 1, 0);
	page_close(page);
	check_shows("first", 8);
}

static void no_new_file_on_full_disk(void)
{
	struct rlimit limit = { 8192, 8192 };

	set_up();
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK_NUMBER(page_write(file, &first, false, false, &error), PAGE_ERROR);
	CHECK(access(file, F_OK) != 0);
}

/* A reader sees the one description or the other, never a mix of both. */
static void read_until(const struct page *page, time_t end)
{
	while (time(NULL) < end) {
		char board[96], uuid[48], expected[64];
		uint32_t count;
		uint64_t generation;

		do {
			const struct description *description;

			generation = page_read_begin(page);
			description = page_description(page);
			memcpy(board, description->boards[0].name, sizeof(board));
			memcpy(uuid, description->devices[2].uuid, sizeof(uuid));
			count = description->device_count;
		} while (page_read_retry(page, generation));
		snprintf(expected, sizeof(expected), "%.40s-2", board);
		CHECK_STRING(uuid, expected);
		CHECK_NUMBER(count, strcmp(board, "first") == 0 ? 8 : 3);
	}
}

static void readers_and_writers_at_once(void)
{
	enum { READERS = 2, WRITERS = 2 };
	time_t end = time(NULL) + 2;
	pid_t children[READERS + WRITERS];
	const struct page *page;
	int status;

	make_page();
	page = page_open(file, &error);
	for (int i = 0; i < READERS + WRITERS; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		if (i < READERS)
			read_until(page, end);
		for (int n = 0; i >= READERS && time(NULL) < end; n++)
			CHECK(page_write(file, n % 2 ? &first : &second, false, false, &error) !=
			      PAGE_ERROR);
		exit(0);
	}
	for (int i = 0; i < READERS + WRITERS; i++) {
		CHECK(waitpid(children[i], &status, 0) == children[i]);
		CHECK_NUMBER(status, 0);
	}
}

static void makers_at_once_make_one_page(void)
{
	enum { MAKERS = 8 };
	pid_t children[MAKERS];
	int status;

	set_up();
	for (int i = 0; i < MAKERS; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		CHECK(page_write(file, &first, false, false, &error) != PAGE_ERROR);
		exit(0);
	}
	for (int i = 0; i < MAKERS; i++) {
		CHECK(waitpid(children[i], &status, 0) == children[i]);
		CHECK_NUMBER(status, 0);
	}
	check_shows("first", 8);
}

static void private_page_is_valid_to_look_at(void)
{
	struct page *page = page_private();

	CHECK(page != NULL);
	describe(&page->areas[0].description, "private", 1);
	CHECK_NUMBER(page_device_count(page), 1);
	CHECK_STRING(page_device(page, 0)->uuid, "private-0");
	page_close(page);
}

TESTSUITE(TEST(written_then_read), TEST(the_same_changes_nothing),
	  TEST(changed_in_place_and_seen_at_once), TEST(dry_run_writes_nothing), TEST(missing),
	  TEST(empty_is_rebuilt), TEST(truncated_is_rebuilt_in_place), TEST(foreign_file_is_kept),
	  TEST(future_format_is_refused), TEST(a_larger_page_is_never_made_shorter),
	  TEST(older_format_is_rebuilt), TEST(other_byte_order_is_refused),
	  TEST(wrong_checksum_is_refused), TEST(wild_counts_are_refused),
	  TEST(crash_between_areas_heals), TEST(full_disk_changes_nothing),
	  TEST(no_new_file_on_full_disk), TEST(readers_and_writers_at_once),
	  TEST(makers_at_once_make_one_page), TEST(private_page_is_valid_to_look_at))
