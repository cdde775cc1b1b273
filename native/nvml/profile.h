/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The description of a node's GPUs as fixed-layout data: what profile YAML is
 * parsed into, what the device page carries, and what NVML getters answer from.
 *
 * Rules of this layout:
 *  - No pointers; every array and string has a fixed length, strings are always
 *    NUL-terminated, so a description can be mapped by any process.
 *  - Numbers are in NVML's own units (bytes, MHz, mW, mJ, degrees C, per cent)
 *    and enumerations have the values of nvml.h, so getters copy them through.
 *  - "The board does not have this" is a value: NA_U32, NA_U64 or NA_I32 for
 *    numbers and the empty string for text. A getter that meets one answers
 *    NVML_ERROR_NOT_SUPPORTED (nvidia-smi prints N/A).
 *  - Any change of layout or meaning raises PAGE_FORMAT in page.h.
 */
#ifndef MIRAGE_PROFILE_H
#define MIRAGE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "readings.h"

#define PROFILE_MAX_DEVICES 128
#define PROFILE_MAX_MEMORY_CLOCKS 8
#define PROFILE_MAX_GRAPHICS_CLOCKS 2048
#define PROFILE_MAX_GPU_INSTANCE_PROFILES 20
#define PROFILE_MAX_PLACEMENTS 8
#define PROFILE_TEXT_MAX (1u << 20) /* bytes of a profile file */
#define PROFILE_CPU_WORDS 16 /* 1024 CPUs in an affinity mask */

/* Versions the whole node shares; driver_version also names the library file. */
struct profile_system {
	char driver_version[80]; /* "550.163.01" */
	char nvml_version[80]; /* "12.550.163.01" */
	uint32_t cuda_version; /* 1000 * major + 10 * minor, as NVML reports it */
	uint32_t reserved;
	char node_name[256]; /* the name identities were derived from */
};

struct profile_pcie {
	uint32_t max_gen; /* of the link: GPU and host together */
	uint32_t max_gpu_gen; /* of the GPU alone */
	uint32_t max_host_gen; /* export table slot 230 */
	uint32_t max_width;
	uint32_t atomics_outbound; /* NVML_PCIE_ATOMICS_CAP_* bits, slot 226 */
	uint32_t atomics_inbound;
};

struct profile_power {
	uint32_t management; /* 0 unsupported, 1 enabled */
	uint32_t default_limit_mw;
	uint32_t min_limit_mw;
	uint32_t max_limit_mw;
	uint32_t module_default_limit_mw;
	uint32_t module_min_limit_mw;
	uint32_t module_max_limit_mw;
	uint32_t reserved;
};

/*
 * Temperature limits. Boards that report T.Limit (distance to the limit) give
 * it in tlimit_* and leave the absolute ones N/A, and the other way about.
 */
struct profile_thermal {
	int32_t shutdown_c;
	int32_t slowdown_c;
	int32_t gpu_max_c; /* max operating */
	int32_t mem_max_c;
	int32_t target_c; /* acoustic current */
	int32_t target_min_c;
	int32_t target_max_c;
	int32_t tlimit_shutdown_c;
	int32_t tlimit_slowdown_c;
	int32_t tlimit_gpu_max_c;
	int32_t tlimit_mem_max_c;
	int32_t reserved;
};

struct profile_clocks {
	uint32_t graphics_max;
	uint32_t sm_max;
	uint32_t memory_max;
	uint32_t video_max;
	uint32_t graphics_app_default;
	uint32_t memory_app_default;
	uint32_t graphics_boost_max; /* max customer boost */
	uint32_t memory_deferred; /* kHz, slot 232 */
	uint32_t auto_boost_default; /* 0, 1 or NA_U32 */
	uint32_t reserved;
	/*
	 * Supported clocks: memory_clocks[m] goes with graphics clocks
	 * graphics_clocks[graphics_first[m] .. + graphics_count[m]), both
	 * highest first. memory_clock_count 0: not supported.
	 */
	uint32_t memory_clock_count;
	uint32_t graphics_clock_count; /* used entries of the pool */
	uint32_t memory_clocks[PROFILE_MAX_MEMORY_CLOCKS];
	uint16_t graphics_first[PROFILE_MAX_MEMORY_CLOCKS];
	uint16_t graphics_count[PROFILE_MAX_MEMORY_CLOCKS];
	uint16_t graphics_clocks[PROFILE_MAX_GRAPHICS_CLOCKS];
};

/* Geometry of one GPU instance profile; the table serves MIG, a later step. */
struct profile_gpu_instance {
	char name[32]; /* "MIG 1g.5gb" */
	uint32_t id; /* NVML_GPU_INSTANCE_PROFILE_* */
	uint32_t profile_id; /* number nvidia-smi mig -lgip prints */
	uint32_t slices;
	uint32_t instances_max;
	uint32_t multiprocessors;
	uint32_t copy_engines;
	uint32_t decoders;
	uint32_t encoders;
	uint32_t jpegs;
	uint32_t ofas;
	uint64_t memory_mib;
	uint32_t p2p;
	uint32_t placement_count;
	uint32_t placement_size;
	uint32_t placement_start[PROFILE_MAX_PLACEMENTS];
	uint32_t reserved;
};

struct profile_mig {
	uint32_t capable; /* 0: nvmlDeviceGetMigMode is not supported */
	uint32_t max_instances;
	uint32_t profile_count;
	uint32_t reserved;
	struct profile_gpu_instance profiles[PROFILE_MAX_GPU_INSTANCE_PROFILES];
};

struct profile_nvlink {
	uint32_t version; /* NVLink generation: 3, 5; NA_U32: no NVLink */
	uint32_t links; /* per GPU */
	uint32_t line_rate_mbps; /* per link */
	uint32_t capabilities; /* bit n: nvmlNvLinkCapability_t n */
	uint32_t c2c; /* 1 enabled, 0 disabled, NA_U32 board has none */
	uint32_t c2c_links;
	uint32_t c2c_link_mbps;
	uint32_t low_power_threshold;
	uint32_t switches; /* NVSwitches on the node */
	uint32_t reserved;
};

struct profile_fabric {
	uint32_t state; /* nvmlGpuFabricState_t; NA_U32: no fabric */
	uint32_t status; /* nvmlReturn_t of the registration */
	uint32_t clique_id;
	uint32_t health_mask; /* NVML_GPU_FABRIC_HEALTH_MASK_* */
	uint32_t health_summary; /* NVML_GPU_FABRIC_HEALTH_SUMMARY_* */
	uint32_t reserved;
	uint8_t cluster_uuid[16];
};

struct profile_platform {
	char chassis_serial_number[32];
	char fru_part_number[32];
	uint32_t slot_number;
	uint32_t tray_index;
	uint32_t host_id;
	uint32_t peer_type; /* 0 direct, 1 switch connected */
};

/* What a model of GPU is: shared by all devices that do not differ in it. */
struct board {
	char name[96];
	char board_part_number[80];
	char gpu_part_number[80];
	char fru_part_number[80];
	char vbios_version[32];
	char inforom_image[16];
	char inforom_oem[16];
	char inforom_ecc[16];
	char inforom_power[16];
	char gsp_version[80]; /* as in the profile; empty: no GSP */
	uint32_t gsp_mode; /* 1 enabled, 0 disabled, NA_U32 */
	uint32_t gsp_default_mode;
	uint32_t brand; /* nvmlBrandType_t */
	uint32_t architecture; /* nvmlDeviceArchitecture_t */
	uint32_t compute_major;
	uint32_t compute_minor;
	uint32_t cores;
	uint32_t multiprocessors;
	uint32_t memory_bus_width; /* bits */
	uint32_t bus_type; /* nvmlBusType_t */
	uint32_t pci_device_id; /* device << 16 | vendor */
	uint32_t pci_subsystem_id;
	uint32_t pci_class; /* base << 16 | sub << 8 | interface */
	uint32_t multi_gpu_board;
	uint32_t addressing_mode; /* slot 242: 1 HMM, 2 ATS; NA_U32 */
	uint32_t sparse_mode; /* slot 249 */
	uint32_t display_mode; /* nvmlEnableState_t or NA_U32 */
	uint32_t display_active;
	uint32_t persistence_mode;
	uint32_t compute_mode; /* nvmlComputeMode_t */
	uint32_t driver_model_current; /* NA_U32 on Linux */
	uint32_t driver_model_pending;
	uint32_t gom_current; /* nvmlGpuOperationMode_t or NA_U32 */
	uint32_t gom_pending;
	uint32_t accounting_mode;
	uint32_t accounting_buffer_size;
	uint32_t virtualization_mode; /* nvmlGpuVirtualizationMode_t */
	uint32_t host_vgpu_mode;
	uint32_t vgpu_heterogeneous_mode;
	uint32_t ecc_default; /* nvmlEnableState_t or NA_U32 */
	uint32_t row_remapper; /* 1: remapped rows are supported */
	uint32_t row_banks; /* histogram max; NA_U32 no histogram */
	uint32_t page_retirement; /* 1: retired pages are supported */
	uint32_t fans;
	uint32_t fan_min_percent;
	uint32_t fan_max_percent;
	uint32_t encoder_capacity; /* H.264 per cent, NA_U32 none */
	uint32_t egm; /* capabilities.egm: 0, 1, NA_U32 */
	uint32_t topology_default; /* nvmlGpuTopologyLevel_t for unknown pairs */
	uint32_t conf_compute; /* 1: capable of confidential compute */
	uint32_t gpus_per_module; /* GPUs that share a serial number */
	uint32_t gpm; /* 1: GPU performance monitoring */
	uint64_t memory_total;
	uint64_t memory_reserved;
	uint64_t bar1_total;
	uint64_t cc_protected_total; /* conf-compute protected memory */
	uint64_t event_reasons_supported; /* nvmlClocksEventReason* mask */
	uint64_t event_types_supported; /* nvmlEventType* mask */
	uint64_t bbx_flush_time_us; /* since the epoch; NA_U64 */
	uint64_t bbx_flush_duration_us;
	struct profile_pcie pcie;
	struct profile_power power;
	struct profile_thermal thermal;
	struct profile_fabric fabric;
	struct profile_platform platform;
	struct profile_nvlink nvlink;
	struct profile_mig mig;
	struct profile_clocks clocks;
};

#define PROFILE_REMOTE_GPU 0u /* values of nvmlIntNvLinkDeviceType_t */
#define PROFILE_REMOTE_NPU 1u
#define PROFILE_REMOTE_SWITCH 2u
#define PROFILE_REMOTE_NONE 255u

struct device_link {
	uint8_t active;
	uint8_t remote_type; /* PROFILE_REMOTE_* */
	uint8_t remote_link;
	uint8_t reserved;
	int32_t remote_device; /* slot of the peer GPU, -1 otherwise */
	uint32_t remote_domain;
	uint32_t remote_bus;
	uint32_t remote_slot; /* PCI device number */
	uint32_t remote_function;
	uint32_t remote_pci_id; /* device << 16 | vendor */
	uint32_t remote_subsystem_id;
};

/* What makes one GPU of the node different from its neighbours. */
struct device {
	char uuid[48]; /* "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" */
	char serial[32];
	char pci_bus_id[32]; /* "00000000:07:00.0", capitals */
	uint32_t board; /* index in description.boards */
	uint32_t minor;
	uint32_t pci_domain;
	uint32_t pci_bus;
	uint32_t pci_device;
	uint32_t pci_function;
	uint32_t board_id;
	uint32_t module_id; /* NA_U32 not supported */
	uint64_t fabric_guid; /* NA_U64 not supported */
	uint64_t pdi; /* per-device identifier; NA_U64 */
	int32_t numa_node; /* -1 unknown */
	uint32_t root_complex; /* NA_U32 unknown */
	uint32_t root_level; /* nvmlGpuTopologyLevel_t within the root complex */
	int32_t memory_numa_node; /* GPU memory as NUMA node (ATS); -1 */
	uint64_t cpus[PROFILE_CPU_WORDS]; /* affinity; all zero unknown */
	uint32_t link_count;
	uint32_t reserved;
	struct device_link links[PROFILE_MAX_LINKS];
	struct readings readings;
	struct readings_processes processes;
};

/*
 * All of it. Only devices[0 .. device_count) and boards[0 .. board_count) have
 * a meaning and are ever touched: room for more costs neither memory nor disk.
 */
struct description {
	struct profile_system system;
	uint32_t device_count;
	uint32_t board_count;
	struct device devices[PROFILE_MAX_DEVICES];
	struct board boards[PROFILE_MAX_DEVICES];
};

/* Board of a device; a damaged index reads as board 0, never out of bounds. */
static inline const struct board *description_board(const struct description *description,
						    const struct device *device)
{
	uint32_t i = device->board;

	return &description->boards[i < PROFILE_MAX_DEVICES ? i : 0];
}

/* Whether two devices sit on one module: they share a serial number. */
static inline bool description_same_module(const struct description *description, uint32_t a,
					   uint32_t b)
{
	const struct device *first = &description->devices[a], *second = &description->devices[b];

	return description_board(description, first)->gpus_per_module > 1 &&
	       strncmp(first->serial, second->serial, sizeof(first->serial)) == 0;
}

/* How two devices meet: a value of nvmlGpuTopologyLevel_t (0 internal, 10
 * single switch, 20 multiple switches, 30 host bridge, 40 node, 50 system). */
uint32_t description_topology(const struct description *description, uint32_t a, uint32_t b);

/* Links of device a that reach device b, directly or by a switch. */
uint32_t description_links_between(const struct description *description, uint32_t a, uint32_t b);

/* What a caller knows better than the file; zero or NULL: the file decides. */
struct profile_site {
	uint32_t device_count; /* 1..128 */
	const char *driver_version;
	const char *node_name; /* default: the file's, else the host's */
	uint32_t pci_domain; /* 1..0xffff; default: the file's, else the node name's */
	uint32_t *chosen_pci_domain; /* gets the caller's or the file's, 0 where it was derived */
	/* Called for each key that is accepted and has no effect. */
	void (*note)(void *data, const char *line);
	void *note_data;
};

/* One line: FILE:LINE: KEY: expected ..., found ... */
struct profile_error {
	char text[1024];
};

/*
 * Parse, validate and derive identities. description must be zeroed memory.
 * Returns 0, or -1 with one line in error; description then holds no meaning.
 */
int profile_load(const char *file, const struct profile_site *site, struct description *description,
		 struct profile_error *error);

/* The same from memory; name stands for the file in messages. */
int profile_parse(const char *name, const char *text, size_t length,
		  const struct profile_site *site, struct description *description,
		  struct profile_error *error);

#endif
