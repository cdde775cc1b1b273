/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the groups of field values share. A group answers its own numbers. */
#ifndef MIRAGE_FIELD_H
#define MIRAGE_FIELD_H

#include "nvml_internal.h"

/* What a group says of a number that another group knows. */
#define NOT_MINE NVML_ERROR_NOT_FOUND

static inline nvmlReturn_t put_u32(nvmlFieldValue_t *field, uint32_t value)
{
	field->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
	field->value.ullVal = 0;
	return answer_u32(&field->value.uiVal, value);
}

static inline nvmlReturn_t put_u64(nvmlFieldValue_t *field, uint64_t value)
{
	field->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
	return answer_u64(&field->value.ullVal, value);
}

static inline nvmlReturn_t put_i32(nvmlFieldValue_t *field, int32_t value)
{
	field->valueType = NVML_VALUE_TYPE_SIGNED_INT;
	field->value.ullVal = 0;
	return answer_i32(&field->value.siVal, value);
}

static inline bool between(unsigned int id, unsigned int first, unsigned int last)
{
	return id >= first && id <= last;
}

/* Any field: its value, or why there is none. */
nvmlReturn_t field_value(const struct gpu *gpu, nvmlFieldValue_t *field);

nvmlReturn_t field_link_counter(const struct gpu *gpu, nvmlFieldValue_t *field);
nvmlReturn_t field_link_speed(const struct gpu *gpu, nvmlFieldValue_t *field);
nvmlReturn_t field_link(const struct gpu *gpu, nvmlFieldValue_t *field);
nvmlReturn_t field_c2c(const struct gpu *gpu, nvmlFieldValue_t *field);

#endif
