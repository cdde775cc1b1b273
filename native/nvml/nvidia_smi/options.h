/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line, read and checked: what nvidia-smi is asked to do. */
#ifndef SMI_OPTIONS_H
#define SMI_OPTIONS_H

#include "setting.h"

enum command {
	COMMAND_SUMMARY,
	COMMAND_LIST,
	COMMAND_LIST_EXCLUDED,
	COMMAND_QUERY,
	COMMAND_REPORT,
	COMMAND_SETTING,
	COMMAND_HELP,
	COMMAND_QUERY_HELP,
	COMMAND_VERSION,
};

/* The options that go with commands. */
enum option {
	OPTION_IDS,
	OPTION_FILE,
	OPTION_FORMAT,
	OPTION_QUERY_GPU,
	OPTION_QUERY_CLOCKS,
	OPTION_QUERY_APPS,
	OPTION_QUERY_ACCOUNTED,
	OPTION_QUERY_PAGES,
	OPTION_QUERY_ROWS,
	OPTION_REPORT,
	OPTION_XML,
	OPTION_DISPLAY,
	OPTION_ERROR_ON_WARNING,
	OPTION_SCOPE,
	OPTION_MODE,
	OPTION_COUNT,
};

struct request {
	enum command command;
	const char *command_word; /* as the user wrote it */
	const char *words[OPTION_COUNT]; /* the same for each option that is there */
	unsigned int at[OPTION_COUNT]; /* its place on the command line */
	const char *values[OPTION_COUNT];
	const struct query_kind *kind; /* of COMMAND_QUERY and COMMAND_QUERY_HELP */
	const char *fields;
	const struct setting *setting;
	const char *setting_word;
	unsigned int setting_at;
	struct setting_value value;
	unsigned int settings; /* how many there are */
	const char *unknown; /* the first word that is no option */
	unsigned int unknown_at;
	unsigned int count; /* of the words */
};

/* Prints what is wrong, if anything, and returns the exit status. */
int options_read(struct request *request, char *const words[]);

/* "name=value", or "name" "value". Returns how many words it took: 0 where the
 * word is another option, -1 where the value is missing. */
int option_value(char *const words[], const char *name, const char **value);

/* What was wrong with a word of the command line, in the vendor's form. */
int option_refuse(const char *word, const char *wrong, int status);

#endif
