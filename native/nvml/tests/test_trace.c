// SPDX-License-Identifier: GPL-3.0-or-later
#include "mutate.h"
#include "testsuite.h"
#include "trace_parse.h"

static struct recording recording;
static struct profile_error error;

static int parse(const char *text, const char *columns)
{
	trace_free(&recording);
	return trace_parse("t.csv", text, strlen(text), columns, &recording, &error);
}

static const struct trace_row *row(uint32_t gpu, uint32_t index)
{
	CHECK(gpu < recording.count && index < recording.gpus[gpu]->trace.count);
	return &recording.gpus[gpu]->trace.rows[index];
}

static void all_columns_are_read(void)
{
	CHECK_NUMBER(
		parse("timestamp, index, utilization.gpu [%], utilization.memory [%], "
		      "utilization.encoder [%], utilization.decoder [%], memory.used [MiB], "
		      "temperature.gpu, temperature.memory, power.draw [W], clocks.current.sm "
		      "[MHz], clocks.current.graphics [MHz], clocks.current.memory [MHz], "
		      "clocks.current.video [MHz], fan.speed [%], pstate, "
		      "clocks_event_reasons.active\n"
		      "2026/02/28 23:59:59.900, 0, 1 %, 2 %, 3 %, 4 %, 5 MiB, 6, 7, 8.09 W, 9 MHz, "
		      "10 MHz, 11 MHz, 12 MHz, 13 %, P2, 0x0000000000000004\n"
		      "2026/03/01 00:00:00.900, 0, 100 %, [N/A], N/A, 4 %, 5 MiB, -6, [N/A], "
		      "[N/A], 9 MHz, 10 MHz, 11 MHz, 12 MHz, [N/A], P0, 0x00000000000000ff\n",
		      NULL),
		0);
	CHECK_NUMBER(recording.count, 1);
	CHECK_NUMBER(recording.gpus[0]->index, 0);
	CHECK_NUMBER(recording.gpus[0]->trace.length_ms, 2000);
	CHECK_STRING(recording.ignored, "");
	CHECK_NUMBER(row(0, 0)->at_ms, 0);
	CHECK_NUMBER(row(0, 0)->gpu, 1);
	CHECK_NUMBER(row(0, 0)->memory, 2);
	CHECK_NUMBER(row(0, 0)->encoder, 3);
	CHECK_NUMBER(row(0, 0)->decoder, 4);
	CHECK_NUMBER(row(0, 0)->memory_used_mib, 5);
	CHECK_NUMBER(row(0, 0)->temperature_c, 6);
	CHECK_NUMBER(row(0, 0)->memory_temperature_c, 7);
	CHECK_NUMBER(row(0, 0)->power_mw, 8090);
	CHECK_NUMBER(row(0, 0)->sm_mhz, 9);
	CHECK_NUMBER(row(0, 0)->graphics_mhz, 10);
	CHECK_NUMBER(row(0, 0)->memory_mhz, 11);
	CHECK_NUMBER(row(0, 0)->video_mhz, 12);
	CHECK_NUMBER(row(0, 0)->fan, 13);
	CHECK_NUMBER(row(0, 0)->performance_state, 2);
	CHECK_NUMBER(row(0, 0)->reasons, 4);
	CHECK_NUMBER(row(0, 1)->at_ms, 1000);
	CHECK_NUMBER(row(0, 1)->memory, TRACE_NONE_U8);
	CHECK_NUMBER(row(0, 1)->encoder, TRACE_NONE_U8);
	CHECK_NUMBER(row(0, 1)->temperature_c, -6);
	CHECK_NUMBER(row(0, 1)->memory_temperature_c, TRACE_NONE_I16);
	CHECK_NUMBER(row(0, 1)->power_mw, TRACE_NONE_U32);
	CHECK_NUMBER(row(0, 1)->reasons, 255);
}

static void forms_of_the_same_recording_are_the_same(void)
{
	static const struct {
		const char *text, *columns;
	} forms[] = {
		{ "index, utilization.gpu [%], power.draw [W]\n0, 5 %, 70.50 W\n0, 6 %, 71.00 W\n",
		  NULL },
		{ "index, utilization.gpu [%], power.draw [W]\n0, 5, 70.50\n0, 6, 71.00\n", NULL },
		{ "0, 5 %, 70.50 W\n0, 6 %, 71.00 W\n", "index,utilization.gpu,power.draw" },
		{ "0, 5, 70.5\n0, 6, 71", "index,utilization.gpu,power.draw" },
		{ "\xef\xbb\xbfindex,utilization.gpu [%],power.draw [W]\r\n0,5 %,70.50 W\r\n\r\n"
		  "0,6 %,71.00 W\r\n",
		  NULL },
		{ "Index , Utilization.GPU , power.draw\n0,5,70.5000\n"
		  "index, utilization.gpu [%], power.draw [W]\n0,6,71\n",
		  NULL },
	};

	for (unsigned int i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		CHECK_NUMBER(parse(forms[i].text, forms[i].columns), 0);
		CHECK_NUMBER(recording.count, 1);
		CHECK_NUMBER(recording.gpus[0]->trace.count, 2);
		CHECK_NUMBER(row(0, 0)->gpu, 5);
		CHECK_NUMBER(row(0, 0)->power_mw, 70500);
		CHECK_NUMBER(row(0, 1)->gpu, 6);
		CHECK_NUMBER(row(0, 1)->power_mw, 71000);
		CHECK_NUMBER(row(0, 1)->at_ms, 1000);
	}
}

static void rows_go_to_their_gpus(void)
{
	CHECK_NUMBER(parse("timestamp, uuid, utilization.gpu [%]\n"
			   "2026/01/01 00:00:00.000, GPU-b, 1 %\n"
			   "2026/01/01 00:00:00.004, GPU-a, 2 %\n"
			   "2026/01/01 00:00:01.000, GPU-b, 3 %\n"
			   "2026/01/01 00:00:01.004, GPU-a, 4 %\n",
			   NULL),
		     0);
	CHECK_NUMBER(recording.count, 2);
	CHECK_STRING(recording.gpus[0]->uuid, "GPU-b");
	CHECK_STRING(recording.gpus[1]->uuid, "GPU-a");
	CHECK_NUMBER(row(1, 0)->gpu, 2);
	CHECK_NUMBER(row(1, 0)->at_ms, 4);
	CHECK_NUMBER(row(1, 1)->at_ms, 1004);
	CHECK_NUMBER(recording.gpus[0]->trace.length_ms, 2004);
	CHECK_NUMBER(recording.gpus[1]->trace.length_ms, 2004);
}

static void single_reasons_make_a_mask(void)
{
	CHECK_NUMBER(parse("clocks_event_reasons.gpu_idle, clocks_throttle_reasons.sw_power_cap, "
			   "clocks_event_reasons.hw_slowdown, utilization.gpu\n"
			   "Not Active, Active, Active, 1\nNot Active, Not Active, Not Active, "
			   "1\n[N/A], [N/A], [N/A], 1\n",
			   NULL),
		     0);
	CHECK_NUMBER(row(0, 0)->reasons, 0xc);
	CHECK_NUMBER(row(0, 1)->reasons, 0);
	CHECK_NUMBER(row(0, 2)->reasons, TRACE_NONE_U32);
}

static void a_line_that_was_cut_is_left_out(void)
{
	CHECK_NUMBER(parse("index, name, utilization.gpu\n0, A100, 1\n0, A1", NULL), 0);
	CHECK_NUMBER(recording.gpus[0]->trace.count, 1);
	CHECK(recording.cut);
	CHECK_STRING(recording.ignored, "name");
	CHECK_NUMBER(recording.gpus[0]->trace.length_ms, 1000);
}

static void what_is_wrong_is_told_with_its_place(void)
{
	static const struct {
		const char *text, *columns, *message;
	} cases[] = {
		{ "", NULL,
		  "t.csv:1:1: (file): expected a header and at least one row, found \"\"" },
		{ "index, utilization.gpu\n", NULL,
		  "t.csv:2:1: (file): expected a header and at least one row, found \"\"" },
		{ "0, 5 %\n", NULL,
		  "t.csv:1:1: (header): expected names of columns such as utilization.gpu (of a "
		  "file that was recorded with noheader, --columns tells them), found \"0, 5 %\"" },
		{ "index, name\n0, A\n", NULL,
		  "t.csv:1:1: (header): expected a column that can be played, such as "
		  "utilization.gpu or power.draw, found \"index\"" },
		{ "index, utilization.gpu, index\n", NULL,
		  "t.csv:1:25: (header): expected each column once, found \"index\"" },
		{ "index, utilization.gpu [%]\n0, 5 %\n0, 101 %\n", NULL,
		  "t.csv:3:4: utilization.gpu [%]: expected a number from 0 to 100 %, or N/A, "
		  "found \"101 %\"" },
		{ "memory.used [MiB]\n5 GiB\n", NULL,
		  "t.csv:2:1: memory.used [MiB]: expected a number from 0 to 1073741824 MiB, or "
		  "N/A, found \"5 GiB\"" },
		{ "power.draw\n1.2.3\n", NULL,
		  "t.csv:2:1: power.draw: expected a number from 0 to 100000 W, or N/A, found "
		  "\"1.2.3\"" },
		{ "timestamp, utilization.gpu\n2026/13/01 00:00:00.000, 1\n", NULL,
		  "t.csv:2:1: timestamp: expected a time such as 2026/11/29 21:16:32.123, found "
		  "\"2026/13/01 00:00:00.000\"" },
		{ "timestamp, utilization.gpu\n2026/01/01 00:00:01.000, 1\n"
		  "2026/01/01 00:00:00.000, 1\n",
		  NULL,
		  "t.csv:3:1: timestamp: expected no time before that of an earlier row, found "
		  "\"2026/01/01 00:00:00.000, 1\"" },
		{ "index, utilization.gpu\n0, 1\n0\n0, 1\n", NULL,
		  "t.csv:3:1: (row): expected 2 columns as in the header, not 1, found \"0\"" },
		{ "index, pstate\n0, P16\n", NULL,
		  "t.csv:2:4: pstate: expected a performance state from P0 to P15, or N/A, found "
		  "\"P16\"" },
		{ "1\n", "colour",
		  "--columns:1:1: (header): expected names of columns such as "
		  "utilization.gpu (of a file that was recorded with noheader, "
		  "--columns tells them), found \"colour\"" },
		{ "clocks_event_reasons.active\n0xzz\n", NULL,
		  "t.csv:2:1: clocks_event_reasons.active: expected a mask such as "
		  "0x0000000000000001, or N/A, found \"0xzz\"" },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_NUMBER(parse(cases[i].text, cases[i].columns), -1);
		CHECK_STRING(error.text, cases[i].message);
	}
}

static void more_rows_than_fit_are_refused(void)
{
	static char text[(TRACE_MAX_ROWS + 2) * 2 + 32] = "utilization.gpu\n";
	char *end = text + strlen(text);

	for (unsigned int i = 0; i < TRACE_MAX_ROWS; i++)
		end += sprintf(end, "1\n");
	CHECK_NUMBER(parse(text, NULL), 0);
	strcpy(end, "1\n");
	CHECK_NUMBER(parse(text, NULL), -1);
	CHECK(strstr(error.text, "t.csv:3602:1: (row): expected at most 3600 rows") != NULL);
}

static void any_text_is_read_or_refused(void)
{
	static const char start[] =
		"timestamp, index, utilization.gpu [%], power.draw [W], pstate, "
		"clocks_event_reasons.active\n"
		"2026/01/01 00:00:00.000, 0, 5 %, 70.50 W, P0, 0x0000000000000001\n"
		"2026/01/01 00:00:01.000, 0, [N/A], 71.50 W, P0, 0x0000000000000000\n";
	static char text[8192];

	for (unsigned int i = 0; i < 20000; i++) {
		size_t length = sizeof(start) - 1;

		memcpy(text, start, length);
		for (unsigned int k = 0; k < 1 + i % 3; k++)
			length = mutate(text, length, sizeof(text));
		if (trace_parse("t.csv", text, length, NULL, &recording, &error) == 0)
			trace_free(&recording);
		else
			CHECK(strncmp(error.text, "t.csv:", 6) == 0);
	}
}

TESTSUITE(TEST(all_columns_are_read), TEST(forms_of_the_same_recording_are_the_same),
	  TEST(rows_go_to_their_gpus), TEST(single_reasons_make_a_mask),
	  TEST(a_line_that_was_cut_is_left_out), TEST(what_is_wrong_is_told_with_its_place),
	  TEST(more_rows_than_fit_are_refused), TEST(any_text_is_read_or_refused))
