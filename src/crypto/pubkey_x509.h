/* pubkey_x509.h: what is behind a public or private key, as OpenSSL has it.  For crypto/ only. */
#ifndef CRYPTO_PUBKEY_X509_H
#define CRYPTO_PUBKEY_X509_H

#include <openssl/x509.h>

#include "crypto/pubkey.h"

/** pubkey_x509(key): Borrowed; NULL for a bare key. */
X509 *pubkey_x509(const struct pubkey *key);

/** pubkey_pkey(key), privkey_pkey(key): Borrowed. */
EVP_PKEY *pubkey_pkey(const struct pubkey *key);
EVP_PKEY *privkey_pkey(const struct privkey *key);

/** pubkey_from_pkey(pkey, key, e): Takes ${pkey} over, on failure too. */
MUST_CHECK int pubkey_from_pkey(EVP_PKEY *pkey, struct pubkey **key, struct err *e);

#endif
