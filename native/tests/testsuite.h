/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A test program is a list of tests; each runs in a process of its own, so that
 * a crash is one failed test and no test sees what another left behind.
 */
#ifndef MIRAGE_TESTSUITE_H
#define MIRAGE_TESTSUITE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(function) { #function, function }

#define CHECK(condition)                                                                          \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                                  \
		}                                                                                 \
	} while (0)

#define CHECK_NUMBER(actual, expected)                                                       \
	do {                                                                                 \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);  \
		if (actual_ != expected_) {                                                  \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, \
				#actual, actual_, expected_);                                \
			exit(1);                                                             \
		}                                                                            \
	} while (0)

#define CHECK_STRING(actual, expected)                                                           \
	do {                                                                                     \
		const char *actual_ = (actual), *expected_ = (expected);                         \
		if (strcmp(actual_, expected_) != 0) {                                           \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, \
				#actual, actual_, expected_);                                    \
			exit(1);                                                                 \
		}                                                                                \
	} while (0)

static inline int testsuite_run_one(const struct test *test)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		test->run();
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: killed by signal %d\n", test->name, WTERMSIG(status));
	else
		fprintf(stderr, "%s: failed\n", test->name);
	return 1;
}

static inline int testsuite_run(const struct test *tests, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count; i++)
		failed += testsuite_run_one(&tests[i]);
	return failed ? 1 : 0;
}

#define TESTSUITE(...)                                                         \
	int main(void)                                                         \
	{                                                                      \
		static const struct test tests[] = { __VA_ARGS__ };            \
                                                                               \
		return testsuite_run(tests, sizeof(tests) / sizeof(tests[0])); \
	}

/* A folder of the test's own; removed by the shell that runs the tests. */
static inline const char *testsuite_folder(void)
{
	static char folder[256];
	const char *base = getenv("TEST_TMPDIR");

	snprintf(folder, sizeof(folder), "%s/XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(1);
	}
	return folder;
}

#endif
