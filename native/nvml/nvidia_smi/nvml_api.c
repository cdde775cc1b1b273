/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nvml_api.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "glibc_floor.h"

GLIBC_USE_FIRST(dlopen, dlopen);
GLIBC_USE_FIRST(dlsym, dlsym);
GLIBC_USE_FIRST(dlerror, dlerror);

#define LIBRARY "libnvidia-ml.so.1"
/* In a driver root, and in a container made from one, the library lies here. */
#define LIBRARY_FOLDER "../lib64/"

struct nvml_api nvml;

static nvmlReturn_t function_not_found(void)
{
	return NVML_ERROR_FUNCTION_NOT_FOUND;
}

static void *load_beside_program(void)
{
	char program[PATH_MAX];
	char path[PATH_MAX + sizeof(LIBRARY_FOLDER LIBRARY)];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash;

	if (length <= 0)
		return NULL;
	program[length] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	snprintf(path, sizeof(path), "%s/" LIBRARY_FOLDER LIBRARY, program);
	return access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW) : NULL;
}

/*
 * A program in a driver root speaks of that root's GPUs, whatever else is
 * installed on the host, unless its user says otherwise by LD_LIBRARY_PATH.
 */
static void *load_library(void)
{
	const char *search = getenv("LD_LIBRARY_PATH");
	void *library = NULL;

	if (search && *search)
		library = dlopen(LIBRARY, RTLD_NOW);
	if (!library)
		library = load_beside_program();
	return library ? library : dlopen(LIBRARY, RTLD_NOW);
}

/* POSIX lets a function pointer travel through void *; ISO C has no word for it. */
static void *find_function(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	return symbol ? symbol : (void *)function_not_found;
}

bool nvml_api_load(const char **reason)
{
	void *library = load_library();

	if (!library) {
		*reason = dlerror();
		return false;
	}
#define NVML_API_FIND(name) nvml.name = find_function(library, "nvml" #name);
	NVML_API(NVML_API_FIND)
#undef NVML_API_FIND
	return true;
}
