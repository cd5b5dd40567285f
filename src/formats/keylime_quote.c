#include "formats/keylime_quote.h"

#include "base/limits.h"
#include "base/text.h"

void
keylime_quote_free(struct keylime_quote *q)
{
	buf_free(&q->attest);
	buf_free(&q->signature);
	buf_free(&q->pcrs);
}

/* RFC 1950: method 8, a window of at most 32 KiB, and a check that divides by 31.  No
 * part begins so: not the TPM's magic, not a scheme, not a count of banks. */
static bool
is_zlib(struct span s)
{
	return s.n >= 2 && s.p[0] == 0x78 && ((unsigned)s.p[0] << 8 | s.p[1]) % 31 == 0;
}

/* The part from ${*off} to the next colon or the end, which is consumed. */
static int
read_part(struct span in, size_t *off, const char *name, struct buf *out, struct err *e)
{
	struct span rest = span_from(in, *off);
	size_t n = span_find(rest, ':');

	if (n == 0)
		return err_at(e, ERR_FORMAT, *off, "the quote's %s is empty", name);
	if (!base64_decode(span_head(rest, n), out))
		return err_at(e, out->why != 0 ? out->why : ERR_ENCODING, *off,
		    "the quote's %s is not base64", name);
	if (is_zlib(buf_view(out)))
		return err_hint(e, err_at(e, ERR_UNSUPPORTED, *off, "the quote's %s is compressed", name),
		    "agents of interface version 1.0 do that; use an agent of 2.0 or later");
	*off += n + 1;
	return 0;
}

static int
read_parts(struct span in, struct keylime_quote *q, struct err *e)
{
	size_t off = 1, colons = 0;
	int rc;

	for (size_t i = 0; i < in.n; i++)
		colons += in.p[i] == ':';
	if (in.n == 0 || in.p[0] != 'r' || colons != 2)
		return err_set(e, ERR_FORMAT, "a quote string is \"r\" and three parts with colons between");
	if ((rc = read_part(in, &off, "attestation", &q->attest, e)) != 0 ||
	    (rc = read_part(in, &off, "signature", &q->signature, e)) != 0)
		return rc;
	return read_part(in, &off, "PCR values", &q->pcrs, e);
}

int
keylime_quote_parse(struct span in, struct keylime_quote *out, struct err *e)
{
	struct keylime_quote q = { buf_init(LIMIT_SMALL_FILE), buf_init(LIMIT_SMALL_FILE),
	    buf_init(LIMIT_SMALL_FILE) };
	int rc;

	if (in.n > LIMIT_SMALL_FILE)
		return err_set(e, ERR_LIMIT, "quote string of %zu bytes", in.n);
	if ((rc = read_parts(in, &q, e)) != 0) {
		keylime_quote_free(&q);
		return rc;
	}
	*out = q;
	return 0;
}

void
keylime_quote_dump(const struct keylime_quote *q, struct buf *b)
{
	const struct { const char *name; const struct buf *part; } parts[] = {
		{ "attest", &q->attest }, { "signature", &q->signature }, { "pcrs", &q->pcrs },
	};

	for (size_t i = 0; i < 3; i++) {
		buf_printf(b, "%s ", parts[i].name);
		buf_hex(b, buf_view(parts[i].part));
		buf_str(b, "\n");
	}
}
