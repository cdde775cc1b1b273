/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_text.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "mutate.h"
#include "page.h"
#include "testsuite.h"

static struct profile_error error;

static struct description *new_description(void)
{
	void *memory = mmap(NULL, sizeof(struct description), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

/* The checksum of what a text describes on a node; 0 where it is no profile. */
static uint64_t describes(const char *text, size_t length, const char *node,
			  struct profile_system *system, uint32_t *count)
{
	struct profile_site site = { .node_name = node };
	struct description *description = new_description();
	uint64_t checksum = 0;

	if (profile_parse("p", text, length, &site, description, &error) == 0) {
		checksum = description_checksum(description);
		*system = description->system;
		*count = description->device_count;
	}
	munmap(description, sizeof(*description));
	return checksum;
}

/* Where there is a text at all, it says of itself what it was made from. */
static void check_text(const char *text, size_t length)
{
	struct profile_system system, again;
	uint32_t count, count_again;
	uint64_t checksum = describes(text, length, "n", &system, &count);
	size_t config_length;
	char *config;

	if (!checksum)
		return;
	config = config_text(text, length, &system, count, 0, &config_length);
	CHECK(config != NULL);
	if (describes(config, config_length, NULL, &again, &count_again) != checksum) {
		fprintf(stderr, "%s\n--- from ---\n%.*s\n--- came ---\n%s\n", error.text,
			(int)length, text, config);
		exit(1);
	}
	free(config);
}

static void every_form(void)
{
	static const char *const texts[] = {
		"device_defaults: {name: A, memory: {total_bytes: 1}}",
		"{\"device_defaults\": {\"name\": \"A\", \"memory\": {\"total_bytes\": 1}}}",
		"site: {num_devices: 2}\ndevice_defaults: {name: A, memory: {total_bytes: 1}}\n",
		"device_defaults: {name: A, memory: {total_bytes: 1}}\nsite:\n  num_devices: 3\n",
		"--- # start\n device_defaults: {name: A, memory: {total_bytes: 1}}\n",
		"%YAML 1.1\n---\ndevice_defaults: {name: A, memory: {total_bytes: 1}}\n...\n",
		"device_defaults:\r\n  name: A\r\n  memory: {total_bytes: 1}\r\nsite: {}\r\n",
		"device_defaults:\r  name: A\r  memory: {total_bytes: 1}\r",
		"site:\n? device_defaults\n: {name: A, memory: {total_bytes: 1}}\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct profile_system system;
		uint32_t count;

		if (!describes(texts[i], strlen(texts[i]), "n", &system, &count))
			CHECK_STRING(error.text, texts[i]);
		check_text(texts[i], strlen(texts[i]));
	}
}

static void whatever_the_text(void)
{
	static const char *const names[] = { "a100", "gb200" };
	static char original[65536], text[65536 * 2];
	int rounds = getenv("TEST_ROUNDS") ? atoi(getenv("TEST_ROUNDS")) : 600;

	for (int round = 0; round < rounds; round++) {
		char file[256];
		size_t length;
		int fd;

		snprintf(file, sizeof(file), "../../charts/gpu-mock/profiles/%s.yaml",
			 names[round % 2]);
		fd = open(file, O_RDONLY);
		length = (size_t)read(fd, original, sizeof(original) - 64);
		close(fd);
		memcpy(text, original, length);
		memcpy(text + length, "site:\n  num_devices: 5\n", 23);
		length = mutate(text, length + 23, sizeof(text));
		check_text(text, length);
	}
}

TESTSUITE(TEST(every_form), TEST(whatever_the_text))
