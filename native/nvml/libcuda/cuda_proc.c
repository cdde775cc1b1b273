/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cuGetProcAddress(): the function that a program built for some version of CUDA
 * means by a name. A name's newest form not younger than that version counts.
 */
#include <string.h>

#include "cuda_api.h"
#include "log.h"

struct symbol {
	const char *name;
	void *function;
	int since; /* version of CUDA, 1000 * major + 10 * minor */
};

#define SYMBOL(name, since) { #name, (void *)name, since }

/* The forms of one name: the youngest first. */
static const struct symbol symbols[] = {
	SYMBOL(cuCtxGetCurrent, 4000),
	SYMBOL(cuDeviceCanAccessPeer, 4000),
	SYMBOL(cuDeviceComputeCapability, 2000),
	SYMBOL(cuDeviceGet, 2000),
	SYMBOL(cuDeviceGetAttribute, 2000),
	SYMBOL(cuDeviceGetByPCIBusId, 4010),
	SYMBOL(cuDeviceGetCount, 2000),
	SYMBOL(cuDeviceGetName, 2000),
	SYMBOL(cuDeviceGetPCIBusId, 4010),
	{ "cuDeviceGetUuid", (void *)cuDeviceGetUuid_v2, 11040 },
	SYMBOL(cuDeviceGetUuid, 9020),
	SYMBOL(cuDevicePrimaryCtxGetState, 7000),
	SYMBOL(cuDevicePrimaryCtxRetain, 7000),
	{ "cuDeviceTotalMem", (void *)cuDeviceTotalMem_v2, 3020 },
	SYMBOL(cuDeviceTotalMem, 2000),
	SYMBOL(cuDriverGetVersion, 2020),
	SYMBOL(cuGetErrorName, 6000),
	SYMBOL(cuGetErrorString, 6000),
	{ "cuGetProcAddress", (void *)cuGetProcAddress_v2, 12000 },
	SYMBOL(cuGetProcAddress, 11030),
	SYMBOL(cuInit, 2000),
};

CUresult cuGetProcAddress_v2(const char *symbol, void **function, int cuda_version, uint64_t flags,
			     CUdriverProcAddressQueryResult *status)
{
	CUdriverProcAddressQueryResult ignored;

	(void)flags; /* they choose among streams, and no function here has one */
	log_setup(); /* this comes before cuInit() */
	log_debug("%s(%s, %d)", __func__, symbol ? symbol : "NULL", cuda_version);
	if (!symbol || !function)
		return CUDA_ERROR_INVALID_VALUE;
	if (!status)
		status = &ignored;
	*function = NULL;
	*status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (strcmp(symbols[i].name, symbol))
			continue;
		*status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
		if (symbols[i].since > cuda_version)
			continue;
		*function = symbols[i].function;
		*status = CU_GET_PROC_ADDRESS_SUCCESS;
		return CUDA_SUCCESS;
	}
	return CUDA_ERROR_NOT_FOUND;
}

CUresult cuGetProcAddress(const char *symbol, void **function, int cuda_version, uint64_t flags)
{
	return cuGetProcAddress_v2(symbol, function, cuda_version, flags, NULL);
}
