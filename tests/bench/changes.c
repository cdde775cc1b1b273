/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How soon another process sees a change. Each line it prints is "NAME NUMBER...":
 * microseconds, one number a round.
 *
 *	changes LIBRARY PAGE ROUNDS
 *
 * seen: from the beginning of a change until the next call of a process that asks
 * all the time. set: what the change took. wake: from the announcement of an
 * event until a process that slept in nvmlEventSetWait_v2 is awake. wait.cpu: how
 * much processor time that process used in all, in per cent.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>

#include "state_write.h"

#define MAX_ROUNDS 10000
#define PAUSE_US 1000

/* What both processes write to and read from. */
static struct shared {
	_Atomic int ready;
	_Atomic int round; /* that the other process has seen */
	double moment; /* when it has */
	double cpu_percent;
} *shared;

static nvmlDevice_t device;
static void *library;

#define CALL(name) ((__typeof__(&name))dlsym(library, #name))

static void die(const char *what, const char *on, const char *why)
{
	fprintf(stderr, "changes: Error while %s %s: %s\n", what, on, why);
	exit(1);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void start(const char *path)
{
	library = dlopen(path, RTLD_NOW);
	if (!library)
		die("loading", path, dlerror());
	if (CALL(nvmlInit_v2)() != NVML_SUCCESS ||
	    CALL(nvmlDeviceGetHandleByIndex_v2)(0, &device) != NVML_SUCCESS)
		die("starting", path, "no device 0");
}

static uint32_t power_limit(void)
{
	unsigned int limit = 0;

	CALL(nvmlDeviceGetPowerManagementLimit)(device, &limit);
	return limit;
}

/* Ask all the time, and say when the answer is another one. */
static void ask(int rounds)
{
	nvmlReturn_t (*get)(nvmlDevice_t, unsigned int *) = CALL(nvmlDeviceGetPowerManagementLimit);
	uint32_t last = power_limit();

	atomic_store(&shared->ready, 1);
	for (int round = 1; round <= rounds; round++) {
		unsigned int limit = last;

		while (limit == last)
			get(device, &limit);
		shared->moment = now_us();
		last = limit;
		atomic_store(&shared->round, round);
	}
}

static void wait_for_events(int rounds)
{
	struct rusage used;
	nvmlEventData_t data;
	nvmlEventSet_t set;
	double began, cpu;

	if (CALL(nvmlEventSetCreate)(&set) != NVML_SUCCESS ||
	    CALL(nvmlDeviceRegisterEvents)(device, nvmlEventTypeXidCriticalError, set) !=
		    NVML_SUCCESS)
		die("registering for", "events", "refused");
	began = now_us();
	atomic_store(&shared->ready, 1);
	for (int round = 1; round <= rounds; round++) {
		if (CALL(nvmlEventSetWait_v2)(set, &data, 60000) != NVML_SUCCESS)
			die("waiting for", "an event", "none came");
		shared->moment = now_us();
		atomic_store(&shared->round, round);
	}
	getrusage(RUSAGE_SELF, &used);
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
	      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	shared->cpu_percent = 100 * cpu / (now_us() - began);
}

static pid_t other(const char *path, void (*work)(int), int rounds)
{
	pid_t child;

	atomic_store(&shared->ready, 0);
	atomic_store(&shared->round, 0);
	child = fork();
	if (child == 0) {
		start(path);
		work(rounds);
		_exit(0);
	}
	while (!atomic_load(&shared->ready))
		usleep(PAUSE_US);
	return child;
}

static double seen_at(int round)
{
	while (atomic_load(&shared->round) < round)
		usleep(50);
	return shared->moment;
}

static void end(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status != 0)
		die("waiting for", "the other process", "it failed");
}

static void print_rounds(const char *name, const double *rounds, int count)
{
	printf("%s", name);
	for (int i = 0; i < count; i++)
		printf(" %.1f", rounds[i]);
	printf("\n");
}

static void open_page(struct state_writer *writer, const char *page)
{
	enum state_result result = state_begin_file(writer, page);

	if (result != STATE_OK)
		die("changing", page, state_reason(result));
}

static void measure_seen(const char *path, const char *page, int rounds)
{
	static double seen[MAX_ROUNDS], set[MAX_ROUNDS];
	pid_t child = other(path, ask, rounds);

	for (int i = 0; i < rounds; i++) {
		struct state_writer writer;
		double began;

		usleep(PAUSE_US);
		began = now_us();
		open_page(&writer, page);
		state_edit(&writer, 0)->readings.power_limit_mw = 200000 + (uint32_t)i;
		if (state_commit(&writer) != STATE_OK)
			die("changing", page, "not put in force");
		state_end(&writer);
		set[i] = now_us() - began;
		seen[i] = seen_at(i + 1) - began;
	}
	end(child);
	print_rounds("seen", seen, rounds);
	print_rounds("set", set, rounds);
}

static void measure_wake(const char *path, const char *page, int rounds)
{
	static double wake[MAX_ROUNDS];
	struct state_event event = { .type = nvmlEventTypeXidCriticalError, .data = 13 };
	pid_t child = other(path, wait_for_events, rounds);

	for (int i = 0; i < rounds; i++) {
		struct state_writer writer;
		double began;

		/* Long enough for it to sleep. */
		usleep(5 * PAUSE_US);
		open_page(&writer, page);
		began = now_us();
		if (state_announce(&writer, &event) != STATE_OK)
			die("announcing an event in", page, "refused");
		state_end(&writer);
		wake[i] = seen_at(i + 1) - began;
	}
	end(child);
	print_rounds("wake", wake, rounds);
	print_rounds("wait.cpu", &shared->cpu_percent, 1);
}

int main(int argc, char **argv)
{
	int rounds = argc == 4 ? atoi(argv[3]) : 0;

	if (rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: changes LIBRARY PAGE ROUNDS\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("sharing", "memory", "none left");
	measure_seen(argv[1], argv[2], rounds);
	measure_wake(argv[1], argv[2], rounds);
	return 0;
}
