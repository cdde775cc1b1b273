// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Many processes read while one changes: the values that a getter returns
 * together are always of one state. The writer's changes have a number, and all
 * that a change writes follows from it; so a mixture of two is seen.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

#include "nvml_fixture.h"

#define READERS 64
#define CHANGES 100000u
#define MIB (1ull << 20)

// What all processes share.
struct shared {
	_Atomic bool stop;
	_Atomic uint64_t rounds[READERS];
	_Atomic uint64_t moves; // rounds that saw another state than the one before
	_Atomic bool torn;
	char what[256];
};

static struct shared *shared;
static char path[64];

static void make_page(void)
{
	static struct description description;
	struct profile_site site = { .device_count = 1 };
	struct profile_error error;
	int fd = memfd_create("page", 0);

	CHECK(fd >= 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	CHECK_NUMBER(profile_load(PROFILES "h100.yaml", &site, &description, &error), 0);
	CHECK(page_write(path, &description, true, false, &error) != PAGE_ERROR);
}

static nvmlDevice_t use_page(void)
{
	struct profile_error error;
	nvmlDevice_t device;

	handle_source.page = page_open(path, &error);
	CHECK(handle_source.page != NULL);
	visible_all(&handle_source.visible, page_description(handle_source.page));
	atomic_store(&api_references, 1);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &device), NVML_SUCCESS);
	return device;
}

// --- what a change writes ---

static void change(struct running *running, uint32_t number)
{
	struct readings *now = &running->readings;

	now->memory_used = number * MIB % (1024 * MIB);
	now->bar1_used = now->memory_used;
	now->pcie_replays = now->pcie_replay_rollovers = number;
	now->encoder_sessions = now->encoder_fps = now->encoder_latency_us = number;
	now->gpu_util = now->memory_util = number % 101;
	now->ecc.mode_current = now->ecc.mode_pending = number % 2;
	now->rows.correctable = now->rows.uncorrectable = number;
	now->fabric.health_set = now->fabric.health_summary = 1 + number % 2;
	now->fabric.health_clear = UINT32_MAX;
	now->fbc_sessions = now->fbc_fps = now->fbc_latency_us = number;
	running->process_count = number % 4;
	for (uint32_t i = 0; i < running->process_count; i++) {
		running->processes[i].process.pid = number;
		running->processes[i].process.type = PROFILE_PROCESS_COMPUTE;
		running->processes[i].process.used_memory = number;
	}
	memset(running->hostname, 'a' + (int)(number % 26), sizeof(running->hostname) - 1);
}

static void write_changes(uint32_t first, uint32_t last)
{
	struct state_writer writer;

	CHECK_NUMBER(state_begin_file(&writer, path), STATE_OK);
	for (uint32_t number = first; number <= last; number++) {
		change(state_edit(&writer, 0), number);
		CHECK_NUMBER(state_commit(&writer), STATE_OK);
	}
	state_end(&writer);
}

// --- what readers look at ---

static void whole(bool condition, const char *format, ...)
{
	va_list arguments;

	if (condition || atomic_exchange(&shared->torn, true))
		return;
	va_start(arguments, format);
	vsnprintf(shared->what, sizeof(shared->what), format, arguments);
	va_end(arguments);
}

static uint64_t look_at_memory(nvmlDevice_t device)
{
	nvmlMemory_v2_t second = { .version = nvmlMemory_v2 };
	nvmlBAR1Memory_t bar1;
	nvmlMemory_t first;

	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(device, &first), NVML_SUCCESS);
	whole(first.used + first.free == first.total, "memory: %llu used, %llu free", first.used,
	      first.free);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(device, &second), NVML_SUCCESS);
	whole(second.reserved + second.used + second.free == second.total,
	      "memory v2: %llu used, %llu free", second.used, second.free);
	CHECK_NUMBER(nvmlDeviceGetBAR1MemoryInfo(device, &bar1), NVML_SUCCESS);
	whole(bar1.bar1Used + bar1.bar1Free == bar1.bar1Total, "BAR1: %llu used, %llu free",
	      bar1.bar1Used, bar1.bar1Free);
	return second.used;
}

static void look_at_fields(nvmlDevice_t device)
{
	nvmlFieldValue_t fields[] = {
		{ .fieldId = NVML_FI_DEV_PCIE_REPLAY_COUNTER },
		{ .fieldId = NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER },
	};

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 2, fields), NVML_SUCCESS);
	whole(fields[0].value.ullVal == fields[1].value.ullVal, "fields: %llu and %llu",
	      fields[0].value.ullVal, fields[1].value.ullVal);
}

static void look_at_sessions(nvmlDevice_t device)
{
	unsigned int sessions, fps, latency;
	nvmlFBCStats_t stats;

	CHECK_NUMBER(nvmlDeviceGetEncoderStats(device, &sessions, &fps, &latency), NVML_SUCCESS);
	whole(sessions == fps && fps == latency, "encoder: %u, %u and %u", sessions, fps, latency);
	CHECK_NUMBER(nvmlDeviceGetFBCStats(device, &stats), NVML_SUCCESS);
	whole(stats.sessionsCount == stats.averageFPS && stats.averageFPS == stats.averageLatency,
	      "frame buffer: %u, %u and %u", stats.sessionsCount, stats.averageFPS,
	      stats.averageLatency);
}

// With load of its own a GPU's utilization is that load; h100 has none.
static void look_at_readings(nvmlDevice_t device)
{
	nvmlGpuFabricInfoV_t fabric = { .version = nvmlGpuFabricInfo_v3 };
	unsigned int correctable, uncorrectable, pending, failure;
	nvmlGpuDynamicPstatesInfo_t load;
	nvmlEnableState_t ecc, next;
	nvmlUtilization_t used;

	CHECK_NUMBER(nvmlDeviceGetUtilizationRates(device, &used), NVML_SUCCESS);
	whole(used.gpu == used.memory, "utilization: %u and %u", used.gpu, used.memory);
	CHECK_NUMBER(nvmlDeviceGetDynamicPstatesInfo(device, &load), NVML_SUCCESS);
	whole(load.utilization[0].percentage == load.utilization[1].percentage, "load: %u and %u",
	      load.utilization[0].percentage, load.utilization[1].percentage);
	CHECK_NUMBER(nvmlDeviceGetEccMode(device, &ecc, &next), NVML_SUCCESS);
	whole(ecc == next, "ECC: %u and %u", ecc, next);
	CHECK_NUMBER(
		nvmlDeviceGetRemappedRows(device, &correctable, &uncorrectable, &pending, &failure),
		NVML_SUCCESS);
	whole(correctable == uncorrectable, "rows: %u and %u", correctable, uncorrectable);
	CHECK_NUMBER(nvmlDeviceGetGpuFabricInfoV(device, &fabric), NVML_SUCCESS);
	whole(fabric.healthMask == fabric.healthSummary, "fabric: %u and %u", fabric.healthMask,
	      fabric.healthSummary);
}

static void look_at_processes(nvmlDevice_t device)
{
	nvmlProcessInfo_t list[8];
	unsigned int count = 8;

	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, list), NVML_SUCCESS);
	for (unsigned int i = 0; i < count; i++)
		whole(list[i].pid == list[0].pid && list[i].usedGpuMemory == list[0].pid &&
			      list[0].pid % 4 == count,
		      "processes: %u of %u with %llu bytes among %u", list[i].pid, list[0].pid,
		      list[i].usedGpuMemory, count);
}

// A host's name is for Blackwell; its bytes are read as the getter reads them.
static void look_at_text(nvmlDevice_t device)
{
	char name[sizeof(((struct running *)0)->hostname)];
	struct gpu gpu;

	CHECK_NUMBER(api_enter_device(__func__, device, name, &gpu), NVML_SUCCESS);
	do {
		memcpy(name, gpu.running->hostname, sizeof(name));
	} while (gpu_changed(&gpu));
	for (size_t i = 1; i < sizeof(name) - 1; i++)
		whole(name[i] == name[0], "text: %c after %c", name[i], name[0]);
}

static void read_until_stopped(unsigned int reader)
{
	nvmlDevice_t device = use_page();
	uint64_t before = 0;

	// The writer has as much to do as all readers together.
	CHECK(nice(19) != -1);
	while (!atomic_load(&shared->stop) && !atomic_load(&shared->torn)) {
		uint64_t seen = look_at_memory(device);

		look_at_fields(device);
		look_at_sessions(device);
		look_at_readings(device);
		look_at_processes(device);
		look_at_text(device);
		if (seen != before)
			atomic_fetch_add(&shared->moves, 1);
		before = seen;
		atomic_fetch_add(&shared->rounds[reader], 1);
	}
}

static bool all_have_read(void)
{
	for (unsigned int i = 0; i < READERS; i++)
		if (!atomic_load(&shared->rounds[i]))
			return false;
	return true;
}

static void no_getter_mixes_two_states(void)
{
	pid_t readers[READERS];
	int status;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED);
	make_page();
	write_changes(0, 0);
	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = fork();
		CHECK(readers[i] >= 0);
		if (readers[i])
			continue;
		read_until_stopped(i);
		_exit(0);
	}
	for (int i = 0; i < 500 && !all_have_read(); i++)
		usleep(10000);
	write_changes(1, CHANGES);
	atomic_store(&shared->stop, true);
	for (unsigned int i = 0; i < READERS; i++) {
		CHECK(waitpid(readers[i], &status, 0) == readers[i]);
		CHECK_NUMBER(status, 0);
	}
	if (atomic_load(&shared->torn))
		fprintf(stderr, "torn: %s\n", shared->what);
	CHECK(!atomic_load(&shared->torn));
	CHECK(all_have_read());
	// Readers and the writer did run at one time.
	CHECK(atomic_load(&shared->moves) > READERS);
}

TESTSUITE(TEST(no_getter_mixes_two_states))
