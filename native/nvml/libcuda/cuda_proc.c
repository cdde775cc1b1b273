/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cuGetProcAddress(): the function that a program built for some version of CUDA
 * means by a name. A name's newest form not younger than that version counts.
 * What is answered when there is none was observed on libcuda.so.550.163.01.
 */
#include <string.h>

#include "cuda_api.h"
#include "cuda_symbol.h"
#include "log.h"

/* The first form of @name; cuda_symbol_count where there is none. */
static unsigned int first_form(const char *name)
{
	unsigned int low = 0, high = cuda_symbol_count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (strcmp(cuda_symbols[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < cuda_symbol_count && !strcmp(cuda_symbols[low].name, name) ? low
										: cuda_symbol_count;
}

/* A name without a form for the thread's own stream has one for both. */
static bool has_per_thread(unsigned int first)
{
	for (unsigned int i = first;
	     i < cuda_symbol_count && !strcmp(cuda_symbols[i].name, cuda_symbols[first].name); i++)
		if (cuda_symbols[i].per_thread)
			return true;
	return false;
}

static CUdriverProcAddressQueryResult find(const char *name, int cuda_version, bool per_thread,
					   void **function)
{
	unsigned int first = first_form(name);

	*function = NULL;
	if (first == cuda_symbol_count)
		return CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	per_thread = per_thread && has_per_thread(first);
	for (unsigned int i = first; i < cuda_symbol_count && !strcmp(cuda_symbols[i].name, name);
	     i++) {
		if (cuda_symbols[i].per_thread != per_thread ||
		    cuda_symbols[i].since > cuda_version)
			continue;
		*function = cuda_symbols[i].function;
		return CU_GET_PROC_ADDRESS_SUCCESS;
	}
	return CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
}

/* Success even where nothing is found: then @function is NULL and @status says why. */
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int cuda_version, uint64_t flags,
			     CUdriverProcAddressQueryResult *status)
{
	CUdriverProcAddressQueryResult found;

	log_setup(); /* this comes before cuInit() */
	log_debug("%s(%s, %d)", __func__, symbol ? symbol : "NULL", cuda_version);
	if (!symbol || !function ||
	    flags > (CU_GET_PROC_ADDRESS_LEGACY_STREAM |
		     CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM))
		return CUDA_ERROR_INVALID_VALUE;
	found = find(symbol, cuda_version, flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM,
		     function);
	if (status)
		*status = found;
	return CUDA_SUCCESS;
}

/* The form of CUDA 11 has no status: its result says that nothing was found. */
CUresult cuGetProcAddress(const char *symbol, void **function, int cuda_version, uint64_t flags)
{
	CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SUCCESS;
	CUresult result = cuGetProcAddress_v2(symbol, function, cuda_version, flags, &status);

	return status == CU_GET_PROC_ADDRESS_SUCCESS ? result : CUDA_ERROR_NOT_FOUND;
}
