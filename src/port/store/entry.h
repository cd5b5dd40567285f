/* entry.h: finding and making the numbers of many entries at once. */
#ifndef PORT_STORE_ENTRY_H
#define PORT_STORE_ENTRY_H

#include "port/store/handle.h"

/** A record whose number is wanted. */
struct entry_want {
	const struct store_record *record;
	uint32_t host;		/* who has it */
	uint64_t number;	/* the answer */
	bool made;		/* it is new to the fleet, and this host is its first */
};

/** entry_resolve(s, v, n, now, e): Look all up, make the missing ones in the order given.
 * Within a transaction. */
MUST_CHECK int entry_resolve(struct store *s, struct entry_want *v, size_t n, int64_t now,
    struct err *e);

/** What an index holds of a digest or a path: its first eight bytes, of SHA-256 for a path. */
MUST_CHECK int entry_digest_head(const struct digest *d, int64_t *head);
MUST_CHECK int entry_path_head(struct span path, int64_t *head, struct err *e);

/** entry_decode: ENTRY_COLUMNS to struct store_entry. */
void entry_decode(struct row *r, void *out);

#endif
