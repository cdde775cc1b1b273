/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The running state of a node's GPUs: what changes while programs run. It lies
 * in the device page beside the description that it starts from.
 *
 * A device's state has two copies. Readers use the one that the sequence number
 * names; a writer, alone under the page's lock, makes the other one and then
 * raises the number. So a reader takes no lock, a change is seen whole or not
 * at all, and a writer that dies on the way has changed nothing. A getter that
 * takes several values which must belong together compares the number after it
 * has read them (gpu_changed() in handle.h).
 *
 * A copy has a checksum, over what has a meaning and the number that puts it in
 * force. Who opens a page and who changes a state compare it, so that neither
 * believes a damaged one; a getter does not.
 *
 * A process is charged for each 4 KiB that it reads, and for what lies around it
 * and is in the kernel's cache already. So a copy begins with what getters read,
 * within one such piece, and of the lists behind it only what their counts say is
 * ever read or written: what no list has used is not in the cache.
 *
 * The layout has the rules of profile.h: no pointers, NVML's units, NA_* values.
 */
#ifndef MIRAGE_STATE_H
#define MIRAGE_STATE_H

#include <stdatomic.h>

#include "profile.h"

#define STATE_MAX_PROCESSES 64
#define STATE_MAX_FAULTS 16
#define STATE_MAX_GPU_INSTANCES 16 /* ids 0 to 15 */
#define STATE_MAX_COMPUTE_INSTANCES 8 /* of one GPU instance */
#define STATE_MAX_ACCOUNTED 64
#define STATE_MAX_EVENTS 256
#define STATE_MAX_PAST 8
#define STATE_RECOVERIES 3

#define STATE_NO_INSTANCE UINT32_MAX

/* How a GPU is set to work; what a board does not have stays NA_U32. */
struct running_settings {
	uint32_t persistence_mode; /* nvmlEnableState_t */
	uint32_t compute_mode; /* nvmlComputeMode_t */
	uint32_t accounting_mode;
	uint32_t gom_pending;
	uint32_t restricted_app_clocks; /* 1: for root only */
	uint32_t restricted_auto_boost;
	uint32_t locked_gpu_min_mhz; /* 0: not locked */
	uint32_t locked_gpu_max_mhz;
	uint32_t locked_memory_min_mhz;
	uint32_t locked_memory_max_mhz;
	uint32_t app_clocks_chosen; /* 1: the application clocks are a user's */
	uint32_t auto_boost_default;
	int32_t target_temperature_c; /* acoustic */
	uint32_t low_power_threshold; /* of NVLink */
	uint32_t fan_manual[PROFILE_MAX_FANS]; /* 1: fan_target_percent is a user's */
	uint32_t draining; /* 1: processes that come now are not let in */
	uint32_t detached; /* 1: taken away, until GPUs are looked for again */
	uint32_t resets; /* GPU resets since the profile came in force */
	uint32_t gpm_streaming; /* nvmlEnableState_t */
	uint32_t nvlink_bandwidth_mode; /* of this GPU; 0: all links */
};

struct running_process {
	struct readings_process process;
	uint32_t gpu_instance; /* STATE_NO_INSTANCE: the whole GPU */
	uint32_t compute_instance;
	uint64_t started_ms; /* since boot */
};

/*
 * What accounting keeps of a process that came while it was on. The work is
 * summed up to counted_ms; a process that runs goes on at its utilization.
 */
struct running_account {
	uint32_t pid;
	uint32_t running;
	uint32_t gpu_util; /* per cent; NA_U32 unknown */
	uint32_t memory_util;
	uint64_t max_memory; /* bytes; NA_U64 unknown */
	uint64_t started_us; /* of the wall clock */
	uint64_t started_ms; /* since boot */
	uint64_t counted_ms;
	uint64_t gpu_work; /* per cent times milliseconds */
	uint64_t memory_work;
};

struct running_compute_instance {
	uint8_t used;
	uint8_t profile; /* NVML_COMPUTE_INSTANCE_PROFILE_* */
	uint8_t start; /* slices within the GPU instance */
	uint8_t size;
};

/* The index in its array is the id that NVML gives it. */
struct running_gpu_instance {
	uint8_t used;
	uint8_t profile; /* index in board.mig.profiles */
	uint8_t start; /* memory slices */
	uint8_t size;
	struct running_compute_instance compute[STATE_MAX_COMPUTE_INSTANCES];
};

/* What a fault does to a call; fault_kind.h tells the names that users give them. */
enum fault_effect {
	FAULT_NONE,
	FAULT_ERROR, /* the call answers code, an nvmlReturn_t */
	FAULT_HANG, /* the call blocks until the fault is over */
	FAULT_SLOW, /* the call takes latency_ms longer */
	FAULT_READINGS, /* the call sees other readings: fault_readings.h */
};

/*
 * A fault holds from from_ms to until_ms since boot (0: without end), from the
 * call after after_calls on, which each process counts for itself, and then in a
 * call with probability in a million, drawn from the seed and the call's number.
 */
struct running_fault {
	uint32_t effect;
	uint32_t name; /* enum fault_name */
	uint32_t code;
	uint32_t latency_ms;
	uint32_t after_calls;
	uint32_t probability; /* in a million; 0: always */
	int32_t temperature_c;
	uint32_t clock_mhz;
	uint32_t count; /* of errors */
	uint32_t location; /* of errors: nvmlMemoryLocation_t */
	uint64_t links; /* bit n: NVLink n */
	uint64_t health; /* bits of enum fault_health */
	uint64_t seed;
	uint64_t made_ms;
	uint64_t from_ms;
	uint64_t until_ms;
	uint64_t number; /* of no other fault since boot, and not 0 */
};

/* How the readings move. What was counted, was until energy_ms. */
struct running_motion {
	uint32_t table; /* which table of the device's motion_room is in force */
	uint32_t trace; /* the same of its traces */
	uint64_t origin_ms; /* when a trace's first row was, since boot */
	uint64_t pcie_tx_bytes;
	uint64_t pcie_rx_bytes;
	uint64_t nvlink_kib; /* through each link in each direction */
	uint32_t energy_uj; /* beyond energy_mj */
	uint32_t table_checksum; /* of the one in force, as checksum_of_pieces() */
	uint32_t trace_checksum;
	uint32_t past_count;
};

/* What is kept of readings that are no longer in force, for series of past values. */
enum past_value {
	PAST_POWER,
	PAST_MODULE_POWER,
	PAST_GPU,
	PAST_MEMORY,
	PAST_ENCODER,
	PAST_DECODER,
	PAST_JPEG,
	PAST_OFA,
	PAST_SM_MHZ,
	PAST_MEMORY_MHZ,
	PAST_VALUES
};

/* The readings from the end of the one before until a change, oldest first. */
struct running_past {
	uint64_t until_ms; /* since boot */
	uint32_t moving; /* bit n: value n followed the table that was in force */
	uint32_t table_start; /* lower half of that table's start_ms: by it the table is known */
	uint32_t values[PAST_VALUES]; /* at the end */
};

/* One copy of a device's state. What lists have beyond their counts has no meaning. */
struct running {
	uint32_t fault_count; /* first, because each call looks at it */
	uint32_t moves; /* as well: 1 where readings follow motion.table */
	uint32_t process_count;
	uint32_t account_count;
	uint32_t account_next; /* where the next one goes: over the oldest, once all are used */
	/*
	 * What faults asked for that are over, by enum recovery without its first: the
	 * second since boot from which on, and 1 more; 0: not asked for.
	 */
	uint32_t recovery_from[STATE_RECOVERIES];
	uint64_t checksum; /* of this copy in force, as running_checksum() */
	struct running_settings settings;
	uint64_t energy_mj; /* counted up to energy_ms; NA_U64 not supported */
	uint64_t energy_ms; /* since boot */
	uint64_t up_since_ms; /* since boot: the last reset; 0: none */
	struct running_motion motion;
	char hostname[64]; /* that the GPU was told; empty: none */
	struct readings readings;
	struct running_gpu_instance gpu_instances[STATE_MAX_GPU_INSTANCES];
	struct running_fault faults[STATE_MAX_FAULTS]; /* any of them, unless there is none */
	struct running_process processes[STATE_MAX_PROCESSES];
	struct running_account accounts[STATE_MAX_ACCOUNTED];
	struct running_past past[STATE_MAX_PAST]; /* as many as motion.past_count */
	uint8_t reserved1[192];
};

struct state_device {
	_Atomic uint64_t sequence; /* running[sequence & 1] is in force */
	uint64_t reserved[7];
	struct running running[2];
};

#define STATE_PIECE 4096

_Static_assert(sizeof(struct state_device) % STATE_PIECE == 0 &&
		       offsetof(struct state_device, running[0].faults) <= STATE_PIECE &&
		       offsetof(struct state_device, running[1].faults) / STATE_PIECE ==
			       offsetof(struct state_device, running[1]) / STATE_PIECE,
	       "what getters read of a copy lies in one piece");

/* What is wrong with the node as a whole. */
struct running_node {
	struct running_fault init; /* what nvmlInit meets; FAULT_NONE: nothing */
	uint32_t nvlink_bandwidth_mode; /* NVML_GPU_NVLINK_BW_MODE_* */
	uint32_t reserved;
	uint64_t checksum; /* as running_node_checksum() */
};

struct state_node {
	_Atomic uint64_t sequence;
	uint64_t reserved[7];
	struct running_node running[2];
};

/* The state that goes with one description. */
struct state {
	struct state_node node;
	uint8_t reserved[STATE_PIECE - sizeof(struct state_node)];
	struct state_device devices[PROFILE_MAX_DEVICES];
};

/* An event, such as an Xid. Written before event_sequence says that it is there. */
struct state_event {
	uint64_t number; /* the value of event_sequence that announced it */
	uint64_t type; /* nvmlEventType* */
	uint64_t data; /* the Xid, for one */
	uint64_t due_ms; /* since boot: not to be told before */
	uint32_t slot;
	uint32_t gpu_instance;
	uint32_t compute_instance;
	uint32_t system; /* 1: type is a nvmlSystemEventType* */
	uint64_t fault; /* number of the one that announced it; 0: none */
};

/* The state that a device starts with. */
void running_init(struct running *running, const struct description *description, uint32_t slot);
void running_init_settings(struct running_settings *settings, const struct board *board);

/*
 * What another boot has left: faults, processes and a trace that was played ended
 * with it, and MIG instances too, what waited for one comes, and a GPU that was
 * taken away is there again.
 * What was set stays, and what is counted goes on from this one.
 */
void running_boot(struct running *running, const struct description *description, uint32_t slot);

/* Per cent of the GPU, or of one of its instances, that its processes take together. */
uint32_t running_process_load(const struct running *running, uint32_t gpu_instance);

/* What of it the GPU's utilisation shows: none where a pattern or a trace moves that. */
uint32_t running_held_load(const struct running *running);

/*
 * Have the utilisation be at least what processes take now, and the GPU idle no
 * more. before: what running_held_load() was; what a user has set higher stays.
 */
void running_follow_load(struct running *running, const struct readings *rest, uint32_t before);

/* Modes that wait for a reset or a boot, and repairs that do. MIG's mode: mig_activate(). */
void running_apply_pending(struct running *running);

/* Whether ECC's or MIG's mode waits for a reset. */
bool readings_mode_pending(const struct readings *readings);

/* A part of a copy that has a meaning; of processes, accounts and what is past, those that are counted. */
struct running_part {
	size_t offset;
	size_t size;
};

#define RUNNING_PARTS 5

/* How many there are. */
uint32_t running_parts(const struct running *running, struct running_part parts[RUNNING_PARTS]);

/* A copy of what has a meaning; the rest is zero, and the checksum, which a copy in force has. */
void running_copy(struct running *to, const struct running *from);

/* With the number that the copy is in force by. Its lists may say anything. */
uint64_t running_checksum(const struct running *running, uint64_t sequence);
uint64_t running_node_checksum(const struct running_node *node, uint64_t sequence);

/* Whether the checksum is right, and what is counted or pointed at can be there. */
bool running_is_sound(const struct running *running, uint64_t sequence);

/* What a damaged page says of its lists is no more than there is room for. */
void running_limit(struct running *running);

/* That place of the list, which is empty where no fault is counted. */
static inline struct running_fault running_fault_at(const struct running *running, uint32_t place)
{
	return running->fault_count ? running->faults[place] : (struct running_fault){ 0 };
}

static inline const struct running *state_running(const struct state_device *device,
						  uint64_t sequence)
{
	return &device->running[sequence & 1];
}

#endif
