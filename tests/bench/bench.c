/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measures one libnvidia-ml.so against bare functions of the same signatures in
 * the same run. Each line it prints is "NAME NUMBER...": one number a round.
 *
 *	bench calls LIBRARY ROUNDS CALLS     ns a call, library and bare in turn
 *	bench threads LIBRARY ROUNDS CALLS   ns a call of one thread, and of eight together
 *	bench start LIBRARY                  one cold start: dlopen, nvmlInit, memory, threads
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>

#define THREADS 8
#define MAX_ROUNDS 10000

static void die(const char *what, const char *on, const char *why)
{
	fprintf(stderr, "bench: Error while %s %s: %s\n", what, on, why);
	exit(1);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* --- the bare functions: what the answer itself costs, behind one pointer call --- */

static nvmlMemory_t bare_memory = { 42949672960ull, 42407034880ull, 542638080ull };
static nvmlUtilization_t bare_rates = { 12, 3 };
static unsigned int bare_celsius = 34;
static char bare_text[] = "GPU-62ca9c03-3f78-593a-84e2-4fa9be42e746";
static nvmlDevice_t bare_devices[8];

#define BARE __attribute__((noinline, noclone)) static nvmlReturn_t

BARE bare_memory_info(nvmlDevice_t device, nvmlMemory_t *memory)
{
	if (!device || !memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	*memory = bare_memory;
	return NVML_SUCCESS;
}

BARE bare_temperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensor, unsigned int *celsius)
{
	if (!device || sensor != NVML_TEMPERATURE_GPU || !celsius)
		return NVML_ERROR_INVALID_ARGUMENT;
	*celsius = bare_celsius;
	return NVML_SUCCESS;
}

BARE bare_utilization(nvmlDevice_t device, nvmlUtilization_t *rates)
{
	if (!device || !rates)
		return NVML_ERROR_INVALID_ARGUMENT;
	*rates = bare_rates;
	return NVML_SUCCESS;
}

BARE bare_uuid(nvmlDevice_t device, char *text, unsigned int length)
{
	size_t size = strlen(bare_text) + 1;

	if (!device || !text)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (length < size)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(text, bare_text, size);
	return NVML_SUCCESS;
}

BARE bare_handle(unsigned int index, nvmlDevice_t *device)
{
	if (index >= 8 || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	*device = (nvmlDevice_t)&bare_devices[index];
	return NVML_SUCCESS;
}

/* --- what is measured --- */

struct calls {
	nvmlReturn_t (*memory_info)(nvmlDevice_t, nvmlMemory_t *);
	nvmlReturn_t (*temperature)(nvmlDevice_t, nvmlTemperatureSensors_t, unsigned int *);
	nvmlReturn_t (*utilization)(nvmlDevice_t, nvmlUtilization_t *);
	nvmlReturn_t (*uuid)(nvmlDevice_t, char *, unsigned int);
	nvmlReturn_t (*handle)(unsigned int, nvmlDevice_t *);
	nvmlDevice_t device;
};

static const struct calls bare = { bare_memory_info, bare_temperature,
				   bare_utilization, bare_uuid,
				   bare_handle,	     (nvmlDevice_t)&bare_devices[0] };

/* Keeps the compiler from knowing what an answer was. */
#define USED(value) __asm__ volatile("" : : "g"(&(value)) : "memory")

#define TIME_LOOP(call, answer)                                     \
	do {                                                        \
		double start = now_ns();                            \
		for (long i = 0; i < count; i++) {                  \
			if ((call) != NVML_SUCCESS)                 \
				die("calling", #call, "no answer"); \
			USED(answer);                               \
		}                                                   \
		return (now_ns() - start) / (double)count;          \
	} while (0)

static double time_memory_info(const struct calls *c, long count)
{
	nvmlMemory_t memory;

	TIME_LOOP(c->memory_info(c->device, &memory), memory);
}

static double time_temperature(const struct calls *c, long count)
{
	unsigned int celsius;

	TIME_LOOP(c->temperature(c->device, NVML_TEMPERATURE_GPU, &celsius), celsius);
}

static double time_utilization(const struct calls *c, long count)
{
	nvmlUtilization_t rates;

	TIME_LOOP(c->utilization(c->device, &rates), rates);
}

static double time_uuid(const struct calls *c, long count)
{
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

	TIME_LOOP(c->uuid(c->device, text, sizeof(text)), text);
}

static double time_handle(const struct calls *c, long count)
{
	nvmlDevice_t device;

	TIME_LOOP(c->handle(0, &device), device);
}

static const struct {
	const char *name;
	double (*time)(const struct calls *calls, long count);
} measured[] = {
	{ "MemoryInfo", time_memory_info },  { "Temperature", time_temperature },
	{ "Utilization", time_utilization }, { "UUID", time_uuid },
	{ "HandleByIndex", time_handle },
};

#define MEASURED (sizeof(measured) / sizeof(measured[0]))

/* --- the library --- */

static void *find(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	if (!symbol)
		die("looking up", name, dlerror());
	return symbol;
}

static void *open_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	if (!library)
		die("loading", path, dlerror());
	return library;
}

static void init(void *library)
{
	nvmlReturn_t (*init_v2)(void) = find(library, "nvmlInit_v2");
	nvmlReturn_t result = init_v2();
	const char *(*error_string)(nvmlReturn_t) = find(library, "nvmlErrorString");

	if (result != NVML_SUCCESS)
		die("calling", "nvmlInit_v2", error_string(result));
}

static struct calls library_calls(const char *path)
{
	void *library = open_library(path);
	struct calls calls = {
		.memory_info = find(library, "nvmlDeviceGetMemoryInfo"),
		.temperature = find(library, "nvmlDeviceGetTemperature"),
		.utilization = find(library, "nvmlDeviceGetUtilizationRates"),
		.uuid = find(library, "nvmlDeviceGetUUID"),
		.handle = find(library, "nvmlDeviceGetHandleByIndex_v2"),
	};

	init(library);
	if (calls.handle(0, &calls.device) != NVML_SUCCESS)
		die("finding", "device 0", "none is visible");
	return calls;
}

/* --- calls --- */

static void print_rounds(const char *name, const char *who, const double *rounds, long count)
{
	printf("%s.%s", name, who);
	for (long i = 0; i < count; i++)
		printf(" %.3f", rounds[i]);
	printf("\n");
}

/* Library and bare take turns, so that what disturbs the machine disturbs both. */
static void measure_calls(const char *path, long rounds, long count)
{
	static double library_ns[MAX_ROUNDS], bare_ns[MAX_ROUNDS];
	struct calls library = library_calls(path);

	for (size_t m = 0; m < MEASURED; m++) {
		measured[m].time(&library, count);
		measured[m].time(&bare, count);
		for (long i = 0; i < rounds; i++) {
			library_ns[i] = measured[m].time(&library, count);
			bare_ns[i] = measured[m].time(&bare, count);
		}
		print_rounds(measured[m].name, "library", library_ns, rounds);
		print_rounds(measured[m].name, "bare", bare_ns, rounds);
	}
}

/* --- threads --- */

struct worker {
	const struct calls *calls;
	long count;
	pthread_barrier_t *barrier;
	pthread_t id;
	double started, ended;
};

static void *work(void *data)
{
	struct worker *worker = data;

	pthread_barrier_wait(worker->barrier);
	worker->started = now_ns();
	time_memory_info(worker->calls, worker->count);
	worker->ended = now_ns();
	return NULL;
}

/* ns a call, from the first thread's start to the last one's end: half as much
 * means twice the throughput. */
static double time_threads(const struct calls *calls, int threads, long count)
{
	struct worker workers[THREADS];
	pthread_barrier_t barrier;
	double started = 0, ended = 0;

	pthread_barrier_init(&barrier, NULL, (unsigned int)threads);
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct worker){ .calls = calls, .count = count, .barrier = &barrier };
		if (pthread_create(&workers[i].id, NULL, work, &workers[i]))
			die("starting", "a thread", "no room");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].id, NULL);
		started = !i || workers[i].started < started ? workers[i].started : started;
		ended = !i || workers[i].ended > ended ? workers[i].ended : ended;
	}
	pthread_barrier_destroy(&barrier);
	return (ended - started) / (double)(count * threads);
}

static void measure_threads(const char *path, long rounds, long count)
{
	static double ns[4][MAX_ROUNDS];
	struct calls library = library_calls(path);

	for (long i = 0; i < rounds; i++) {
		ns[0][i] = time_threads(&library, 1, count);
		ns[1][i] = time_threads(&bare, 1, count);
		ns[2][i] = time_threads(&library, THREADS, count);
		ns[3][i] = time_threads(&bare, THREADS, count);
	}
	print_rounds("one", "library", ns[0], rounds);
	print_rounds("one", "bare", ns[1], rounds);
	print_rounds("eight", "library", ns[2], rounds);
	print_rounds("eight", "bare", ns[3], rounds);
}

/* --- start --- */

static long proc_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long number = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			number = strtol(line + strlen(key) + 1, NULL, 10);
	if (file)
		fclose(file);
	return number;
}

/* The memory is what a client ends up with: every GPU asked once. */
static void measure_start(const char *path)
{
	/* The kernel's quick count in status is off by up to a megabyte; this one is exact. */
	proc_number("/proc/self/smaps_rollup", "Rss"); /* what reading it takes is no growth */
	long rss = proc_number("/proc/self/smaps_rollup", "Rss");
	long threads = proc_number("/proc/self/status", "Threads");
	double start = now_ns(), opened, ready;
	void *library = open_library(path);
	nvmlReturn_t (*count_of)(unsigned int *);
	struct calls calls;
	unsigned int count = 0;

	opened = now_ns();
	init(library);
	ready = now_ns();
	calls = library_calls(path);
	count_of = find(library, "nvmlDeviceGetCount_v2");
	count_of(&count);
	for (unsigned int i = 0; i < count; i++)
		if (calls.handle(i, &calls.device) == NVML_SUCCESS)
			for (size_t m = 0; m < MEASURED; m++)
				measured[m].time(&calls, 1);
	printf("dlopen.us %.3f\n", (opened - start) / 1e3);
	printf("init.us %.3f\n", (ready - opened) / 1e3);
	printf("rss.kib %ld\n", proc_number("/proc/self/smaps_rollup", "Rss") - rss);
	printf("threads.more %ld\n", proc_number("/proc/self/status", "Threads") - threads);
}

int main(int argc, char *argv[])
{
	long rounds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
	long count = argc > 4 ? strtol(argv[4], NULL, 10) : 0;

	if (argc == 3 && !strcmp(argv[1], "start"))
		measure_start(argv[2]);
	else if (argc == 5 && rounds > 0 && rounds <= MAX_ROUNDS && count > 0 &&
		 !strcmp(argv[1], "calls"))
		measure_calls(argv[2], rounds, count);
	else if (argc == 5 && rounds > 0 && rounds <= MAX_ROUNDS && count > 0 &&
		 !strcmp(argv[1], "threads"))
		measure_threads(argv[2], rounds, count);
	else
		die("reading", "the command line",
		    "calls|threads LIBRARY ROUNDS CALLS, or start LIBRARY");
	return 0;
}
