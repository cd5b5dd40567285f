#include "engine/dsse_sign.h"

#include "crypto/digest.h"

struct method { enum sig_scheme scheme; enum digest_alg alg; };

static enum digest_alg
alg_of_curve(const struct pubkey *key)
{
	unsigned bits = pubkey_bits(key);

	return bits <= 256 ? DIGEST_SHA256 : bits <= 384 ? DIGEST_SHA384 : DIGEST_SHA512;
}

/* What a signature by this key may be, the way we sign first. */
static void
methods_of(const struct pubkey *key, struct method m[2])
{
	if (pubkey_kind(key) == PUBKEY_RSA) {
		m[0] = (struct method){ SIG_RSAPSS, DIGEST_SHA256 };
		m[1] = (struct method){ SIG_RSASSA, DIGEST_SHA256 };
	} else {
		m[0] = (struct method){ SIG_ECDSA, alg_of_curve(key) };
		m[1] = (struct method){ SIG_ECDSA, DIGEST_SHA256 };
	}
}

/* Payloads are large and keys few: each digest is computed once. */
struct digests {
	struct span pae;
	struct digest v[3];
	size_t n;
};

static int
digest_for(struct digests *c, enum digest_alg alg, const struct digest **out, struct err *e)
{
	int rc;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].alg == alg) {
			*out = &c->v[i];
			return 0;
		}
	if ((rc = digest_of(alg, c->pae, &c->v[c->n], e)) != 0)
		return rc;
	*out = &c->v[c->n++];
	return 0;
}

static int
signed_by(const struct dsse *d, struct pubkey *key, struct digests *c, bool *yes, struct err *e)
{
	const struct digest *digest = NULL;
	struct method m[2];
	int rc;

	*yes = false;
	methods_of(key, m);
	for (size_t i = 0; i < d->n_signatures && !*yes; i++)
		for (size_t k = 0; k < 2 && !*yes; k++)
			if ((rc = digest_for(c, m[k].alg, &digest, e)) != 0 ||
			    (rc = pubkey_verify(key, m[k].scheme, digest, d->signatures[i].sig, yes, e)) != 0)
				return rc;
	return 0;
}

int
dsse_verify(const struct dsse *d, struct pubkey *const *keys, size_t n, size_t *which,
    struct err *e)
{
	BUF_AUTO struct buf pae = buf_init(LIMIT_POLICY_FILE + LIMIT_SMALL_FILE);
	struct digests c = { 0 };
	bool yes = false;
	size_t i;
	int rc;

	dsse_pae(d->payload_type, buf_view(&d->payload), &pae);
	if ((rc = buf_done(&pae, e)) != 0)
		return rc;
	c.pae = buf_view(&pae);
	for (i = 0; i < n; i++) {
		if ((rc = signed_by(d, keys[i], &c, &yes, e)) != 0)
			return rc;
		if (yes)
			break;
	}
	*which = i;
	return 0;
}

void
dsse_keyid(const struct pubkey *key, struct buf *out)
{
	buf_str(out, "sha256:");
	buf_hex(out, digest_view(pubkey_fingerprint(key)));
}

/* The envelope of ${old} signatures and one by ${key}. */
static int
sign(struct privkey *key, struct span type, struct span payload,
    const struct dsse_signature *old, size_t n, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf pae = buf_init(LIMIT_POLICY_FILE + LIMIT_SMALL_FILE);
	BUF_AUTO struct buf sig = buf_init(LIMIT_SIGNATURE), keyid = buf_init(256);
	struct dsse_signature all[LIMIT_DSSE_SIGNATURES];
	struct method m[2];
	int rc;

	if (n >= LIMIT_DSSE_SIGNATURES)
		return err_set(e, ERR_LIMIT, "envelope has %d signatures already", LIMIT_DSSE_SIGNATURES);
	dsse_pae(type, payload, &pae);
	if ((rc = buf_done(&pae, e)) != 0)
		return rc;
	methods_of(privkey_public(key), m);
	if ((rc = privkey_sign(key, m[0].scheme, buf_view(&pae), m[0].alg, &sig, e)) != 0)
		return rc;
	dsse_keyid(privkey_public(key), &keyid);
	if (n > 0)
		memcpy(all, old, n * sizeof(*old));
	all[n] = (struct dsse_signature){ buf_view(&keyid), buf_view(&sig) };
	dsse_write(type, payload, all, n + 1, out);
	return buf_done(out, e);
}

int
dsse_sign(struct privkey *key, struct span type, struct span payload, struct buf *out, struct err *e)
{
	return sign(key, type, payload, NULL, 0, out, e);
}

int
dsse_countersign(const struct dsse *d, struct privkey *key, struct buf *out, struct err *e)
{
	return sign(key, d->payload_type, buf_view(&d->payload), d->signatures, d->n_signatures, out, e);
}
