/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_accel_wordlist.h"

#include "mock_accel_uapi.h"
#include "testsuite.h"

static struct mock_accel_word words[8];

static int scan(const char *list)
{
	/* A copy of just its bytes, so that the sanitizer sees a step beyond them. */
	size_t size = strlen(list);
	char *data = malloc(size ? size : 1);
	int counted, found;

	CHECK(data);
	memcpy(data, list, size);
	counted = mock_accel_wordlist_scan(data, size, NULL);
	found = counted > 0 && counted <= 8 ? mock_accel_wordlist_scan(data, size, words) : counted;
	CHECK_NUMBER(found, counted);
	free(data);
	return found;
}

static void words_may_stand_alone_or_behind_dice_numbers(void)
{
	static const char list[] = "11111\tabacus\n11112   abdomen \r\n\n# a comment\nyo-yo";
	static const u32 chosen[] = { 2, 0, 1, 0 };
	char text[64];

	CHECK_NUMBER(scan(list), 3);
	mock_accel_wordlist_join(list, words, chosen, 4, text);
	CHECK_STRING(text, "yo-yo abacus abdomen abacus");
	mock_accel_wordlist_join(list, words, chosen, 1, text);
	CHECK_STRING(text, "yo-yo");
}

static void a_line_end_at_the_end_is_no_word(void)
{
	CHECK_NUMBER(scan("one\ntwo"), 2);
	CHECK_NUMBER(scan("one\ntwo\n"), 2);
	CHECK_NUMBER(scan("one\ntwo\n\n \n"), 2);
}

static void lists_that_cannot_be_used_are_refused(void)
{
	CHECK_NUMBER(scan(""), -EINVAL);
	CHECK_NUMBER(scan("\n\n# only this\n"), -EINVAL);
	CHECK_NUMBER(scan("caf\xc3\xa9\n"), -EINVAL);
	CHECK_NUMBER(scan("abcdefghijklmnopqrstu\n"), -EINVAL);
	CHECK_NUMBER(scan("abcdefghijklmnopqrst\n"), 1);
	CHECK_NUMBER(mock_accel_wordlist_scan("a\0b", 3, NULL), -EINVAL);
}

static void as_many_words_as_are_allowed_and_no_more(void)
{
	size_t size = 2 * (MOCK_ACCEL_MAX_WORDLIST + 1);
	char *data = malloc(size);

	CHECK(data);
	for (size_t i = 0; i < size; i += 2)
		memcpy(data + i, "a\n", 2);
	CHECK_NUMBER(mock_accel_wordlist_scan(data, size - 2, NULL), MOCK_ACCEL_MAX_WORDLIST);
	CHECK_NUMBER(mock_accel_wordlist_scan(data, size, NULL), -EINVAL);
	free(data);
}

static void the_longest_passphrase_fits_the_ioctl(void)
{
	struct mock_accel_passphrase passphrase;

	CHECK(MOCK_ACCEL_MAX_WORDS * (MOCK_ACCEL_WORD_SIZE + 1) <= sizeof(passphrase.passphrase));
	CHECK_NUMBER(sizeof(passphrase), 257);
	CHECK_NUMBER(MOCK_ACCEL_IOC_STATUS, 0x80044d01);
	CHECK_NUMBER(MOCK_ACCEL_IOC_PASSPHRASE, 0xc1014d02);
}

TESTSUITE(TEST(words_may_stand_alone_or_behind_dice_numbers),
	  TEST(a_line_end_at_the_end_is_no_word), TEST(lists_that_cannot_be_used_are_refused),
	  TEST(as_many_words_as_are_allowed_and_no_more),
	  TEST(the_longest_passphrase_fits_the_ioctl))
