// SPDX-License-Identifier: GPL-3.0-or-later
// A child of fork() has the memory of its parent and none of its other threads. What those allocate meanwhile is no
// question for the sanitizer, whose allocator is not made for it: see tests/native/test_loading.py.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "nvml_fixture.h"

static int exit_of(pid_t child)
{
	int status = -1;

	CHECK(waitpid(child, &status, 0) == child);
	return status;
}

static bool works(void)
{
	nvmlDevice_t device;
	nvmlEventSet_t set;
	nvmlEventData_t data;

	return nvmlDeviceGetHandleByIndex_v2(0, &device) == NVML_SUCCESS &&
	       nvmlDeviceSetPersistenceMode(device, 0) == NVML_SUCCESS &&
	       nvmlEventSetCreate(&set) == NVML_SUCCESS &&
	       nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set) ==
		       NVML_SUCCESS &&
	       nvmlEventSetWait_v2(set, &data, 1) == NVML_ERROR_TIMEOUT &&
	       nvmlEventSetFree(set) == NVML_SUCCESS;
}

static void *init(void *result)
{
	*(nvmlReturn_t *)result = nvmlInit_v2();
	return NULL;
}

/* A pipe for a profile: who reads it waits until somebody writes. */
static void a_child_forked_while_nvmlinit_reads_can_initialise(void)
{
	nvmlReturn_t result = NVML_SUCCESS;
	char path[512];
	pthread_t thread;
	pid_t child;
	int writer;

	snprintf(path, sizeof(path), "%s/fork.pipe", testsuite_folder());
	CHECK(mkfifo(path, 0600) == 0);
	setenv("MOCK_NVML_CONFIG", path, 1);
	CHECK(pthread_create(&thread, NULL, init, &result) == 0);
	/* There is no such writer before there is a reader. */
	while ((writer = open(path, O_WRONLY | O_NONBLOCK)) < 0 && errno == ENXIO)
		usleep(1000);
	CHECK(writer >= 0);
	/* For the sanitizer: the reader has what memory it takes, and waits. */
	usleep(100000);
	child = fork();
	if (child == 0) {
		alarm(10);
		use_profile("a100");
		if (nvmlShutdown() != NVML_SUCCESS || nvmlInit_v2() != NVML_SUCCESS || !works())
			_exit(1);
		_exit(nvmlShutdown() != NVML_SUCCESS);
	}
	CHECK_NUMBER(exit_of(child), 0);
	close(writer);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_NUMBER(result, NVML_ERROR_UNKNOWN);
}

static void *wait_long(void *set)
{
	nvmlEventData_t event;

	nvmlEventSetWait_v2(set, &event, 60000);
	return NULL;
}

/* The child has the waiter's place and not the waiter: nobody is to be waited for, and the page can go. */
static void a_child_does_not_wait_for_a_waiter_of_its_parent(void)
{
	nvmlEventSet_t set;
	pthread_t thread;
	pid_t child;

	first_gpu("a100");
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK(pthread_create(&thread, NULL, wait_long, set) == 0);
	wait_for_sleeper();
	child = fork();
	if (child == 0) {
		alarm(10);
		/* A page that somebody may still look at would stay. */
		if (nvmlShutdown() != NVML_SUCCESS || handle_source.page)
			_exit(1);
		_exit(nvmlInit_v2() != NVML_SUCCESS || !works());
	}
	CHECK_NUMBER(exit_of(child), 0);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK(pthread_join(thread, NULL) == 0);
}

static volatile pid_t forked;

static void *kick(void *sleeper)
{
	wait_for_sleeper();
	pthread_kill((pthread_t)(uintptr_t)sleeper, SIGUSR1);
	return NULL;
}

static void fork_here(int signal)
{
	(void)signal;
	forked = fork();
}

/* The child goes on where the thread was, and leaves a sleep that it has not entered itself. */
static void a_child_of_a_sleeper_is_no_sleeper_less(void)
{
	pid_t parent = getpid();
	nvmlEventSet_t set;
	pthread_t thread;
	nvmlEventData_t event;

	first_gpu("a100");
	CHECK(signal(SIGUSR1, fork_here) != SIG_ERR);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK(pthread_create(&thread, NULL, kick, (void *)(uintptr_t)pthread_self()) == 0);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 500), NVML_ERROR_TIMEOUT);
	if (getpid() != parent)
		_exit(api_sleepers() || nvmlShutdown() != NVML_SUCCESS || handle_source.page);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(forked > 0);
	CHECK_NUMBER(exit_of(forked), 0);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK(!handle_source.page);
}

TESTSUITE(TEST(a_child_forked_while_nvmlinit_reads_can_initialise),
	  TEST(a_child_does_not_wait_for_a_waiter_of_its_parent),
	  TEST(a_child_of_a_sleeper_is_no_sleeper_less))
