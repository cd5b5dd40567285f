/* json.h: strict JSON over jansson.
 *
 * jansson parses; this module caps size and nesting before it runs, refuses
 * duplicate keys, invalid UTF-8 and trailing data, and turns its errors into
 * ours with line and column.  The accessors name what they miss with a
 * JSON-pointer-like path, and json_only refuses members nobody asked for.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"

/** json_parse(text, max, out, e): The document in ${text} (a borrowed span, at
 * most ${max} bytes).  ${*out} is the caller's to json_decref. */
MUST_CHECK int json_parse(struct span text, size_t max, json_t **out, struct err *e);

/** json_write(j, b): Stable text: members in insertion order, two spaces of
 * indent, a newline at the end. */
void json_write(const json_t *j, struct buf *b);

/** json_write_compact(j, b): One line, members sorted by key, no newline. */
void json_write_compact(const json_t *j, struct buf *b);

/** json_string_span(j): The bytes of a string value (borrowed); they hold no NUL (refused at parsing). */
struct span json_string_span(const json_t *j);

/** json_new_string(s): A JSON string, or NULL if ${s} is not valid UTF-8 or memory ran out. */
json_t *json_new_string(struct span s);

/** json_escaped(name): A name as buf_escape renders it. */
json_t *json_escaped(struct span name);
json_t *json_base64(struct span bytes);
json_t *json_hex(struct span bytes);

/** json_only(obj, where, keys, e): ERR_FORMAT if ${obj} is not an object or has a
 * member that is not in the NULL-terminated list ${keys}. */
MUST_CHECK int json_only(const json_t *obj, const char *where, const char *const *keys,
    struct err *e);

/** json_member(obj, where, key, type, required, out, e): A member of the wanted type.
 * Absent and not required: ${*out} is NULL and 0 is returned. Borrowed. */
MUST_CHECK int json_member(const json_t *obj, const char *where, const char *key,
    json_type type, bool required, json_t **out, struct err *e);

/* json_decrefp is jansson's own. */
#define JSON_AUTO __attribute__((cleanup(json_decrefp)))

#endif
