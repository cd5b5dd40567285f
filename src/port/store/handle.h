/* handle.h: what is behind a struct store. */
#ifndef PORT_STORE_HANDLE_H
#define PORT_STORE_HANDLE_H

#include "port/store/entry_cache.h"
#include "port/store/rows.h"
#include "port/store/schema.h"

struct store {
	struct db *db;
	const struct migrations *migrations;
	int hold;			/* hold.h; -1: none */
	struct entry_cache cache;
};

/** store_open_with(url, flags, m, s, e): store_open with other migrations than the ones
 * built in, for tests of migrating. */
MUST_CHECK int store_open_with(const char *url, unsigned flags, const struct migrations *m,
    struct store **s, struct err *e);

#endif
