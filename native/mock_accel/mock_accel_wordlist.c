// SPDX-License-Identifier: GPL-2.0-or-later
#include "mock_accel_wordlist.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_printable(char c)
{
	return c > ' ' && c <= '~';
}

/* The last word of a line: 1 if there is one, 0 for an empty line or a comment. */
static int scan_line(const char *line, size_t length, struct mock_accel_word *word)
{
	size_t start;

	while (length && is_blank(line[length - 1]))
		length--;
	if (!length || line[0] == '#')
		return 0;
	for (start = length; start && !is_blank(line[start - 1]); start--)
		if (!is_printable(line[start - 1]))
			return -EINVAL;
	if (length - start > MOCK_ACCEL_WORD_SIZE)
		return -EINVAL;
	word->start = start;
	word->length = length - start;
	return 1;
}

int mock_accel_wordlist_scan(const char *data, size_t size, struct mock_accel_word *words)
{
	int count = 0;

	for (size_t start = 0, end; start < size; start = end + 1) {
		struct mock_accel_word word;
		int found;

		for (end = start; end < size && data[end] != '\n'; end++)
			;
		found = scan_line(data + start, end - start, &word);
		if (found < 0 || count + found > MOCK_ACCEL_MAX_WORDLIST)
			return -EINVAL;
		if (found && words) {
			word.start += start;
			words[count] = word;
		}
		count += found;
	}
	return count ? count : -EINVAL;
}

void mock_accel_wordlist_join(const char *data, const struct mock_accel_word *words,
			      const u32 *chosen, u32 count, char *text)
{
	for (u32 i = 0; i < count; i++) {
		const struct mock_accel_word *word = &words[chosen[i]];

		if (i)
			*text++ = ' ';
		memcpy(text, data + word->start, word->length);
		text += word->length;
	}
	*text = 0;
}
