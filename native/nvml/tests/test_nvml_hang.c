// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that sleep until their fault is over.
#include <pthread.h>

#include "fault_fixture.h"

/* Of the processor: what other programs take meanwhile is not in it. */
static double thread_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *clear_soon(void *unused)
{
	wait_for_sleeper();
	usleep(300000);
	clear();
	return unused;
}

static void a_hanging_call_sleeps_until_it_is_cleared(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_HANG);
	double began = seconds(), worked = thread_seconds();
	pthread_t thread;

	make_fail(&fault);
	CHECK(pthread_create(&thread, NULL, clear_soon, NULL) == 0);
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	CHECK(seconds() - began >= 0.29);
	CHECK(thread_seconds() - worked < (seconds() - began) / 2);
	pthread_join(thread, NULL);
}

static void a_hanging_call_ends_with_its_fault(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_HANG);
	double began = seconds();

	fault.until_ms = 300;
	make_fail(&fault);
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	CHECK(seconds() - began >= 0.29);
}

static void *replace_soon(void *unused)
{
	struct running_fault fault = fault_of(FAULT_NAME_HANG);

	wait_for_sleeper();
	usleep(100000);
	fault.until_ms = 300;
	make_fail(&fault);
	return unused;
}

/* The new one holds for the call that sleeps already. */
static void a_hang_that_takes_the_place_of_one_keeps_its_time(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_HANG);
	double began = seconds();
	pthread_t thread;

	make_fail(&fault);
	CHECK(pthread_create(&thread, NULL, replace_soon, NULL) == 0);
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	CHECK(seconds() - began >= 0.39);
	pthread_join(thread, NULL);
}

static void *postpone_soon(void *unused)
{
	struct running_fault fault = fault_of(FAULT_NAME_HANG);

	wait_for_sleeper();
	usleep(100000);
	fault.after_calls = 100;
	make_fail(&fault);
	return unused;
}

static void a_hang_that_comes_later_lets_the_call_go(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_HANG);
	double began = seconds();
	pthread_t thread;

	make_fail(&fault);
	CHECK(pthread_create(&thread, NULL, postpone_soon, NULL) == 0);
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	CHECK(seconds() - began >= 0.09);
	pthread_join(thread, NULL);
}

static void *shut_down_soon(void *unused)
{
	wait_for_sleeper();
	usleep(300000);
	nvmlShutdown();
	return unused;
}

static void a_hanging_call_survives_the_end_of_the_library(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_HANG);
	pthread_t thread;

	make_fail(&fault);
	CHECK(pthread_create(&thread, NULL, shut_down_soon, NULL) == 0);
	CHECK_NUMBER(call(device), NVML_ERROR_UNINITIALIZED);
	pthread_join(thread, NULL);
}

/* What holds beside a hang is met when the hang ends. */
static void faults_are_met_together(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault hang = fault_of(FAULT_NAME_HANG);
	struct running_fault error = fault_of(FAULT_NAME_ERROR);

	hang.until_ms = 100;
	error.code = NVML_ERROR_RESET_REQUIRED;
	make_fail(&hang);
	make_fail(&error);
	CHECK_NUMBER(call(device), NVML_ERROR_RESET_REQUIRED);
}

TESTSUITE(TEST(a_hanging_call_sleeps_until_it_is_cleared), TEST(a_hanging_call_ends_with_its_fault),
	  TEST(a_hang_that_takes_the_place_of_one_keeps_its_time),
	  TEST(a_hang_that_comes_later_lets_the_call_go),
	  TEST(a_hanging_call_survives_the_end_of_the_library), TEST(faults_are_met_together))
