/* json_out.h: JSON text written as it comes, for documents too large to build as a
 * tree first, and with a layout that makes good diffs.
 *
 * Two spaces of indent, one member or element a line; what is opened flat stays
 * on its line.  Strings must be UTF-8: another one makes the buffer fail with
 * ERR_ENCODING, so callers with byte strings check first or write base64.
 * Calls that do not nest rightly are a fault of the caller (asserted).
 */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include <jansson.h>

#include "base/buf.h"

#define JSON_OUT_DEPTH 72	/* above LIMIT_JSON_DEPTH */

struct json_out {
	struct buf *b;
	unsigned depth, flat;		/* levels open; how many of them are flat */
	bool any[JSON_OUT_DEPTH];	/* whether this level has an element already */
	char closing[JSON_OUT_DEPTH];
};

static inline struct json_out
json_out_init(struct buf *b)
{
	return (struct json_out){ .b = b };
}

/* ${key} is the member's name inside an object, and of no bytes inside an array. */
#define JSON_OUT_ELEMENT ((struct span){ NULL, 0 })

void json_out_object(struct json_out *o, struct span key);
void json_out_array(struct json_out *o, struct span key);
void json_out_flat_array(struct json_out *o, struct span key);
void json_out_flat_object(struct json_out *o, struct span key);
void json_out_close(struct json_out *o);

void json_out_string(struct json_out *o, struct span key, struct span value);
void json_out_integer(struct json_out *o, struct span key, int64_t value);
void json_out_bool(struct json_out *o, struct span key, bool value);

/** json_out_tree(o, key, j): A tree of jansson's, in the same layout. */
void json_out_tree(struct json_out *o, struct span key, const json_t *j);

/** json_out_end(o): The newline at the end; everything must be closed. */
void json_out_end(struct json_out *o);

#endif
