/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>

#include "mutate.h"
#include "profile_fixture.h"

static void must_fail(const char *text, const char *expected)
{
	CHECK(parse(text) == NULL);
	CHECK_STRING(error.text, expected);
}

static void what_is_not_said_is_not_supported(void)
{
	struct description *d = must_parse(MINIMAL);
	const struct board *board = &d->boards[0];
	const struct readings *readings = &d->devices[0].readings;

	CHECK_NUMBER(d->device_count, 8);
	CHECK_NUMBER(d->board_count, 1);
	CHECK_NUMBER(board->power.default_limit_mw, NA_U32);
	CHECK_NUMBER(board->thermal.shutdown_c, NA_I32);
	CHECK_NUMBER(board->clocks.memory_clock_count, 0);
	CHECK_NUMBER(board->fabric.state, NA_U32);
	CHECK_NUMBER(board->nvlink.version, NA_U32);
	CHECK_NUMBER(board->row_remapper, 0);
	CHECK_NUMBER(board->page_retirement, 0);
	CHECK_NUMBER(board->mig.capable, 0);
	CHECK_NUMBER(readings->ecc.mode_current, NA_U32);
	CHECK_NUMBER(readings->ecc.sram_correctable[0], NA_U64);
	CHECK_NUMBER(readings->tlimit_c, NA_I32);
	CHECK_NUMBER(readings->fan_percent[0], NA_U32);
	CHECK_NUMBER(readings->energy_mj, NA_U64);
	CHECK_NUMBER(readings->gpu_util, 0);
	CHECK_NUMBER(d->devices[0].fabric_guid, NA_U64);
	CHECK_STRING(board->fru_part_number, "");
}

static void counts_by_who_knows_best(void)
{
	struct profile_site site = { .node_name = "n" };
	const char *text = MINIMAL "system: {num_devices: 3}\nsite: {num_devices: 5}\n";

	CHECK_NUMBER(must_parse("devices: [{index: 5}]\n" MINIMAL)->device_count, 6);
	CHECK_NUMBER(must_parse(MINIMAL "system: {num_devices: 3}\n")->device_count, 3);
	CHECK_NUMBER(must_parse(text)->device_count, 5);
	for (site.device_count = 1; site.device_count <= 128; site.device_count++)
		CHECK_NUMBER(parse_for(text, &site)->device_count, site.device_count);
	CHECK(parse_for(text, &site) == NULL);
	CHECK_STRING(error.text, "--count: expected a number from 1 to 128, found 129");
}

static void devices_differ_only_where_they_say_so(void)
{
	struct description *d = must_parse(
		"devices:\n"
		"  - {index: 2, uuid: GPU-AAAAAAAA-0000-1111-2222-333333333333, serial: x1,\n"
		"     pci: {bus_id: '0000:3B:00.0'}, thermal: {temperature_gpu_c: 70}}\n"
		"  - {index: 1, name: B, minor_number: 9}\n"
		"device_defaults: {name: A, memory: {total_bytes: 4 GiB},\n"
		"                  thermal: {temperature_gpu_c: 30}}\n");

	CHECK_NUMBER(d->device_count, 3);
	CHECK_NUMBER(d->board_count, 2);
	CHECK_NUMBER(d->boards[0].memory_total, 4ull << 30);
	CHECK_STRING(description_board(d, &d->devices[0])->name, "A");
	CHECK_STRING(description_board(d, &d->devices[1])->name, "B");
	CHECK_STRING(description_board(d, &d->devices[2])->name, "A");
	CHECK_NUMBER(d->devices[0].readings.temperature_c, 30);
	CHECK_NUMBER(d->devices[2].readings.temperature_c, 70);
	CHECK_STRING(d->devices[2].uuid, "GPU-aaaaaaaa-0000-1111-2222-333333333333");
	CHECK_STRING(d->devices[2].serial, "x1");
	CHECK_STRING(d->devices[2].pci_bus_id, "00000000:3B:00.0");
	CHECK_NUMBER(d->devices[1].minor, 9);
	CHECK_NUMBER(d->devices[2].minor, 2);
}

static void identities_are_unique_up_to_128(void)
{
	const char *profiles[] = { "a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4" };

	for (int p = 0; p < 8; p++) {
		struct description *d = load(profiles[p], 128);

		CHECK_NUMBER(d->device_count, 128);
		CHECK_NUMBER(d->board_count, 1);
		for (uint32_t i = 0; i < 128; i++)
			for (uint32_t j = 0; j < i; j++) {
				CHECK(strcmp(d->devices[i].uuid, d->devices[j].uuid) != 0);
				CHECK(strcmp(d->devices[i].pci_bus_id, d->devices[j].pci_bus_id) !=
				      0);
			}
	}
}

static void nodes_differ_in_everything(void)
{
	struct profile_site one = { .node_name = "node-1" }, two = { .node_name = "node-2" };
	struct description *a = parse_for(MINIMAL, &one), *b = parse_for(MINIMAL, &two);
	struct description *again = parse_for(MINIMAL, &one);

	for (uint32_t i = 0; i < 8; i++) {
		for (uint32_t j = 0; j < 8; j++) {
			CHECK(strcmp(a->devices[i].uuid, b->devices[j].uuid) != 0);
			CHECK(strcmp(a->devices[i].serial, b->devices[j].serial) != 0);
			CHECK(strcmp(a->devices[i].pci_bus_id, b->devices[j].pci_bus_id) != 0);
		}
		CHECK_STRING(again->devices[i].uuid, a->devices[i].uuid);
		CHECK_STRING(again->devices[i].serial, a->devices[i].serial);
		CHECK_STRING(again->devices[i].pci_bus_id, a->devices[i].pci_bus_id);
	}
}

/* The two GPUs of a GB200 superchip have one serial number, as in the capture. */
static void modules_share_a_serial(void)
{
	struct description *d = load("gb200", 4);

	CHECK_STRING(d->devices[0].serial, d->devices[1].serial);
	CHECK_STRING(d->devices[2].serial, d->devices[3].serial);
	CHECK(strcmp(d->devices[0].serial, d->devices[2].serial) != 0);
	CHECK_NUMBER(d->devices[0].module_id, 2);
	CHECK_NUMBER(d->devices[3].module_id, 3);
}

static void clocks_of_the_real_boards(void)
{
	const struct profile_clocks *a100 = &load("a100", 1)->boards[0].clocks;
	const struct profile_clocks *gb200 = &load("gb200", 1)->boards[0].clocks;

	CHECK_NUMBER(a100->graphics_count[0], 81);
	CHECK_NUMBER(a100->graphics_clocks[0], 1410);
	CHECK_NUMBER(a100->graphics_clocks[80], 210);
	CHECK_NUMBER(gb200->memory_clocks[0], 3996);
	CHECK_NUMBER(gb200->graphics_count[0], 260);
	CHECK_NUMBER(gb200->graphics_clocks[0], 2062);
	CHECK_NUMBER(gb200->graphics_clocks[2], 2047);
	CHECK_NUMBER(gb200->graphics_clocks[259], 120);
}

static void listed_clocks_are_sorted(void)
{
	const struct profile_clocks *clocks =
		&must_parse("device_defaults:\n"
			    "  name: A\n  memory: {total_bytes: 1024}\n"
			    "  supported_clocks:\n"
			    "    memory_clocks:\n"
			    "      - {freq_mhz: 900, graphics_clocks: [100, 300, 200]}\n"
			    "      - {freq_mhz: 400, graphics_clocks: [50]}\n")
			 ->boards[0]
			 .clocks;

	CHECK_NUMBER(clocks->memory_clock_count, 2);
	CHECK_NUMBER(clocks->graphics_clocks[0], 300);
	CHECK_NUMBER(clocks->graphics_clocks[2], 100);
	CHECK_NUMBER(clocks->graphics_first[1], 3);
	CHECK_NUMBER(clocks->graphics_count[1], 1);
}

static void fabric_health_of_the_real_board(void)
{
	const struct profile_fabric *fabric = &load("gb200", 1)->boards[0].fabric;

	CHECK_NUMBER(fabric->state, 3);
	CHECK_NUMBER(fabric->clique_id, 2);
	CHECK_NUMBER(fabric->health_mask, 0xaa);
	CHECK_NUMBER(fabric->health_summary, 1);
	CHECK_NUMBER(fabric->cluster_uuid[3], 1);
}

static void fabric_summary_follows_conditions(void)
{
	static const struct {
		const char *health;
		uint32_t summary;
	} cases[] = {
		{ "{degraded_bandwidth: true}", 3 },
		{ "{route_unhealthy: true}", 2 },
		{ "{incorrect_configuration: no_partition}", 2 },
		{ "{}", 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "device_defaults: {name: A, memory: {total_bytes: 1024},\n"
			 "  fabric: {state: auto, health: %s}}\n",
			 cases[i].health);
		CHECK_NUMBER(must_parse(text)->boards[0].fabric.health_summary, cases[i].summary);
	}
}

static void units_come_out_in_the_keys_own(void)
{
	struct description *d =
		must_parse("device_defaults:\n"
			   "  name: A\n"
			   "  memory: {total_bytes: 40 GiB, reserved_bytes: 517.5 MiB}\n"
			   "  power: {default_limit_mw: 49.68 W, max_limit_mw: 400_000}\n"
			   "  pci: {device_id: 0x20B010DE}\n"
			   "  utilization: {gpu: 7 %, memory: N/A}\n"
			   "  fan: {count: 1, speed_percent: \"30\"}\n");

	CHECK_NUMBER(d->boards[0].memory_total, 42949672960);
	CHECK_NUMBER(d->boards[0].memory_reserved, 542638080);
	CHECK_NUMBER(d->boards[0].power.default_limit_mw, 49680);
	CHECK_NUMBER(d->boards[0].power.max_limit_mw, 400000);
	CHECK_NUMBER(d->boards[0].pci_device_id, 0x20B010DE);
	CHECK_NUMBER(d->devices[0].readings.gpu_util, 7);
	CHECK_NUMBER(d->devices[0].readings.memory_util, NA_U32);
	CHECK_NUMBER(d->devices[0].readings.fan_percent[0], 30);
}

static void merges_and_aliases(void)
{
	struct description *d =
		must_parse("device_defaults: &base\n"
			   "  name: A\n"
			   "  memory: &memory {total_bytes: 1024}\n"
			   "  thermal: {<<: {temperature_gpu_c: 1, max_operating_c: 80},\n"
			   "            temperature_gpu_c: 50}\n"
			   "devices:\n"
			   "  - {<<: *base, index: 0, name: B, memory: *memory}\n");

	CHECK_NUMBER(d->device_count, 1);
	CHECK_STRING(d->boards[0].name, "B");
	CHECK_NUMBER(d->devices[0].readings.temperature_c, 50);
	CHECK_NUMBER(d->boards[0].thermal.gpu_max_c, 80);
	must_fail("device_defaults: &a\n  name: A\n  <<: *a\n",
		  "p.yaml:1: device_defaults: expected a mapping that does not hold itself, found "
		  "a mapping");
}

static void firmware_follows_the_driver(void)
{
	struct profile_site site = { .node_name = "n", .driver_version = "580.65.06" };
	const char *text = "system: {driver_version: 550.163.01, cuda_version: 12.4}\n"
			   "device_defaults: {name: A, memory: {total_bytes: 1024},\n"
			   "  gsp_firmware: {mode: enabled, version: 550.163.01}}\n";
	struct description *d = must_parse(text);

	CHECK_STRING(d->system.nvml_version, "12.550.163.01");
	CHECK_NUMBER(d->system.cuda_version, 12040);
	d = parse_for(text, &site);
	CHECK_STRING(d->system.driver_version, "580.65.06");
	CHECK_STRING(d->system.nvml_version, "13.580.65.06");
	CHECK_NUMBER(d->system.cuda_version, 13000);
	CHECK_STRING(d->boards[0].gsp_version, "580.65.06");
}

static void processes_and_pages(void)
{
	struct description *d = must_parse(
		"device_defaults:\n"
		"  name: A\n  memory: {total_bytes: 1024}\n"
		"  processes: [{pid: 7, type: M+C, name: train, used_memory_mib: 2}, {pid: 8}]\n"
		"  retired_pages: {single_bit_retirement: {count: 1, addresses: ['0x1000']}}\n");
	const struct readings *readings = &d->devices[0].readings;
	const struct readings_processes *processes = &d->devices[0].processes;

	CHECK_NUMBER(processes->count, 2);
	CHECK_NUMBER(processes->list[0].type, PROFILE_PROCESS_COMPUTE | PROFILE_PROCESS_MPS);
	CHECK_NUMBER(processes->list[0].used_memory, 2 << 20);
	CHECK_NUMBER(processes->list[1].type, PROFILE_PROCESS_COMPUTE);
	CHECK_NUMBER(d->boards[0].page_retirement, 1);
	CHECK_NUMBER(readings->retired.address[0][0], 0x1000);
}

/* Found by fuzzing: a key in quotes may hold a line break. */
static void a_refusal_is_one_line_whatever_the_key(void)
{
	CHECK(parse("device_defaults: {\"na\\nme\": A}\n") == NULL);
	CHECK(strchr(error.text, '\n') == NULL);
	CHECK(strstr(error.text, "device_defaults.na?me") != NULL);
}

static void ecc_totals_are_sums(void)
{
	struct description *d = must_parse(
		"device_defaults:\n"
		"  name: A\n  architecture: hopper\n  memory: {total_bytes: 1024}\n"
		"  ecc: {mode_current: enabled,\n"
		"        errors: {volatile: {double_bit: {device_memory: 2, l2_cache: 3}}}}\n");
	const struct readings_ecc *ecc = &d->devices[0].readings.ecc;

	CHECK_NUMBER(ecc->total[1][0], 5);
	CHECK_NUMBER(ecc->total[0][0], 0);
	CHECK_NUMBER(ecc->counters[1][0][2], 2);
	CHECK_NUMBER(ecc->counters[1][0][3], NA_U64);
	CHECK_NUMBER(ecc->sram_correctable[1], 0);
	CHECK_NUMBER(ecc->mode_pending, 1);
}

/* --- never a crash, never half a device --- */

/* What a getter relies on, whatever the text was. */
static void check_sound(const struct description *d)
{
	CHECK(d->device_count >= 1 && d->device_count <= PROFILE_MAX_DEVICES);
	CHECK(d->board_count >= 1 && d->board_count <= d->device_count);
	for (uint32_t i = 0; i < d->device_count; i++) {
		const struct device *device = &d->devices[i];
		const struct board *board = &d->boards[device->board];

		CHECK(device->board < d->board_count);
		CHECK_NUMBER(strnlen(device->uuid, sizeof(device->uuid)), 40);
		CHECK(strnlen(board->name, sizeof(board->name)) < sizeof(board->name));
		CHECK(board->name[0] && board->memory_total);
		CHECK(device->link_count <= PROFILE_MAX_LINKS);
		CHECK(device->processes.count <= PROFILE_MAX_PROCESSES);
		CHECK(board->clocks.graphics_clock_count <= PROFILE_MAX_GRAPHICS_CLOCKS);
		for (uint32_t j = 0; j < d->device_count; j++)
			CHECK(description_topology(d, i, j) <= 50);
	}
}

/* TEST_ROUNDS=100000 TEST_SEED=7 looks longer and elsewhere. */
static void fuzz(const char *name)
{
	int rounds = getenv("TEST_ROUNDS") ? atoi(getenv("TEST_ROUNDS")) : 2000;
	static char original[65536], text[65536 * 2];
	struct description *description = new_description();
	char file[256];
	int valid = 0, fd;
	ssize_t got;

	if (getenv("TEST_SEED"))
		random_state ^= strtoull(getenv("TEST_SEED"), NULL, 10) << 20;

	snprintf(file, sizeof(file), "../../charts/gpu-mock/profiles/%s.yaml", name);
	fd = open(file, O_RDONLY);
	got = read(fd, original, sizeof(original));
	CHECK(got > 1000);
	for (int round = 0; round < rounds; round++) {
		size_t length = (size_t)got;

		memcpy(text, original, length);
		for (uint32_t n = 1 + random_below(4); n && length; n--)
			length = mutate(text, length, sizeof(text));
		memset(description, 0, sizeof(*description));
		memset(&error, 0, sizeof(error));
		if (profile_parse("p", text, length, NULL, description, &error) == 0) {
			check_sound(description);
			valid++;
			continue;
		}
		CHECK(strncmp(error.text, "p:", 2) == 0);
		CHECK(strstr(error.text, "expected ") && strstr(error.text, "found"));
		CHECK(!strchr(error.text, '\n'));
	}
	/* Both kinds must have been tried, or the mutations are no good. */
	CHECK(valid > rounds / 50 && valid < rounds);
}

static void mutated_a100_never_crashes(void)
{
	fuzz("a100");
}

static void mutated_gb200_never_crashes(void)
{
	fuzz("gb200");
}

TESTSUITE(TEST(what_is_not_said_is_not_supported), TEST(counts_by_who_knows_best),
	  TEST(devices_differ_only_where_they_say_so), TEST(identities_are_unique_up_to_128),
	  TEST(nodes_differ_in_everything), TEST(modules_share_a_serial),
	  TEST(clocks_of_the_real_boards), TEST(listed_clocks_are_sorted),
	  TEST(fabric_health_of_the_real_board), TEST(fabric_summary_follows_conditions),
	  TEST(units_come_out_in_the_keys_own), TEST(merges_and_aliases),
	  TEST(firmware_follows_the_driver), TEST(processes_and_pages),
	  TEST(a_refusal_is_one_line_whatever_the_key), TEST(ecc_totals_are_sums),
	  TEST(mutated_a100_never_crashes), TEST(mutated_gb200_never_crashes))
