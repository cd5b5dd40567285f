#include "base/json_out.h"

#include <assert.h>

#include "base/text.h"

/* RFC 8259 section 7, and what a terminal may obey. */
static void
put_string(struct buf *b, struct span s)
{
	size_t plain = 0;

	if (!utf8_valid(s)) {
		if (b->why == 0)
			b->why = ERR_ENCODING;
		return;
	}
	buf_u8(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		unsigned point = c;
		size_t steers = c >= 0x7f ? utf8_steers(s, i, &point) : 0;

		if (c >= 0x20 && c != '"' && c != '\\' && steers == 0)
			continue;
		buf_put(b, s.p + plain, i - plain);
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_str(b, "\\n");
		else if (c == '\t')
			buf_str(b, "\\t");
		else
			buf_printf(b, "\\u%04x", point);
		i += steers > 1 ? steers - 1 : 0;
		plain = i + 1;
	}
	buf_span(b, span_from(s, plain));
	buf_u8(b, '"');
}

/* What stands between the element before and this one, and its name. */
static void
begin(struct json_out *o, struct span key)
{
	bool in_object = o->depth > 0 && o->closing[o->depth - 1] == '}';

	if (o->depth > 0) {
		if (o->any[o->depth - 1])
			buf_u8(o->b, ',');
		if (o->flat == 0)
			buf_printf(o->b, "\n%*s", (int)(2 * o->depth), "");
		else if (o->any[o->depth - 1])
			buf_u8(o->b, ' ');
		o->any[o->depth - 1] = true;
	}
	if (in_object) {
		put_string(o->b, key);
		buf_str(o->b, ": ");
	}
}

static void
open_level(struct json_out *o, struct span key, char opening, char closing, bool flat)
{
	assert(o->depth < JSON_OUT_DEPTH);
	begin(o, key);
	buf_u8(o->b, (uint8_t)opening);
	o->any[o->depth] = false;
	o->closing[o->depth++] = closing;
	if (flat || o->flat > 0)
		o->flat++;
}

void json_out_object(struct json_out *o, struct span key) { open_level(o, key, '{', '}', false); }
void json_out_array(struct json_out *o, struct span key) { open_level(o, key, '[', ']', false); }
void json_out_flat_array(struct json_out *o, struct span key) { open_level(o, key, '[', ']', true); }
void json_out_flat_object(struct json_out *o, struct span key) { open_level(o, key, '{', '}', true); }

void
json_out_close(struct json_out *o)
{
	assert(o->depth > 0);
	o->depth--;
	if (o->flat > 0)
		o->flat--;
	else if (o->any[o->depth])
		buf_printf(o->b, "\n%*s", (int)(2 * o->depth), "");
	buf_u8(o->b, (uint8_t)o->closing[o->depth]);
}

void
json_out_string(struct json_out *o, struct span key, struct span value)
{
	begin(o, key);
	put_string(o->b, value);
}

void
json_out_integer(struct json_out *o, struct span key, int64_t value)
{
	begin(o, key);
	buf_printf(o->b, "%lld", (long long)value);
}

void
json_out_bool(struct json_out *o, struct span key, bool value)
{
	begin(o, key);
	buf_str(o->b, value ? "true" : "false");
}

static void
put_scalar(struct json_out *o, struct span key, const json_t *j)
{
	char *text = json_dumps(j, JSON_ENCODE_ANY);

	begin(o, key);
	if (text != NULL)
		buf_str(o->b, text);
	else if (o->b->why == 0)
		o->b->why = ERR_NOMEM;
	free(text);
}

void
json_out_tree(struct json_out *o, struct span key, const json_t *j)
{
	const char *name;
	json_t *v;
	size_t i;

	if (j == NULL || o->depth == JSON_OUT_DEPTH) {
		if (o->b->why == 0)
			o->b->why = j == NULL ? ERR_NOMEM : ERR_LIMIT;
	} else if (json_is_object(j)) {
		json_out_object(o, key);
		json_object_foreach((json_t *)(uintptr_t)j, name, v)
			json_out_tree(o, span_str(name), v);
		json_out_close(o);
	} else if (json_is_array(j)) {
		json_out_array(o, key);
		json_array_foreach(j, i, v)
			json_out_tree(o, JSON_OUT_ELEMENT, v);
		json_out_close(o);
	} else if (json_is_string(j)) {
		json_out_string(o, key, span_of(json_string_value(j), json_string_length(j)));
	} else {
		put_scalar(o, key, j);
	}
}

void
json_out_end(struct json_out *o)
{
	assert(o->depth == 0);
	buf_u8(o->b, '\n');
}
