/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml trace: have GPUs say again what others once said. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mock_nvml_change.h"
#include "motion.h"
#include "page.h"
#include "trace_limits.h"
#include "trace_parse.h"

#define RECORDING_MAX (64u << 20)

/* --- reading --- */

static char *read_recording(const char *file, size_t *length)
{
	FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "rbe");
	size_t room = 1u << 16, got;
	char *text = stream ? malloc(room) : NULL;

	*length = 0;
	while (text && (got = fread(text + *length, 1, room - *length, stream)) > 0) {
		char *more = text;

		*length += got;
		if (*length > RECORDING_MAX) {
			errno = EFBIG;
			more = NULL;
		} else if (*length == room) {
			more = realloc(text, room *= 2);
		}
		if (!more)
			free(text);
		text = more;
	}
	if (text && ferror(stream)) {
		free(text);
		text = NULL;
	}
	if (stream && stream != stdin) {
		int saved = errno;

		fclose(stream);
		errno = saved;
	}
	return text;
}

/* Per cent of the recorded speed; 0 after a complaint. */
static uint32_t parse_speed(const char *text)
{
	char *end;
	double speed = text ? strtod(text, &end) : 1;

	if (!text)
		return 100;
	if (*text >= '0' && *text <= '9' && !*end && speed >= 0.01 && speed <= 1000)
		return (uint32_t)(speed * 100 + 0.5);
	complain(EXIT_USAGE, "--speed: expected a number from 0.01 to 1000, found \"%s\"", text);
	return 0;
}

static void prepare(const struct options *options, struct recording *recording, uint32_t speed)
{
	const char *name = strrchr(options->words[1], '/');

	name = name ? name + 1 : options->words[1];
	for (uint32_t i = 0; i < recording->count; i++) {
		struct trace *trace = &recording->gpus[i]->trace;

		trace->once = options->once;
		snprintf(trace->name, sizeof(trace->name), "%s", name);
		trace_set_speed(trace, speed);
	}
}

static int load_recording(const struct options *options, struct recording *recording)
{
	const char *file = options->words[1];
	uint32_t speed = parse_speed(options->texts.speed);
	struct profile_error error;
	size_t length;
	char *text;
	int result;

	if (!speed)
		return EXIT_USAGE;
	text = read_recording(file, &length);
	if (!text)
		return complain(EXIT_SYSTEM, "cannot read trace %s: %s", file, strerror(errno));
	result = trace_parse(file, text, length, options->texts.columns, recording, &error);
	free(text);
	if (result != 0)
		return complain(EXIT_INVALID, "%s", error.text);
	prepare(options, recording, speed);
	if (recording->ignored[0])
		fprintf(stderr, "note: %s: columns without an effect: %s\n", file,
			recording->ignored);
	if (recording->cut)
		fprintf(stderr, "note: %s: the last line is not complete and left out\n", file);
	return EXIT_OK;
}

/* --- whose rows a GPU says --- */

static bool tells_gpus(const struct recording *recording)
{
	return recording->gpus[0]->index != NA_U32 || recording->gpus[0]->uuid[0];
}

/* UUIDs of another machine's GPUs tell nothing but which rows belong together. */
static bool knows_uuids(const struct recording *recording, const struct description *description)
{
	for (uint32_t i = 0; i < recording->count; i++)
		for (uint32_t slot = 0; slot < description->device_count; slot++)
			if (strcasecmp(recording->gpus[i]->uuid, description->devices[slot].uuid) ==
			    0)
				return true;
	return false;
}

static const struct recorded_gpu *gpu_of(const struct options *options,
					 const struct recording *recording,
					 const struct description *description, uint32_t slot)
{
	bool by_uuid = knows_uuids(recording, description);

	/* One GPU's rows are for whichever GPUs the user names. */
	if (recording->count == 1 && (options->texts.devices || !tells_gpus(recording)))
		return recording->gpus[0];
	for (uint32_t i = 0; i < recording->count; i++) {
		const struct recorded_gpu *gpu = recording->gpus[i];
		uint32_t index = gpu->index == NA_U32 ? i : gpu->index;

		if (by_uuid ? strcasecmp(gpu->uuid, description->devices[slot].uuid) == 0
			    : index == slot)
			return gpu;
	}
	return NULL;
}

/* --- playing --- */

struct play {
	const struct options *options;
	struct targets targets;
	struct recording recording;
	const struct trace *traces[PROFILE_MAX_DEVICES]; /* by place in targets; NULL: none */
};

/* Of another model's recording. */
static int check_board(const struct play *play, const struct recorded_gpu *gpu, uint32_t slot)
{
	const struct description *description = page_description(play->targets.page);
	struct trace_breach breach;

	if (!trace_breach(&gpu->trace, description_board(description, &description->devices[slot]),
			  &breach))
		return EXIT_OK;
	return complain(EXIT_INVALID, "%s:%u: %s: expected %s of GPU %u (%s), found \"%s\"",
			play->options->words[1], gpu->lines[breach.row], breach.column,
			breach.expected, slot,
			description_board(description, &description->devices[slot])->name,
			breach.found);
}

static int choose(struct play *play)
{
	const struct description *description = page_description(play->targets.page);
	unsigned int found = 0;

	for (uint32_t i = 0; i < play->targets.count; i++) {
		uint32_t slot = play->targets.slots[i];
		const struct recorded_gpu *gpu =
			gpu_of(play->options, &play->recording, description, slot);

		play->traces[i] = gpu ? &gpu->trace : NULL;
		found += gpu != NULL;
		if (gpu && check_board(play, gpu, slot) != EXIT_OK)
			return EXIT_INVALID;
		if (!gpu && play->options->texts.devices)
			return complain(EXIT_INVALID,
					"cannot play %s on GPU %u: it has no rows of that GPU",
					play->options->words[1], slot);
	}
	return found ? EXIT_OK
		     : complain(EXIT_INVALID,
				"cannot play %s: the GPUs of its rows are not here; -i says which "
				"GPU plays the rows of one",
				play->options->words[1]);
}

/* What processes took shows no more: the trace says it all. */
static enum state_result play_one(struct state_writer *writer, uint32_t slot,
				  const struct trace *trace, uint64_t now)
{
	struct running *running = state_edit(writer, slot);
	enum state_result result;
	uint32_t load;

	if (!running)
		return writer->failure;
	load = running_held_load(running);
	result = state_put_trace(writer, trace, now);
	running_follow_load(running, &writer->area->description.devices[slot].readings, load);
	return result;
}

static int play_all(const struct play *play)
{
	struct state_writer writer;
	enum state_result result = state_begin_file(&writer, play->targets.file);
	uint64_t now = motion_now();

	if (result != STATE_OK)
		return complain(EXIT_SYSTEM, "cannot play %s: cannot change the device page %s: %s",
				play->options->words[1], play->targets.file, state_reason(result));
	for (uint32_t i = 0; i < play->targets.count && result == STATE_OK; i++) {
		if (!play->traces[i])
			continue;
		result = play_one(&writer, play->targets.slots[i], play->traces[i], now);
		if (result == STATE_OK)
			result = state_commit(&writer);
	}
	if (result != STATE_OK)
		complain(EXIT_SYSTEM, "cannot play %s: cannot change the device page %s: %s",
			 play->options->words[1], play->targets.file, state_reason(result));
	state_end(&writer);
	return result == STATE_OK ? EXIT_OK : EXIT_SYSTEM;
}

/* --- answers --- */

static void print_trace_json(struct json *json, const struct trace *trace)
{
	json_string(json, "trace", trace->name);
	json_number(json, "rows", trace->count);
	json_number(json, "length_ms", trace->length_ms);
	json_number(json, "speed_percent", trace->speed_percent);
	json_bool(json, "once", trace->once);
}

static void print_trace_words(const struct trace *trace)
{
	printf("%s, %u rows in %u.%03u s, %s", trace->name, trace->count, trace->length_ms / 1000,
	       trace->length_ms % 1000, trace->once ? "once" : "again and again");
	if (trace->speed_percent != 100)
		printf(", at %u.%02u times the speed", trace->speed_percent / 100,
		       trace->speed_percent % 100);
	putchar('\n');
}

static void print_played(const struct play *play)
{
	const struct description *description = page_description(play->targets.page);
	struct json json = { .stream = NULL };

	if (play->options->json) {
		json = json_begin(stdout);
		json_bool(&json, "changed", true);
		json_bool(&json, "dry_run", play->options->dry_run);
		json_string(&json, "page", play->targets.file);
		json_open(&json, "devices", '[');
	}
	for (uint32_t i = 0; i < play->targets.count; i++) {
		uint32_t slot = play->targets.slots[i];

		if (!play->traces[i])
			continue;
		if (!play->options->json) {
			printf("GPU %u (%s): %s ", slot, description->devices[slot].uuid,
			       play->options->dry_run ? "would play" : "plays");
			print_trace_words(play->traces[i]);
			continue;
		}
		json_open(&json, NULL, '{');
		json_number(&json, "index", slot);
		json_string(&json, "uuid", description->devices[slot].uuid);
		print_trace_json(&json, play->traces[i]);
		json_close(&json, '}');
	}
	if (play->options->json) {
		json_close(&json, ']');
		json_end(&json);
	}
}

static int play(const struct options *options)
{
	static struct play play;
	int result;

	play.options = options;
	if (options->word_count != 2)
		return complain(EXIT_USAGE, "mock-nvml trace play: expected one FILE");
	if (options->once && options->loop)
		return complain(EXIT_USAGE, "mock-nvml trace play: say --loop or --once, not both");
	result = load_recording(options, &play.recording);
	if (result != EXIT_OK)
		return result;
	result = targets_open(options, &play.targets);
	if (result == EXIT_OK) {
		result = choose(&play);
		if (result == EXIT_OK && !options->dry_run)
			result = play_all(&play);
		if (result == EXIT_OK)
			print_played(&play);
		targets_close(&play.targets);
	}
	trace_free(&play.recording);
	return result;
}

/* --- what is played --- */

static void show_json(struct json *json, const struct running *running, const struct trace *trace,
		      uint64_t now)
{
	bool plays = running->readings.motion.pattern == PATTERN_TRACE;
	uint64_t since = now - running->motion.origin_ms;

	json_bool(json, "plays", plays && !(trace->once && since >= trace->length_ms));
	if (!plays)
		return;
	print_trace_json(json, trace);
	if (trace->length_ms)
		json_number(json, "at_ms",
			    trace->once && since >= trace->length_ms ? trace->length_ms
								     : since % trace->length_ms);
}

static int show(const struct options *options)
{
	struct running *running = malloc(sizeof(*running));
	struct targets targets;
	int result = targets_open(options, &targets);
	struct json json = { .stream = NULL };

	if (result != EXIT_OK || !running) {
		free(running);
		return result != EXIT_OK
			       ? result
			       : complain(EXIT_SYSTEM, "cannot show the traces: out of memory");
	}
	if (options->json) {
		json = json_begin(stdout);
		json_open(&json, "devices", '[');
	}
	for (uint32_t i = 0; i < targets.count; i++) {
		uint32_t slot = targets.slots[i];
		const char *uuid = page_description(targets.page)->devices[slot].uuid;
		const struct trace *trace;

		targets_state(&targets, slot, running);
		trace = &targets.page->motion[slot].traces[running->motion.trace & 1];
		if (options->json) {
			json_open(&json, NULL, '{');
			json_number(&json, "index", slot);
			json_string(&json, "uuid", uuid);
			show_json(&json, running, trace, motion_now());
			json_close(&json, '}');
			continue;
		}
		printf("GPU %u (%s): ", slot, uuid);
		if (running->readings.motion.pattern == PATTERN_TRACE)
			print_trace_words(trace);
		else
			puts("no trace");
	}
	if (options->json) {
		json_close(&json, ']');
		json_end(&json);
	}
	targets_close(&targets);
	free(running);
	return EXIT_OK;
}

int trace(const struct options *options)
{
	const char *action = options->word_count ? options->words[0] : "";
	bool plays = strcmp(action, "play") == 0;

	if (!plays &&
	    (options->once || options->loop || options->texts.speed || options->texts.columns))
		return complain(EXIT_USAGE, "mock-nvml trace %s: takes no option but -i", action);
	if (plays)
		return play(options);
	if (strcmp(action, "stop") == 0 && options->word_count == 1)
		return load_stop(options);
	if (strcmp(action, "show") == 0 && options->word_count == 1)
		return show(options);
	return complain(EXIT_USAGE, "mock-nvml trace: expected play FILE, stop or show");
}
