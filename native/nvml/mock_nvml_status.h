/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MIRAGE_MOCK_NVML_STATUS_H
#define MIRAGE_MOCK_NVML_STATUS_H

#include "mock_nvml_change.h"

/* What mock-nvml process list prints. */
int print_process_lists(const struct options *options, const struct targets *targets);

#endif
