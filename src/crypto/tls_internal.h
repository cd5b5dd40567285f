/* tls_internal.h: what the two sides of tls.h share.  For crypto/tls*.c only. */
#ifndef CRYPTO_TLS_INTERNAL_H
#define CRYPTO_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "crypto/tls.h"

/** tls_ctx_new(server, out, e): TLS 1.3 only, our groups, suites and modes. */
MUST_CHECK int tls_ctx_new(bool server, SSL_CTX **out, struct err *e);

/** tls_ctx_identity(ctx, chain, key, e): Certificate, intermediates and the key that fits. */
MUST_CHECK int tls_ctx_identity(SSL_CTX *ctx, struct span chain, struct span key, struct err *e);

/** tls_ctx_anchors(ctx, pem, what, names, e): Every certificate of ${pem} as an anchor; their
 * names are what a client is told to choose by, if ${names}. */
MUST_CHECK int tls_ctx_anchors(SSL_CTX *ctx, struct span pem, const char *what, bool names,
    struct err *e);

static inline void
tls_ctx_freep(SSL_CTX **c)
{
	SSL_CTX_free(*c);
}
#define TLS_CTX_AUTO __attribute__((cleanup(tls_ctx_freep)))

#endif
