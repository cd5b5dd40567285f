#include "engine/ek_trust_internal.h"

#include "crypto/digest.h"

/* TCG "TPM 2.0 Keys for Device Identity and Attestation": a device maker certifies an
 * attestation key (IAK) and a signing key (IDevID) of each device, IEEE 802.1AR.  The
 * AK of this enrolment is certified by the IAK, or is the IAK itself; the IDevID beside it only
 * says which device. */

/* Opens, parses and judges one leaf with its chain.  False with a reason recorded. */
static int
check_device_cert(const struct span *sent, size_t n, const struct trust_config *config,
    time_t now, enum trust_code kind, enum trust_code no_chain, struct arena *a,
    struct ek_trust *t, struct ek_cert *leaf, struct x509_chain *chain, struct err *e)
{
	struct trust_certs certs;
	struct err why = { 0 };
	int rc;

	chain->state = X509_CHAIN_NOT_RUN;
	if ((rc = trust_open_certs(sent, n, a, &certs, &why)) != 0 ||
	    (rc = ek_cert_parse(certs.der[0], leaf, &why)) != 0) {
		if (trust_not_input(rc)) {
			*e = why;
			return rc;
		}
		ek_trust_add(t, kind, "%s", why.message);
		return 0;
	}
	if (config->devices == NULL || x509_roots_count(config->devices) == 0) {
		ek_trust_add(t, no_chain, "no device roots are given");
		return 0;
	}
	rc = x509_chain_check(config->devices, certs.der[0], certs.der + 1, certs.n - 1, now,
	    config->allow_expired ? X509_CHAIN_ALLOW_EXPIRED : 0, chain, &why);
	if (rc != 0 && trust_not_input(rc)) {
		*e = why;
		return rc;
	}
	if (rc != 0)
		ek_trust_add(t, no_chain, "%s", why.message);
	else if (chain->state != X509_CHAIN_GOOD)
		ek_trust_add(t, no_chain, "%s", chain->detail);
	return 0;
}

/* An IDevID that is sent must be of the same device and as good as the IAK. */
static int
check_idevid(const struct trust_input *in, const struct trust_config *config,
    const struct ek_cert *iak, time_t now, struct arena *a, struct ek_trust *t, bool *good,
    struct err *e)
{
	EK_CERT_AUTO struct ek_cert leaf = { 0 };
	struct x509_chain chain = { .state = X509_CHAIN_NOT_RUN };
	int rc;

	if (in->n_idevid_certs == 0)
		return 0;
	if ((rc = check_device_cert(in->idevid_certs, in->n_idevid_certs, config, now,
	    TRUST_CODE_IDEVID_CHAIN, TRUST_CODE_IDEVID_CHAIN, a, t, &leaf, &chain, e)) != 0)
		return rc;
	if (leaf.device != NULL && iak->device[0] != '\0' && leaf.device[0] != '\0' &&
	    strcmp(leaf.device, iak->device) != 0)
		ek_trust_add(t, TRUST_CODE_IDEVID_MISMATCH, "\"%.100s\" and \"%.100s\"", leaf.device,
		    iak->device);
	*good = *good && chain.state == X509_CHAIN_GOOD;
	return 0;
}

/* What must be one host's: else a device whose EK nobody vouches for is as many hosts as it invents
 * EKs.  By the serial number too: makers leave an RSA and an ECC key in one device. */
static int
name_device(const struct ek_cert *iak, const struct x509_chain *chain, struct ek_trust *t, struct err *e)
{
	static const char label[] = "assay device 1";	/* with its NUL */
	BUF_AUTO struct buf b = buf_init(LIMIT_CERT * 4 + KIB(1));
	int rc;

	t->iak_key = *pubkey_fingerprint(iak->key);
	if (iak->device[0] == '\0')
		return 0;
	buf_put(&b, label, sizeof(label));
	buf_span(&b, digest_view(&chain->root));
	buf_str(&b, iak->device);
	return (rc = buf_done(&b, e)) != 0 ? rc : digest_of(DIGEST_SHA256, buf_view(&b), &t->device, e);
}

int
trust_check_iak(const struct trust_input *in, const struct trust_config *config,
    const struct attest_key *ak, time_t now, struct arena *a, struct ek_trust *t, bool *good,
    struct err *e)
{
	EK_CERT_AUTO struct ek_cert leaf = { 0 };
	struct x509_chain chain = { .state = X509_CHAIN_NOT_RUN };
	const char *fault;
	bool holds, ours = false;
	int rc;

	if (in->n_iak_certs == 0 || ak->key == NULL)
		return 0;
	if ((rc = check_device_cert(in->iak_certs, in->n_iak_certs, config, now, TRUST_CODE_IAK_KIND,
	    TRUST_CODE_IAK_CHAIN, a, t, &leaf, &chain, e)) != 0 || leaf.key == NULL)
		return rc;
	if (chain.state == X509_CHAIN_REVOKED)
		ek_trust_add(t, TRUST_CODE_CERT_REVOKED, "%s", chain.detail);
	if ((fault = iak_cert_fault(&leaf)) != NULL)
		ek_trust_add(t, TRUST_CODE_IAK_KIND, "it %s", fault);
	else if (in->iak_attest.n > 0 && !(leaf.has_purpose && (leaf.purpose & EK_PURPOSE_AIK) != 0)) {
		/* A key that signs anything, such as the IDevID's, signs a made-up certification too. */
		ek_trust_add(t, TRUST_CODE_IAK_KIND, "it does not say that its key is an attestation key (2.23.133.8.3)");
	} else if (in->iak_attest.n > 0) {
		if ((rc = trust_check_certify(in, leaf.key, ak, t, &ours, e)) != 0)
			return rc;
	} else if (!(ours = pubkey_eq(leaf.key, ak->key)))
		ek_trust_add(t, TRUST_CODE_IAK_MISMATCH, "%s", "");
	holds = chain.state == X509_CHAIN_GOOD && fault == NULL && ours;
	if ((rc = check_idevid(in, config, &leaf, now, a, t, &holds, e)) != 0)
		return rc;
	if (holds && t->root_subject[0] == '\0') {
		t->root = chain.root;
		(void)snprintf(t->root_subject, sizeof(t->root_subject), "%s", chain.root_subject);
	}
	*good = holds;
	return holds && (config->modes & 1u << TRUST_IDEVID) != 0 ? name_device(&leaf, &chain, t, e) : 0;
}
