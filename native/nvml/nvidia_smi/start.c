/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The start-up code calls __libc_start_main() of the version that was current at
 * build time; linked with --wrap=__libc_start_main, it comes here instead.
 */
#include "glibc_floor.h"

typedef int (*main_function)(int, char **, char **);

int first_libc_start_main(main_function main, int argc, char **argv, void (*init)(void),
			  void (*fini)(void), void (*loader_fini)(void), void *stack_end);
GLIBC_USE_FIRST(first_libc_start_main, __libc_start_main);

int __wrap___libc_start_main(main_function main, int argc, char **argv, void (*init)(void),
			     void (*fini)(void), void (*loader_fini)(void), void *stack_end);

int __wrap___libc_start_main(main_function main, int argc, char **argv, void (*init)(void),
			     void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
	return first_libc_start_main(main, argc, argv, init, fini, loader_fini, stack_end);
}
