/* What is written as it comes is JSON that parses back to the same, in a fixed layout. */
#include "base/json.h"
#include "base/json_out.h"
#include "base/limits.h"
#include "tests/tap.h"

static void
test_layout(void)
{
	BUF_AUTO struct buf b = buf_init(KIB(64));
	struct json_out o = json_out_init(&b);

	json_out_object(&o, JSON_OUT_ELEMENT);
	json_out_integer(&o, span_lit("n"), -7);
	json_out_flat_array(&o, span_lit("flat"));
	json_out_string(&o, JSON_OUT_ELEMENT, span_lit("a"));
	json_out_bool(&o, JSON_OUT_ELEMENT, true);
	json_out_close(&o);
	json_out_array(&o, span_lit("empty"));
	json_out_close(&o);
	json_out_array(&o, span_lit("deep"));
	json_out_object(&o, JSON_OUT_ELEMENT);
	json_out_string(&o, span_lit("k"), span_lit("v"));
	json_out_close(&o);
	json_out_close(&o);
	json_out_close(&o);
	json_out_end(&o);
	is_str(buf_cstr(&b), "{\n  \"n\": -7,\n  \"flat\": [\"a\", true],\n  \"empty\": [],\n  \"deep\": [\n"
	    "    {\n      \"k\": \"v\"\n    }\n  ]\n}\n", "the layout");
}

static size_t
utf8_of(unsigned c, uint8_t raw[3])
{
	if (c < 0x80) {
		raw[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		raw[0] = (uint8_t)(0xc0 | c >> 6);
		raw[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	raw[0] = (uint8_t)(0xe0 | c >> 12);
	raw[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	raw[2] = (uint8_t)(0x80 | (c & 0x3f));
	return 3;
}

/* What a terminal obeys: controls, line separators, and what turns text around. */
static bool
steers(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Every character up to U+2FFF but NUL, which JSON text of ours never holds, by both writers. */
static void
test_strings(void)
{
	size_t same = 0, plain = 0, alike = 0;

	for (unsigned c = 1; c < 0x3000; c++) {
		BUF_AUTO struct buf b = buf_init(KIB(1)), t = buf_init(KIB(1));
		uint8_t raw[5] = { 'x' };
		size_t n = 1 + utf8_of(c, raw + 1);
		struct json_out o = json_out_init(&b);
		JSON_AUTO json_t *j = NULL, *k = json_new_string(span_of(raw, n));

		json_out_string(&o, JSON_OUT_ELEMENT, span_of(raw, n));
		json_write_compact(k, &t);
		same += json_parse(buf_view(&b), KIB(1), &j, NULL) == 0 && span_eq(json_string_span(j), span_of(raw, n));
		plain += (memmem(b.p, b.n, raw + 1, n - 1) != NULL) == (!steers(c) && c != 0);
		json_decref(j);
		j = NULL;
		alike += json_parse(buf_view(&t), KIB(1), &j, NULL) == 0 && json_equal(j, k) &&
		    (memmem(t.p, t.n, raw + 1, n - 1) != NULL) == !steers(c);
	}
	is_int((int64_t)same, 0x2fff, "each character comes back");
	is_int((int64_t)plain, 0x2fff, "none that steers a terminal is written as itself, and all others are");
	is_int((int64_t)alike, 0x2fff, "the other writer does the same");
}

static void
test_refusals(void)
{
	BUF_AUTO struct buf b = buf_init(KIB(1));
	struct json_out o = json_out_init(&b);

	json_out_string(&o, JSON_OUT_ELEMENT, span_lit("\xff"));
	is_int(b.why, ERR_ENCODING, "a string that is not UTF-8 fails the buffer");
}

static void
test_tree(void)
{
	static const char text[] = "{\"a\": [1, 2.5, null, true, {\"b\": {}}], \"c\": \"d\"}";
	BUF_AUTO struct buf b = buf_init(KIB(1));
	JSON_AUTO json_t *in = NULL, *out = NULL;
	struct json_out o = json_out_init(&b);

	ok(json_parse(span_str(text), KIB(1), &in, NULL) == 0, "a tree");
	json_out_tree(&o, JSON_OUT_ELEMENT, in);
	ok(json_parse(buf_view(&b), KIB(1), &out, NULL) == 0 && json_equal(in, out), "is written whole");
}

int
main(void)
{
	test_layout();
	test_strings();
	test_refusals();
	test_tree();
	return done();
}
