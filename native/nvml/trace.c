// SPDX-License-Identifier: GPL-3.0-or-later
#include "trace.h"

struct trace_row trace_row_empty(void)
{
	return (struct trace_row){
		.power_mw = TRACE_NONE_U32,
		.memory_used_mib = TRACE_NONE_U32,
		.reasons = TRACE_NONE_U32,
		.graphics_mhz = TRACE_NONE_U16,
		.sm_mhz = TRACE_NONE_U16,
		.memory_mhz = TRACE_NONE_U16,
		.video_mhz = TRACE_NONE_U16,
		.temperature_c = TRACE_NONE_I16,
		.memory_temperature_c = TRACE_NONE_I16,
		.gpu = TRACE_NONE_U8,
		.memory = TRACE_NONE_U8,
		.encoder = TRACE_NONE_U8,
		.decoder = TRACE_NONE_U8,
		.fan = TRACE_NONE_U8,
		.performance_state = TRACE_NONE_U8,
	};
}

uint32_t trace_find(const struct trace *trace, uint32_t at_ms)
{
	uint32_t low = 0, high = trace->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (trace->rows[middle].at_ms <= at_ms)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void trace_set_speed(struct trace *trace, uint32_t percent)
{
	for (uint32_t i = 0; i < trace->count; i++)
		trace->rows[i].at_ms = (uint32_t)((uint64_t)trace->rows[i].at_ms * 100 / percent);
	trace->length_ms = (uint32_t)((uint64_t)trace->length_ms * 100 / percent);
	trace->speed_percent = percent;
}
