// SPDX-License-Identifier: GPL-3.0-or-later
// A getter is a look into mapped memory: no system call, no lock, no allocation.
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "nvml_fixture.h"

static int ask_everything(nvmlDevice_t device)
{
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	nvmlUtilization_t utilization;
	unsigned long long reasons;
	nvmlDevice_t handle;
	nvmlMemory_t memory;
	nvmlPciInfo_t pci;
	unsigned int value;

	return nvmlDeviceGetCount_v2(&value) || nvmlDeviceGetHandleByIndex_v2(3, &handle) ||
	       nvmlDeviceGetHandleByUUID("GPU-0", &handle) != NVML_ERROR_NOT_FOUND ||
	       nvmlDeviceGetName(device, text, sizeof(text)) ||
	       nvmlDeviceGetUUID(device, text, sizeof(text)) ||
	       nvmlDeviceGetPciInfo_v3(device, &pci) || nvmlDeviceGetMemoryInfo(device, &memory) ||
	       nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &value) ||
	       nvmlDeviceGetUtilizationRates(device, &utilization) ||
	       nvmlDeviceGetPowerUsage(device, &value) ||
	       nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, &value) ||
	       nvmlDeviceGetCurrentClocksEventReasons(device, &reasons) ||
	       nvmlDeviceGetFanSpeed(device, &value) != NVML_ERROR_NOT_SUPPORTED;
}

// One that mock-nvml or a description put there: nobody asks the system whether it lives.
static void put_process(void)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->processes[0].process.type = PROFILE_PROCESS_COMPUTE;
	running->processes[0].process.pid = 4001;
	running->process_count = 1;
	put_in_force(&writer);
}

// In this mode the kernel kills whoever calls it for more than read, write and exit.
static void getters_need_no_system_call(void)
{
	nvmlDevice_t device = first_gpu("a100");
	int failed;

	put_process();
	CHECK_NUMBER(ask_everything(device), 0);
	CHECK_NUMBER(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
	failed = ask_everything(device);
	syscall(SYS_exit, failed);
}

TESTSUITE(TEST(getters_need_no_system_call))
