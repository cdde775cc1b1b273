/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers that serve a whole family of fields each. */
#include "query_write.h"

#include <stdio.h>

nvmlReturn_t put_number(nvmlReturn_t result, char *out, unsigned int number)
{
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%u", number);
	return result;
}

nvmlReturn_t put_part(nvmlReturn_t result, char *out, unsigned int part, unsigned long long total,
		      unsigned long long used)
{
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%llu",
			 part == MEMORY_TOTAL  ? total
			 : part == MEMORY_USED ? used
					       : total - used);
	return result;
}

nvmlReturn_t put_word(nvmlReturn_t result, char *out, const char *word)
{
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%s", word);
	return result;
}

static const char *enabled_word(unsigned int state)
{
	return state == 0 ? "Disabled" : state == 1 ? "Enabled" : "Unknown";
}

nvmlReturn_t write_number(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &number);

	return put_number(result, out, number);
}

nvmlReturn_t write_numbered(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number = 0;
	nvmlReturn_t result = FUNCTION(get_numbered, field)(device, field->which, &number);

	return put_number(result, out, number);
}

nvmlReturn_t write_enabled(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &state);

	return put_word(result, out, enabled_word(state));
}

nvmlReturn_t write_switch(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &state);

	return put_word(result, out, state == NVML_FEATURE_ENABLED ? "Enabled" : "Disabled");
}

nvmlReturn_t write_text(nvmlDevice_t device, const struct field *field, char *out)
{
	return FUNCTION(get_text, field)(device, out, FIELD_SIZE);
}

nvmlReturn_t write_words(nvmlDevice_t device, const struct field *field, char *out)
{
	return FUNCTION(get_words, field)(device, field->which, out, FIELD_SIZE);
}

static nvmlReturn_t pair(nvmlDevice_t device, const struct field *field, unsigned int *number)
{
	unsigned int numbers[2] = { 0, 0 };
	nvmlReturn_t result = FUNCTION(get_pair, field)(device, &numbers[0], &numbers[1]);

	*number = numbers[field->which];
	return result;
}

nvmlReturn_t write_pair(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number;
	nvmlReturn_t result = pair(device, field, &number);

	return put_number(result, out, number);
}

nvmlReturn_t write_pair_enabled(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state;
	nvmlReturn_t result = pair(device, field, &state);

	return put_word(result, out, enabled_word(state));
}

nvmlReturn_t write_pair_switch(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state;
	nvmlReturn_t result = pair(device, field, &state);

	return put_word(result, out, state == NVML_DEVICE_MIG_ENABLE ? "Enabled" : "Disabled");
}

nvmlReturn_t write_gsp_mode(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state;
	nvmlReturn_t result = pair(device, field, &state);

	return put_word(result, out, state ? "Enabled" : "Disabled");
}

nvmlReturn_t write_operation_mode(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = { "All On", "Compute", "Low Double Precision" };
	unsigned int mode;
	nvmlReturn_t result = pair(device, field, &mode);

	return put_word(result, out, mode < COUNT(words) ? words[mode] : "Unknown");
}

nvmlReturn_t write_driver_model(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = { "WDDM", "TCC" };
	unsigned int model;
	nvmlReturn_t result = pair(device, field, &model);

	return put_word(result, out, model < COUNT(words) ? words[model] : "Unknown");
}

/* Single precision, as the vendor rounds: 400.555 W is written 400.55. */
static nvmlReturn_t put_watts(nvmlReturn_t result, char *out, unsigned int milliwatts)
{
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%.2f", (double)((float)milliwatts / 1000.0f));
	return result;
}

nvmlReturn_t write_watts(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int milliwatts = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &milliwatts);

	return put_watts(result, out, milliwatts);
}

nvmlReturn_t write_pair_watts(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int milliwatts;
	nvmlReturn_t result = pair(device, field, &milliwatts);

	return put_watts(result, out, milliwatts);
}

/* One of the values that NVML calls fields; @field->which is its id, @field->counter its scope. */
static nvmlReturn_t field_value(nvmlDevice_t device, const struct field *field,
				unsigned int *number)
{
	nvmlFieldValue_t value = { .fieldId = field->which, .scopeId = field->counter };
	nvmlReturn_t result = nvml.DeviceGetFieldValues(device, 1, &value);

	*number = value.value.uiVal;
	return result == NVML_SUCCESS ? value.nvmlReturn : result;
}

nvmlReturn_t write_field_value(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number;
	nvmlReturn_t result = field_value(device, field, &number);

	return put_number(result, out, number);
}

nvmlReturn_t write_signed_field(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number;
	nvmlReturn_t result = field_value(device, field, &number);

	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%d", (int)number);
	return result;
}

/* The vendor never writes less than a watt here. */
nvmlReturn_t write_field_watts(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int milliwatts;
	nvmlReturn_t result = field_value(device, field, &milliwatts);

	return put_watts(result, out, milliwatts < 1000 ? 1000 : milliwatts);
}

nvmlReturn_t write_exact_watts(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int milliwatts;
	nvmlReturn_t result = field_value(device, field, &milliwatts);

	return put_watts(result, out, milliwatts);
}

nvmlReturn_t write_field_yes(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number;
	nvmlReturn_t result = field_value(device, field, &number);

	return put_word(result, out, number ? "Yes" : "No");
}
