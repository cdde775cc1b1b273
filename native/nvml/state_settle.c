/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_settle.h"

#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "motion.h"
#include "page_file.h"

int state_put(const struct state_writer *writer, void *target, const void *data, size_t size)
{
	if (writer->fd < 0) {
		memcpy(target, data, size);
		return 0;
	}
	return page_file_write(writer->fd, data, size,
			       (uint64_t)((char *)target - (char *)writer->page));
}

static struct motion_subject subject_of(const struct state_writer *writer,
					const struct running *running)
{
	const struct description *description = &writer->area->description;
	const struct device *device = &description->devices[writer->slot];

	return (struct motion_subject){
		.board = description_board(description, device),
		.rest = &device->readings,
		.running = running,
		.trace = &writer->page->motion[writer->slot].traces[running->motion.trace & 1],
		.slot = writer->slot,
	};
}

static int put_table(const struct state_writer *writer, struct motion_table *target,
		     const struct motion_table *table)
{
	struct motion_piece pieces[MOTION_TABLE_PIECES];

	motion_table_pieces(table, pieces);
	for (uint32_t i = 0; i < MOTION_TABLE_PIECES; i++) {
		if (state_put(writer, (char *)target + pieces[i].offset, pieces[i].data,
			      pieces[i].size) != 0)
			return -1;
		atomic_thread_fence(memory_order_release);
	}
	return 0;
}

int state_move_on(const struct state_writer *writer, const struct running *before,
		  const struct motion_table *old, uint64_t now)
{
	struct motion_room *room = &writer->page->motion[writer->slot];
	struct running *after = writer->edited;
	struct motion_subject subject = subject_of(writer, after);
	struct motion_table *table = malloc(sizeof(*table));
	double temperature_c = subject.rest->temperature_c;
	int result = -1;

	if (old) {
		struct motion_place place = motion_find(old, now);

		temperature_c = motion_temperature(old, &place);
	}
	after->motion.table = (before->motion.table & 1) ^ 1;
	if (table) {
		motion_build(table, &subject, temperature_c, now);
		after->motion.table_checksum = checksum_of_pieces(table, motion_table_size(table));
		result = put_table(writer, &room->tables[after->motion.table], table);
	}
	free(table);
	return result;
}

/* What was counted by the table until now, and the trace that goes on, are as they were written. */
static bool are_sound(const struct motion_table *table, const struct trace *trace,
		      const struct running_motion *motion)
{
	if (table &&
	    (table->count > MOTION_MAX_ROWS ||
	     checksum_of_pieces(table, motion_table_size(table)) != motion->table_checksum))
		return false;
	return !trace || (trace->count <= TRACE_MAX_ROWS &&
			  checksum_of_pieces(trace, trace_size(trace)) == motion->trace_checksum);
}

enum state_result state_settle(const struct state_writer *writer, const struct running *before)
{
	const struct motion_room *room = &writer->page->motion[writer->slot];
	const struct motion_table *old =
		before->moves ? &room->tables[before->motion.table & 1] : NULL;
	struct motion_subject subject = subject_of(writer, before);
	uint64_t now;

	if (!motion_differs(before, writer->edited))
		return STATE_OK;
	if (writer->fd >= 0 &&
	    !are_sound(old, before->readings.motion.pattern == PATTERN_TRACE ? subject.trace : NULL,
		       &before->motion))
		return STATE_DAMAGED;
	now = motion_now();
	motion_settle(&subject, old, now, writer->edited);
	writer->edited->moves = motion_moves(writer->edited);
	return writer->edited->moves && state_move_on(writer, before, old, now) != 0 ? STATE_FAILED
										     : STATE_OK;
}
