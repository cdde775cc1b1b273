# SPDX-License-Identifier: GPL-3.0-or-later
# Threads may call nvmlInit at once: what it does before it takes its lock is watched by the thread sanitizer.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/threads.c" <<'END'
#include <pthread.h>
#include <stddef.h>

#include "log.h"

static void *work(void *unused)
{
	for (int i = 0; i < 1000; i++) {
		log_setup();
		log_debug("%d", i);
	}
	return unused;
}

int main(void)
{
	pthread_t other;

	if (pthread_create(&other, NULL, work, NULL))
		return 1;
	work(NULL);
	return pthread_join(other, NULL);
}
END
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -I. -g -fsanitize=thread "$folder/threads.c" log.c -o "$folder/threads" -lpthread
# The sanitizer cannot place its memory under every way of choosing addresses at random.
setarch -R "$folder/threads"
