/* pubkey_x509.h: the certificate behind a public key, as OpenSSL has it.  For crypto/ only. */
#ifndef CRYPTO_PUBKEY_X509_H
#define CRYPTO_PUBKEY_X509_H

#include <openssl/x509.h>

#include "crypto/pubkey.h"

/** pubkey_x509(key): Borrowed; NULL for a bare key. */
X509 *pubkey_x509(const struct pubkey *key);

#endif
