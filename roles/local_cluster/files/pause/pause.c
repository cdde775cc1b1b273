// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The process that holds a pod's namespaces: it waits, collects orphans, and ends when it is told to.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(int number)
{
	(void)number;
	_exit(EXIT_SUCCESS);
}

static void collect(int number)
{
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	struct sigaction stopping = { .sa_handler = stop };
	struct sigaction collecting = { .sa_handler = collect, .sa_flags = SA_NOCLDSTOP };

	/* The first process of a pid namespace gets no signal that it has not asked for. */
	if (sigaction(SIGINT, &stopping, NULL) || sigaction(SIGTERM, &stopping, NULL) ||
	    sigaction(SIGCHLD, &collecting, NULL))
		return EXIT_FAILURE;
	for (;;)
		pause();
}
