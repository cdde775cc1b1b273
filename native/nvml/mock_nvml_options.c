/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_nvml.h"
#include "source.h"

const char mock_nvml_usage[] =
	"usage: mock-nvml check [--json [--full]] [OPTION...] FILE\n"
	"       mock-nvml [--root DIR] apply [--json] [--dry-run] [--force] [OPTION...] FILE\n"
	"       mock-nvml [--root DIR] COMMAND [-i GPU[,GPU...]] [--json] [--dry-run] [OPTION...]\n"
	"       mock-nvml keys | faults | --version | --help\n"
	"\n"
	"check says whether FILE is a valid profile, and what it describes.\n"
	"apply puts it in force in the driver root DIR (" SOURCE_DRIVER_ROOT "):\n"
	"it writes DIR/config/config.yaml and the device page, each only when it differs.\n"
	"\n"
	"  --count N            GPUs of this node, 1 to 128 (else the file's number, else 8)\n"
	"  --driver-version V   the version NVML reports and files are named by\n"
	"  --node-name NAME     what UUIDs, serials and PCI addresses are derived from\n"
	"                       (else the lower-case host name)\n"
	"  --pci-domain N       first PCI domain of the GPUs, 0x1 to 0xffff (else the file's,\n"
	"                       else one that follows from the node's name)\n"
	"  --force              rebuild even a page of a newer format or a foreign file\n"
	"\n"
	"Commands for the GPUs in force; programs that run see the change at their next call:\n"
	"  status               what each GPU has: values, faults, processes, MIG instances\n"
	"  set KEY=VALUE...     readings and settings, by the keys of a profile\n"
	"  fail KIND            a fault; mock-nvml faults lists the kinds and their options\n"
	"  clear [KIND|all]     end faults of a kind, or all\n"
	"  xid N                tell all who wait for events of an Xid error\n"
	"  process list         the processes on a GPU\n"
	"  process add          one more: --pid N [--type C|G|M] [--memory MIB] [--name NAME]\n"
	"                       [--utilization PERCENT] [--gpu-instance N [--compute-instance N]]\n"
	"  process remove       one less: --pid N\n"
	"  load PATTERN         from now on a load that moves: idle, busy, burst, steady, constant,\n"
	"                       sine, ramp or walk, with KEY=VALUE such as gpu=20-90 period=60\n"
	"  load stop            the load that the profile says\n"
	"  trace play FILE      what nvidia-smi --query-gpu=... --format=csv -l 1 has recorded (-: stdin)\n"
	"  trace stop           the load that the profile says\n"
	"  trace show           what each GPU plays\n"
	"  reset                everything as the profile says\n"
	"\n"
	"  -i GPU[,GPU...]      index, UUID or PCI bus id, or all (as without it)\n"
	"  --after SECONDS      fail, xid: not before\n"
	"  --for SECONDS        fail: over after this time\n"
	"  --after-calls N      fail: each process has N calls on the GPU that do not meet it\n"
	"  --probability P      fail: a call meets it with this probability, 0.000001 to 1\n"
	"  --seed N             fail: which calls those are\n"
	"  --loop | --once      trace play: again and again (as without), or idle afterwards\n"
	"  --speed X            trace play: X times as fast, 0.01 to 1000\n"
	"  --columns NAMES      trace play: what --query-gpu named, for a file without its header\n"
	"\n"
	"keys prints every key of a profile and what it may be.\n"
	"\n"
	"  --json               print one JSON object\n"
	"  --full               with check --json: every field of the description that FILE makes\n"
	"  --dry-run            say whether something would change; change nothing\n"
	"\n"
	"Exit status: 0 done, 1 FILE is invalid or the GPU cannot do that (one line on stderr),\n"
	"2 usage, 3 system error.\n";

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

#define FOR_PROFILES 1u /* check, apply */
#define FOR_FAIL 2u
#define FOR_XID 4u
#define FOR_PROCESS 8u
#define FOR_OTHERS 16u /* status, set, clear, reset, load */
#define FOR_TRACE 32u
#define FOR_CONTROL (FOR_FAIL | FOR_XID | FOR_PROCESS | FOR_OTHERS | FOR_TRACE)

static const struct {
	const char *name;
	size_t offset; /* in struct option_texts */
	unsigned int commands;
} text_options[] = {
#define TEXT(name, member, commands) { name, offsetof(struct option_texts, member), commands }
	TEXT("--count", count, FOR_PROFILES | FOR_FAIL),
	TEXT("-i", devices, FOR_CONTROL),
	TEXT("--after", after, FOR_FAIL | FOR_XID),
	TEXT("--after-calls", after_calls, FOR_FAIL),
	TEXT("--for", period, FOR_FAIL),
	TEXT("--probability", probability, FOR_FAIL),
	TEXT("--seed", seed, FOR_FAIL),
	TEXT("--code", code, FOR_FAIL),
	TEXT("--latency", latency, FOR_FAIL),
	TEXT("--location", location, FOR_FAIL),
	TEXT("--link", link, FOR_FAIL),
	TEXT("--temperature", temperature, FOR_FAIL),
	TEXT("--clock", clock, FOR_FAIL),
	TEXT("--health", health, FOR_FAIL),
	TEXT("--pid", pid, FOR_PROCESS),
	TEXT("--type", type, FOR_PROCESS),
	TEXT("--memory", memory, FOR_PROCESS),
	TEXT("--name", name, FOR_PROCESS),
	TEXT("--utilization", utilization, FOR_PROCESS),
	TEXT("--gpu-instance", gpu_instance, FOR_PROCESS),
	TEXT("--compute-instance", compute_instance, FOR_PROCESS),
	TEXT("--speed", speed, FOR_TRACE),
	TEXT("--columns", columns, FOR_TRACE),
#undef TEXT
};

static const char **text_at(struct options *options, unsigned int index)
{
	return (const char **)((char *)&options->texts + text_options[index].offset);
}

static bool parse_text(struct options *options, char ***arguments)
{
	for (unsigned int i = 0; i < sizeof(text_options) / sizeof(text_options[0]); i++) {
		const char *value = option_value(text_options[i].name, arguments);

		if (!value)
			continue;
		*text_at(options, i) = value;
		return true;
	}
	return false;
}

static int parse_option(struct options *options, char ***arguments)
{
	const char *value;

	if (strcmp(**arguments, "--json") == 0)
		options->json = true;
	else if (strcmp(**arguments, "--full") == 0)
		options->full = true;
	else if (strcmp(**arguments, "--dry-run") == 0)
		options->dry_run = true;
	else if (strcmp(**arguments, "--force") == 0)
		options->force = true;
	else if (strcmp(**arguments, "--once") == 0)
		options->once = true;
	else if (strcmp(**arguments, "--loop") == 0)
		options->loop = true;
	else if ((value = option_value("--root", arguments))) {
		/* Of an unset variable: it would name the root of the host. */
		if (!*value)
			return complain(
				EXIT_USAGE,
				"--root: expected a folder (the host's own root is /), found \"\"");
		options->root = value;
	} else if ((value = option_value("--pci-domain", arguments)))
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
	} else if (!parse_text(options, arguments))
		return complain(
			EXIT_USAGE,
			"mock-nvml: unknown option or missing value: %s (see mock-nvml --help)",
			**arguments);
	return EXIT_OK;
}

static const struct {
	const char *name;
	unsigned int kind; /* FOR_* */
} commands[] = {
	{ "check", FOR_PROFILES }, { "apply", FOR_PROFILES }, { "status", FOR_OTHERS },
	{ "set", FOR_OTHERS },	   { "reset", FOR_OTHERS },   { "clear", FOR_OTHERS },
	{ "fail", FOR_FAIL },	   { "xid", FOR_XID },	      { "process", FOR_PROCESS },
	{ "trace", FOR_TRACE },	   { "load", FOR_OTHERS },
};

static unsigned int kind_of(const char *command)
{
	for (unsigned int i = 0; command && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, command) == 0)
			return commands[i].kind;
	return 0;
}

/* Options that the command does not know: they would be without effect. */
static int check_texts(struct options *options, unsigned int kind)
{
	for (unsigned int i = 0; i < sizeof(text_options) / sizeof(text_options[0]); i++)
		if (*text_at(options, i) && !(text_options[i].commands & kind))
			return complain(EXIT_USAGE,
					"mock-nvml: %s has no option %s (see mock-nvml --help)",
					options->command, text_options[i].name);
	if ((options->once || options->loop) && kind != FOR_TRACE)
		return complain(EXIT_USAGE, "mock-nvml: %s has no option %s (see mock-nvml --help)",
				options->command, options->once ? "--once" : "--loop");
	return EXIT_OK;
}

static int parse_word(struct options *options, const char *word)
{
	if (!options->command) {
		options->command = word;
		return EXIT_OK;
	}
	if (options->word_count == MAX_WORDS)
		return complain(EXIT_USAGE,
				"mock-nvml: expected at most %d words, found also \"%s\"",
				MAX_WORDS, word);
	options->words[options->word_count++] = word;
	return EXIT_OK;
}

static int parse_profile_words(struct options *options)
{
	if (options->word_count > 1)
		return complain(EXIT_USAGE, "mock-nvml: expected one FILE, found also \"%s\"",
				options->words[1]);
	options->file = options->words[0];
	if (options->texts.count)
		return parse_count(options->texts.count, &options->site.device_count);
	return EXIT_OK;
}

int parse_arguments(char **arguments, struct options *options)
{
	unsigned int kind;

	for (; *arguments; arguments++) {
		int result = **arguments == '-' && (*arguments)[1]
				     ? parse_option(options, &arguments)
				     : parse_word(options, *arguments);

		if (result != EXIT_OK)
			return result;
	}
	kind = kind_of(options->command);
	if (!kind || (kind == FOR_PROFILES && !options->word_count)) {
		fputs(mock_nvml_usage, stderr);
		return EXIT_USAGE;
	}
	if (options->full && (!options->json || strcmp(options->command, "check") != 0))
		return complain(EXIT_USAGE, "--full: expected with check --json, found without");
	if (check_texts(options, kind) != EXIT_OK)
		return EXIT_USAGE;
	return kind == FOR_PROFILES ? parse_profile_words(options) : EXIT_OK;
}

int parse_number(const char *name, const char *text, uint64_t lowest, uint64_t highest,
		 uint64_t *value)
{
	unsigned long long number;
	char *end;

	if (!text)
		return EXIT_OK;
	errno = 0;
	/* Not base 0: a leading zero makes no octal number of a pid. */
	number = strtoull(text, &end,
			  text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
	if (*text < '0' || *text > '9' || *end || errno || number < lowest || number > highest)
		return complain(EXIT_USAGE,
				"%s: expected a number from %" PRIu64 " to %" PRIu64
				", found \"%s\"",
				name, lowest, highest, text);
	*value = number;
	return EXIT_OK;
}
