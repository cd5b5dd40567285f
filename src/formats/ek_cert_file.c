#include "formats/ek_cert_file.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/pem.h"
#include "base/rd.h"
#include "base/text.h"

static int
add(struct ek_cert_file *f, struct span der, struct err *e)
{
	if (f->n == LIMIT_CERT_CHAIN)
		return err_set(e, ERR_LIMIT, "more than %d certificates", LIMIT_CERT_CHAIN);
	f->der[f->n++] = der;
	return 0;
}

/* Erased and never written NV reads as ff or 00. */
static bool
is_padding(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != 0x00 && s.p[i] != 0xff)
			return false;
	return true;
}

/* X.690 8.1.3 with the limits of 10.1: definite, in as few octets as can be. */
static bool
read_der_length(struct rd *r, size_t *n)
{
	uint8_t first, octet;
	size_t v = 0;

	if (!rd_u8(r, &first))
		return false;
	if (first < 0x80) {
		*n = first;
		return true;
	}
	if (first == 0x80 || first > 0x83)
		return rd_fail(r, ERR_FORMAT);
	for (int i = 0; i < (first & 0x7f); i++) {
		if (!rd_u8(r, &octet))
			return false;
		if (i == 0 && octet == 0)
			return rd_fail(r, ERR_FORMAT);
		v = v << 8 | octet;
	}
	if (v < 0x80)
		return rd_fail(r, ERR_FORMAT);
	*n = v;
	return true;
}

/* One SEQUENCE, whole; the reader moves behind it. */
static bool
read_der(struct rd *r, struct span *out)
{
	size_t start = r->off, n;
	uint8_t tag;
	struct span body;

	if (!rd_u8(r, &tag))
		return false;
	if (tag != 0x30)
		return rd_fail(r, ERR_FORMAT);
	if (!read_der_length(r, &n))
		return false;
	if (n > LIMIT_CERT)
		return rd_fail(r, ERR_LIMIT);
	if (!rd_bytes(r, n, &body))
		return false;
	*out = span_of(r->in.p + start, r->off - start);
	return true;
}

/* TCG PC Client Specific Implementation Specification for Conventional BIOS 1.2, 7.3.2: tag
 * 1001, type 0 (full certificate), size; TCG_FULL_CERT has a tag of its own, 1002, which
 * some write and others do not. */
static bool
read_tcg(struct rd *r, struct span *out)
{
	struct span inner;

	if (!(rd_skip(r, 3) && rd_be16_span(r, LIMIT_CERT, &inner)))
		return false;

	struct rd in = rd_init(inner);

	if (span_starts(inner, span_lit("\x10\x02")) && !rd_skip(&in, 2))
		return rd_fail(r, in.why);
	if (!read_der(&in, out))
		return rd_fail(r, in.why);
	return is_padding(span_from(inner, in.off)) ? true : rd_fail(r, ERR_TRAILING);
}

static int
parse_binary(struct span in, struct ek_cert_file *f, struct err *e)
{
	struct rd r = rd_init(in);
	int rc;

	while (rd_left(&r) > 0) {
		struct span rest = span_from(in, r.off), der;
		bool tcg = span_starts(rest, span_of("\x10\x01\x00", 3));
		size_t start = r.off;

		if (f->n > 0 && is_padding(rest)) {
			f->forms |= EK_FORM_PADDING;
			break;
		}
		if (!(tcg ? read_tcg(&r, &der) : read_der(&r, &der))) {
			/* What stands there is no certificate: with one before it, left-over data. */
			if (f->n > 0 && r.why == ERR_FORMAT)
				r.why = ERR_TRAILING;
			return err_at(e, r.why, start, "certificate %zu: %s", f->n + 1, err_text(r.why));
		}
		if (tcg)
			f->forms |= EK_FORM_TCG_HEADER;
		if ((rc = add(f, der, e)) != 0)
			return rc;
	}
	return f->n > 0 ? 0 : err_set(e, ERR_TRUNCATED, "no certificate: no bytes");
}

/* Decoded bytes hold exactly one certificate. */
static int
add_decoded(struct buf *bytes, struct arena *a, struct ek_cert_file *f, struct err *e)
{
	struct span copy, der;
	struct rd r;

	if (!arena_copy(a, buf_view(bytes), &copy))
		return arena_err(a, e);
	r = rd_init(copy);
	if (!(read_der(&r, &der) && rd_end(&r)))
		return err_set(e, r.why, "certificate %zu: %s", f->n + 1, err_text(r.why));
	return add(f, der, e);
}

static int
parse_pem(struct span in, struct arena *a, struct ek_cert_file *f, struct err *e)
{
	size_t off = 0;
	int rc;

	f->forms |= EK_FORM_PEM;
	for (;;) {
		BUF_AUTO struct buf der = buf_init(LIMIT_CERT);

		if ((rc = pem_next(in, &off, "CERTIFICATE", &der, e)) < 0)
			return rc;
		if (rc == 0)
			break;
		if ((rc = add_decoded(&der, a, f, e)) != 0)
			return rc;
	}
	return f->n > 0 ? 0 : err_set(e, ERR_FORMAT, "PEM without a CERTIFICATE");
}

/* RFC 3986 2.1: "%3D". */
static bool
percent_decode(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '%') {
			if (s.n - i < 3 || !hex_fixed(span_of(s.p + i + 1, 2), &c, 1))
				return false;
			i += 2;
		}
		buf_u8(out, c);
	}
	return out->why == 0;
}

static bool
decode_intel(struct span text, struct buf *der)
{
	BUF_AUTO struct buf plain = buf_init(LIMIT_CERT * 2);

	if (!percent_decode(text, &plain))
		return false;
	while (plain.n > 0 && plain.p[plain.n - 1] == '=')
		plain.n--;
	return plain.n > 0 && base64url_decode(buf_view(&plain), der);
}

static int
parse_json(struct span in, struct arena *a, struct ek_cert_file *f, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(LIMIT_CERT);
	JSON_AUTO json_t *j = NULL;
	json_t *text;
	int rc;

	f->forms |= EK_FORM_JSON;
	if ((rc = json_parse(in, LIMIT_CERT * 4, &j, e)) != 0 ||
	    (rc = json_member(j, "", "certificate", JSON_STRING, true, &text, e)) != 0)
		return rc;
	if (!decode_intel(json_string_span(text), &der))
		return err_set(e, ERR_ENCODING, "\"certificate\" is not url-safe base64");
	return add_decoded(&der, a, f, e);
}

/* Notes around a PEM block may begin with a digit 0, but not go on as DER does. */
static bool
looks_binary(struct span in)
{
	return in.n < 2 || in.p[0] == 0x10 || (in.p[0] == 0x30 && in.p[1] >= 0x80);
}

int
ek_cert_file_parse(struct span in, struct arena *a, struct ek_cert_file *out, struct err *e)
{
	struct ek_cert_file f = { 0 };
	int rc;

	if (in.n > LIMIT_CERT * LIMIT_CERT_CHAIN)
		return err_set(e, ERR_LIMIT, "certificates of %zu bytes", in.n);
	if (in.n > 0 && in.p[0] == '{')
		rc = parse_json(in, a, &f, e);
	else if (!looks_binary(in) && pem_looks(in))
		rc = parse_pem(in, a, &f, e);
	else
		rc = parse_binary(in, &f, e);
	if (rc == 0)
		*out = f;
	return rc;
}
