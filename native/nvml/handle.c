// SPDX-License-Identifier: GPL-3.0-or-later
#include "handle.h"

struct nvmlDevice_st handles[PROFILE_MAX_DEVICES];
struct source handle_source;

enum source_result handle_open(void)
{
	for (uint32_t i = 0; i < PROFILE_MAX_DEVICES; i++)
		handles[i].index = i;
	return source_open(&handle_source);
}

void handle_close(void)
{
	source_close(&handle_source);
}
