/* tpm.h: what the agent asks of a TPM 2.0: its identity, quotes, extends.
 *
 * The one part of the program that speaks to a TPM beyond asking what it is
 * (port/tpm_probe.h does that), through the enhanced system API of tpm2-tss; any
 * TCTI string that its loader knows will do ("device:/dev/tpmrm0",
 * "swtpm:path=/run/x/sock", "swtpm:host=localhost,port=2321").
 *
 * Promises: each call leaves the TPM as it found it.  Objects and sessions are
 * flushed on every path, because a session left behind ends quoting some thousand
 * quotes later.  A TPM that is busy (RETRY, TESTING, YIELDED, NV_RATE, LOCKOUT) or
 * whose connection breaks is asked again, newly connected, with growing pauses, for
 * TPM_PATIENCE_MS at most; after that the answer is ERR_TPM with what the TPM said,
 * and the next call begins afresh: no fault is for ever.
 *
 * Refused: authorization values.  Hierarchies with a password of their own are an
 * error with a hint; the agent has no place to keep such a secret.
 *
 * What it returns are bytes as the TPM made them (TPM2B_PUBLIC, TPMS_ATTEST, ...),
 * to be parsed by formats/tpm_*; nothing here judges them.
 *
 * SIGPIPE must be ignored by the program: a simulator may go away while written to.
 */
#ifndef PORT_TPM_TPM_H
#define PORT_TPM_TPM_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "formats/tpm_caps.h"

/* How long a call goes on asking a TPM that does not do what it is asked. */
#define TPM_PATIENCE_MS 6000

struct tpm;

/** tpm_open(tcti, t, e): Connects, to see whether there is a TPM; for one that does not
 * answer it waits TPM_OPEN_PATIENCE_MS. */
#define TPM_OPEN_PATIENCE_MS 1000
MUST_CHECK int tpm_open(const char *tcti, struct tpm **t, struct err *e);

/** tpm_release(t): Close the connection, but keep what makes the next call quick.  The
 * next call connects again.  Between pieces of work others shall have the TPM: a
 * simulator and /dev/tpm0 serve one at a time. */
void tpm_release(struct tpm *t);
void tpm_close(struct tpm *t);

/** tpm_patience(t, ms): Another patience than TPM_PATIENCE_MS. */
void tpm_patience(struct tpm *t, unsigned ms);

/** tpm_shutdown(t, e): What a kernel says before power goes (TPM2_Shutdown CLEAR, Part 3 clause
 * 9.4), so that the clock of a simulator that is about to end is kept.  Never of a machine's TPM. */
MUST_CHECK int tpm_shutdown(struct tpm *t, struct err *e);

/** tpm_caps(t, caps, e): As tpm_probe, over this connection. */
MUST_CHECK int tpm_caps(struct tpm *t, struct tpm_caps *caps, struct err *e);

/* Endorsement keys by their templates (TCG EK Credential Profile 2.5, annex B).  The
 * order is the one in which TPM_EK_ANY looks for a certificate; it is part of what a
 * host's identity is made of, so it is for ever. */
enum tpm_ek_kind {
	TPM_EK_ANY = 0,
	TPM_EK_RSA2048,		/* L-1: certificate in NV 01c00002 */
	TPM_EK_P256,		/* L-2: 01c0000a */
	TPM_EK_RSA2048_H,	/* H-1: 01c00012 */
	TPM_EK_P256_H,		/* H-2: 01c00014 */
	TPM_EK_P384,		/* H-3: 01c00016 */
	TPM_EK_RSA3072,		/* H-6: 01c0001c */
	TPM_EK_KINDS
};
const char *tpm_ek_name(enum tpm_ek_kind kind);		/* "rsa2048", ...; "any" */
enum tpm_ek_kind tpm_ek_by_name(struct span name);	/* TPM_EK_KINDS: no such name */

/* Certificates as NV has them: a leaf may stand behind a TCG header or before padding. */
#define TPM_EK_CERTS LIMIT_ATTEST_CHAIN
struct tpm_ek {
	enum tpm_ek_kind kind;		/* never ANY once filled */
	struct buf public;		/* TPM2B_PUBLIC */
	size_t n_certs;			/* 0: the TPM has no certificate for this key */
	struct buf certs[TPM_EK_CERTS];	/* leaf first, then the chain of NV 01c00100-1ff */
};
void tpm_ek_free(struct tpm_ek *ek);

/** tpm_ek(t, kind, ek, e): The endorsement key of a kind.  TPM_EK_ANY takes the first
 * with a certificate, else the first the TPM can make. */
MUST_CHECK int tpm_ek(struct tpm *t, enum tpm_ek_kind kind, struct tpm_ek *ek, struct err *e);

/** tpm_nv_read(t, index, max, out, e): All of an NV index that may be read without a
 * secret, in pieces the TPM can give; appended to ${out}. */
MUST_CHECK int tpm_nv_read(struct tpm *t, uint32_t index, size_t max, struct buf *out,
    struct err *e);

/* Attestation keys: restricted signing keys below a storage key of the endorsement
 * hierarchy.  There resetCount, restartCount and the firmware version of what they sign
 * are not obfuscated (Part 1, "Attestation Data"; Part 2, TPMS_CLOCK_INFO), and the
 * owner of the machine can clear the TPM's storage hierarchy without losing the key.
 * The parent is ECC P-256, because a TPM makes one in a tenth of the time of an RSA EK. */
enum tpm_ak_kind { TPM_AK_P256 = 0, TPM_AK_RSA2048 };
struct tpm_ak {
	struct buf public;	/* TPM2B_PUBLIC */
	struct buf private;	/* TPM2B_PRIVATE: of use to this TPM only */
	uint32_t handle;	/* persistent, where a maker left it; 0: loaded from private */
	bool made;		/* made by this call, not loaded */
};
void tpm_ak_free(struct tpm_ak *ak);

/** tpm_ak(t, dir, kind, ak, e): The key kept in ${dir} (ak.pub, ak.priv: the forms of
 * tpm2_load), made there if there is none.  It was loaded once, so it is of this TPM.
 * ERR_MISMATCH: it is another TPM's, or this one was cleared since. */
MUST_CHECK int tpm_ak(struct tpm *t, const char *dir, enum tpm_ak_kind kind, struct tpm_ak *ak,
    struct err *e);

/** tpm_ak_at(t, handle, ak, e): A key that is in the TPM for good, such as a maker's IAK.  ERR_NOT_FOUND:
 * there is none; ERR_UNSUPPORTED: it takes a policy that we do not have to activate a credential. */
MUST_CHECK int tpm_ak_at(struct tpm *t, uint32_t handle, struct tpm_ak *ak, struct err *e);

/** tpm_ak_forget(dir, e): Move a key that is of no more use aside (ak.pub.old, ak.priv.old). */
MUST_CHECK int tpm_ak_forget(const char *dir, struct err *e);

/** tpm_activate(t, kind, ak, credential, secret, out, e): What a registrar sealed to this
 * EK and this AK: ${credential} is a TPM2B_ID_OBJECT, ${secret} a TPM2B_ENCRYPTED_SECRET.
 * ERR_MISMATCH: it was made for others. */
MUST_CHECK int tpm_activate(struct tpm *t, enum tpm_ek_kind kind, const struct tpm_ak *ak,
    struct span credential, struct span secret, struct buf *out, struct err *e);

struct tpm_quote {
	struct buf attest;		/* TPMS_ATTEST, as signed */
	struct buf signature;		/* TPMT_SIGNATURE */
	enum digest_alg bank;
	uint32_t mask;
	uint8_t pcrs[LIMIT_PCRS][LIMIT_DIGEST];	/* by number; those of the mask count */
	bool agree;			/* the values are those the quote is over */
};
void tpm_quote_free(struct tpm_quote *q);

/** tpm_quote(t, ak, nonce, bank, mask, q, e): PCRs move while they are read; quoting and
 * reading are repeated a few times until the values' digest is the quoted one.  On a
 * machine that extends without pause it may never be: then ${q} is a good quote whose
 * values do not agree, which is for the caller to leave out. */
MUST_CHECK int tpm_quote(struct tpm *t, const struct tpm_ak *ak, struct span nonce,
    enum digest_alg bank, uint32_t mask, struct tpm_quote *q, struct err *e);

/** tpm_pcr_read(t, bank, mask, values, e): Values by PCR number. */
MUST_CHECK int tpm_pcr_read(struct tpm *t, enum digest_alg bank, uint32_t mask,
    uint8_t values[LIMIT_PCRS][LIMIT_DIGEST], struct err *e);

/** tpm_pcr_extend(t, pcr, digests, n, e): One digest for each of several banks, in one
 * command.  If the connection breaks on the way, the PCR tells whether the TPM had done
 * it, so that nothing is extended twice; ERR_TPM says so where it cannot be told. */
MUST_CHECK int tpm_pcr_extend(struct tpm *t, unsigned pcr, const struct digest *digests, size_t n,
    struct err *e);

static inline void
tpm_closep(struct tpm **t)
{
	tpm_close(*t);
}
#define TPM_AUTO __attribute__((cleanup(tpm_closep)))
#define TPM_EK_AUTO __attribute__((cleanup(tpm_ek_free)))
#define TPM_AK_AUTO __attribute__((cleanup(tpm_ak_free)))
#define TPM_QUOTE_AUTO __attribute__((cleanup(tpm_quote_free)))

#endif
