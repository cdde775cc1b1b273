/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page_file.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 10000
#define LOCK_PAUSE_MS 20

void pause_ms(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		continue;
}

/* Most hold it for microseconds, mock-nvml apply for some milliseconds. */
int page_file_lock(int fd)
{
	long waited = 0, pause = 1;

	for (; waited < LOCK_WAIT_MS; waited += pause) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		pause_ms(pause);
		if (waited > LOCK_PAUSE_MS)
			pause = LOCK_PAUSE_MS;
	}
	errno = EBUSY;
	return -1;
}

void page_file_close(int fd)
{
	int saved = errno;

	flock(fd, LOCK_UN);
	close(fd);
	errno = saved;
}

int page_file_write(int fd, const void *data, size_t size, uint64_t offset)
{
	const char *bytes = data;

	while (size) {
		ssize_t done = pwrite(fd, bytes, size, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		bytes += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

int make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int result;

		*slash = '\0';
		result = mkdir(path, 0755);
		*slash = '/';
		if (result != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}
