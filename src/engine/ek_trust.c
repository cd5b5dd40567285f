#include "engine/ek_trust_internal.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "formats/ek_cert_file.h"

bool
trust_not_input(int rc)
{
	return rc == ERR_NOMEM || rc == ERR_INTERNAL || rc == ERR_IO || rc == ERR_CRYPTO;
}

int
trust_open_certs(const struct span *sent, size_t n, struct arena *a, struct trust_certs *out,
    struct err *e)
{
	struct trust_certs c = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct ek_cert_file f;

		if ((rc = ek_cert_file_parse(sent[i], a, &f, e)) != 0)
			return rc;
		if (f.n > LIMIT_CERT_CHAIN - c.n)
			return err_set(e, ERR_LIMIT, "more than %d certificates", LIMIT_CERT_CHAIN);
		memcpy(c.der + c.n, f.der, f.n * sizeof(f.der[0]));
		c.n += f.n;
		c.forms |= f.forms;
	}
	*out = c;
	return 0;
}

/* TCG's vendor ids are four characters in hex: "id:494E5443" is INTC. */
static void
show_manufacturer(const char *s, char *out, size_t size)
{
	uint8_t id[4];
	size_t n = 0;

	(void)snprintf(out, size, "%s", s);
	if (strlen(s) != 11 || strncmp(s, "id:", 3) != 0 || !hex_fixed(span_of(s + 3, 8), id, 4))
		return;
	while (n < 4 && id[n] > 0x20 && id[n] < 0x7f)
		n++;
	/* Shorter ids are filled with NUL or spaces. */
	for (size_t i = n; i < 4; i++)
		if (id[i] != 0 && id[i] != ' ')
			return;
	if (n > 0)
		(void)snprintf(out, size, "%.*s", (int)n, (const char *)id);
}

static void
show_cert(const struct ek_cert *c, unsigned forms, struct ek_trust *t)
{
	show_manufacturer(c->manufacturer, t->manufacturer, sizeof(t->manufacturer));
	(void)snprintf(t->model, sizeof(t->model), "%s", c->model);
	(void)snprintf(t->version, sizeof(t->version), "%s", c->version);
	(void)snprintf(t->cert_subject, sizeof(t->cert_subject), "%s", c->subject);
	(void)snprintf(t->cert_serial, sizeof(t->cert_serial), "%s", c->serial);
	t->cert_quirks = c->quirks;
	t->cert_forms = forms;
}

static enum trust_code
code_of_chain(enum x509_chain_state state)
{
	switch (state) {
	case X509_CHAIN_NO_ROOT: return TRUST_CODE_CERT_NO_ROOT;
	case X509_CHAIN_EXPIRED: return TRUST_CODE_CERT_EXPIRED;
	case X509_CHAIN_NOT_YET_VALID: return TRUST_CODE_CERT_NOT_YET;
	case X509_CHAIN_REVOKED: return TRUST_CODE_CERT_REVOKED;
	case X509_CHAIN_CRL: return TRUST_CODE_CERT_CRL;
	case X509_CHAIN_SIGNATURE: return TRUST_CODE_CERT_SIGNATURE;
	case X509_CHAIN_NOT_CA: return TRUST_CODE_CERT_ISSUER;
	case X509_CHAIN_CRITICAL: return TRUST_CODE_CERT_CRITICAL;
	case X509_CHAIN_WEAK: return TRUST_CODE_CERT_WEAK;
	case X509_CHAIN_NOT_RUN:
	case X509_CHAIN_GOOD:
	case X509_CHAIN_OTHER:
		break;
	}
	return TRUST_CODE_CERT_CHAIN;
}

static int
check_chain(const struct trust_certs *certs, const struct trust_config *config, time_t now,
    struct ek_trust *t, bool *good, struct err *e)
{
	struct x509_chain chain;
	struct err why = { 0 };
	int rc;

	if (config->vendors == NULL || x509_roots_count(config->vendors) == 0) {
		ek_trust_add(t, TRUST_CODE_CERT_NO_ROOT, "no vendor roots are given");
		return 0;
	}
	rc = x509_chain_check(config->vendors, certs->der[0], certs->der + 1, certs->n - 1, now,
	    config->allow_expired ? X509_CHAIN_ALLOW_EXPIRED : 0, &chain, &why);
	if (rc != 0 && trust_not_input(rc)) {
		*e = why;
		return rc;
	}
	if (rc != 0) {
		ek_trust_add(t, TRUST_CODE_CERT_FORMAT, "%s", why.message);
		return 0;
	}
	if (chain.state != X509_CHAIN_GOOD) {
		ek_trust_add(t, code_of_chain(chain.state), "%s", chain.detail);
		return 0;
	}
	*good = true;
	t->root = chain.root;
	(void)snprintf(t->root_subject, sizeof(t->root_subject), "%s", chain.root_subject);
	return 0;
}

/* The leaf: what it is for, and whether its key is the one offered. */
static int
check_leaf(const struct ek_cert *c, const struct tpm_public *ek, const struct pubkey *key,
    struct ek_trust *t, bool *good, struct err *e)
{
	const char *fault = ek_cert_fault(c);
	const struct ek_template *template;
	int rc;

	if (fault != NULL) {
		ek_trust_add(t, c->critical[0] != '\0' ? TRUST_CODE_CERT_CRITICAL : TRUST_CODE_CERT_KIND,
		    "it %s%s%s", fault, c->critical[0] != '\0' ? ": " : "", c->critical);
		return 0;
	}
	if ((rc = ek_public_match(ek, c->key, &template, e)) != 0)
		return rc;
	if (template == NULL)
		ek_trust_add(t, TRUST_CODE_EK_MISMATCH, "%s", pubkey_eq(key, c->key) ?
		    "its key is the certificate's, but not its other fields" : "its key is another");
	*good = template != NULL;
	return 0;
}

static int
check_ca(const struct trust_input *in, const struct trust_config *config,
    const struct tpm_public *ek, const struct pubkey *key, time_t now, struct arena *a,
    struct ek_trust *t, bool *good, struct err *e)
{
	EK_CERT_AUTO struct ek_cert leaf = { 0 };
	struct trust_certs certs;
	struct err why = { 0 };
	bool fits = false;
	int rc;

	if (in->n_ek_certs == 0) {
		ek_trust_add(t, TRUST_CODE_CERT_NONE, "%s", "");
		return 0;
	}
	if ((rc = trust_open_certs(in->ek_certs, in->n_ek_certs, a, &certs, &why)) != 0 ||
	    (rc = ek_cert_parse(certs.der[0], &leaf, &why)) != 0) {
		if (trust_not_input(rc)) {
			*e = why;
			return rc;
		}
		ek_trust_add(t, rc == ERR_KEY ? TRUST_CODE_CERT_WEAK : TRUST_CODE_CERT_FORMAT, "%s",
		    why.message);
		return 0;
	}
	show_cert(&leaf, certs.forms, t);
	if ((rc = check_leaf(&leaf, ek, key, t, &fits, e)) != 0 || !fits)
		return rc;
	return check_chain(&certs, config, now, t, good, e);
}

static bool
check_list(const struct trust_config *config, const struct tpm_public *ek,
    const struct pubkey *key, struct ek_trust *t)
{
	BUF_AUTO struct buf comment = buf_init(KIB(1));
	const struct ek_list_key *hit = NULL;
	struct digest area;

	if (config->list == NULL)
		return false;
	if (digest_of(DIGEST_SHA256, ek->area, &area, NULL) == 0)
		hit = ek_list_find(config->list, digest_view(&area));
	/* By the key alone only in a standard form: else one key would be many hosts. */
	if (hit == NULL && t->template != NULL)
		hit = ek_list_find(config->list, digest_view(pubkey_fingerprint(key)));
	if (hit == NULL) {
		ek_trust_add(t, TRUST_CODE_NOT_LISTED, "%s", "");
		return false;
	}
	buf_escape(&comment, span_head(hit->comment, 200));
	(void)snprintf(t->list_comment, sizeof(t->list_comment), "%s", buf_cstr(&comment));
	return true;
}

/* Everything that needs the EK's key. */
static int
decide(const struct trust_input *in, const struct trust_config *config,
    const struct tpm_public *ek, const struct pubkey *key, time_t now, struct ek_trust *t,
    struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(4));
	ATTEST_KEY_AUTO struct attest_key ak = { 0 };
	bool ca = false, iak = false, listed;
	int rc;

	if ((rc = ek_host_id(ek, t->host_id, e)) != 0)
		return rc;
	t->ek_key = *pubkey_fingerprint(key);
	t->template = ek_template_of(ek);
	if (t->template == NULL)
		ek_trust_add(t, TRUST_CODE_EK_NO_TEMPLATE, "%s", "");
	trust_check_ek(ek, key, t);
	if ((rc = trust_check_ak(in->ak_public, t, &ak, e)) != 0 ||
	    (rc = check_ca(in, config, ek, key, now, &a, t, &ca, e)) != 0 ||
	    (rc = trust_check_iak(in, config, &ak, now, &a, t, &iak, e)) != 0)
		return rc;
	listed = check_list(config, ek, key, t);
	ek_trust_settle(t, config, (ca ? 1u << TRUST_CA : 0) | (iak ? 1u << TRUST_IDEVID : 0) |
	    (listed ? 1u << TRUST_EK_LIST : 0) | 1u << TRUST_OPERATOR);
	return 0;
}

int
ek_trust_decide(const struct trust_input *in, const struct trust_config *config, time_t now,
    struct ek_trust *out, struct err *e)
{
	PUBKEY_AUTO struct pubkey *key = NULL;
	struct ek_trust t = { .mode = TRUST_NONE };
	struct err why = { 0 };
	struct tpm_public ek;
	int rc;

	if ((rc = tpm_public_parse(in->ek_public, &ek, &why)) != 0) {
		ek_trust_add(&t, TRUST_CODE_EK_FORMAT, "%s", why.message);
		*out = t;
		return 0;
	}
	rc = tpm_public_key(&ek, &key, &why);
	if (rc != 0 && trust_not_input(rc)) {
		*e = why;
		return rc;
	}
	if (rc != 0)
		ek_trust_add(&t, TRUST_CODE_EK_WEAK, "%s", why.message);
	else if ((rc = decide(in, config, &ek, key, now, &t, e)) != 0)
		return rc;
	*out = t;
	return 0;
}
