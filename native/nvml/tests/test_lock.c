/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lock.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testsuite.h"

#define THREADS 4
#define ROUNDS 20000

static struct lock lock;
static unsigned long counted; /* under the lock */
static _Atomic int held;

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		counted++;
		lock_leave(&lock);
	}
	return unused;
}

static void one_thread_has_it_at_a_time(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK_NUMBER(counted, THREADS * ROUNDS);
	CHECK_NUMBER(lock.word, 0);
}

static void *hold(void *unused)
{
	lock_take(&lock);
	atomic_store(&held, 1);
	while (atomic_load(&held) == 1)
		usleep(1000);
	lock_leave(&lock);
	return unused;
}

/* It sleeps, or will in a moment. */
static void wait_for_waiter(void)
{
	for (int tries = 0; tries < 10000 && !(atomic_load(&lock.word) & LOCK_WAITED); tries++)
		usleep(1000);
	CHECK((atomic_load(&lock.word) & LOCK_WAITED) != 0);
}

static int exit_of(pid_t child)
{
	int status = -1;

	CHECK(waitpid(child, &status, 0) == child);
	return status;
}

static void a_child_finds_free_what_a_thread_of_its_parent_holds(void)
{
	pthread_t holder, waiter;
	pid_t child;

	CHECK(pthread_create(&holder, NULL, hold, NULL) == 0);
	while (!atomic_load(&held))
		usleep(1000);
	/* One that sleeps for it marks the lock, and is not in the child either. */
	CHECK(pthread_create(&waiter, NULL, count, NULL) == 0);
	wait_for_waiter();
	child = fork();
	if (child == 0) {
		alarm(10);
		count(NULL);
		_exit(0);
	}
	CHECK_NUMBER(exit_of(child), 0);
	/* In the parent it is held still. */
	CHECK_NUMBER(counted, 0);
	atomic_store(&held, 2);
	CHECK(pthread_join(holder, NULL) == 0);
	CHECK(pthread_join(waiter, NULL) == 0);
	CHECK_NUMBER(counted, ROUNDS);
}

static void what_this_process_holds_is_not_free(void)
{
	pthread_t waiter;

	lock_take(&lock);
	CHECK(pthread_create(&waiter, NULL, count, NULL) == 0);
	wait_for_waiter();
	CHECK_NUMBER(counted, 0);
	lock_leave(&lock);
	CHECK(pthread_join(waiter, NULL) == 0);
	CHECK_NUMBER(counted, ROUNDS);
}

TESTSUITE(TEST(one_thread_has_it_at_a_time),
	  TEST(a_child_finds_free_what_a_thread_of_its_parent_holds),
	  TEST(what_this_process_holds_is_not_free))
