/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_nvml.h"
#include "source.h"

const char mock_nvml_usage[] =
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
	"  --pci-domain N       first PCI domain of the GPUs, 0x1 to 0xffff (else the file's,\n"
	"                       else one that follows from the node's name)\n"
	"  --json               print one JSON object\n"
	"  --dry-run            say whether something would change; change nothing\n"
	"  --force              rebuild even a page of a newer format or a foreign file\n"
	"\n"
	"Exit status: 0 done, 1 FILE is invalid (one line on stderr), 2 usage, 3 system error.\n";

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

static int parse_domain(const char *text, uint32_t *domain)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text < '0' || *text > '9' || *end || value < 1 || value > 0xffff)
		return complain(EXIT_USAGE,
				"--pci-domain: expected a number from 0x1 to 0xffff, found \"%s\"",
				text);
	*domain = (uint32_t)value;
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
	else if ((value = option_value("--root", arguments))) {
		/* Of an unset variable: it would name the root of the host. */
		if (!*value)
			return complain(
				EXIT_USAGE,
				"--root: expected a folder (the host's own root is /), found \"\"");
		options->root = value;
	} else if ((value = option_value("--count", arguments)))
		return parse_count(value, &options->site.device_count);
	else if ((value = option_value("--pci-domain", arguments)))
		return parse_domain(value, &options->site.pci_domain);
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

int parse_arguments(char **arguments, struct options *options)
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
		fputs(mock_nvml_usage, stderr);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}
