/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tools/gen_libcuda.py writes is made of these. */
#ifndef MIRAGE_CUDA_UNSUPPORTED_H
#define MIRAGE_CUDA_UNSUPPORTED_H

#include "cuda_types.h"

/* CUDA_ERROR_NOT_INITIALIZED before cuInit(), then CUDA_ERROR_NOT_SUPPORTED. */
CUresult cuda_unsupported(const char *function);
/* Between the two, CUDA_ERROR_INVALID_VALUE without a place for the answer. */
CUresult cuda_unsupported_answer(const char *function, const void *answer);

#define CUDA_EXPORTED __attribute__((visibility("default")))

/* Defined elsewhere; the table takes its address. */
#define CUDA_DEFINED(name) CUDA_EXPORTED CUresult name(void);

#define CUDA_UNSUPPORTED(name)                  \
	CUDA_EXPORTED CUresult name(void)       \
	{                                       \
		return cuda_unsupported(#name); \
	}

#define CUDA_UNSUPPORTED_ANSWER(name)                          \
	CUDA_EXPORTED CUresult name(const void *answer)        \
	{                                                      \
		return cuda_unsupported_answer(#name, answer); \
	}

#endif
