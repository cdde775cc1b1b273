/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key of a profile file, with its type, unit and range. Names are those
 * of NVIDIA/k8s-test-infra's configuration files where these have the key.
 * docs/profiles.md explains them; tests/native/test_profile_reference.py compares both.
 */
#include "profile_keys.h"

/* Enumerations: the values are those of nvml.h. */

static const struct choice brands[] = {
	{ "unknown", 0 },      { "quadro", 1 },	      { "tesla", 2 },
	{ "nvs", 3 },	       { "grid", 4 },	      { "geforce", 5 },
	{ "titan", 6 },	       { "nvidia_vapps", 7 }, { "nvidia_vpc", 8 },
	{ "nvidia_vcs", 9 },   { "nvidia_vws", 10 },  { "nvidia_cloud_gaming", 11 },
	{ "quadro_rtx", 12 },  { "nvidia_rtx", 13 },  { "nvidia", 14 },
	{ "geforce_rtx", 15 }, { "titan_rtx", 16 },   { NULL, 0 },
};

static const struct choice architectures[] = {
	{ "kepler", 2 }, { "maxwell", 3 },    { "pascal", 4 },	     { "volta", 5 },
	{ "turing", 6 }, { "ampere", 7 },     { "ada_lovelace", 8 }, { "ada", 8 },
	{ "hopper", 9 }, { "blackwell", 10 }, { "rubin", 13 },	     { NULL, 0 },
};

static const struct choice addressing_modes[] = {
	{ "none", 0 }, { "hmm", 1 }, { "ats", 2 }, { NULL, 0 }
};

/* One thread per device (1) went with CUDA 8. */
static const struct choice compute_modes[] = {
	{ "default", 0 },
	{ "prohibited", 2 },
	{ "exclusive_process", 3 },
	{ NULL, 0 },
};

static const struct choice link_states[] = {
	{ "active", 1 }, { "up", 1 },	    { "enabled", 1 }, { "inactive", 0 },
	{ "down", 0 },	 { "disabled", 0 }, { NULL, 0 },
};

#define DEVICE_KEYS                                                                                \
	TEXT("name", board.name), CHOICE("brand", board.brand, brands, NA_ZERO),                   \
		TEXT("serial", serial, NA),                                                        \
		U32("gpus_per_module", board.gpus_per_module, 1, PROFILE_MAX_DEVICES, UNSET),      \
		TEXT("board_part_number", board.board_part_number, NA),                            \
		TEXT("gpu_part_number", board.gpu_part_number, NA),                                \
		TEXT("fru_part_number", board.fru_part_number, NA),                                \
		TEXT("vbios_version", board.vbios_version, NA),                                    \
		BOOL("multi_gpu_board", board.multi_gpu_board),                                    \
		CHOICE("architecture", board.architecture, architectures, NA),                     \
		SECTION("compute_capability", compute_capability_keys),                            \
		U32("num_gpu_cores", board.cores, 0, 10000000, NA),                                \
		U32("num_multiprocessors", board.multiprocessors, 0, 100000, NA),                  \
		CHOICE("addressing_mode", board.addressing_mode, addressing_modes, NA),            \
		ENABLED("sparse_operation_mode", board.sparse_mode, NA),                           \
		SECTION("inforom", inforom_keys), SECTION("memory", memory_keys),                  \
		SECTION("bar1_memory", bar1_memory_keys),                                          \
		SECTION("confidential_compute", confidential_compute_keys),                        \
		SECTION("pci", pci_keys), SECTION("pcie", pcie_keys),                              \
		SECTION("power", power_keys), SECTION("thermal", thermal_keys),                    \
		SECTION("fan", fan_keys), SECTION("clocks", clocks_keys),                          \
		SECTION("clocks_throttle_reasons", throttle_keys),                                 \
		SECTION("supported_clocks", supported_clocks_keys),                                \
		CALL("performance_state", read_performance_state,                                  \
		     "a performance state from P0 to P15, or N/A"),                                \
		SECTION("utilization", utilization_keys), SECTION("encoder_stats", encoder_keys),  \
		SECTION("fbc_stats", fbc_keys), SECTION("ecc", ecc_keys),                          \
		SECTION("retired_pages", retired_pages_keys),                                      \
		SECTION("remapped_rows", remapped_rows_keys), SECTION("display", display_keys),    \
		ENABLED("persistence_mode", board.persistence_mode),                               \
		CHOICE("compute_mode", board.compute_mode, compute_modes),                         \
		SECTION("mig", mig_keys), SECTION("gpu_operation_mode", operation_mode_keys),      \
		SECTION("driver_model", driver_model_keys),                                        \
		SECTION("accounting", accounting_keys),                                            \
		SECTION("virtualization", virtualization_keys), SECTION("gsp_firmware", gsp_keys), \
		SECTION("capabilities", capabilities_keys), SECTION("topology", topology_keys),    \
		LIST("processes", read_processes, profile_process_keys),                           \
		SECTION("dynamic_metrics", motion_keys), SECTION("gpm", gpm_keys),                 \
		SECTION("fabric", fabric_keys), SECTION("platform", platform_keys),                \
		IGNORED("features"), IGNORED("grace_superchip"), IGNORED("failure"),               \
		IGNORED("nvlink_error")

const struct key profile_device_keys[] = { DEVICE_KEYS, END };

/* Of one device in the list; its index was read before, as it chooses the target. */
const struct key profile_override_keys[] = {
	{ .name = "index",
	  .kind = KIND_IGNORED,
	  .flags = KEY_QUIET,
	  .expects = "a number from 0 to 127" },
	CALL("uuid", read_uuid,
	     "a UUID of the form GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx (hexadecimal)"),
	U32("minor_number", minor, 0, 254, UNSET),
	IGNORED("grace_cpu_pair"),
	DEVICE_KEYS,
	END,
};

/* --- the whole file --- */

#define FILE_TEXT(key, member, ...)                 \
	{ .name = key,                              \
	  .kind = KIND_TEXT,                        \
	  AT(struct profile_file, member),          \
	  MEMBER_SIZE(struct profile_file, member), \
	  __VA_ARGS__ }
#define FILE_U32(key, member, lowest, highest, ...) \
	{ .name = key,                              \
	  .kind = KIND_U32,                         \
	  AT(struct profile_file, member),          \
	  .min = lowest,                            \
	  .max = highest,                           \
	  __VA_ARGS__ }

static const struct key system_keys[] = {
	FILE_TEXT("driver_version", driver_version),
	FILE_TEXT("nvml_version", nvml_version),
	FILE_TEXT("cuda_version", cuda_version),
	FILE_U32("cuda_version_major", cuda_major, 1, 99, UNSET),
	FILE_U32("cuda_version_minor", cuda_minor, 0, 99, UNSET),
	FILE_U32("num_devices", num_devices, 1, PROFILE_MAX_DEVICES, UNSET),
	END,
};

/* What mock-nvml apply appends: how this node's file was made its own. */
static const struct key site_keys[] = {
	FILE_TEXT("node_name", site_node_name),
	FILE_TEXT("driver_version", site_driver_version),
	FILE_U32("num_devices", site_num_devices, 1, PROFILE_MAX_DEVICES, UNSET),
	FILE_U32("pci_domain", site_pci_domain, 1, 0xffff, UNSET),
	END,
};

static const struct key nvlink_default_keys[] = {
	{ .name = "state",
	  .kind = KIND_CHOICE,
	  AT(struct profile_file, link_state),
	  .more = link_states,
	  NA },
	IGNORED("duty_cycle"),
	IGNORED("counter_seed"),
	IGNORED("error_rate"),
	END,
};

static const struct key nvlink_keys[] = {
	FILE_U32("version", nvlink.version, 1, 9, UNSET),
	FILE_U32("links_per_gpu", nvlink.links, 0, PROFILE_MAX_LINKS),
	FILE_U32("bandwidth_per_link_mbps", nvlink.line_rate_mbps, 1, 10000000, .unit = UNIT_MBPS,
		 NA),
	{ .name = "c2c_enabled", .kind = KIND_BOOL, AT(struct profile_file, nvlink.c2c), NA },
	FILE_U32("c2c_links", nvlink.c2c_links, 0, 64, NA),
	FILE_U32("c2c_bandwidth_per_link_mbps", nvlink.c2c_link_mbps, 1, 10000000,
		 .unit = UNIT_MBPS, NA),
	SECTION("defaults", nvlink_default_keys),
	FILE_U32("external_switches", nvlink.switches, 0, PROFILE_MAX_SWITCHES),
	LIST("switches", read_switches, profile_switch_keys),
	LIST("links", read_links, profile_link_keys),
	LIST("device_links", read_device_links, profile_device_link_keys),
	END,
};

static const struct key pcie_topology_keys[] = {
	FILE_U32("cores_per_numa", cores_per_numa, 1, PROFILE_CPU_WORDS * 64, UNSET),
	LIST("root_complexes", read_root_complexes, profile_root_keys),
	END,
};

const struct key profile_file_keys[] = {
	CALL("version", read_version, "version 1.0 of this format"),
	SECTION("system", system_keys),
	SECTION("site", site_keys),
	{ .name = "device_defaults",
	  .kind = KIND_CALL,
	  .call = read_defaults,
	  .more = profile_device_keys,
	  .flags = KEY_MAPPING },
	LIST("devices", read_devices, profile_override_keys),
	SECTION("nvlink", nvlink_keys),
	SECTION("pcie_topology", pcie_topology_keys),
	IGNORED("infiniband"),
	IGNORED("dynamic_metrics_defaults"),
	END,
};
