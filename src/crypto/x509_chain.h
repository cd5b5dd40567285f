/* x509_chain.h: whether a certificate chains to roots one trusts, at a given time.
 *
 * OpenSSL builds and verifies the path (RFC 5280 section 6): signatures, validity, CA
 * marks and path lengths, name constraints, critical extensions.  The clock is a
 * parameter, no network is asked, and nothing of the machine's own trust store counts.
 * What is added: every key on the path must be one that crypto/ accepts (RSA of 2048
 * bits, P-256 or better), every signature but that on the root made with SHA-256 or
 * better, and every critical extension one that is understood here.
 *
 * A chain that does not hold is a result with a reason.  CRLs are asked where one was
 * given for the issuer; one that expired, or was not signed by the issuer, fails the
 * chain.  Roots are never shared for writing: fill once, then read from any thread.
 */
#ifndef CRYPTO_X509_CHAIN_H
#define CRYPTO_X509_CHAIN_H

#include <time.h>

#include "base/digest_alg.h"
#include "base/err.h"

/* Roots, intermediates that help to reach them, and revocation lists. */
struct x509_roots;

MUST_CHECK int x509_roots_new(struct x509_roots **r, struct err *e);
void x509_roots_free(struct x509_roots *r);

/** x509_roots_add(r, der, e): A root to trust, self-signed or not.  A key below what
 * crypto/ accepts is ERR_KEY.  One that is there already is no error. */
MUST_CHECK int x509_roots_add(struct x509_roots *r, struct span der, struct err *e);
MUST_CHECK int x509_roots_add_intermediate(struct x509_roots *r, struct span der, struct err *e);
/** x509_roots_add_any(r, der, e): A root if its issuer is itself, else an intermediate: so a
 * vendor's whole collection can be given without trusting more than its roots. */
MUST_CHECK int x509_roots_add_any(struct x509_roots *r, struct span der, struct err *e);
/** x509_roots_add_crl(r, der, e): DER or PEM. */
MUST_CHECK int x509_roots_add_crl(struct x509_roots *r, struct span crl, struct err *e);
size_t x509_roots_count(const struct x509_roots *r);	/* roots alone */

enum x509_chain_state {
	X509_CHAIN_NOT_RUN = 0,
	X509_CHAIN_GOOD,
	X509_CHAIN_NO_ROOT,		/* ends before a root that is trusted */
	X509_CHAIN_EXPIRED,
	X509_CHAIN_NOT_YET_VALID,
	X509_CHAIN_REVOKED,
	X509_CHAIN_CRL,			/* the list given for an issuer cannot be used */
	X509_CHAIN_SIGNATURE,
	X509_CHAIN_NOT_CA,		/* an issuer that may not issue */
	X509_CHAIN_CRITICAL,		/* a critical extension that is not understood */
	X509_CHAIN_WEAK,		/* a key or signature below what is accepted */
	X509_CHAIN_OTHER,
};

struct x509_chain {
	enum x509_chain_state state;
	unsigned depth;			/* of the certificate at fault; 0: the leaf */
	char detail[256];		/* for people */
	struct digest root;		/* GOOD: SHA-256 of the root's DER */
	char root_subject[256];		/* GOOD: RFC 2253 */
	unsigned length;		/* GOOD: certificates, leaf and root included */
};

enum { X509_CHAIN_ALLOW_EXPIRED = 1u << 0 };	/* no certificate's end is looked at */

/** x509_chain_check(roots, leaf, others, n, now, flags, out, e): ${others}: DER of
 * intermediates that came with the leaf, trusted for nothing; one that is no
 * certificate is ERR_FORMAT. */
MUST_CHECK int x509_chain_check(const struct x509_roots *roots, struct span leaf,
    const struct span *others, size_t n, time_t now, unsigned flags, struct x509_chain *out,
    struct err *e);

static inline void
x509_roots_freep(struct x509_roots **r)
{
	x509_roots_free(*r);
}
#define X509_ROOTS_AUTO __attribute__((cleanup(x509_roots_freep)))

#endif
