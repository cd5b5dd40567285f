/* rows.h: rows of the database made into structs, copied into the caller's arena.
 *
 * A decoder takes the columns in the order of the statement.  A column of another type
 * than expected, and memory that runs out, stick in r->bad and r->full; the collectors
 * look at them once a row.
 */
#ifndef PORT_STORE_ROWS_H
#define PORT_STORE_ROWS_H

#include "port/store/db.h"

struct row {
	const struct db_value *v;
	size_t n, at;
	struct arena *a;
	bool bad, full;
};

int64_t row_int(struct row *r);
struct span row_bytes(struct row *r);		/* copied */
struct span row_borrow(struct row *r);		/* lives during the row */
void row_copy(struct row *r, void *dst, size_t n);	/* exactly so many bytes */
bool row_null(const struct row *r);		/* the next column is NULL */

static inline uint64_t
row_u64(struct row *r)
{
	return (uint64_t)row_int(r);
}

typedef void row_decode_fn(struct row *r, void *out);

/** One row: ${found} tells whether there was one. */
struct one {
	struct arena *a;
	row_decode_fn *decode;
	void *out;
	bool found;
};

/** rows_one(d, q, params, o, e): ERR_NOT_FOUND without a message if there is no row. */
MUST_CHECK int rows_one(struct db *d, enum query q, const struct db_value *params, struct one *o,
    struct err *e);

/** All rows. */
struct many {
	struct arena *a;
	row_decode_fn *decode;
	size_t size;			/* of an element */
	void *v;
	size_t n, cap;
};
MUST_CHECK int rows_many(struct db *d, enum query q, const struct db_value *params,
    struct many *m, struct err *e);

/** rows_page(max): The number of rows to ask for. */
static inline uint64_t
rows_page(size_t max)
{
	return max < LIMIT_STORE_PAGE ? max : LIMIT_STORE_PAGE;
}

/** rows_name(what, s, e): ERR_LIMIT for a name that no index would take. */
MUST_CHECK int rows_name(const char *what, struct span s, struct err *e);

#endif
