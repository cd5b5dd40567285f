/* Compiled tables: whatever the bytes, a walk and look-ups end, stay inside, and hand
 * out only digests of a whole size; a table that passes its own check is consistent. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/policy_table.h"
#include "formats/policy_table_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span s, const uint8_t *data, size_t size)
{
	if (s.n != 0 && (s.p < data || s.p + s.n > data + size))
		abort();
}

static void
use(const struct policy_table *t, const uint8_t *data, size_t size)
{
	struct policy_iter it;
	struct policy_digest d;
	struct policy_package p;
	struct span path;
	uint64_t found = 0;
	bool sound = policy_table_check(t, NULL) == 0;

	inside(policy_table_meta(t), data, size);
	for (uint64_t i = 0; i < t->n_paths; i++) {
		if (!policy_table_at(t, i, &path, &it)) {
			if (sound)
				abort();
			continue;
		}
		inside(path, data, size);
		while (policy_iter_next(&it, &d)) {
			inside(d.bytes, data, size);
			if (d.bytes.n != digest_alg_size(d.alg))
				abort();
		}
		found += policy_table_find(t, path, &it);
	}
	if (sound && found != t->n_paths)
		abort();
	if (policy_table_find(t, span_lit("/usr/bin/bash"), &it))
		while (policy_iter_next(&it, &d))
			inside(d.bytes, data, size);
	for (uint64_t i = 0; i < t->n_packages && i < 100000; i++)
		if (policy_table_package(t, i, &p)) {
			inside(p.name, data, size);
			inside(p.version, data, size);
			inside(p.arch, data, size);
		}
}

/* The same with both checksums put right, so that the fuzzer gets past them. */
static void
repaired(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);
	struct policy_table t;
	uint64_t sum;

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	sum = XXH3_64bits(copy + TABLE_HEADER, size - TABLE_HEADER);
	for (unsigned i = 0; i < 8; i++) {
		copy[16 + i] = (uint8_t)((uint64_t)size >> (8 * i));
		copy[24 + i] = (uint8_t)(sum >> (8 * i));
	}
	sum = XXH3_64bits(copy, TABLE_HEADER_HASHED);
	for (unsigned i = 0; i < 8; i++)
		copy[TABLE_HEADER_HASHED + i] = (uint8_t)(sum >> (8 * i));
	if (policy_table_open(span_of(copy, size), &t, NULL) == 0)
		use(&t, copy, size);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct policy_table t;

	if (policy_table_open(span_of(data, size), &t, &e) == 0)
		use(&t, data, size);
	else if (e.message[0] == '\0')
		abort();
	if (size >= TABLE_HEADER)
		repaired(data, size);
	return 0;
}
