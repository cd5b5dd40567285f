#include "base/json.h"

#include "base/limits.h"
#include "base/text.h"

/* Nesting is checked here because jansson's own ceiling (2048) is fixed when it is
 * built; brackets inside strings do not count. */
static int
check_depth(struct span text, struct err *e)
{
	size_t depth = 0, line = 1;
	bool in_string = false;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		line += c == '\n';
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > LIMIT_JSON_DEPTH)
				return err_line(e, ERR_LIMIT, line, 0,
				    "JSON is nested deeper than %d levels", LIMIT_JSON_DEPTH);
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return 0;
}

static int
parse_error(const json_error_t *je, struct err *e)
{
	uint64_t line = je->line > 0 ? (uint64_t)je->line : 1;
	uint64_t column = je->column > 0 ? (uint64_t)je->column : 0;

	switch (json_error_code(je)) {
	case json_error_duplicate_key:
		return err_line(e, ERR_DUPLICATE, line, column, "JSON object has a key twice: %s", je->text);
	case json_error_invalid_utf8:
		return err_line(e, ERR_ENCODING, line, column, "JSON text is not valid UTF-8");
	case json_error_out_of_memory:
		return err_set(e, ERR_NOMEM, "out of memory while parsing JSON");
	case json_error_end_of_input_expected:
		return err_line(e, ERR_TRAILING, line, column, "data follows the JSON value");
	case json_error_premature_end_of_input:
		return err_line(e, ERR_TRUNCATED, line, column, "JSON text ends too early");
	case json_error_unknown:
	case json_error_stack_overflow:
	case json_error_invalid_argument:
	case json_error_cannot_open_file:
	case json_error_invalid_syntax:
	case json_error_invalid_format:
	case json_error_wrong_type:
	case json_error_null_character:
	case json_error_null_value:
	case json_error_null_byte_in_key:
	case json_error_numeric_overflow:
	case json_error_item_not_found:
	case json_error_index_out_of_range:
	default:
		return err_line(e, ERR_FORMAT, line, column, "invalid JSON: %s", je->text);
	}
}

int
json_parse(struct span text, size_t max, json_t **out, struct err *e)
{
	json_error_t je;
	int rc;

	if (text.n > max)
		return err_set(e, ERR_LIMIT, "JSON text is larger than the ceiling of %zu bytes", max);
	if ((rc = check_depth(text, e)) != 0)
		return rc;

	json_t *j = json_loadb(text.n == 0 ? "" : (const char *)text.p, text.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (j == NULL)
		return parse_error(&je, e);
	*out = j;
	return 0;
}

static int
append(const char *text, size_t n, void *cookie)
{
	struct buf *b = cookie;

	buf_put(b, text, n);
	return b->why == 0 ? 0 : -1;
}

/* What jansson leaves as it is, though a terminal may obey it, can stand in strings only. */
static void
dump(const json_t *j, size_t flags, struct buf *b)
{
	BUF_AUTO struct buf plain = buf_init(b->max);
	size_t from = 0, steers;
	unsigned point;

	if (j == NULL || json_dump_callback(j, append, &plain, flags | JSON_ENCODE_ANY) != 0) {
		if (b->why == 0)
			b->why = plain.why != 0 ? plain.why : ERR_NOMEM;
		return;
	}
	for (size_t i = 0; i < plain.n; i++) {
		if (plain.p[i] < 0x7f || (steers = utf8_steers(buf_view(&plain), i, &point)) == 0)
			continue;
		buf_put(b, plain.p + from, i - from);
		buf_printf(b, "\\u%04x", point);
		from = i + steers;
		i = from - 1;
	}
	buf_put(b, plain.p + from, plain.n - from);
}

void
json_write(const json_t *j, struct buf *b)
{
	dump(j, JSON_INDENT(2), b);
	buf_u8(b, '\n');
}

void
json_write_compact(const json_t *j, struct buf *b)
{
	dump(j, JSON_COMPACT | JSON_SORT_KEYS, b);
}

struct span
json_string_span(const json_t *j)
{
	return span_of(json_string_value(j), json_string_length(j));
}

json_t *
json_new_string(struct span s)
{
	return utf8_valid(s) ? json_stringn_nocheck(s.n == 0 ? "" : (const char *)s.p, s.n) : NULL;
}

static json_t *
rendered(void (*render)(struct buf *, struct span), struct span s)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 4);

	render(&b, s);
	return b.why != 0 ? NULL : json_stringn_nocheck(b.n == 0 ? "" : (char *)b.p, b.n);
}

json_t *json_escaped(struct span name) { return rendered(buf_escape, name); }
json_t *json_base64(struct span bytes) { return rendered(buf_base64, bytes); }
json_t *json_hex(struct span bytes) { return rendered(buf_hex, bytes); }

int
json_only(const json_t *obj, const char *where, const char *const *keys, struct err *e)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return err_set(e, ERR_FORMAT, "%s must be a JSON object", where);
	json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
		size_t i = 0;

		while (keys[i] != NULL && strcmp(keys[i], key) != 0)
			i++;
		if (keys[i] == NULL)
			return err_set(e, ERR_FORMAT, "%s has the unknown member \"%s\"", where, key);
	}
	return 0;
}

static const char *
type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:	return "an object";
	case JSON_ARRAY:	return "an array";
	case JSON_STRING:	return "a string";
	case JSON_INTEGER:	return "an integer";
	case JSON_REAL:		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:	return "true or false";
	case JSON_NULL:		return "null";
	default:		return "a value";
	}
}

int
json_member(const json_t *obj, const char *where, const char *key, json_type type,
    bool required, json_t **out, struct err *e)
{
	json_t *v = json_object_get(obj, key);
	bool fits = v != NULL && (json_typeof(v) == type ||
	    (json_is_boolean(v) && (type == JSON_TRUE || type == JSON_FALSE)));

	if (v == NULL && required)
		return err_set(e, ERR_FORMAT, "%s lacks the member \"%s\"", where, key);
	if (v != NULL && !fits)
		return err_set(e, ERR_FORMAT, "%s: member \"%s\" must be %s", where, key, type_name(type));
	*out = v;
	return 0;
}
