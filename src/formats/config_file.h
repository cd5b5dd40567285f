/* config_file.h: configuration files: one setting a line, "key = value", and nothing else.
 *
 *	LINE		MEANING
 *	(empty)		nothing; blanks and tabs alone too
 *	# ...		a comment; blanks may stand before the #
 *	key = value	the setting ${key} is ${value}
 *
 * A key begins with a small letter and goes on with small letters, digits and '_'.  A
 * value is what stands behind the '=' up to the end of the line, without the blanks around
 * it: there are no quotes, no escapes, no continuation, no sections, no inclusion and no
 * comment behind a value, so that every byte that is seen is meant.  An empty value, a
 * control character (a carriage return too) and anything else are refused with line and
 * column.  Which keys there are, which may stand twice, and what their values mean, is for
 * the caller to say: see cmd/config.h and docs/adr/0015.
 */
#ifndef FORMATS_CONFIG_FILE_H
#define FORMATS_CONFIG_FILE_H

#include "base/arena.h"
#include "base/err.h"

struct config_item {
	struct span key, value;		/* into the input */
	uint64_t line, key_column, value_column;	/* from 1 */
};

struct config_file {
	struct config_item *items;	/* in the arena, in the file's order */
	size_t n;
};

/** config_file_parse(in, a, out, e): ${out} borrows from ${in}. */
MUST_CHECK int config_file_parse(struct span in, struct arena *a, struct config_file *out,
    struct err *e);

#endif
