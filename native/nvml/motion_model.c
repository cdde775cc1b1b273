// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion_model.h"

// A board's cooling holds it so far below its highest operating temperature at the default limit.
#define HEADROOM_C 10

// Where a description has no limits: nothing slows down.
#define NO_LIMIT_C 1000

// What hardware does to the clocks at the slowdown temperature, as nvml.h says: half or less.
#define SLOWDOWN_FACTOR 0.5
#define SHUTDOWN_FACTOR 0.25

// A draw so near to the limit is capped: the driver regulates it a little below.
#define CAP_NEARNESS 0.99

static double root(double x)
{
	double y = x > 1 ? x : 1;

	if (x <= 0)
		return 0;
	for (int i = 0; i < 40; i++)
		y = (y + x / y) / 2;
	return y;
}

// exp(-x) for x >= 0: the series near 0, then squared back up.
static double decay_of(double x)
{
	double term = 1, sum = 1;
	int halvings = 0;

	if (x > 50)
		return 0;
	for (; x > 0.25; halvings++)
		x /= 2;
	for (int i = 1; i <= 8; i++) {
		term *= -x / i;
		sum += term;
	}
	for (; halvings; halvings--)
		sum *= sum;
	return sum;
}

static double lower(double limit, uint32_t other)
{
	return other != NA_U32 && other < limit ? other : limit;
}

// A threshold is absolute, or a distance to the board's limit, which is where T.Limit is 0.
static double threshold(const struct motion_subject *subject, int32_t absolute, int32_t distance,
			double otherwise)
{
	const struct readings *rest = subject->rest;

	if (absolute != NA_I32)
		return absolute;
	if (rest->tlimit_c == NA_I32 || rest->temperature_c == NA_I32)
		return otherwise;
	return rest->temperature_c + rest->tlimit_c - (distance == NA_I32 ? 0 : distance);
}

static void make_heat(struct motion_model *model)
{
	const struct motion_subject *subject = model->subject;
	const struct profile_thermal *thermal = &subject->board->thermal;
	const struct readings_motion *motion = &subject->running->readings.motion;
	uint32_t tau = motion->time_constant_s ? motion->time_constant_s : MOTION_TIME_CONSTANT_S;

	model->tau_ms =
		(tau < MOTION_MAX_TIME_CONSTANT_S ? tau : MOTION_MAX_TIME_CONSTANT_S) * 1000.0;
	model->idle_c = subject->rest->temperature_c == NA_I32 ? 0 : subject->rest->temperature_c;
	model->slow_c =
		threshold(subject, thermal->slowdown_c, thermal->tlimit_slowdown_c, NO_LIMIT_C);
	model->max_c =
		threshold(subject, thermal->gpu_max_c, thermal->tlimit_gpu_max_c, model->slow_c);
	model->shutdown_c = threshold(subject, thermal->shutdown_c, thermal->tlimit_shutdown_c,
				      model->slow_c + 5);
	if (model->slow_c <= model->max_c)
		model->slow_c = model->max_c + 1;
	if (model->shutdown_c <= model->slow_c)
		model->shutdown_c = model->slow_c + 1;
	model->full_c = model->max_c < NO_LIMIT_C ? model->max_c - HEADROOM_C : model->idle_c + 40;
	if (motion->full_load_c)
		model->full_c = motion->full_load_c;
	if (model->full_c < model->idle_c)
		model->full_c = model->idle_c;
}

static void make_power(struct motion_model *model)
{
	const struct motion_subject *subject = model->subject;
	const struct profile_power *power = &subject->board->power;
	const struct readings *readings = &subject->running->readings;

	model->idle_mw = subject->rest->power_mw == NA_U32 ? 0 : subject->rest->power_mw;
	model->limit_mw = lower(lower(1e12, readings->power_limit_mw), readings->enforced_limit_mw);
	model->full_mw = lower(lower(1e12, power->max_limit_mw), power->default_limit_mw);
	if (power->default_limit_mw != NA_U32)
		model->full_mw = power->default_limit_mw;
	if (model->full_mw >= 1e12)
		model->full_mw = model->limit_mw;
	if (model->full_mw >= 1e12 || model->full_mw < model->idle_mw + 1)
		model->full_mw = model->idle_mw + 1;
}

// The next supported clock below; clocks of the highest memory clock come first, the highest of them first.
static double supported(const struct motion_model *model, double mhz)
{
	const struct profile_clocks *clocks = &model->subject->board->clocks;
	uint32_t count = clocks->memory_clock_count ? clocks->graphics_count[0] : 0;
	uint32_t first = clocks->graphics_first[0];

	if (mhz < model->lowest_mhz)
		return model->lowest_mhz;
	for (uint32_t i = first; i < first + count && i < PROFILE_MAX_GRAPHICS_CLOCKS; i++)
		if (clocks->graphics_clocks[i] <= mhz)
			return clocks->graphics_clocks[i];
	return mhz;
}

static void make_clocks(struct motion_model *model)
{
	const struct running *running = model->subject->running;
	const struct profile_clocks *clocks = &model->subject->board->clocks;
	uint32_t app = running->readings.graphics_app_mhz;
	uint32_t locked = running->settings.locked_gpu_max_mhz;
	uint32_t count = clocks->graphics_clock_count;

	model->highest_mhz = clocks->graphics_max != NA_U32 ? clocks->graphics_max
							    : model->subject->rest->graphics_mhz;
	model->lowest_mhz = count && count <= PROFILE_MAX_GRAPHICS_CLOCKS
				    ? clocks->graphics_clocks[count - 1]
				    : model->highest_mhz / 4;
	model->top_mhz = model->highest_mhz;
	// Boards boost over application clocks until somebody chooses them; locked clocks take their place.
	if (locked)
		model->top_mhz = (uint32_t)supported(model, locked);
	else if (app != NA_U32 &&
		 (running->settings.app_clocks_chosen || app != clocks->graphics_app_default))
		model->top_mhz = (uint32_t)supported(model, app);
	if (model->top_mhz > model->highest_mhz)
		model->top_mhz = model->highest_mhz;
	model->limited_clocks = model->top_mhz < model->highest_mhz;
}

void motion_model_make(struct motion_model *model, const struct motion_subject *subject)
{
	*model = (struct motion_model){ .subject = subject };
	make_heat(model);
	make_power(model);
	make_clocks(model);
}

// 1 up to max_c, falling evenly to a half at slow_c and further until shutdown_c: no step, so that it settles.
static double thermal_factor(const struct motion_model *model, double temperature_c)
{
	double over;

	if (temperature_c <= model->max_c)
		return 1;
	if (temperature_c <= model->slow_c) {
		over = (temperature_c - model->max_c) / (model->slow_c - model->max_c);
		return 1 - over * (1 - SLOWDOWN_FACTOR);
	}
	over = (temperature_c - model->slow_c) / (model->shutdown_c - model->slow_c);
	if (over > 1)
		over = 1;
	return SLOWDOWN_FACTOR - over * (SLOWDOWN_FACTOR - SHUTDOWN_FACTOR);
}

static double draw(const struct motion_model *model, double gpu, double mhz)
{
	double share = model->highest_mhz ? mhz / model->highest_mhz : 1;

	return model->idle_mw + (model->full_mw - model->idle_mw) * gpu / 100 * share * share;
}

// A draw that does not follow from the load: recorded, set by hand, or moved for itself. Negative: none.
static double fixed_power(const struct motion_model *model, const struct motion_load *load)
{
	const struct readings *readings = &model->subject->running->readings;
	const struct readings_motion *motion = &readings->motion;
	double value;

	if (readings->power_mw != model->subject->rest->power_mw && readings->power_mw != NA_U32)
		return readings->power_mw;
	if (load->recorded && load->recorded->power_mw != TRACE_NONE_U32)
		return load->recorded->power_mw;
	if (!motion->power)
		return -1;
	value = motion->power_base_mw +
		motion->power_variance_mw * (double)(2 * load->power_noise - 1000) / 1000;
	return value > 0 ? value : 0;
}

static uint16_t clock_of(double mhz)
{
	return mhz < TRACE_NONE_U16 ? (uint16_t)mhz : TRACE_NONE_U16;
}

static void busy_memory(const struct motion_model *model, struct motion_row *row)
{
	const struct running *running = model->subject->running;
	const struct profile_clocks *clocks = &model->subject->board->clocks;
	uint32_t app = running->readings.memory_app_mhz;
	uint32_t locked = running->settings.locked_memory_max_mhz;
	double mhz = lower(1e12, clocks->memory_max);

	if (locked)
		mhz = lower(mhz, locked);
	else if (app != clocks->memory_app_default)
		mhz = lower(mhz, app);
	row->memory_mhz = clock_of(mhz);
}

// The clock that load, heat and power leave, with the reasons; mw gets what it draws.
static double busy_clock(const struct motion_model *model, const struct motion_load *load,
			 double temperature_c, struct motion_row *row, double *mw)
{
	double mhz = model->top_mhz, hot;
	double fixed = fixed_power(model, load);

	if (model->limited_clocks)
		row->reasons |= REASON_APPLICATION_CLOCKS;
	hot = supported(model, model->highest_mhz * thermal_factor(model, temperature_c));
	if (hot < mhz)
		mhz = hot;
	*mw = fixed >= 0 ? fixed : draw(model, load->gpu, mhz);
	if (fixed >= 0 && fixed >= model->limit_mw * CAP_NEARNESS)
		row->reasons |= REASON_POWER_CAP;
	if (fixed < 0 && *mw > model->limit_mw) {
		double left = (model->limit_mw - model->idle_mw) / (*mw - model->idle_mw);

		row->reasons |= REASON_POWER_CAP;
		mhz = supported(model, mhz * root(left));
		*mw = draw(model, load->gpu, mhz);
	}
	return mhz;
}

static void busy_row(const struct motion_model *model, const struct motion_load *load,
		     double temperature_c, struct motion_row *row, double *mw)
{
	const struct profile_clocks *clocks = &model->subject->board->clocks;
	double mhz = busy_clock(model, load, temperature_c, row, mw);

	row->graphics_mhz = clock_of(mhz);
	row->sm_mhz = row->graphics_mhz;
	row->video_mhz = clock_of(clocks->video_max == NA_U32 || !model->highest_mhz
					  ? 1e12
					  : clocks->video_max * mhz / model->highest_mhz);
	busy_memory(model, row);
	row->performance_state = 0;
}

static void idle_row(const struct motion_model *model, const struct motion_load *load,
		     struct motion_row *row, double *mw)
{
	const struct readings *rest = model->subject->rest;
	uint32_t locked = model->subject->running->settings.locked_gpu_min_mhz;
	double fixed = fixed_power(model, load);

	*mw = fixed >= 0 ? fixed : model->idle_mw;
	row->reasons |= REASON_IDLE;
	if (locked && locked > rest->sm_mhz && locked <= model->top_mhz) {
		row->graphics_mhz = clock_of(locked);
		row->sm_mhz = row->graphics_mhz;
	}
}

static void put_recorded(const struct trace_row *recorded, struct motion_row *row)
{
	if (recorded->graphics_mhz != TRACE_NONE_U16)
		row->graphics_mhz = recorded->graphics_mhz;
	if (recorded->sm_mhz != TRACE_NONE_U16)
		row->sm_mhz = recorded->sm_mhz;
	if (recorded->memory_mhz != TRACE_NONE_U16)
		row->memory_mhz = recorded->memory_mhz;
	if (recorded->video_mhz != TRACE_NONE_U16)
		row->video_mhz = recorded->video_mhz;
	if (recorded->performance_state != TRACE_NONE_U8)
		row->performance_state = recorded->performance_state;
	if (recorded->reasons != TRACE_NONE_U32)
		row->reasons = (uint16_t)recorded->reasons;
	row->memory_temperature_c = recorded->memory_temperature_c;
	row->fan = recorded->fan;
}

// Values of a damaged page stay numbers.
static double within(double value, double lowest, double highest)
{
	if (!(value > lowest))
		return lowest;
	return value < highest ? value : highest;
}

static uint8_t percent_of(double value)
{
	return (uint8_t)(within(value, 0, 100) + 0.5);
}

void motion_model_row(const struct motion_model *model, const struct motion_load *load,
		      double temperature_c, struct motion_row *row)
{
	const struct readings *readings = &model->subject->running->readings;
	double mw;

	*row = (struct motion_row){
		.memory_used_mib = load->memory_used_mib,
		.graphics_mhz = TRACE_NONE_U16,
		.sm_mhz = TRACE_NONE_U16,
		.memory_mhz = TRACE_NONE_U16,
		.video_mhz = TRACE_NONE_U16,
		.memory_temperature_c = TRACE_NONE_I16,
		.gpu = percent_of(load->gpu),
		.memory = percent_of(load->memory),
		.encoder = percent_of(load->encoder),
		.decoder = percent_of(load->decoder),
		.fan = TRACE_NONE_U8,
		.performance_state = TRACE_NONE_U8,
	};
	// What is set by hand stays, and heats no further.
	if (readings->temperature_c != model->subject->rest->temperature_c &&
	    readings->temperature_c != NA_I32) {
		temperature_c = readings->temperature_c;
		row->recorded_temperature = 1;
	} else if (load->recorded && load->recorded->temperature_c != TRACE_NONE_I16) {
		temperature_c = load->recorded->temperature_c;
		row->recorded_temperature = 1;
	}
	temperature_c = within(temperature_c, -NO_LIMIT_C, NO_LIMIT_C);
	row->temperature_mc = (int32_t)(temperature_c * 1000);
	if (temperature_c > model->max_c)
		row->reasons |= REASON_SW_THERMAL;
	if (temperature_c >= model->slow_c)
		row->reasons |= REASON_HW_SLOWDOWN | REASON_HW_THERMAL;
	if (row->gpu || row->memory || row->encoder || row->decoder)
		busy_row(model, load, temperature_c, row, &mw);
	else
		idle_row(model, load, row, &mw);
	row->power_mw = model->subject->rest->power_mw == NA_U32
				? NA_U32
				: (uint32_t)(within(mw, 0, NA_U32 - 1.0) + 0.5);
	if (model->subject->board->event_reasons_supported != NA_U64)
		row->reasons &= (uint16_t)model->subject->board->event_reasons_supported;
	if (load->recorded)
		put_recorded(load->recorded, row);
}

double motion_model_heat(struct motion_model *model, const struct motion_row *row,
			 double temperature_c, double length_ms)
{
	double mw = row->power_mw == NA_U32 ? draw(model, row->gpu, model->top_mhz) : row->power_mw;
	double end = model->idle_c + (model->full_c - model->idle_c) * (mw - model->idle_mw) /
					     (model->full_mw - model->idle_mw);

	if (row->recorded_temperature)
		return row->temperature_mc / 1000.0;
	if (model->decay_ms != length_ms) {
		model->decay_ms = length_ms;
		model->decay = decay_of(length_ms / model->tau_ms);
	}
	return end + (temperature_c - end) * model->decay;
}
