/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MIRAGE_MOCK_NVML_FAULT_H
#define MIRAGE_MOCK_NVML_FAULT_H

#include "fault_kind.h"
#include "json.h"
#include "mock_nvml.h"

/* The members of a fault: its kind, what it was asked for, its times. */
void print_fault(struct json *json, const struct running_fault *fault, uint64_t now);

/* The request that a command line makes; EXIT_OK or a complaint. */
int parse_fault(const struct options *options, struct running_fault *fault);

/* Seconds such as 1.5 as milliseconds; EXIT_OK or a complaint. NULL: as it is. */
int parse_seconds(const char *name, const char *text, uint64_t *milliseconds);

#endif
