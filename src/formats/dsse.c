#include "formats/dsse.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/json_out.h"
#include "base/text.h"

/* Whether the key ${name} stands in the outermost object.  Only strings and brackets
 * matter for that; whether the rest is JSON, the parser says. */
static bool
has_top_key(struct span in, struct span name)
{
	size_t depth = 0, start;

	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];

		if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		} else if (c == '"') {
			start = ++i;
			while (i < in.n && in.p[i] != '"')
				i += in.p[i] == '\\' ? 2 : 1;
			if (i >= in.n)
				return false;
			if (depth == 1 && span_eq(span_of(in.p + start, i - start), name)) {
				while (++i < in.n && memchr(" \t\r\n", in.p[i], 4) != NULL)
					;
				if (i < in.n && in.p[i] == ':')
					return true;
				i--;
			}
		}
	}
	return false;
}

bool
dsse_sniff(struct span in)
{
	size_t i = 0;

	while (i < in.n && memchr(" \t\r\n", in.p[i], 4) != NULL)
		i++;
	/* Most policies are told apart at once: they do not hold the word. */
	return i < in.n && in.p[i] == '{' &&
	    memmem(in.p, in.n, "\"payloadType\"", 13) != NULL &&
	    has_top_key(in, span_lit("payloadType"));
}

/* Standard or URL-safe, padded or not. */
static bool
decode(struct span s, struct buf *b)
{
	if (base64_decode(s, b))
		return true;
	for (unsigned i = 0; i < 2 && s.n > 0 && s.p[s.n - 1] == '='; i++)
		s.n--;
	return b->why == 0 && base64url_decode(s, b);
}

static int
read_signature(struct dsse *d, const json_t *obj, size_t i, struct err *e)
{
	static const char *const members[] = { "keyid", "sig", NULL };
	BUF_AUTO struct buf raw = buf_init(LIMIT_SIGNATURE);
	struct dsse_signature *s = &d->signatures[i];
	char where[64];
	json_t *keyid, *sig;
	int rc;

	(void)snprintf(where, sizeof(where), "signatures[%zu]", i);
	if ((rc = json_only(obj, where, members, e)) != 0 ||
	    (rc = json_member(obj, where, "keyid", JSON_STRING, false, &keyid, e)) != 0 ||
	    (rc = json_member(obj, where, "sig", JSON_STRING, true, &sig, e)) != 0)
		return rc;
	if (!decode(json_string_span(sig), &raw))
		return raw.why != 0 ? err_set(e, ERR_LIMIT, "%s: signature is longer than %zu bytes",
		    where, LIMIT_SIGNATURE) :
		    err_set(e, ERR_ENCODING, "%s: \"sig\" is not base64", where);
	if (!arena_copy(&d->arena, buf_view(&raw), &s->sig) ||
	    (keyid != NULL && !arena_copy(&d->arena, json_string_span(keyid), &s->keyid)))
		return arena_err(&d->arena, e);
	return 0;
}

static int
read_signatures(struct dsse *d, const json_t *list, struct err *e)
{
	size_t n = json_array_size(list);
	int rc;

	if (n == 0)
		return err_set(e, ERR_FORMAT, "envelope has no signature");
	if (n > LIMIT_DSSE_SIGNATURES)
		return err_set(e, ERR_LIMIT, "envelope has more than %d signatures", LIMIT_DSSE_SIGNATURES);
	if ((d->signatures = arena_array(&d->arena, n, sizeof(*d->signatures))) == NULL)
		return arena_err(&d->arena, e);
	for (; d->n_signatures < n; d->n_signatures++)
		if ((rc = read_signature(d, json_array_get(list, d->n_signatures), d->n_signatures, e)) != 0)
			return rc;
	return 0;
}

static int
read_envelope(struct dsse *d, const json_t *root, struct err *e)
{
	static const char *const members[] = { "payload", "payloadType", "signatures", NULL };
	json_t *payload, *type, *sigs;
	int rc;

	if ((rc = json_only(root, "envelope", members, e)) != 0 ||
	    (rc = json_member(root, "envelope", "payload", JSON_STRING, true, &payload, e)) != 0 ||
	    (rc = json_member(root, "envelope", "payloadType", JSON_STRING, true, &type, e)) != 0 ||
	    (rc = json_member(root, "envelope", "signatures", JSON_ARRAY, true, &sigs, e)) != 0)
		return rc;
	if (!decode(json_string_span(payload), &d->payload))
		return d->payload.why != 0 ? buf_done(&d->payload, e) :
		    err_set(e, ERR_ENCODING, "envelope: \"payload\" is not base64");
	if (!arena_copy(&d->arena, json_string_span(type), &d->payload_type))
		return arena_err(&d->arena, e);
	return read_signatures(d, sigs, e);
}

int
dsse_parse(struct span in, struct dsse *out, struct err *e)
{
	struct dsse d = {
		.arena = arena_init(MIB(16)), .payload = buf_init(LIMIT_POLICY_FILE),
	};
	JSON_AUTO json_t *root = NULL;
	int rc;

	/* Base64 makes a payload a third longer. */
	if ((rc = json_parse(in, LIMIT_POLICY_FILE / 3 * 4 + MIB(1), &root, e)) != 0 ||
	    (rc = read_envelope(&d, root, e)) != 0) {
		dsse_free(&d);
		return rc;
	}
	*out = d;
	return 0;
}

void
dsse_free(struct dsse *d)
{
	buf_free(&d->payload);
	arena_free(&d->arena);
	*d = (struct dsse){ 0 };
}

void
dsse_pae(struct span type, struct span payload, struct buf *out)
{
	buf_printf(out, "DSSEv1 %zu ", type.n);
	buf_span(out, type);
	buf_printf(out, " %zu ", payload.n);
	buf_span(out, payload);
}

static void
out_base64(struct json_out *o, struct span key, struct span bytes)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 4);

	buf_base64(&b, bytes);
	if (b.why != 0 && o->b->why == 0)
		o->b->why = b.why;
	json_out_string(o, key, buf_view(&b));
}

void
dsse_write(struct span type, struct span payload, const struct dsse_signature *sigs,
    size_t n, struct buf *out)
{
	struct json_out o = json_out_init(out);

	json_out_object(&o, JSON_OUT_ELEMENT);
	out_base64(&o, span_lit("payload"), payload);
	json_out_string(&o, span_lit("payloadType"), type);
	json_out_array(&o, span_lit("signatures"));
	for (size_t i = 0; i < n; i++) {
		json_out_object(&o, JSON_OUT_ELEMENT);
		if (sigs[i].keyid.n != 0)
			json_out_string(&o, span_lit("keyid"), sigs[i].keyid);
		out_base64(&o, span_lit("sig"), sigs[i].sig);
		json_out_close(&o);
	}
	json_out_close(&o);
	json_out_close(&o);
	json_out_end(&o);
}
