/* attest_key.h: the attestation key, from whatever form the user has, and TPM names.
 *
 * A PEM or DER key or certificate is a key and no more.  A TPM2B_PUBLIC (or a bare
 * TPMT_PUBLIC) also says what the TPM lets the key do, and which scheme it is
 * bound to; the checks of a quote then ask for both.
 *
 * The file's bytes must outlive the struct.  End with attest_key_free.
 */
#ifndef ENGINE_ATTEST_KEY_H
#define ENGINE_ATTEST_KEY_H

#include "crypto/pubkey.h"
#include "formats/tpm_public.h"

struct attest_key {
	struct pubkey *key;		/* owned */
	bool has_area;			/* the next one counts */
	struct tpm_public area;
};

/** attest_key_parse(in, ak, e): PEM, DER, TPM2B_PUBLIC or TPMT_PUBLIC, told apart by
 * content.  Bytes behind a public area are left in area.trailing, for the check. */
MUST_CHECK int attest_key_parse(struct span in, struct attest_key *ak, struct err *e);
void attest_key_free(struct attest_key *ak);

/** tpm_public_key(p, key, e): The key of a public area; ERR_KEY for a curve or size that
 * crypto/ does not accept, or a size that is not the modulus's. */
MUST_CHECK int tpm_public_key(const struct tpm_public *p, struct pubkey **key, struct err *e);

/* An object's name: nameAlg || H(TPMT_PUBLIC) (Part 1, clause "Names"). */
struct tpm_name {
	size_t n;
	uint8_t v[LIMIT_TPM_NAME];
};

static inline struct span
tpm_name_view(const struct tpm_name *name)
{
	return span_of(name->v, name->n);
}

/** tpm_public_name(p, name, e): Computed here, never taken from who sent the area. */
MUST_CHECK int tpm_public_name(const struct tpm_public *p, struct tpm_name *name, struct err *e);

/** tpm_qualified_name(parent, name, out, e): nameAlg || H(QN of parent || name), with the
 * hash of ${name} (Part 1, clause "Qualified Name").  The parent of a primary key is
 * its hierarchy, whose qualified name is its handle: 4000000b for the endorsement. */
MUST_CHECK int tpm_qualified_name(struct span parent, const struct tpm_name *name,
    struct tpm_name *out, struct err *e);

#define ATTEST_KEY_AUTO __attribute__((cleanup(attest_key_free)))

#endif
