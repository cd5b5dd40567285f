#include "formats/tpm_signature.h"

static bool
read_body(struct rd *r, struct tpm_signature *s)
{
	switch (s->sig_alg) {
	case TPM_ALG_RSASSA:
	case TPM_ALG_RSAPSS:
		return rd_be16_span(r, LIMIT_TPM_RSA, &s->sig);
	case TPM_ALG_ECDSA:
	case TPM_ALG_ECDAA:
	case TPM_ALG_SM2:
	case TPM_ALG_ECSCHNORR:
		return rd_be16_span(r, LIMIT_TPM_COORDINATE, &s->r) &&
		    rd_be16_span(r, LIMIT_TPM_COORDINATE, &s->s);
	case TPM_ALG_HMAC:
		return s->hash == DIGEST_NONE ? rd_fail(r, ERR_UNSUPPORTED) :
		    rd_bytes(r, digest_alg_size(s->hash), &s->sig);
	default:
		return rd_fail(r, ERR_UNSUPPORTED);
	}
}

static bool
read_tpmt(struct rd *r, struct tpm_signature *s)
{
	if (!rd_be16(r, &s->sig_alg))
		return false;
	if (s->sig_alg == TPM_ALG_NULL)		/* Part 2: a null signature has no body */
		return true;
	if (!rd_be16(r, &s->hash_alg))
		return false;
	s->hash = digest_alg_by_tpm(s->hash_alg);
	return read_body(r, s);
}

/* An RSA signature is as long as its modulus; 0x30 is no TPM_ALG_ID's first byte. */
static bool
looks_plain(struct span in)
{
	return (in.n >= 256 && in.n <= LIMIT_TPM_RSA && in.n % 8 == 0) ||
	    (in.n > 0 && in.p[0] == 0x30);
}

int
tpm_signature_parse(struct span in, struct tpm_signature *out, struct err *e)
{
	struct tpm_signature s = { 0 };
	struct rd r = rd_init(in);
	bool fits = read_tpmt(&r, &s);

	if (looks_plain(in) && !(fits && rd_left(&r) == 0)) {
		*out = (struct tpm_signature){ .plain = true, .sig = in };
		return 0;
	}
	if (!fits && r.why == ERR_UNSUPPORTED)
		return err_hint(e, err_at(e, ERR_UNSUPPORTED, 0,
		    "signature algorithm 0x%04x with hash 0x%04x is not one of TPMT_SIGNATURE's",
		    s.sig_alg, s.hash_alg),
		    "give the file that tpm2_quote -s wrote (a TPMT_SIGNATURE, or with -f plain "
		    "the bare signature)");
	if (!fits)
		return err_at(e, r.why, r.off, "TPMT_SIGNATURE of %zu bytes: %s", in.n, err_text(r.why));
	s.trailing = span_from(in, r.off);
	*out = s;
	return 0;
}

void
tpm_signature_dump(const struct tpm_signature *s, struct buf *b)
{
	if (s->plain)
		buf_str(b, "plain\n");
	else
		buf_printf(b, "sig-alg %04x %s\nhash-alg %04x %s\n", s->sig_alg,
		    tpm_alg_name(s->sig_alg), s->hash_alg, tpm_alg_name(s->hash_alg));
	if (s->sig.n > 0)
		tpm_dump_bytes(b, "sig", s->sig);
	if (s->r.n > 0)
		tpm_dump_bytes(b, "r", s->r);
	if (s->s.n > 0)
		tpm_dump_bytes(b, "s", s->s);
	if (s->trailing.n > 0)
		tpm_dump_bytes(b, "trailing", s->trailing);
}
