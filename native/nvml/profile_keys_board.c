/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of what a GPU is: firmware, memory, PCI Express, fabric, modes. */
#include "profile_keys.h"

static const struct choice driver_models[] = {
	{ "wddm", 0 }, { "wdm", 1 }, { "tcc", 1 }, { "mcdm", 2 }, { NULL, 0 }
};

static const struct choice operation_modes[] = {
	{ "all_on", 0 }, { "compute", 1 }, { "low_dp", 2 }, { NULL, 0 }
};

static const struct choice virtualization_modes[] = {
	{ "none", 0 },	    { "pass_through", 1 }, { "passthrough", 1 }, { "vgpu", 2 },
	{ "host_vgpu", 3 }, { "host_vsga", 4 },	   { NULL, 0 },
};

static const struct choice host_vgpu_modes[] = { { "non_sriov", 0 }, { "sriov", 1 }, { NULL, 0 } };

static const struct choice peer_types[] = { { "direct_connected", 0 },
					    { "switch_connected", 1 },
					    { NULL, 0 } };

/* "auto" follows a fabric manager elsewhere; here registration is always over. */
static const struct choice fabric_states[] = {
	{ "not_supported", 0 }, { "not_started", 1 }, { "in_progress", 2 },
	{ "completed", 3 },	{ "auto", 3 },	      { NULL, 0 },
};

static const struct choice fabric_summaries[] = {
	{ "not_supported", 0 },	   { "healthy", 1 },   { "unhealthy", 2 },
	{ "limited_capacity", 3 }, { "auto", NA_U32 }, { NULL, 0 },
};

static const struct choice fabric_configurations[] = {
	{ "", 1 },
	{ "none", 1 },
	{ "incorrect_sysguid", 2 },
	{ "incorrect_chassis_sn", 3 },
	{ "no_partition", 4 },
	{ "insufficient_nvlinks", 5 },
	{ "incompatible_gpu_fw", 6 },
	{ "invalid_location", 7 },
	{ "gpu_state_invalid", 8 },
	{ NULL, 0 },
};

static const struct choice topology_levels[] = {
	{ "internal", 0 }, { "single", 10 }, { "multiple", 20 }, { "hostbridge", 30 },
	{ "node", 40 },	   { "system", 50 }, { NULL, 0 },
};

const struct key compute_capability_keys[] = {
	U32("major", board.compute_major, 0, 99),
	U32("minor", board.compute_minor, 0, 99),
	END,
};

static const struct key bbx_flush_keys[] = {
	CALL("timestamp", read_bbx_time, "a time such as 2026/08/20 23:33:00.497, or N/A"),
	MICROSECONDS("duration_us", board.bbx_flush_duration_us),
	END,
};

const struct key inforom_keys[] = {
	TEXT("image_version", board.inforom_image, NA), TEXT("oem_object", board.inforom_oem, NA),
	TEXT("ecc_object", board.inforom_ecc, NA),	TEXT("pwr_object", board.inforom_power, NA),
	SECTION("bbx_flush", bbx_flush_keys),		END,
};

const struct key memory_keys[] = {
	U64("total_bytes", board.memory_total, BYTES_MAX, .unit = UNIT_BYTES),
	U64("reserved_bytes", board.memory_reserved, BYTES_MAX, .unit = UNIT_BYTES),
	/* What is free follows from the others: total - reserved - used. */
	QUIET("free_bytes"),
	U64("used_bytes", readings.memory_used, BYTES_MAX, .unit = UNIT_BYTES),
	U32("memory_bus_width", board.memory_bus_width, 1, 65536, NA),
	END,
};

const struct key bar1_memory_keys[] = {
	BYTES("total_bytes", board.bar1_total),
	QUIET("free_bytes"),
	U64("used_bytes", readings.bar1_used, BYTES_MAX, .unit = UNIT_BYTES),
	END,
};

const struct key confidential_compute_keys[] = {
	BOOL("capable", board.conf_compute),
	U64("protected_memory_bytes", board.cc_protected_total, BYTES_MAX, .unit = UNIT_BYTES,
	    NA_ZERO),
	U64("protected_memory_used_bytes", readings.cc_protected_used, BYTES_MAX,
	    .unit = UNIT_BYTES),
	END,
};

const struct key pci_keys[] = {
	U32("device_id", board.pci_device_id, 1, UINT32_MAX - 1, NA),
	U32("subsystem_id", board.pci_subsystem_id, 0, UINT32_MAX - 1, NA),
	U32("class", board.pci_class, 0, 0xffffff, NA),
	CALL("bus_id", read_bus_id, "a PCI address such as 0000:07:00.0 or 07:00.0"),
	CALL("slots", read_slots, "a list of PCI addresses"),
	END,
};

const struct key pcie_keys[] = {
	U32("max_link_gen", board.pcie.max_gen, 1, 7, NA),
	U32("max_device_link_gen", board.pcie.max_gpu_gen, 1, 7, NA),
	U32("max_host_link_gen", board.pcie.max_host_gen, 1, 7, NA),
	U32("current_link_gen", readings.pcie_gen, 1, 7, NA),
	U32("device_current_link_gen", readings.pcie_gpu_gen, 1, 7, NA),
	U32("max_link_width", board.pcie.max_width, 1, 32, NA),
	U32("current_link_width", readings.pcie_width, 1, 32, NA),
	U64("replay_counter", readings.pcie_replays, COUNT_MAX, NA_ZERO),
	U64("replay_rollover_counter", readings.pcie_replay_rollovers, COUNT_MAX, NA_ZERO),
	U32("tx_throughput_kbps", readings.pcie_tx_kbps, 0, 4000000000, .unit = UNIT_KBPS, NA_ZERO),
	U32("rx_throughput_kbps", readings.pcie_rx_kbps, 0, 4000000000, .unit = UNIT_KBPS, NA_ZERO),
	CALL("atomics_outbound", read_atomics_out,
	     "a list of FETCHADD_32, FETCHADD_64, SWAP_32, SWAP_64, CAS_32, CAS_64, CAS_128, or N/A"),
	CALL("atomics_inbound", read_atomics_in,
	     "a list of FETCHADD_32, FETCHADD_64, SWAP_32, SWAP_64, CAS_32, CAS_64, CAS_128, or N/A"),
	END,
};

static const struct key fabric_health_keys[] = {
	BOOL("degraded_bandwidth", fabric_degraded, NA_ZERO),
	BOOL("route_recovery", fabric_recovery, NA_ZERO),
	BOOL("route_unhealthy", fabric_unhealthy, NA_ZERO),
	BOOL("access_timeout_recovery", fabric_timeout, NA_ZERO),
	CHOICE("incorrect_configuration", fabric_configuration, fabric_configurations, NA),
	END,
};

const struct key fabric_keys[] = {
	CALL("cluster_uuid", read_cluster_uuid, "a UUID of 32 hexadecimal digits"),
	U32("clique_id", board.fabric.clique_id, 0, UINT32_MAX - 1),
	CHOICE("state", board.fabric.state, fabric_states, UNSET),
	U32("status", board.fabric.status, 0, 999),
	CHOICE("health_summary", fabric_summary, fabric_summaries, NA),
	SECTION("health", fabric_health_keys),
	U32("health_mask", fabric_mask, 0, UINT32_MAX - 1, NA),
	END,
};

const struct key platform_keys[] = {
	TEXT("chassis_serial_number", board.platform.chassis_serial_number, NA),
	U32("slot_number", board.platform.slot_number, 0, 255, NA),
	U32("tray_index", board.platform.tray_index, 0, 255, NA),
	U32("host_id", board.platform.host_id, 0, 255, NA),
	CHOICE("peer_type", board.platform.peer_type, peer_types, NA),
	U32("module_id", module_id, 0, 255, NA),
	CALL("module_ids", read_modules, "a list of numbers from 0 to 255"),
	CALL("memory_numa_nodes", read_memory_nodes, "a list of NUMA nodes from 0 to 1023"),
	TEXT("fru_part_number", board.platform.fru_part_number, NA),
	END,
};

const struct key display_keys[] = {
	ENABLED("mode", board.display_mode, NA),
	ENABLED("active", board.display_active, NA),
	END,
};

const struct key mig_keys[] = {
	ENABLED("mode_current", readings.mig_current, NA),
	ENABLED("mode_pending", readings.mig_pending, NA),
	U32("max_gpu_instances", board.mig.max_instances, 0, 16, NA_ZERO),
	LIST("gpu_instance_profiles", read_mig_profiles, profile_instance_keys),
	END,
};

const struct key operation_mode_keys[] = {
	CHOICE("current", board.gom_current, operation_modes, NA),
	CHOICE("pending", board.gom_pending, operation_modes, NA),
	END,
};

const struct key driver_model_keys[] = {
	CHOICE("current", board.driver_model_current, driver_models, NA),
	CHOICE("pending", board.driver_model_pending, driver_models, NA),
	END,
};

const struct key accounting_keys[] = {
	ENABLED("mode", board.accounting_mode, NA),
	U32("buffer_size", board.accounting_buffer_size, 0, 1000000, NA),
	END,
};

const struct key virtualization_keys[] = {
	CHOICE("mode", board.virtualization_mode, virtualization_modes, NA_ZERO),
	CHOICE("host_vgpu_mode", board.host_vgpu_mode, host_vgpu_modes, NA),
	ENABLED("vgpu_heterogeneous_mode", board.vgpu_heterogeneous_mode, NA),
	END,
};

const struct key gsp_keys[] = {
	ENABLED("mode", board.gsp_mode, NA),
	ENABLED("default_mode", board.gsp_default_mode, NA),
	TEXT("version", board.gsp_version, NA),
	END,
};

const struct key capabilities_keys[] = { ENABLED("egm", board.egm, NA), END };

const struct key topology_keys[] = {
	CHOICE("default_level", board.topology_default, topology_levels, NA),
	END,
};

const struct key gpm_keys[] = {
	BOOL("supported", board.gpm, UNSET),
	IGNORED("pcie_tx_mib_per_sec"),
	IGNORED("pcie_rx_mib_per_sec"),
	END,
};
