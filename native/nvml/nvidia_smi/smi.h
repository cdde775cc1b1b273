/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of this nvidia-smi: one command each. All print to standard output
 * and return the exit status. */
#ifndef SMI_SMI_H
#define SMI_SMI_H

#include "nvml_api.h"

/* Exit statuses that are not an NVML code. */
#define EXIT_USAGE 2
#define EXIT_NO_DEVICE 6
#define EXIT_OTHER 255

/* An NVML code as an exit status, as far as the vendor documents one. */
int exit_status(nvmlReturn_t result);

/* NVML's words for a failure; short for what a board does not have. */
const char *error_text(nvmlReturn_t result);

struct selection {
	unsigned int count;
	nvmlDevice_t devices[256];
};

/*
 * The GPUs that the comma-separated @ids name by index, UUID, serial number or
 * PCI bus id, in the order of their index; all where @ids is NULL. Prints why
 * and returns an exit status other than 0 when there is none.
 */
int selection_make(struct selection *selection, const char *ids);

bool mig_enabled(nvmlDevice_t device);

int summary_print(const struct selection *selection);
void mig_table_print(const struct selection *selection);
nvmlReturn_t process_table_print(const struct selection *selection);
int gpu_list_print(void);
int excluded_list_print(void);
int version_print(void);
void help_print(void);

/* @fields and @format as they stand on the command line. */
struct query_kind;
int query_check(const struct query_kind *kind, const char *fields, const char *format);
int query_print(const struct selection *selection, const struct query_kind *kind,
		const char *fields, const char *format);
void query_help_print(const struct query_kind *kind);

/*
 * Commands that are words and have options of their own. What they need not the
 * library for is done by @check: it returns the status, and says in @run whether
 * there is more to do.
 */
int mig_check(char *const words[], bool *run);
int mig_run(char *const words[]);
int topology_check(char *const words[], bool *run);
int topology_run(char *const words[]);
int compute_policy_check(char *const words[], bool *run);
int compute_policy_run(char *const words[]);
int nvlink_check(char *const words[], bool *run);
int nvlink_run(char *const words[]);
int conf_compute_check(char *const words[], bool *run);
int conf_compute_run(char *const words[]);
int device_monitor_check(char *const words[], bool *run);
int device_monitor_run(char *const words[]);
int process_monitor_check(char *const words[], bool *run);
int process_monitor_run(char *const words[]);

/* @display is what -d names, or NULL for all. */
int report_check(const char *display);
int report_print(const struct selection *selection, bool xml, const char *display);

#endif
