// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Passphrases of words drawn from the firmware file, which is loaded when the first one is asked for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/firmware.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "mock_accel.h"
#include "mock_accel_uapi.h"
#include "mock_accel_wordlist.h"

static DEFINE_MUTEX(lock);
static const struct firmware *firmware;
static struct mock_accel_word *words;
static int count;

static int index_words(const struct firmware *file)
{
	const char *data = (const char *)file->data;
	int found = mock_accel_wordlist_scan(data, file->size, NULL);

	if (found < 0)
		return found;
	words = kvmalloc_array(found, sizeof(*words), GFP_KERNEL);
	if (!words)
		return -ENOMEM;
	count = mock_accel_wordlist_scan(data, file->size, words);
	return 0;
}

/* A failure is not kept: the file may be there the next time. The lock is held. */
static int load(struct device *dev)
{
	const struct firmware *file;
	int error;

	if (firmware)
		return 0;
	/* Directly: where the file is missing, nobody is asked to bring it and waited for. */
	error = request_firmware_direct(&file, MOCK_ACCEL_WORDLIST_FILE, dev);
	if (error)
		return -ENOENT;
	error = index_words(file);
	if (error) {
		dev_err_ratelimited(dev, "firmware file %s holds no list of words: error %d\n",
				    MOCK_ACCEL_WORDLIST_FILE, error);
		release_firmware(file);
		return error;
	}
	firmware = file;
	return 0;
}

/* Every word with the same probability: numbers of the incomplete last round are drawn again. */
static u32 draw(u32 below)
{
	u32 limit = U32_MAX - U32_MAX % below, number;

	do {
		number = get_random_u32();
	} while (number >= limit);
	return number % below;
}

int mock_accel_passphrase(struct device *dev, u32 word_count, char *text)
{
	u32 chosen[MOCK_ACCEL_MAX_WORDS];
	int error;

	mutex_lock(&lock);
	error = load(dev);
	if (!error) {
		for (u32 i = 0; i < word_count; i++)
			chosen[i] = draw(count);
		mock_accel_wordlist_join((const char *)firmware->data, words, chosen, word_count,
					 text);
	}
	mutex_unlock(&lock);
	memzero_explicit(chosen, sizeof(chosen));
	return error;
}

void mock_accel_passphrase_exit(void)
{
	release_firmware(firmware);
	kvfree(words);
}
