#include "crypto/x509_chain.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "base/pem.h"
#include "crypto/digest.h"
#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"

struct x509_roots {
	X509_STORE *store;		/* owned: roots and revocation lists */
	STACK_OF(X509) *others;		/* owned: intermediates */
	size_t n;			/* roots */
	bool crls;
};

int
x509_roots_new(struct x509_roots **out, struct err *e)
{
	struct x509_roots *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->store = X509_STORE_new();
	r->others = sk_X509_new_null();
	if (r->store == NULL || r->others == NULL) {
		x509_roots_free(r);
		return openssl_err(e, ERR_NOMEM, "making a store of roots");
	}
	*out = r;
	return 0;
}

void
x509_roots_free(struct x509_roots *r)
{
	if (r == NULL)
		return;
	X509_STORE_free(r->store);
	sk_X509_pop_free(r->others, X509_free);
	free(r);
}

size_t
x509_roots_count(const struct x509_roots *r)
{
	return r->n;
}

static int
parse(struct span der, X509 **out, struct err *e)
{
	const unsigned char *p = der.p;
	X509 *x;

	if (der.n == 0 || der.n > LIMIT_CERT)
		return err_set(e, der.n == 0 ? ERR_TRUNCATED : ERR_LIMIT, "a certificate of %zu bytes",
		    der.n);
	if ((x = d2i_X509(NULL, &p, (long)der.n)) == NULL)
		return openssl_err(e, ERR_FORMAT, "not a certificate");
	if (p != der.p + der.n) {
		X509_free(x);
		return err_at(e, ERR_TRAILING, (uint64_t)(p - der.p), "data follows the certificate");
	}
	*out = x;
	return 0;
}

/* What crypto/ accepts as a key at all. */
static int
check_issuer_key(X509 *x, struct err *e)
{
	EVP_PKEY *pkey = X509_get_pubkey(x);
	PUBKEY_AUTO struct pubkey *key = NULL;

	if (pkey == NULL)
		return openssl_err(e, ERR_KEY, "certificate holds no usable public key");
	return pubkey_from_pkey(pkey, &key, e);
}

static int
add(struct x509_roots *r, struct span der, bool root, struct err *e)
{
	X509 *x;
	size_t n;
	int rc;

	if ((rc = parse(der, &x, e)) != 0)
		return rc;
	if ((rc = check_issuer_key(x, e)) == 0 && root) {
		STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(r->store);

		n = (size_t)sk_X509_OBJECT_num(all);
		if (X509_STORE_add_cert(r->store, x) != 1)
			rc = openssl_err(e, ERR_CRYPTO, "adding a root");
		else	/* one that is there already changes nothing */
			r->n += (size_t)sk_X509_OBJECT_num(all) - n;
	} else if (rc == 0 && (X509_up_ref(x) != 1 || sk_X509_push(r->others, x) <= 0)) {
		rc = openssl_err(e, ERR_NOMEM, "adding an intermediate certificate");
	}
	X509_free(x);
	return rc;
}

int
x509_roots_add(struct x509_roots *r, struct span der, struct err *e)
{
	return add(r, der, true, e);
}

int
x509_roots_add_intermediate(struct x509_roots *r, struct span der, struct err *e)
{
	return add(r, der, false, e);
}

int
x509_roots_add_any(struct x509_roots *r, struct span der, struct err *e)
{
	X509 *x;
	bool root;
	int rc;

	if ((rc = parse(der, &x, e)) != 0)
		return rc;
	root = X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
	X509_free(x);
	return add(r, der, root, e);
}

int
x509_roots_add_crl(struct x509_roots *r, struct span in, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(LIMIT_CRL);
	struct span bytes = in;
	const unsigned char *p;
	X509_CRL *crl;
	int rc;

	if (in.n == 0 || in.n > 2 * LIMIT_CRL)
		return err_set(e, in.n == 0 ? ERR_TRUNCATED : ERR_LIMIT, "a revocation list of %zu bytes", in.n);
	if (in.p[0] != 0x30 && pem_looks(in)) {
		if ((rc = pem_read(in, "X509 CRL", &der, e)) != 0)
			return rc;
		bytes = buf_view(&der);
	}
	p = bytes.p;
	if ((crl = d2i_X509_CRL(NULL, &p, (long)bytes.n)) == NULL)
		return openssl_err(e, ERR_FORMAT, "not a revocation list");
	rc = p != bytes.p + bytes.n ? err_at(e, ERR_TRAILING, (uint64_t)(p - bytes.p),
	    "data follows the revocation list") : X509_STORE_add_crl(r->store, crl) == 1 ? 0 :
	    openssl_err(e, ERR_CRYPTO, "adding a revocation list");
	X509_CRL_free(crl);
	r->crls = r->crls || rc == 0;
	return rc;
}

static enum x509_chain_state
state_of(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return X509_CHAIN_NO_ROOT;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return X509_CHAIN_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return X509_CHAIN_NOT_YET_VALID;
	case X509_V_ERR_CERT_REVOKED:
		return X509_CHAIN_REVOKED;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
	case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
		return X509_CHAIN_SIGNATURE;
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return X509_CHAIN_NOT_CA;
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
		return X509_CHAIN_CRITICAL;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return X509_CHAIN_CRL;
	default:
		return X509_CHAIN_OTHER;
	}
}

/* What the verification's callback must know. */
struct choice {
	unsigned flags;
	X509 *original;		/* of a leaf that stands in for it (readable_leaf); or NULL */
};

/* Whether the issuer signed what the stand-in stands for. */
static bool
original_signed(X509_STORE_CTX *ctx, const struct choice *c)
{
	X509 *issuer = sk_X509_value(X509_STORE_CTX_get0_chain(ctx), 1);	/* or NULL */

	return c->original != NULL && X509_STORE_CTX_get_error_depth(ctx) == 0 && issuer != NULL &&
	    X509_verify(c->original, X509_get0_pubkey(issuer)) == 1;
}

/* What does not end the verification: an issuer without a revocation list, an end that the
 * caller has chosen to live with, and the signature of a stand-in. */
static int
tolerate(int ok, X509_STORE_CTX *ctx)
{
	const struct choice *c = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	return ok == 1 || error == X509_V_ERR_UNABLE_TO_GET_CRL ||
	    ((c->flags & X509_CHAIN_ALLOW_EXPIRED) != 0 && error == X509_V_ERR_CERT_HAS_EXPIRED) ||
	    (error == X509_V_ERR_CERT_SIGNATURE_FAILURE && original_signed(ctx, c));
}

static void
subject_text(X509 *x, char *out, size_t size)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	/* XN_FLAG_RFC2253 escapes control characters: safe to print. */
	if (text != NULL && x != NULL &&
	    X509_NAME_print_ex(text, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_get_mem_data(text, &p);
	(void)snprintf(out, size, "%.*s", (int)n, p == NULL ? "" : p);
	BIO_free(text);
}

static void
fail(struct x509_chain *out, enum x509_chain_state state, unsigned depth, X509 *at, const char *why)
{
	char subject[160];

	subject_text(at, subject, sizeof(subject));
	out->state = state;
	out->depth = depth;
	(void)snprintf(out->detail, sizeof(out->detail), "%s (certificate %u: %s)", why, depth,
	    subject[0] == '\0' ? "without a subject" : subject);
}

static bool
strong_signature(X509 *x)
{
	int md = NID_undef, bits = 0;

	return X509_get_signature_info(x, &md, NULL, &bits, NULL) == 1 &&
	    (md == NID_sha256 || md == NID_sha384 || md == NID_sha512);
}

/* What OpenSSL's path validation does not ask.  False: a finding was recorded. */
static bool
strong(STACK_OF(X509) *chain, struct x509_chain *out)
{
	int n = sk_X509_num(chain);

	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);
		struct err why = { 0 };

		/* The leaf's key is looked at by who reads the leaf. */
		if (i > 0 && check_issuer_key(x, &why) != 0) {
			fail(out, X509_CHAIN_WEAK, (unsigned)i, x, why.message);
			return false;
		}
		/* A root is trusted for being there, not for its signature. */
		if ((i < n - 1 || n == 1) && !strong_signature(x)) {
			fail(out, X509_CHAIN_WEAK, (unsigned)i, x, "signed with less than SHA-256");
			return false;
		}
	}
	return true;
}

static int
record_root(STACK_OF(X509) *chain, struct x509_chain *out, struct err *e)
{
	int n = sk_X509_num(chain);
	X509 *root = sk_X509_value(chain, n - 1);
	uint8_t md[32];
	unsigned size = sizeof(md);

	if (root == NULL || X509_digest(root, EVP_sha256(), md, &size) != 1 ||
	    !digest_make(DIGEST_SHA256, span_of(md, size), &out->root))
		return openssl_err(e, ERR_CRYPTO, "naming a root");
	subject_text(root, out->root_subject, sizeof(out->root_subject));
	out->length = (unsigned)n;
	out->state = X509_CHAIN_GOOD;
	return 0;
}

static int
verify(const struct x509_roots *roots, X509 *leaf, STACK_OF(X509) *others, time_t now,
    struct choice *choice, struct x509_chain *out, struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int rc = 0, ok;

	if (ctx == NULL || X509_STORE_CTX_init(ctx, roots->store, leaf, others) != 1) {
		X509_STORE_CTX_free(ctx);
		return openssl_err(e, ERR_NOMEM, "preparing to verify a certificate");
	}
	/* A root is what the operator calls one, self-signed or not. */
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST |
	    (roots->crls ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0));
	X509_VERIFY_PARAM_set_time(param, now);
	X509_VERIFY_PARAM_set_depth(param, LIMIT_CERT_CHAIN);
	X509_STORE_CTX_set_app_data(ctx, choice);
	X509_STORE_CTX_set_verify_cb(ctx, tolerate);
	ok = X509_verify_cert(ctx);
	if (ok == 1 && strong(X509_STORE_CTX_get0_chain(ctx), out)) {
		rc = record_root(X509_STORE_CTX_get0_chain(ctx), out, e);
	} else if (ok != 1) {
		int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);

		if (error == X509_V_ERR_OUT_OF_MEM)
			rc = err_set(e, ERR_NOMEM, "out of memory");
		else
			fail(out, state_of(error), depth < 0 ? 0 : (unsigned)depth,
			    X509_STORE_CTX_get_current_cert(ctx), X509_verify_cert_error_string(error));
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

/* OpenSSL reads no key under the OID of RSAES-OAEP and verifies no certificate whose key it
 * cannot read.  Such a leaf is verified with the same key under rsaEncryption in its
 * place, all else alike; the signature is asked of the original (original_signed).
 * ${*x} becomes that stand-in and ${*original} the leaf; else both stay. */
static int
readable_leaf(X509 **x, X509 **original, struct err *e)
{
	const unsigned char *bits, *p;
	unsigned char *der = NULL;
	ASN1_OBJECT *alg = NULL;
	EVP_PKEY *key = NULL;
	X509 *copy;
	int n = 0;

	if (X509_PUBKEY_get0_param(&alg, &bits, &n, NULL, X509_get_X509_PUBKEY(*x)) != 1 ||
	    OBJ_obj2nid(alg) != NID_rsaesOaep)
		return 0;
	p = bits;
	copy = (key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, n)) == NULL ? NULL : X509_dup(*x);
	n = copy != NULL && X509_set_pubkey(copy, key) == 1 && i2d_re_X509_tbs(copy, NULL) > 0 ?
	    i2d_X509(copy, &der) : 0;
	X509_free(copy);
	EVP_PKEY_free(key);
	p = der;
	copy = n > 0 ? d2i_X509(NULL, &p, n) : NULL;
	OPENSSL_free(der);
	if (copy == NULL)
		return openssl_err(e, ERR_FORMAT, "certificate with a malformed RSA key");
	*original = *x;
	*x = copy;
	return 0;
}

/* Bundled intermediates and what came along.  The stack owns nothing of the former. */
static int
collect(const struct x509_roots *roots, const struct span *others, size_t n,
    STACK_OF(X509) *mine, STACK_OF(X509) **all, struct err *e)
{
	X509 *x;
	int rc;

	if (n > LIMIT_CERT_CHAIN)
		return err_set(e, ERR_LIMIT, "%zu certificates in a chain", n);
	for (size_t i = 0; i < n; i++) {
		if ((rc = parse(others[i], &x, e)) != 0)
			return err_ctx(e, rc, "certificate %zu of a chain", i + 1);
		if (sk_X509_push(mine, x) <= 0) {
			X509_free(x);
			return err_set(e, ERR_NOMEM, "out of memory");
		}
	}
	if ((*all = sk_X509_dup(mine)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (int i = 0; i < sk_X509_num(roots->others); i++)
		if (sk_X509_push(*all, sk_X509_value(roots->others, i)) <= 0)
			return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

int
x509_chain_check(const struct x509_roots *roots, struct span leaf, const struct span *others,
    size_t n, time_t now, unsigned flags, struct x509_chain *out, struct err *e)
{
	STACK_OF(X509) *mine = sk_X509_new_null(), *all = NULL;
	struct x509_chain c = { .state = X509_CHAIN_NOT_RUN };
	struct choice choice = { .flags = flags };
	X509 *x = NULL;
	int rc = mine == NULL ? err_set(e, ERR_NOMEM, "out of memory") : parse(leaf, &x, e);

	if (rc == 0 && (rc = readable_leaf(&x, &choice.original, e)) == 0 &&
	    (rc = collect(roots, others, n, mine, &all, e)) == 0)
		rc = verify(roots, x, all, now, &choice, &c, e);
	sk_X509_free(all);
	sk_X509_pop_free(mine, X509_free);
	X509_free(x);
	X509_free(choice.original);
	if (rc == 0)
		*out = c;
	return rc;
}
