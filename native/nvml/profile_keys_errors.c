/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of memory errors and their repair. */
#include "profile_keys.h"

/* [uncorrected][aggregate][location]; the locations are nvmlMemoryLocation_t */
#define ECC_KEYS(name, uncorrected, aggregate)                                               \
	static const struct key name[] = {                                                   \
		COUNTER("device_memory", readings.ecc.counters[uncorrected][aggregate][2]),  \
		COUNTER("l1_cache", readings.ecc.counters[uncorrected][aggregate][0]),       \
		COUNTER("l2_cache", readings.ecc.counters[uncorrected][aggregate][1]),       \
		COUNTER("register_file", readings.ecc.counters[uncorrected][aggregate][3]),  \
		COUNTER("texture_memory", readings.ecc.counters[uncorrected][aggregate][4]), \
		COUNTER("texture_shm", readings.ecc.counters[uncorrected][aggregate][5]),    \
		COUNTER("cbu", readings.ecc.counters[uncorrected][aggregate][6]),            \
		COUNTER("sram", readings.ecc.counters[uncorrected][aggregate][7]),           \
		COUNTER("total", readings.ecc.total[uncorrected][aggregate]),                \
		END,                                                                         \
	}

ECC_KEYS(ecc_volatile_single_keys, 0, 0);
ECC_KEYS(ecc_aggregate_single_keys, 0, 1);
ECC_KEYS(ecc_volatile_double_keys, 1, 0);
ECC_KEYS(ecc_aggregate_double_keys, 1, 1);

static const struct key ecc_volatile_keys[] = {
	SECTION("single_bit", ecc_volatile_single_keys),
	SECTION("double_bit", ecc_volatile_double_keys),
	END,
};

static const struct key ecc_aggregate_keys[] = {
	SECTION("single_bit", ecc_aggregate_single_keys),
	SECTION("double_bit", ecc_aggregate_double_keys),
	END,
};

static const struct key ecc_errors_keys[] = {
	SECTION("volatile", ecc_volatile_keys),
	SECTION("aggregate", ecc_aggregate_keys),
	END,
};

static const struct key sram_volatile_keys[] = {
	COUNTER("correctable", readings.ecc.sram_correctable[0]),
	COUNTER("uncorrectable_parity", readings.ecc.sram_uncorrectable_parity[0]),
	COUNTER("uncorrectable_secded", readings.ecc.sram_uncorrectable_secded[0]),
	END,
};

static const struct key sram_aggregate_keys[] = {
	COUNTER("correctable", readings.ecc.sram_correctable[1]),
	COUNTER("uncorrectable_parity", readings.ecc.sram_uncorrectable_parity[1]),
	COUNTER("uncorrectable_secded", readings.ecc.sram_uncorrectable_secded[1]),
	END,
};

static const struct key sram_source_keys[] = {
	COUNTER("l2", readings.ecc.sram_source_l2),
	COUNTER("sm", readings.ecc.sram_source_sm),
	COUNTER("microcontroller", readings.ecc.sram_source_microcontroller),
	COUNTER("pcie", readings.ecc.sram_source_pcie),
	COUNTER("other", readings.ecc.sram_source_other),
	END,
};

static const struct key sram_keys[] = {
	SECTION("volatile", sram_volatile_keys),
	SECTION("aggregate", sram_aggregate_keys),
	SECTION("uncorrectable_sources", sram_source_keys),
	BOOL("threshold_exceeded", readings.ecc.sram_threshold_exceeded, NA),
	END,
};

const struct key ecc_keys[] = {
	ENABLED("mode_current", readings.ecc.mode_current, NA),
	ENABLED("mode_pending", readings.ecc.mode_pending, NA),
	ENABLED("default_mode", board.ecc_default, NA),
	SECTION("errors", ecc_errors_keys),
	SECTION("sram", sram_keys),
	END,
};

static const struct key single_pages_keys[] = {
	U32("count", readings.retired.count[0], 0, PROFILE_MAX_RETIRED_PAGES, NA),
	CALL("addresses", read_single_pages, "a list of addresses"),
	END,
};

static const struct key double_pages_keys[] = {
	U32("count", readings.retired.count[1], 0, PROFILE_MAX_RETIRED_PAGES, NA),
	CALL("addresses", read_double_pages, "a list of addresses"),
	END,
};

const struct key retired_pages_keys[] = {
	SECTION("single_bit_retirement", single_pages_keys),
	SECTION("double_bit_retirement", double_pages_keys),
	IGNORED("pending_blacklist"),
	BOOL("pending_retirement", readings.retired.pending),
	END,
};

static const struct key histogram_keys[] = {
	U32("max", board.row_banks, 0, 1000000, NA),
	U32("high", readings.rows.high, 0, 1000000, NA_ZERO),
	U32("partial", readings.rows.partial, 0, 1000000, NA_ZERO),
	U32("low", readings.rows.low, 0, 1000000, NA_ZERO),
	U32("none", readings.rows.none, 0, 1000000, NA_ZERO),
	END,
};

const struct key remapped_rows_keys[] = {
	U32("correctable", readings.rows.correctable, 0, 1000000, NA),
	U32("uncorrectable", readings.rows.uncorrectable, 0, 1000000, NA_ZERO),
	BOOL("pending", readings.rows.pending),
	BOOL("failure_occurred", readings.rows.failure),
	SECTION("availability_histogram", histogram_keys),
	END,
};
