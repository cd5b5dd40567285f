/* x509_issue_internal.h: what requests and certificates have in common.  For crypto/ only. */
#ifndef CRYPTO_X509_ISSUE_INTERNAL_H
#define CRYPTO_X509_ISSUE_INTERNAL_H

#include <openssl/x509.h>

#include "crypto/pubkey.h"

/** issue_check_key(key, e): ERR_KEY unless it is one that certificates are issued for. */
MUST_CHECK int issue_check_key(const struct pubkey *key, struct err *e);

/** issue_check_cn(cn, e): 1 to 64 characters of printable ASCII (RFC 5280, ub-common-name). */
MUST_CHECK int issue_check_cn(const char *cn, struct err *e);

/** issue_set_cn(name, cn): A common name alone, UTF8String. */
MUST_CHECK bool issue_set_cn(X509_NAME *name, const char *cn);

#endif
