#include "engine/enrolment.h"

#include <stdlib.h>

#include "crypto/ct.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"

/* What is signed for names its purpose and version, with its NUL. */
static const char proof_label[] = "assay enrolment 1";

void
enrolment_free(struct enrolment *rec)
{
	buf_free(&rec->ek_area);
	buf_free(&rec->ak_area);
	buf_free(&rec->csr);
	buf_free(&rec->extra);
	*rec = (struct enrolment){ 0 };
	explicit_bzero(rec, sizeof(*rec));
}

void
enrol_begun_free(struct enrol_begun *b)
{
	enrolment_free(&b->record);
	buf_free(&b->challenge.id_object);
	buf_free(&b->challenge.encrypted_secret);
	*b = (struct enrol_begun){ 0 };
}

int
enrolment_host(const struct enrol_request *in, char id[HOST_ID_SIZE], struct digest *ek_key,
    struct err *e)
{
	PUBKEY_AUTO struct pubkey *key = NULL;
	char host[HOST_ID_SIZE];
	struct tpm_public ek;
	int rc;

	if ((rc = tpm_public_parse(in->keys.ek_public, &ek, e)) != 0 ||
	    (rc = tpm_public_key(&ek, &key, e)) != 0 || (rc = ek_host_id(&ek, host, e)) != 0)
		return err_ctx(e, rc, "endorsement key");
	memcpy(id, host, sizeof(host));
	*ek_key = *pubkey_fingerprint(key);
	return 0;
}

static bool
same_ak(const struct enrol_known *known, struct span ak)
{
	return known->state != IDENTITY_NONE && span_eq(known->ak, ak);
}

/* What is known can refuse a machine, or make it wait, but never let one in. */
static void
apply_known(const struct enrol_known *known, const struct trust_config *config, struct span ak,
    struct ek_trust *t)
{
	bool new_ak = known->state != IDENTITY_NONE && !same_ak(known, ak);

	if (known->state == IDENTITY_BLOCKED)
		ek_trust_add(t, TRUST_CODE_BLOCKED, "%s", "");
	if (known->ek_elsewhere)
		ek_trust_add(t, TRUST_CODE_EK_TWICE, "host %s", known->other);
	if (known->state == IDENTITY_BLOCKED || known->ek_elsewhere)
		t->mode = TRUST_NONE;
	if (!new_ak || t->mode == TRUST_NONE)
		return;
	ek_trust_add(t, TRUST_CODE_NEW_AK, "%s", "");
	if (config->approve_new_ak && !t->pending) {
		ek_trust_add(t, TRUST_CODE_NEEDS_APPROVAL, "%s", "");
		t->pending = true;
	}
}

static int
check_csr(struct span csr, struct ek_trust *t, struct err *e)
{
	CSR_AUTO struct csr *c = NULL;
	struct err why = { 0 };
	int rc = csr_parse(csr, &c, &why);

	if (rc == ERR_NOMEM || rc == ERR_CRYPTO) {
		*e = why;
		return rc;
	}
	if (rc == 0 && csr.p[0] != 0x30) {	/* PEM: the agent sends DER, which is digested */
		rc = ERR_FORMAT;
		err_set(&why, rc, "certificate request is not DER");
	}
	if (rc != 0) {
		ek_trust_add(t, TRUST_CODE_CSR, "%s", why.message);
		t->mode = TRUST_NONE;
	}
	return 0;
}

static int
copy(struct span from, size_t max, struct buf *to, struct err *e)
{
	*to = buf_init(max);
	buf_span(to, from);
	return buf_done(to, e);
}

static int
fill_record(const struct enrol_request *in, const struct tpm_public *ek,
    const struct tpm_public *ak, const struct ek_trust *t, time_t now,
    const uint8_t random[ENROL_RANDOM_SIZE], struct enrolment *rec, struct err *e)
{
	int rc;

	memcpy(rec->token, random, ENROL_TOKEN_SIZE);
	memcpy(rec->secret, random + ENROL_TOKEN_SIZE, ENROL_SECRET_SIZE);
	memcpy(rec->host_id, t->host_id, sizeof(rec->host_id));
	rec->expires = now + LIMIT_ENROL_SECONDS;
	rec->mode = t->mode;
	rec->pending = t->pending;
	rec->ek_key = t->ek_key;
	rec->iak_key = t->iak_key;
	rec->device = t->device;
	rec->extra = buf_init(LIMIT_ENROL_EXTRA);
	if ((rc = copy(ek->area, KIB(4), &rec->ek_area, e)) != 0 ||
	    (rc = copy(ak->area, KIB(4), &rec->ak_area, e)) != 0 ||
	    (rc = copy(in->csr, LIMIT_CSR, &rec->csr, e)) != 0)
		return rc;
	return digest_of(DIGEST_SHA256, in->csr, &rec->csr_digest, e);
}

/* The name in the challenge is that of the AK that will be relied on. */
static int
challenge(const struct tpm_public *ek, const struct tpm_public *ak, const struct enrolment *rec,
    struct enrol_challenge *c, struct err *e)
{
	PUBKEY_AUTO struct pubkey *key = NULL;
	struct tpm_name name;
	int rc;

	c->id_object = buf_init(KIB(1));
	c->encrypted_secret = buf_init(KIB(2));
	if ((rc = tpm_public_key(ek, &key, e)) != 0 || (rc = tpm_public_name(ak, &name, e)) != 0)
		return rc;
	return ek_credential(ek, key, &name, span_of(rec->secret, sizeof(rec->secret)),
	    &c->id_object, &c->encrypted_secret, e);
}

int
enrolment_begin(const struct enrol_request *in, const struct trust_config *config,
    const struct enrol_known *known, time_t now, const uint8_t random[ENROL_RANDOM_SIZE],
    struct enrol_begun *out, struct err *e)
{
	ENROL_BEGUN_AUTO struct enrol_begun b = { .accepted = false };
	struct tpm_public ek, ak;
	int rc;

	if ((rc = ek_trust_decide(&in->keys, config, now, &b.trust, e)) != 0)
		return rc;
	if (b.trust.mode != TRUST_NONE) {
		/* Both were read once already: they cannot fail. */
		if ((rc = tpm_public_parse(in->keys.ek_public, &ek, e)) != 0 ||
		    (rc = tpm_public_parse(in->keys.ak_public, &ak, e)) != 0 ||
		    (rc = check_csr(in->csr, &b.trust, e)) != 0)
			return rc;
		apply_known(known, config, ak.area, &b.trust);
	}
	if (b.trust.mode != TRUST_NONE) {
		if ((rc = fill_record(in, &ek, &ak, &b.trust, now, random, &b.record, e)) != 0 ||
		    (rc = challenge(&ek, &ak, &b.record, &b.challenge, e)) != 0)
			return rc;
		b.accepted = true;
	}
	*out = b;
	b = (struct enrol_begun){ 0 };		/* handed over */
	return 0;
}

void
enrolment_meet_device(const struct enrol_known *known, struct enrol_begun *b)
{
	if (!known->device_elsewhere)
		return;
	ek_trust_add(&b->trust, TRUST_CODE_DEVICE_TWICE, "host %s", known->other);
	b->trust.mode = TRUST_NONE;
	b->accepted = false;
}

static int
proof_of(struct span secret, struct span token, const struct digest *csr, struct digest *out,
    struct err *e)
{
	const struct span parts[] = {
		span_of(proof_label, sizeof(proof_label)), token, digest_view(csr),
	};

	return hmac_of(DIGEST_SHA256, secret, parts, 3, out, e);
}

int
enrolment_proof(struct span secret, struct span token, struct span csr,
    uint8_t out[ENROL_PROOF_SIZE], struct err *e)
{
	struct digest d, proof;
	int rc;

	if (secret.n != ENROL_SECRET_SIZE || token.n != ENROL_TOKEN_SIZE)
		return err_set(e, ERR_RANGE, "an enrolment's secret of %zu bytes and token of %zu",
		    secret.n, token.n);
	if ((rc = digest_of(DIGEST_SHA256, csr, &d, e)) != 0 ||
	    (rc = proof_of(secret, token, &d, &proof, e)) != 0)
		return rc;
	memcpy(out, proof.v, ENROL_PROOF_SIZE);
	return 0;
}

/* Why a record cannot be finished any more; NULL if it can. */
static const char *
stale(const struct enrolment *rec, time_t now)
{
	if (rec->used)
		return "the enrolment was used before";
	/* Further ahead than it can be: the clock went back, and with it the ten minutes. */
	if (now >= rec->expires || rec->expires - now > LIMIT_ENROL_SECONDS)
		return "the enrolment has expired";
	return NULL;
}

static void
settle(const struct enrolment *rec, const struct trust_config *config,
    const struct enrol_known *known, struct enrol_outcome *o)
{
	if (known->state == IDENTITY_BLOCKED || known->ek_elsewhere || known->device_elsewhere) {
		(void)snprintf(o->why, sizeof(o->why), "%s", trust_code_text(known->ek_elsewhere ?
		    TRUST_CODE_EK_TWICE : known->device_elsewhere ? TRUST_CODE_DEVICE_TWICE : TRUST_CODE_BLOCKED));
		return;
	}
	o->issue = true;
	if (same_ak(known, buf_view(&rec->ak_area))) {
		/* The identity that is there, as it is: proving it again promotes nothing. */
		o->result = known->state == IDENTITY_ENROLLED ? ENROL_ENROLLED : ENROL_PENDING;
		return;
	}
	o->new_identity = true;
	o->result = rec->pending || (known->state != IDENTITY_NONE && config->approve_new_ak) ?
	    ENROL_PENDING : ENROL_ENROLLED;
}

int
enrolment_finish(struct enrolment *rec, struct span proof, const struct trust_config *config,
    const struct enrol_known *known, time_t now, struct enrol_outcome *out, struct err *e)
{
	static const struct enrolment nobody = { .csr_digest = { .alg = DIGEST_SHA256, .size = 32 } };
	const struct enrolment *r = rec != NULL ? rec : &nobody;
	struct enrol_outcome o = { .result = ENROL_REFUSED };
	const char *old = rec != NULL ? stale(rec, now) : "no such enrolment";
	struct digest want;
	bool good;
	int rc;

	/* Used up before anything can fail: no second try, whatever happens. */
	if (rec != NULL)
		rec->used = true;
	if ((rc = proof_of(span_of(r->secret, sizeof(r->secret)), span_of(r->token, sizeof(r->token)),
	    &r->csr_digest, &want, e)) != 0)
		return rc;
	good = ct_eq(digest_view(&want), proof);
	if (old != NULL || !good)
		(void)snprintf(o.why, sizeof(o.why), "%s", old != NULL ? old : "the proof is wrong");
	else
		settle(r, config, known, &o);
	*out = o;
	return 0;
}
