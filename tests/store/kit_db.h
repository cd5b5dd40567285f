/* kit_db.h: one number from the database itself, past the store. */
#ifndef TESTS_STORE_KIT_DB_H
#define TESTS_STORE_KIT_DB_H

#include "port/store/db.h"

static inline int
kit_number(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)item;
	(void)e;
	if (n == 1 && row[0].type == DB_INT)
		*(int64_t *)ctx = row[0].i;
	return 0;
}

#endif
