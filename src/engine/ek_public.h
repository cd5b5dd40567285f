/* ek_public.h: the endorsement key's public area, as the server computes it.
 *
 * Where a certificate says which key a TPM's endorsement key is, the whole TPMT_PUBLIC
 * follows from a standard template; the area that a client sends is only compared with
 * it.  Relying on the client's area instead was CVE-2021-3406: a challenge made for a
 * software key with a genuine certificate beside it proves nothing.
 */
#ifndef ENGINE_EK_PUBLIC_H
#define ENGINE_EK_PUBLIC_H

#include "engine/attest_key.h"
#include "formats/ek_template.h"

/** ek_public_expected(t, key, stripped, b, e): The TPMT_PUBLIC of ${key} under template ${t}.
 * ${stripped}: coordinates without leading zeros, as older TPMs write them.
 * ERR_MISMATCH if the key is not of the template's kind. */
MUST_CHECK int ek_public_expected(const struct ek_template *t, const struct pubkey *key,
    bool stripped, struct buf *b, struct err *e);

/** ek_public_match(p, key, t, e): Whether the client's area is, byte for byte, what some
 * template makes of the certificate's ${key}; ${*t} is that template, else NULL. */
MUST_CHECK int ek_public_match(const struct tpm_public *p, const struct pubkey *key,
    const struct ek_template **t, struct err *e);

/** ek_host_id(p, out, e): The first 32 hex digits of the SHA-256 of the TPMT_PUBLIC. */
enum { HOST_ID_SIZE = 32 + 1 };
MUST_CHECK int ek_host_id(const struct tpm_public *p, char out[HOST_ID_SIZE], struct err *e);

/** ek_host_id_valid(s): 32 lower-case hex digits and nothing else. */
bool ek_host_id_valid(struct span s);

/** ek_credential(ek, key, name, secret, id_object, encrypted, e): A challenge that only the
 * TPM of ${ek} opens while it holds the object ${name}: TPM2B_ID_OBJECT and
 * TPM2B_ENCRYPTED_SECRET appended.  ${key} is ek's (tpm_public_key). */
MUST_CHECK int ek_credential(const struct tpm_public *ek, const struct pubkey *key,
    const struct tpm_name *name, struct span secret, struct buf *id_object,
    struct buf *encrypted, struct err *e);

#endif
