/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml process: which programs a GPU says it works for. */
#include <stdlib.h>
#include <string.h>

#include "mock_nvml_change.h"
#include "mock_nvml_status.h"

#define PID_MAX 4194304u

static enum control_result add_device(const struct control *control, void *data,
				      struct control_error *error)
{
	return control_process_add(control, data, error);
}

static enum control_result remove_device(const struct control *control, void *data,
					 struct control_error *error)
{
	const struct running_process *process = data;

	(void)error;
	return control_process_remove(control, process->process.pid);
}

/* C, G and M as nvidia-smi prints them, or several: M+C. */
static int parse_type(const char *text, uint32_t *type)
{
	static const char letters[] = "CGM";

	if (!text)
		return EXIT_OK;
	*type = 0;
	for (const char *c = text; *c; c++) {
		const char *letter = strchr(letters, *c);

		if (*c == '+' && c != text && c[1])
			continue;
		if (!letter)
			return complain(EXIT_USAGE,
					"--type: expected C (compute), G (graphics), M (MPS) or "
					"several such as C+G, found \"%s\"",
					text);
		*type |= 1u << (letter - letters);
	}
	return *type ? EXIT_OK : complain(EXIT_USAGE, "--type: expected C, G or M, found \"\"");
}

static int parse_name(const char *text, struct readings_process *process)
{
	if (!text)
		text = "process";
	if (!*text || strlen(text) >= sizeof(process->name))
		return complain(EXIT_USAGE, "--name: expected 1 to %zu characters, found \"%.40s\"",
				sizeof(process->name) - 1, text);
	strcpy(process->name, text);
	return EXIT_OK;
}

static int parse_process(const struct option_texts *texts, struct running_process *process)
{
	uint64_t memory = 0, utilization = 0, gpu = STATE_NO_INSTANCE, compute = STATE_NO_INSTANCE;

	process->process.type = PROFILE_PROCESS_COMPUTE;
	if (parse_number("--memory", texts->memory, 0, 1u << 30, &memory) ||
	    parse_number("--utilization", texts->utilization, 0, 100, &utilization) ||
	    parse_number("--gpu-instance", texts->gpu_instance, 0, 15, &gpu) ||
	    parse_number("--compute-instance", texts->compute_instance, 0, 7, &compute) ||
	    parse_type(texts->type, &process->process.type) ||
	    parse_name(texts->name, &process->process))
		return EXIT_USAGE;
	if (texts->compute_instance && !texts->gpu_instance)
		return complain(EXIT_USAGE, "--compute-instance: say --gpu-instance too");
	process->process.used_memory = memory << 20;
	process->process.sm_util = (uint32_t)utilization;
	process->gpu_instance = (uint32_t)gpu;
	process->compute_instance = (uint32_t)compute;
	return EXIT_OK;
}

static int parse_pid(const char *text, uint32_t *pid)
{
	uint64_t number = 0;

	if (!text)
		return complain(EXIT_USAGE, "mock-nvml process: say which by --pid");
	if (parse_number("--pid", text, 1, PID_MAX, &number) != EXIT_OK)
		return EXIT_USAGE;
	*pid = (uint32_t)number;
	return EXIT_OK;
}

/* Options of add alone. */
static bool has_details(const struct option_texts *texts)
{
	return texts->type || texts->memory || texts->name || texts->utilization ||
	       texts->gpu_instance || texts->compute_instance;
}

static int list_processes(const struct options *options)
{
	struct targets targets;
	int result;

	if (options->texts.pid || has_details(&options->texts))
		return complain(EXIT_USAGE, "mock-nvml process list: takes no option but -i");
	result = targets_open(options, &targets);
	if (result != EXIT_OK)
		return result;
	result = print_process_lists(options, &targets);
	targets_close(&targets);
	return result;
}

int process(const struct options *options)
{
	const char *action = options->word_count == 1 ? options->words[0] : "";
	struct running_process process;
	struct change change = { .attempt = "change processes of", .data = &process };

	if (strcmp(action, "list") == 0)
		return list_processes(options);
	memset(&process, 0, sizeof(process));
	if (strcmp(action, "add") == 0)
		change.call = add_device;
	else if (strcmp(action, "remove") == 0)
		change.call = remove_device;
	else
		return complain(EXIT_USAGE, "mock-nvml process: expected add, remove or list");
	if (change.call == remove_device && has_details(&options->texts))
		return complain(EXIT_USAGE,
				"mock-nvml process remove: takes no option but --pid and -i");
	if (parse_pid(options->texts.pid, &process.process.pid) ||
	    parse_process(&options->texts, &process))
		return EXIT_USAGE;
	return change_running(options, &change);
}
