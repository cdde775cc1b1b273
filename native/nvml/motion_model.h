/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How load, clocks, power and heat of one board hang together; docs/motion.md
 * has the formulas and where the constants come from. Pure: a row follows from
 * the load and the temperature at its beginning.
 */
#ifndef MIRAGE_MOTION_MODEL_H
#define MIRAGE_MOTION_MODEL_H

#include "motion_table.h"
#include "state.h"

/* nvmlClocksEventReason* of nvml.h, which common code does not have. */
#define REASON_IDLE 0x1u
#define REASON_APPLICATION_CLOCKS 0x2u
#define REASON_POWER_CAP 0x4u
#define REASON_HW_SLOWDOWN 0x8u
#define REASON_SW_THERMAL 0x20u
#define REASON_HW_THERMAL 0x40u

/* What one device is and how it is set now. */
struct motion_subject {
	const struct board *board;
	const struct readings *rest; /* of the description */
	const struct running *running;
	const struct trace *trace; /* of PATTERN_TRACE */
	uint32_t slot;
};

/* What is asked of a board for a while; per cent of each unit's time. */
struct motion_load {
	double gpu;
	double memory;
	double encoder;
	double decoder;
	uint32_t memory_used_mib; /* NA_U32: as it is at rest */
	int64_t power_noise; /* 0 to 1000 */
	const struct trace_row *recorded; /* NULL: all of it is the model's */
};

/* The board with its limits, in the model's terms. */
struct motion_model {
	const struct motion_subject *subject;
	double idle_mw;
	double full_mw; /* at full load and the highest clock */
	double limit_mw;
	double idle_c;
	double full_c; /* where full_mw leads in the end */
	double max_c; /* from here on software slows the clocks down */
	double slow_c; /* from here on hardware does */
	double shutdown_c;
	double tau_ms;
	double decay_ms, decay; /* exp(-decay_ms / tau_ms), of the last row */
	uint32_t highest_mhz; /* of the board */
	uint32_t top_mhz; /* allowed now */
	uint32_t lowest_mhz;
	bool limited_clocks; /* top_mhz is a user's */
};

void motion_model_make(struct motion_model *model, const struct motion_subject *subject);

/* All of a row but its time and its sums. */
void motion_model_row(const struct motion_model *model, const struct motion_load *load,
		      double temperature_c, struct motion_row *row);

/* The temperature when the row has lasted so long. */
double motion_model_heat(struct motion_model *model, const struct motion_row *row,
			 double temperature_c, double length_ms);

#endif
