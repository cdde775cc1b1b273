/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams: nothing is ever under way in one. */
#ifndef MIRAGE_CUDA_STREAM_H
#define MIRAGE_CUDA_STREAM_H

#include <stdbool.h>

#include "cuda_types.h"

/* A living stream or one of the default ones. Under cuda_lock(). */
bool cuda_stream_valid(CUstream stream);

#endif
