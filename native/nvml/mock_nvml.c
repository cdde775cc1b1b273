/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml: check a profile, put it in force in a driver root. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mock_nvml.h"
#include "page.h"
#include "reference.h"
#include "source.h"

int complain(enum exit_code code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return code;
}

/* --- reading --- */

char *read_file(const char *file, size_t *length)
{
	FILE *stream = fopen(file, "rbe");
	char *text = NULL;

	if (!stream)
		return NULL;
	text = malloc(PROFILE_TEXT_MAX + 2);
	if (text)
		*length = fread(text, 1, PROFILE_TEXT_MAX + 1, stream);
	if (text && ferror(stream)) {
		int saved = errno;

		free(text);
		text = NULL;
		errno = saved;
	}
	fclose(stream);
	return text;
}

struct description *new_description(void)
{
	void *memory = mmap(NULL, sizeof(struct description), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void keep_note(void *data, const char *line)
{
	struct profile *profile = data;
	char **notes = realloc(profile->notes, (profile->note_count + 1) * sizeof(*notes));

	if (!notes)
		return;
	profile->notes = notes;
	profile->notes[profile->note_count] = strdup(line);
	profile->note_count += profile->notes[profile->note_count] != NULL;
}

static int fail_invalid(const struct options *options, const char *message)
{
	if (options->json) {
		struct json json = json_begin(stdout);

		json_bool(&json, "valid", false);
		json_string(&json, "error", message);
		json_end(&json);
	}
	return complain(EXIT_INVALID, "%s", message);
}

static int load(const struct options *options, struct profile *profile)
{
	struct profile_site site = options->site;
	struct profile_error error;
	char message[PATH_MAX + 256];

	memset(profile, 0, sizeof(*profile));
	profile->text = read_file(options->file, &profile->length);
	if (!profile->text)
		return complain(EXIT_SYSTEM, "cannot read profile %s: %s", options->file,
				strerror(errno));
	if (profile->length > PROFILE_TEXT_MAX) {
		snprintf(message, sizeof(message),
			 "%s:1: (document): expected at most 1 MiB, found more", options->file);
		return fail_invalid(options, message);
	}
	profile->description = new_description();
	if (!profile->description)
		return complain(EXIT_SYSTEM, "cannot parse profile %s: out of memory",
				options->file);
	site.note = keep_note;
	site.note_data = profile;
	site.chosen_pci_domain = &profile->pci_domain;
	if (profile_parse(options->file, profile->text, profile->length, &site,
			  profile->description, &error) != 0)
		return fail_invalid(options, error.text);
	return EXIT_OK;
}

/* --- check --- */

static void print_device(struct json *json, const struct description *description, uint32_t index)
{
	const struct device *device = &description->devices[index];
	const struct board *board = description_board(description, device);

	json_open(json, NULL, '{');
	json_number(json, "index", index);
	json_string(json, "name", board->name);
	json_string(json, "uuid", device->uuid);
	json_string(json, "serial", device->serial);
	json_number(json, "minor", device->minor);
	json_string(json, "pci_bus_id", device->pci_bus_id);
	json_number(json, "memory_total_bytes", board->memory_total);
	json_number(json, "pci_device_id", board->pci_device_id);
	json_optional(json, "pci_subsystem_id", board->pci_subsystem_id != NA_U32,
		      board->pci_subsystem_id);
	json_optional(json, "pci_class", board->pci_class != NA_U32, board->pci_class);
	json_optional(json, "pcie_link_gen", board->pcie.max_gen != NA_U32, board->pcie.max_gen);
	json_optional(json, "pcie_link_width", board->pcie.max_width != NA_U32,
		      board->pcie.max_width);
	json_optional(json, "numa_node", device->numa_node >= 0, (uint64_t)device->numa_node);
	json_optional(json, "module_id", device->module_id != NA_U32, device->module_id);
	json_number(json, "nvlinks", device->link_count);
	json_bool(json, "mig_capable", board->mig.capable != 0);
	json_optional(json, "power_limit_mw", device->readings.enforced_limit_mw != NA_U32,
		      device->readings.enforced_limit_mw);
	json_close(json, '}');
}

void print_description(struct json *json, const struct description *description)
{
	const struct board *board = &description->boards[description->devices[0].board];
	char compute[32], cuda[16];

	snprintf(cuda, sizeof(cuda), "%u.%u", description->system.cuda_version / 1000,
		 description->system.cuda_version % 1000 / 10);
	snprintf(compute, sizeof(compute), "%u.%u", board->compute_major, board->compute_minor);
	json_string(json, "name", board->name);
	json_number(json, "device_count", description->device_count);
	json_string(json, "driver_version", description->system.driver_version);
	json_string(json, "nvml_version", description->system.nvml_version);
	json_string(json, "cuda_version", cuda);
	json_string(json, "node_name", description->system.node_name);
	json_string(json, "compute_capability", compute);
	json_number(json, "memory_total_bytes", board->memory_total);
	json_open(json, "devices", '[');
	for (uint32_t i = 0; i < description->device_count; i++)
		print_device(json, description, i);
	json_close(json, ']');
}

static int check(const struct options *options, const struct profile *profile)
{
	const struct description *description = profile->description;

	if (options->json) {
		struct json json = json_begin(stdout);

		json_bool(&json, "valid", true);
		json_string(&json, "file", options->file);
		print_description(&json, description);
		json_open(&json, "ignored", '[');
		for (size_t i = 0; i < profile->note_count; i++)
			json_string(&json, NULL, profile->notes[i]);
		json_close(&json, ']');
		if (options->full) {
			json_open(&json, "description", '{');
			print_whole_description(&json, description);
			json_close(&json, '}');
		}
		json_end(&json);
		return EXIT_OK;
	}
	for (size_t i = 0; i < profile->note_count; i++)
		fprintf(stderr, "note: %s\n", profile->notes[i]);
	printf("%s: valid: %u x %s, driver %s\n", options->file, description->device_count,
	       description->boards[description->devices[0].board].name,
	       description->system.driver_version);
	return EXIT_OK;
}

static int run_profile(const struct options *options)
{
	struct profile profile;
	int result = load(options, &profile);

	if (result != EXIT_OK)
		return result;
	return strcmp(options->command, "check") == 0 ? check(options, &profile)
						      : apply(options, &profile);
}

static int run_command(const struct options *options)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *options);
	} commands[] = {
		{ "status", status },	{ "set", set },	    { "reset", reset },
		{ "fail", fail },	{ "clear", clear }, { "xid", xid },
		{ "process", process }, { "trace", trace }, { "load", load_pattern },
		{ NULL, run_profile },
	};
	unsigned int i = 0;

	while (commands[i].name && strcmp(commands[i].name, options->command) != 0)
		i++;
	return commands[i].run(options);
}

static int print_reference(void (*print)(FILE *stream))
{
	print(stdout);
	return fflush(stdout) != 0 ? EXIT_SYSTEM : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options options = { .root = SOURCE_DRIVER_ROOT };
	int result;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(mock_nvml_usage, stdout) < 0 ? EXIT_SYSTEM : EXIT_OK;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("mock-nvml %s, page format %u\n", DRIVER_VERSION, PAGE_FORMAT) < 0
			       ? EXIT_SYSTEM
			       : EXIT_OK;
	if (argc == 2 && strcmp(argv[1], "keys") == 0)
		return print_reference(reference_print);
	if (argc == 2 && strcmp(argv[1], "faults") == 0)
		return print_reference(print_faults);
	result = parse_arguments(argv + 1, &options);
	if (result == EXIT_OK)
		result = run_command(&options);
	if (result == EXIT_OK && (fflush(stdout) != 0 || ferror(stdout)))
		return complain(EXIT_SYSTEM, "cannot write the answer: %s", strerror(errno));
	return result;
}
