/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void siphash_rounds(uint64_t v[4], int rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t load_little_endian(const uint8_t *bytes, size_t count)
{
	uint64_t word = 0;

	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

/* SipHash-2-4 with 128 bits of output and a fixed, public key (00 01 .. 0f). */
static struct identity_hash siphash(const uint8_t *data, size_t size)
{
	const uint64_t k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
			  k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	struct identity_hash hash;
	size_t left = size;
	uint64_t last;

	for (; left >= 8; left -= 8, data += 8) {
		uint64_t word = load_little_endian(data, 8);

		v[3] ^= word;
		siphash_rounds(v, 2);
		v[0] ^= word;
	}
	last = (uint64_t)size << 56 | load_little_endian(data, left);
	v[3] ^= last;
	siphash_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xee;
	siphash_rounds(v, 4);
	hash.low = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	siphash_rounds(v, 4);
	hash.high = v[0] ^ v[1] ^ v[2] ^ v[3];
	return hash;
}

struct identity_hash identity_hash(const char *node, uint32_t index, const char *purpose)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "%s/%s/%u", purpose, node, index);

	return siphash((const uint8_t *)text,
		       (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void identity_uuid(const char *node, uint32_t index, char out[48])
{
	struct identity_hash h = identity_hash(node, index, "uuid");

	snprintf(out, 48, "GPU-%08x-%04x-%04x-%04x-%012llx", (unsigned)(h.high >> 32),
		 (unsigned)(h.high >> 16 & 0xffff), (unsigned)(h.high & 0xffff),
		 (unsigned)(h.low >> 48), (unsigned long long)(h.low & 0xffffffffffff));
}

void identity_mig_uuid(const char *gpu, uint32_t gpu_instance, uint32_t compute_instance,
		       char out[IDENTITY_UUID_SIZE])
{
	struct identity_hash h = identity_hash(gpu, gpu_instance * 256 + compute_instance, "mig");

	snprintf(out, IDENTITY_UUID_SIZE, "MIG-%08x-%04x-5%03x-%04x-%012llx",
		 (unsigned)(h.high >> 32), (unsigned)(h.high >> 16 & 0xffff),
		 (unsigned)(h.high & 0xfff), (unsigned)(h.low >> 48 & 0x3fff) | 0x8000,
		 (unsigned long long)(h.low & 0xffffffffffff));
}

void identity_serial(const char *node, uint32_t module, char out[32])
{
	struct identity_hash h = identity_hash(node, module, "serial");

	snprintf(out, 32, "1%012llu", (unsigned long long)(h.low % 1000000000000));
}

uint32_t identity_pci_domain(const char *node)
{
	return 0x1000 + identity_hash(node, 0, "pci").low % 0xef00;
}

void identity_node_name(char *out, size_t size)
{
	if (gethostname(out, size) != 0)
		snprintf(out, size, "localhost");
	out[size - 1] = '\0';
	out[strcspn(out, ".")] = '\0';
	for (char *c = out; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!*out)
		snprintf(out, size, "localhost");
}
