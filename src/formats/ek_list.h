/* ek_list.h: the allow-list of endorsement keys: the machines one bought.
 *
 * Text, one key a line: 64 hex digits, then white space and a comment or nothing.
 * Empty lines and lines that begin with # are skipped.  The digits are the SHA-256 of
 *
 *   the TPMT_PUBLIC of the endorsement key (what tpm2_readpublic names, when the name's
 *   hash is SHA-256, without its first two bytes), or
 *   the SubjectPublicKeyInfo of its certificate's key (what vendors' lists have).
 *
 * Both are digests of the same kind and cannot be mistaken for each other, so no mark
 * tells them apart.  A line of any other form is an error: a key that an operator
 * believes to be listed and is not would be found out too late.
 */
#ifndef FORMATS_EK_LIST_H
#define FORMATS_EK_LIST_H

#include "base/arena.h"
#include "base/buf.h"

struct ek_list_key {
	uint8_t v[32];
	struct span comment;	/* into the input, without white space around it */
};

struct ek_list {
	struct ek_list_key *keys;	/* sorted; in the arena */
	size_t n;
};

/** ek_list_parse(in, a, list, e): ERR_DUPLICATE for a key listed twice. */
MUST_CHECK int ek_list_parse(struct span in, struct arena *a, struct ek_list *list,
    struct err *e);

/** ek_list_find(list, digest): NULL if the 32 bytes are not on it. */
const struct ek_list_key *ek_list_find(const struct ek_list *list, struct span digest);

#endif
