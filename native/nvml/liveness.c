/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMESPACE_SHIFT 8

/* What /proc tells of a process. */
struct life {
	char state;
	long threads;
	uint64_t started_ms;
};

uint32_t liveness_namespace(void)
{
	char text[64] = "";
	unsigned int number = 0;

	/* "pid:[4026531836]" */
	if (readlink("/proc/self/ns/pid", text, sizeof(text) - 1) > 0)
		sscanf(text, "pid:[%u]", &number);
	return number << NAMESPACE_SHIFT;
}

/* Fields 3, 20 and 22 of the line; the name before them may hold anything. */
static bool parse(const char *text, struct life *life)
{
	const char *fields = strrchr(text, ')');
	uint64_t ticks;

	if (!fields || sscanf(fields + 1,
			      " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			      "%*s %ld %*s %" SCNu64,
			      &life->state, &life->threads, &ticks) != 3)
		return false;
	life->started_ms = ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return true;
}

/* A /proc that is mounted may be another namespace's, with other numbers. */
static bool proc_is_own(void)
{
	char text[16] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) > 0 && atoi(text) == getpid();
}

static bool look(uint32_t pid, struct life *life)
{
	char path[40], text[1024];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return parse(text, life);
}

struct liveness liveness_observer(void)
{
	return (struct liveness){ liveness_namespace(), proc_is_own() };
}

uint64_t liveness_started(void)
{
	struct life life;

	return proc_is_own() && look((uint32_t)getpid(), &life) ? life.started_ms : 0;
}

bool liveness_is_recorded(const struct running_process *process)
{
	return process->process.type & ~(uint32_t)LIVENESS_TYPES;
}

/* Nobody is at home behind the first thread of a program that has ended and not been waited for. */
static bool is_zombie(const struct life *life)
{
	return (life->state == 'Z' || life->state == 'X') && life->threads <= 1;
}

/* The signal is asked first: /proc may hide the processes of others. */
bool liveness_is_dead(const struct running_process *process, const struct liveness *observer)
{
	struct life life;
	int saved = errno;
	bool gone;

	if (!observer->namespace ||
	    (process->process.type & ~(uint32_t)LIVENESS_TYPES) != observer->namespace)
		return false;
	gone = kill((pid_t)process->process.pid, 0) != 0 && errno == ESRCH;
	/* Another one may have the number by now. */
	if (!gone && observer->proc && look(process->process.pid, &life))
		gone = is_zombie(&life) ||
		       (process->started_ms && process->started_ms != life.started_ms);
	errno = saved;
	return gone;
}

static bool any_recorded(const struct running *running)
{
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		if (liveness_is_recorded(&running->processes[i]))
			return true;
	return false;
}

static uint64_t memory_of(const struct running_process *process)
{
	return process->process.used_memory == NA_U64 ? 0 : process->process.used_memory;
}

uint64_t liveness_dead_memory(const struct running *running, uint32_t gpu_instance)
{
	uint64_t memory = 0;
	struct liveness observer;

	if (!any_recorded(running))
		return 0;
	observer = liveness_observer();
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		if ((gpu_instance == STATE_NO_INSTANCE ||
		     running->processes[i].gpu_instance == gpu_instance) &&
		    liveness_is_dead(&running->processes[i], &observer))
			memory += memory_of(&running->processes[i]);
	return memory;
}

void liveness_take_away(struct running *running, uint32_t index)
{
	uint64_t memory = memory_of(&running->processes[index]);

	running->readings.memory_used -=
		memory < running->readings.memory_used ? memory : running->readings.memory_used;
	running->process_count--;
	memmove(&running->processes[index], &running->processes[index + 1],
		(running->process_count - index) * sizeof(running->processes[0]));
	memset(&running->processes[running->process_count], 0, sizeof(running->processes[0]));
}

void liveness_bury(struct running *running)
{
	struct liveness observer;

	if (!any_recorded(running))
		return;
	observer = liveness_observer();
	for (uint32_t i = running->process_count; i-- > 0;)
		if (liveness_is_dead(&running->processes[i], &observer))
			liveness_take_away(running, i);
}
