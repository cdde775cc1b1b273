/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static uint64_t boot_read(void)
{
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
	char text[64];
	ssize_t length;

	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text));
	close(fd);
	for (ssize_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3;
	return length > 0 ? boot_of(hash) : 0;
}

/* The low half tells whether the high one is right. */
uint64_t boot_of(uint64_t hash)
{
	uint32_t high = (uint32_t)(hash >> 32);

	return (uint64_t)high << 32 | (high ^ high >> 15) * 0x9e3779b1u;
}

bool boot_is_sound(uint64_t boot)
{
	return boot == boot_of(boot);
}

/* No process outlives its boot. */
uint64_t boot_now(void)
{
	static _Atomic uint64_t known;
	uint64_t boot = atomic_load_explicit(&known, memory_order_relaxed);

	if (!boot) {
		boot = boot_read();
		atomic_store_explicit(&known, boot, memory_order_relaxed);
	}
	return boot;
}
