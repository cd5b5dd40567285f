/* ek_cert.h: certificates of TPM keys (EK, IDevID, IAK) as vendors really make them.
 *
 * What is read leniently, because sold hardware has it, and recorded as a quirk:
 *
 *   an RSA key under the OID of RSAES-OAEP instead of rsaEncryption
 *   an empty subject, the TPM being named in a subjectAltName directoryName (critical, as
 *   RFC 5280 4.1.2.6 asks): manufacturer 2.23.133.2.1, model .2, version .3
 *   negative or zero serial numbers, and long ones; serials are never used as names
 *   an end of 9999-12-31 (RFC 5280 4.1.2.5: none)
 *   no extended key usage
 *
 * What is not: bytes behind the certificate (formats/ek_cert_file.h strips what NV adds),
 * keys below crypto/pubkey.h's measure, a key usage that excludes what an endorsement
 * key does, an extended key usage without 2.23.133.8.1, a CA, a critical extension that
 * is not understood.  Parsing says what is there; ek_cert_fault judges.
 */
#ifndef CRYPTO_EK_CERT_H
#define CRYPTO_EK_CERT_H

#include "crypto/pubkey.h"

enum {
	EK_QUIRK_OAEP_KEY = 1u << 0,
	EK_QUIRK_EMPTY_SUBJECT = 1u << 1,
	EK_QUIRK_SERIAL = 1u << 2,	/* zero, negative or over 20 octets */
	EK_QUIRK_NO_END = 1u << 3,
	EK_QUIRK_NO_EKU = 1u << 4,
	EK_QUIRK_NO_TPM_NAME = 1u << 5,	/* no manufacturer in it */
};

enum {
	EK_USE_SIGNATURE = 1u << 0, EK_USE_KEY_ENCIPHERMENT = 1u << 1, EK_USE_KEY_AGREEMENT = 1u << 2,
	EK_USE_CERT_SIGN = 1u << 3, EK_USE_OTHER = 1u << 4,
};

enum {
	EK_PURPOSE_EK = 1u << 0,	/* 2.23.133.8.1 tcg-kp-EKCertificate */
	EK_PURPOSE_AIK = 1u << 1,	/* 2.23.133.8.3 tcg-kp-AIKCertificate */
	EK_PURPOSE_OTHER = 1u << 2,
};

struct ek_cert {
	struct buf der;			/* owned */
	struct pubkey *key;		/* owned */
	char *subject, *issuer;		/* owned; RFC 2253, control characters escaped */
	char *serial;			/* owned; hex, "-" before a negative one */
	char *manufacturer, *model, *version;	/* owned; "" if not said; UTF-8 */
	char *device;			/* owned; serialNumber of the subject, "" if none */
	time_t not_before, not_after;
	bool has_usage, has_purpose, ca;
	unsigned usage;			/* EK_USE_*, if has_usage */
	unsigned purpose;		/* EK_PURPOSE_*, if has_purpose */
	unsigned quirks;
	char critical[64];		/* OID of a critical extension not understood, or "" */
};

/** ek_cert_parse(der, c, e): One certificate, nothing behind it.  ${c} is untouched on
 * failure; end with ek_cert_free. */
MUST_CHECK int ek_cert_parse(struct span der, struct ek_cert *c, struct err *e);
void ek_cert_free(struct ek_cert *c);

/** ek_cert_fault(c), iak_cert_fault(c): Why it is no certificate of an endorsement key
 * (of an attestation key), as a sentence's end ("is for a CA"); NULL if it is one.
 * Neither chain nor time is looked at. */
const char *ek_cert_fault(const struct ek_cert *c);
const char *iak_cert_fault(const struct ek_cert *c);

/** ek_cert_dump(c, b): Stable lines of text. */
void ek_cert_dump(const struct ek_cert *c, struct buf *b);

#define EK_CERT_AUTO __attribute__((cleanup(ek_cert_free)))

#endif
