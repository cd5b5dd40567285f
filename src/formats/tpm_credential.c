#include "formats/tpm_credential.h"

int
tpm_id_object_parse(struct span in, struct tpm_id_object *out, struct err *e)
{
	struct rd outer = rd_init(in);
	struct tpm_id_object o;
	struct span body;

	if (!(rd_be16_span(&outer, 2 + LIMIT_DIGEST + LIMIT_TPM_IDENTITY, &body) && rd_end(&outer)))
		return err_at(e, outer.why, outer.off, "TPM2B_ID_OBJECT of %zu bytes: %s", in.n,
		    err_text(outer.why));

	struct rd r = rd_init(body);

	if (!rd_be16_span(&r, LIMIT_DIGEST, &o.integrity))
		return err_at(e, r.why, 2 + r.off, "integrity value of a TPM2B_ID_OBJECT: %s",
		    err_text(r.why));
	o.identity = span_from(body, r.off);
	/* A TPM2B_DIGEST is inside: two bytes of size at least. */
	if (o.identity.n < 2)
		return err_at(e, ERR_TRUNCATED, 2 + r.off, "TPM2B_ID_OBJECT without a credential");
	*out = o;
	return 0;
}

int
tpm_encrypted_secret_parse(struct span in, bool ecc, struct tpm_encrypted_secret *out,
    struct err *e)
{
	struct tpm_encrypted_secret s = { .ecc = ecc };
	struct rd outer = rd_init(in);
	struct span body;

	if (!(rd_be16_span(&outer, LIMIT_TPM_RSA, &body) && rd_end(&outer)))
		return err_at(e, outer.why, outer.off, "TPM2B_ENCRYPTED_SECRET of %zu bytes: %s", in.n,
		    err_text(outer.why));

	struct rd r = rd_init(body);

	if (!ecc)
		s.rsa = body;
	else if (!(rd_be16_span(&r, LIMIT_TPM_COORDINATE, &s.x) &&
	    rd_be16_span(&r, LIMIT_TPM_COORDINATE, &s.y) && rd_end(&r)))
		return err_at(e, r.why, 2 + r.off, "point in a TPM2B_ENCRYPTED_SECRET: %s",
		    err_text(r.why));
	*out = s;
	return 0;
}

static void
write_sized(struct buf *b, struct span s)
{
	buf_be16(b, (uint16_t)s.n);
	buf_span(b, s);
}

void
tpm_id_object_write(const struct tpm_id_object *o, struct buf *b)
{
	buf_be16(b, (uint16_t)(2 + o->integrity.n + o->identity.n));
	write_sized(b, o->integrity);
	buf_span(b, o->identity);
}

void
tpm_encrypted_secret_write(const struct tpm_encrypted_secret *s, struct buf *b)
{
	if (!s->ecc) {
		write_sized(b, s->rsa);
		return;
	}
	buf_be16(b, (uint16_t)(2 + s->x.n + 2 + s->y.n));
	write_sized(b, s->x);
	write_sized(b, s->y);
}

void
tpm_credential_dump(const struct tpm_id_object *o, const struct tpm_encrypted_secret *s,
    struct buf *b)
{
	tpm_dump_bytes(b, "integrity", o->integrity);
	tpm_dump_bytes(b, "identity", o->identity);
	if (s->ecc) {
		tpm_dump_bytes(b, "x", s->x);
		tpm_dump_bytes(b, "y", s->y);
	} else {
		tpm_dump_bytes(b, "rsa", s->rsa);
	}
}
