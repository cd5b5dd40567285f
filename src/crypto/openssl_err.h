/* openssl_err.h: OpenSSL's error queue, drained into one of ours.  For crypto/ only. */
#ifndef CRYPTO_OPENSSL_ERR_H
#define CRYPTO_OPENSSL_ERR_H

#include "base/err.h"

/** openssl_err(e, code, fmt, ...): The message, with OpenSSL's newest reason behind
 * it; the queue is empty afterwards.  Returns ${code}. */
int openssl_err(struct err *e, int code, const char *fmt, ...) ERR_PRINTF(3, 4);

#endif
