/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml: check a profile, put it in force in a driver root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_text.h"
#include "json.h"
#include "page.h"
#include "reference.h"
#include "source.h"

enum exit_code { EXIT_OK = 0, EXIT_INVALID = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 3 };

static const char usage[] =
	"usage: mock-nvml check [--json] [OPTION...] FILE\n"
	"       mock-nvml [--root DIR] apply [--json] [--dry-run] [--force] [OPTION...] FILE\n"
	"       mock-nvml keys | --version | --help\n"
	"\n"
	"check says whether FILE is a valid profile, and what it describes.\n"
	"apply puts it in force in the driver root DIR (" SOURCE_DRIVER_ROOT "):\n"
	"it writes DIR/config/config.yaml and the device page, each only when it differs.\n"
	"\n"
	"keys prints every key of a profile and what it may be.\n"
	"\n"
	"  --count N            GPUs of this node, 1 to 128 (else the file's number, else 8)\n"
	"  --driver-version V   the version NVML reports and files are named by\n"
	"  --node-name NAME     what UUIDs, serials and PCI addresses are derived from\n"
	"                       (else the lower-case host name)\n"
	"  --json               print one JSON object\n"
	"  --dry-run            say whether something would change; change nothing\n"
	"  --force              rebuild even a page of a newer format or a foreign file\n"
	"\n"
	"Exit status: 0 done, 1 FILE is invalid (one line on stderr), 2 usage, 3 system error.\n";

struct options {
	const char *command;
	const char *root;
	const char *file;
	bool json;
	bool dry_run;
	bool force;
	struct profile_site site;
};

/* A profile with its text, kept because config.yaml is made of it. */
struct profile {
	struct description *description;
	char *text;
	size_t length;
	char **notes;
	size_t note_count;
};

static int complain(enum exit_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(enum exit_code code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return code;
}

/* --- arguments --- */

static int parse_count(const char *text, uint32_t *count)
{
	uint32_t value = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9' && value < 1000; c++)
		value = value * 10 + (uint32_t)(*c - '0');
	if (*c || c == text || value < 1 || value > PROFILE_MAX_DEVICES)
		return complain(EXIT_USAGE, "--count: expected a number from 1 to %d, found \"%s\"",
				PROFILE_MAX_DEVICES, text);
	*count = value;
	return EXIT_OK;
}

static bool is_version(const char *text)
{
	bool digit = false;

	for (; *text; text++) {
		if (*text == '.' ? !digit : *text < '0' || *text > '9')
			return false;
		digit = *text != '.';
	}
	return digit;
}

static int parse_node_name(const char *text)
{
	if (!*text || strlen(text) > 253)
		return complain(EXIT_USAGE,
				"--node-name: expected 1 to 253 characters, found \"%s\"", text);
	for (; *text; text++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			    *text))
			return complain(
				EXIT_USAGE,
				"--node-name: expected letters, digits, '.', '-' and '_', found \"%s\"",
				text);
	return EXIT_OK;
}

/* The value of --name VALUE or --name=VALUE, and one argument less to read. */
static const char *option_value(const char *name, char ***arguments)
{
	size_t length = strlen(name);
	const char *argument = **arguments;

	if (strncmp(argument, name, length) != 0)
		return NULL;
	if (argument[length] == '=')
		return argument + length + 1;
	if (argument[length] || !(*arguments)[1])
		return NULL;
	return *++*arguments;
}

static int parse_option(struct options *options, char ***arguments)
{
	const char *value;

	if (strcmp(**arguments, "--json") == 0)
		options->json = true;
	else if (strcmp(**arguments, "--dry-run") == 0)
		options->dry_run = true;
	else if (strcmp(**arguments, "--force") == 0)
		options->force = true;
	else if ((value = option_value("--root", arguments)))
		options->root = value;
	else if ((value = option_value("--count", arguments)))
		return parse_count(value, &options->site.device_count);
	else if ((value = option_value("--driver-version", arguments))) {
		if (!is_version(value) || strlen(value) > 31)
			return complain(
				EXIT_USAGE,
				"--driver-version: expected a version such as 550.163.01, found \"%s\"",
				value);
		options->site.driver_version = value;
	} else if ((value = option_value("--node-name", arguments))) {
		options->site.node_name = value;
		return parse_node_name(value);
	} else
		return complain(
			EXIT_USAGE,
			"mock-nvml: unknown option or missing value: %s (see mock-nvml --help)",
			**arguments);
	return EXIT_OK;
}

static int parse_arguments(char **arguments, struct options *options)
{
	for (; *arguments; arguments++) {
		int result = EXIT_OK;

		if (strncmp(*arguments, "--", 2) == 0)
			result = parse_option(options, &arguments);
		else if (!options->command)
			options->command = *arguments;
		else if (!options->file)
			options->file = *arguments;
		else
			result = complain(EXIT_USAGE,
					  "mock-nvml: expected one FILE, found also \"%s\"",
					  *arguments);
		if (result != EXIT_OK)
			return result;
	}
	if (!options->command || !options->file ||
	    (strcmp(options->command, "check") != 0 && strcmp(options->command, "apply") != 0)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* --- reading --- */

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

static char *read_file(const char *file, size_t *length)
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

static struct description *new_description(void)
{
	void *memory = mmap(NULL, sizeof(struct description), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
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
	json_optional(json, "numa_node", device->numa_node >= 0, (uint64_t)device->numa_node);
	json_optional(json, "module_id", device->module_id != NA_U32, device->module_id);
	json_number(json, "nvlinks", device->link_count);
	json_bool(json, "mig_capable", board->mig.capable != 0);
	json_optional(json, "power_limit_mw", device->readings.enforced_limit_mw != NA_U32,
		      device->readings.enforced_limit_mw);
	json_close(json, '}');
}

static void print_description(struct json *json, const struct description *description)
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

/* --- apply --- */

/* Every folder of path but its last part. */
static int make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int result;

		*slash = '\0';
		result = mkdir(path, 0755);
		*slash = '/';
		if (result != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static bool has_content(const char *file, const char *text, size_t length)
{
	size_t there = 0;
	char *content = read_file(file, &there);
	bool same = content && there == length && memcmp(content, text, length) == 0;

	free(content);
	return same;
}

/* The new file beside the old one, complete and on disk; renamed by the caller. */
static int write_beside(const char *file, const char *text, size_t length, char *temporary,
			size_t size)
{
	FILE *stream = NULL;
	int fd;

	snprintf(temporary, size, "%s.XXXXXX", file);
	fd = mkstemp(temporary);
	if (fd >= 0)
		stream = fdopen(fd, "wb");
	if (stream && fchmod(fd, 0644) == 0 && fwrite(text, 1, length, stream) == length &&
	    fflush(stream) == 0 && fsync(fd) == 0) {
		fclose(stream);
		return 0;
	}
	if (fd >= 0) {
		int saved = errno;

		if (stream)
			fclose(stream);
		else
			close(fd);
		unlink(temporary);
		errno = saved;
	}
	return -1;
}

/*
 * What config.yaml holds must give exactly the page's description, else the
 * node would show other GPUs where only the file can be read.
 */
static int verify_text(const char *file, const char *text, size_t length,
		       const struct description *expected)
{
	struct description *description = new_description();
	struct profile_error error = { "out of memory" };
	int result = -1;

	if (description && profile_parse(file, text, length, NULL, description, &error) == 0)
		result = description_checksum(description) == description_checksum(expected) ? 0
											     : -1;
	if (description)
		munmap(description, sizeof(*description));
	if (result != 0)
		complain(EXIT_SYSTEM,
			 "cannot make %s: its text would not describe the same GPUs (%s)", file,
			 error.text);
	return result;
}

static int report(const struct options *options, const struct profile *profile, const char *config,
		  bool config_changed, const char *page, bool page_changed)
{
	if (options->json) {
		struct json json = json_begin(stdout);

		json_bool(&json, "changed", config_changed || page_changed);
		json_string(&json, "config", config);
		json_bool(&json, "config_changed", config_changed);
		json_string(&json, "page", page);
		json_bool(&json, "page_changed", page_changed);
		print_description(&json, profile->description);
		json_end(&json);
		return EXIT_OK;
	}
	printf("%s: %s\n%s: %s\n", config, config_changed ? "changed" : "unchanged", page,
	       page_changed ? "changed" : "unchanged");
	return EXIT_OK;
}

static int apply_files(const struct options *options, const struct profile *profile,
		       const char *text, size_t length, char *config, char *page)
{
	char temporary[PATH_MAX] = "";
	bool config_changed = !has_content(config, text, length);
	struct profile_error error;
	enum page_change change;

	if (!options->dry_run && (make_parents(config) != 0 || make_parents(page) != 0))
		return complain(EXIT_SYSTEM, "cannot make the folders of driver root %s: %s",
				options->root, strerror(errno));
	if (config_changed && !options->dry_run &&
	    write_beside(config, text, length, temporary, sizeof(temporary)) != 0)
		return complain(EXIT_SYSTEM, "cannot write %s: %s", config, strerror(errno));
	change = page_write(page, profile->description, options->force, options->dry_run, &error);
	if (change == PAGE_ERROR) {
		if (*temporary)
			unlink(temporary);
		return complain(EXIT_SYSTEM, "%s", error.text);
	}
	if (*temporary && rename(temporary, config) != 0) {
		int saved = errno;

		unlink(temporary);
		return complain(EXIT_SYSTEM, "cannot write %s: %s", config, strerror(saved));
	}
	return report(options, profile, config, config_changed, page, change == PAGE_CHANGED);
}

static int apply(const struct options *options, const struct profile *profile)
{
	const struct profile_system *system = &profile->description->system;
	char config[PATH_MAX], page[PATH_MAX];
	size_t length;
	char *text = config_text(profile->text, profile->length, system,
				 profile->description->device_count, &length);
	int result;

	if (!text)
		return complain(EXIT_SYSTEM, "cannot make the text of config.yaml: out of memory");
	snprintf(config, sizeof(config), "%s/config/config.yaml", options->root);
	snprintf(page, sizeof(page), "%s/lib/firmware/nvidia/%s/" PAGE_FILE, options->root,
		 system->driver_version);
	result = EXIT_SYSTEM;
	if (verify_text(config, text, length, profile->description) == 0)
		result = apply_files(options, profile, text, length, config, page);
	free(text);
	return result;
}

int main(int argc, char **argv)
{
	struct options options = { .root = SOURCE_DRIVER_ROOT };
	struct profile profile;
	int result;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 ? EXIT_SYSTEM : EXIT_OK;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("mock-nvml %s, page format %u\n", DRIVER_VERSION, PAGE_FORMAT) < 0
			       ? EXIT_SYSTEM
			       : EXIT_OK;
	if (argc == 2 && strcmp(argv[1], "keys") == 0) {
		reference_print(stdout);
		return fflush(stdout) != 0 ? EXIT_SYSTEM : EXIT_OK;
	}
	result = parse_arguments(argv + 1, &options);
	if (result == EXIT_OK)
		result = load(&options, &profile);
	if (result == EXIT_OK)
		result = strcmp(options.command, "check") == 0 ? check(&options, &profile)
							       : apply(&options, &profile);
	if (result == EXIT_OK && (fflush(stdout) != 0 || ferror(stdout)))
		return complain(EXIT_SYSTEM, "cannot write the answer: %s", strerror(errno));
	return result;
}
