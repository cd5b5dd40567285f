/* x509_issue.h: the certificates this program makes: its CA, agents, administrators, servers.
 *
 * Keys made here are P-256; requests may bring EC P-256 or P-384 or RSA of 2048 to 4096
 * bits.  A request proves possession by its own signature and gives its key; all else it
 * asks for (subject, extensions) is ignored, so that no request can name itself.  Every
 * certificate has a random serial number of 127 bits, basicConstraints, key usage and
 * key identifiers; its dates are the caller's.
 *
 *   CA             CA:TRUE, pathlen 0; keyCertSign, cRLSign
 *   client         CN (a host id, or an administrator's name); clientAuth.  What somebody
 *                  may do is no matter of the certificate: roles live in the store
 *   server         CN and subjectAltName of DNS names and addresses; serverAuth
 */
#ifndef CRYPTO_X509_ISSUE_H
#define CRYPTO_X509_ISSUE_H

#include <time.h>

#include "crypto/pubkey.h"

/** key_create(pem, e): A fresh P-256 private key, PKCS#8 in PEM. */
MUST_CHECK int key_create(struct buf *pem, struct err *e);

/** ca_create(key, cn, from, to, cert, e): Self-signed, over the PEM private key ${key};
 * PEM appended to ${cert}. */
MUST_CHECK int ca_create(struct span key, const char *cn, time_t from, time_t to,
    struct buf *cert, struct err *e);

/** issuer_open(cert, key, i, e): A CA's certificate and private key, both PEM; ERR_MISMATCH
 * if they do not belong together, ERR_KEY if the certificate is none of a CA. */
struct issuer;
MUST_CHECK int issuer_open(struct span cert, struct span key, struct issuer **i, struct err *e);
void issuer_free(struct issuer *i);
struct span issuer_cert(const struct issuer *i);		/* DER */

/* A certificate request (PKCS#10, RFC 2986). */
struct csr;
/** csr_parse(in, c, e): DER or PEM.  ERR_SIGNATURE if it is not signed by the key it asks
 * for, ERR_KEY for a key that is not accepted, ERR_TRAILING for bytes behind it. */
MUST_CHECK int csr_parse(struct span in, struct csr **c, struct err *e);
void csr_free(struct csr *c);
const struct pubkey *csr_key(const struct csr *c);
struct span csr_der(const struct csr *c);
/** csr_create(key, cn, der, e): For the PEM private key ${key}; DER appended. */
MUST_CHECK int csr_create(struct span key, const char *cn, struct buf *der, struct err *e);

enum cert_kind { CERT_CLIENT = 1, CERT_SERVER };

struct cert_order {
	enum cert_kind kind;
	const struct pubkey *key;
	const char *cn;			/* 1 to 64 characters of printable ASCII */
	const char *const *names;	/* CERT_SERVER: DNS names and addresses as text */
	size_t n_names;
	time_t from, to;
};

/** cert_issue(i, order, der, e): DER appended to ${der}.  ERR_RANGE for dates that lie
 * outside the CA's own or end before they begin; ERR_FORMAT for a name that is neither
 * a DNS name nor an address. */
MUST_CHECK int cert_issue(const struct issuer *i, const struct cert_order *order,
    struct buf *der, struct err *e);

static inline void
issuer_freep(struct issuer **i)
{
	issuer_free(*i);
}
static inline void
csr_freep(struct csr **c)
{
	csr_free(*c);
}
#define ISSUER_AUTO __attribute__((cleanup(issuer_freep)))
#define CSR_AUTO __attribute__((cleanup(csr_freep)))

#endif
