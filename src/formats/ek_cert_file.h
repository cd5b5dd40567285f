/* ek_cert_file.h: the forms in which endorsement certificates are found, opened to DER.
 *
 *   FORM          WHERE                      BYTES
 *   DER           NV, files                  30 82 len ...; several may follow each other
 *                                            (chains in NV 01c00100 to 01c001ff)
 *   TCG header    NV of older TPMs           10 01 00 len(2, big-endian) before the DER
 *                                            (TCG_PCCLIENT_STORED_CERT, full certificate);
 *                                            10 02 may stand before the DER, counted in len
 *   NV padding    NV larger than its content 00 or ff up to the end
 *   PEM           files                      "CERTIFICATE" blocks, text around them ignored
 *   Intel JSON    answers of Intel's service {"certificate": "..."}: base64 of the url-safe
 *                                            alphabet, percent-encoded, padded or not
 *
 * Which were met is recorded.  Anything else behind a certificate is an error: bytes
 * nobody understands are not stepped over.  Whether what is inside is a certificate is
 * crypto/'s to say: here only the outermost DER length is read (definite, minimal).
 */
#ifndef FORMATS_EK_CERT_FILE_H
#define FORMATS_EK_CERT_FILE_H

#include "base/arena.h"
#include "base/limits.h"

enum {
	EK_FORM_TCG_HEADER = 1u << 0,
	EK_FORM_PADDING = 1u << 1,
	EK_FORM_PEM = 1u << 2,
	EK_FORM_JSON = 1u << 3,
};

struct ek_cert_file {
	size_t n;
	struct span der[LIMIT_CERT_CHAIN];	/* into the input or the arena */
	unsigned forms;				/* EK_FORM_* that were met */
};

/** ek_cert_file_parse(in, a, out, e): At least one certificate, or an error. */
MUST_CHECK int ek_cert_file_parse(struct span in, struct arena *a, struct ek_cert_file *out,
    struct err *e);

#endif
